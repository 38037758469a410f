"""What a page says, before anything is rendered: plain values, no markup, and no word but a bank's own.

Codes ("gold", "losing") get their words in `wording`; what else is said waits for its language. Money is in yuan,
shares and probabilities lie in [0, 1].
"""

import datetime as dt
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, NamedTuple

from churn.explanation.bindings import BindingRow, flatten
from churn.speech import LANGUAGES, Amount, Joined, Message, Name, Said, say

Unit = Literal["number", "yuan", "mean"]


class About(NamedTuple):
    """Where the page's figures come from.

    Attributes
    ----------
    branch_id
        The branch the page is for; None for the bank.
    date
        The day of the plan, or of the scores; None for a flat file.
    scored_on
        The scores' as-of date; None for a flat file.
    horizon_days
        Days within which leaving counts.
    model_id
        Of the model's manifest.
    held_out
        The snapshot the model was judged on; None for a flat file.
    is_out_of_time
        Whether what it learned from lay wholly before; else it had not seen the customers.
    roc_auc
        Held out: value, low, high.
    n_scored
        Customers on the page.
    is_flat
        Whether they come from one file without time.
    """

    branch_id: str | None
    date: dt.date | None
    scored_on: dt.date | None
    horizon_days: int
    model_id: str
    held_out: dt.date | None
    is_out_of_time: bool
    roc_auc: tuple[float, float | None, float | None] | None
    n_scored: int
    is_flat: bool


class Headline(NamedTuple):
    """One number at the head of the page; `key` has its words in `wording`."""

    key: str
    value: float
    unit: Unit


class Bucket(NamedTuple):
    """Churn by products held: stated; observed, with its interval, and predicted where the model was judged; and today.

    `coverage` is "1" to "4" or "5+". `n` customers were observed, `n_now` are predicted `now`. None where not known.
    """

    coverage: str
    n: int
    stated: float | None
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    predicted: float | None
    n_now: int
    now: float | None


class Bin(NamedTuple):
    """Customers whose probability lies in [low, high) and in one risk band."""

    low: float
    high: float
    band: str
    n: int


class Group(NamedTuple):
    """Customers of one group.

    Attributes
    ----------
    code
        A code of `wording`, or an id or a text of the bank; None where not known.
    n, n_high
        Customers, and those in the high band.
    predicted
        Mean churn probability.
    at_risk_cny
        Sum of probability × value; None where values are not known.
    """

    code: str | None
    n: int
    n_high: int
    predicted: float
    at_risk_cny: float | None


class Segmentation(NamedTuple):
    """Groups by one trait; `key` has its words in `wording`, or is a column of the bank's own file."""

    key: str
    is_own: bool
    groups: tuple[Group, ...]
    n_more: int


class Driver(NamedTuple):
    """A feature, and by how much it moves the churn probability on the average, up or down."""

    meaning: Said
    mean_abs_points: float


class Customer(NamedTuple):
    """A customer at risk.

    `low` and `high` hold the probability; `raises` and `holds` are reasons in words; `next_step` is a service to bind,
    or a product to open where `binds` is False; `next_effect` the claimed change of the probability.
    """

    customer_id: str
    branch_id: str | None
    manager_id: str | None
    tier: str | None
    probability: float
    low: float | None
    high: float | None
    value_cny: float | None
    raises: tuple[Said, ...]
    holds: tuple[Said, ...]
    next_step: Said | None
    binds: bool
    next_effect: float | None


class Contact(NamedTuple):
    """A meeting or call of today's plan; `kept_cny` is expected, on assumed shares."""

    kind: str
    customer_id: str
    tier: str
    purpose: str
    probability: float
    kept_cny: float
    why: Said
    say_first: Said
    offer: Said
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


class Proposal(NamedTuple):
    """A VIP without a manager, and who is proposed."""

    customer_id: str
    branch_id: str
    tier: str
    manager_id: str | None
    reason: Said


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
    assignments: tuple[Proposal, ...]
    n_assignments: int
    notes: tuple[Said, ...]
    knows_contacts: bool


class ListedCustomer(NamedTuple):
    """A row of a list; `refuses`: nothing may be offered."""

    customer_id: str
    branch_id: str | None
    manager_id: str | None
    tier: str | None
    why: Said
    refuses: bool


class Listing(NamedTuple):
    """A list: what it is, how long, its first rows; `is_made` is False where it could not be."""

    name: str
    title: Said
    says: Said
    n_rows: int
    is_made: bool
    rows: tuple[ListedCustomer, ...]


class MeasuredValue(NamedTuple):
    """One measure of one unit, with its interval; None where not known."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    target: float | None


class Unitwise(NamedTuple):
    """What was measured of a branch or a manager, by measure."""

    unit: str
    measured: dict[str, MeasuredValue]


class Point(NamedTuple):
    """A month's value."""

    date: dt.date
    value: float


@dataclass(frozen=True)
class Working:
    """Whether it works.

    Attributes
    ----------
    window_days, horizon_days
        What "lately" means, and within how many days leaving counts.
    titles, counted
        Words of each measure, in order, and of what it is counted over.
    whole
        Of the bank, or of the page's branch.
    level
        What `units` are: branch or manager.
    units
        At most as many as the page has room for.
    n_units
        Of all.
    series
        By measure.
    not_told
        Measure, and why it cannot be told.
    notes
        What a reader must know.
    """

    window_days: int
    horizon_days: int
    titles: dict[str, Said]
    counted: dict[str, Said]
    whole: dict[str, MeasuredValue]
    level: Literal["branch", "manager"]
    units: tuple[Unitwise, ...]
    n_units: int
    series: dict[str, tuple[Point, ...]]
    not_told: tuple[tuple[str, Said], ...]
    notes: tuple[Said, ...]


@dataclass(frozen=True)
class PageFacts:
    """Everything a page says.

    Attributes
    ----------
    about, headlines, baselines, bins, segmentations, drivers
        As their types say; `drivers` are the largest first.
    bindings, binding_names
        Ranked by what binding would do; English and Chinese name of each service.
    customers
        Who would take most away, the first to be looked at first.
    unnamed
        Customers who are not named, by the reason: a code of `wording`.
    day, lists, working
        None, or empty, where the data do not tell; `cannot` says why.
    cannot
        Codes of what the page cannot say.
    """

    about: About
    headlines: tuple[Headline, ...]
    baselines: tuple[Bucket, ...]
    bins: tuple[Bin, ...]
    segmentations: tuple[Segmentation, ...]
    drivers: tuple[Driver, ...]
    bindings: tuple[BindingRow, ...]
    binding_names: dict[str, Said]
    customers: tuple[Customer, ...]
    unnamed: tuple[tuple[str, int], ...]
    day: Day | None
    lists: tuple[Listing, ...]
    working: Working | None
    cannot: tuple[str, ...]


def to_json(facts: PageFacts) -> dict[str, Any]:
    """Give what a page says of everybody together, as JSON values; of no single customer.

    What is said stands in every language, in the order of `LANGUAGES`.
    """
    kept: dict[str, Any] = _plain(facts)
    for name in ("customers", "day"):
        del kept[name]
    for one in kept["lists"]:
        del one["rows"]
    return kept


def _plain(value: Any) -> Any:
    if isinstance(value, (Message, Joined, Amount)):
        return [say(value, language) for language in LANGUAGES]
    if isinstance(value, BindingRow):
        return flatten(value)
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None) if not isinstance(value, Name) else None
        return dict(zip(names, map(_plain, value), strict=True)) if names else [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, dt.date) else value
