"""Tests of an observational estimate on questions whose answer is known to be "nothing".

A placebo that is dealt out at random, an outcome that binding cannot bring about, and a group that no longer has the
service: an estimator and covariates that find an effect there cannot be believed elsewhere (Lipsitch et al. 2010,
https://doi.org/10.1097/EDE.0b013e3181d61eeb).
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.estimates import Z_95, Estimate
from churn.explanation.effects.observational import (
    Ints,
    Nuisances,
    effect_on_bound,
    effect_on_unbound,
    fit_nuisances,
)
from churn.model.trees import Matrix

ControlKind = Literal["placebo", "outcome", "treatment"]
LEAST_ARM = 20
"""Customers with the control outcome, or with the control treatment, that a test needs in each group."""
Z_99 = 2.5758
"""A control fails when its 99 % interval is clear of zero; three tests at 95 % fail one sound service in seven."""


class Control(NamedTuple):
    """One test: what was tested, what it found (95 % interval), and whether that is compatible with nothing."""

    kind: ControlKind
    found: Estimate
    passed: bool


def placebo_control(matrix: Matrix, bound: Ints, y: Ints, *, seed: int = 0, n_threads: int = 0) -> Control:
    """Deal the service out at random, to as many customers as have it, and look for its effect."""
    dealt = np.random.default_rng(seed).permutation(bound)
    return _judge(
        "placebo", effect_on_unbound(dealt, y, fit_nuisances(matrix, dealt, y, seed=seed, n_threads=n_threads))
    )


def outcome_control(
    matrix: Matrix, bound: Ints, outcome: Ints, propensity: NDArray[np.float64], *, seed: int = 0, n_threads: int = 0
) -> Control | None:
    """Look for an effect on an earlier outcome, 0 or 1, that the service cannot have; None where it is too rare."""
    if min(outcome[bound == 0].sum(), outcome[bound == 1].sum()) < LEAST_ARM:
        return None
    learnt = fit_nuisances(matrix, bound, outcome, seed=seed, n_threads=n_threads)
    return _judge("outcome", effect_on_unbound(bound, outcome, Nuisances(propensity, learnt.without, learnt.with_it)))


def treatment_control(
    matrix: Matrix, once: NDArray[np.bool_], y: Ints, *, seed: int = 0, n_threads: int = 0
) -> Control | None:
    """Among those without the service, look for an effect of having had it once; None where too few had."""
    had = once.astype(np.int64)
    if min(had.sum(), len(had) - had.sum()) < LEAST_ARM:
        return None
    return _judge("treatment", effect_on_bound(had, y, fit_nuisances(matrix, had, y, seed=seed, n_threads=n_threads)))


def _judge(kind: ControlKind, found: Estimate) -> Control:
    if found.value is None or found.high is None:
        return Control(kind, found, passed=False)
    reach = (found.high - found.value) * Z_99 / Z_95
    return Control(kind, found, passed=abs(found.value) <= reach)
