"""What a page says, before anything is rendered: plain values, no markup, and no word but a bank's own.

Codes ("gold", "losing") get their words in `labels`; a pair is (English, Chinese). Money is in yuan, shares and
probabilities lie in [0, 1].
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal, NamedTuple

from churn.explanation.bindings import BindingRow
from churn.explanation.reasons.amounts import Pair
from churn.report.facts_today import Day, Listing
from churn.report.facts_working import Working

Unit = Literal["number", "share", "yuan", "mean"]


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
    """One number at the head of the page; `key` has its words in `labels`."""

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
        A code of `labels`, or an id or a text of the bank; None where not known.
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
    """Groups by one trait; `key` has its words in `labels`, or is a column of the bank's own file."""

    key: str
    is_own: bool
    groups: tuple[Group, ...]
    n_more: int


class Driver(NamedTuple):
    """A feature, and by how much it moves the churn probability on the average, up or down."""

    meaning: Pair
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
    raises: tuple[Pair, ...]
    holds: tuple[Pair, ...]
    next_step: Pair | None
    binds: bool
    next_effect: float | None


@dataclass(frozen=True)
class Summary:
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
        Customers who are not named, by the reason: a code of `labels`.
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
    binding_names: dict[str, Pair]
    customers: tuple[Customer, ...]
    unnamed: tuple[tuple[str, int], ...]
    day: Day | None
    lists: tuple[Listing, ...]
    working: Working | None
    cannot: tuple[str, ...]
