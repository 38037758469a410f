"""What a page says of today: the plan and the lists."""

import datetime as dt
from typing import NamedTuple

from churn.explanation.reasons.amounts import Pair


class Contact(NamedTuple):
    """A meeting or call of today's plan; `kept_cny` is expected, on assumed shares."""

    kind: str
    customer_id: str
    tier: str
    purpose: str
    probability: float
    kept_cny: float
    why: Pair
    say_first: Pair
    offer: Pair
    last_contacted_on: str | None
    assignment: str


class ManagerDay(NamedTuple):
    """A manager's day; `contacts` is empty where the page has no room for everybody's."""

    manager_id: str
    branch_id: str
    n_meetings: int
    n_calls: int
    kept_cny: float
    contacts: tuple[Contact, ...]


class Assignment(NamedTuple):
    """A VIP without a manager, and who is proposed."""

    customer_id: str
    branch_id: str
    tier: str
    manager_id: str | None
    reason: Pair


class Day(NamedTuple):
    """Today's plan.

    Attributes
    ----------
    managers
        By branch and id, at most as many as the page has room for.
    has_contacts
        Whether it has room for their contacts.
    n_managers, n_meetings, n_calls, kept_cny
        Of all.
    left_out
        Customers who could not be contacted, by reason; the whole bank's.
    assignments
        Proposals, the most valuable first, at most as many as the page has room for.
    n_assignments
        Of all.
    notes
        What a reader of the plan must know.
    knows_contacts
        Whether the tables tell who was contacted.
    """

    date: dt.date
    managers: tuple[ManagerDay, ...]
    has_contacts: bool
    n_managers: int
    n_meetings: int
    n_calls: int
    kept_cny: float
    left_out: tuple[tuple[str, int], ...]
    assignments: tuple[Assignment, ...]
    n_assignments: int
    notes: tuple[Pair, ...]
    knows_contacts: bool


class Listed(NamedTuple):
    """A row of a list; `refuses`: nothing may be offered."""

    customer_id: str
    branch_id: str | None
    manager_id: str | None
    tier: str | None
    why: Pair
    refuses: bool


class Listing(NamedTuple):
    """A list: what it is, how long, its first rows; `is_made` is False where it could not be."""

    name: str
    title: Pair
    says: Pair
    n_rows: int
    is_made: bool
    rows: tuple[Listed, ...]
