"""From a month's record to dated rows: what the bank's tables hold, customers still by number.

Rows are dictionaries of equally long arrays, one dictionary per table and month; dates are whole days.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from churn.simulation import structure as s
from churn.simulation.dynamics import EVENT, OFFER, draw_manager
from churn.simulation.history import Record, draw_amounts, serve
from churn.simulation.state import LAST_DAY, People, Scene, State, date_of, day_of, month_end, select

Rows = dict[str, NDArray[Any]]
Note = Callable[[State, Any, Any, Any, People, Scene], Rows]
OPEN = np.iinfo(np.int32).max  # a date not yet come
# What a day is drawn for (see `day_of`): products opened use their own numbers 0 to 12.
_CLOSING, _LEAVING, _CONTACT = 50, 99, 100


def holding_key(person: NDArray[Any], product: NDArray[Any], opened: NDArray[Any]) -> NDArray[np.int64]:
    """Return one integer for a holding: its person, product and month of opening."""
    key: NDArray[np.int64] = (np.asarray(person, dtype=np.int64) * 16 + product) * 4096 + opened + 1024
    return key


def note_month(record: Record, people: People, scene: Scene, rng: np.random.Generator) -> dict[str, Rows]:
    """Return the month's rows of every table."""
    return {
        "departures": _as_departure(record.left, _left_on(record.left, record.month, scene), record.record_closed),
        "holdings": _ended(record, people, scene, "held", _holdings, np.arange(len(s.PRODUCT_NAMES))),
        "bindings": _ended(record, people, scene, "bound", _bindings, s.SERVICE_PRODUCT),
        "pnl": stack([_values(state, record.month, scene) for state in (record.after, record.arrived)]),
        "contacts": _contacts(record, people, scene, rng),
        "transactions": _transactions(record, people, scene, rng),
        "customer_states": _changed_states(record, people, scene),
        "campaigns": _campaigns(record, scene),
    }


def note_standing(state: State, people: People, scene: Scene) -> dict[str, Rows]:
    """Return holdings and bindings still open at the data's end, and today's tier and manager."""
    who, product = np.nonzero(state.held)
    bound, service = np.nonzero(state.bound)
    end = np.full(len(state.person), OPEN, dtype=np.int32)
    return {
        "departures": _as_departure(state, end, np.zeros(len(end), dtype=bool)),
        "holdings": _holdings(state, who, product, end[who], people, scene),
        "bindings": _bindings(state, bound, service, end[bound], people, scene),
    }


def note_states(state: State, valid_from: NDArray[np.int32]) -> Rows:
    """Return what customers are from a day on."""
    return {"person": state.person, "valid_from": valid_from, "tier": state.tier, "manager": state.manager}


def opened_on(person: Any, product: Any, month: Any, people: People, scene: Scene) -> NDArray[np.int32]:
    """Return the day a product was opened: the day of entry in the month of entry."""
    day = np.where(people.entry[person] == month, people.entry_day[person], day_of(person, product, month))
    return date_of(scene.first_month, month, day)


def _as_departure(state: State, date: NDArray[np.int32], closed: NDArray[np.bool_]) -> Rows:
    return {"person": state.person, "left_on": date, "closed": closed, "tier": state.tier, "manager": state.manager}


def _left_on(state: State, month: int, scene: Scene) -> NDArray[np.int32]:
    return date_of(scene.first_month, month, day_of(state.person, _LEAVING, month))


def _holdings(state: State, row: Any, product: Any, closed_on: Any, people: People, scene: Scene) -> Rows:
    person, opened = state.person[row], state.opened[row, product]
    return {
        "person": person,
        "product": product,
        "key": holding_key(person, product, opened),
        "opened_on": opened_on(person, product, opened, people, scene),
        "closed_on": closed_on,
    }


def _bindings(state: State, row: Any, service: Any, unbound_on: Any, people: People, scene: Scene) -> Rows:
    person, month = state.person[row], state.bound_in[row, service]
    bound_on = opened_on(person, s.SERVICE_PRODUCT[service], month, people, scene)
    return {"person": person, "service": service, "bound_on": bound_on, "unbound_on": unbound_on}


