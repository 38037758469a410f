import numpy as np
import pandas as pd
import pytest

from churn.explanation.points import base_probability, to_points
from churn.explanation.shap import Contributions, explain_features
from churn.model.anchoring import Anchoring
from churn.model.calibration import Calibration
from churn.model.fitted import FittedModel
from churn.model.schema import learn_schema
from churn.model.trees import TreeParameters, fit_trees

CALIBRATIONS = [
    Calibration(),
    Calibration("sigmoid", {"a": 0.7, "b": -0.4}),
    Calibration("beta", {"a": 1.2, "b": 0.5, "c": 0.3}),
    Calibration("isotonic", {"x": (-2.0, -0.5, 0.5, 2.0), "y": (0.02, 0.3, 0.3, 0.9)}),
]


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"coverage": rng.integers(0, 7, 300).astype(float), "age": rng.normal(50, 10, 300)})


@pytest.fixture(scope="module")
def booster(features):
    matrix = features.to_numpy()
    y = (matrix[:, 0] < 3) ^ (matrix[:, 1] > 60)
    return fit_trees(matrix, y.astype(int), TreeParameters(), rounds=25)


@pytest.mark.parametrize("anchoring", [None, Anchoring("coverage", (1.0, 0.5, 0.0, -0.5, -1.0))], ids=["", "anchored"])
@pytest.mark.parametrize("calibration", CALIBRATIONS, ids=lambda calibration: calibration.method)
def test_points_sum_to_the_prediction_less_the_base_rate(features, booster, calibration, anchoring):
    model = FittedModel(learn_schema(features), booster, calibration, anchoring=anchoring)
    explained = explain_features(model, features)
    base, probability = base_probability(model, features, explained), model.predict(features).probability

    points = to_points(explained.values, base, probability)

    np.testing.assert_allclose(points.sum(axis=1), probability - base, rtol=0, atol=1e-12)


def test_each_feature_has_its_share_of_the_distance():
    # φ = 1.0, -0.5, 1.5 sum to 2: half of the distance of 0.2, a quarter of it back, three quarters of it.
    found = to_points(np.array([[1.0, -0.5, 1.5]], dtype=np.float32), np.array([0.3]), np.array([0.5]))

    np.testing.assert_allclose(found, [[0.1, -0.05, 0.15]], rtol=0, atol=1e-15)


def test_points_are_zero_where_the_shap_values_sum_to_zero():
    values = np.array([[0.25, -0.25], [0.0, 0.0], [0.5, 0.5]], dtype=np.float32)
    found = to_points(values, np.full(3, 0.2), np.array([0.4, 0.4, 0.4]))

    np.testing.assert_allclose(found, [[0, 0], [0, 0], [0.1, 0.1]], rtol=0, atol=1e-15)


def test_nobody_has_no_points():
    assert to_points(np.empty((0, 3), dtype=np.float32), np.empty(0), np.empty(0)).shape == (0, 3)


def test_the_base_rate_is_everybodys_own_where_the_model_is_anchored(features, booster):
    explained = Contributions(np.zeros((4, 2), dtype=np.float32), 0.0)  # a base value of log-odds 0 is one half
    four = pd.DataFrame({"coverage": [0.0, 1.0, 9.0, np.nan], "age": 40.0})
    plain = FittedModel(learn_schema(features), booster)
    anchored = FittedModel(learn_schema(features), booster, anchoring=Anchoring("coverage", (1.0, 0, 0, 0, -1.0)))

    np.testing.assert_array_equal(base_probability(plain, four, explained), [0.5] * 4)
    up, down = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))
    np.testing.assert_allclose(base_probability(anchored, four, explained), [0.5, up, down, 0.5], atol=1e-15)
