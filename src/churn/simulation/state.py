"""What is true of each living customer at the start of a month, as parallel arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.simulation.population import Bools, Ints, People
from churn.simulation.structure import HORIZON_MONTHS, INTERCEPTS, Confounders, Floats


@dataclass(frozen=True)
class State:
    """Living customers, shape (n,) each unless noted; nothing here is changed in place.

    Attributes
    ----------
    person
        Position in `People`.
    held, bound
        Shapes (n, 13) and (n, 8): products open and services bound, in the catalogue's order.
    opened, bound_in
        Shapes (n, 13) and (n, 8): month in which each was last opened or bound; meaningless where it is not.
    value, cost
        Shape (n, 6), yuan: market value and cost of the valued products before any draining; 0 where not held.
    keeps
        Share of `value` still at the bank: 1 for those who stay, less while draining, 0.01 when silent.
    tier
        0 ordinary, 1 gold, 2 platinum.
    manager
        Number of the responsible manager, −1 for none.
    since_care
        Months since an after-sales contact was reached (99 = never or long ago).
    stage
        Where the manager stands: 0 introduce, 1 invite, 2 care, 3 offer.
    leaves_in
        Months until a customer who has decided leaves; 0 for everyone else.
    lasts
        Months from the decision to the end, 1 to 3; 0 for everyone else.
    way
        How those who have decided leave, a position in `structure.WAYS`; −1 for everyone else.
    dormant
        Left silently; the record is still open.
    """

    person: Ints
    held: Bools
    bound: Bools
    opened: Ints
    bound_in: Ints
    value: Floats
    cost: Floats
    keeps: Floats
    tier: Ints
    manager: Ints
    since_care: Ints
    stage: Ints
    leaves_in: Ints
    lasts: Ints
    way: Ints
    dormant: Bools

    @property
    def undecided(self) -> Bools:
        """Who has neither decided to leave nor left silently."""
        undecided: Bools = (self.leaves_in == 0) & ~self.dormant
        return undecided

    @property
    def coverage(self) -> Ints:
        """Number of distinct products open."""
        coverage: Ints = self.held.sum(axis=1)
        return coverage

    @property
    def aum(self) -> Floats:
        """Assets under management, yuan."""
        aum: Floats = self.value.sum(axis=1) * self.keeps
        return aum


@dataclass(frozen=True)
class Scene:
    """What is the same for all customers of one run.

    `reference` is the month number of the reference as-of date (months are counted from the window's
    start), `first_month` that start in months since year 0. `correction` is the per-coverage shift of the
    intercepts from the reference on.
    """

    months: int
    confounders: Confounders
    drift: bool
    shock_month: int | None
    first_month: int
    branches: int
    correction: Floats
    campaigns: tuple[tuple[int, int], ...]

    @property
    def reference(self) -> int:
        """Month number of the reference as-of date."""
        return self.months - HORIZON_MONTHS

    @property
    def intercepts(self) -> Floats:
        """Intercepts by coverage 1 to 5+ before the reference date."""
        return INTERCEPTS[self.confounders]

    def years_from_reference(self, month: int) -> float:
        """Years from the middle of the reference year; the drift is nil there."""
        return (month - self.reference - 5.5) / 12


def select(state: State, keep: NDArray[Any]) -> State:
    """Return the customers at `keep`, a mask or positions."""
    return State(**{name: value[keep] for name, value in vars(state).items()})


def join(states: Sequence[State]) -> State:
    """Return several groups of customers as one."""
    return State(**{name: np.concatenate([getattr(s, name) for s in states]) for name in vars(states[0])})


def drivers(state: State, people: People, scene: Scene, month: int) -> Floats:
    """Return what binding, adoption and leaving respond to, shape (n, 4), roughly standard normal.

    The latents themselves; or, where every confounder is observed, four stand-ins made of age, tenure,
    balances and tier alone, so that nothing unseen moves both binding and leaving.
    """
    if scene.confounders == "hidden":
        return people.latents[state.person]
    age = ((scene.first_month + month) // 12 - people.birth_year[state.person] - 43) / 14
    tenure = np.log1p(month - people.entry[state.person]) - 1.2
    wealth = (np.log(np.maximum(state.aum, 1)) - 10.4) / 1.2
    return np.column_stack([0.4 * age + 0.6 * tenure, wealth, -age, 0.8 * wealth - 0.3 * age])
