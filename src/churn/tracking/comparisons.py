"""A comparison as a run of MLflow with a child run a model."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from churn.charts import canvas, models
from churn.evaluation.backtest import Judged
from churn.evaluation.comparison import Comparison
from churn.evaluation.promotion import Decision
from churn.evaluation.segments import evaluate_segments
from churn.model.recipe import Recipe
from churn.model.trees import parameters_to_json
from churn.tracking.place import Place, tracking_place
from churn.tracking.runs import log_inputs, metric_values
from churn.tracking.session import OnStep, Run, open_child, open_run

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_comparison(
    comparison: Comparison,
    recipes: Mapping[str, Recipe],
    decision: Decision,
    *,
    judged: Judged,
    facts: Mapping[str, Any],
    seconds: Mapping[str, float],
    place: Place | None = None,
    on_step: OnStep | None = None,
) -> str:
    """Log a comparison; return the id of the parent run, which is finished when all of it is there.

    Parameters
    ----------
    comparison
        Of all models.
    recipes
        How each was made, by the same names.
    decision
        What it came to.
    judged
        The rows, for plots and groups of customers.
    facts
        Values kept as parameters of the parent: dates, horizon, embargo; and ``inputs`` and ``row_counts``, the files
        with their hashes and rows.
    seconds
        Spent on each model.
    place
        By default as `tracking_place` says.
    on_step
        Told what begins next.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    tags = {"mlflow.note.content": decision.reason, "decision": "promote" if decision.promote else "keep"}
    place = place or tracking_place()
    with open_run(place, _name(facts), source="churn compare", tags=tags, what="comparison", on_step=on_step) as run:
        _log_parent(run.client, run.run_id, comparison, facts)
        for name, recipe in recipes.items():
            child = open_child(run, name)
            _log_model(child, comparison, name, recipe, seconds[name], judged)
    return run.run_id


def _name(facts: Mapping[str, Any]) -> str:
    return f"compare {facts['judged'][-1] if facts.get('judged') else 'flat file'}"


def _log_parent(client: "MlflowClient", run_id: str, comparison: Comparison, facts: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    data = {name: facts[name] for name in ("inputs", "row_counts") if name in facts}
    shown = {name: value for name, value in facts.items() if name not in data}
    client.log_batch(run_id, params=[Param(name, _text(value)) for name, value in shown.items()])
    log_inputs(client, run_id, data)
    client.log_dict(run_id, comparison.document(), "comparison.json")
    client.log_dict(run_id, data, "data/inputs.json")
    tests = pd.DataFrame([test._asdict() for test in comparison.tests])
    client.log_table(run_id, tests.astype(object), "comparison/tests.json")
    models = pd.DataFrame(
        {metric: estimate.value for metric, estimate in found.items()} for found in comparison.models.values()
    )
    models.insert(0, "model", list(comparison.models))
    client.log_table(run_id, models.astype(object), "comparison/models.json")


def _log_model(run: Run, comparison: Comparison, name: str, recipe: Recipe, seconds: float, judged: Judged) -> None:
    from mlflow.entities import Metric, Param

    moment = int(time.time() * 1000)
    values = metric_values(comparison.models[name])
    metrics = [Metric(metric, value, moment, 0) for metric, value in (values | {"seconds": seconds}).items()]
    params = [Param(one, _text(value)) for one, value in _params(recipe).items()]
    run.client.log_batch(run.run_id, metrics=metrics, params=params)
    if segments := [segment.to_json() for segment in evaluate_segments(judged, name)]:
        run.client.log_table(run.run_id, pd.json_normalize(segments).astype(object), "evaluation/segments.json")
    with tempfile.TemporaryDirectory(prefix="churn-") as folder:
        rows = (judged.churned, judged.predicted[name])
        calibration = models.draw_calibration(*rows, title=f"Calibration, judged snapshots, {name}")
        canvas.save(calibration, Path(folder) / "calibration.png")
        lift = models.draw_lift(*rows, title=f"Churners found, judged snapshots, {name}")
        canvas.save(lift, Path(folder) / "lift.png")
        run.client.log_artifacts(run.run_id, folder, "evaluation")
    run.client.set_terminated(run.run_id, "FINISHED")


def _params(recipe: Recipe) -> dict[str, Any]:
    features = "all" if recipe.only is None else str(len(recipe.only))
    own = {"learner": "+".join(recipe.learners), "monotone": recipe.monotone, "features": features, "seed": recipe.seed}
    return own | (parameters_to_json(recipe.parameters) if "lightgbm" in recipe.learners else {})


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
