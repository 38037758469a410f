import numpy as np
import pytest
from scipy.special import expit

from churn.explanation.effects.controls import (
    LEAST_CASES,
    outcome_control,
    placebo_control,
    treatment_control,
)
from churn.explanation.effects.observational import fit_nuisances

SEEDS = (1, 2, 3)


def draw(seed, hidden, n=2500):
    """Customers whose loyalty, of the strength given, drives everything and is in no column.

    Binding truly cuts churn; nothing else does anything to anything.
    """
    rng = np.random.default_rng(seed)
    matrix, loyalty = rng.normal(size=(n, 3)), hidden * rng.normal(size=n)

    def happens(log_odds):
        return (rng.random(n) < expit(log_odds)).astype(np.int64)

    bound = happens(0.8 * matrix[:, 0] + loyalty)
    once = happens(-1.2 + 0.8 * matrix[:, 0] + loyalty).astype(bool)
    referred = happens(-1.5 + 0.6 * matrix[:, 0] + loyalty)
    left = happens(-0.4 - 0.8 * matrix[:, 0] - loyalty - 0.5 * bound)
    return matrix, bound, left, referred, once


def propensity_of(matrix, bound):
    return fit_nuisances(matrix, bound, bound).propensity


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("hidden", [0.0, 1.0])
def test_service_dealt_out_at_random_does_nothing(seed, hidden):
    matrix, bound, left, _, _ = draw(seed, hidden)
    control = placebo_control(matrix, bound, left, seed=seed)
    assert control.kind == "placebo"
    assert control.passed
    assert abs(control.found.value) < 0.06


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("hidden", "passed"), [(0.0, True), (1.0, False)])
def test_outcome_that_binding_cannot_bring_about_shows_a_hidden_driver(seed, hidden, passed):
    matrix, bound, _, referred, _ = draw(seed, hidden)
    control = outcome_control(matrix, bound, referred, propensity_of(matrix, bound), seed=seed)
    assert (control.kind, control.passed) == ("outcome", passed)
    assert passed or control.found.low > 0  # the loyal bring others, and have bound it


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("hidden", "passed"), [(0.0, True), (1.0, False)])
def test_service_given_up_long_ago_shows_a_hidden_driver(seed, hidden, passed):
    matrix, bound, left, _, once = draw(seed, hidden)
    free = bound == 0
    control = treatment_control(matrix[free], once[free], left[free], seed=seed)
    assert (control.kind, control.passed) == ("treatment", passed)
    assert passed or control.found.high < 0  # the loyal once had it, and stay


def with_events(n_with, n_without):
    """Of 400 with the service and 400 without, so many to whom it happened."""
    bound = np.repeat([1, 0], 400)
    happened = np.repeat([1, 0, 1, 0], [n_with, 400 - n_with, n_without, 400 - n_without])
    return np.random.default_rng(0).normal(size=(800, 2)), bound, happened


@pytest.mark.parametrize(("n_with", "n_without", "there"), [(20, 20, True), (19, 300, False), (300, 19, False)])
def test_outcome_that_is_too_rare_in_either_group_is_not_tested(n_with, n_without, there):
    matrix, bound, happened = with_events(n_with, n_without)
    control = outcome_control(matrix, bound, happened, np.full(800, 0.5))
    assert (control is not None) == there


@pytest.mark.parametrize(("n_once", "there"), [(20, True), (19, False), (180, True), (181, False), (0, False)])
def test_too_few_who_had_it_once_or_never_are_not_tested(n_once, there):
    once = np.arange(200) < n_once
    y = np.arange(200) % 2
    control = treatment_control(np.zeros((200, 1)), once, y)
    assert (control is not None) == there
    assert LEAST_CASES == 20


@pytest.mark.parametrize(
    ("n_with", "clear", "passed"),
    [
        (225, False, True),  # 56.25 against 50 %: 1.8 standard errors of 3.5 points
        (230, True, True),  # 57.5 against 50 %: 2.1
        (240, True, False),  # 60 against 50 %: 2.9
        (160, True, False),  # 40 against 50 %: -2.9
    ],
)
def test_control_fails_where_its_99_per_cent_interval_is_clear_of_zero(n_with, clear, passed):
    _, bound, happened = with_events(n_with, 200)
    control = outcome_control(np.zeros((800, 1)), bound, happened, np.full(800, 0.5))
    assert control.found.value == pytest.approx(n_with / 400 - 0.5, abs=0.005)
    assert (control.found.low > 0 or control.found.high < 0) == clear
    assert control.passed == passed


def test_same_seed_gives_the_same_placebo_and_another_one_another():
    matrix, bound, left, _, _ = draw(1, 0.0, 600)
    first, again, other = (placebo_control(matrix, bound, left, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.found != other.found
