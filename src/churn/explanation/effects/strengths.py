"""How strongly what was observed drives binding and churn, in the measure of the hidden driver of the bounds.

Each family of covariates is left out in turn, and the loss of explained variance is what a hidden driver of that
family's strength would have (the benchmarks of Chernozhukov et al. 2022, https://doi.org/10.3386/w30302). Shown so that
the declared strength can be judged; they decide nothing. As a yardstick they work backwards: where the real driver is
hidden the observed families look weak, and where it is observed they look strong.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.explanation.effects.comparison import Comparison
from churn.explanation.effects.observational import LEAST_ARM, Nuisances, explained_shares, fit_nuisances

MOST_ROWS = 5_000
MOST_FAMILIES = 12


class Strength(NamedTuple):
    """What one family explains beyond all others.

    Attributes
    ----------
    family
        Its name.
    cf_y, cf_d
        Share of the residual variance of churn and of binding, in [0, 1).
    """

    family: str
    cf_y: float
    cf_d: float


def observed_strengths(compared: Comparison, *, seed: int = 0, n_threads: int = 0) -> list[Strength]:
    """Measure the families of covariates, the strongest for binding first, on 5,000 customers at most.

    Empty where fewer than 100 have the service or have it not, or there are more than 12 families.
    """
    families = list(dict.fromkeys(compared.families))
    rows = _sample(compared, seed)
    bound, y, matrix = compared.bound[rows], compared.y[rows], compared.matrix[rows]
    if not 2 <= len(families) <= MOST_FAMILIES or min(bound.sum(), (1 - bound).sum()) < LEAST_ARM:
        return []
    whole = fit_nuisances(matrix, bound, y, seed=seed, n_threads=n_threads)
    found = []
    for family in families:
        others = np.array([name != family for name in compared.families])
        short = fit_nuisances(matrix[:, others], bound, y, seed=seed, n_threads=n_threads)
        found.append(Strength(family, *_shares(bound, y, whole, short)))
    return sorted(found, key=lambda strength: -strength.cf_d)


def _shares(bound: NDArray[np.int64], y: NDArray[np.int64], whole: Nuisances, short: Nuisances) -> tuple[float, float]:
    cf_y, cf_d = explained_shares(bound, y, whole, short)
    return max(cf_y, 0.0), max(cf_d, 0.0)


def _sample(compared: Comparison, seed: int) -> NDArray[np.int64]:
    n = len(compared.y)
    if n <= MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_ROWS, replace=False))
