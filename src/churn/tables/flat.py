"""One flat file, already one row per customer: a table whose columns the file itself decides by its cells."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb
import pandas as pd

from churn.config import FlatFile, TableSource
from churn.errors import ConfigError, DataError, MissingColumnError
from churn.tables import cells, checking, contract, database, reading, sources
from churn.tables.checking import HINTS, Checked, Finding, RowCount, describe_rule
from churn.tables.reading import RawTable
from churn.tables.sources import Source

FlatKind = Literal["number", "text"]
Labels = Literal["needed", "if there", "where known", "unread"]
# A column is a number when at least this share of its filled cells are; rows with other cells are left out.
NUMBER_SHARE = 0.95
MOST_LABEL_VALUES = 20
# A column of strings with more values than these, and a different one for more than half the customers, holds names
# or numbers of theirs: it would say nothing of others, and travel with the model.
MOST_LEVELS, NAME_SHARE = 100, 0.5


class FlatRows(NamedTuple):
    """Customers of a flat file: id, outcome, and features under the file's own names.

    Numbers are float64, all else strings. Outcomes are 0, 1, or NaN where not known; None where none is read.
    """

    customer_id: pd.Series
    churned: pd.Series | None
    features: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class FlatTable(Checked):
    """A checked flat file.

    Attributes
    ----------
    kinds
        The feature columns in the file's order, and whether each is a number or a string.
    has_label
        Whether the label's column was there and asked for.
    """

    kinds: Mapping[str, FlatKind]
    has_label: bool

    def rows(self, between: tuple[str, str] | None = None) -> FlatRows:
        """Return the customers, sorted by `customer_id`; `between` keeps those whose id lies in that closed range."""
        inner = [column.name for column in _feature_columns(self.kinds)]
        columns = ["customer_id", *(["churned"] if self.has_label else []), *inner]
        where = (
            f" WHERE customer_id BETWEEN {cells.quote_text(between[0])} AND {cells.quote_text(between[1])}"
            if between
            else ""
        )
        frame = self.connection.execute(f"SELECT {', '.join(columns)} FROM flat{where} ORDER BY customer_id").df()
        # The file's own names come last: one of them may be `churned` too.
        features = frame[inner].set_axis(list(self.kinds), axis="columns")
        return FlatRows(frame["customer_id"], frame["churned"].astype("float64") if self.has_label else None, features)


@contextmanager
def open_flat(
    path: Path, flat: FlatFile, *, kinds: Mapping[str, FlatKind] | None = None, labels: Labels
) -> Iterator[FlatTable]:
    """Read and check one flat file; the database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV or Parquet file with one row per customer.
    kinds
        The features a model was trained on. When absent, every column the configuration does not name otherwise
        is a feature, and its cells decide whether it is a number.
    labels
        Whether the label is read: "needed", then a file without it is refused and a row without it is left out;
        "if there", the same where its column says of anybody that they left; "where known", then a row without it
        stays; or "unread".

    Raises
    ------
    DataError
        No such file, a file that cannot be read, or no usable row.
    MissingColumnError
        A column of the configuration, or of `kinds`, is missing.
    ConfigError
        The label never has the value the configuration calls churned, or is not a label.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the customer file")
    source = sources.source_of("flat", path.absolute())  # the reading process may stand in another folder
    threads = database.choose_threads(n_bytes := path.stat().st_size)
    with database.scratch_folder() as scratch:
        raw, names, kinds, has_label = database.run_apart(
            lambda: str(path), n_bytes, _load, scratch, source, flat, kinds, labels, threads
        )
        with database.open_database(scratch, threads) as connection:
            checking.create_quarantine(connection)
            count, findings = checking.check_table(connection, raw)
            outer = _outer_names(flat, kinds)
            findings = [replace(finding, column=outer.get(finding.column, finding.column)) for finding in findings]
            _require_rows(path, flat, count, findings)
            n_ignored = len(set(names) - {flat.id, flat.label, *flat.drop} - set(kinds))
            yield FlatTable(
                connection=connection,
                raws={"flat": raw},
                row_counts={"flat": count},
                findings=findings,
                ignored_columns={"flat": n_ignored} if n_ignored else {},
                names=outer,
                kinds=kinds,
                has_label=has_label,
            )


def _require_rows(path: Path, flat: FlatFile, count: RowCount, findings: Sequence[Finding]) -> None:
    wanted = f"it needs one row per customer, each with its own {flat.id}"
    if not count.rows:
        raise DataError(f"{path}: is empty; {wanted}")
    if not count.used:
        worst = max(findings, key=lambda finding: finding.count)
        hint = HINTS["formula_without_value"] if worst.rule == "formula_without_value" else wanted
        raise DataError(f"{path}: has no usable row among {count.rows:,} ({describe_rule(worst)}); {hint}")


