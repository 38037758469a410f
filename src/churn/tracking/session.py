"""Opening MLflow: when it is needed, quietly, within seconds, and with errors that say what to do; and runs in it.

A run is finished only when all of it is there, and known as dead where its process died.
"""

import getpass
import logging
import os
import socket
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple

from churn import data, errors, files
from churn.tracking.place import BESIDE, VARIABLE, Place, hide_secrets, make_database, require_usable, update_moved

if TYPE_CHECKING:
    from mlflow import MlflowClient


EXPERIMENT = "churn"
_LOOK = {"mlflow.experimentKind": "custom_model_development"}
"""So that the pages show models and metrics, not those for language models."""
_MUST = {
    "MLFLOW_DISABLE_SCHEMA_DETAILS": "true",  # else an error repeats the rows it was given
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing leaves the bank
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_UNLESS_SET = {
    # no connection stays open to a file that may be moved, or replaced, before the next
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
    # MLflow's own are seven retries of two minutes each
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
# A driver that is missing, an address that is none, and a setting in it that the driver does not know.
_UNWRAPPED = (sqlite3.Error, ImportError, ValueError, TypeError)
_CHATTER = ("mlflow", "alembic", "sqlalchemy", "urllib3")
_LONGEST = 200
PARENT = "mlflow.parentRunId"
_PROCESS = "churn.process"


@contextmanager
def open_tracking(
    place: Place, *, write: bool, make: bool = False, on_step: data.OnStep | None = None
) -> Iterator["MlflowClient"]:
    """Give a client of MLflow at `place`, and set MLflow up for its own functions, until the block ends.

    What MLflow, and the libraries below it, would print is kept back.

    Parameters
    ----------
    place
        Where.
    write
        Whether something will be written, so that a database that cannot be is refused at once.
    make
        Whether to make a SQLite database that is not there.
    on_step
        Told when it is made, which takes seconds.

    Raises
    ------
    TrackingError
        The database is not there or cannot be used, the disk is full, or the server does not answer.
    """
    with ExitStack() as stack:
        # before anything imports mlflow, which reads it then
        stack.enter_context(_environment(_MUST | {n: os.environ.get(n, value) for n, value in _UNLESS_SET.items()}))
        stack.enter_context(_as_tracking_error(place))
        stack.enter_context(_silence())
        if place.database is not None:
            _prepare(place, write, make, on_step)
        stack.enter_context(_address(place.uri))
        from mlflow import MlflowClient

        yield MlflowClient()


def require_writable(place: Place) -> None:
    """Refuse, before any work is done, a place where nothing can be written; a SQLite database is made if need be.

    Raises
    ------
    TrackingError
        As for `open_tracking`.
    """
    with open_tracking(place, write=True, make=True) as client:
        client.search_experiments(max_results=1)


def find_experiment(client: "MlflowClient", place: Place) -> str:
    """Return the id of the experiment, which is made if it is not there."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    if place.artifacts is None:
        return str(client.create_experiment(EXPERIMENT, tags=_LOOK))
    beside = place.artifacts.as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=beside, tags={**_LOOK, BESIDE: "true"}))


class Run(NamedTuple):
    """A run that is being written.

    Attributes
    ----------
    client
        MLflow's.
    experiment, run_id
        Ids.
    source
        The command that writes it.
    """

    client: "MlflowClient"
    experiment: str
    run_id: str
    source: str


@contextmanager
def open_run(
    place: Place,
    name: str,
    *,
    source: str,
    what: str,
    tags: Mapping[str, str] | None = None,
    on_step: data.OnStep | None = None,
) -> Iterator[Run]:
    """Give a new run; it is finished when the block ends well, else failed, or killed where the user stopped it.

    Parameters
    ----------
    place
        Where.
    name
        Of the run.
    source
        The command that writes it.
    what
        What is told to `on_step`: "logging the <what>".
    tags
        Beside those every run has.
    on_step
        Told what begins next.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    with open_tracking(place, write=True, make=True, on_step=on_step) as client:
        if on_step:
            on_step(f"logging the {what}")
        with files.locked(place.database.parent) if place.database else nullcontext():
            experiment = find_experiment(client, place)
        _close_dead_runs(client, experiment)
        run = Run(client, experiment, _create(client, experiment, name, source, tags or {}), source)
        try:
            yield run
        except BaseException as error:
            with suppress(Exception):  # the first error is the one to tell
                client.set_terminated(run.run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        client.set_terminated(run.run_id, "FINISHED")


def open_child(parent: Run, name: str, tags: Mapping[str, str] | None = None) -> Run:
    """Give a run below another; whoever writes it ends it."""
    own = {PARENT: parent.run_id, **(tags or {})}
    return parent._replace(run_id=_create(parent.client, parent.experiment, name, parent.source, own))


def user_name() -> str:
    """Return who is logged in; "unknown" where the machine has no name for them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _prepare(place: Place, write: bool, make: bool, on_step: data.OnStep | None) -> None:
    assert place.database is not None
    assert place.artifacts is not None
    if not place.is_there:
        if not make:
            raise errors.TrackingError(f"{place}: no tracking database is there; churn train makes it")
        if on_step:
            on_step(f"making the tracking database {place}")
        make_database(place.database, _fill)
    require_usable(place.database, write=write)
    update_moved(place.database, place.artifacts)


def _fill(uri: str) -> None:
    from mlflow import MlflowClient

    MlflowClient(uri, uri).search_experiments()


@contextmanager
def _address(uri: str) -> Iterator[None]:
    """Let MLflow's own functions use `uri`; a version in the registry names its model by it."""
    import mlflow

    before = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # forgets the address, and the variable with it
        if before is not None:
            os.environ[VARIABLE] = before


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _silence() -> Iterator[None]:
    import mlflow  # sets its loggers up

    del mlflow
    loggers = [logging.getLogger(name) for name in _CHATTER]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _as_tracking_error(place: Place) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except errors.ChurnError:
        raise
    except (MlflowException, RequestException, SQLAlchemyError, OSError, *_UNWRAPPED) as error:
        raise errors.TrackingError(f"{place}: {hide_secrets(_explain(error, place), place.uri)}") from error


def _explain(error: Exception, place: Place) -> str:
    text = " ".join(str(error).split())
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        return f"written by another version of MLflow; copy it, then run mlflow db upgrade {place.uri}"
    if isinstance(error, ImportError):
        return f"a driver is not installed ({text}); install it, or set MLFLOW_TRACKING_URI to another place"
    if "database is locked" in text:
        return "locked by another process; try again when it has ended"
    if "Max retries exceeded" in text or "timed out" in text:
        return "does not answer; start the server, or fix MLFLOW_TRACKING_URI"
    first = text.split(" [SQL:")[0]
    shown = first if len(first) <= _LONGEST else f"{first[:_LONGEST]} …"
    return f"cannot be used ({shown}); fix it, or set MLFLOW_TRACKING_URI to another place"


def _close_dead_runs(client: "MlflowClient", experiment: str) -> None:
    """Mark runs of this machine as killed whose process ended without a word."""
    running = client.search_runs([experiment], f"attributes.status = 'RUNNING' and tags.`{_PROCESS}` LIKE '%:%'")
    for run in running:
        host, _, number = run.data.tags[_PROCESS].rpartition(":")
        if host == socket.gethostname() and number.isdecimal() and not _is_alive(int(number)):
            client.set_terminated(run.info.run_id, "KILLED")


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # this process logs one run at a time: that run is of an earlier one with its number
    if os.name != "posix":
        return True  # to ask would be to end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _create(client: "MlflowClient", experiment: str, name: str, source: str, tags: Mapping[str, str]) -> str:
    common = {
        "mlflow.source.name": source,
        "mlflow.user": user_name(),
        _PROCESS: f"{socket.gethostname()}:{os.getpid()}",
    }
    return str(client.create_run(experiment, run_name=name, tags={**common, **tags}).info.run_id)
