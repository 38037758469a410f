"""A training as a run of MLflow: what went in, what came out, and the model itself."""

import hashlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike

from churn.charts import canvas, models
from churn.estimates import Estimate
from churn.files import CHECKSUMS, write_json, write_text
from churn.model.storage import StoredModel
from churn.tracking.logged_model import log_model
from churn.tracking.place import Place, tracking_place
from churn.tracking.session import PARENT, OnStep, open_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

HeldOutOutcomes = tuple[ArrayLike, ArrayLike]


def log_training(
    stored: StoredModel,
    folder: Path,
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
        Its folder, logged byte for byte.
    place
        By default as `tracking_place` says.
    embargo_days
        Of the training; left out of the parameters if not known.
    held_out
        Outcomes (0 or 1) and probabilities of the rows that judged the model, each of shape (n,), for the plots of
        calibration and lift.
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
    place = place or tracking_place()
    tags = _tags(stored, folder) | ({PARENT: parent} if parent else {})
    with open_run(place, _run_name(stored), source=source, tags=tags, what="run", on_step=on_step) as run:
        _log_facts(run.client, run.run_id, stored, embargo_days)
        _log_files(run.client, run.run_id, stored, held_out)
        model = log_model(run.client, run.experiment, run.run_id, stored, folder)
        _log_metrics(run.client, run.run_id, stored, model)
    return run.run_id


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of a model folder's SHA256SUMS, which names every byte of it."""
    return hashlib.sha256((folder / CHECKSUMS).read_bytes()).hexdigest()


def _run_name(stored: StoredModel) -> str:
    return f"{'+'.join(stored.model.learners)} {stored.manifest.as_of or 'flat file'}"


def _tags(stored: StoredModel, folder: Path) -> dict[str, str]:
    manifest = stored.manifest
    return {
        "mlflow.note.content": _description(stored),
        "model_id": manifest.model_id,
        "folder_sha256": folder_digest(folder),
        "as_of": str(manifest.as_of),
        "churn_version": version("churn"),
    }


def _description(stored: StoredModel) -> str:
    """Return the card up to its table of metrics: what it is for, on what it was trained, how it was judged."""
    return stored.card.partition("\n| metric")[0].strip()


def _log_facts(client: "MlflowClient", run_id: str, stored: StoredModel, embargo_days: int | None) -> None:
    from mlflow.entities import Param

    params = _params(stored, embargo_days)
    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in params.items()])
    log_inputs(client, run_id, stored.manifest.to_json())


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


def _params(stored: StoredModel, embargo_days: int | None) -> dict[str, Any]:
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
    with tempfile.TemporaryDirectory(prefix="churn-") as temporary:
        folder = Path(temporary)
        write_text(folder / "MODEL_CARD.md", stored.card)
        write_json(folder / "data" / "inputs.json", _inputs(stored))
        (folder / "evaluation").mkdir()
        _draw(folder / "evaluation", stored, held_out)
        client.log_artifacts(run_id, str(folder))
    # MLflow shows a table of these, side by side for several runs
    for name, rows in (("baselines", stored.baselines), ("bindings", stored.effects.services)):
        if rows:
            table = pd.DataFrame([row.to_json() for row in rows])
            client.log_table(run_id, table.astype(object), f"evaluation/{name}.json")


def _inputs(stored: StoredModel) -> dict[str, Any]:
    kept = ("inputs", "row_counts", "populations", "data_begin", "data_end")
    return {name: value for name, value in stored.manifest.to_json().items() if name in kept}


def _draw(folder: Path, stored: StoredModel, held_out: HeldOutOutcomes | None) -> None:
    if any(bucket.n and bucket.observed is not None for bucket in stored.baselines):
        canvas.save(models.draw_baselines(stored.baselines, title="Churn by products held"), folder / "baselines.png")
    if held_out is not None:
        as_of = stored.manifest.as_of or "out of fold"
        calibration = models.draw_calibration(*held_out, title=f"Calibration, held out, {as_of}")
        canvas.save(calibration, folder / "calibration.png")
        canvas.save(models.draw_lift(*held_out, title=f"Churners found, held out, {as_of}"), folder / "lift.png")


def _log_metrics(client: "MlflowClient", run_id: str, stored: StoredModel, model: str) -> None:
    """Log every metric with its interval, of the run and of the model."""
    from mlflow.entities import Metric

    moment = int(time.time() * 1000)
    values = metric_values(stored.metrics.estimates)
    of_run = [Metric(name, value, moment, 0) for name, value in values.items()]
    of_model = [Metric(name, value, moment, 0, model_id=model, run_id=run_id) for name, value in values.items()]
    client.log_batch(run_id, metrics=[*of_run, *of_model])


def metric_values(metrics: Mapping[str, Estimate]) -> dict[str, float]:
    """Return every value there is, the ends of its interval as `_low` and `_high`."""
    return {
        f"{name}{ending}": float(number)
        for name, estimate in metrics.items()
        for number, ending in zip(estimate, ("", "_low", "_high"), strict=True)
        if number is not None
    }
