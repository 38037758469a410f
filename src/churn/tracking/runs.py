"""Runs of MLflow: a training with its model, a comparison with a child per model, a tuning with a child per trial."""

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike

from churn import estimates, files
from churn.data import OnStep
from churn.errors import ModelError
from churn.evaluation import backtest, promotion
from churn.evaluation.comparison import Comparison
from churn.evaluation.segments import evaluate_segments
from churn.model.recipe import Recipe
from churn.model.storage import StoredModel, read_model, write_model
from churn.model.trees import parameters_to_json
from churn.scratch import scratch_folder
from churn.speech import say
from churn.tracking.logged_model import log_model
from churn.tracking.place import Place, tracking_place
from churn.tracking.session import PARENT, Run, open_child, open_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param


HeldOutOutcomes = tuple[ArrayLike, ArrayLike]
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
"""MLflow knows no pruned run: one that was given up early stands as killed, and its tag `state` says which it was."""


def log_training(
    stored: StoredModel,
    folder: Path | str,
    *,
    place: Place | None = None,
    embargo_days: int | None = None,
    held_out: HeldOutOutcomes | None = None,
    source: str = "churn train",
    parent: str | None = None,
    on_step: OnStep | None = None,
) -> str:
    """Log a training and its model; return the run's id.

    The run is finished only when all of it is there. One that fails ends as failed; one whose process is killed half
    way stays as running until the next run of this machine finds the process gone. Nothing is registered or promoted.

    Parameters
    ----------
    stored
        The model, as read back from `folder`.
    folder
        Its folder, logged byte for byte; where another model has taken its place meanwhile, `stored` is written anew.
    place
        By default as `tracking_place` says.
    embargo_days
        Of the training; left out of the parameters if not known.
    held_out
        Outcomes (0 or 1) and probabilities of the rows that judged the model, each of shape (n,), for the plots of
        calibration and lift; those of `stored` by default.
    source
        The command that trained it.
    parent
        Id of a run to stand below, as the models of a comparison do.
    on_step
        Told what begins next, in a few words.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    place, folder = place or tracking_place(), Path(folder)
    name = f"{'+'.join(stored.model.learners)} {stored.manifest.as_of or 'flat file'}"
    with _own_copy(stored, folder) as copy:
        tags = _tags(stored, copy) | ({PARENT: parent} if parent else {})
        with open_run(place, name, source=source, tags=tags, what="run", on_step=on_step) as run:
            _log_facts(run.client, run.run_id, stored, embargo_days)
            _log_files(run.client, run.run_id, stored, held_out or stored.held_out)
            model = log_model(run.client, run.experiment, run.run_id, stored, copy)
            _log_metrics(run.client, run.run_id, stored, model)
    return run.run_id


@contextmanager
def _own_copy(stored: StoredModel, folder: Path) -> Iterator[Path]:
    """Give a copy of a model's folder that no other process changes, until the block ends."""
    with scratch_folder() as temporary:
        copy = temporary / "model"
        try:
            shutil.copytree(folder, copy)
            is_same = read_model(copy).manifest == stored.manifest  # which holds the sum of every other file
        except (OSError, shutil.Error, ModelError):
            is_same = False
        if not is_same:
            shutil.rmtree(copy, ignore_errors=True)
            write_model(copy, stored)
        yield copy


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of a model folder's SHA256SUMS, which names every byte of it."""
    return hashlib.sha256((folder / files.CHECKSUMS).read_bytes()).hexdigest()


def log_inputs(client: "MlflowClient", run_id: str, facts: Mapping[str, Any]) -> None:
    """Log the files that were read, with their hashes and rows, as the run's data sets.

    Parameters
    ----------
    client, run_id
        The run.
    facts
        With ``inputs`` and ``row_counts`` as in a manifest; either may be missing.
    """
    from mlflow.entities import Dataset, DatasetInput

    counts = facts.get("row_counts", {})
    inputs = [
        Dataset(
            name=f"{row['table']}: {row['file']}",
            digest=row["sha256"][:36],  # as many as MLflow takes; data/inputs.json has them all
            source_type="local",
            source=row["file"],
            profile=f'{{"rows": {counts.get(row["table"], {}).get("rows", "null")}}}',
        )
        for row in facts.get("inputs", [])
    ]
    if inputs:
        client.log_inputs(run_id, [DatasetInput(one) for one in inputs])


