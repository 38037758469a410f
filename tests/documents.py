"""Documents of a model that was never trained."""

import datetime as dt

from churn.model.documents import HeldOutFacts, Manifest

FACTS = {
    "model_id": "00ff",
    "horizon_days": 365,
    "as_of": dt.date(2024, 7, 1),
    "snapshots": (dt.date(2024, 1, 1), dt.date(2024, 7, 1)),
    "out_of_time": True,
    "training_rows": 12345,
    "training_churn_rate": 0.125,
    "held_out": HeldOutFacts(as_of=dt.date(2024, 7, 1), rows=6000, churned=720, churn_rate=0.12, without_coverage=0),
    "thresholds": {"high": 0.24, "low": 0.06},
    "calibration_method": "beta",
    "calibration_chosen": "none",
    "calibration_log_losses": {"none": 0.25, "beta": 0.24},
    "rounds": 321,
    "seed": 7,
    "features": ("age", "tier"),
    "versions": {"python": "3.11"},
}


def make_manifest(**changes) -> Manifest:
    """Give a manifest that says what `changes` say, and else what a small training would."""
    return Manifest.model_validate(FACTS | changes)
