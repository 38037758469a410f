"""Anchoring: log-odds shifted by product coverage, so that mean predicted rates are the ones a bank states.

All customers of one coverage are shifted alike, which leaves their order as it was. No outcome is used: what comes
out is as right as the stated rates are. The order of customers of different coverage does change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from churn import errors, timeline
from churn.model.documents import AnchoredBucket
from churn.segments import BUCKETS, bucket_positions

TABLE_COVERAGE = "product_coverage"
"""The feature that holds a customer's product coverage where tables are read."""

Floats = NDArray[np.float64]
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Anchoring:
    """A shift of the log-odds for each bucket of coverage.

    Attributes
    ----------
    feature
        The model's column that holds the product coverage.
    shifts
        Added to the log-odds, one per bucket in the order of `BUCKETS`; positive means more churn.
    """

    feature: str
    shifts: tuple[float, ...]

    def apply(self, probability: ArrayLike, product_coverage: ArrayLike) -> Floats:
        """Shift probabilities: 1 / (1 + exp(-(logit p + shift))), in [0, 1], shape (n,).

        Within a bucket a lower probability never becomes the higher one. Probabilities are kept 2.2e-16 from 0 and 1
        before they are shifted. Coverage 0 or unknown (NaN) is not shifted; parts of a product do not count.

        Examples
        --------
        >>> Anchoring("n", (1.0, 0.0, 0.0, 0.0, -1.0)).apply([0.5, 0.5, 0.5], [1, 7, 0]).round(3)
        array([0.731, 0.269, 0.5  ])
        """
        p = np.asarray(probability, dtype=np.float64)
        bucket = bucket_positions(product_coverage)
        shift = np.asarray(self.shifts)[bucket]
        return np.where(bucket < 0, p, expit(_log_odds(p) + shift))


class AnchoringFit(NamedTuple):
    """The anchoring, and how each bucket came to its shift, in the order of `BUCKETS`."""

    anchoring: Anchoring
    buckets: tuple[AnchoredBucket, ...]


def target_rates(stated: Mapping[Any, float], horizon_days: int = timeline.YEAR_DAYS) -> list[float | None]:
    """Return the mean rate to reach in each bucket, in the order of `BUCKETS`.

    Stated annual rates are converted to the horizon under a constant hazard. Between two stated buckets the log-odds
    lie on a line, "5+" counting as 5: a convention, not a measurement. Outside them there is no target.

    Parameters
    ----------
    stated
        A year's churn by bucket, keys "1" to "4" and "5+", in (0, 1).
    horizon_days
        The model's horizon, at least 1.

    Examples
    --------
    >>> [round(rate, 3) for rate in target_rates({"1": 0.62, "3": 0.42, "5+": 0.12})]
    [0.62, 0.521, 0.42, 0.239, 0.12]
    >>> target_rates({"3": 0.5})
    [None, None, 0.5, None, None]
    """
    names = {str(bucket): at for at, bucket in enumerate(BUCKETS) if str(bucket) in stated}
    rates = {at: timeline.stated_rate_at(stated[name], horizon_days) for name, at in names.items()}
    if not rates:
        return [None] * len(BUCKETS)
    line = expit(np.interp(range(len(BUCKETS)), list(rates), logit(list(rates.values()))))
    within = range(min(rates), max(rates) + 1)
    return [rates.get(at, float(line[at])) if at in within else None for at in range(len(BUCKETS))]