def metric_values(metrics: Mapping[str, estimates.Estimate]) -> dict[str, float]:
    """Return every value there is, the ends of its interval as `_low` and `_high`."""
    return {
        f"{name}{ending}": float(number)
        for name, estimate in metrics.items()
        for number, ending in zip(estimate, ("", "_low", "_high"), strict=True)
        if number is not None
    }


def log_comparison(
    comparison: Comparison,
    found: backtest.Backtest,
    decision: promotion.Decision,
    *,
    facts: Mapping[str, Any],
    place: Place | None = None,
    on_step: OnStep | None = None,
) -> str:
    """Log a comparison; return the id of the parent run, which is finished when all of it is there.

    Parameters
    ----------
    comparison
        Of all models.
    found
        How each was made, by the same names, and the rows that judged it.
    decision
        What it came to.
    facts
        Values kept as parameters of the parent: dates, horizon, embargo; and ``inputs`` and ``row_counts``, the files
        with their hashes and rows.
    place
        By default as `tracking_place` says.
    on_step
        Told what begins next.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    tags = {"mlflow.note.content": say(decision.reason, "en"), "decision": "promote" if decision.promote else "keep"}
    place = place or tracking_place()
    name = f"compare {facts['judged'][-1] if facts.get('judged') else 'flat file'}"
    with open_run(place, name, source="churn compare", tags=tags, what="comparison", on_step=on_step) as run:
        _log_comparison(run.client, run.run_id, comparison, facts)
        for model in found.recipes:
            _log_candidate(open_child(run, model), comparison, model, found)
    return run.run_id


def log_study(
    document: Mapping[str, Any], inputs: Mapping[str, Any], *, place: Place | None = None, on_step: OnStep | None = None
) -> str:
    """Log a study and its trials; return the id of the parent run, which is finished when all of it is there.

    Parameters
    ----------
    document
        As from `churn.tuning.search.Tuned.document`; kept whole as the artifact tuned.json.
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
        _log_study(run.client, run.run_id, document, inputs)
        for trial in document["trials"]:
            _log_trial(run, trial)
    return run.run_id


def _tags(stored: StoredModel, folder: Path) -> dict[str, str]:
    manifest = stored.manifest
    return {
        # the card up to its table of metrics: what it is for, on what it was trained, how it was judged
        "mlflow.note.content": stored.card.partition("\n| metric")[0].strip(),
        "model_id": manifest.model_id,
        "folder_sha256": folder_digest(folder),
        "as_of": str(manifest.as_of),
        "churn_version": version("churn"),
    }


def _log_facts(client: "MlflowClient", run_id: str, stored: StoredModel, embargo_days: int | None) -> None:
    client.log_batch(run_id, params=_params(_training_params(stored, embargo_days)))
    log_inputs(client, run_id, stored.manifest.to_json())


def _training_params(stored: StoredModel, embargo_days: int | None) -> dict[str, Any]:
    manifest = stored.manifest
    names = ("seed", "horizon_days", "calibration_method", "calibration_chosen", "rounds", "training_rows")
    return {
        "learner": "+".join(stored.model.learners),
        "snapshots": ", ".join(map(str, manifest.snapshots)) or "none (a flat file)",
        "features": len(manifest.features),
        "out_of_time": manifest.out_of_time,
        "anchored": manifest.anchored is not None,
        "monotone": manifest.monotone is not None,
        **{name: getattr(manifest, name) for name in names if name in manifest.model_fields_set},
        **({} if embargo_days is None else {"embargo_days": embargo_days}),
        **{f"trees.{name}": value for name, value in asdict(stored.model.parameters).items()},
    }


