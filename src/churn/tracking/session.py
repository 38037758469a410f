"""Opening MLflow: when it is needed, quietly, within seconds, and with errors that say what to do."""

import logging
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from churn.errors import ChurnError, TrackingError
from churn.tracking.database import BESIDE, make_database, mend_moved, require_usable
from churn.tracking.place import VARIABLE, Place

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "churn"
_LOOK = {"mlflow.experimentKind": "custom_model_development"}
"""So that the pages show models and metrics, not those for language models."""

OnStep = Callable[[str], None]

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
_CHATTER = ("mlflow", "alembic", "sqlalchemy", "urllib3")
_LONGEST = 200


@contextmanager
def open_tracking(
    place: Place, *, write: bool, make: bool = False, on_step: OnStep | None = None
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


def _prepare(place: Place, write: bool, make: bool, on_step: OnStep | None) -> None:
    assert place.database is not None
    assert place.artifacts is not None
    if not place.is_there:
        if not make:
            raise TrackingError(f"{place}: no tracking database is there; churn train makes it")
        if on_step:
            on_step(f"making the tracking database {place}")
        make_database(place.database, _fill)
    require_usable(place.database, write=write)
    mend_moved(place.database, place.artifacts)


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
    except ChurnError:
        raise
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(f"{place}: {_explain(error, place)}") from error


def _explain(error: Exception, place: Place) -> str:
    text = " ".join(str(error).split())
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        return f"written by another version of MLflow; copy it, then run mlflow db upgrade {place.uri}"
    if "database is locked" in text:
        return "locked by another process; try again when it has ended"
    if "Max retries exceeded" in text or "timed out" in text:
        return "does not answer; start the server, or mend MLFLOW_TRACKING_URI"
    first = text.split(" [SQL:")[0]
    shown = first if len(first) <= _LONGEST else f"{first[:_LONGEST]} …"
    return f"cannot be used ({shown}); mend it, or set MLFLOW_TRACKING_URI to another place"
