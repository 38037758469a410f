"""One flat file, already one row a customer: a table whose columns the file itself decides."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from churn.config import FlatFile, TableSource
from churn.errors import DataError
from churn.tables import checking
from churn.tables.cells import quote_text
from churn.tables.checking import Checked, Finding, RowCount
from churn.tables.contract import Column, Table
from churn.tables.database import open_database, scratch_folder
from churn.tables.flat_columns import FlatKind, Labels, probe_columns
from churn.tables.isolation import run_apart
from churn.tables.reading import RawTable, load_table
from churn.tables.sources import Source, source_of
from churn.threads import n_threads


class FlatRows(NamedTuple):
    """Customers of a flat file: id, outcome (0 or 1; None where not read), and features under the file's own names.

    Numbers are float64, texts are strings.
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
        The feature columns in the file's order, and whether each is a number or a text.
    has_label
        Whether the label's column was there and asked for.
    """

    kinds: Mapping[str, FlatKind]
    has_label: bool

    def rows(self, between: tuple[str, str] | None = None) -> FlatRows:
        """Return the customers, sorted by `customer_id`; `between` keeps those whose id lies in that closed range."""
        inner = [column.name for column in _feature_columns(self.kinds)]
        columns = ["customer_id", *(["churned"] if self.has_label else []), *inner]
        where = f" WHERE customer_id BETWEEN {quote_text(between[0])} AND {quote_text(between[1])}" if between else ""
        frame = self.connection.execute(f"SELECT {', '.join(columns)} FROM flat{where} ORDER BY customer_id").df()
        # The file's own names come last: one of them may be `churned` too.
        features = frame[inner].set_axis(list(self.kinds), axis="columns")
        return FlatRows(frame["customer_id"], frame["churned"].astype("int64") if self.has_label else None, features)


@contextmanager
def open_flat(
    path: Path,
    flat: FlatFile,
    *,
    kinds: Mapping[str, FlatKind] | None = None,
    labels: Labels,
) -> Iterator[FlatTable]:
    """Read and check one flat file; the database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV or Parquet file with one row a customer.
    kinds
        The features a model was trained on. When absent, every column the configuration does not name otherwise
        is a feature, and its cells decide whether it is a number.
    labels
        Whether the label is read: "needed", then a file without it is refused and a row without it is left out;
        "if there", where its column says of anybody that they left; or "unread".

    Raises
    ------
    DataError
        No such file, a file that cannot be read, or no usable row.
    MissingColumnError
        A column of the configuration, or of `kinds`, is missing.
    ConfigError
        The label never has the value the configuration calls churned, or is no label.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the customer file")
    source = source_of("flat", path.absolute())  # the reading process may stand in another folder
    with scratch_folder() as scratch:
        raw, names, kinds, has_label = run_apart(
            lambda: str(path), path.stat().st_size, _load, scratch, source, flat, kinds, labels, n_threads()
        )
        with open_database(scratch, n_threads()) as connection:
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
    wanted = f"it needs one row a customer, each with its own {flat.id}"
    if not count.rows:
        raise DataError(f"{path}: is empty; {wanted}")
    if not count.used:
        worst = max(findings, key=lambda finding: finding.count)
        hint = checking.HINTS["formula_without_value"] if worst.rule == "formula_without_value" else wanted
        raise DataError(f"{path}: has no usable row among {count.rows:,} ({checking.describe_rule(worst)}); {hint}")


def _load(
    scratch: Path,
    source: Source,
    flat: FlatFile,
    kinds: Mapping[str, FlatKind] | None,
    labels: Labels,
    threads: int,
) -> tuple[RawTable, list[str], Mapping[str, FlatKind], bool]:
    """Read the file into the database of the scratch folder; runs in a process of its own."""
    with open_database(scratch, threads) as connection:
        mapping = TableSource(encoding=flat.encoding, sheet=flat.sheet, totals=flat.totals)
        names, kinds, values = probe_columns(connection, source, mapping, scratch, flat, kinds, labels=labels)
        mapping = mapping.model_copy(update={"columns": _outer_names(flat, kinds), "values": {"churned": values}})
        raw = load_table(connection, _flat_table(kinds, values), [source], mapping, scratch)
        return raw, names, kinds, bool(values)


def _flat_table(kinds: Mapping[str, FlatKind], values: Mapping[str, str]) -> Table:
    # Unread, the label is no column at all: a file may have one of the name "churned" that is not in our terms.
    label = (Column("churned", "code", required=False, values=("0", "1")),) if values else ()
    columns = (Column("customer_id", "id"), *label, *_feature_columns(kinds))
    return Table("flat", "one customer", columns, key=("customer_id",), references=())


def _feature_columns(kinds: Mapping[str, FlatKind]) -> tuple[Column, ...]:
    # A file's own names may differ in case alone, or be those of the columns beside them: inside they are numbered.
    return tuple(Column(f"feature_{i}", kind, nullable=True) for i, kind in enumerate(kinds.values()))


def _outer_names(flat: FlatFile, kinds: Mapping[str, FlatKind]) -> dict[str, str]:
    inner = (column.name for column in _feature_columns(kinds))
    return {"customer_id": flat.id, "churned": flat.label, **dict(zip(inner, kinds, strict=True))}
