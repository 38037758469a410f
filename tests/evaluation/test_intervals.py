import json

import numpy as np
import pytest

from churn.errors import DataError
from churn.estimates import Estimate
from churn.evaluation.metrics import METRICS, bootstrap_estimates, evaluate

GENERATOR = np.random.default_rng(0)
Y_PRED = GENERATOR.beta(1, 4, 1000)
Y_OBS = (GENERATOR.random(1000) < Y_PRED).astype(np.int64)


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