def fit_anchoring(
    probability: ArrayLike,
    product_coverage: ArrayLike,
    stated: Mapping[Any, float],
    horizon_days: int = timeline.YEAR_DAYS,
    *,
    feature: str = TABLE_COVERAGE,
    where: str = "anchoring",
) -> AnchoringFit:
    """Find the shift of each bucket at which the mean probability of its customers is the target.

    The shift s solves mean(1 / (1 + exp(-(logit p + s)))) = target; the mean rises with s, so that there is one
    root. It is the update of the intercept of Steyerberg et al. 2004, https://doi.org/10.1002/sim.1844, by bucket,
    to a rate that is given rather than observed.

    Parameters
    ----------
    probability
        Predicted probabilities of a population, shape (n,), in [0, 1], none of them anchored.
    product_coverage
        Its number of distinct products, shape (n,), less than 1 or NaN where not known.
    stated, horizon_days
        As for `target_rates`.
    feature
        The model's column that holds the coverage.
    where
        What a message begins with.

    Raises
    ------
    DataError
        Nobody is in a bucket that has a target, or none is stated.

    Examples
    --------
    >>> fit = fit_anchoring([0.2, 0.4, 0.1], [1, 1, 5], {"1": 0.62, "5+": 0.12})
    >>> fit.anchoring.apply([0.2, 0.4], [1, 1]).mean().round(6)
    np.float64(0.62)
    >>> [(row.basis, row.taken_from) for row in fit.buckets[:2]]
    [('stated', None), ('neighbour', 1)]
    """
    p = np.asarray(probability, dtype=np.float64)
    bucket = bucket_positions(product_coverage)
    targets = target_rates(stated, horizon_days)
    solved = {
        at: _solve(p[bucket == at], target)
        for at, target in enumerate(targets)
        if target is not None and np.any(bucket == at)
    }
    if not solved:
        raise errors.DataError(
            f"{where}: nobody holds a number of products a rate is stated for; see [baselines.stated]"
        )
    sources = [_nearest(at, solved) for at in range(len(BUCKETS))]
    anchoring = Anchoring(feature, tuple(solved[source] for source in sources))
    after = anchoring.apply(p, product_coverage)
    rows = [
        AnchoredBucket(
            product_coverage=name,
            n=int(np.sum(bucket == at)),
            target=targets[at],
            basis="neighbour" if source != at else "stated" if str(name) in stated else "between",
            taken_from=None if source == at else BUCKETS[source],
            shift=solved[source],
            predicted_before=_mean(p[bucket == at]),
            predicted=_mean(after[bucket == at]),
        )
        for at, (name, source) in enumerate(zip(BUCKETS, sources, strict=True))
    ]
    return AnchoringFit(anchoring, tuple(rows))


def anchoring_to_json(anchoring: Anchoring) -> dict[str, Any]:
    """Give an anchoring as JSON values.

    Examples
    --------
    >>> anchoring_to_json(Anchoring("products", (1.0, 0.5, 0.0, 0.0, -1.0)))
    {'feature': 'products', 'shifts': {'1': 1.0, '2': 0.5, '3': 0.0, '4': 0.0, '5+': -1.0}}
    """
    return {"feature": anchoring.feature, "shifts": dict(zip(map(str, BUCKETS), anchoring.shifts, strict=True))}


def anchoring_from_json(value: Mapping[str, Any]) -> Anchoring:
    """Give the anchoring back from `anchoring_to_json`.

    Raises
    ------
    KeyError, TypeError, ValueError
        The value is not of that form, or a shift is not finite.

    Examples
    --------
    >>> anchoring_from_json({"feature": "n", "shifts": {"1": 0, "2": 0, "3": 0, "4": 0, "5+": -1}})
    Anchoring(feature='n', shifts=(0.0, 0.0, 0.0, 0.0, -1.0))
    """
    shifts = tuple(float(value["shifts"][str(bucket)]) for bucket in BUCKETS)
    if len(value["shifts"]) != len(BUCKETS) or not np.all(np.isfinite(shifts)):
        raise ValueError(f"anchoring.shifts: not one finite number for each of {BUCKETS}")
    return Anchoring(str(value["feature"]), shifts)


def _solve(probability: Floats, target: float) -> float:
    z = _log_odds(probability)

    def above(shift: float) -> float:
        return float(expit(z + shift).mean() - target)

    # At the ends every customer lies on one side of the target; 1 more keeps rounding off the sign.
    wanted = float(logit(target))
    return float(scipy.optimize.brentq(above, wanted - z.max() - 1, wanted - z.min() + 1, xtol=1e-12))


def _nearest(at: int, solved: Mapping[int, float]) -> int:
    return min(solved, key=lambda other: (abs(other - at), other))


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, _EPSILON, 1 - _EPSILON)))


def _mean(probability: Floats) -> float | None:
    return float(probability.mean()) if len(probability) else None
