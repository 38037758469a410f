"""Estimates with their 95 % intervals: of one number, and of many units at once.

An `Estimate` is one number, None where the data cannot define it. An `Interval` holds arrays: counts of shape
(n units,) come in, and three arrays of the same shape go out; where nothing was counted all three are NaN, and where a
value is known and its spread is not, its ends are.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Z_95 = float(scipy.special.ndtri(0.975))
"""Half the width of a 95 % interval in standard errors, 1.96."""
_TAIL = 0.025
_ROUNDING = 1e-9
"""A reach up to this is none: what is left of sums that cancel out."""


class Estimate(NamedTuple):
    """A value and its 95 % interval; None where the data cannot define it.

    Examples
    --------
    >>> Estimate(0.8, 0.7, 0.9)._asdict()
    {'value': 0.8, 'low': 0.7, 'high': 0.9}
    """

    value: float | None
    low: float | None = None
    high: float | None = None


UNKNOWN = Estimate(None)


class Interval(NamedTuple):
    """Values and the ends of their 95 % intervals; shapes (n,)."""

    value: Floats
    low: Floats
    high: Floats

    def times(self, factor: ArrayLike) -> "Interval":
        """Multiply by numbers not below zero.

        Examples
        --------
        >>> Interval(*np.array([[0.1], [-0.1], [0.3]])).times([100]).low.item()
        -10.0
        """
        by = np.asarray(factor, dtype=np.float64)
        return Interval(self.value * by, self.low * by, self.high * by)


def share(count: ArrayLike, n: ArrayLike) -> Interval:
    """Return `count` of `n` as a share, with Wilson's interval.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953. Where all or none were counted the end is 1 or 0.

    Parameters
    ----------
    count
        In [0, n].
    n
        At least 0; no whole number where it is an effective size.

    Examples
    --------
    >>> [float(part[0].round(4)) for part in share([3], [10])]
    [0.3, 0.1078, 0.6032]
    """
    size, square = _above_zero(n), Z_95**2
    p = np.asarray(count, dtype=np.float64) / size
    # The terms in the order of scipy's binomtest(k, n).proportion_ci("wilson"): its bits are these.
    divisor = 2 * (size + square)
    centre, reach = (2 * size * p + square) / divisor, Z_95 / divisor * np.sqrt(4 * size * p * (1 - p) + square)
    return Interval(p, np.where(p == 0, 0.0, centre - reach), np.where(p == 1, 1.0, centre + reach))


def share_of(count: float, n: float) -> Estimate:
    """Return `count` of `n` as one share, with Wilson's interval; of none, no value.

    Examples
    --------
    >>> share_of(3, 10).value, share_of(0, 0)
    (0.3, Estimate(value=None, low=None, high=None))
    """
    if n == 0:
        return UNKNOWN
    value, low, high = share(count, n)
    return Estimate(float(value), float(low), float(high))


def around(value: float, standard_error: float | None) -> Estimate:
    """Return a value with its normal interval, 1.96 standard errors on either side; without an error, no interval.

    Examples
    --------
    >>> around(0.5, 0.1).low.__round__(3), around(0.5, None)
    (0.304, Estimate(value=0.5, low=None, high=None))
    """
    if standard_error is None:
        return Estimate(value)
    reach = Z_95 * standard_error
    return Estimate(value, value - reach, value + reach)


def clustered_error(values: ArrayLike, owner: ArrayLike) -> float | None:
    """Return the standard error of a mean of values that come in clusters, by each cluster's sum; None of one.

    √(G / (G − 1) Σ_g (Σ (x − x̄))²) / n: Liang and Zeger 1986, https://doi.org/10.1093/biomet/73.1.13.

    Parameters
    ----------
    values, owner
        Values, and whose each is, shape (n,).

    Examples
    --------
    >>> clustered_error([1, 1, 3, 3], [0, 0, 1, 1])
    1.0
    """
    found = np.asarray(values)
    sums = np.bincount(np.unique(np.asarray(owner), return_inverse=True)[1], found - found.mean())
    if len(sums) == 1:
        return None
    return float(np.sqrt(np.sum(sums**2) * len(sums) / (len(sums) - 1)) / len(found))


def normal_p_value(difference: float, standard_error: float) -> float | None:
    """Two-sided p-value, in (0, 1], that a difference is noise; None where no noise is known and it is not 0.

    Examples
    --------
    >>> round(normal_p_value(-1.96, 1.0), 3)
    0.05
    """
    if standard_error == 0:
        return 1.0 if difference == 0 else None
    # beyond 38 standard errors the tail is below the smallest float, and is said to be that
    return max(float(2 * scipy.stats.norm.sf(abs(difference) / standard_error)), float(np.finfo(np.float64).tiny))


def mean(n: ArrayLike, total: ArrayLike, squares: ArrayLike) -> Interval:
    """Return means of `n` values from their sum and the sum of their squares, with Student's interval.

    x̄ ± t(0.975; n − 1) s / √n; Student 1908, https://doi.org/10.1093/biomet/6.1.1. A single value has no interval.

    Examples
    --------
    >>> [float(part[0].round(4)) for part in mean([3], [6], [14])]
    [2.0, -0.4841, 4.4841]
    """
    size, sums = _above_zero(n), np.asarray(total, dtype=np.float64)
    # n Σx² − (Σx)² is exact for whole numbers; divided by n² (n − 1) it is the variance of the mean.
    spread = np.maximum(size * np.asarray(squares, dtype=np.float64) - sums**2, 0.0)
    freedom = _above_zero(size - 1)
    return _around(sums / size, np.sqrt(spread / freedom) / size, freedom)


def clustered_mean(n: ArrayLike, total: ArrayLike, squares: ArrayLike, group: ArrayLike, n_groups: int) -> Interval:
    """Return the mean over all values of each group, whose values come in clusters that are alike in themselves.

    x̄ ± t(0.975; G − 1) √V, V = G / (G − 1) Σ_g (T_g − n_g x̄)² / (Σ n_g)² over the G clusters with a value; Liang and
    Zeger 1986, https://doi.org/10.1093/biomet/73.1.13. A group of one cluster has that cluster's own `mean`.

    Parameters
    ----------
    n, total, squares
        Number, sum and sum of squares of each cluster's values.
    group
        The cluster's group, in [0, n_groups), or -1 for none.

    Returns
    -------
    Interval
        Shapes (n_groups,).

    Examples
    --------
    >>> [float(part[0].round(4)) for part in clustered_mean([2, 2], [2, 6], [2, 18], [0, 0], 1)]
    [2.0, -10.7062, 14.7062]
    """
    size, sums, deviation = _clusters(n, total, group, n_groups)
    alone = mean(size, sums, by_group(squares, group, n_groups))
    error, freedom = deviation
    together = _around(sums / _above_zero(size), error, freedom)
    return _choose(freedom > 0, together, alone)


def clustered_share(n: ArrayLike, count: ArrayLike, group: ArrayLike, n_groups: int) -> Interval:
    """Return shares of yes and no in clusters: Wilson's interval at the size that the clusters leave.

    The effective size is p(1 − p) / V × (z / t(0.975; G − 1))², at most that of independent values, with V of
    `clustered_mean`: Korn and Graubard 1998, Survey Methodology 24, 193-201. Where all or none are yes it is G: then
    each cluster is taken for one value. A group of one cluster has that cluster's own `share`.

    Examples
    --------
    >>> [float(part[0].round(4)) for part in clustered_share([20] * 4, [10, 12, 8, 10], [0] * 4, 1)]
    [0.5, 0.3743, 0.6257]
    """
    size, counts, (error, freedom) = _clusters(n, count, group, n_groups)
    p = counts / _above_zero(size)
    # (z / t)² < 1: the variance between few clusters is itself uncertain.
    few = (Z_95 / scipy.stats.t.ppf(1 - _TAIL, _above_zero(freedom))) ** 2
    # Clusters of one share have no variance between them, and count as independent values: `fmin` drops the NaN.
    left = np.where(p * (1 - p) > 0, p * (1 - p) / _above_zero(error**2) * few, freedom + 1)
    effective = np.where(freedom > 0, np.fmin(left, size), size)
    return share(p * effective, effective)


def rate(events: ArrayLike, exposure: ArrayLike) -> Interval:
    """Return events per exposed one, with the exact Poisson interval.

    [χ²(0.025; 2k) / 2, χ²(0.975; 2k + 2) / 2] for k events; Garwood 1936, https://doi.org/10.1093/biomet/28.3-4.437.

    Examples
    --------
    >>> [float(part[0].round(4)) for part in rate([5], [1])]
    [5.0, 1.6235, 11.6683]
    """
    k, size = np.asarray(events, dtype=np.float64), _above_zero(exposure)
    low = np.where(k > 0, scipy.stats.chi2.ppf(_TAIL, np.maximum(2 * k, 1)) / 2, 0.0)
    return Interval(k / size, low / size, scipy.stats.chi2.ppf(1 - _TAIL, 2 * k + 2) / 2 / size)


def difference(first: Interval, second: Interval) -> Interval:
    """Return first less second of two independent estimates, from their own intervals.

    [d − √((a − l_a)² + (u_b − b)²), d + √((u_a − a)² + (b − l_b)²)], d = a − b: Zou and Donner 2008,
    https://doi.org/10.1002/sim.3095. Of two shares it is Newcombe's tenth method,
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> [float(part[0].round(4)) for part in difference(share([56], [70]), share([48], [80]))]
    [0.2, 0.0524, 0.3339]
    """
    value = first.value - second.value
    low = value - np.hypot(first.value - first.low, second.high - second.value)
    return Interval(value, low, value + np.hypot(first.high - first.value, second.value - second.low))


def stratified_difference(tables: NDArray[Any], group: ArrayLike, n_groups: int) -> Interval:
    """Return the difference of two shares, compared within strata: Mantel and Haenszel's.

    RD = Σ_k (a_k n₀ₖ − b_k n₁ₖ) / N_k ÷ W, W = Σ_k n₁ₖ n₀ₖ / N_k: Greenland and Robins 1985,
    https://doi.org/10.2307/2530643. Its variance is Sato's (1989, Biometrics 45, 1323-1324), which holds for few large
    and for many small strata: (RD ΣP_k + ΣQ_k) / W², P_k = (n₁² b − n₀² a + n₁ n₀ (n₀ − n₁) / 2) / N²,
    Q_k = (a (n₀ − b) + b (n₁ − a)) / 2N. Where that is 0, as where nobody has the outcome, the interval reaches as far
    as Newcombe's of all strata together. A stratum with one arm alone shows nothing and adds nothing.

    Parameters
    ----------
    tables
        One row per stratum, shape (n, 4): n₁ treated, a of them with the outcome, n₀ others, b of them with it.
    group
        The group each stratum belongs to, in [0, n_groups), or -1 for none.

    Returns
    -------
    Interval
        Treated less others, shapes (n_groups,); within [-1, 1].

    Examples
    --------
    >>> found = stratified_difference(np.array([[50, 10, 50, 20], [40, 4, 20, 4]]), [0, 0], 1)
    >>> [float(part[0].round(4)) for part in found]
    [-0.1652, -0.3002, -0.0303]
    """
    n1, a, n0, b = np.asarray(tables, dtype=np.float64).reshape(-1, 4).T
    # A stratum of one arm has weight 0; whatever its other terms are must not count either.
    n1, a, n0, b = ((n1 * n0 > 0) * part for part in (n1, a, n0, b))
    size = np.maximum(n1 + n0, 1)
    weight = _above_zero(by_group(n1 * n0 / size, group, n_groups))
    value = by_group((a * n0 - b * n1) / size, group, n_groups) / weight
    p = by_group((n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / size**2, group, n_groups)
    q = by_group((a * (n0 - b) + b * (n1 - a)) / (2 * size), group, n_groups)
    reach = Z_95 * np.sqrt(np.maximum(value * p + q, 0.0)) / weight
    pooled = difference(*(share(*(by_group(part, group, n_groups) for part in arm)) for arm in ((a, n1), (b, n0))))
    others = (pooled.value - pooled.low, pooled.high - pooled.value)
    below, above = (np.where(reach > _ROUNDING, reach, other) for other in others)
    return Interval(value, np.maximum(value - below, -1.0), np.minimum(value + above, 1.0))


def unknown(values: ArrayLike) -> Interval:
    """Return values that have no interval.

    Examples
    --------
    >>> unknown([0.4]).high
    array([nan])
    """
    known = np.asarray(values, dtype=np.float64)
    return Interval(known, np.full_like(known, np.nan), np.full_like(known, np.nan))


def by_group(values: ArrayLike, group: ArrayLike, n_groups: int) -> Floats:
    """Add up values by group, in [0, n_groups), or -1 for none.

    Examples
    --------
    >>> by_group([1, 2, 5], [0, 0, -1], 2)
    array([3., 0.])
    """
    at = np.asarray(group, dtype=np.int64)
    known = at >= 0
    found = np.bincount(at[known], np.asarray(values, dtype=np.float64)[known], minlength=n_groups)
    return np.asarray(found, dtype=np.float64)


def _clusters(
    n: ArrayLike, total: ArrayLike, group: ArrayLike, n_groups: int
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Number and sum of each group's values; standard error of their mean, and degrees of freedom (clusters less 1)."""
    size, sums = by_group(n, group, n_groups), by_group(total, group, n_groups)
    there = np.asarray(n, dtype=np.float64) > 0
    freedom = by_group(there, group, n_groups) - 1
    means = sums / _above_zero(size)
    at = np.asarray(group, dtype=np.int64)
    residual = np.where(there, np.asarray(total) - np.asarray(n) * means[at], 0.0)
    variance = (1 + 1 / _above_zero(freedom)) * by_group(residual**2, group, n_groups)
    return size, sums, (np.sqrt(variance) / _above_zero(size), freedom)


def _around(value: Floats, error: Floats, freedom: Floats) -> Interval:
    reach = scipy.stats.t.ppf(1 - _TAIL, _above_zero(freedom)) * error
    return Interval(value, value - reach, value + reach)


def _choose(first: NDArray[np.bool_], one: Interval, other: Interval) -> Interval:
    value, low, high = (np.where(first, a, b) for a, b in zip(one, other, strict=True))
    return Interval(value, low, high)


def _above_zero(values: ArrayLike) -> Floats:
    """Put NaN where a number is not above zero, so that dividing by it gives NaN and no warning."""
    known = np.asarray(values, dtype=np.float64)
    return np.where(known > 0, known, np.nan)
