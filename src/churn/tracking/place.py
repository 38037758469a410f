"""Where runs are tracked: a SQLite database below the current folder, or what MLFLOW_TRACKING_URI says.

The database is made whole or not at all, tried before MLflow waits for it, and its paths are updated when it moved.
MLflow tries one that is locked or broken for minutes, and prints a traceback each time; one transaction of our own
shows it within seconds.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from churn.errors import TrackingError
from churn.parts import part_folder

VARIABLE = "MLFLOW_TRACKING_URI"
FOLDER, DATABASE, ARTIFACTS, STUDIES = "mlruns", "mlflow.db", "artifacts", "optuna.db"
_SQLITE = "sqlite:///"
LOCK_SECONDS = 5
"""How long to wait for another process to release the database."""
BESIDE = "churn.artifacts_beside_database"
"""Tag of an experiment whose artifacts lie in the folder beside the database, wherever that is."""
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# Up to the last @: whoever writes an address often leaves a / or @ of the password as it is.
_USER, _USER_OF = re.compile(r"(//)[^\s'\"]*@"), re.compile(r".*?//(.*)@")
# A shorter value of a query stands in many words.
_SHORTEST = 4
_QUERY = re.compile(r"""\?[^\s'")]*""")
_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow keeps absolute paths of artifacts."""


class Place(NamedTuple):
    """Where runs and versions are kept.

    Attributes
    ----------
    uri
        As MLflow takes it.
    database
        The SQLite file, absolute; None for a server and for other databases.
    """

    uri: str
    database: Path | None

    @property
    def artifacts(self) -> Path | None:
        """The folder of artifacts, beside the SQLite file; elsewhere the server decides."""
        return None if self.database is None else self.database.parent / ARTIFACTS

    @property
    def is_there(self) -> bool:
        """Whether there can be anything in it: false of a SQLite file that is still to be made."""
        return self.database is None or self.database.exists()

    def __str__(self) -> str:
        """Return the address without a password, a SQLite file as its path from here."""
        if self.database is not None:
            return _from_here(self.database)
        return hide_secrets(self.uri)


def hide_secrets(text: str, uri: str = "") -> str:
    """Leave user, password and query out of every address in a text, and all that `uri` holds of them from the rest.

    Parameters
    ----------
    text
        Any: an address, or what a library says of one, in parts perhaps.
    uri
        The address it may be about. What is set in MLFLOW_TRACKING_PASSWORD and _TOKEN is left out too.

    Examples
    --------
    >>> hide_secrets("postgresql://user:s3cret@host:5432/runs?sslpassword=x")
    'postgresql://host:5432/runs'
    >>> hide_secrets("cannot reach /runs?token=t0ken of s3cret", "https://user:s3cret@host/runs?token=t0ken")
    'cannot reach /runs of ***'
    """
    hidden = _QUERY.sub("", _USER.sub(r"\1", text))
    user, query = _USER_OF.match(uri), uri.partition("?")[2]
    told = [part.partition("=")[2] for part in re.split("[&;#]", query)]
    known = [one for one in told if len(one) >= _SHORTEST] + [os.environ.get(name, "") for name in _SECRETS]
    known += [user[1].partition(":")[2] or user[1]] if user else []
    for secret in sorted({form for one in known for form in (one, unquote(one)) if form}, key=len, reverse=True):
        hidden = hidden.replace(secret, "***")
    return hidden


def tracking_place(folder: Path | None = None) -> Place:
    """Return where to track: `mlruns/mlflow.db` below `folder`, or by default what MLFLOW_TRACKING_URI says.

    Parameters
    ----------
    folder
        By default the current folder, and only if the variable is not set. If given, the variable is not looked at.

    Examples
    --------
    >>> tracking_place(Path("/data/demo")).uri
    'sqlite:////data/demo/mlruns/mlflow.db'
    """
    given = "" if folder else os.environ.get(VARIABLE, "").strip()
    if given and not given.startswith(_SQLITE):
        return Place(given, None)
    path = Path(unquote(given.removeprefix(_SQLITE))) if given else (folder or Path()) / FOLDER / DATABASE
    database = path.absolute()
    return Place(_sqlite_uri(database.as_posix()), database)


def _sqlite_uri(path: str) -> str:
    """Give the address of a SQLite file; what has a meaning in an address is escaped, all else stands as it is.

    Examples
    --------
    >>> _sqlite_uri("/data/my%20bank/mlflow.db")
    'sqlite:////data/my%2520bank/mlflow.db'
    """
    return _SQLITE + re.sub("[%?#]", lambda found: quote(found[0]), path)


def studies_path() -> Path:
    """Return the SQLite file of studies: beside MLflow's, where that is a file, else in mlruns/ below here."""
    database = tracking_place().database
    folder = Path(FOLDER) if database is None else database.parent
    here = Path.cwd()
    return (folder.relative_to(here) if folder.is_relative_to(here) else folder) / STUDIES


def look_command(place: Place) -> str:
    """Say how a person looks at what is tracked: a command, or the server's address.

    Examples
    --------
    >>> look_command(Place("http://tracking:5000", None))
    'http://tracking:5000'
    >>> look_command(tracking_place(Path("demo")))
    'mlflow ui --backend-store-uri sqlite:///demo/mlruns/mlflow.db'
    """
    if place.uri.startswith("http"):
        return str(place)
    address = str(place) if place.database is None else _sqlite_uri(str(place))
    return f"mlflow ui --backend-store-uri {address}"


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
    try:
        with part_folder(database) as part:
            temporary = part / database.name
            temporary.touch()
            fill(_sqlite_uri(temporary.as_posix()))
            _put(temporary, database)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TrackingError(
            f"{database.parent}: cannot be written ({reason}); free some space, or set MLFLOW_TRACKING_URI"
        ) from error


def update_moved(database: Path, artifacts: Path) -> None:
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


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


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
        raise TrackingError(f"{database}: {_explain_sqlite(error)}") from error


def _explain_sqlite(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest are refinements of these
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"locked by another process for {LOCK_SECONDS} seconds; try again when it has ended"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return f"cannot be opened or written ({error}); check permissions and free space"
    return f"no usable tracking database ({error}); move it away, or restore it from a copy"
