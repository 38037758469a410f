"""Managers and scores: the plan of their day, their lists, and whether it works."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from churn.config.sources import Rate, Section, Share

Contacts = Annotated[int, Field(ge=0, le=200)]
Days = Annotated[int, Field(ge=0, le=3650)]
Count = Annotated[int, Field(ge=0)]
Yuan = Annotated[float, Field(ge=0)]
Purpose = Literal["introduce", "invite", "care", "after_sales", "loss_notice", "offer", "event"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ManagerSettings(Section):
    """Settings of one manager; `branch`: needed of a manager who has no customer yet."""

    meetings: Contacts | None = None
    calls: Contacts | None = None
    away: tuple[dt.date, ...] = ()
    branch: str | None = None


class PlanSettings(Section):
    """The managers' day; see docs/plan.md.

    `meetings`, `calls`: stated by the practice this project serves. `rest_days`: whole days that lie between two
    contacts of a customer, at most as far back as contacts are looked at. `hold_out`, `hold_out_salt`: the share of
    customers no score sends anybody to, and what draws it. `weekend`: weekdays on which nobody works, but for
    `working_days`. `contact_effect`, `loss_effect`: the share of churn that a contact, and a loss notice, are assumed
    to prevent; nobody knows it before the hold-out is compared, and it weighs contacts against bindings alone.
    `take_up`: the share of customers who bind what they are offered, the mean of Beta(6, 14) in Verbraken et al. 2013
    (https://doi.org/10.1109/TKDE.2012.50). `meeting_factor`: what a meeting does, in calls; assumed.
    `product_value_cny`: worth of a product held beside the assets; assumed, so that a customer without assets
    still counts. `loss_return`, `loss_cny`: an unrealised loss is reported from this share of its cost, or from this
    amount, on.
    """

    meetings: Contacts = 5
    calls: Contacts = 20
    managers: dict[str, ManagerSettings] = Field(default_factory=dict)
    rest_days: Annotated[int, Field(ge=0, le=365)] = 7
    hold_out: Annotated[float, Field(ge=0, lt=1)] = 0.1
    hold_out_salt: str = "plan"
    holidays: tuple[dt.date, ...] = ()
    weekend: tuple[Weekday, ...] = ()
    working_days: tuple[dt.date, ...] = ()
    contact_effect: Share = 0.05
    loss_effect: Share = 0.10
    take_up: Share = 0.3
    meeting_factor: Annotated[float, Field(ge=1)] = 1.5
    product_value_cny: Annotated[float, Field(ge=0)] = 1_000.0
    loss_return: Rate = 0.05
    loss_cny: Annotated[float, Field(gt=0)] = 10_000.0


# A counter transaction of this size on an ordinary ticket is a sign of a future VIP (the practice's own figure).
LARGE_COUNTER_CNY = 100_000


class ListSettings(Section):
    """Thresholds of the managers' lists; amounts in yuan, shares as fractions of one.

    Where no source is named, the figure is an assumption that a bank replaces by its own. The size of a loss, and
    managers whose branch is stated, stand in `PlanSettings`, so that plan and lists mean the same.

    Attributes
    ----------
    home_share
        Without a stated branch a manager's is shown by more than this share of the manager's customers: from one half
        on at most one branch can be meant. In [0.5, 1).
    word_purposes
        Contacts that speak to a customer who loses money (the practice's own three).
    quiet_days
        Whoever heard from us within so many days comes after those who did not. Assumption: a month, since
        valuations are monthly.
    large_counter_cny
        Size of a counter transaction, in or out, that shows a future VIP (the practice's own figure).
    counter_days
        How far back the counter is looked at. Assumption: a week, so that a weekly round misses nobody.
    counter_share
        Part of a day's counter customers who could become VIPs, at least (the practice's own figure).
    gold_floor_cny, platinum_floor_cny
        Assets from which a tier is earned. Assumption: gold from what the practice calls large at the counter,
        platinum from five times that.
    upgrade_share
        Part of the next tier's floor from which a customer is a candidate. Assumption.
    loyal_days
        How long a satisfied customer has been one. Assumption: a year, since most leave in their first.
    referrer_signs
        How many of the five signs a likely referrer shows. Assumption: most of them.
    valuable_cny
        Assets of a good customer of the ordinary tier. Assumption: the floor of gold.
    thin_products, thin_services
        A customer with at most so many products, or so many services bound, is thinly bound. Assumption, from the
        stated yearly churn: 62 % with one product, 42 % with three.
    fair_products, strong_products
        Products of a fair and a strong account relationship: three and five, where the stated churn falls.
    fair_services, strong_services
        Services it also needs. Assumption.
    busy_transactions
        Transactions in a year of a customer who deals with us: one per month. Assumption.
    fresh_days
        A meeting makes a personal relationship strong while we reached the customer within so many days. Assumption:
        a quarter.
    circle_size
        Smallest circle worth an event. Assumption.
    common_share
        A product that more than this share of all customers hold is nothing to share. Assumption.

    Examples
    --------
    >>> ListSettings(gold_floor_cny=50_000).gold_floor_cny
    50000.0
    """

    home_share: Annotated[float, Field(ge=0.5, lt=1)] = 0.5
    word_purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)] = ("loss_notice", "after_sales", "care")
    quiet_days: Days = 30
    large_counter_cny: Annotated[float, Field(gt=0)] = LARGE_COUNTER_CNY
    counter_days: Annotated[int, Field(ge=1, le=3650)] = 7
    counter_share: Share = 0.05
    gold_floor_cny: Annotated[float, Field(gt=0)] = 100_000.0
    platinum_floor_cny: Annotated[float, Field(gt=0)] = 500_000.0
    upgrade_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    loyal_days: Days = 365
    referrer_signs: Annotated[int, Field(ge=1, le=5)] = 3
    valuable_cny: Yuan = 100_000.0
    thin_products: Count = 2
    thin_services: Count = 1
    fair_products: Count = 3
    strong_products: Count = 5
    fair_services: Count = 1
    strong_services: Count = 3
    busy_transactions: Count = 12
    fresh_days: Days = 90
    circle_size: Annotated[int, Field(ge=1)] = 3
    common_share: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _each_step_is_higher(self) -> "ListSettings":
        if self.gold_floor_cny >= self.platinum_floor_cny:
            raise ValueError("platinum_floor_cny must lie above gold_floor_cny")
        for kind in ("products", "services"):
            if getattr(self, f"fair_{kind}") > getattr(self, f"strong_{kind}"):
                raise ValueError(f"strong_{kind} must be at least fair_{kind}")
        return self


class ProgressSettings(Section):
    """Whether the practice is kept up, and whether it works.

    Attributes
    ----------
    window_days
        How far back meetings and calls are counted. Assumption: a month.
    loss_days
        How many days the bank has to speak to a customer whose loss began. Assumption: a week.
    begun_on
        Since when managers follow the plan; before it the hold-out shows nothing. None where they do not yet.

    Examples
    --------
    >>> ProgressSettings(begun_on="2026-01-05").begun_on
    datetime.date(2026, 1, 5)
    """

    window_days: Annotated[int, Field(ge=1, le=365)] = 30
    loss_days: Annotated[int, Field(ge=1, le=365)] = 7
    begun_on: dt.date | None = None
