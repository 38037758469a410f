import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from churn.model.learners.scorecard import SMOOTHING, STRENGTH, fit_scorecard
from churn.model.trees import predict_contributions, predict_margins


def _fit(matrix, y):
    return fit_scorecard(np.asarray(matrix, dtype=float), np.asarray(y), rounds=1, seed=0)


def test_points_of_a_yes_or_no_are_the_logistic_regression_on_its_weight_of_evidence():
    # 100 of 300 with a 1 left, 150 of 200 with a 0
    x = np.r_[np.ones(300), np.zeros(200)]
    y = np.r_[np.ones(100), np.zeros(200), np.ones(150), np.zeros(50)].astype(int)
    rate = 250 / 500
    odds = {
        1: (100 + SMOOTHING * rate) / (200 + SMOOTHING * (1 - rate)),
        0: (150 + SMOOTHING * rate) / (50 + SMOOTHING * (1 - rate)),
    }
    evidence = np.array([[np.log(odds[int(value)] / (rate / (1 - rate)))] for value in x])
    reference = LogisticRegression(C=STRENGTH, tol=1e-10, max_iter=1000).fit(evidence, y)

    margins = predict_margins(_fit(x[:, None], y), x[:, None])

    assert margins == pytest.approx(reference.decision_function(evidence), abs=1e-4)


def test_margin_is_the_sum_of_what_each_column_says():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(500, 3))
    matrix[::5, 0] = np.nan
    y = (np.nan_to_num(matrix[:, 0]) + matrix[:, 1] ** 2 + rng.normal(size=500) > 1).astype(int)
    booster = _fit(matrix, y)

    at_first = np.tile(matrix[:1], (3, 1))
    at_first[1, 1], at_first[2, 2] = 3.0, -3.0
    both = at_first[:1].copy()
    both[0, 1], both[0, 2] = 3.0, -3.0

    base, one, two = predict_margins(booster, at_first)
    assert predict_margins(booster, both)[0] == pytest.approx(one + two - base)


def test_curve_that_no_straight_line_follows_is_followed():
    rng = np.random.default_rng(2)
    x = rng.uniform(-3, 3, 4000)
    y = (rng.random(4000) < np.where(np.abs(x) > 2, 0.9, 0.1)).astype(int)
    margins = predict_margins(_fit(x[:, None], y), np.array([[-2.9], [0.0], [2.9]]))
    assert margins[0] > 1
    assert margins[1] < -1
    assert margins[2] > 1


def test_missing_values_are_a_bin_of_their_own():
    x = np.r_[np.full(200, np.nan), np.arange(200.0)]
    y = np.r_[np.ones(160), np.zeros(40), np.arange(200) % 2].astype(int)
    missing, known = predict_margins(_fit(x[:, None], y), np.array([[np.nan], [100.0]]))
    assert missing > 1 > abs(known)


@pytest.mark.parametrize("column", [np.full(200, np.nan), np.full(200, 7.0)], ids=["all missing", "constant"])
def test_column_that_says_nothing_has_no_points(column):
    x = np.arange(200.0)
    booster = _fit(np.column_stack([column, x]), (x > 100).astype(int))
    contributions = predict_contributions(booster, np.array([[7.0, 150.0], [np.nan, 150.0]]))
    assert contributions[:, 0].tolist() == [0, 0]


def test_columns_that_all_say_nothing_give_the_rate_of_all():
    booster = _fit(np.full((200, 2), 7.0), np.r_[np.ones(50), np.zeros(150)])
    assert predict_margins(booster, np.array([[7.0, 7.0]])) == pytest.approx(np.log(50 / 150), abs=1e-3)
