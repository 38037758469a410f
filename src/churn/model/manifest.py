"""The facts of a training that `manifest.json` keeps."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.model.anchoring import AnchoredBucket
from churn.model.calibration import CalibrationChoice
from churn.model.fitted import FittedModel
from churn.model.storage import model_id

HIGH_RISK, LOW_RISK = 2.0, 0.5
"""Risk bands of the data contract: high from this multiple of the held-out churn rate on, low under that one. Of an
anchored model, multiples of its mean predicted rate: the observed one is what anchoring sets aside."""
_LIBRARIES = ("churn", "duckdb", "lightgbm", "narwhals", "numpy", "pandas", "scikit-learn", "scipy")


class HeldOut(NamedTuple):
    """Who judged the model.

    Attributes
    ----------
    as_of
        ISO date of their snapshot; None for a flat file.
    rows, churned
        Customers, and how many of them left.
    without_coverage
        Customers whose product coverage is 0 or unknown.
    out_of_time
        Whether every outcome the judged model learnt from was complete at that date.
    segments
        How the judged model did in each group of customers; see `churn.evaluation.segments`.
    failures
        A sentence for each segment in which it failed.
    intervals
        How the intervals of its probabilities held; see `churn.evaluation.validity`.
    """

    as_of: str | None
    rows: int
    churned: int
    without_coverage: int
    out_of_time: bool
    segments: Sequence[Mapping[str, Any]] = ()
    failures: Sequence[str] = ()
    intervals: Mapping[str, Any] | None = None


class AnchoredOn(NamedTuple):
    """On whom a model was anchored, and what the bank's own outcomes say of it.

    Attributes
    ----------
    as_of
        ISO date of the population; None for a flat file.
    rows, labelled
        Customers, and how many of them had a known outcome, which anchoring did not use.
    mean_predicted
        Mean anchored probability of all of them.
    inputs
        The files read, with their hashes.
    buckets
        How each bucket was anchored.
    evidence
        ``{"as_of", "buckets"}``: outcomes against stated rates, in the form of `baselines.json`, of this population
        where any is known, else of the snapshot that was held out in training.
    """

    as_of: str | None
    rows: int
    labelled: int
    mean_predicted: float
    inputs: Sequence[Mapping[str, Any]]
    buckets: Sequence[AnchoredBucket]
    evidence: Mapping[str, Any]


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of what results depend on, as they are installed here."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def build_manifest(
    model: FittedModel,
    *,
    horizon_days: int,
    snapshots: Sequence[str],
    churned: NDArray[np.int64],
    rounds: int,
    choice: CalibrationChoice,
    held_out: HeldOut,
    seed: int,
    monotone: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build `manifest.json` but for the file hashes, which come to be when it is written.

    Parameters
    ----------
    model
        The model that will be stored.
    horizon_days
        Days after the as-of date within which leaving counts.
    snapshots
        ISO dates of the snapshots it was fitted on, ascending; none for a flat file.
    churned
        Outcomes it was fitted on, 0 or 1, shape (n,).
    rounds
        Number of trees.
    choice
        The calibration method, and the log loss of each.
    held_out
        Who judged it; their churn rate sets the risk bands.
    seed
        Of the training.
    monotone
        Where bindings can only lower the risk: which columns, and what that cost; see `churn.model.monotone`.
    facts
        The caller's own; they cannot replace any of these.
    """
    rate = held_out.churned / held_out.rows
    own = {
        "model_id": model_id(model),
        "horizon_days": horizon_days,
        "as_of": held_out.as_of,
        "snapshots": list(snapshots),
        "out_of_time": held_out.out_of_time,
        "training_rows": len(churned),
        "training_churn_rate": float(np.mean(churned)),
        "held_out": {
            "as_of": held_out.as_of,
            "rows": held_out.rows,
            "churned": held_out.churned,
            "churn_rate": rate,
            "without_coverage": held_out.without_coverage,
            "segments": list(held_out.segments),
            "failures": list(held_out.failures),
        },
        "intervals": held_out.intervals,
        "thresholds": _thresholds(rate),
        "calibration_method": model.calibration.method,
        "calibration_chosen": choice.method,
        "calibration_log_losses": choice.log_losses,
        "learners": list(model.learners),
        "rounds": rounds,
        "seed": seed,
        "features": list(model.schema.names),
        "versions": library_versions(),
        **({"monotone": dict(monotone)} if monotone else {}),
    }
    return own | {name: value for name, value in (facts or {}).items() if name not in own}


def anchor_manifest(manifest: Mapping[str, Any], model: FittedModel, anchored: AnchoredOn) -> dict[str, Any]:
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
    document = {
        **anchored._asdict(),
        "inputs": list(anchored.inputs),
        "buckets": [bucket._asdict() for bucket in anchored.buckets],
        "from_model": model_id(replace(model, anchoring=None)),
        "thresholds_before": manifest.get("anchored", {}).get("thresholds_before", manifest["thresholds"]),
        "metrics_describe": "the model before anchoring",
    }
    return {
        **manifest,
        "model_id": model_id(model),
        "thresholds": _thresholds(anchored.mean_predicted),
        "anchored": document,
    }


def _thresholds(rate: float) -> dict[str, float]:
    return {"high": HIGH_RISK * rate, "low": LOW_RISK * rate}
