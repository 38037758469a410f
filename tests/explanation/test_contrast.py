import numpy as np
import pytest
from scipy.stats import bootstrap

from churn.explanation.contrast import LEAST_GROUP, N_BOOT, NO_CONTRAST, contrast_shap


def test_a_contrast_by_hand():
    bound = np.arange(20) < 10
    log_odds = np.where(bound, -0.6, 0.2)
    points = np.where(bound, np.tile([-0.1, -0.3], 10), 0.05)  # means -0.2 and 0.05
    found = contrast_shap(log_odds, points, bound)

    assert (found.bound, found.unbound) == (pytest.approx(-0.6), pytest.approx(0.2))
    assert found.log_odds == pytest.approx(-0.8)
    assert found.points.value == pytest.approx(-0.25)


def test_the_interval_holds_the_difference_and_is_the_bootstrap_of_another_library():
    rng = np.random.default_rng(0)
    points, bound = rng.normal(0, 0.1, 400), np.arange(400) < 150
    points[bound] -= 0.05
    found = contrast_shap(points, points, bound).points

    def difference(one, other, axis=-1):
        return one.mean(axis=axis) - other.mean(axis=axis)

    theirs = bootstrap((points[bound], points[~bound]), difference, method="percentile", n_resamples=2_000, rng=rng)
    assert found.low < found.value < found.high
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    # So many resamples know the end of an interval to about a tenth of its width.
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.15 * width)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.15 * width)
    assert N_BOOT == 200


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values, bound = np.random.default_rng(0).normal(size=60), np.arange(60) < 30
    one, same, other = (contrast_shap(values, values, bound, seed=seed) for seed in (1, 1, 2))

    assert one == same
    assert one.points.value == other.points.value
    assert one.points.low != other.points.low


@pytest.mark.parametrize("n_bound", [0, LEAST_GROUP - 1, 100 - LEAST_GROUP + 1, 100])
def test_a_tiny_group_has_no_contrast(n_bound):
    bound = np.arange(100) < n_bound

    assert contrast_shap(np.ones(100), np.ones(100), bound) == NO_CONTRAST


@pytest.mark.parametrize("n_bound", [LEAST_GROUP, 100 - LEAST_GROUP])
def test_the_least_group_has_a_contrast(n_bound):
    assert contrast_shap(np.ones(100), np.ones(100), np.arange(100) < n_bound).log_odds == 0
