import json

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from venn_abers import VennAbers

from churn.errors import DataError
from churn.files import render_json
from churn.model.intervals import (
    Intervals,
    cross_fit_intervals,
    fit_intervals,
    intervals_from_json,
    intervals_to_json,
    widen,
)


def _rows(seed, n, digits=8):
    generator = np.random.default_rng(seed)
    margins = generator.normal(-1, 1.5, n).round(digits)
    return margins, (generator.random(n) < 1 / (1 + np.exp(-margins))).astype(np.int64)


def _at(margins, seed):
    """Margins to ask for: outside, on and between those that were learnt from."""
    between = np.random.default_rng(seed).normal(-1, 2, 500)
    return np.r_[margins[:200], between, margins.min() - 1, margins.max() + 1, np.nextafter(margins[:50], np.inf)]


@pytest.mark.parametrize(("n", "digits"), [(1, 8), (30, 8), (30, 0), (2000, 8), (2000, 1), (20_000, 3)])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the package's own
def test_both_ends_are_those_of_the_package(n, digits, seed):
    margins, y = _rows(seed, n, digits)
    asked = _at(margins, seed)
    package = VennAbers()
    package.fit(np.column_stack([-margins, margins]), y)
    expected = package.predict_proba(np.column_stack([-asked, asked]))[1]

    low, high = fit_intervals(margins, y).apply(asked)

    np.testing.assert_allclose(np.column_stack([low, high]), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_both_ends_are_isotonic_regressions_with_the_customer_put_among_the_rows(seed):
    margins, y = _rows(seed, 25, digits=seed % 3)
    intervals = fit_intervals(margins, y)

    for asked in [*margins[:4], -9.0, 0.05, 9.0]:
        with_it = np.r_[margins, asked]
        expected = [IsotonicRegression().fit(with_it, np.r_[y, end]).predict([asked])[0] for end in (0, 1)]
        assert np.ravel(intervals.apply([asked])) == pytest.approx(expected, abs=1e-12)


def test_probabilities_that_rise_with_the_margins_give_the_same_intervals():
    margins, y = _rows(3, 400)
    asked = np.linspace(-5, 5, 1001)

    ends = fit_intervals(margins, y).apply(asked)
    others = fit_intervals(1 / (1 + np.exp(-margins)), y).apply(1 / (1 + np.exp(-asked)))

    np.testing.assert_array_equal(ends, others)


def test_hull_holds_the_probability_whatever_it_is():
    intervals = fit_intervals(*_rows(4, 300))
    margins = np.linspace(-6, 6, 101)
    low, high = intervals.apply(margins)

    for probability in (np.full(101, 0.02), np.full(101, 0.97), (low + high) / 2):
        hull_low, hull_high = intervals.apply(margins, probability)
        assert (hull_low <= probability).all()
        assert (probability <= hull_high).all()
        assert (hull_low <= low).all()
        assert (high <= hull_high).all()
    np.testing.assert_array_equal(hull_low, low)


def test_widening_is_symmetric_in_log_odds_and_keeps_certain_ends():
    intervals = Intervals(np.array([0.0]), np.array([0.0, 0.2]), np.array([0.5, 1.0])).widened(0.5).widened(0.5)
    low, high = intervals.apply([-1.0, 1.0])

    assert low == pytest.approx([0.0, 1 / (1 + 4 * np.e)])  # odds of 0.2 are 1 to 4
    assert high == pytest.approx([np.e / (1 + np.e), 1.0])
    assert np.ravel(widen([0.3], [0.4], 0.0)) == pytest.approx([0.3, 0.4])


def test_more_rows_give_narrower_intervals():
    widths = []
    for n in (100, 1000, 10_000):
        low, high = fit_intervals(*_rows(5, n)).apply(np.linspace(-3, 1, 50))
        widths.append((high - low).mean())

    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]], ids=["all stay", "all leave"])
def test_one_outcome_alone_leaves_the_other_possible(y):
    low, high = fit_intervals([1.0, 2.0, 3.0], y).apply([0.0, 2.5, 4.0])

    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (high > low).all()


def test_a_hundred_thousand_rows_make_a_small_document():
    intervals = fit_intervals(*_rows(6, 100_000))

    assert len(intervals.thresholds) < 5_000
    assert len(render_json(intervals_to_json(intervals))) < 300_000


def test_intervals_come_back_from_json_bit_for_bit():
    margins, y = _rows(7, 500)
    intervals = fit_intervals(margins, y).widened(0.1)
    again = intervals_from_json(json.loads(render_json(intervals_to_json(intervals))))

    np.testing.assert_array_equal(again.apply(_at(margins, 7)), intervals.apply(_at(margins, 7)))


@pytest.mark.parametrize(
    "change",
    [
        {"low": [0.1]},
        {"high": [0.6, 0.2]},
        {"high": [0.2, 1.1]},
        {"low": [float("nan"), 0.3]},
        {"thresholds": [0.0, 0.0], "low": [0.1, 0.1, 0.3], "high": [0.2, 0.2, 0.6]},
        {"widening": -0.1},
        {"widening": float("nan")},
    ],
)
def test_a_document_of_another_form_is_refused(change):
    document = {"thresholds": [0.0], "low": [0.1, 0.3], "high": [0.2, 0.6], "widening": 0.0}
    intervals_from_json(document)

    with pytest.raises(ValueError, match="intervals"):
        intervals_from_json(document | change)


def test_cross_fitted_intervals_of_a_fold_are_those_that_the_other_folds_teach():
    margins, y = _rows(8, 300)
    folds, probability = np.arange(300) % 3, np.full(300, 0.25)
    low, high = cross_fit_intervals(margins, y, folds, probability)

    for fold in range(3):
        others = fit_intervals(margins[folds != fold], y[folds != fold])
        expected = others.apply(margins[folds == fold], probability[folds == fold])
        np.testing.assert_array_equal([low[folds == fold], high[folds == fold]], expected)


def test_no_row_and_unequal_lengths_are_refused():
    with pytest.raises(DataError, match="0 margins and 0 outcomes"):
        fit_intervals([], [])
    with pytest.raises(DataError, match="2 margins and 1 outcomes"):
        fit_intervals([0.0, 1.0], [1])
