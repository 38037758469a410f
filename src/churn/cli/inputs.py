"""Opening what a command was given: a folder of tables or one flat file."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from churn.cli.console import note
from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError
from churn.frame import describe_losses
from churn.model.storage import StoredModel
from churn.tables.bank import Bank
from churn.tables.flat import FlatKind, FlatTable


def is_flat(data: Path, config: Config) -> bool:
    """Whether DATA is one flat file; a file without a `[flat]` section is refused.

    Raises
    ------
    ConfigError
        A file is given and the configuration does not describe it, or a folder and it does.
    DataError
        There is nothing at that path.
    """
    if not data.exists():
        raise DataError(f"{data}: no such file or folder; give the folder of the bank's tables, or one customer file")
    if data.is_dir():
        return False
    if config.flat is None:
        raise ConfigError(f"{data}: is one file; describe it in a [flat] section and give that with --config")
    return True


def flat_section(config: Config) -> FlatFile:
    """Return the configuration's `[flat]`.

    Raises
    ------
    ConfigError
        There is none.
    """
    if config.flat is None:
        raise ConfigError("the configuration has no [flat] section; add one that describes the file")
    return config.flat


def flat_of_model(stored: StoredModel) -> FlatFile | None:
    """Return the flat file a model was trained on, as its manifest keeps it; None for a folder of tables."""
    section = stored.manifest.get("flat")
    return FlatFile.model_validate(section) if section else None


def kinds_of_model(stored: StoredModel) -> dict[str, FlatKind]:
    """Return the features of a model and whether each is a number or a text."""
    schema = stored.model.schema
    return {name: "text" if name in schema.levels else "number" for name in schema.names}


def show_notes(table: Bank | FlatTable) -> None:
    """Say what was ignored, left out, or lost with tables that are not there."""
    for line in table.notes:
        note(f"note: {line}")
    if isinstance(table, Bank):
        for line in describe_losses(table):
            note(f"warning: {line}")


def row_counts(table: Bank | FlatTable) -> Mapping[str, dict[str, int]]:
    """Return rows, used and quarantined of every table."""
    counts = table.row_counts if isinstance(table, Bank) else {"flat": table.row_count}
    return {name: asdict(count) for name, count in counts.items()}


def input_facts(table: Bank | FlatTable) -> dict[str, Any]:
    """Return what a manifest keeps of the input: files with hashes, row counts."""
    return {"inputs": table.file_facts(), "row_counts": row_counts(table)}
