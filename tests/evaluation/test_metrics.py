import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn import metrics as reference
from sklearn.linear_model import LogisticRegression

from churn.errors import DataError
from churn.estimates import Estimate
from churn.evaluation.metrics import (
    METRICS,
    average_precision,
    bootstrap_estimates,
    brier_score,
    calibration_intercept,
    calibration_slope,
    ece,
    evaluate,
    log_loss,
    roc_auc,
    top_decile_lift,
    top_decile_lift_share,
)

PAIRS = [
    (roc_auc, reference.roc_auc_score),
    (average_precision, reference.average_precision_score),
    (log_loss, reference.log_loss),
    (brier_score, reference.brier_score_loss),
]
NAMES = [own.__name__ for own, _ in PAIRS]
GENERATOR = np.random.default_rng(0)
Y_PRED = GENERATOR.beta(1, 4, 1000)
Y_OBS = (GENERATOR.random(1000) < Y_PRED).astype(np.int64)


def _calibrated(n=3000, decimals=3, seed=0):
    generator = np.random.default_rng(seed)
    y_pred = np.round(generator.beta(1, 4, n), decimals)
    return (generator.random(n) < y_pred).astype(np.int64), y_pred


@pytest.mark.parametrize(("own", "other"), PAIRS, ids=NAMES)
@pytest.mark.parametrize("decimals", [1, 2, 16], ids=["many ties", "some ties", "no tie"])
def test_equals_scikit_learn(own, other, decimals):
    y_obs, y_pred = _calibrated(500, decimals)

    assert own(y_obs, y_pred) == pytest.approx(other(y_obs, y_pred), rel=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), min_size=2, max_size=40))
def test_equals_scikit_learn_on_any_rows_with_both_outcomes(rows):
    y_obs, y_pred = zip(*[*rows, (0, 0.5), (1, 0.5)], strict=True)

    for own, other in PAIRS:
        assert own(y_obs, y_pred) == pytest.approx(other(y_obs, y_pred), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_the_order_of_the_rows_changes_nothing(metric):
    y_obs, y_pred = _calibrated(400, decimals=1)
    order = np.random.default_rng(1).permutation(400)

    assert metric(y_obs[order], y_pred[order]) == pytest.approx(metric(y_obs, y_pred), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_every_row_twice_changes_nothing(metric):
    y_obs, y_pred = _calibrated(400, decimals=2)

    assert metric(np.tile(y_obs, 2), np.tile(y_pred, 2)) == pytest.approx(metric(y_obs, y_pred), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_certain_predictions_break_nothing(metric):
    value = metric([0, 1, 0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0, 0.5, 0.25])

    assert np.isfinite(value)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_alone_leaves_undefined_what_needs_both(metric, outcome):
    value = metric([outcome] * 4, [0.1, 0.2, 0.3, 0.4])

    needs_both = {"roc_auc", "calibration_slope", "calibration_intercept"}
    needs_churners = {"average_precision", "top_decile_lift", "top_decile_lift_share"}
    undefined = metric.__name__ in needs_both or (outcome == 0 and metric.__name__ in needs_churners)
    assert np.isnan(value) == undefined


def test_all_right_all_wrong_and_all_tied_rankings():
    y_obs = [0, 0, 0, 1]

    assert roc_auc(y_obs, [0.1, 0.2, 0.3, 0.4]) == 1
    assert roc_auc(y_obs, [0.4, 0.3, 0.2, 0.1]) == 0
    assert roc_auc(y_obs, [0.2, 0.2, 0.2, 0.2]) == 0.5
    assert average_precision(y_obs, [0.4, 0.3, 0.2, 0.1]) == 0.25


def test_a_wrong_certainty_costs_36_nats():
    assert log_loss([1], [0.0]) == pytest.approx(52 * np.log(2))  # machine epsilon is 2 ** -52


def test_brier_score_is_squared_bias_and_variance_of_a_constant_prediction():
    # (0.3 - 0.25)^2 + 0.25 x 0.75
    assert brier_score([0, 0, 0, 1], [0.3] * 4) == pytest.approx(0.0025 + 0.1875)


def test_ece_of_ten_rows_is_their_mean_absolute_residual():
    y_obs = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 1])
    y_pred = np.linspace(0.05, 0.95, 10)

    assert ece(y_obs, y_pred) == pytest.approx(np.abs(y_obs - y_pred).mean())


def test_ece_of_distinct_predictions_is_that_of_its_bins():
    # 20 rows, bins of two: within each the residuals add up before the absolute value is taken
    y_obs = np.tile([0, 1], 10)
    y_pred = np.linspace(0.02, 0.97, 20)

    expected = np.abs((y_obs - y_pred).reshape(10, 2).sum(axis=1)).sum() / 20

    assert ece(y_obs, y_pred) == pytest.approx(expected)


def test_ece_of_one_tied_group_is_the_error_in_the_large():
    assert ece([0, 0, 0, 1], [0.5] * 4) == pytest.approx(0.25)


def test_ece_shares_out_a_tied_group_across_bins():
    # bins of two rows: {0.2, half of the three 0.5s ...}: residuals -0.2, then 1.0 - 0.5 x 3 + 0.5 = 0.0 over three
    # rows 0.5 (outcomes 1, 0, 1 -> +0.5 in all, a third each); bin 1 holds row 0 and one third of it
    value = ece([0, 1, 0, 1], [0.2, 0.5, 0.5, 0.5], n_bins=2)

    assert value == pytest.approx((abs(-0.2 + 0.5 / 3) + 0.5 * 2 / 3) / 4)


def test_ece_is_no_less_than_the_error_in_the_large():
    y_obs, y_pred = _calibrated()

    assert ece(y_obs, y_pred) >= abs(y_obs.mean() - y_pred.mean())


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.3), (2.0, -1.0)])
def test_slope_equals_logistic_regression_without_penalty(slope, intercept):
    generator = np.random.default_rng(0)
    log_odds = generator.normal(-1, 1.5, 2000)
    y_obs = (generator.random(2000) < expit(slope * log_odds + intercept)).astype(np.int64)
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(log_odds[:, None], y_obs)

    assert calibration_slope(y_obs, expit(log_odds)) == pytest.approx(other.coef_[0, 0], rel=1e-5)


