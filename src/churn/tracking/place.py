"""Where runs are tracked: a SQLite database below the current folder, or what MLFLOW_TRACKING_URI says."""

import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

VARIABLE = "MLFLOW_TRACKING_URI"
FOLDER, DATABASE, ARTIFACTS = "mlruns", "mlflow.db", "artifacts"
_SQLITE = "sqlite:///"


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
        parts = urlsplit(self.uri)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


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
    path = Path(given.removeprefix(_SQLITE)) if given else (folder or Path()) / FOLDER / DATABASE
    database = path.absolute()
    return Place(f"{_SQLITE}{database.as_posix()}", database)


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
    address = str(place) if place.database is None else f"{_SQLITE}{place}"
    return f"mlflow ui --backend-store-uri {address}"


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
