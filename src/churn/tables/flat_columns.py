"""What the columns of one flat file are: its own cells decide."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import duckdb

from churn.config import FlatFile, TableSource
from churn.errors import ConfigError, MissingColumnError
from churn.tables.cells import cell_text, known_text, number_value
from churn.tables.database import fetch_row
from churn.tables.reading import as_data_error, column_types, scan_source
from churn.tables.sources import Source, as_readable, list_columns, read_header

FlatKind = Literal["number", "text"]
Labels = Literal["needed", "if there", "unread"]
# A column is a number when at least this share of its filled cells are; rows with other cells are left out.
NUMBER_SHARE = 0.95
MOST_LABEL_VALUES = 20
# A text with more values than these, and a different one for more than half the customers, is a name or a number
# of theirs: it would say nothing of others, and travel with the model.
MOST_LEVELS, NAME_SHARE = 100, 0.5


def probe_columns(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    mapping: TableSource,
    scratch: Path,
    flat: FlatFile,
    kinds: Mapping[str, FlatKind] | None,
    *,
    labels: Labels,
) -> tuple[list[str], Mapping[str, FlatKind], dict[str, str]]:
    """Return the file's columns, the kind of every feature (`kinds` where given), and the contract's value of labels.

    Raises
    ------
    MissingColumnError
        A column of the configuration, or of `kinds`, is missing.
    ConfigError
        The label never has the value the configuration calls churned, or is no label; a text is a name.
    """
    with as_readable(source, mapping, scratch) as readable:
        names, delimiter = read_header(source, readable.path)
        _require(source, flat, names, [flat.id, *([flat.label] if labels == "needed" else [])], "[flat]")
        reads_label = labels != "unread" and flat.label in names
        if kinds is None:
            _require(source, flat, names, [*flat.bindings, *([flat.coverage] if flat.coverage else [])], "[flat]")
        else:
            _require(source, flat, names, list(kinds), "the model")
        scan = scan_source(source, readable.path, names, delimiter)
        with as_data_error(source):
            types = column_types(connection, scan)
            texts = {name: known_text(cell_text(*found)) for name, found in zip(names, types, strict=True)}
            values = (
                _label_values(connection, scan, texts[flat.label], flat, source, must=labels == "needed")
                if reads_label
                else {}
            )
            kinds = kinds or _find_kinds(connection, scan, texts, flat, source)
            connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return names, kinds, values


def _require(source: Source, flat: FlatFile, names: Sequence[str], wanted: Sequence[str], by: str) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise MissingColumnError(
            f"{source.path}: column {', '.join(missing[:5])}, which {by} needs, is missing;"
            f" {list_columns(names, [flat.id, flat.label, *wanted])}"
        )


def _find_kinds(
    connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str], flat: FlatFile, source: Source
) -> dict[str, FlatKind]:
    features = [name for name in texts if name not in {flat.id, flat.label, *flat.drop}]
    if not features:
        return {}
    shares = ", ".join(
        f"count({number_value(texts[name])}) >= {NUMBER_SHARE} * count({texts[name]})" for name in features
    )
    is_number = fetch_row(connection, f"SELECT {shares} FROM {scan}")
    always = {*flat.bindings, flat.coverage}
    kinds: dict[str, FlatKind] = {
        name: "number" if number or name in always else "text" for name, number in zip(features, is_number, strict=True)
    }
    _require_no_names(connection, scan, {name: texts[name] for name, kind in kinds.items() if kind == "text"}, source)
    return kinds


def _require_no_names(
    connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str], source: Source
) -> None:
    if not texts:
        return
    counted = ", ".join(f"count(DISTINCT {text}), count({text})" for text in texts.values())
    numbers = fetch_row(connection, f"SELECT {counted} FROM {scan}")
    for name, n_values, n_filled in zip(texts, numbers[::2], numbers[1::2], strict=True):
        if n_values > MOST_LEVELS and n_values > NAME_SHARE * n_filled:
            raise ConfigError(
                f"{source.path}: column {name} has {n_values:,} texts among {n_filled:,} customers, as names have;"
                " list it under drop in [flat]"
            )


def _label_values(
    connection: duckdb.DuckDBPyConnection, scan: str, text: str, flat: FlatFile, source: Source, *, must: bool
) -> dict[str, str]:
    query = f"SELECT DISTINCT {text} AS label FROM {scan} WHERE label IS NOT NULL LIMIT {MOST_LABEL_VALUES + 1}"
    values = [value for (value,) in connection.execute(query).fetchall()]
    if len(values) > MOST_LABEL_VALUES:
        raise ConfigError(
            f"{source.path}: column {flat.label} has more than {MOST_LABEL_VALUES} values, so it is no label;"
            " mend flat.label in the configuration"
        )
    if flat.churned not in values:
        if not must:  # nobody has left yet, or nobody knows
            return {}
        raise ConfigError(
            f"{source.path}: column {flat.label} never has the value that flat.churned names;"
            " mend flat.churned in the configuration"
        )
    return {value: "1" if value == flat.churned else "0" for value in values}