def _load(
    scratch: Path, source: Source, flat: FlatFile, kinds: Mapping[str, FlatKind] | None, labels: Labels, threads: int
) -> tuple[RawTable, list[str], Mapping[str, FlatKind], bool]:
    """Read the file into the database of the scratch folder; runs in a process of its own.

    Gives, too, the file's columns, the kind of every feature (`kinds` where given), and whether the label is read.

    Raises
    ------
    MissingColumnError
        A column of the configuration, or of `kinds`, is missing.
    ConfigError
        The label never has the value the configuration calls churned, or is not a label; a column holds names.
    """
    mapping = TableSource(encoding=flat.encoding, sheet=flat.sheet, totals=flat.totals)
    with database.open_database(scratch, threads) as connection:
        with sources.as_readable(source, mapping, scratch) as readable:
            names = readable.names
            _require_columns(source, flat, names, [flat.id, *([flat.label] if labels == "needed" else [])], "[flat]")
            own = [*flat.bindings, *([flat.coverage] if flat.coverage else [])] if kinds is None else list(kinds)
            _require_columns(source, flat, names, own, "[flat]" if kinds is None else "the model")
            scan = reading.scan_source(source, readable)
            with reading.as_data_error(source):
                types = reading.column_types(connection, scan)
                texts = {name: cells.known_text(cells.cell_text(*one)) for name, one in zip(names, types, strict=True)}
                reads_label = labels != "unread" and flat.label in names
                values = _label_values(connection, scan, texts[flat.label], flat, source, labels) if reads_label else {}
                kinds = kinds or _find_kinds(connection, scan, texts, flat, source)
                connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        mapping = mapping.model_copy(update={"columns": _outer_names(flat, kinds), "values": {"churned": values}})
        raw = reading.load_table(connection, _flat_table(kinds, values, labels), [source], mapping, scratch)
        return raw, names, kinds, bool(values)


def _flat_table(kinds: Mapping[str, FlatKind], values: Mapping[str, str], labels: Labels) -> contract.Table:
    # Unread, the label is not a column at all: a file may have one of the name "churned" that is not in our terms.
    may_be_empty = labels == "where known"
    label = (
        (contract.TableColumn("churned", "code", required=False, nullable=may_be_empty, values=("0", "1")),)
        if values
        else ()
    )
    columns = (contract.TableColumn("customer_id", "id"), *label, *_feature_columns(kinds))
    return contract.Table("flat", columns, key=("customer_id",), references=())


def _feature_columns(kinds: Mapping[str, FlatKind]) -> tuple[contract.TableColumn, ...]:
    # A file's own names may differ in case alone, or be those of the columns beside them: inside they are numbered.
    return tuple(contract.TableColumn(f"feature_{i}", kind, nullable=True) for i, kind in enumerate(kinds.values()))


def _outer_names(flat: FlatFile, kinds: Mapping[str, FlatKind]) -> dict[str, str]:
    inner = (column.name for column in _feature_columns(kinds))
    return {"customer_id": flat.id, "churned": flat.label, **dict(zip(inner, kinds, strict=True))}


def _require_columns(source: Source, flat: FlatFile, names: Sequence[str], wanted: Sequence[str], by: str) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise MissingColumnError(
            f"{source.path}: column {', '.join(missing[:5])}, which {by} needs, is missing;"
            f" {sources.list_columns(names, [flat.id, flat.label, *wanted])}"
        )


def _find_kinds(
    connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str], flat: FlatFile, source: Source
) -> dict[str, FlatKind]:
    features = [name for name in texts if name not in {flat.id, flat.label, *flat.drop}]
    if not features:
        return {}
    shares = ", ".join(
        f"count({cells.number_value(texts[name])}) >= {NUMBER_SHARE} * count({texts[name]})" for name in features
    )
    is_number = database.fetch_row(connection, f"SELECT {shares} FROM {scan}")
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
    numbers = database.fetch_row(connection, f"SELECT {counted} FROM {scan}")
    for name, n_values, n_filled in zip(texts, numbers[::2], numbers[1::2], strict=True):
        if n_values > MOST_LEVELS and n_values > NAME_SHARE * n_filled:
            raise ConfigError(
                f"{source.path}: column {name} has {n_values:,} strings among {n_filled:,} customers, as names have;"
                " list it under drop in [flat]"
            )


def _label_values(
    connection: duckdb.DuckDBPyConnection, scan: str, text: str, flat: FlatFile, source: Source, labels: Labels
) -> dict[str, str]:
    query = f"SELECT DISTINCT {text} AS label FROM {scan} WHERE label IS NOT NULL LIMIT {MOST_LABEL_VALUES + 1}"
    values = [value for (value,) in connection.execute(query).fetchall()]
    says_nothing = len(values) > MOST_LABEL_VALUES or flat.churned not in values
    if says_nothing and labels == "where known":
        return {}
    if len(values) > MOST_LABEL_VALUES:
        raise ConfigError(
            f"{source.path}: column {flat.label} has more than {MOST_LABEL_VALUES} values, so it is not a label;"
            " fix flat.label in the configuration"
        )
    if flat.churned not in values:
        if labels != "needed":  # nobody has left yet, or nobody knows
            return {}
        raise ConfigError(
            f"{source.path}: column {flat.label} never has the value that flat.churned names;"
            " fix flat.churned in the configuration"
        )
    # a string that is not one of the label's is an unknown outcome
    empty = dict.fromkeys((*cells.EXCEL_ERRORS, cells.UNSAVED), "") if labels == "where known" else {}
    return {value: "1" if value == flat.churned else "0" for value in values} | empty
