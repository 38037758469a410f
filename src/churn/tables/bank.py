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
from churn.scratch import scratch_folder
from churn.tables import cells, checking, contract, database, reading, silent
from churn.tables.checking import HINTS, Checked, Finding, Note, RowCount, describe_rule
from churn.tables.database import fetch_row, last_reading
from churn.tables.sources import Source, find_sources, require_mapping

_OPENINGS = {"customers": ("opened_on", "closed_on"), "holdings": ("opened_on", "closed_on")}
_FIRST_DAY, _LAST_DAY = -25_567, 84_005  # 1900-01-01 and 2199-12-31


@dataclass(frozen=True, kw_only=True)
class BankTables(Checked):
    """A bank's checked tables.

    Attributes
    ----------
    data_begin, data_end
        The first and the last day the data know about.
    has_silent
        Whether it is known who has gone in silence, as one more table (`churn.tables.silent`).
    """

    data_begin: dt.date
    data_end: dt.date
    has_silent: bool

    def frames(self, between: tuple[str, str] | None = None) -> dict[str, nw.LazyFrame[Any]]:
        """Return the tables as lazy frames, and `silent`; of customers whose id lies in the closed range `between`."""
        people = {name: raw.table.references or ("customer_id",) for name, raw in self.raws.items()}
        if self.has_silent:
            people[silent.TABLE] = ("customer_id",)
        return {name: nw.from_native(self._relation(name, columns, between)) for name, columns in people.items()}

    def _relation(self, table: str, columns: Sequence[str], between: tuple[str, str] | None) -> duckdb.DuckDBPyRelation:
        relation = self.connection.table(table)
        if between is None:
            return relation
        low, high = map(cells.quote_text, between)
        return relation.filter(" OR ".join(f"{column} BETWEEN {low} AND {high}" for column in columns))


@contextmanager
def open_tables(
    folder: str | Path, config: Config | None = None, *, data_end: dt.date | None = None
) -> Iterator[BankTables]:
    """Read and check a folder of tables; the database is removed when the block ends.

    Parameters
    ----------
    folder
        Holds `<table>.parquet`, `<table>.csv` or a folder of parts for every table.
    config
        Names, encodings and the catalogue; the contract's own when absent.
    data_end
        Overrides the last day found in the data.

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
    tables = contract.contract_tables(config)
    require_mapping(config, tables)
    # The reading process may stand in another folder.
    sources = find_sources(folder.absolute(), tables, config)
    found = {name: table for name, table in tables.items() if name in sources}
    n_bytes = sum(source.path.stat().st_size for files in sources.values() for source in files)
    threads = database.choose_threads(n_bytes)
    with scratch_folder() as scratch:
        raws = database.run_apart(
            lambda: last_reading(scratch, folder), n_bytes, _load_tables, scratch, found, sources, config, threads
        )
        with database.open_database(scratch, threads) as connection:
            checking.create_quarantine(connection)
            counts, findings = {}, []
            for name, raw in raws.items():
                counts[name], broken = checking.check_table(connection, raw)
                findings += broken
                _require_rows(connection, name, raws, counts[name], broken)
            findings += checking.find_warnings(connection, raws, config)
            begin, end = find_period({name: nw.from_native(connection.table(name)) for name in raws})
            # A bank's own labels say by themselves who is a customer.
            has_silent = "pnl" in raws and "labels" not in raws and config.label.finds_silent
            if has_silent:
                silent.create_silent(connection, round(config.label.silent_floor_cny * 100))
            yield BankTables(
                connection=connection,
                raws=raws,
                row_counts=counts,
                findings=findings,
                ignored_columns={name: raw.ignored_columns for name, raw in raws.items() if raw.ignored_columns},
                notes=[Note(False, said) for raw in raws.values() for said in raw.notes],
                data_begin=contract.to_date(begin),
                data_end=data_end or contract.to_date(end),
                has_silent=has_silent,
            )


def _load_tables(
    scratch: Path,
    tables: Mapping[str, contract.Table],
    sources: Mapping[str, Sequence[Source]],
    config: Config,
    threads: int,
) -> dict[str, reading.RawTable]:
    """Read every table into the database of the scratch folder; runs in a process of its own."""
    with database.open_database(scratch, threads) as connection:
        connection.begin()
        raws = {
            name: reading.load_table(connection, table, sources[name], config.tables.get(name, TableSource()), scratch)
            for name, table in tables.items()
        }
        connection.commit()
        return raws


def _require_rows(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    raws: Mapping[str, reading.RawTable],
    count: RowCount,
    broken: Sequence[Finding],
) -> None:
    """Refuse a table without a usable row: an export that failed, or one that was read wrongly."""
    path = raws[name].sources[0].path
    other = "" if name in contract.REQUIRED_TABLES else ", or remove the file: its features are then left out"
    if count.rows == 0:
        raise DataError(f"{path}: table {name} is empty; export its rows{other}")
    if count.used:
        return
    worst = max(broken, key=lambda finding: finding.count)
    forms = {source.form for known in ("customers", name) for source in raws[known].sources}
    zeros = worst.rule == "unknown_customer" and "xlsx" in forms and _has_numbers_for_ids(connection)
    hint = "zeros_lost" if zeros else worst.rule
    raise DataError(
        f"{path}: none of the {count.rows:,} rows of table {name} can be used ({describe_rule(worst)});"
        f" {HINTS.get(hint, 'fix them').format(table=name)}{other}"
    )


def _has_numbers_for_ids(connection: duckdb.DuckDBPyConnection) -> bool:
    found = fetch_row(connection, "SELECT bool_or(regexp_full_match(customer_id, '[0-9]+')) FROM customers")
    return bool(found[0])


def find_period(tables: Mapping[str, nw.LazyFrame[Any]], before: int = _LAST_DAY + 1) -> tuple[int, int]:
    """Return the first and last day of what is dated event by event, else of what was opened and closed.

    Parameters
    ----------
    tables
        Lazy frames by name.
    before
        Only earlier days count, as days since 1970-01-01, and none outside the years 1900 to 2199: some systems write
        "open" as 9999-12-31.

    Raises
    ------
    DataError
        No table holds such a day.
    """
    for group in (checking.EVENTS, _OPENINGS):
        known = [(tables[name], column) for name, columns in group.items() if name in tables for column in columns]
        if known:
            days = nw.concat([table.select(day=column) for table, column in known])
            within = days.filter((nw.col("day") >= _FIRST_DAY) & (nw.col("day") < before))
            ends = within.select(first=nw.col("day").min(), last=nw.col("day").max())
            row = ends.collect(backend="pyarrow").to_native().to_pylist()[0]
            if row["first"] is not None:
                return row["first"], row["last"]
    raise DataError("no table holds a date; check the date columns of customers and holdings")
