import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from venn_abers import VennAbers

from churn.errors import DataError
from churn.files import render_json
from churn.model.calibration import (
    METHODS,
    Calibration,
    Intervals,
    choose_calibration,
    cross_fit_intervals,
    cross_fit_probabilities,
    fit_calibration,
    fit_intervals,
    intervals_from_json,
    intervals_to_json,
    widen,
)

GRID = np.linspace(-60, 60, 2001)


def _margins(slope=1.0, intercept=0.0, n=4000, seed=0):
    """Margins m, and outcomes whose true log-odds are slope x m + intercept."""
    generator = np.random.default_rng(seed)
    margins = generator.normal(-1, 2, n)
    return margins, (generator.random(n) < expit(slope * margins + intercept)).astype(np.int64)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("slope", [2.0, 0.3, -1.0], ids=["timid", "extreme", "the wrong way round"])
def test_probabilities_stay_in_bounds_and_never_fall_as_the_margin_rises(method, slope):
    probability = fit_calibration(method, *_margins(slope)).apply(GRID)

    assert np.all((probability >= 0) & (probability <= 1))
    assert np.all(np.diff(probability) >= 0)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.floats(-30, 30), st.integers(0, 1)), min_size=2, max_size=30),
    st.sampled_from(METHODS),
)
def test_any_rows_at_all_give_a_finite_monotone_calibration(rows, method):
    margins, y = zip(*rows, strict=True)

    probability = fit_calibration(method, margins, y).apply(GRID)

    assert np.all(np.isfinite(probability))
    assert np.all(np.diff(probability) >= -1e-15)


def test_none_is_the_logistic_function():
    np.testing.assert_allclose(Calibration().apply([0.0, np.log(3)]), [0.5, 0.75])


def test_sigmoid_equals_logistic_regression():
    margins, y = _margins(0.6, 0.4)
    reference = LogisticRegression(C=1e6, tol=1e-10).fit(margins[:, None], y)

    fitted = fit_calibration("sigmoid", margins, y)

    # the prior of standard deviation 3 moves 4,000 rows by less than a thousandth
    assert fitted.parameters["a"] == pytest.approx(reference.coef_[0, 0], abs=1e-3)
    assert fitted.parameters["b"] == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_beta_equals_logistic_regression_on_its_two_logarithms():
    margins, y = _margins(0.6, 0.4)
    p = expit(margins)
    reference = LogisticRegression(C=1e6, tol=1e-10).fit(np.column_stack([np.log(p), -np.log(1 - p)]), y)

    fitted = fit_calibration("beta", margins, y)

    assert fitted.parameters["a"] == pytest.approx(reference.coef_[0, 0], abs=5e-3)
    assert fitted.parameters["b"] == pytest.approx(reference.coef_[0, 1], abs=5e-3)
    assert fitted.parameters["c"] == pytest.approx(reference.intercept_[0], abs=5e-3)


def test_beta_with_unit_slopes_changes_nothing():
    np.testing.assert_allclose(Calibration("beta", {"a": 1, "b": 1, "c": 0}).apply(GRID), expit(GRID), rtol=1e-12)


def test_slopes_are_never_negative():
    backwards = _margins(-1.0)

    sigmoid, beta = fit_calibration("sigmoid", *backwards), fit_calibration("beta", *backwards)

    assert sigmoid.parameters["a"] == 0
    assert (beta.parameters["a"], beta.parameters["b"]) == (0, 0)


@pytest.mark.parametrize("method", ["sigmoid", "beta"])
def test_rows_that_the_margin_separates_have_a_finite_fit(method):
    probability = fit_calibration(method, [-2.0, -1.0, 1.0, 2.0] * 5, [0, 0, 1, 1] * 5).apply([-1.0, 1.0])

    assert 0.001 < probability[0] < 0.2
    assert 0.8 < probability[1] < 0.999


def test_steps_of_isotonic_are_those_of_scikit_learn_at_the_mean_of_their_margins():
    margins, y = _margins(n=300)
    steps = np.clip(IsotonicRegression(out_of_bounds="clip").fit(margins, y).predict(margins), 1 / 302, 301 / 302)

    fitted = fit_calibration("isotonic", margins, y)

    assert len(np.unique(steps)) > 5
    for step in np.unique(steps):
        assert fitted.apply([margins[steps == step].mean()]) == pytest.approx([step])


def test_isotonic_rises_everywhere_between_its_first_step_and_its_last():
    margins, y = _margins(n=300)
    fitted = fit_calibration("isotonic", margins, y)
    between = np.linspace(fitted.parameters["x"][0], fitted.parameters["x"][-1], 1000)
    assert (np.diff(fitted.apply(between)) > 0).all()


