"""Relationship: how long, how old, which tier, whose, and through whom."""

from functools import partial
from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features import expressions as e
from churn.features.feature import Feature
from churn.speech import Number, Span, counted, message
from churn.tables.contract import TIERS, to_date
from churn.timeline import Seen


def relationship_features(config: Config) -> tuple[Feature, ...]:
    """List the family's features in the order of their columns.

    Tier and manager come from `customer_states`, or from `customers` where the configuration says that they
    never changed (`[customers] static`): today's value must not reach yesterday's snapshot otherwise.
    """
    new = partial(Feature, family="relationship")
    states = ("customer_states",)
    tier = partial(new, actionable=True, story="tier")
    referrals = partial(new, tables=("referrals",))
    return (
        new(name="tenure_days", unit="days", meaning=message("days since the relationship began"),
            phrase=e.known(lambda days, _: message("customer for {span}", span=Span(days)))),
        new(name="age_years", unit="years", meaning=message("age"), story="age",
            phrase=e.known(lambda age, _: message("aged {years}", years=Number(age)), message("age not known"))),
        tier(name="tier_level", unit="level", meaning=message("tier: 0 ordinary, 1 gold, 2 platinum"),
            tables=() if "tier" in config.customers.static else states,
            phrase=e.level(message("ordinary tier"), message("gold tier"), message("platinum tier"))),
        tier(name="is_managed", unit="0/1", meaning=message("has a responsible manager"),
            tables=() if "manager_id" in config.customers.static else states,
            phrase=e.either(message("has a responsible manager"), message("no responsible manager"))),
        tier(name="days_since_state_change", unit="days", window_days=e.YEAR,
            meaning=message("days since tier or manager changed"), tables=states,
            phrase=e.ago(message("no known change of tier or manager within a year"),
                message("tier or manager changed {span} ago"))),
        referrals(name="n_referred_365d", unit="count", window_days=e.YEAR,
            meaning=message("customers referred in 365 days"), actionable=True, role="referrals",
            phrase=e.happened(e.YEAR, message("no customers referred"),
                counted("{n} customer referred", "{n} customers referred", 1))),
        referrals(name="was_referred", unit="0/1", meaning=message("was referred by another customer"),
            phrase=e.either(message("referred by another customer"), message("not referred by another customer"))),
    )  # fmt: skip


def build_relationship(seen: Seen, config: Config) -> e.Built:
    """Say how the family is computed, as far as its tables are there."""
    as_of, customer = seen.as_of, seen.customer
    of_state = {"tier": _tier_level(), "manager_id": _is_managed()}
    static = [of_state.pop(column) for column in config.customers.static if column in of_state]
    of_customers = [
        (as_of - nw.col("opened_on")).alias("tenure_days"),
        (seen.by_date(lambda day: to_date(day).year) - nw.col("birth_year")).alias("age_years"),
    ]
    parts = [seen["customers"].select(*customer, *of_customers, *static)]
    if "customer_states" in seen:
        # The state in force, the latest begun strictly before the date, and when it last became another.
        known = seen["customer_states"].filter(nw.col("valid_from") < as_of)
        latest = known.filter(nw.col("valid_from") == nw.col("valid_from").max().over(*customer))
        parts += [latest.select(*customer, *of_state.values()), _last_change(known, seen)]
    if "referrals" in seen:
        parts += _referrals(seen)
    available = [one for one in relationship_features(config) if all(table in seen for table in one.tables)]
    # A customer without a state has no tier, rather than the lowest.
    columns = {one.name: e.zero(one.name) if "referrals" in one.tables else nw.col(one.name) for one in available}
    return e.Built(parts, columns)


def _last_change(known: nw.LazyFrame[Any], seen: Seen) -> nw.LazyFrame[Any]:
    """Days since tier or manager last differed from the state before; a first state and a new branch change neither."""
    manager = nw.col("manager_id").fill_null("")
    before = [
        expression.shift(1).over(*seen.customer, order_by="valid_from").alias(name)
        for expression, name in ((nw.col("tier"), "tier_before"), (manager, "manager_before"))
    ]
    differs = (nw.col("tier") != nw.col("tier_before")) | (manager != nw.col("manager_before"))
    changes = known.with_columns(*before).filter(~nw.col("tier_before").is_null() & differs)
    changed = e.days_since(
        e.since("valid_from", seen.as_of, e.YEAR), "valid_from", seen.as_of, "days_since_state_change"
    )
    return changes.group_by(*seen.customer).agg(changed)


def _tier_level() -> nw.Expr:
    level = nw.when(nw.col("tier") == nw.lit(TIERS[2])).then(2).when(nw.col("tier") == nw.lit(TIERS[1])).then(1)
    return level.otherwise(0).cast(nw.Int64).alias("tier_level")


def _is_managed() -> nw.Expr:
    return (~nw.col("manager_id").is_null()).cast(nw.Int64).alias("is_managed")


def _referrals(seen: Seen) -> list[nw.LazyFrame[Any]]:
    """Whom the customer brought in a year, and whether somebody brought the customer."""
    as_of, dated = seen.as_of, seen.customer[1:]
    # A referral counts once both are customers: before, nobody could know whom it names.
    known = seen["referrals"].filter((nw.col("referred_on") < as_of) & (nw.col("known_from") < as_of))
    pairs = known.group_by("referrer_id", "referred_id", *dated).agg(nw.col("referred_on").min())
    brought = pairs.group_by("referrer_id", *dated).agg(
        e.count(e.since("referred_on", as_of, e.YEAR), "n_referred_365d")
    )
    came = known.select(
        nw.col("referred_id").alias("customer_id"), *dated, nw.lit(1).cast(nw.Int64).alias("was_referred")
    )
    return [brought.select(nw.col("referrer_id").alias("customer_id"), *dated, "n_referred_365d"), came.unique()]
