"""What happens in a month to everybody: offers, departures, the month itself, arrivals; and its record."""

from dataclasses import dataclass, replace

import numpy as np

from churn.simulation import structure as s
from churn.simulation.activity import Transactions, draw_transactions
from churn.simulation.balances import Market, money_put_in
from churn.simulation.campaigns import Assignment, assign, offers_of
from churn.simulation.dynamics import coverage_bucket, enter, intercepts_at, log_odds_to_leave, logistic, step
from churn.simulation.managers import Contacts
from churn.simulation.population import Bools, Ints, People
from churn.simulation.state import Scene, State, join, select
from churn.simulation.structure import Floats


@dataclass(frozen=True)
class Record:
    """What a bank's systems would note of one month.

    `left`: customers who left openly, as they were; `record_closed` says whether their relationship was
    closed or only every holding. `before` and `after`: everyone else at the month's start and end, row
    by row; `arrived`: those who entered. `contacts` has a row for each row of `before`.
    """

    month: int
    left: State
    record_closed: Bools
    before: State
    after: State
    arrived: State
    contacts: Contacts
    transactions: Transactions
    assignments: tuple[Assignment, ...]


def burn_in(people: People, scene: Scene, markets: dict[int, Market], rng: np.random.Generator) -> State:
    """Return the living at the window's start, nothing recorded, from an empty bank long before."""
    first = int(people.entry[0])
    state = _arrivals(people, scene, first, rng)
    for month in range(first + 1, 0):
        assignments = _assignments(state, people, scene, month, rng)
        stay, _, _ = depart(state, people, scene, month, rng)
        lived = step(stay, people, scene, month, markets[month], offers_of(stay, assignments), rng)
        state = join([lived.state, _arrivals(people, scene, month, rng)])
    return state


def live_month(
    state: State, people: People, scene: Scene, month: int, market: Market, rng: np.random.Generator
) -> tuple[State, Record]:
    """Return the living at the month's end, and the month's record."""
    assignments = _assignments(state, people, scene, month, rng)
    stay, left, record_closed = depart(state, people, scene, month, rng)
    lived = step(stay, people, scene, month, market, offers_of(stay, assignments), rng)
    arrived = _arrivals(people, scene, month, rng)
    transactions = draw_transactions(lived.state, _growth(state, lived.state), people, rng)
    record = Record(
        month, left, record_closed, stay, lived.state, arrived, lived.contacts, transactions, tuple(assignments)
    )
    return join([lived.state, arrived]), record


def depart(
    state: State, people: People, scene: Scene, month: int, rng: np.random.Generator
) -> tuple[State, State, Bools]:
    """Return those who stay, those who leave openly this month, and which of these close the relationship.

    Those who decide this month start to drain; those whose time has come close everything, or only their
    holdings, or fall silent; the bank closes some of the long silent.
    """
    decided = _decide(state, people, scene, month, rng)
    due = (state.leaves_in == 1) & (decided.leaves_in == 0)
    swept = state.dormant & (rng.random(len(due)) < s.DORMANT_CLOSING_RATE)
    silent = due & (state.way == 2)
    decided = replace(decided, dormant=decided.dormant | silent, keeps=np.where(silent, s.SILENT_KEEPS, decided.keeps))
    gone = (due & ~silent) | swept
    left = select(decided, gone)
    return select(decided, ~gone), left, left.way != 1


def _decide(state: State, people: People, scene: Scene, month: int, rng: np.random.Generator) -> State:
    u = rng.random((3, len(state.person)))
    eta = log_odds_to_leave(state, people, scene, month)
    chance = logistic(eta + intercepts_at(scene, month)[coverage_bucket(state.coverage)])
    leaves = state.undecided & (u[0] < chance)
    drain = np.searchsorted(np.cumsum(s.DRAIN_SHARE)[:-1], u[1], side="right")
    way = np.searchsorted(np.cumsum(s.WAY_SHARE)[:-1], u[2], side="right")
    draining = state.leaves_in > 0
    lasts = np.where(leaves, drain + 1, state.lasts)
    leaves_in = np.where(leaves, drain + 1, np.where(draining, state.leaves_in - 1, 0))
    kept = s.DRAIN_KEEPS[np.maximum(lasts, 1) - 1, np.clip(lasts - leaves_in, 0, 2)]
    return replace(
        state,
        leaves_in=leaves_in,
        lasts=lasts,
        way=np.where(leaves, way, state.way),
        keeps=np.where(leaves_in > 0, kept, state.keeps),
    )


def _growth(start: State, end: State) -> Floats:
    """Logarithm of money at the month's end over that at its start, for the customers of `end`."""
    before = money_put_in(start)[np.isin(start.person, end.person)]
    return np.log(np.maximum(money_put_in(end), 1.0) / np.maximum(before, 1.0))


def _assignments(state: State, people: People, scene: Scene, month: int, rng: np.random.Generator) -> list[Assignment]:
    services = [service for planned, service in scene.campaigns if planned == month]
    return [assign(state, people, month, service, rng) for service in services]


def _arrivals(people: People, scene: Scene, month: int, rng: np.random.Generator) -> State:
    first, last = np.searchsorted(people.entry, [month, month + 1])
    person: Ints = np.arange(first, last)
    return enter(person, people, scene, month, rng)