@pytest.mark.parametrize("slope", [0.4, 1.0, 2.0])
def test_isotonic_is_nearer_to_a_smooth_truth_than_steps_are(slope):
    ours, steps = [], []
    for seed in range(20):
        rng = np.random.default_rng([seed, round(10 * slope)])
        m = rng.normal(0, 1.5, 1000)
        y = (rng.random(1000) < 1 / (1 + np.exp(0.5 - slope * m))).astype(int)
        new = rng.normal(0, 1.5, 5000)
        truth = 1 / (1 + np.exp(0.5 - slope * new))
        plain = IsotonicRegression(y_min=1 / 1002, y_max=1001 / 1002, out_of_bounds="clip").fit(m, y).predict(new)
        ours.append(np.square(fit_calibration("isotonic", m, y).apply(new) - truth).mean())
        steps.append(np.square(plain - truth).mean())
    assert np.mean(ours) < 0.9 * np.mean(steps)


def test_isotonic_never_reaches_0_or_1():
    fitted = fit_calibration("isotonic", [-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])

    np.testing.assert_allclose(fitted.apply([-9.0, 9.0]), [1 / 6, 5 / 6])


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'platt' is not known"):
        fit_calibration("platt", [0.0], [0])


def test_rows_are_calibrated_by_other_folds_alone():
    margins = np.zeros(8)
    y = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    folds = np.array([0, 0, 0, 0, 1, 1, 1, 1])

    probability = cross_fit_probabilities("isotonic", margins, y, folds)

    # fold 0 is calibrated by four rows without a churner, fold 1 by four churners
    np.testing.assert_allclose(probability, [1 / 6] * 4 + [5 / 6] * 4)


def test_margins_that_are_right_are_left_alone():
    margins, y = _margins()

    assert choose_calibration(margins, y, np.arange(4000) % 5).method == "none"


def test_a_wrong_slope_is_put_right_by_a_sigmoid():
    margins, y = _margins(slope=0.4, intercept=-0.5)

    choice = choose_calibration(margins, y, np.arange(4000) % 5)

    assert choice.method == "sigmoid"
    assert choice.log_losses["sigmoid"] < choice.log_losses["none"] - 0.01


def test_a_step_is_put_right_by_isotonic():
    generator = np.random.default_rng(3)
    margins = generator.normal(size=4000)
    y = (generator.random(4000) < np.where(margins > 0.5, 0.9, 0.1)).astype(np.int64)

    assert choose_calibration(margins, y, np.arange(4000) % 5).method == "isotonic"


def test_losses_are_those_of_cross_fitted_probabilities():
    margins, y = _margins(n=500)
    folds = np.arange(500) % 4

    losses = choose_calibration(margins, y, folds).log_losses

    assert list(losses) == list(METHODS)
    for method in METHODS:
        expected = log_loss(y, cross_fit_probabilities(method, margins, y, folds))
        assert losses[method] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_json_gives_the_calibration_back_to_the_last_bit(method):
    fitted = fit_calibration(method, *_margins(0.7, n=200))

    again = TypeAdapter(Calibration).validate_python(json.loads(json.dumps(asdict(fitted))))

    np.testing.assert_array_equal(again.apply(GRID), fitted.apply(GRID))
    assert again == fitted


def test_parameters_of_another_method_are_refused():
    with pytest.raises(ValueError, match="not those of beta"):
        Calibration("beta", {"a": 1.0, "b": 1.0})


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


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("sigmoid", {"a": -0.1, "b": 0.0}),
        ("sigmoid", {"a": 1.0, "b": math.nan}),
        ("sigmoid", {"a": 1e300, "b": 0.0}),
        ("sigmoid", {"a": (1.0, 2.0), "b": 0.0}),
        ("beta", {"a": 1.0, "b": -1.0, "c": 0.0}),
        ("beta", {"a": 1.0, "b": 1.0, "c": math.inf}),
        ("isotonic", {"x": (), "y": ()}),
        ("isotonic", {"x": 0.0, "y": 0.5}),
        ("isotonic", {"x": (0.0, 1.0), "y": (0.5,)}),
        ("isotonic", {"x": (1.0, 0.0), "y": (0.1, 0.2)}),
        ("isotonic", {"x": (0.0, math.nan), "y": (0.1, 0.2)}),
        ("isotonic", {"x": (0.0, 1.0), "y": (0.2, 0.1)}),
        ("isotonic", {"x": (0.0, 1.0), "y": (0.2, 1.1)}),
    ],
)
def test_parameters_that_fall_or_cannot_be_computed_are_refused(method, parameters):
    with pytest.raises(ValueError, match=f"out of the bounds of {method}"):
        Calibration(method, parameters)


@pytest.mark.parametrize(
    "change",
    [{"thresholds": [math.nan], "low": [0.1, 0.1], "high": [0.2, 0.2]}, {"widening": math.inf}, {"low": [math.nan]}],
)
def test_intervals_of_numbers_that_are_not_finite_are_refused(change):
    document = {"thresholds": [], "low": [0.1], "high": [0.2], "widening": 0.0}
    with pytest.raises(ValueError, match=r"^intervals: "):
        intervals_from_json(document | change)
