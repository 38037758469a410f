from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import expit

from churn.explanation.effects.observational import (
    LEAST_CASES,
    Nuisances,
    alike,
    effect_on_bound,
    effect_on_unbound,
    estimate_effect,
    fit_nuisances,
    outcome_control,
    placebo_control,
    treatment_control,
)
from long_runs import examples

Z = NormalDist().inv_cdf(0.975)


def draw(seed, n=3000):
    """Whoever is loyal (column 0) binds more and leaves less; binding takes away a part of the churn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    propensity = expit(0.9 * x[:, 0] - 0.5 * x[:, 1])
    bound = (rng.random(n) < propensity).astype(np.int64)
    without = expit(-0.3 - 1.2 * x[:, 0] + 0.6 * x[:, 1])
    with_it = without * np.where(x[:, 0] > 0, 0.55, 0.85)
    y = (rng.random(n) < np.where(bound == 1, with_it, without)).astype(np.int64)
    return x, bound, y, Nuisances(propensity, without, with_it)


def truths(bound, truth):
    effect = truth.with_it - truth.without
    return effect[bound == 1].mean(), effect[bound == 0].mean()


def estimate(bound, y, nuisances, cf_y=0.03, cf_d=0.15):
    return estimate_effect(bound, y, nuisances, cf_y=cf_y, cf_d=cf_d)


def by_hand():
    """400 customers dealt the service by a coin: 30 % of those with it leave, 50 % of those without."""
    bound = np.repeat([1, 0], 200)
    y = np.repeat([1, 0, 1, 0], [60, 140, 100, 100])
    return bound, y, Nuisances(*(np.full(400, share) for share in (0.5, 0.5, 0.3)))


def test_without_confounding_the_effect_is_the_difference_in_means():
    found = estimate(*by_hand())
    reach = Z * np.sqrt(0.3 * 0.7 / 200 + 0.5 * 0.5 / 200)
    for one in (found.att, found.atu):
        assert one == pytest.approx((-0.2, -0.2 - reach, -0.2 + reach))
    assert (found.n, found.n_bound, found.overlap_share) == (400, 200, 1.0)


def test_bounds_are_those_of_the_formula():
    """Bias of a driver: sqrt(cf_y cf_d / (1 - cf_d) x residual variance / (p (1 - p))), beside the sampling error."""
    bound, y, nuisances = by_hand()
    size = np.sqrt((0.3 * 0.7 + 0.5 * 0.5) / 2 / 0.25)  # 0.959
    for cf_y, cf_d in ((0.1, 0.1), (0.03, 0.15), (0.3, 0.5)):
        found = estimate(bound, y, nuisances, cf_y, cf_d)
        bias = size * np.sqrt(cf_y * cf_d / (1 - cf_d))
        # one-sided at 5 % either way; the strength's own sampling error adds a little
        reach = NormalDist().inv_cdf(0.95) * np.sqrt(0.3 * 0.7 / 200 + 0.5 * 0.5 / 200)
        assert found.bound_low == pytest.approx(-0.2 - bias - reach, abs=0.02)
        assert found.bound_high == pytest.approx(-0.2 + bias + reach, abs=0.02)


def test_robustness_value_is_the_strength_whose_bias_is_the_estimate():
    """r² / (1 - r) = estimate² / size², so r = (-f + sqrt(f² + 4 f)) / 2 with f = 0.2² / 0.92."""
    found = estimate(*by_hand())
    f = 0.04 / 0.92
    assert found.robustness_value == pytest.approx((-f + np.sqrt(f * f + 4 * f)) / 2, abs=1e-4)


def test_robustness_value_is_zero_without_an_effect_and_grows_with_it():
    bound, y, _ = by_hand()
    values = []
    for left in (100, 80, 60, 20):
        y[:200] = np.repeat([1, 0], [left, 200 - left])
        nuisances = Nuisances(np.full(400, 0.5), np.full(400, 0.5), np.full(400, left / 200))
        values.append(estimate(bound, y, nuisances).robustness_value)
    assert values[0] == pytest.approx(0, abs=1e-3)
    assert values == sorted(values)
    assert 0 <= values[0] < values[-1] < 1


def test_bounds_contain_the_interval_and_widen_with_the_driver():
    bound, y, nuisances = by_hand()
    for strengths in ([(0.0, 0.0), (0.01, 0.1), (0.1, 0.1), (0.4, 0.1)], [(0.1, 0.0), (0.1, 0.1), (0.1, 0.5)]):
        lows, highs = [], []
        for cf_y, cf_d in strengths:
            found = estimate(bound, y, nuisances, cf_y, cf_d)
            assert found.bound_low <= found.atu.low < found.atu.high <= found.bound_high
            lows.append(found.bound_low)
            highs.append(found.bound_high)
        assert lows == sorted(lows, reverse=True)
        assert highs == sorted(highs)
        assert highs[0] < highs[-1]


def test_bounds_and_interval_do_not_move_the_estimates_of_one_another():
    bound, y, nuisances = by_hand()
    weak, strong = (estimate(bound, y, nuisances, cf, cf) for cf in (0.01, 0.5))
    assert (weak.att, weak.atu, weak.robustness_value) == (strong.att, strong.atu, strong.robustness_value)


def test_confounded_effects_are_found_where_the_raw_difference_is_far_off():
    covered, errors, raw = {"att": 0, "atu": 0}, {"att": [], "atu": []}, []
    draws = examples(12, 30)
    for seed in range(draws):
        x, bound, y, truth = draw(seed)
        true = dict(zip(("att", "atu"), truths(bound, truth), strict=True))
        found = estimate(bound, y, fit_nuisances(x, bound, y, seed=seed))
        raw.append(y[bound == 1].mean() - y[bound == 0].mean() - true["att"])
        for name, value in true.items():
            one = getattr(found, name)
            covered[name] += one.low <= value <= one.high
            errors[name].append(one.value - value)
    assert np.mean(raw) < -0.2
    for name in covered:
        assert covered[name] >= 0.86 * draws, name
        assert abs(np.mean(errors[name])) < 0.015, name


def test_groups_that_differ_in_effect_are_told_apart():
    """Binding helps the loyal more, and the loyal have bound it: the truth is 13 points apart on average."""
    x, bound, y, _ = draw(1, 20_000)
    rng = np.random.default_rng(2)
    loyal = x[:, 0] > 0
    y = (rng.random(20_000) < 0.5 - bound * np.where(loyal, 0.4, 0.0)).astype(np.int64)
    found = estimate(bound, y, fit_nuisances(x, bound, y))
    assert found.att.low <= -0.4 * loyal[bound == 1].mean() <= found.att.high
    assert found.atu.low <= -0.4 * loyal[bound == 0].mean() <= found.atu.high
    assert found.att.high < found.atu.low


@pytest.mark.parametrize("wrong", ["outcomes", "propensity"])
def test_one_of_two_models_may_be_wrong(wrong):
    """Doubly robust: with true chances to bind any outcome model will do, and the other way round."""
    errors = {"att": [], "atu": []}
    for seed in range(20):
        _, bound, y, truth = draw(seed, 5000)
        flat = np.full(5000, 0.5)
        known = truth._replace(propensity=flat) if wrong == "propensity" else Nuisances(truth.propensity, flat, flat)
        found = estimate(bound, y, known)
        for name, value in zip(errors, truths(bound, truth), strict=True):
            errors[name].append(getattr(found, name).value - value)
    for name, part in errors.items():
        assert abs(np.mean(part)) < 4 * np.std(part, ddof=1) / np.sqrt(20), name
        assert abs(np.mean(part)) < 0.02, name


def test_both_models_wrong_are_wrong():
    """So that the test above can fail."""
    _, bound, y, truth = draw(0, 5000)
    flat = np.full(5000, 0.5)
    assert abs(estimate(bound, y, Nuisances(flat, flat, flat)).atu.value - truths(bound, truth)[1]) > 0.1


@pytest.mark.parametrize(("n_bound", "n_without", "there"), [(100, 300, True), (99, 300, False), (300, 99, False)])
def test_no_estimate_with_fewer_than_a_hundred_of_either(n_bound, n_without, there):
    bound = np.repeat([1, 0], [n_bound, n_without])
    y = np.random.default_rng(0).integers(0, 2, len(bound))
    share = np.full(len(bound), n_bound / len(bound))
    found = estimate(bound, y, Nuisances(share, np.full(len(y), 0.5), np.full(len(y), 0.5)))
    assert (found is not None) == there


def test_customers_whom_nobody_is_like_are_left_out_and_counted():
    """100 of 500 have a chance under 5 % or over 95 %; the edges themselves stay."""
    bound, y, nuisances = by_hand()
    bound, y = np.r_[bound, np.zeros(100, np.int64)], np.r_[y, np.ones(100, np.int64)]
    extreme = np.repeat([0.0499, 0.9501], 50)
    longer = Nuisances(np.r_[nuisances.propensity, extreme], *(np.r_[part, np.ones(100)] for part in nuisances[1:]))
    longer.propensity[0], longer.propensity[399] = 0.05, 0.95
    found = estimate(bound, y, longer)
    assert (found.n, found.n_bound, found.overlap_share) == (400, 200, 0.8)


def test_without_a_hundred_alike_on_either_side_there_is_no_estimate():
    bound, y, nuisances = by_hand()
    nuisances.propensity[:101] = 0.99
    assert estimate(bound, y, nuisances) is None


def test_effects_of_one_group_are_those_of_the_whole_estimate():
    _, bound, y, truth = draw(3)
    found = estimate(bound, y, truth)
    keep = alike(truth)
    assert found.overlap_share == pytest.approx(keep.mean())
    kept = bound[keep], y[keep], Nuisances(*(part[keep] for part in truth))
    assert effect_on_bound(*kept) == pytest.approx(found.att)
    assert effect_on_unbound(*kept) == pytest.approx(found.atu)


def test_learnt_chances_come_near_the_true_ones_and_lie_between_0_and_1():
    x, bound, y, truth = draw(4, 20_000)
    for learnt, true in zip(fit_nuisances(x, bound, y), truth, strict=True):
        assert ((learnt > 0) & (learnt < 1)).all()
        assert np.corrcoef(learnt, true)[0, 1] > 0.9
        assert abs(learnt.mean() - true.mean()) < 0.02


def test_nobody_s_own_outcome_is_learnt_from():
    """Of noise alone, what is learnt must not go with what happened."""
    rng = np.random.default_rng(5)
    x, bound, y = rng.normal(size=(4000, 4)), rng.integers(0, 2, 4000), rng.integers(0, 2, 4000)
    learnt = fit_nuisances(x, bound, y)
    seen = np.where(bound == 1, learnt.with_it, learnt.without)
    assert np.corrcoef(seen, y)[0, 1] < 0.06
    assert np.corrcoef(learnt.propensity, bound)[0, 1] < 0.06


def test_same_seed_gives_the_same_bits():
    x, bound, y, _ = draw(6, 1000)
    first, again = (fit_nuisances(x, bound, y, seed=7) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.tobytes() == other.tobytes()
    assert estimate(bound, y, first) == estimate(bound, y, again)


@pytest.mark.parametrize("gone", [0, 1])
def test_group_that_nobody_or_everybody_leaves_is_no_obstacle(gone):
    x, bound, y, _ = draw(8, 1000)
    y[bound == 1] = gone
    found = estimate(bound, y, fit_nuisances(x, bound, y))
    assert np.isfinite([*found.att, *found.atu, found.bound_low, found.bound_high]).all()
    assert np.sign(found.att.value) == (1 if gone else -1)


def test_missing_covariates_are_no_obstacle():
    x, bound, y, _ = draw(9, 1000)
    x[::3, 1] = np.nan
    assert np.isfinite(estimate(bound, y, fit_nuisances(x, bound, y)).atu.value)


SEEDS = (1, 2, 3)


def draw_driven(seed, hidden, n=2500):
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
    matrix, bound, left, _, _ = draw_driven(seed, hidden)
    control = placebo_control(matrix, bound, left, seed=seed)
    assert control.kind == "placebo"
    assert control.passed
    assert abs(control.found.value) < 0.06


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("hidden", "passed"), [(0.0, True), (1.0, False)])
def test_outcome_that_binding_cannot_bring_about_shows_a_hidden_driver(seed, hidden, passed):
    matrix, bound, _, referred, _ = draw_driven(seed, hidden)
    control = outcome_control(matrix, bound, referred, propensity_of(matrix, bound), seed=seed)
    assert (control.kind, control.passed) == ("outcome", passed)
    assert passed or control.found.low > 0  # the loyal bring others, and have bound it


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("hidden", "passed"), [(0.0, True), (1.0, False)])
def test_service_given_up_long_ago_shows_a_hidden_driver(seed, hidden, passed):
    matrix, bound, left, _, once = draw_driven(seed, hidden)
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
    matrix, bound, left, _, _ = draw_driven(1, 0.0, 600)
    first, again, other = (placebo_control(matrix, bound, left, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.found != other.found
