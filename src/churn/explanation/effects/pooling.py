"""Effects of a bank's services seen together: what is to be expected of each, rather than what it happened to show.

Of several estimates the largest is the one that chance helped most, and those that are significant are too large in the
mean. So each is drawn towards the services' common mean, the more the less it is known: an empirical Bayes estimate
(Efron and Morris 1975, https://doi.org/10.1080/01621459.1975.10479864). How much services differ is itself known badly
from a few of them, and is averaged over with a weak prior.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from churn.estimates import Z_95, Estimate

Floats = NDArray[np.float64]
MEAN_SD = 0.1
"""Of the prior of the services' mean effect, around 0: most bindings change the probability by less than 20 points."""
SPREAD_SD = 0.1
"""Scale of the half-normal prior of the spread between services."""
_SPREADS = np.linspace(0.0, 4 * SPREAD_SD, 161)
_LEAST_ERROR = 1e-6
_STEPS = 60
"""Bisections for the end of an interval: to the last bit."""


def pool(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return what is to be expected, with its 95 % interval, behind each of several known estimates.

    Examples
    --------
    >>> [round(one.value, 3) for one in pool([Estimate(-0.2, -0.36, -0.04), Estimate(-0.02, -0.06, 0.02)])]
    [-0.112, -0.024]
    """
    if not estimates:
        return []
    values = [one.value or 0.0 for one in estimates]
    errors = [max(((one.high or 0.0) - (one.low or 0.0)) / (2 * Z_95), _LEAST_ERROR) for one in estimates]
    return [Estimate(*map(float, three)) for three in zip(*shrink(values, errors), strict=True)]


def shrink(values: ArrayLike, errors: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return posterior means and the ends of 95 % intervals of effects, shapes (n,).

    θᵢ ~ N(μ, τ²) and valueᵢ ~ N(θᵢ, errorᵢ²), with μ ~ N(0, `MEAN_SD`²) and τ half-normal of scale `SPREAD_SD`. Given τ
    everything is normal; τ is averaged over on a grid by its posterior.

    Parameters
    ----------
    values
        Estimates, shape (n,), n at least 1.
    errors
        Their standard errors, above 0.

    Examples
    --------
    >>> mean, low, high = shrink([-0.20, -0.02, 0.01], [0.08, 0.02, 0.02])
    >>> mean.round(3), bool((low < mean).all() and (mean < high).all())
    (array([-0.088, -0.019,  0.004]), True)
    """
    value, variance = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64) ** 2
    weight = 1 / (variance + _SPREADS[:, None] ** 2)
    of_mean = 1 / (weight.sum(axis=1) + 1 / MEAN_SD**2)
    mean = of_mean * (weight * value).sum(axis=1)
    log_likelihood = 0.5 * (
        np.log(of_mean) + np.log(weight).sum(axis=1) - (weight * value**2).sum(axis=1) + mean**2 / of_mean
    )
    log_posterior = log_likelihood - 0.5 * (_SPREADS / SPREAD_SD) ** 2
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior = (posterior / posterior.sum())[:, None]
    own = _SPREADS[:, None] ** 2 * weight
    centre = own * value + (1 - own) * mean[:, None]
    spread = np.sqrt(own * variance + (1 - own) ** 2 * of_mean[:, None])
    low, high = (_quantile(posterior, centre, spread, share) for share in (0.025, 0.975))
    return (posterior * centre).sum(axis=0), low, high


def _quantile(weight: Floats, centre: Floats, spread: Floats, share: float) -> Floats:
    """Return the quantile of each column's mixture of normal distributions."""
    low, high = (centre - 10 * spread).min(axis=0), (centre + 10 * spread).max(axis=0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = (weight * ndtr((middle - centre) / spread)).sum(axis=0) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)
