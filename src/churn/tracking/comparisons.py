"""A comparison as a run of MLflow with a child run a model."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from churn.evaluation.paired import Comparison
from churn.evaluation.promotion import Decision
from churn.model.recipe import Recipe
from churn.model.trees import parameters_to_json
from churn.tracking.place import Place, tracking_place
from churn.tracking.running import open_child, open_run
from churn.tracking.runs import metric_values
from churn.tracking.session import OnStep

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_comparison(
    comparison: Comparison,
    recipes: Mapping[str, Recipe],
    decision: Decision,
    *,
    facts: Mapping[str, Any],
    segments: Mapping[str, Sequence[Mapping[str, Any]]],
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
    facts
        Values kept as parameters of the parent: dates, horizon, embargo; and ``inputs``, the files with their hashes.
    segments
        A table of segments a model.
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
            _log_model(child.client, child.run_id, comparison, name, recipe, seconds[name], segments[name])
    return run.run_id


def _name(facts: Mapping[str, Any]) -> str:
    return f"compare {facts['judged'][-1] if facts.get('judged') else 'flat file'}"


def _log_parent(client: "MlflowClient", run_id: str, comparison: Comparison, facts: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    shown = {name: value for name, value in facts.items() if name != "inputs"}
    client.log_batch(run_id, params=[Param(name, _text(value)) for name, value in shown.items()])
    client.log_dict(run_id, comparison.document(), "comparison.json")
    client.log_dict(run_id, {"inputs": facts.get("inputs", [])}, "data/inputs.json")
    tests = pd.DataFrame([test._asdict() for test in comparison.tests])
    client.log_table(run_id, tests.astype(object), "comparison/tests.json")


def _log_model(
    client: "MlflowClient",
    run_id: str,
    comparison: Comparison,
    name: str,
    recipe: Recipe,
    seconds: float,
    segments: Sequence[Mapping[str, Any]],
) -> None:
    from mlflow.entities import Metric, Param

    values = metric_values({metric: one._asdict() for metric, one in comparison.models[name].items()})
    metrics = [Metric(metric, value, 0, 0) for metric, value in (values | {"seconds": seconds}).items()]
    params = [Param(one, _text(value)) for one, value in _params(recipe).items()]
    client.log_batch(run_id, metrics=metrics, params=params)
    if segments:
        client.log_table(
            run_id,
            pd.json_normalize([dict(segment) for segment in segments]).astype(object),
            "evaluation/segments.json",
        )
    client.set_terminated(run_id, "FINISHED")


def _params(recipe: Recipe) -> dict[str, Any]:
    features = "all" if recipe.only is None else str(len(recipe.only))
    own = {"learner": "+".join(recipe.learners), "monotone": recipe.monotone, "features": features, "seed": recipe.seed}
    return own | (parameters_to_json(recipe.parameters) if "lightgbm" in recipe.learners else {})


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
