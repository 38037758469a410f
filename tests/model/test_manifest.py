import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from churn.model.calibration import CalibrationChoice
from churn.model.documents import HeldOutFacts, MonotoneFacts, Thresholds
from churn.model.fitted import FittedModel
from churn.model.manifest import build_manifest
from churn.model.schema import encode, learn_schema
from churn.model.storage import model_id
from churn.model.trees import TreeParameters, fit_trees


@pytest.fixture(scope="module")
def model():
    features = pd.DataFrame({"b": np.arange(60), "a": np.arange(60) % 7})
    schema = learn_schema(features)
    y = (features["b"] > 30).to_numpy(dtype=np.int64)
    return FittedModel(schema, fit_trees(encode(features, schema).matrix, y, TreeParameters(), rounds=3))


def _build(model, facts=None, monotone=None):
    return build_manifest(
        model,
        horizon_days=90,
        snapshots=[dt.date(2024, 1, 1), dt.date(2024, 4, 1)],
        churned=np.array([0, 0, 0, 1]),
        rounds=3,
        choice=CalibrationChoice("none", {"none": 0.5}),
        held_out=HeldOutFacts(
            as_of=dt.date(2024, 4, 1), rows=50, churned=10, churn_rate=0.2, without_coverage=2, segments=(), failures=()
        ),
        out_of_time=True,
        seed=4,
        monotone=monotone,
        facts=facts,
    )


def test_facts_of_the_training_are_kept(model):
    manifest = _build(model).to_json()

    expected = {
        "model_id": model_id(model),
        "horizon_days": 90,
        "as_of": "2024-04-01",
        "snapshots": ["2024-01-01", "2024-04-01"],
        "out_of_time": True,
        "training_rows": 4,
        "training_churn_rate": 0.25,
        "calibration_method": "none",
        "rounds": 3,
        "seed": 4,
        "features": ["b", "a"],
        "held_out": {
            "as_of": "2024-04-01",
            "rows": 50,
            "churned": 10,
            "churn_rate": 0.2,
            "without_coverage": 2,
            "segments": [],
            "failures": [],
        },
    }
    assert expected.items() <= manifest.items()


def test_high_risk_is_twice_and_low_risk_half_the_held_out_churn_rate(model):
    assert _build(model).thresholds == Thresholds(high=0.4, low=0.1)


def test_versions_name_python_and_the_libraries(model):
    assert {"python", "churn", "lightgbm", "numpy", "pandas", "scikit-learn"} <= _build(model).versions.keys()


def test_the_callers_facts_are_kept_and_replace_nothing(model):
    manifest = _build(model, {"flat": {"id": "CLIENTNUM"}, "horizon_days": 1})

    assert manifest.flat == {"id": "CLIENTNUM"}
    assert manifest.horizon_days == 90


def test_the_manifest_is_json(model):
    manifest = _build(model).to_json()

    assert json.loads(json.dumps(manifest, allow_nan=False)) == manifest


def test_what_bindings_are_held_to_is_kept_only_where_they_are(model):
    facts = MonotoneFacts(falling=("b",), dropped=(), roc_auc=0.8, roc_auc_unconstrained=0.81)

    assert _build(model, monotone=facts).to_json()["monotone"] == facts.to_json()
    assert "monotone" not in _build(model).to_json()
