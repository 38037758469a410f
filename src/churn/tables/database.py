"""A DuckDB database on disk, in a scratch folder that lives as long as the tables in it are used."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

DATABASE, NOW_READING = "tables.duckdb", "now-reading"
# What the database keeps in memory at most; beyond, it uses its file. Without a limit it fills most of the machine.
MEMORY_LIMIT = "2GB"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder of its own, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="churn-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def open_database(scratch: Path, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database in a scratch folder; it is closed when the block ends.

    `threads`: all cores when 0. Results do not depend on it: sums are of whole numbers.
    """
    connection = duckdb.connect(str(scratch / DATABASE))
    try:
        # In a notebook without ipywidgets DuckDB has no bar, and refuses even to switch it off.
        with suppress(duckdb.InvalidInputException):
            connection.execute("SET enable_progress_bar = false")
        # A moment with a zone is judged in UTC, wherever the machine stands.
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        if threads:
            connection.execute(f"SET threads = {int(threads)}")
        yield connection
    finally:
        connection.close()


def say_reading(scratch: Path, path: Path) -> None:
    """Leave word of the file about to be read, for whoever finds that the reader did not come back."""
    (scratch / NOW_READING).write_text(str(path), encoding="utf-8", errors="surrogateescape")


def last_reading(scratch: Path, otherwise: Path) -> str:
    """Name the file that was being read, or `otherwise` where none was."""
    note = scratch / NOW_READING
    return note.read_text(encoding="utf-8", errors="surrogateescape") if note.exists() else str(otherwise)


def fetch_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """Return the only row of a query, its result wholly read: an unread one blocks the connection."""
    (row,) = connection.execute(query).fetchall()
    return tuple(row)


def customer_ranges(connection: duckdb.DuckDBPyConnection, table: str, size: int) -> list[tuple[str, str]]:
    """Cut a table's customers, sorted by id, into closed ranges of `size` ids (the last may be smaller)."""
    query = (
        "SELECT min(customer_id), max(customer_id) FROM ("
        f"SELECT customer_id, (row_number() OVER (ORDER BY customer_id) - 1) // {size} AS part FROM {table}"
        ") GROUP BY part ORDER BY part"
    )
    return [(low, high) for low, high in connection.execute(query).fetchall()]
