"""The people of the bank: dates of months, everyone who ever enters, and what is true of the living, as arrays."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.simulation import structure as s

Days = NDArray[np.int32]

# The data end with 2025, so that the reference as-of date is 2025-01-01, a year and a day before.
DATA_END = dt.date(2025, 12, 31)
REFERENCE_AS_OF = dt.date(2025, 1, 1)
_END_MONTH = DATA_END.year * 12 + DATA_END.month
LAST_DAY = 28  # events fall on the days every month has


def first_month(months: int) -> int:
    """Return the window's first month as a count of months since year 0 (January = 12 × year).

    Examples
    --------
    >>> first_month(48) == 2022 * 12
    True
    """
    return _END_MONTH - months


def date_of(first: int, month: Any, day: Any = 1) -> Days:
    """Return the date of `day` in the window's `month`, which starts at `first`.

    Examples
    --------
    >>> int(date_of(1970 * 12, 1))
    31
    """
    start = (np.asarray(month) + (first - 1970 * 12)).astype("datetime64[M]").astype("datetime64[D]")
    days: Days = (start.astype(np.int64) + (np.asarray(day) - 1)).astype(np.int32)
    return days


def month_end(first: int, month: Any) -> Days:
    """Return the last day of the window's `month`."""
    days: Days = date_of(first, np.asarray(month) + 1) - np.int32(1)
    return days


def day_of(person: Any, what: Any, month: Any) -> NDArray[np.int64]:
    """Return a day from 1 to 28, always the same for the same person, event and month, evenly spread."""
    mixed = np.asarray(person).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = mixed + np.asarray(what).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed = mixed + (np.atleast_1d(month) + 4096).astype(np.uint64) * np.uint64(0x165667B19E3779F9)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return 1 + ((mixed ^ (mixed >> np.uint64(32))) % np.uint64(LAST_DAY)).astype(np.int64)


Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """Everyone who ever entered one partition; arrays of shape (n,), latents (n, 4).

    Attributes
    ----------
    entry
        Month of entry, 0 = the window's first month; negative before it.
    log_balance
        Natural logarithm of the debit balance, in yuan, that the customer returns to.
    share
        Shape (n, 6): size of each valued product once held, as a share of that balance.
    birth_year
        A calendar year; `birth_known` is False where the bank's record lacks it.
    unmanageable
        A VIP who will never be given a manager.
    """

    entry: Ints
    entry_day: Ints
    latents: s.Floats
    log_balance: s.Floats
    share: s.Floats
    birth_year: Ints
    birth_known: Bools
    branch: Ints
    do_not_contact: Bools
    unmanageable: Bools


def draw_people(entry: Ints, first_month: int, branches: int, rng: np.random.Generator) -> People:
    """Draw the people who enter in the months `entry`; `first_month` is month 0 counted from year 0.

    Age loads on wealth (0.3) and against digital habit (−0.5), and is from 18 to 90 at entry.

    Examples
    --------
    >>> people = draw_people(np.zeros(3, dtype=np.int64), 2022 * 12, 2, np.random.default_rng(0))
    >>> people.latents.shape, people.share.shape
    ((3, 4), (3, 6))
    """
    n = len(entry)
    latents = rng.standard_normal((n, 4))
    age_score = rng.standard_normal(n)
    latents[:, 1] = 0.3 * age_score + np.sqrt(1 - 0.09) * latents[:, 1]
    latents[:, 2] = -0.5 * age_score + np.sqrt(1 - 0.25) * latents[:, 2]
    age = np.clip(np.round(40 + 13 * age_score), 18, 90).astype(np.int64)
    balance = np.log(s.MEDIAN_BALANCE_CNY) + s.WEALTH_TO_LOG_BALANCE * latents[:, 1]
    share = rng.uniform(0.3, 1.0, (n, 6))
    share[:, 0] = 1.0
    return People(
        entry=entry,
        entry_day=rng.integers(1, 29, n),
        latents=latents,
        log_balance=balance + s.OTHER_LOG_BALANCE * rng.standard_normal(n),
        share=share,
        birth_year=(first_month + entry) // 12 - age,
        birth_known=rng.random(n) >= 0.01,
        branch=rng.integers(0, branches, n),
        do_not_contact=rng.random(n) < s.DO_NOT_CONTACT,
        unmanageable=rng.random(n) < s.NEVER_ASSIGNED,
    )


def join_people(first: People, second: People) -> People:
    """Return both groups as one, `first` before `second`."""
    return People(**{name: np.concatenate([value, getattr(second, name)]) for name, value in vars(first).items()})


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
    value: s.Floats
    cost: s.Floats
    keeps: s.Floats
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
        """Mark the customers who have neither decided to leave nor left silently."""
        undecided: Bools = (self.leaves_in == 0) & ~self.dormant
        return undecided

    @property
    def coverage(self) -> Ints:
        """Number of distinct products open."""
        coverage: Ints = self.held.sum(axis=1)
        return coverage

    @property
    def aum(self) -> s.Floats:
        """Assets under management, yuan."""
        aum: s.Floats = self.value.sum(axis=1) * self.keeps
        return aum


@dataclass(frozen=True)
class Scene:
    """Settings shared by all customers of one run.

    `reference` is the month number of the reference as-of date (months are counted from the window's
    start), `first_month` that start in months since year 0. `correction` is the per-coverage shift of the
    intercepts from the reference on.
    """

    months: int
    confounders: s.Confounders
    drift: bool
    shock_month: int | None
    first_month: int
    branches: int
    correction: s.Floats
    campaigns: tuple[tuple[int, int], ...]

    @property
    def reference(self) -> int:
        """Month number of the reference as-of date."""
        return self.months - s.HORIZON_MONTHS

    @property
    def intercepts(self) -> s.Floats:
        """Intercepts by coverage 1 to 5+ before the reference date."""
        return s.INTERCEPTS[self.confounders]

    def years_from_reference(self, month: int) -> float:
        """Years from the middle of the reference year; the drift is nil there."""
        return (month - self.reference - 5.5) / 12


def select(state: State, keep: NDArray[Any]) -> State:
    """Return the customers at `keep`, a mask or positions."""
    return State(**{name: value[keep] for name, value in vars(state).items()})


def join(states: Sequence[State]) -> State:
    """Return several groups of customers as one."""
    return State(**{name: np.concatenate([getattr(one, name) for one in states]) for name in vars(states[0])})


def drivers(state: State, people: People, scene: Scene, month: int) -> s.Floats:
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
