"""How good predicted probabilities are: arrays in, one number out.

In all of them `y_obs` is 0 or 1, shape (n,), `y_pred` the predicted probability in [0, 1], shape (n,). Tied
predictions are treated as the mean over their orders, so that no result depends on the order of the rows. A
metric that the data cannot define (one class only, constant predictions) is NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, xlogy

Floats = NDArray[np.float64]
_EPSILON = float(np.finfo(np.float64).eps)
_N_NEWTON = 50


def roc_auc(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a churner is predicted above another customer; ties count half.

    In [0, 1], larger is better, 0.5 is chance. The Mann-Whitney statistic, Hanley and McNeil 1982,
    https://doi.org/10.1148/radiology.143.1.7063747. NaN with one class only.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    count, churned = _by_prediction(y_obs, y_pred)
    n_1 = float(churned.sum())
    n_0 = float(count.sum()) - n_1
    if n_0 == 0 or n_1 == 0:
        return float("nan")
    stayed = count - churned
    below = np.cumsum(stayed) - stayed
    return float(np.sum(churned * (below + stayed / 2)) / (n_0 * n_1))


def average_precision(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Average precision: the sum over thresholds of (rise in recall) x precision, without interpolation.

    In [0, 1], larger is better; the churn rate is chance. NaN without a churner.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    count, churned = _by_prediction(y_obs, y_pred)
    n_1 = float(churned.sum())
    if n_1 == 0:
        return float("nan")
    from_top, found = count[::-1], churned[::-1]
    precision = np.cumsum(found) / np.cumsum(from_top)
    return float(np.sum(found * precision) / n_1)


def log_loss(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean negative log-likelihood in nats: -mean(y ln p + (1 - y) ln(1 - p)).

    Not negative, smaller is better. Probabilities are kept a machine epsilon (2.2e-16) from 0 and 1, so that a
    wrong certainty costs 36 nats, not infinitely many.

    Examples
    --------
    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    y, p = _floats(y_obs, y_pred)
    kept = np.clip(p, _EPSILON, 1 - _EPSILON)
    return float(-np.mean(xlogy(y, kept) + xlogy(1 - y, 1 - kept)))


def brier_score(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean squared difference of probability and outcome: mean((p - y)^2).

    In [0, 1], smaller is better. Brier 1950,
    https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> brier_score([0, 1], [0.0, 0.5])
    0.125
    """
    y, p = _floats(y_obs, y_pred)
    return float(np.mean((p - y) ** 2))


