"""A DuckDB database on disk, in a scratch folder (`churn.scratch`) that lives as long as the tables in it are used.

It is filled by a process of its own: a file that crashes, fills or stops the parser ends there, not here. One worker is
kept and used again, so that only the first call waits for its start.
"""

import os
import resource
import select
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import duckdb
from loky import get_reusable_executor

from churn.errors import DataError
from churn.threads import n_threads, unstopped_children

P = ParamSpec("P")
T = TypeVar("T")

DATABASE, NOW_READING = "tables.duckdb", "now-reading"
# What the database keeps in memory at most; beyond, it uses its file. Without a limit it fills most of the machine.
MEMORY_LIMIT = "2GB"
# What a parse may take: a share of the machine's memory, and time that grows with the bytes it reads.
MEMORY_SHARE = 0.75
LEAST_SECONDS, BYTES_PER_SECOND = 300, 200_000
_IDLE_SECONDS = 60
# How often a reader looks after its parent where the system does not tell.
_PARENT_SECONDS = 0.2
# Up to here, to share the work among threads takes longer than the work.
SMALL_BYTES = 4_000_000


def choose_threads(n_bytes: int) -> int:
    """Say how many threads may work on a database made of so many bytes; 0 means all."""
    return n_threads() or int(n_bytes < SMALL_BYTES)


def disable_optimizers(connection: duckdb.DuckDBPyConnection, *, is_wide: bool = False) -> None:
    """Spare DuckDB what costs more than it gains here.

    It makes a join of every list of words that a cell is compared with: 150 columns took 18 s instead of one. In a
    wide table (`is_wide`), looking for what expressions share, and for their ranges, takes time that grows with the
    square of their number.
    """
    wide = ", common_subexpressions, statistics_propagation" if is_wide else ""
    connection.execute(f"SET disabled_optimizers = 'in_clause{wide}'")


@contextmanager
def open_database(scratch: Path, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database in a scratch folder; it is closed when the block ends.

    `threads`: all cores when 0. Results do not depend on it: sums are of whole numbers.
    """
    connection = duckdb.connect(str(scratch / DATABASE), config={"threads": threads} if threads else {})
    try:
        prepare(connection)
        yield connection
    finally:
        connection.close()


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what every database of tables is read with."""
    # In a notebook without ipywidgets DuckDB has no bar, and refuses even to switch it off.
    with suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false")
    # A moment with a zone is judged in UTC, wherever the machine stands.
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    disable_optimizers(connection)


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


def run_apart(about: Callable[[], str], n_bytes: int, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call `work` in the other process and return what it returns, or raise what it raises.

    Parameters
    ----------
    about
        Names what is being read, for the message.
    n_bytes
        How much is read; sets the time it may take.
    work
        A function of a module; its arguments, its value and its errors can be sent between processes.

    Raises
    ------
    DataError
        The process crashed, ran out of memory, or did not end in time.
    """
    with unstopped_children():
        executor = get_reusable_executor(
            max_workers=1, timeout=_IDLE_SECONDS, initializer=_limit, initargs=(os.getpid(),)
        )
        future = executor.submit(work, *arguments, **named)
    seconds = LEAST_SECONDS + n_bytes / BYTES_PER_SECOND
    try:
        result: T = future.result(timeout=seconds)
    except BrokenExecutor:
        raise DataError(
            f"{about()}: a file there crashes the reader; it is damaged, export it again, or memory is short, free some"
        ) from None
    except MemoryError:
        raise DataError(f"{about()}: is too large for the memory at hand; free some memory and try again") from None
    except TimeoutError:
        executor.shutdown(kill_workers=True)
        raise DataError(
            f"{about()}: was not read within {seconds:.0f} seconds; it is damaged, or split it into parts"
        ) from None
    except (KeyboardInterrupt, SystemExit):
        executor.shutdown(kill_workers=True)
        raise
    return result


def _limit(parent: int) -> None:
    """Bound the worker's memory, and keep what a crashing library prints off the user's screen.

    `parent`: the process that started this one; this one ends with it.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    memory = int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone, killed perhaps, so that nothing is left behind."""
    with suppress(OSError, AttributeError):  # it is gone already, or the system cannot wait for it
        watched = os.pidfd_open(parent)
        if os.getppid() == parent:
            select.select([watched], [], [])
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(1)
