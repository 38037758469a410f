"""What is expected of services, on many banks whose true effects are known."""

import numpy as np
import pytest

from churn.estimates import Estimate
from churn.explanation.effects.pooling import pool, shrink

MECHANISMS = {
    # some services act, most do not
    "few": lambda rng: np.where(rng.random(8) < 0.3, -0.12, 0.0) + rng.normal(0, 0.005, 8),
    # all act, some more than others
    "all": lambda rng: rng.normal(-0.06, 0.04, 8),
    # none does
    "none": lambda _: np.zeros(8),
    # far from the mean, and skewed
    "skewed": lambda rng: -rng.exponential(0.05, 8),
}
BANKS = 400


@pytest.fixture(scope="module")
def banks():
    """True effects, estimates, and what is expected with its interval: shapes (banks, services), by mechanism."""
    found = {}
    for name, draw in MECHANISMS.items():
        rng = np.random.default_rng(len(name))
        truth = np.array([draw(rng) for _ in range(BANKS)])
        error = rng.uniform(0.02, 0.07, truth.shape)
        estimate = rng.normal(truth, error)
        found[name] = truth, estimate, error, np.array(list(map(shrink, estimate, error))).transpose(1, 0, 2)
    return found


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_intervals_cover_the_true_effects(banks, mechanism):
    truth, _, _, (_, low, high) = banks[mechanism]
    assert ((low <= truth) & (truth <= high)).mean() >= 0.92


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_what_is_expected_is_nearer_to_the_truth_than_what_was_estimated(banks, mechanism):
    truth, estimate, _, (mean, _, _) = banks[mechanism]
    assert np.square(mean - truth).mean() < 0.85 * np.square(estimate - truth).mean()


@pytest.mark.parametrize("mechanism", ["few", "all", "skewed"])
def test_where_a_cut_is_claimed_it_is_as_large_as_it_is(banks, mechanism):
    """Claimed where the interval lies below zero: the plain estimates are a quarter too large there, and more."""
    truth, estimate, error, (mean, _, high) = banks[mechanism]
    claimed, plainly = high < 0, estimate + 1.96 * error < 0

    assert claimed.mean() > 0.05
    assert 0.85 < mean[claimed].mean() / truth[claimed].mean() < 1.15
    assert estimate[plainly].mean() / truth[plainly].mean() > 1.1


def test_where_nothing_acts_hardly_a_cut_is_claimed(banks):
    _, _, _, (_, _, high) = banks["none"]
    assert (high < 0).mean() < 0.025


def test_the_service_of_which_most_is_expected_is_the_better_choice(banks):
    """The largest estimate is that which chance helped most, if errors differ."""
    truth, estimate, _, (mean, _, _) = banks["all"]
    rows = np.arange(BANKS)
    assert truth[rows, mean.argmin(axis=1)].mean() < truth[rows, estimate.argmin(axis=1)].mean() - 0.002


def test_a_service_that_is_known_well_keeps_its_estimate():
    mean, low, high = shrink([-0.3, 0.0, 0.0, 0.0], [0.0005, 0.05, 0.05, 0.05])
    assert mean[0] == pytest.approx(-0.3, abs=1e-4)
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * 0.0005, rel=0.01)


def test_one_service_alone_is_drawn_a_little_towards_zero():
    mean, _, high = shrink([-0.1], [0.02])
    assert -0.1 < mean[0] < -0.09
    assert high[0] < 0


def test_nothing_is_expected_where_nothing_is_known():
    assert pool([]) == []
    [one] = pool([Estimate(-0.1, -0.1, -0.1)])
    assert one == pytest.approx((-0.1, -0.1, -0.1), abs=1e-4)
