"""From margins to probabilities that mean what they say, and to intervals around them.

Every method (none, sigmoid, beta, isotonic) is monotone: calibration never lets a customer with the lower margin have
the higher probability. Intervals are those of Venn-Abers predictors.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, logit, xlogy

from churn.errors import DataError

Method = Literal["none", "sigmoid", "beta", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)
_PARAMETERS: Mapping[Method, str] = {"none": "", "sigmoid": "ab", "beta": "abc", "isotonic": "xy"}
"""All methods, the simplest first."""

_TIE = 1e-9
_PRIOR_SD = 3.0
_LARGEST = 1e6
"""Of a slope, an intercept or a widening in log-odds: far beyond any that is fitted, and products of it stay finite."""


@dataclass(frozen=True)
class Calibration:
    """A fitted map from margins to probabilities.

    Attributes
    ----------
    method
        "none": 1 / (1 + exp(-m)). "sigmoid": 1 / (1 + exp(-(a m + b))). "beta": the log-odds are
        a ln p - b ln(1 - p) + c with p = 1 / (1 + exp(-m)). "isotonic": linear between (x, y), constant outside.
    parameters
        sigmoid: a, b. beta: a, b, c. isotonic: x, y, ascending, of equal length, y in [0, 1]. All are finite; slopes
        (a; of beta also b) are not negative.

    Raises
    ------
    ValueError
        The parameters are not those of the method.
    """

    method: Method = "none"
    parameters: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parameters of another method."""
        if set(self.parameters) != set(_PARAMETERS[self.method]):
            raise ValueError(f"calibration.parameters: not those of {self.method}")
        sound = _is_curve if self.method == "isotonic" else _are_slopes
        if not sound(self.parameters):
            raise ValueError(f"calibration.parameters: out of the bounds of {self.method}")

    def apply(self, margins: ArrayLike) -> NDArray[np.float64]:
        """Give calibrated probabilities in [0, 1], shape (n,), never falling as the margin rises.

        Examples
        --------
        >>> Calibration("sigmoid", {"a": 1.0, "b": 0.0}).apply([0.0, 2.0]).round(3)
        array([0.5  , 0.881])
        """
        m = np.asarray(margins, dtype=np.float64)
        given: Mapping[str, Any] = self.parameters
        if self.method == "none":
            return np.asarray(expit(m))
        if self.method == "sigmoid":
            return np.asarray(expit(given["a"] * m + given["b"]))
        if self.method == "beta":
            return np.asarray(expit(given["a"] * log_expit(m) - given["b"] * log_expit(-m) + given["c"]))
        return np.asarray(np.interp(m, given["x"], given["y"]))


def _are_slopes(given: Mapping[str, Any]) -> bool:
    """Whether sigmoid or beta never fall, and can be computed for every margin."""
    values = [given[name] for name in sorted(given)]
    if not all(np.isscalar(value) for value in values):
        return False
    *slopes, intercept = values or [0.0]
    return bool(all(0 <= slope <= _LARGEST for slope in slopes) and abs(intercept) <= _LARGEST)


def _is_curve(given: Mapping[str, Any]) -> bool:
    x, y = (np.asarray(given[name], dtype=np.float64) for name in "xy")
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        return False
    return bool(np.all(np.isfinite(x)) and np.all(np.diff(x) >= 0) and _is_steps(y))


class CalibrationChoice(NamedTuple):
    """The method with the least cross-fitted log loss, and the loss of each (nats per row, smaller is better)."""

    method: Method
    log_losses: dict[str, float]


