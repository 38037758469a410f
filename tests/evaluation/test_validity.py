import json

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from churn.errors import DataError
from churn.evaluation.validity import (
    assess_intervals,
    learn_widening,
)
from churn.model.calibration import fit_intervals, widen
from churn.model.documents import RiskGroup


def _drawn(seed, n=4000, shift=0.0):
    """Risks of n customers, and outcomes drawn at these risks, their log-odds shifted."""
    generator = np.random.default_rng(seed)
    margins = generator.normal(-1, 1.2, n)
    risk = 1 / (1 + np.exp(-margins))
    return margins, risk, (generator.random(n) < 1 / (1 + np.exp(-margins - shift))).astype(np.int64)


def test_groups_are_tenths_by_rising_probability_with_their_means():
    p = np.arange(1, 21) / 40
    y = np.tile([0, 1], 10)
    found = assess_intervals(y[::-1], p[::-1], p[::-1] - 0.02, p[::-1] + 0.01)

    assert [group.n for group in found.groups] == [2] * 10
    assert [group.observed for group in found.groups] == [0.5] * 10
    first = found.groups[0]
    means = first.probability, first.low, first.high
    assert means == pytest.approx((1.5 / 40, 1.5 / 40 - 0.02, 1.5 / 40 + 0.01))
    assert found.mean_width == pytest.approx(0.03)


def test_equal_probabilities_are_one_group_whatever_the_order():
    p = np.r_[np.full(70, 0.2), np.full(30, 0.5)]
    y = np.r_[np.tile([0, 1], 35), np.tile([1, 1, 0], 10)]
    order = np.random.default_rng(0).permutation(100)
    found, other = (assess_intervals(y[at], p[at], p[at], p[at]) for at in (np.arange(100), order))

    assert [group.n for group in found.groups] == [70, 30]
    assert found == other


@pytest.mark.parametrize("n", [20, 400])
def test_a_group_is_consistent_where_its_interval_meets_that_of_clopper_and_pearson(n):
    for left in range(0, n + 1, n // 10):
        y = np.repeat([1, 0], [left, n - left])
        least, most = proportion_confint(left, n, method="beta")
        for low, high in ((0.0, least - 1e-6), (0.0, least + 1e-6), (most - 1e-6, 1.0), (most + 1e-6, 1.0), (0.3, 0.4)):
            if not 0 <= low <= high <= 1:
                continue
            [group] = assess_intervals(y, np.full(n, low), np.full(n, low), np.full(n, high)).groups
            assert group.consistent == (low <= most and high >= least)


def test_true_probabilities_are_consistent_in_about_19_of_20_groups():
    shares = []
    for seed in range(60):
        _, risk, y = _drawn(seed)
        shares.append(assess_intervals(y, risk, risk, risk).share_consistent)

    assert 0.94 < np.mean(shares) < 0.99


def test_learnt_intervals_hold_oftener_than_the_probability_they_are_drawn_around():
    plain, held = [], []
    for seed in range(30):
        margins, _, y = _drawn(seed, n=2000)
        later_margins, risk, later = _drawn([seed, 1], n=2000)
        p = np.clip(risk * 1.12, 0, 0.99)  # a calibration that is a little off
        low, high = fit_intervals(margins, y).apply(later_margins, p)
        plain.append(assess_intervals(later, p, p, p).share_consistent)
        held.append(assess_intervals(later, p, low, high).share_consistent)

    assert np.mean(plain) < 0.9
    assert np.mean(held) > 0.95


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_what_a_shifted_year_was_off_is_learnt_and_makes_the_next_hold(shift):
    widenings, before, after = [], [], []
    for seed in range(20):
        margins, _, y = _drawn([seed, 0])
        _, risk, then = _drawn([seed, 1], shift=shift)
        next_margins, next_risk, following = _drawn([seed, 2], shift=shift)
        widenings.append(learn_widening(then, risk))
        low, high = fit_intervals(margins, y).apply(next_margins, next_risk)
        before.append(assess_intervals(following, next_risk, low, high).share_consistent)
        after.append(assess_intervals(following, next_risk, *widen(low, high, widenings[-1])).share_consistent)

    assert np.mean(widenings) == pytest.approx(0.3 - 0.04, abs=0.03)  # less a standard error
    assert np.mean(before) < 0.75
    assert np.mean(after) > 0.95


def test_noise_alone_widens_little():
    widenings = []
    for seed in range(40):
        _, risk, y = _drawn(seed)
        widenings.append(learn_widening(y, risk))

    assert np.mean(np.array(widenings) == 0) > 0.5
    assert max(widenings) < 0.12


def test_one_outcome_alone_widens_nothing():
    assert learn_widening([0, 0], [0.1, 0.2]) == 0.0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([], [], [], []), "0 outcomes"),
        (([0, 1], [0.1, 0.2], [0.1], [0.2, 0.3]), "2 outcomes and other numbers"),
        (([0, 1], [0.1, 0.2], [np.nan] * 2, [np.nan] * 2), "4 values are missing; give a model that has intervals"),
    ],
)
def test_what_cannot_be_judged_is_refused(rows, message):
    with pytest.raises(DataError, match=message):
        assess_intervals(*rows)


def test_the_document_holds_plain_json_values():
    _, risk, y = _drawn(0)
    found = assess_intervals(y, risk, risk * 0.9, risk, widening=0.125)
    document = json.loads(json.dumps(found.to_json()))

    assert document["widening"] == 0.125
    assert (document["share_consistent"], document["mean_width"]) == (found.share_consistent, found.mean_width)
    assert [RiskGroup(**group) for group in document["groups"]] == list(found.groups)
