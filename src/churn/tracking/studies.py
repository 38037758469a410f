"""A tuning as a run of MLflow with a child run a trial."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from churn.tracking.place import Place, tracking_place
from churn.tracking.session import OnStep, Run, open_child, open_run

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
    note = {"mlflow.note.content": f"On rows that no trial saw: {document['final']['word']}."}
    name = document["study"]["name"]
    place = place or tracking_place()
    with open_run(place, name, source="churn tune", tags=note, what="study", on_step=on_step) as run:
        _log_parent(run.client, run.run_id, document, inputs)
        for trial in document["trials"]:
            _log_trial(run, trial)
    return run.run_id


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


def _log_trial(study: Run, trial: Mapping[str, Any]) -> None:
    run = open_child(study, f"trial {trial['number']}", {"state": trial["state"]})
    by_split = [one for at, loss in enumerate(trial["losses"]) for one in _metrics({"split_log_loss": loss}, step=at)]
    metrics = [*_metrics({"objective": trial["objective"]}), *by_split]
    parameters = {f"trees.{name}": value for name, value in trial["parameters"].items()}
    run.client.log_batch(run.run_id, metrics=metrics, params=_params(parameters))
    run.client.set_terminated(run.run_id, _STATUS[trial["state"]])


def _metrics(values: Mapping[str, float | None], step: int = 0) -> Iterator["Metric"]:
    from mlflow.entities import Metric

    moment = int(time.time() * 1000)
    return (Metric(name, value, moment, step) for name, value in values.items() if value is not None)


def _params(values: Mapping[str, Any]) -> list["Param"]:
    from mlflow.entities import Param

    return [Param(name, str(value)) for name, value in values.items()]
