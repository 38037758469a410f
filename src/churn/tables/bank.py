"""A bank's checked tables, in a database on disk that lives as long as they are used."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw

from churn.config import Config, TableSource
from churn.errors import DataError
from churn.tables.cells import quote_text
from churn.tables.checking import (
    EVENTS,
    HINTS,
    Finding,
    LeftOut,
    RowCount,
    check_table,
    create_quarantine,
    describe_rule,
    find_warnings,
    quarantined_rows,
)
from churn.tables.contract import REQUIRED_TABLES, Table, contract_tables
from churn.tables.database import customer_ranges, fetch_row, last_reading, open_database, scratch_folder
from churn.tables.isolation import run_apart
from churn.tables.mapping import require_mapping
from churn.tables.reading import FileFact, RawTable, describe_files, load_table
from churn.tables.sources import Source, find_sources

EPOCH = dt.date(1970, 1, 1)
_OPENINGS = {"customers": ("opened_on", "closed_on"), "holdings": ("opened_on", "closed_on")}
_FIRST_DAY, _LAST_DAY = -25_567, 84_005  # 1900-01-01 and 2199-12-31


@dataclass(frozen=True)
class Bank:
    """Checked tables in a DuckDB database: dates are whole days since 1970-01-01, money whole cents.

    Attributes
    ----------
    connection
        Holds one table of usable rows for each name in `raws`.
    raws
        The tables that were there, by name.
    row_counts
        For each table: rows = used + quarantined.
    findings
        Broken rules and warnings.
    data_begin, data_end
        The first and the last day the data know about.
    """

    connection: duckdb.DuckDBPyConnection
    config: Config
    raws: Mapping[str, RawTable]
    row_counts: Mapping[str, RowCount]
    findings: Sequence[Finding]
    data_begin: dt.date
    data_end: dt.date

    @property
    def is_ok(self) -> bool:
        """Whether no row had to be left out."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def ignored_columns(self) -> dict[str, int]:
        """How many columns of each table the contract does not name, where there are any."""
        return {name: raw.ignored_columns for name, raw in self.raws.items() if raw.ignored_columns}

    @property
    def paths(self) -> list[Path]:
        """The files the tables were read from."""
        return [source.path for raw in self.raws.values() for source in raw.sources]

    def has(self, table: str) -> bool:
        """Whether the bank handed over that table."""
        return table in self.raws

    def column_is_there(self, table: str, column: str) -> bool:
        """Whether the bank handed over that column of that table."""
        return self.has(table) and column in self.raws[table].columns

    def frames(self, between: tuple[str, str] | None = None) -> dict[str, nw.LazyFrame[Any]]:
        """Return the tables as lazy frames; `between` keeps customers whose id lies in that closed range."""
        return {name: nw.from_native(self._relation(raw.table, between)) for name, raw in self.raws.items()}

    def _relation(self, table: Table, between: tuple[str, str] | None) -> duckdb.DuckDBPyRelation:
        relation = self.connection.table(table.name)
        if between is None:
            return relation
        low, high = map(quote_text, between)
        columns = table.references or ("customer_id",)
        return relation.filter(" OR ".join(f"{column} BETWEEN {low} AND {high}" for column in columns))

    def ranges(self, size: int) -> list[tuple[str, str]]:
        """Cut the customers, sorted by id, into closed ranges of `size`."""
        return customer_ranges(self.connection, "customers", size)

    def quarantine(self) -> Iterator[LeftOut]:
        """Yield every row left out: table, file name, row in that file (from 1), column (may be empty), rule."""
        return quarantined_rows(self.connection, list(self.raws.values()))

    def file_facts(self) -> list[FileFact]:
        """Describe every input file: table, name, bytes, sha256.

        Raises
        ------
        DataError
            A file is no longer what was read.
        """
        return [fact for raw in self.raws.values() for fact in describe_files(raw)]


