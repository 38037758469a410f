"""Whether intervals of probabilities held: observed rates of risk groups against their mean intervals."""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from churn.errors import DataError
from churn.evaluation.metrics import calibration_intercept
from churn.model.documents import IntervalFacts, RiskGroup

Floats = NDArray[np.float64]

N_GROUPS = 10
_TAIL = 0.025
_EPSILON = float(np.finfo(np.float64).eps)


def assess_intervals(
    y_obs: ArrayLike, probability: ArrayLike, low: ArrayLike, high: ArrayLike, *, widening: float = 0.0
) -> IntervalFacts:
    """Hold intervals against the outcomes of customers the model did not see.

    A group's count of leavers is compared with binomial counts at the mean of either end, each with a tail of 2.5 %:
    the group is consistent where [low, high] meets the Clopper-Pearson interval of its rate (Clopper, Pearson 1934,
    https://doi.org/10.1093/biomet/26.4.404). With ``low == high == probability`` this judges the plain claim that
    the probability is exact.

    Parameters
    ----------
    y_obs
        0 or 1, shape (n,), at least one.
    probability, low, high
        In [0, 1], ``low <= probability <= high``, each of shape (n,).
    widening
        What was learnt of them by `learn_widening`, to be kept beside it.

    Raises
    ------
    DataError
        No row, unequal lengths, or a value that is missing.

    Examples
    --------
    >>> found = assess_intervals([0, 0, 0, 1] * 50, [0.1] * 100 + [0.4] * 100, [0.05] * 200, [0.2] * 100 + [0.45] * 100)
    >>> [(group.n, group.observed, group.consistent) for group in found.groups]
    [(100, 0.25, True), (100, 0.25, True)]
    >>> found.share_consistent, round(found.mean_width, 3)
    (1.0, 0.275)
    """
    y, p, a, b = (np.asarray(values, dtype=np.float64) for values in (y_obs, probability, low, high))
    _require_usable(y, p, a, b)
    edges = np.quantile(p, np.arange(1, N_GROUPS) / N_GROUPS, method="inverted_cdf")
    at = np.unique(np.searchsorted(edges, p), return_inverse=True)[1]
    n = np.bincount(at)
    left, *means = (np.bincount(at, weights=values) / size for values, size in ((y, 1), (p, n), (a, n), (b, n)))
    binom = scipy.stats.binom
    consistent = (binom.cdf(left, n, means[1]) >= _TAIL) & (binom.sf(left - 1, n, means[2]) >= _TAIL)
    columns = (n.tolist(), (left / n).tolist(), *(mean.tolist() for mean in means), consistent.tolist())
    return IntervalFacts(
        share_consistent=float(consistent.mean()),
        mean_width=float(np.mean(b - a)),
        widening=widening,
        groups=tuple(
            RiskGroup(n=size, observed=rate, probability=mean, low=least, high=most, consistent=agrees)
            for size, rate, mean, least, most, agrees in zip(*columns, strict=True)
        ),
    )


def learn_widening(y_obs: ArrayLike, probability: ArrayLike) -> float:
    """Learn from a later date how far both ends of an interval should move apart in log-odds, at least 0.

    Exchangeability, which Venn-Abers rests on, ends where the level of churn moves from year to year. By how much a
    model of earlier outcomes was off on the whole at a later date, its successor may be off at the next: the
    calibration in the large there (`metrics.calibration_intercept`), without its sign, less one standard error, so
    that little is added where there was only noise. It says nothing of a shock, which no earlier date foretells.
    docs/decisions/0010-intervals.md has what it gains and costs. 0 where there is one outcome alone.

    Parameters
    ----------
    y_obs, probability
        As for `assess_intervals`, of customers at a date after those the model learnt from.

    Examples
    --------
    >>> round(learn_widening([0, 0, 0, 1] * 100, [0.18] * 400), 3)  # ln(.25 / .75) - ln(.18 / .82) less 1 / sqrt(75)
    0.302
    >>> learn_widening([0, 0, 0, 1] * 100, [0.25] * 400)
    0.0
    """
    off = calibration_intercept(y_obs, probability)
    if np.isnan(off):
        return 0.0
    p = np.asarray(probability, dtype=np.float64)
    moved = expit(logit(np.clip(p, _EPSILON, 1 - _EPSILON)) + off)
    return max(0.0, float(abs(off) - 1 / np.sqrt(np.sum(moved * (1 - moved)))))


def _require_usable(y: Floats, *others: Floats) -> None:
    lengths = {len(y), *map(len, others)}
    if lengths == {0} or len(lengths) > 1:
        raise DataError(f"intervals: {len(y)} outcomes and other numbers of predictions; give as many, at least one")
    if n_missing := int(sum(np.sum(np.isnan(values)) for values in (y, *others))):
        raise DataError(f"intervals: {n_missing} values are missing; give a model that has intervals")
