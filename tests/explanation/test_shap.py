import warnings

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import woodelf

from churn.errors import ModelError
from churn.explanation.shap import Contributions, base_probability, explain_features, explain_matrix, to_points
from churn.model.anchoring import Anchoring
from churn.model.calibration import Calibration
from churn.model.fitted import FittedModel
from churn.model.schema import learn_schema
from churn.model.trees import TreeParameters, fit_trees, predict_contributions, predict_margins
from churn.threads import use_threads

CALIBRATIONS = [
    Calibration(),
    Calibration("sigmoid", {"a": 0.7, "b": -0.4}),
    Calibration("beta", {"a": 1.2, "b": 0.5, "c": 0.3}),
    Calibration("isotonic", {"x": (-2.0, -0.5, 0.5, 2.0), "y": (0.02, 0.3, 0.3, 0.9)}),
]
N = 3_200  # more than FEW_ROWS: the fast way


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(N, 6))
    matrix[:, 1] = rng.integers(0, 3, N)
    matrix[rng.random(matrix.shape) < 0.15] = np.nan
    return matrix


@pytest.fixture(scope="module")
def booster(rows):
    rng = np.random.default_rng(1)
    known = np.nan_to_num(rows)
    margin = known[:, 0] - known[:, 1] + np.isnan(rows[:, 2]) + known[:, 3] * known[:, 4]
    return fit_trees(rows, (rng.random(N) < 1 / (1 + np.exp(-margin))).astype(int), TreeParameters(), rounds=40)


@pytest.fixture(scope="module")
def explained(booster, rows):
    return explain_matrix(booster, rows)


@pytest.fixture
def broken_woodelf(monkeypatch):
    def refuse(self, data, **_):
        raise AssertionError("woodelf was asked")

    monkeypatch.setattr(woodelf.WoodelfExplainer, "shap_values", refuse)


def test_values_equal_those_of_the_shap_package(booster, rows, explained):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its plots, about colours
        import shap

    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    theirs = explainer(rows, check_additivity=False)

    np.testing.assert_allclose(explained.values, theirs.values, atol=1e-4)
    np.testing.assert_allclose(explained.base_value, theirs.base_values, atol=1e-4)


def test_values_equal_lightgbms_own(booster, rows, explained):
    theirs = booster.predict(rows, pred_contrib=True)

    np.testing.assert_allclose(explained.values, theirs[:, :-1], atol=1e-4)
    np.testing.assert_allclose(explained.base_value, theirs[:, -1], atol=1e-4)


def test_values_and_the_base_value_add_up_to_the_margin_in_every_row(booster, rows, explained):
    sums = explained.values.sum(axis=1, dtype=np.float64) + explained.base_value

    np.testing.assert_allclose(sums, predict_margins(booster, rows), atol=1e-4)


def test_a_second_process_changes_no_bit(booster, rows, monkeypatch):
    monkeypatch.setattr("churn.explanation.shap.CHUNK_ROWS", 1_000)
    monkeypatch.setattr("churn.explanation.shap.POOL_ROWS", 2_000)
    with use_threads(1):
        one = explain_matrix(booster, rows)
    with use_threads(2):
        two = explain_matrix(booster, rows)

    np.testing.assert_array_equal(one.values, two.values)
    assert one.base_value == two.base_value


def test_a_file_cut_into_other_chunks_differs_by_rounding_alone(booster, rows, explained, monkeypatch):
    # 3,200 = 4 × 700 + 400: woodelf takes another way through so few rows.
    monkeypatch.setattr("churn.explanation.shap.CHUNK_ROWS", 700)
    found = explain_matrix(booster, rows).values

    np.testing.assert_array_equal(found[:2_800], explained.values[:2_800])
    np.testing.assert_allclose(found[2_800:], explained.values[2_800:], rtol=0, atol=2e-6)


@pytest.mark.usefixtures("broken_woodelf")
def test_a_small_file_takes_lightgbms_values(booster, rows):
    found = explain_matrix(booster, rows[:50])

    np.testing.assert_array_equal(found.values, predict_contributions(booster, rows[:50])[:, :-1].astype(np.float32))


def test_few_rows_is_where_the_fast_way_begins(booster, rows, monkeypatch, broken_woodelf, caplog):
    monkeypatch.setattr("churn.explanation.shap.FEW_ROWS", 50)
    explain_matrix(booster, rows[:49])
    assert caplog.messages == []

    explain_matrix(booster, rows[:50])
    assert caplog.messages == ["fast SHAP values of 50 of 50 rows did not add up; LightGBM's own stand in"]


