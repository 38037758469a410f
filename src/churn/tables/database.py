"""A DuckDB database on disk that lives as long as the tables in it are used."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb


@contextmanager
def open_database(n_threads: int | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Give a connection and a scratch folder; both are gone when the block ends.

    `n_threads`: all cores when None. Results do not depend on it: sums are of whole numbers.
    """
    with tempfile.TemporaryDirectory(prefix="churn-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        connection = duckdb.connect(str(scratch / "tables.duckdb"))
        try:
            connection.execute("SET enable_progress_bar = false")
            # A timestamp with a time zone is midnight or not whatever the machine's own zone.
            connection.execute("SET TimeZone = 'UTC'")
            if n_threads:
                connection.execute(f"SET threads = {int(n_threads)}")
            yield connection, scratch
        finally:
            connection.close()


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