def fit_calibration(method: Method, margins: ArrayLike, y: ArrayLike) -> Calibration:
    """Fit one method to margins of trees that did not see these rows.

    Sigmoid and beta maximise the likelihood, slopes kept non-negative, with a weak normal prior around leaving
    margins as they are (standard deviation 3 per parameter), so that separable rows have a finite fit. Platt's
    smoothed targets serve the same end but pull extreme margins in: on BankChurners they left a calibration slope
    of 1.01 where this leaves 1.00. Isotonic output is kept within [1 / (n + 2), 1 - 1 / (n + 2)]; each of its steps
    stands at the mean of its margins, and is joined to the next by a straight line, so that the curve rises everywhere
    between the first and the last: a customer with the higher margin has the higher probability, and every feature
    that moves the margin moves the probability.

    Parameters
    ----------
    method
        One of `METHODS`.
    margins
        Log-odds, shape (n,).
    y
        0 or 1, shape (n,).

    Raises
    ------
    ValueError
        `method` is not known.

    References
    ----------
    Platt 1999, Probabilistic outputs for support vector machines. Kull, Silva Filho, Flach 2017, Beyond sigmoids,
    https://doi.org/10.1214/17-EJS1338SI. Zadrozny, Elkan 2002, https://doi.org/10.1145/775047.775151. Oron, Flournoy
    2017, Centered isotonic regression, https://doi.org/10.1080/19466315.2017.1286256.

    Examples
    --------
    >>> fitted = fit_calibration("isotonic", [-1.0, 0.0, 1.0, 2.0], [0, 1, 0, 1])
    >>> fitted.apply([-9.0, 0.5, 9.0]).round(3)
    array([0.167, 0.5  , 0.833])
    """
    m, target = np.asarray(margins, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if method == "none":
        return Calibration()
    if method == "sigmoid":
        a, b = _fit_log_odds(np.column_stack([m]), target)
        return Calibration("sigmoid", {"a": a, "b": b})
    if method == "beta":
        a, b, c = _fit_log_odds(np.column_stack([log_expit(m), -log_expit(-m)]), target)
        return Calibration("beta", {"a": a, "b": b, "c": c})
    if method == "isotonic":
        return _fit_isotonic(m, target)
    raise ValueError(f"calibration {method!r} is not known; give one of {', '.join(METHODS)}")


def cross_fit_probabilities(method: Method, margins: ArrayLike, y: ArrayLike, folds: ArrayLike) -> NDArray[np.float64]:
    """Calibrate the rows of each fold by the rows of all others.

    Parameters
    ----------
    method, margins, y
        As for `fit_calibration`.
    folds
        Fold of each row, shape (n,); at least two are there.

    Returns
    -------
    NDArray[np.float64]
        Probabilities, shape (n,).

    Examples
    --------
    >>> cross_fit_probabilities("none", [0.0, 2.0], [0, 1], [0, 1]).round(3)
    array([0.5  , 0.881])
    """
    m, target, fold = np.asarray(margins, dtype=np.float64), np.asarray(y), np.asarray(folds)
    probabilities = np.empty(len(m))
    for one in np.unique(fold):
        left_out = fold == one
        probabilities[left_out] = fit_calibration(method, m[~left_out], target[~left_out]).apply(m[left_out])
    return probabilities


def choose_calibration(margins: ArrayLike, y: ArrayLike, folds: ArrayLike) -> CalibrationChoice:
    """Choose the method whose cross-fitted probabilities have the least log loss; of equals the simpler.

    Parameters
    ----------
    margins, y, folds
        As for `cross_fit_probabilities`.

    Examples
    --------
    >>> choose_calibration(np.zeros(40), np.tile([0, 1], 20), np.arange(40) // 20).method
    'none'
    """
    target = np.asarray(y, dtype=np.float64)
    losses = {str(method): log_loss(target, cross_fit_probabilities(method, margins, y, folds)) for method in METHODS}
    best = min(losses.values())
    return CalibrationChoice(next(method for method in METHODS if losses[method] <= best + _TIE), losses)


def log_loss(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean negative log-likelihood in nats: -mean(y ln p + (1 - y) ln(1 - p)).

    Not negative, smaller is better. Probabilities are kept a machine epsilon (2.2e-16) from 0 and 1, so that a
    wrong certainty costs 36 nats, not infinitely many.

    Examples
    --------
    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    y, p = np.asarray(y_obs, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    kept = np.clip(p, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    return float(-np.mean(xlogy(y, kept) + xlogy(1 - y, 1 - kept)))


def _fit_log_odds(slopes: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, ...]:
    """Fit non-negative slopes and an intercept (the last), most likely a posteriori."""
    design = np.column_stack([slopes, np.ones(len(y))])
    start = np.append(np.ones(slopes.shape[1]), 0.0)

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = design @ beta
        away = (beta - start) / _PRIOR_SD
        value = (0.5 * away @ away - np.sum(y * log_expit(z) + (1 - y) * log_expit(-z))) / len(y)
        return float(value), (away / _PRIOR_SD + design.T @ (expit(z) - y)) / len(y)

    bounds = [(0.0, None)] * slopes.shape[1] + [(None, None)]
    fitted = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-9}
    )
    return tuple(float(value) for value in fitted.x)


def _fit_isotonic(margins: NDArray[np.float64], y: NDArray[np.float64]) -> Calibration:
    least = 1 / (len(y) + 2)
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(margins, y)
    # Each step stands at the mean of its margins: between two such places the curve rises everywhere.
    p, step = np.unique(fitted.predict(margins), return_inverse=True)
    x = np.bincount(step, margins) / np.bincount(step)
    return Calibration("isotonic", {"x": tuple(x.tolist()), "y": tuple(p.tolist())})


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Intervals:
    """Two step functions of the margin, and how far they are drawn apart.

    Attributes
    ----------
    thresholds
        Margins at which a step may lie, ascending, shape (k,).
    low, high
        Value on each side of the thresholds, in [0, 1], never falling, shape (k + 1,). On a threshold itself `low`
        has the value above it and `high` the value below it, as the row that lies there counts towards both.
    widening
        Taken from the log-odds of `low` and added to those of `high`, at least 0: for what another year may bring;
        see `churn.evaluation.validity`.
    """

    thresholds: Floats
    low: Floats
    high: Floats
    widening: float = 0.0

    def apply(self, margins: ArrayLike, probability: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """Give both ends for each margin, in [0, 1], each of shape (n,).

        Given the calibrated `probability` of the rows, the interval is the hull of it and of both steps. Calibration
        is a smooth or pooled curve through the same rows and may lie outside [p0, p1] by a little; what is shown to
        people must hold its own point, and a wider interval holds whatever the narrower one held.

        Examples
        --------
        >>> intervals = Intervals(np.array([0.0]), np.array([0.1, 0.3]), np.array([0.2, 0.6]))
        >>> intervals.apply([-1.0, 0.0, 1.0])
        (array([0.1, 0.3, 0.3]), array([0.2, 0.2, 0.6]))
        >>> intervals.apply([-1.0], probability=[0.25])
        (array([0.1]), array([0.25]))
        """
        m = np.asarray(margins, dtype=np.float64)
        low = self.low[np.searchsorted(self.thresholds, m, "right")]
        high = self.high[np.searchsorted(self.thresholds, m, "left")]
        if probability is not None:
            p = np.asarray(probability, dtype=np.float64)
            low, high = np.minimum(low, p), np.maximum(high, p)
        return (low, high) if self.widening == 0 else widen(low, high, self.widening)

    def widened(self, by: float) -> "Intervals":
        """Give the same intervals with both ends moved apart by `by` more in log-odds, at least 0.

        Examples
        --------
        >>> wider = Intervals(np.array([]), np.array([0.5]), np.array([0.5])).widened(1.0)
        >>> [end.round(3).tolist() for end in wider.apply([0.0])]
        [[0.269], [0.731]]
        """
        return replace(self, widening=self.widening + by)


def fit_intervals(margins: ArrayLike, y: ArrayLike) -> Intervals:
    """Learn intervals from margins of trees that did not see these rows, and their outcomes.

    Inductive Venn-Abers prediction: p0 is the isotonic regression's value for a new customer who is put among the
    rows as one who stayed, p1 as one who left. One of them is perfectly calibrated, if the rows and the new customer
    are exchangeable; a later year is not quite that. Only the order of the margins matters, so that probabilities
    that rise with them give the same intervals.

    Parameters
    ----------
    margins
        Log-odds (or probabilities), finite, shape (n,), at least one.
    y
        0 or 1, shape (n,).

    Raises
    ------
    DataError
        No row, or unequal lengths.

    References
    ----------
    Vovk, Petej 2014, Venn-Abers predictors, arXiv:1211.0025. Vovk, Petej, Fedorova 2015, Large-scale probabilistic
    predictors with and without guarantees of validity, arXiv:1511.00213.

    Examples
    --------
    >>> fit_intervals([-1.0, 1.0], [0, 1]).apply([-2.0, 0.0, 2.0])
    (array([0. , 0. , 0.5]), array([0.5, 1. , 1. ]))
    """
    # a while to import, and needed in training alone
    from venn_abers.venn_abers import calc_p0p1  # type: ignore[import-untyped]

    m, target = np.asarray(margins, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(m) == 0 or len(m) != len(target):
        raise DataError(f"intervals: {len(m)} margins and {len(target)} outcomes; give as many of both, at least one")
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # slopes from a point to itself, which it leaves out again
        p0, p1, thresholds = calc_p0p1(np.column_stack([-m, m]), target)
    low, high = p0[:, 1] + 0.0, p1[:, 1] + 0.0  # no -0.0
    steps = (np.diff(low) != 0) | (np.diff(high) != 0)
    return Intervals(thresholds[steps], low[np.r_[True, steps]], high[np.r_[True, steps]])


def cross_fit_intervals(
    margins: ArrayLike, y: ArrayLike, folds: ArrayLike, probability: ArrayLike
) -> tuple[Floats, Floats]:
    """Give the rows of each fold the intervals that all other rows teach, to judge intervals where there is no time.

    Parameters
    ----------
    margins, y
        As for `fit_intervals`.
    folds
        Fold of each row, shape (n,); at least two are there.
    probability
        Calibrated without the row's own fold, shape (n,).

    Examples
    --------
    >>> cross_fit_intervals([0.0, 0.0], [0, 1], [0, 1], [0.5, 0.5])
    (array([0.5, 0. ]), array([1. , 0.5]))
    """
    m, target, fold, p = (np.asarray(values) for values in (margins, y, folds, probability))
    low, high = np.empty(len(m)), np.empty(len(m))
    for one in np.unique(fold):
        left_out = fold == one
        fitted = fit_intervals(m[~left_out], target[~left_out])
        low[left_out], high[left_out] = fitted.apply(m[left_out], p[left_out])
    return low, high


def widen(low: ArrayLike, high: ArrayLike, by: float) -> tuple[Floats, Floats]:
    """Move both ends apart by `by` in log-odds; ends at 0 and 1 stay there.

    Examples
    --------
    >>> [end.round(3).tolist() for end in widen([0.0, 0.2], [0.1, 1.0], 0.5)]
    [[0.0, 0.132], [0.155, 1.0]]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(expit(logit(low) - by)), np.asarray(expit(logit(high) + by))


def intervals_to_json(intervals: Intervals) -> dict[str, Any]:
    """Give intervals as JSON values.

    Examples
    --------
    >>> intervals_to_json(Intervals(np.array([0.0]), np.array([0.1, 0.3]), np.array([0.2, 0.6])))
    {'thresholds': [0.0], 'low': [0.1, 0.3], 'high': [0.2, 0.6], 'widening': 0.0}
    """
    return {
        "thresholds": intervals.thresholds.tolist(),
        "low": intervals.low.tolist(),
        "high": intervals.high.tolist(),
        "widening": intervals.widening,
    }


def intervals_from_json(value: Mapping[str, Any]) -> Intervals:
    """Give intervals back from `intervals_to_json`.

    Raises
    ------
    KeyError, TypeError, ValueError
        The value is not of that form.

    Examples
    --------
    >>> intervals_from_json({"thresholds": [], "low": [0.1], "high": [0.2], "widening": 0.0}).apply([3.0])
    (array([0.1]), array([0.2]))
    """
    thresholds, low, high = (np.asarray(value[name], dtype=np.float64) for name in ("thresholds", "low", "high"))
    widening = float(value["widening"])
    ascend = np.all(np.isfinite(thresholds)) and np.all(np.diff(thresholds) > 0)
    if not len(low) == len(high) == len(thresholds) + 1 or not ascend:
        raise ValueError("intervals: thresholds do not ascend, or values do not lie between them")
    if not (_is_steps(low) and _is_steps(high) and 0 <= widening <= _LARGEST):
        raise ValueError("intervals: not two rising steps in [0, 1] and a widening of at least 0")
    return Intervals(thresholds, low, high, widening)


def _is_steps(values: Floats) -> bool:
    return bool(np.all((values >= 0) & (values <= 1)) and np.all(np.diff(values) >= 0))
