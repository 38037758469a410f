"""One month of everybody, and its record: offers, departures, transactions, arrivals."""

from dataclasses import dataclass, replace

import numpy as np

from churn.simulation import dynamics
from churn.simulation import structure as s
from churn.simulation.dynamics import Contacts, Market
from churn.simulation.state import Bools, Ints, People, Scene, State, join, select


@dataclass(frozen=True)
class Assignment:
    """One campaign's members: position in `People`, and whether the offer is made; shapes (n,)."""

    month: int
    service: int
    person: Ints
    treated: Bools


def plan_campaigns(months: int) -> tuple[tuple[int, int], ...]:
    """Return (month, service) of every campaign in order of time, those before the window included.

    A service is offered once a year, so that no wave falls into the year after another. The bank has
    always done so: campaigns that began with the window would make its first year unlike the others.

    Examples
    --------
    >>> [(month, s.SERVICE_NAMES[service]) for month, service in plan_campaigns(24) if month >= 0][:3]
    [(0, 'fund_trading'), (0, 'cts'), (8, 'cash_sweep')]
    """
    reference = months - s.HORIZON_MONTHS
    first = reference % 12 - 12 * (s.BURN_IN_MONTHS // 12 + 1)
    waves = range(first, months + 12, 12)
    planned = [(wave - before, s.SERVICE_NAMES.index(name)) for name, before in s.CAMPAIGNS.items() for wave in waves]
    return tuple(sorted((month, service) for month, service in planned if -s.BURN_IN_MONTHS < month < months))


def assign(state: State, people: People, month: int, service: int, rng: np.random.Generator) -> Assignment:
    """Draw who of the eligible takes part and, one to one by chance alone, who is offered the service."""
    willing = ~people.do_not_contact[state.person]
    eligible = np.flatnonzero(state.held[:, s.SERVICE_PRODUCT[service]] & ~state.bound[:, service] & willing)
    chosen = rng.permutation(eligible)[: round(s.CAMPAIGN_SHARE * len(eligible))]
    return Assignment(month, service, state.person[chosen], np.arange(len(chosen)) % 2 == 0)


def offers_of(state: State, assignments: list[Assignment]) -> Bools:
    """Return who of `state` is offered which service, shape (n, 8)."""
    offers = np.zeros(state.bound.shape, dtype=bool)
    for assignment in assignments:
        offers[:, assignment.service] = np.isin(state.person, assignment.person[assignment.treated])
    return offers


_ONLINE = s.PRODUCT_NAMES.index("online_banking")
_MOBILE = s.PRODUCT_NAMES.index("mobile_banking")
_COUNTER, _ATM = s.CHANNELS.index("counter"), s.CHANNELS.index("atm")


@dataclass(frozen=True)
class Transactions:
    """A month's transactions, shape (m,), those of a customer one after another.

    Attributes
    ----------
    person
        Position in `People`.
    channel
        Position in CHANNELS; what a customer would use if all were served alike (see `serve`).
    luck
        Standard normal: how large the amount is for this customer.
    tier
        Tier on the day.
    growth
        Logarithm of the customer's money at the month's end over that at its start.
    """

    person: Ints
    channel: Ints
    luck: s.Floats
    tier: Ints
    growth: s.Floats


def draw_transactions(state: State, growth: s.Floats, people: People, rng: np.random.Generator) -> Transactions:
    """Draw a month's transactions: Poisson counts that show loyalty and digital habit dimly.

    Online and mobile need the product; a customer who is draining does half as much, a dormant nothing.
    `growth` (n,): see `Transactions`.
    """
    rate = s.CHANNEL_RATE * np.exp(dynamics.load(people.latents[state.person], s.CHANNEL_LOADING))
    rate[:, 2] *= state.held[:, _ONLINE]
    rate[:, 3] *= state.held[:, _MOBILE]
    rate *= np.where(state.dormant, 0.0, np.where(state.keeps < 1, 0.5, 1.0))[:, None]
    counts = rng.poisson(np.minimum(rate, 30.0))
    row = np.repeat(np.arange(counts.size), counts.ravel())
    who, channel = row // 4, row % 4
    return Transactions(state.person[who], channel, rng.standard_normal(len(who)), state.tier[who], growth[who])


def serve(made: Transactions, rng: np.random.Generator) -> Ints:
    """Return where each transaction is made, shape (m,), positions in CHANNELS.

    Ordinary customers are sent to the machine with a share of their counter business. VIPs bring a share
    of the machine's to the counter, but come once a month: what else they have goes to the machine.
    """
    u = rng.random(len(made.person))
    vip, counter = made.tier > 0, made.channel == _COUNTER
    sent = ~vip & counter & (u < s.SENT_TO_ATM)
    brought = vip & (made.channel == _ATM) & (u < s.BROUGHT_TO_COUNTER)
    visits = np.flatnonzero(vip & (counter | brought))
    again = visits[1:][made.person[visits[1:]] == made.person[visits[:-1]]]
    channel = np.where(sent, _ATM, np.where(brought, _COUNTER, made.channel))
    channel[again] = _ATM
    return channel


def draw_amounts(made: Transactions, channel: Ints, people: People, rng: np.random.Generator) -> s.Floats:
    """Return yuan, shape (m,): positive in, negative out.

    Some of the counter's business is of the size of the customer's balance. The direction follows only what
    the month-ends' balances show: money tends to go out in a month in which they fall, whatever the reason.
    """
    u = rng.random((2, len(made.person)))
    log_balance = people.log_balance[made.person]
    usual = np.log(s.MEDIAN_AMOUNT_CNY) + s.AMOUNT_TO_LOG_BALANCE * (log_balance - np.log(s.AMOUNT_AT_BALANCE_CNY))
    large = (channel == _COUNTER) & (u[0] < s.LARGE_SHARE)
    whole = np.log(s.LARGE_TO_BALANCE) + log_balance + s.LARGE_NOISE * made.luck
    size: s.Floats = np.exp(np.where(large, whole, usual + made.luck))
    return np.where(u[1] < dynamics.logistic(s.FLOW_RESPONSE * made.growth), size, -size)


@dataclass(frozen=True)
class Record:
    """One month as a bank's systems would note it.

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
        lived = dynamics.step(stay, people, scene, month, markets[month], offers_of(stay, assignments), rng)
        state = join([lived.state, _arrivals(people, scene, month, rng)])
    return state


def live_month(
    state: State, people: People, scene: Scene, month: int, market: Market, rng: np.random.Generator
) -> tuple[State, Record]:
    """Return the living at the month's end, and the month's record."""
    assignments = _assignments(state, people, scene, month, rng)
    stay, left, record_closed = depart(state, people, scene, month, rng)
    lived = dynamics.step(stay, people, scene, month, market, offers_of(stay, assignments), rng)
    arrived = _arrivals(people, scene, month, rng)
    transactions = draw_transactions(lived.state, _growth(state, lived.state), people, rng)
    record = Record(
        month=month,
        left=left,
        record_closed=record_closed,
        before=stay,
        after=lived.state,
        arrived=arrived,
        contacts=lived.contacts,
        transactions=transactions,
        assignments=tuple(assignments),
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
    eta = dynamics.log_odds_to_leave(state, people, scene, month)
    chance = dynamics.logistic(eta + dynamics.intercepts_at(scene, month)[dynamics.coverage_bucket(state.coverage)])
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


def _growth(start: State, end: State) -> s.Floats:
    """Logarithm of money at the month's end over that at its start, for the customers of `end`."""
    before = dynamics.money_put_in(start)[np.isin(start.person, end.person)]
    return np.log(np.maximum(dynamics.money_put_in(end), 1.0) / np.maximum(before, 1.0))


def _assignments(state: State, people: People, scene: Scene, month: int, rng: np.random.Generator) -> list[Assignment]:
    services = [service for planned, service in scene.campaigns if planned == month]
    return [assign(state, people, month, service, rng) for service in services]


def _arrivals(people: People, scene: Scene, month: int, rng: np.random.Generator) -> State:
    first, last = np.searchsorted(people.entry, [month, month + 1])
    person: Ints = np.arange(first, last)
    return dynamics.enter(person, people, scene, month, rng)
