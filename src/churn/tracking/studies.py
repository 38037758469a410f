"""A tuning as a run of MLflow with a child run a trial."""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from churn.tracking.place import Place, tracking_place
from churn.tracking.runs import PROCESS, close_dead_runs, user_name
from churn.tracking.session import OnStep, find_experiment, open_tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
"""MLflow knows no pruned run: one that was given up early stands as killed, and its tag `state` says which it was."""


def log_study(
    document: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    place: Place | None = None,
    on_step: OnStep | None = None,
) -> str:
    """Log a study and its trials; return the id of the parent run, which is finished when all of it is there.

    Parameters
    ----------
    document
        As from `churn.tuning.verdict.tuned_document`; kept whole as the artifact tuned.json.
    inputs
        Files with their hashes, and row counts; kept as data/inputs.json.
    place
        By default as `tracking_place` says.
    on_step
        Told what begins next.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    place = place or tracking_place()
    with open_tracking(place, write=True, make=True, on_step=on_step) as client:
        if on_step:
            on_step("logging the study")
        experiment = find_experiment(client, place)
        close_dead_runs(client, experiment)
        note = {"mlflow.note.content": f"On rows that no trial saw: {document['final']['word']}."}
        parent = _create(client, experiment, document["study"]["name"], note)
        try:
            _log_parent(client, parent, document, inputs)
            for trial in document["trials"]:
                _log_trial(client, experiment, parent, trial)
        except BaseException as error:
            with suppress(Exception):  # the first error is the one to tell
                client.set_terminated(parent, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        client.set_terminated(parent, "FINISHED")
    return parent


def _create(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str]) -> str:
    common = {
        "mlflow.source.name": "churn tune",
        "mlflow.user": user_name(),
        PROCESS: f"{socket.gethostname()}:{os.getpid()}",
    }
    return str(client.create_run(experiment, run_name=name, tags=common | dict(tags)).info.run_id)


def _log_parent(client: "MlflowClient", run_id: str, document: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    objective, final = document["objective"], document["final"]
    values = {f"objective_{name}": objective[name] for name in ("defaults", "tuned")}
    for row in final["metrics"]:
        values |= {f"final_{row['metric']}_{name}": row[name] for name in ("defaults", "tuned", "gain", "low", "high")}
    facts = {
        **{name: document["study"][name] for name in document["study"]},
        "out_of_time": objective["out_of_time"],
        "splits": ", ".join(objective["splits"]),
        "final": final["as_of"] or "rows kept apart",
        "trials": len(document["trials"]),
        "word": final["word"],
        **{f"trees.{name}": value for name, value in document["parameters"].items()},
    }
    client.log_batch(run_id, metrics=list(_metrics(values)), params=_params(facts))
    client.log_dict(run_id, dict(document), "tuned.json")
    client.log_dict(run_id, dict(inputs), "data/inputs.json")


def _log_trial(client: "MlflowClient", experiment: str, parent: str, trial: Mapping[str, Any]) -> None:
    tags = {"mlflow.parentRunId": parent, "state": trial["state"]}
    run_id = _create(client, experiment, f"trial {trial['number']}", tags)
    by_split = [one for at, loss in enumerate(trial["losses"]) for one in _metrics({"split_log_loss": loss}, step=at)]
    metrics = [*_metrics({"objective": trial["objective"]}), *by_split]
    parameters = {f"trees.{name}": value for name, value in trial["parameters"].items()}
    client.log_batch(run_id, metrics=metrics, params=_params(parameters))
    client.set_terminated(run_id, _STATUS[trial["state"]])


def _metrics(values: Mapping[str, float | None], step: int = 0) -> Iterator["Metric"]:
    from mlflow.entities import Metric

    moment = int(time.time() * 1000)
    return (Metric(name, value, moment, step) for name, value in values.items() if value is not None)


def _params(values: Mapping[str, Any]) -> list["Param"]:
    from mlflow.entities import Param

    return [Param(name, str(value)) for name, value in values.items()]
