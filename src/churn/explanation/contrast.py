"""What the model makes of a service: SHAP values of those who bound it against those who could have."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.estimates import Estimate

N_BOOT = 200
LEAST_GROUP = 10
"""Customers in either group, under which no contrast is given."""
Floats = NDArray[np.float64]


class Contrast(NamedTuple):
    """Mean SHAP value of a service's columns in log-odds, with and without it, and their difference.

    `points` is the difference in calibrated probability, with its bootstrap interval over customers.
    """

    bound: float | None
    unbound: float | None
    log_odds: float | None
    points: Estimate


NO_CONTRAST = Contrast(None, None, None, Estimate(None, None, None))
"""Of a service that too few bound or left unbound, or that the model does not know."""


def contrast_shap(log_odds: Floats, points: Floats, bound: NDArray[np.bool_], *, seed: int = 0) -> Contrast:
    """Compare the SHAP values of the eligible who bound a service with those of the eligible who did not.

    Parameters
    ----------
    log_odds, points
        SHAP value of the service's columns together, shape (n,).
    bound
        Who bound it, shape (n,).

    Examples
    --------
    >>> bound = np.arange(40) < 20
    >>> found = contrast_shap(np.where(bound, -0.5, 0.1), np.where(bound, -0.1, 0.02), bound)
    >>> round(found.log_odds, 2), round(found.points.value, 2)
    (-0.6, -0.12)
    """
    if min(bound.sum(), (~bound).sum()) < LEAST_GROUP:
        return NO_CONTRAST
    with_it, without = float(log_odds[bound].mean()), float(log_odds[~bound].mean())
    rng = np.random.default_rng(seed)
    drawn = _resampled_means(points[bound], rng) - _resampled_means(points[~bound], rng)
    low, high = np.quantile(drawn, [0.025, 0.975])
    difference = float(points[bound].mean() - points[~bound].mean())
    return Contrast(with_it, without, with_it - without, Estimate(difference, float(low), float(high)))


def _resampled_means(values: Floats, rng: np.random.Generator) -> Floats:
    return np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(N_BOOT)])
