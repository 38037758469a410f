"""An interval for each probability: Venn-Abers, between what the customer's staying and leaving would each have taught.

The interval is about the rate among customers of the same margin, which few rows know loosely and many know well. It
says nothing of how far one customer's own risk lies from that rate.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from churn.errors import DataError

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
    if not len(low) == len(high) == len(thresholds) + 1 or not np.all(np.diff(thresholds) > 0):
        raise ValueError("intervals: thresholds do not ascend, or values do not lie between them")
    if not (_is_steps(low) and _is_steps(high) and widening >= 0):
        raise ValueError("intervals: not two rising steps in [0, 1] and a widening of at least 0")
    return Intervals(thresholds, low, high, widening)


def _is_steps(values: Floats) -> bool:
    return bool(np.all((values >= 0) & (values <= 1)) and np.all(np.diff(values) >= 0))