def test_intercept_makes_the_mean_prediction_the_churn_rate():
    y_obs, y_pred = _calibrated()
    too_high = expit(logit(np.clip(y_pred, 0.001, 0.999)) + 0.7)

    intercept = calibration_intercept(y_obs, too_high)

    assert intercept < -0.5
    assert expit(logit(too_high) + intercept).mean() == pytest.approx(y_obs.mean(), abs=1e-10)


def test_recalibrated_predictions_have_slope_1_and_intercept_0():
    y_obs, y_pred = _calibrated()
    log_odds = logit(np.clip(y_pred, 0.001, 0.999))
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(log_odds[:, None], y_obs)
    y_new = other.predict_proba(log_odds[:, None])[:, 1]

    assert calibration_slope(y_obs, y_new) == pytest.approx(1, abs=1e-5)
    assert calibration_intercept(y_obs, y_new) == pytest.approx(0, abs=1e-5)


def test_predictions_too_extreme_have_a_slope_below_1():
    y_obs, y_pred = _calibrated()
    extreme = expit(2 * logit(np.clip(y_pred, 0.001, 0.999)))

    assert calibration_slope(y_obs, extreme) == pytest.approx(0.5, abs=0.06)


def test_no_slope_where_predictions_are_constant_or_separate_the_outcomes():
    assert np.isnan(calibration_slope([0, 1, 0, 1], [0.3] * 4))
    assert np.isnan(calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]))


def test_lift_of_the_highest_two_of_twenty():
    # 4 of 20 churn, one of the two highest: 0.5 / 0.2
    y_obs = [0] * 15 + [1, 1, 1, 0, 1]

    assert top_decile_lift(y_obs, np.arange(20) / 20) == pytest.approx(2.5)
    assert top_decile_lift_share(y_obs, np.arange(20) / 20) == pytest.approx(0.5)


