"""Metrics with intervals, by resampling customers."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from churn.errors import DataError
from churn.estimates import Estimate
from churn.evaluation.metrics import METRICS

Z_95 = float(norm.ppf(0.975))
"""Half the width of a 95 % interval in standard errors, 1.96."""
Statistics = Callable[[NDArray[np.int64]], Mapping[str, float]]


def evaluate(
    y_obs: ArrayLike, y_pred: ArrayLike, *, n_boot: int = 200, seed: int = 0, groups: ArrayLike | None = None
) -> dict[str, Estimate]:
    """Compute every metric of `churn.evaluation.metrics`, with bootstrap intervals.

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
) -> dict[str, Estimate]:
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


def _estimate(value: float, draws: NDArray[np.float64], *, biased: bool) -> Estimate:
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(defined) == 0:
        return Estimate(float(value) if np.isfinite(value) else None, None, None)
    if biased:
        defined = np.maximum(defined - (defined.mean() - value), 0.0)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def _require_usable(y: NDArray[np.float64], p: NDArray[np.float64]) -> None:
    if len(y) == 0 or len(y) != len(p):
        raise DataError(f"evaluation: {len(y)} outcomes and {len(p)} predictions; give as many of both, at least one")
    if n_wrong := int(np.sum((y != 0) & (y != 1))):
        raise DataError(f"evaluation: {n_wrong} outcomes are neither 0 nor 1; give the labels")
    if n_wrong := int(np.sum(~((p >= 0) & (p <= 1)))):
        raise DataError(f"evaluation: {n_wrong} predictions are not in [0, 1]; give probabilities")