def ece(y_obs: ArrayLike, y_pred: ArrayLike, *, n_bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass: sum over bins of |sum of (y - p)| / n.

    In [0, 1], smaller is better. Rows sorted by prediction are cut into `n_bins` parts of n / `n_bins` rows each;
    a row, or a group of tied rows, that lies across a cut is shared out in proportion. Naeini, Cooper, Hauskrecht
    2015, https://doi.org/10.1609/aaai.v29i1.9602; equal mass: Nixon et al. 2019, arXiv:1904.01685.

    Examples
    --------
    >>> round(ece([0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25]), 4)
    0.0
    >>> round(ece([0, 1, 1, 1], [0.25, 0.25, 0.75, 0.75], n_bins=2), 4)
    0.25
    """
    y, p = _floats(y_obs, y_pred)
    count, residual = _sums_by_prediction(p, y - p)
    within = np.diff(_running(count, residual, np.linspace(0, len(y), n_bins + 1)))
    return float(np.sum(np.abs(within)) / len(y))


def calibration_slope(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Slope b of the logistic regression logit P(y = 1) = a + b logit(p).

    1 is right; below 1 the predictions are too extreme, above 1 too timid. Van Calster et al. 2019,
    https://doi.org/10.1186/s12916-019-1466-7. Probabilities are kept 2.2e-16 from 0 and 1. NaN where no finite
    slope exists: one class, one value of p, or classes that p separates.

    Examples
    --------
    >>> y_obs = [0, 0, 0, 1, 0, 1, 1, 1]
    >>> round(calibration_slope(y_obs, [0.25] * 4 + [0.75] * 4), 4)
    1.0
    """
    y, p = _floats(y_obs, y_pred)
    z = _log_odds(p)
    if not 0 < y.mean() < 1 or np.ptp(z) == 0:
        return float("nan")
    scale = float(z.std())
    design = np.column_stack([np.ones(len(z)), (z - z.mean()) / scale])
    beta = _fit_logistic(design, y, np.zeros(len(z)))
    return float(beta[1] / scale)


def calibration_intercept(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Calibration in the large: intercept a of logit P(y = 1) = a + logit(p), the slope fixed at 1.

    0 is right; below 0 the predictions are too high on the whole, above 0 too low. Van Calster et al. 2019,
    https://doi.org/10.1186/s12916-019-1466-7. Probabilities are kept 2.2e-16 from 0 and 1. NaN with one class only.

    Examples
    --------
    >>> round(calibration_intercept([0, 0, 0, 1], [0.5] * 4), 4)
    -1.0986
    """
    y, p = _floats(y_obs, y_pred)
    if not 0 < y.mean() < 1:
        return float("nan")
    return float(_fit_logistic(np.ones((len(y), 1)), y, _log_odds(p))[0])


def top_decile_lift(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Churn rate of the tenth of customers predicted highest, over the churn rate of all.

    Not negative, larger is better, 1 is chance. The tenth is n / 10 rows, not rounded; a group of tied rows across
    its edge is shared out in proportion. Lemmens and Croux 2006, https://doi.org/10.1509/jmkr.43.2.276. NaN
    without a churner.

    Examples
    --------
    >>> top_decile_lift([0] * 8 + [1, 1], [0.1] * 9 + [0.9])
    5.0
    """
    count, churned = _by_prediction(y_obs, y_pred)
    n, n_1 = float(count.sum()), float(churned.sum())
    if n_1 == 0:
        return float("nan")
    found = _running(count[::-1], churned[::-1], np.array([n / 10]))[0]
    return float(found / (n / 10) / (n_1 / n))


def top_decile_lift_share(y_obs: ArrayLike, y_pred: ArrayLike) -> float:
    """Top-decile lift as a share of the most that any ranking could reach, 10 or 1 / churn rate if that is less.

    In [0, 1], larger is better. NaN without a churner.

    Examples
    --------
    >>> top_decile_lift_share([0] * 8 + [1, 1], [0.1] * 9 + [0.9])
    1.0
    """
    y = np.asarray(y_obs, dtype=np.float64)
    rate = float(y.mean())
    return top_decile_lift(y_obs, y_pred) / min(10.0, 1 / rate) if rate > 0 else float("nan")


METRICS = (
    roc_auc,
    average_precision,
    log_loss,
    brier_score,
    ece,
    calibration_slope,
    calibration_intercept,
    top_decile_lift,
    top_decile_lift_share,
)
"""Every metric, in the order in which they are shown."""


def _floats(y_obs: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(y_obs, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)


def _by_prediction(y_obs: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    y, p = _floats(y_obs, y_pred)
    return _sums_by_prediction(p, y)


def _sums_by_prediction(p: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Rows, and the sum of `values`, at each distinct prediction, in ascending order."""
    # a stable sort takes linear time on rows that are already in order, as those of a resample are
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return np.diff(np.r_[starts, len(p)]).astype(np.float64), np.add.reduceat(values[order], starts)


def _running(count: Floats, values: Floats, at: Floats) -> Floats:
    """Sum of `values` over the first `at` rows, groups of ties shared out in proportion."""
    return np.asarray(np.interp(at, np.r_[0.0, np.cumsum(count)], np.r_[0.0, np.cumsum(values)]))


def _log_odds(p: Floats) -> Floats:
    return np.asarray(logit(np.clip(p, _EPSILON, 1 - _EPSILON)))


def _fit_logistic(design: Floats, y: Floats, offset: Floats) -> NDArray[Any]:
    """Maximum likelihood by Newton's method with halved steps; NaN where it does not come to rest."""
    beta = np.zeros(design.shape[1])
    for _ in range(_N_NEWTON):
        p = expit(offset + design @ beta)
        hessian = design.T @ (design * (p * (1 - p))[:, None])
        if np.linalg.cond(hessian) > 1 / _EPSILON:
            break
        step = np.linalg.solve(hessian, design.T @ (y - p))
        step /= max(1.0, float(np.max(np.abs(step))))  # never more than 1 at once: far from the optimum it overshoots
        beta = beta + step
        if np.max(np.abs(step)) < 1e-10:
            return beta
    return np.full(design.shape[1], np.nan)