def test_lift_of_ties_is_the_mean_over_their_orders():
    # the tenth is one row of ten; three tie for it and one of them churns: (1 / 3) / 0.2
    y_obs = [1, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    y_pred = [0.1] * 7 + [0.9] * 3

    assert top_decile_lift(y_obs, y_pred) == pytest.approx(1 / 3 / 0.2)


def test_lift_without_any_ranking_is_1():
    assert top_decile_lift([0, 0, 1, 0, 1], [0.2] * 5) == pytest.approx(1)


def test_lift_takes_a_tenth_that_is_no_whole_row():
    # 15 rows, 1.5 in the tenth: the highest (churned) and half of the next (stayed)
    y_obs = [0] * 12 + [1, 0, 1]

    assert top_decile_lift(y_obs, np.arange(15) / 15) == pytest.approx((1 / 1.5) / (2 / 15))


def test_a_perfect_ranking_reaches_the_whole_share_at_any_rate():
    for n_churned in (5, 10, 40):
        y_obs = np.repeat([0, 1], [100 - n_churned, n_churned])
        assert top_decile_lift_share(y_obs, np.arange(100) / 100) == pytest.approx(1)


def test_every_metric_has_its_value_within_its_interval_but_ece():
    found = evaluate(Y_OBS, Y_PRED)

    assert list(found) == [metric.__name__ for metric in METRICS]
    for metric in METRICS:
        estimate = found[metric.__name__]
        assert estimate.value == pytest.approx(metric(Y_OBS, Y_PRED), rel=1e-12)
        # resampling adds noise to every bin, so that an ECE near 0 lies below its draws
        assert estimate.low < estimate.high
        assert metric.__name__ == "ece" or estimate.low < estimate.value < estimate.high


def test_same_seed_same_interval_and_another_seed_another():
    first, again = evaluate(Y_OBS, Y_PRED, n_boot=20, seed=1), evaluate(Y_OBS, Y_PRED, n_boot=20, seed=1)

    assert first == again
    assert first["roc_auc"].low != evaluate(Y_OBS, Y_PRED, n_boot=20, seed=2)["roc_auc"].low


def test_one_outcome_alone_gives_nulls_and_keeps_the_rest():
    found = evaluate([0, 0, 0], [0.1, 0.2, 0.3], n_boot=5)

    for name in ("roc_auc", "average_precision", "calibration_slope", "calibration_intercept", "top_decile_lift"):
        assert found[name] == Estimate(None, None, None)
    assert found["brier_score"].value == pytest.approx((0.01 + 0.04 + 0.09) / 3)
    assert found["log_loss"].value > 0


def test_estimates_are_json():
    documents = {name: estimate._asdict() for name, estimate in evaluate([0, 1, 0], [0.0, 1.0, 0.5], n_boot=9).items()}

    assert json.loads(json.dumps(documents, allow_nan=False)) == documents


def test_interval_of_a_mean_is_that_of_the_normal_approximation():
    values = np.random.default_rng(1).normal(size=2500)

    found = bootstrap_estimates(lambda rows: {"mean": float(values[rows].mean())}, 2500, n_boot=2000)["mean"]

    # 1.96 / sqrt(2500) = 0.0392 on either side, with a bootstrap error of about 4 %
    assert found.high - found.value == pytest.approx(0.0392, rel=0.15)
    assert found.value - found.low == pytest.approx(0.0392, rel=0.15)


def test_copies_of_a_customers_row_do_not_narrow_the_interval():
    def width(y_obs, y_pred, groups):
        found = evaluate(y_obs, y_pred, n_boot=300, groups=groups)["brier_score"]
        return found.high - found.low

    alone = width(Y_OBS, Y_PRED, None)
    copied = np.tile(Y_OBS, 4), np.tile(Y_PRED, 4)

    assert width(*copied, np.tile(np.arange(1000), 4)) == pytest.approx(alone, rel=0.2)
    assert width(*copied, None) == pytest.approx(alone / 2, rel=0.2)


def test_draws_that_do_not_define_a_statistic_are_left_out():
    # the mean over even rows is undefined where none is drawn
    values = np.array([1.0, 2.0, 3.0])

    def even_mean(rows):
        even = rows[rows % 2 == 0]
        return {"mean": float(values[even].mean()) if len(even) else float("nan")}

    found = bootstrap_estimates(even_mean, 3, n_boot=200)["mean"]

    assert found.value == 2
    assert (found.low, found.high) == (1, 3)


@pytest.mark.parametrize(
    ("y_obs", "y_pred", "message"),
    [
        ([], [], "0 outcomes and 0 predictions"),
        ([0, 1], [0.5], "2 outcomes and 1 predictions"),
        ([0, 2], [0.5, 0.5], "1 outcomes are neither 0 nor 1"),
        ([0, np.nan], [0.5, 0.5], "1 outcomes are neither 0 nor 1"),
        ([0, 1], [0.5, 1.5], r"1 predictions are not in \[0, 1\]"),
        ([0, 1], [np.nan, np.nan], r"2 predictions are not in \[0, 1\]"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused(y_obs, y_pred, message):
    with pytest.raises(DataError, match=message):
        evaluate(y_obs, y_pred)