def test_trees_that_woodelf_cannot_read_fall_back_on_lightgbm_with_a_warning(monkeypatch, caplog):
    monkeypatch.setattr("churn.explanation.shap.FEW_ROWS", 100)
    rng = np.random.default_rng(2)
    matrix = np.column_stack([rng.integers(0, 8, 400).astype(float), rng.normal(size=400)])
    y = np.isin(matrix[:, 0], (1, 4, 6)) ^ (rng.random(400) < 0.1)
    data = lgb.Dataset(matrix, y.astype(int), categorical_feature=[0], free_raw_data=False)
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 0}, data, 10)
    assert "==" in set(booster.trees_to_dataframe()["decision_type"].dropna())  # splits by category
    found = explain_matrix(booster, matrix)

    np.testing.assert_allclose(found.values, booster.predict(matrix, pred_contrib=True)[:, :-1], atol=1e-6)
    np.testing.assert_allclose(
        found.values.sum(axis=1) + found.base_value, booster.predict(matrix, raw_score=True), atol=1e-4
    )
    assert caplog.messages == ["fast SHAP values of 400 of 400 rows did not add up; LightGBM's own stand in"]


def test_rows_whose_values_do_not_add_up_are_replaced_and_no_other(booster, rows, explained, monkeypatch, caplog):
    right = woodelf.WoodelfExplainer.shap_values

    def nearly_right(self, data, **options):
        values = np.array(right(self, data, **options))
        values[7, 0] += 0.001
        values[9] = np.nan
        return values

    monkeypatch.setattr(woodelf.WoodelfExplainer, "shap_values", nearly_right)
    found = explain_matrix(booster, rows)

    slow = predict_contributions(booster, rows[[7, 9]])[:, :-1].astype(np.float32)
    np.testing.assert_array_equal(found.values[[7, 9]], slow)
    others = np.delete(np.arange(N), [7, 9])
    np.testing.assert_array_equal(found.values[others], explained.values[others])
    assert caplog.messages == [f"fast SHAP values of 2 of {N} rows did not add up; LightGBM's own stand in"]


def test_no_rows_have_no_values(booster, rows):
    found = explain_matrix(booster, rows[:0])

    assert found.values.shape == (0, 6)
    assert found.base_value == explain_matrix(booster, rows[:1]).base_value


@pytest.mark.parametrize("few_rows", [10, 1_000], ids=["fast", "slow"])
def test_a_model_of_single_leaves_says_nothing_of_any_feature(few_rows, monkeypatch):
    monkeypatch.setattr("churn.explanation.shap.FEW_ROWS", few_rows)
    matrix = np.ones((60, 3))
    booster = fit_trees(matrix, np.arange(60) % 4 == 0, TreeParameters(), rounds=5)
    found = explain_matrix(booster, matrix)

    np.testing.assert_array_equal(found.values, np.zeros((60, 3)))
    assert found.base_value == pytest.approx(np.log(15 / 45), abs=1e-6)


def test_columns_are_found_by_name_and_a_missing_one_is_refused(booster, rows):
    features = pd.DataFrame(rows[:40], columns=list("abcdef"))
    model = FittedModel(learn_schema(features), booster)
    turned = explain_features(model, features[list("fbdeca")])

    np.testing.assert_array_equal(turned.values, explain_matrix(booster, rows[:40]).values)
    with pytest.raises(ModelError, match="1 of the model's 6 columns missing: c"):
        explain_features(model, features.drop(columns="c"))


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"coverage": rng.integers(0, 7, 300).astype(float), "age": rng.normal(50, 10, 300)})


@pytest.fixture(scope="module")
def learnt(customers):
    matrix = customers.to_numpy()
    y = (matrix[:, 0] < 3) ^ (matrix[:, 1] > 60)
    return fit_trees(matrix, y.astype(int), TreeParameters(), rounds=25)


@pytest.mark.parametrize("anchoring", [None, Anchoring("coverage", (1.0, 0.5, 0.0, -0.5, -1.0))], ids=["", "anchored"])
@pytest.mark.parametrize("calibration", CALIBRATIONS, ids=lambda calibration: calibration.method)
def test_points_sum_to_the_prediction_less_the_base_rate(customers, learnt, calibration, anchoring):
    model = FittedModel(learn_schema(customers), learnt, calibration, anchoring=anchoring)
    explained = explain_features(model, customers)
    base, probability = base_probability(model, customers, explained), model.predict(customers).probability

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


def test_the_base_rate_is_everybodys_own_where_the_model_is_anchored(customers, learnt):
    explained = Contributions(np.zeros((4, 2), dtype=np.float32), 0.0)  # a base value of log-odds 0 is one half
    four = pd.DataFrame({"coverage": [0.0, 1.0, 9.0, np.nan], "age": 40.0})
    plain = FittedModel(learn_schema(customers), learnt)
    anchored = FittedModel(learn_schema(customers), learnt, anchoring=Anchoring("coverage", (1.0, 0, 0, 0, -1.0)))

    np.testing.assert_array_equal(base_probability(plain, four, explained), [0.5] * 4)
    up, down = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))
    np.testing.assert_allclose(base_probability(anchored, four, explained), [0.5, up, down, 0.5], atol=1e-15)
