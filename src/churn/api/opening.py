"""What a model is given: a folder of tables or one flat file, opened, and held against what it was trained on."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError, TimeRangeError
from churn.features.catalogue import catalogue
from churn.features.feature import Feature
from churn.frame import Snapshot, customer_snapshot, flat_snapshot, flat_snapshots, scored_snapshots
from churn.model.schema import encode
from churn.model.storage import StoredModel
from churn.tables.bank import Bank, open_bank
from churn.tables.flat import FlatTable, open_flat
from churn.tables.flat_columns import FlatKind


@dataclass(frozen=True)
class Source:
    """What a model is asked about: the customers in partitions, and the tables they are from.

    Attributes
    ----------
    table
        The open tables, or the open file.
    config
        The settings; those of a file have `flat`.
    snapshots
        The customers, to be gone through once.
    n_customers
        About how many there are.
    catalogue
        The features of a bank; empty for a file, whose columns mean what they mean.
    """

    table: Bank | FlatTable
    config: Config
    snapshots: Iterator[Snapshot]
    n_customers: int
    catalogue: tuple[Feature, ...]


@contextmanager
def open_source(
    data: Path,
    stored: StoredModel,
    config: Config,
    as_of: dt.date | None,
    *,
    customer_id: str | None = None,
    needs_label: bool | None = True,
    data_end: dt.date | None = None,
    n_threads: int | None = None,
) -> Iterator[Source]:
    """Open what a model is to explain: a folder of tables, or the kind of flat file it was trained on.

    `needs_label` as for `open_flat`; for one customer of a file it is not read.

    Raises
    ------
    DataError, TimeRangeError, ConfigError
        As for `bank_source`, `file_source` and the opening of the data.
    """
    flat = config.flat or flat_of_model(stored)
    if flat is None or data.is_dir():
        require_bank_model(stored, config, as_of, str(data))
        with open_bank(data, config, data_end=data_end, n_threads=n_threads) as bank:
            yield bank_source(bank, stored, as_of, customer_id=customer_id)
        return
    require_file_model(stored, flat, as_of)
    with open_flat(
        data,
        flat,
        kinds=kinds_of_model(stored),
        needs_label=needs_label if customer_id is None else False,
        n_threads=n_threads,
    ) as file:
        yield file_source(file, stored, config, as_of, customer_id=customer_id)


def bank_source(bank: Bank, stored: StoredModel, as_of: dt.date | None, *, customer_id: str | None = None) -> Source:
    """Give an open bank's customers at a date, or one of them.

    Raises
    ------
    DataError, ConfigError
        As for `require_bank_model`; or there is no such customer.
    TimeRangeError
        No date, or one that lies too far after the data end.
    """
    date = require_bank_model(stored, bank.config, as_of, "bank")
    one = None if customer_id is None else customer_snapshot(bank, date, customer_id)
    snapshots = scored_snapshots(bank, date) if one is None else iter([one])
    return Source(bank, bank.config, snapshots, bank.row_counts["customers"].used, catalogue(bank.config))


def file_source(
    file: FlatTable, stored: StoredModel, config: Config, as_of: dt.date | None, *, customer_id: str | None = None
) -> Source:
    """Give an open file's customers, or one of them.

    Raises
    ------
    TimeRangeError, ConfigError
        As for `require_file_model`.
    """
    require_file_model(stored, file.flat, as_of)
    one = None if customer_id is None else flat_snapshot(file, (customer_id, customer_id))
    snapshots = flat_snapshots(file) if one is None else iter([one])
    return Source(file, config.model_copy(update={"flat": file.flat}), snapshots, file.row_count.used, ())


def look_ahead(source: Source, stored: StoredModel) -> Source:
    """Read the first partition before any long work, so that a wrong date or a missing column is known at once.

    Raises
    ------
    TimeRangeError
        Nobody is in the population, or the date lies too far after the data end.
    ModelError
        The features are not those the model was trained on.
    """
    first = next(source.snapshots)
    encode(first.features.iloc[:0], stored.model.schema)
    return replace(source, snapshots=chain([first], source.snapshots))


def require_bank_model(stored: StoredModel, config: Config, as_of: dt.date | None, where: str) -> dt.date:
    """Return the date, and refuse a model that a bank's tables are nothing to.

    Raises
    ------
    DataError
        The model was trained on a flat file.
    TimeRangeError
        There is no date.
    ConfigError
        As for `require_same_static`.
    """
    if flat_of_model(stored):
        raise DataError(f"{where}: the model was trained on a flat file; give such a file, not a folder")
    if as_of is None:
        raise TimeRangeError("--as-of is missing; give the date to explain at")
    require_same_static(stored, config)
    return as_of


def require_file_model(stored: StoredModel, flat: FlatFile, as_of: dt.date | None) -> None:
    """Refuse a date, and bindings that the model was trained without.

    Raises
    ------
    TimeRangeError
        There is a date.
    ConfigError
        A binding is no column of the model.
    """
    if as_of is not None:
        raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
    if unknown := [name for name in flat.bindings if name not in stored.model.schema.names]:
        raise ConfigError(f"[flat] bindings: the model was trained without {unknown[0]}; leave it out, or train again")


def flat_of_model(stored: StoredModel) -> FlatFile | None:
    """Return the flat file a model was trained on, as its manifest keeps it; None for a folder of tables."""
    section = stored.manifest.flat
    return FlatFile.model_validate(section) if section else None


def kinds_of_model(stored: StoredModel) -> dict[str, FlatKind]:
    """Return the features of a model and whether each is a number or a text."""
    schema = stored.model.schema
    return {name: "text" if name in schema.levels else "number" for name in schema.names}


def require_same_static(stored: StoredModel, config: Config) -> None:
    """Refuse a configuration that calls other columns of `customers` unchanging than the model's did.

    Raises
    ------
    ConfigError
        Features would be missing, or be made of another day's values.
    """
    theirs = list(stored.manifest.static)
    if sorted(theirs) != sorted(config.customers.static):
        raise ConfigError(
            f"the model was trained with [customers] static = {theirs}; give the same in the configuration (--config)"
        )


def row_counts(table: Bank | FlatTable) -> Mapping[str, dict[str, int]]:
    """Return rows, used and quarantined of every table."""
    return {name: asdict(count) for name, count in table.row_counts.items()}


def input_facts(table: Bank | FlatTable) -> dict[str, Any]:
    """Return what a manifest keeps of the input: files with hashes, row counts."""
    return {"inputs": table.file_facts(), "row_counts": row_counts(table)}
