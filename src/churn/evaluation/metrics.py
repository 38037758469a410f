"""How good predicted probabilities are: arrays in, one number out; and all with intervals, by resampling.

In all of them `y_obs` is 0 or 1, shape (n,), `y_pred` the predicted probability in [0, 1], shape (n,). Tied
predictions are treated as the mean over their orders, so that no result depends on the order of the rows. A
metric that the data cannot define (one class only, constant predictions) is NaN.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from churn import errors, estimates
from churn.model.calibration import log_loss as log_loss

Floats = NDArray[np.float64]
Statistics = Callable[[NDArray[np.int64]], Mapping[str, float]]
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
    won, pairs = won_pairs(*_by_prediction(y_obs, y_pred))
    return won / pairs if pairs else float("nan")


def won_pairs(count: Floats, churned: Floats) -> tuple[float, float]:
    """Pairs of a churner and a stayer in which the churner is predicted above the other (ties half), and all pairs.

    `count` rows, and `churned` of them, have each distinct prediction, in ascending order.

    Examples
    --------
    >>> won_pairs(np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    (1.5, 2.0)
    """
    stayed = count - churned
    below = np.cumsum(stayed) - stayed
    return float(np.sum(churned * (below + stayed / 2))), float(churned.sum() * stayed.sum())


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
    count, residual = sums_by_prediction(p, y - p)
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


def evaluate(
    y_obs: ArrayLike, y_pred: ArrayLike, *, n_boot: int = 200, seed: int = 0, groups: ArrayLike | None = None
) -> dict[str, estimates.Estimate]:
    """Compute every one of `METRICS`, with bootstrap intervals.

    With one class only, the metrics that need both are None; the others have their value. Resampling adds noise to
    every bin; the interval of the ECE is moved back by the bootstrap's estimate of that bias.

    Parameters
    ----------
    y_obs
        0 or 1, shape (n,).
    y_pred
        Probabilities in [0, 1], shape (n,).
    n_boot, seed
        As for `bootstrap_estimates`.
    groups
        Whose row it is, shape (n,), where a customer has several; each row its own customer by default.

    Raises
    ------
    DataError
        No row, unequal lengths, an outcome that is not 0 or 1, or a probability outside [0, 1].

    Examples
    --------
    >>> evaluate([0, 0, 1, 1] * 25, [0.1, 0.4, 0.35, 0.8] * 25)["roc_auc"].value
    0.75
    >>> evaluate([0, 0], [0.1, 0.4])["roc_auc"]
    Estimate(value=None, low=None, high=None)
    """
    y, p = np.asarray(y_obs, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    _require_usable(y, p)
    order = np.argsort(p, kind="stable")
    y, p = y[order], p[order]
    owner = None if groups is None else np.asarray(groups)[order]

    def statistics(rows: NDArray[np.int64]) -> dict[str, float]:
        return {metric.__name__: metric(y[rows], p[rows]) for metric in METRICS}

    return bootstrap_estimates(statistics, len(y), n_boot=n_boot, seed=seed, groups=owner, biased=("ece",))


def bootstrap_estimates(
    statistics: Statistics,
    n_rows: int,
    *,
    n_boot: int = 200,
    seed: int = 0,
    groups: ArrayLike | None = None,
    biased: Collection[str] = (),
) -> dict[str, estimates.Estimate]:
    """Compute statistics on all rows, and percentile intervals on resampled customers.

    Customers are drawn with replacement, each with all its rows; the interval is from the 2.5th to the 97.5th
    percentile of the draws that define the statistic. Efron 1979, https://doi.org/10.1214/aos/1176344552.

    Parameters
    ----------
    statistics
        Row numbers, ascending, to named numbers; NaN where undefined.
    n_rows
        At least 1.
    n_boot
        Draws, at least 1.
    seed
        Same seed, same intervals.
    groups
        Whose row it is, shape (n_rows,); each row its own by default.
    biased
        Statistics not below 0 that grow with the noise of a draw, as the ECE does: their draws are moved by the
        bootstrap's own estimate of that bias, mean of the draws minus value, but not below 0.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0])
    >>> bootstrap_estimates(lambda rows: {"mean": float(values[rows].mean())}, 3, n_boot=50)["mean"].value
    2.0
    """
    codes = np.arange(n_rows) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    n_owners = int(codes.max()) + 1
    generator = np.random.default_rng(seed)
    rows = np.arange(n_rows)
    value = statistics(rows)
    draws = np.empty((n_boot, len(value)))
    for draw in draws:
        times = np.bincount(generator.integers(n_owners, size=n_owners), minlength=n_owners)
        draw[:] = list(statistics(np.repeat(rows, times[codes])).values())
    return {name: _estimate(value[name], draws[:, at], biased=name in biased) for at, name in enumerate(value)}


def _estimate(value: float, draws: NDArray[np.float64], *, biased: bool) -> estimates.Estimate:
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(defined) == 0:
        return estimates.Estimate(float(value) if np.isfinite(value) else None, None, None)
    if biased:
        defined = np.maximum(defined - (defined.mean() - value), 0.0)
    low, high = np.quantile(defined, [0.025, 0.975])
    return estimates.Estimate(float(value), float(low), float(high))


def _floats(y_obs: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(y_obs, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)


def _by_prediction(y_obs: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    y, p = _floats(y_obs, y_pred)
    return sums_by_prediction(p, y)


def sums_by_prediction(p: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Rows, and the sum of `values`, at each distinct prediction, in ascending order."""
    # a stable sort takes linear time on rows that are already in order, as those of a resample are
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return np.diff(np.append(starts, len(p))).astype(np.float64), np.add.reduceat(values[order], starts)


def _running(count: Floats, values: Floats, at: Floats) -> Floats:
    """Sum of `values` over the first `at` rows, groups of ties shared out in proportion."""
    return np.asarray(np.interp(at, np.append(0.0, np.cumsum(count)), np.append(0.0, np.cumsum(values))))


def _log_odds(p: Floats) -> Floats:
    return np.asarray(logit(np.clip(p, _EPSILON, 1 - _EPSILON)))


def _fit_logistic(design: Floats, y: Floats, offset: Floats) -> NDArray[Any]:
    """Maximum likelihood by Newton's method with halved steps; NaN where it does not come to rest."""
    beta = np.zeros(design.shape[1])
    for _ in range(_N_NEWTON):
        p = expit(offset + design @ beta)
        hessian = design.T @ (design * (p * (1 - p))[:, None])
        curvature = np.linalg.eigvalsh(hessian)
        if curvature[0] <= curvature[-1] * _EPSILON:
            break
        step = np.linalg.solve(hessian, design.T @ (y - p))
        step /= max(1.0, float(np.max(np.abs(step))))  # never more than 1 at once: far from the optimum it overshoots
        beta = beta + step
        if np.max(np.abs(step)) < 1e-10:
            return beta
    return np.full(design.shape[1], np.nan)


def _require_usable(y: NDArray[np.float64], p: NDArray[np.float64]) -> None:
    if len(y) == 0 or len(y) != len(p):
        raise errors.DataError(
            f"evaluation: {len(y)} outcomes and {len(p)} predictions; give as many of both, at least one"
        )
    if n_wrong := int(np.sum((y != 0) & (y != 1))):
        raise errors.DataError(f"evaluation: {n_wrong} outcomes are neither 0 nor 1; give the labels")
    if n_wrong := int(np.sum(~((p >= 0) & (p <= 1)))):
        raise errors.DataError(f"evaluation: {n_wrong} predictions are not in [0, 1]; give probabilities")
