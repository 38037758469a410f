"""The facts of a training that `manifest.json` keeps."""

import datetime as dt
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.model.calibration import CalibrationChoice
from churn.model.documents import Anchored, HeldOutFacts, IntervalFacts, Manifest, MonotoneFacts, Thresholds
from churn.model.fitted import FittedModel
from churn.model.storage import model_id

HIGH_RISK, LOW_RISK = 2.0, 0.5
"""Risk bands of the data contract: high from this multiple of the held-out churn rate on, low under that one. Of an
anchored model, multiples of its mean predicted rate: the observed one is what anchoring sets aside."""
_LIBRARIES = ("churn", "duckdb", "lightgbm", "narwhals", "numpy", "pandas", "scikit-learn", "scipy")


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of what results depend on, as they are installed here."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def build_manifest(
    model: FittedModel,
    *,
    horizon_days: int,
    snapshots: Sequence[dt.date],
    churned: NDArray[np.int64],
    rounds: int,
    choice: CalibrationChoice,
    held_out: HeldOutFacts,
    out_of_time: bool,
    seed: int,
    intervals: IntervalFacts | None = None,
    monotone: MonotoneFacts | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Manifest:
    """Build `manifest.json` but for the file hashes, which come to be when it is written.

    Parameters
    ----------
    model
        The model that will be stored.
    horizon_days
        Days after the as-of date within which leaving counts.
    snapshots
        Dates of the snapshots it was fitted on, ascending; none for a flat file.
    churned
        Outcomes it was fitted on, 0 or 1, shape (n,).
    rounds
        Number of trees.
    choice
        The calibration method, and the log loss of each.
    held_out
        Who judged it; their churn rate sets the risk bands.
    out_of_time
        Whether every outcome the judged model learnt from was complete at that date.
    seed
        Of the training.
    intervals
        How the intervals of its probabilities held.
    monotone
        Where bindings can only lower the risk, and what that cost; None of a model that is free.
    facts
        The caller's own; they cannot replace any of these.
    """
    own = {
        "model_id": model_id(model),
        "horizon_days": horizon_days,
        "as_of": held_out.as_of,
        "snapshots": snapshots,
        "out_of_time": out_of_time,
        "training_rows": len(churned),
        "training_churn_rate": float(np.mean(churned)),
        "held_out": held_out,
        "intervals": intervals,
        "thresholds": risk_thresholds(held_out.churn_rate),
        "calibration_method": model.calibration.method,
        "calibration_chosen": choice.method,
        "calibration_log_losses": choice.log_losses,
        "learners": model.learners,
        "rounds": rounds,
        "seed": seed,
        "features": model.schema.names,
        "versions": library_versions(),
        **({"monotone": monotone} if monotone else {}),
    }
    return Manifest.model_validate({**(facts or {}), **own})


def anchor_manifest(manifest: Manifest, model: FittedModel, anchored: Anchored) -> Manifest:
    """Return the manifest of a model that was anchored after its training.

    It gains ``anchored``, another model id and other risk bands; all else is still the training's. A model anchored
    before is as if it had not been.

    Parameters
    ----------
    manifest
        That of the model before.
    model
        The anchored model.
    anchored
        On whom.
    """
    changed = {
        "model_id": model_id(model),
        "thresholds": risk_thresholds(anchored.mean_predicted),
        "anchored": anchored,
    }
    return manifest.model_copy(update=changed)


def risk_thresholds(rate: float) -> Thresholds:
    """Return where the risk bands begin, as multiples of a churn rate."""
    return Thresholds(high=HIGH_RISK * rate, low=LOW_RISK * rate)