@contextmanager
def open_bank(
    folder: str | Path, config: Config | None = None, *, data_end: dt.date | None = None, n_threads: int | None = None
) -> Iterator[Bank]:
    """Read and check a folder of tables; the database is removed when the block ends.

    Parameters
    ----------
    folder
        Holds `<table>.parquet`, `<table>.csv` or a folder of parts for every table.
    config
        Names, encodings and the catalogue; the contract's own when absent.
    data_end
        Overrides the last day found in the data.
    n_threads
        Threads of the database; all cores when absent. Results do not depend on it.

    Raises
    ------
    ConfigError
        The configuration's mapping does not fit the contract.
    DataError
        No such folder, a required table missing or empty, a table found twice, a file that cannot be read.
    MissingColumnError
        A required column is missing.
    """
    folder, config = Path(folder), config or Config()
    tables = contract_tables(config)
    require_mapping(config, tables)
    # The reading process may stand in another folder.
    sources = find_sources(folder.absolute(), tables, config)
    with scratch_folder() as scratch:
        raws = run_apart(
            lambda: last_reading(scratch, folder),
            sum(source.path.stat().st_size for found in sources.values() for source in found),
            _load_tables,
            scratch,
            {name: table for name, table in tables.items() if name in sources},
            sources,
            config,
            n_threads,
        )
        with open_database(scratch, n_threads) as connection:
            yield _check_tables(connection, raws, config, data_end)


def _load_tables(
    scratch: Path,
    tables: Mapping[str, Table],
    sources: Mapping[str, Sequence[Source]],
    config: Config,
    n_threads: int | None,
) -> dict[str, RawTable]:
    """Read every table into the database of the scratch folder; runs in a process of its own."""
    with open_database(scratch, n_threads) as connection:
        return {
            name: load_table(connection, table, sources[name], config.tables.get(name, TableSource()), scratch)
            for name, table in tables.items()
        }


def _check_tables(
    connection: duckdb.DuckDBPyConnection, raws: Mapping[str, RawTable], config: Config, data_end: dt.date | None
) -> Bank:
    create_quarantine(connection)
    counts, findings = {}, []
    for name, raw in raws.items():
        counts[name], broken = check_table(connection, raw)
        findings += broken
        _require_rows(connection, name, raws, counts[name], broken)
    findings += find_warnings(connection, raws, config)
    begin, end = _find_period(connection, raws)
    return Bank(connection, config, raws, counts, findings, begin, data_end or end)


def to_days(date: dt.date) -> int:
    """Whole days since 1970-01-01.

    Examples
    --------
    >>> to_days(dt.date(2016, 12, 1))
    17136
    """
    return (date - EPOCH).days


def to_date(days: int) -> dt.date:
    """Return the calendar date of whole days since 1970-01-01.

    Examples
    --------
    >>> to_date(17136)
    datetime.date(2016, 12, 1)
    """
    return EPOCH + dt.timedelta(days=int(days))


def _require_rows(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    raws: Mapping[str, RawTable],
    count: RowCount,
    broken: Sequence[Finding],
) -> None:
    """Refuse an empty table, which is taken for an export that failed, and a required one without a usable row."""
    path = raws[name].sources[0].path
    if count.rows == 0:
        other = "" if name in REQUIRED_TABLES else ", or remove the file: its features are then left out"
        raise DataError(f"{path}: table {name} is empty; export its rows{other}")
    if count.used or name not in REQUIRED_TABLES:
        return
    worst = max(broken, key=lambda finding: finding.count)
    forms = {source.form for known in ("customers", name) for source in raws[known].sources}
    zeros = worst.rule == "unknown_customer" and "xlsx" in forms and _has_numbers_for_ids(connection)
    hint = "zeros_lost" if zeros else worst.rule
    raise DataError(
        f"{path}: none of the {count.rows:,} rows of table {name} can be used ({describe_rule(worst)});"
        f" {HINTS.get(hint, 'mend them').format(table=name)}"
    )


def _has_numbers_for_ids(connection: duckdb.DuckDBPyConnection) -> bool:
    found = fetch_row(connection, "SELECT bool_or(regexp_full_match(customer_id, '[0-9]+')) FROM customers")
    return bool(found[0])


def _find_period(connection: duckdb.DuckDBPyConnection, raws: Mapping[str, RawTable]) -> tuple[dt.date, dt.date]:
    """Return the first and last day of what is dated event by event, else of what was opened and closed.

    Days outside the years 1900 to 2199 do not count: some systems write "open" as 9999-12-31.
    """
    for group in (EVENTS, _OPENINGS):
        parts = [f"SELECT {c} AS day FROM {t}" for t, columns in group.items() if t in raws for c in columns]
        within = f"day BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"
        query = f"SELECT min(day), max(day) FROM ({' UNION ALL '.join(parts)}) WHERE {within}"
        row = fetch_row(connection, query) if parts else (None, None)
        if row[1] is not None:
            return to_date(row[0]), to_date(row[1])
    raise DataError("no table holds a date; check the date columns of customers and holdings")
