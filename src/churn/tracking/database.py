"""The SQLite file of tracking: made whole or not at all, tried before MLflow waits for it, mended when it moved.

MLflow tries a database that is locked or broken for minutes, and prints a traceback each time. One transaction of
our own tells within seconds.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

from churn.errors import TrackingError

LOCK_SECONDS = 5
"""How long to wait for another process to release the database."""
BESIDE = "churn.artifacts_beside_database"
"""Tag of an experiment whose artifacts lie in the folder beside the database, wherever that is."""

_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow keeps absolute paths of artifacts."""


def require_usable(database: Path, *, write: bool) -> None:
    """Refuse a database that cannot be read, or written to, within `LOCK_SECONDS`.

    Raises
    ------
    TrackingError
        It is locked by another process, no SQLite database, damaged, or cannot be written.
    """
    with _connect(database) as connection:
        if write:
            connection.execute("BEGIN IMMEDIATE")
            # a file that cannot be written is refused only where something is
            connection.execute(f"PRAGMA user_version = {connection.execute('PRAGMA user_version').fetchone()[0]}")
            connection.rollback()
        else:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def make_database(database: Path, fill: Callable[[str], None]) -> None:
    """Let `fill`, told a tracking URI, make a database; it appears at `database` whole or not at all.

    Where another process was faster, its database stays.

    Raises
    ------
    TrackingError
        The folder cannot be written.
    """
    temporary = database.with_name(f".{database.name}.{os.getpid()}-{token_hex(4)}.part")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        fill(f"sqlite:///{temporary.as_posix()}")
        _put(temporary, database)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TrackingError(
            f"{database.parent}: cannot be written ({reason}); free some space, or set MLFLOW_TRACKING_URI"
        ) from error
    finally:
        for left in (temporary, temporary.with_name(f"{temporary.name}-journal")):
            with suppress(OSError):
                left.unlink(missing_ok=True)


def mend_moved(database: Path, artifacts: Path) -> None:
    """Point a database that was moved or copied together with its artifacts to where these lie now.

    MLflow keeps absolute paths. Only experiments with the tag `BESIDE`, and what lies below their artifacts, change.

    Raises
    ------
    TrackingError
        As for `require_usable`.
    """
    now = artifacts.as_uri()
    with _connect(database) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiment_tags'").fetchone():
            return  # empty: MLflow fills it
        found = connection.execute(
            "SELECT DISTINCT artifact_location FROM experiments JOIN experiment_tags USING (experiment_id) "
            "WHERE key = ? AND artifact_location <> ?",
            (BESIDE, now),
        ).fetchall()
        for (before,) in found:
            for table, column in _PATHS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
                )
        connection.commit()


def _put(temporary: Path, database: Path) -> None:
    """Give the file its name unless the name is taken: a rename would take another process's database away."""
    try:
        os.link(temporary, database)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        temporary.rename(database)


@contextmanager
def _connect(database: Path) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(database))}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise TrackingError(f"{database}: {_explain(error)}") from error


def _explain(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest are refinements of these
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"locked by another process for {LOCK_SECONDS} seconds; try again when it has ended"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return f"cannot be opened or written ({error}); check permissions and free space"
    return f"no usable tracking database ({error}); move it away, or restore it from a copy"