def _log_files(client: "MlflowClient", run_id: str, stored: StoredModel, held_out: HeldOutOutcomes | None) -> None:
    with scratch_folder() as folder:
        files.write_text(folder / "MODEL_CARD.md", stored.card)
        kept = ("inputs", "row_counts", "populations", "data_begin", "data_end")
        inputs = {name: value for name, value in stored.manifest.to_json().items() if name in kept}
        files.write_json(folder / "data" / "inputs.json", inputs)
        (folder / "evaluation").mkdir()
        _draw(folder / "evaluation", stored, held_out)
        client.log_artifacts(run_id, str(folder))
    # MLflow shows a table of these, side by side for several runs
    for name, rows in (("baselines", stored.baselines), ("bindings", stored.effects.services)):
        if rows:
            table = pd.DataFrame([row.to_json() for row in rows])
            client.log_table(run_id, table.astype(object), f"evaluation/{name}.json")


def _draw(folder: Path, stored: StoredModel, held_out: HeldOutOutcomes | None) -> None:
    from churn.charts import canvas, models  # only here: matplotlib takes a third of a second

    if any(bucket.n and bucket.observed is not None for bucket in stored.baselines):
        canvas.save(models.draw_baselines(stored.baselines, title="Churn by products held"), folder / "baselines.png")
    if held_out is not None:
        _draw_judged(folder, held_out, f"held out, {stored.manifest.as_of or 'out of fold'}")


def _draw_judged(folder: Path, rows: HeldOutOutcomes, which: str) -> None:
    from churn.charts import canvas, models

    canvas.save(models.draw_calibration(*rows, title=f"Calibration, {which}"), folder / "calibration.png")
    canvas.save(models.draw_lift(*rows, title=f"Churners found, {which}"), folder / "lift.png")


def _log_metrics(client: "MlflowClient", run_id: str, stored: StoredModel, model: str) -> None:
    """Log every metric with its interval, of the run and of the model."""
    from mlflow.entities import Metric

    of_run = list(_metrics(metric_values(stored.metrics.estimates)))
    of_model = [Metric(one.key, one.value, one.timestamp, 0, model_id=model, run_id=run_id) for one in of_run]
    client.log_batch(run_id, metrics=[*of_run, *of_model])


def _log_comparison(client: "MlflowClient", run_id: str, comparison: Comparison, facts: Mapping[str, Any]) -> None:
    data = {name: facts[name] for name in ("inputs", "row_counts") if name in facts}
    shown = {name: value for name, value in facts.items() if name not in data}
    client.log_batch(run_id, params=_params(shown))
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


def _log_candidate(run: Run, comparison: Comparison, name: str, found: backtest.Backtest) -> None:
    values = metric_values(comparison.models[name]) | {"seconds": found.seconds[name]}
    params, judged = _params(_recipe_params(found.recipes[name])), found.judged
    run.client.log_batch(run.run_id, metrics=list(_metrics(values)), params=params)
    if segments := [segment.to_json() for segment in evaluate_segments(judged, name)]:
        run.client.log_table(run.run_id, pd.json_normalize(segments).astype(object), "evaluation/segments.json")
    with scratch_folder() as folder:
        _draw_judged(folder, (judged.churned, judged.predicted[name]), f"judged snapshots, {name}")
        run.client.log_artifacts(run.run_id, str(folder), "evaluation")
    run.client.set_terminated(run.run_id, "FINISHED")


def _recipe_params(recipe: Recipe) -> dict[str, Any]:
    features = "all" if recipe.only is None else str(len(recipe.only))
    own = {"learner": "+".join(recipe.learners), "monotone": recipe.monotone, "features": features, "seed": recipe.seed}
    return own | (parameters_to_json(recipe.parameters) if "lightgbm" in recipe.learners else {})


def _log_study(client: "MlflowClient", run_id: str, document: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    objective, final = document["objective"], document["final"]
    values = {f"objective_{name}": objective[name] for name in ("defaults", "tuned")}
    for row in final["metrics"]:
        values |= {f"final_{row['metric']}_{name}": row[name] for name in ("defaults", "tuned", "gain", "low", "high")}
    facts = {
        **document["study"],
        "out_of_time": objective["out_of_time"],
        "splits": objective["splits"],
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

    texts = {name: ", ".join(map(str, one)) if isinstance(one, (list, tuple)) else one for name, one in values.items()}
    return [Param(name, str(text)) for name, text in texts.items()]
