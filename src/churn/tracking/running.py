"""A run while it is written: finished only when all of it is there, and known as dead where its process died."""

import getpass
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from churn.tracking.place import Place
from churn.tracking.session import OnStep, find_experiment, open_tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT = "mlflow.parentRunId"
_PROCESS = "churn.process"


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
    on_step: OnStep | None = None,
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
