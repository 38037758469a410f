"""How far an observational estimate can be believed: tests of it, and how strong what was observed is.

Tests ask what is known to have the answer "nothing". A placebo that is dealt out at random, an outcome that binding
cannot bring about, and a group that no longer has the service: an estimator and covariates that find an effect there
cannot be believed elsewhere (Lipsitch et al. 2010, https://doi.org/10.1097/EDE.0b013e3181d61eeb).

Strengths say how strongly what was observed drives binding and churn, in the measure of the hidden driver of the
bounds. Each family of covariates is left out in turn, and the loss of explained variance is what a hidden driver of
that family's strength would have (the benchmarks of Chernozhukov et al. 2022, https://doi.org/10.3386/w30302). Shown so
that the declared strength can be judged; they decide nothing. As a yardstick they work backwards: where the real driver
is hidden the observed families look weak, and where it is observed they look strong.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.estimates import Z_95, Estimate
from churn.explanation.effects import observational
from churn.explanation.effects.comparison import ComparedCustomers
from churn.explanation.effects.observational import Ints
from churn.model.trees import Matrix

ControlKind = Literal["placebo", "outcome", "treatment"]
LEAST_CASES = 20
"""Customers with the control outcome, or with the control treatment, that a test needs in each group."""
Z_99 = 2.5758
"""A control fails when its 99 % interval is clear of zero; three tests at 95 % fail one sound service in seven."""
MOST_ROWS = 5_000
MOST_FAMILIES = 12


class Control(NamedTuple):
    """One test: what was tested, what it found (95 % interval), and whether that is compatible with nothing."""

    kind: ControlKind
    found: Estimate
    passed: bool


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


def placebo_control(matrix: Matrix, bound: Ints, y: Ints, *, seed: int = 0) -> Control:
    """Deal the service out at random, to as many customers as have it, and look for its effect."""
    dealt = np.random.default_rng(seed).permutation(bound)
    learnt = observational.fit_nuisances(matrix, dealt, y, seed=seed)
    return _judge("placebo", observational.effect_on_unbound(dealt, y, learnt))


def outcome_control(
    matrix: Matrix, bound: Ints, outcome: Ints, propensity: NDArray[np.float64], *, seed: int = 0
) -> Control | None:
    """Look for an effect on an earlier outcome, 0 or 1, that the service cannot have; None where it is too rare."""
    if min(outcome[bound == 0].sum(), outcome[bound == 1].sum()) < LEAST_CASES:
        return None
    learnt = observational.fit_nuisances(matrix, bound, outcome, seed=seed)._replace(propensity=propensity)
    return _judge("outcome", observational.effect_on_unbound(bound, outcome, learnt))


def treatment_control(matrix: Matrix, once: NDArray[np.bool_], y: Ints, *, seed: int = 0) -> Control | None:
    """Among those without the service, look for an effect of having had it once; None where too few had."""
    had = once.astype(np.int64)
    if min(had.sum(), len(had) - had.sum()) < LEAST_CASES:
        return None
    learnt = observational.fit_nuisances(matrix, had, y, seed=seed)
    return _judge("treatment", observational.effect_on_bound(had, y, learnt))


def observed_strengths(compared: ComparedCustomers, *, seed: int = 0) -> list[Strength]:
    """Measure the families of covariates, the strongest for binding first, on 5,000 customers at most.

    Empty where fewer than 100 have the service or have it not, or there are more than 12 families.
    """
    families = list(dict.fromkeys(compared.families))
    rows = _sample(compared, seed)
    bound, y, matrix = compared.bound[rows], compared.y[rows], compared.matrix[rows]
    if not 2 <= len(families) <= MOST_FAMILIES or min(bound.sum(), (1 - bound).sum()) < observational.LEAST_ARM:
        return []
    whole = observational.fit_nuisances(matrix, bound, y, seed=seed)
    found = []
    for family in families:
        others = np.array([name != family for name in compared.families])
        short = observational.fit_nuisances(matrix[:, others], bound, y, seed=seed)
        cf_y, cf_d = observational.explained_shares(bound, y, whole, short)
        found.append(Strength(family, max(cf_y, 0.0), max(cf_d, 0.0)))
    return sorted(found, key=lambda strength: -strength.cf_d)


def _judge(kind: ControlKind, found: Estimate) -> Control:
    if found.value is None or found.high is None:
        return Control(kind, found, passed=False)
    reach = (found.high - found.value) * Z_99 / Z_95
    return Control(kind, found, passed=abs(found.value) <= reach)


def _sample(compared: ComparedCustomers, seed: int) -> NDArray[np.int64]:
    n = len(compared.y)
    if n <= MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_ROWS, replace=False))