def _ended(
    record: Record, people: People, scene: Scene, which: Literal["held", "bound"], note: Note, product: NDArray[Any]
) -> Rows:
    """Return what ended in the month, by itself or with the customer; `product`: that of each column of `which`."""
    row, column = np.nonzero(getattr(record.before, which) & ~getattr(record.after, which))
    day = day_of(record.before.person[row], _CLOSING + product[column], record.month)
    single = note(record.before, row, column, date_of(scene.first_month, record.month, day), people, scene)
    row, column = np.nonzero(getattr(record.left, which))
    left_on = _left_on(record.left, record.month, scene)
    return stack([single, note(record.left, row, column, left_on[row], people, scene)])


def _values(state: State, month: int, scene: Scene) -> Rows:
    row, column = np.nonzero(state.held[:, s.VALUED_PRODUCT])
    product, person = s.VALUED_PRODUCT[column], state.person[row]
    return {
        "person": person,
        "product": product.astype(np.int8),
        "key": holding_key(person, product, state.opened[row, product]),
        "month": np.full(len(row), month_end(scene.first_month, month), dtype=np.int32),
        "value": state.value[row, column] * state.keeps[row],
        "cost": state.cost[row, column] * state.keeps[row],
    }


def _contacts(record: Record, people: People, scene: Scene, rng: np.random.Generator) -> Rows:
    row = np.flatnonzero(record.contacts.purpose >= 0)
    before, month = record.before, record.month
    day = day_of(before.person[row], _CONTACT, month)
    called = _contact(before, row, day, record.contacts.purpose[row], record.contacts.reached[row])
    offers = [_offer(record, one.service, one.person[one.treated]) for one in record.assignments]
    rows = stack([called, *offers])
    n = len(rows["person"])
    u = rng.random(n)
    meets = np.where(rows["tier"] > 0, 0.25, 0.10)
    channel = np.where(u < meets, 1, np.where(u < meets + 0.55, 0, 2))
    own = np.where(rows["manager"] < 0, draw_manager(people.branch[rows["person"]], rng), rows["manager"])
    on = date_of(scene.first_month, month, rows["day"])
    return {**rows, "manager": own, "channel": np.where(rows["purpose"] == EVENT, 2, channel), "contacted_on": on}


def _contact(state: State, row: Any, day: Any, purpose: Any, reached: Any) -> Rows:
    person, tier, manager = state.person[row], state.tier[row], state.manager[row]
    return {"person": person, "tier": tier, "manager": manager, "day": day, "purpose": purpose, "reached": reached}


def _offer(record: Record, service: int, person: NDArray[np.int64]) -> Rows:
    row = np.flatnonzero(np.isin(record.before.person, person))
    took = record.after.bound[row, service]
    bound = day_of(record.before.person[row], s.SERVICE_PRODUCT[service], record.month)
    return _contact(record.before, row, (bound + 1) // 2, np.full(len(row), OFFER), took | (row % 2 == 0))


def _transactions(record: Record, people: People, scene: Scene, rng: np.random.Generator) -> Rows:
    made = record.transactions
    n = len(made.person)
    own = rng.spawn(1)[0]  # a branch: no other event depends on how a transaction is served
    channel = serve(made, own)
    ticket = np.where(channel != 0, 2, np.where(made.tier > 0, 0, 1))
    return {
        "person": made.person.astype(np.int32),
        "transacted_on": date_of(scene.first_month, record.month, rng.integers(1, LAST_DAY + 1, n)),
        "channel": channel.astype(np.int8),
        "amount": draw_amounts(made, channel, people, own),
        "ticket": np.where(rng.random(n) < 0.02, 2, ticket).astype(np.int8),
    }


def _changed_states(record: Record, people: People, scene: Scene) -> Rows:
    before, after = record.before, record.after
    row = np.flatnonzero((before.tier != after.tier) | (before.manager != after.manager))
    arrived = record.arrived
    on = date_of(scene.first_month, record.month, people.entry_day[arrived.person])
    last = np.full(len(row), date_of(scene.first_month, record.month, LAST_DAY), dtype=np.int32)
    return stack([note_states(select(after, row), last), note_states(arrived, on)])


def _campaigns(record: Record, scene: Scene) -> Rows:
    rows: list[Rows] = [
        {"person": a.person, "service": np.full(len(a.person), a.service), "treated": a.treated}
        for a in record.assignments
    ]
    if not rows:
        none = np.zeros(0, dtype=np.int64)
        rows = [{"person": none, "service": none, "treated": none.astype(bool)}]
    joined = stack(rows)
    month = np.full(len(joined["person"]), record.month)
    return {**joined, "month": month, "assigned_on": date_of(scene.first_month, month)}


def stack(parts: list[Rows]) -> Rows:
    """Return rows of several dictionaries with the same columns, in order."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
