"""One flat file, already one row a customer: a table whose columns the file itself decides."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import duckdb
import pandas as pd

from churn.config import FlatFile, TableSource
from churn.errors import DataError
from churn.tables.cells import quote_text
from churn.tables.checking import (
    HINTS,
    Finding,
    LeftOut,
    RowCount,
    check_table,
    create_quarantine,
    describe_rule,
    quarantined_rows,
)
from churn.tables.contract import Column, Table
from churn.tables.database import customer_ranges, open_database, scratch_folder
from churn.tables.flat_columns import FlatKind, probe_columns
from churn.tables.isolation import run_apart
from churn.tables.reading import FileFact, RawTable, describe_files, load_table
from churn.tables.sources import Source, source_of


class FlatRows(NamedTuple):
    """Customers of a flat file: id, outcome (0 or 1; None where not read), and features under the file's own names.

    Numbers are float64, texts are strings.
    """

    customer_id: pd.Series
    churned: pd.Series | None
    features: pd.DataFrame


@dataclass(frozen=True)
class FlatTable:
    """A checked flat file.

    Attributes
    ----------
    kinds
        The feature columns in the file's order, and whether each is a number or a text.
    has_label
        Whether the label's column was there and asked for.
    n_ignored
        Columns that neither the configuration nor the model asks for.
    """

    connection: duckdb.DuckDBPyConnection
    flat: FlatFile
    raw: RawTable
    kinds: Mapping[str, FlatKind]
    has_label: bool
    row_count: RowCount
    findings: Sequence[Finding]
    n_ignored: int

    @property
    def paths(self) -> list[Path]:
        """The file it was read from."""
        return [source.path for source in self.raw.sources]

    @property
    def row_counts(self) -> dict[str, RowCount]:
        """Rows = used + quarantined."""
        return {"flat": self.row_count}

    @property
    def ignored_columns(self) -> dict[str, int]:
        """How many columns nothing asks for, where there are any."""
        return {"flat": self.n_ignored} if self.n_ignored else {}

    def rows(self, between: tuple[str, str] | None = None) -> FlatRows:
        """Return the customers, sorted by `customer_id`; `between` keeps those whose id lies in that closed range."""
        inner = [column.name for column in _feature_columns(self.kinds)]
        columns = ["customer_id", *(["churned"] if self.has_label else []), *inner]
        where = f" WHERE customer_id BETWEEN {quote_text(between[0])} AND {quote_text(between[1])}" if between else ""
        frame = self.connection.execute(f"SELECT {', '.join(columns)} FROM flat{where} ORDER BY customer_id").df()
        # The file's own names come last: one of them may be `churned` too.
        features = frame[inner].set_axis(list(self.kinds), axis="columns")
        return FlatRows(frame["customer_id"], frame["churned"].astype("int64") if self.has_label else None, features)

    def ranges(self, size: int) -> list[tuple[str, str]]:
        """Cut the customers, sorted by id, into closed ranges of `size`."""
        return customer_ranges(self.connection, "flat", size)

    def quarantine(self) -> Iterator[LeftOut]:
        """Yield every row left out: table, file name, row in that file (from 1), column (may be empty), rule."""
        names = _outer_names(self.flat, self.kinds)
        for table, file, row, column, rule in quarantined_rows(self.connection, [self.raw]):
            yield table, file, row, names.get(column, column), rule

    def file_facts(self) -> list[FileFact]:
        """Describe the input file: table, name, bytes, sha256.

        Raises
        ------
        DataError
            The file is no longer what was read.
        """
        return describe_files(self.raw)


@contextmanager
def open_flat(
    path: Path,
    flat: FlatFile,
    *,
    kinds: Mapping[str, FlatKind] | None = None,
    needs_label: bool | None,
    n_threads: int | None = None,
) -> Iterator[FlatTable]:
    """Read and check one flat file; the database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV or Parquet file with one row a customer.
    kinds
        The features a model was trained on. When absent, every column the configuration does not name otherwise
        is a feature, and its cells decide whether it is a number.
    needs_label
        Whether the label is read; then a file without it is refused and a row without it is left out. None: it is
        read where it is there and says of anybody that they left.

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
            lambda: str(path), path.stat().st_size, _load, scratch, source, flat, kinds, needs_label, n_threads
        )
        with open_database(scratch, n_threads) as connection:
            create_quarantine(connection)
            count, findings = check_table(connection, raw)
            outer = _outer_names(flat, kinds)
            findings = [replace(finding, column=outer.get(finding.column, finding.column)) for finding in findings]
            _require_rows(path, flat, count, findings)
            n_ignored = len(set(names) - {flat.id, flat.label, *flat.drop} - set(kinds))
            yield FlatTable(connection, flat, raw, kinds, has_label, count, findings, n_ignored)


def _require_rows(path: Path, flat: FlatFile, count: RowCount, findings: Sequence[Finding]) -> None:
    wanted = f"it needs one row a customer, each with its own {flat.id}"
    if not count.rows:
        raise DataError(f"{path}: is empty; {wanted}")
    if not count.used:
        worst = max(findings, key=lambda finding: finding.count)
        hint = HINTS["formula_without_value"] if worst.rule == "formula_without_value" else wanted
        raise DataError(f"{path}: has no usable row among {count.rows:,} ({describe_rule(worst)}); {hint}")


def _load(
    scratch: Path,
    source: Source,
    flat: FlatFile,
    kinds: Mapping[str, FlatKind] | None,
    needs_label: bool | None,
    n_threads: int | None,
) -> tuple[RawTable, list[str], Mapping[str, FlatKind], bool]:
    """Read the file into the database of the scratch folder; runs in a process of its own."""
    with open_database(scratch, n_threads) as connection:
        mapping = TableSource(encoding=flat.encoding, sheet=flat.sheet, totals=flat.totals)
        names, kinds, labels = probe_columns(connection, source, mapping, scratch, flat, kinds, needs_label=needs_label)
        mapping = mapping.model_copy(update={"columns": _outer_names(flat, kinds), "values": {"churned": labels}})
        return (
            load_table(connection, _flat_table(kinds, labels), [source], mapping, scratch),
            names,
            kinds,
            bool(labels),
        )


def _flat_table(kinds: Mapping[str, FlatKind], labels: Mapping[str, str]) -> Table:
    # Unread, the label is no column at all: a file may have one of the name "churned" that is not in our terms.
    label = (Column("churned", "code", required=False, values=("0", "1")),) if labels else ()
    columns = (Column("customer_id", "id"), *label, *_feature_columns(kinds))
    return Table("flat", "one customer", columns, key=("customer_id",), references=())


def _feature_columns(kinds: Mapping[str, FlatKind]) -> tuple[Column, ...]:
    # A file's own names may differ in case alone, or be those of the columns beside them: inside they are numbered.
    return tuple(Column(f"feature_{i}", kind, nullable=True) for i, kind in enumerate(kinds.values()))


def _outer_names(flat: FlatFile, kinds: Mapping[str, FlatKind]) -> dict[str, str]:
    inner = (column.name for column in _feature_columns(kinds))
    return {"customer_id": flat.id, "churned": flat.label, **dict(zip(inner, kinds, strict=True))}
