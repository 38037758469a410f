"""Whether others are won: who is seen at the counter, who of them became a VIP, who was brought by a customer."""

from typing import Any

import narwhals as nw
import numpy as np

from churn.actions.progress.facts import Facts
from churn.actions.progress.units import Found, Measured, sum_by_unit
from churn.estimates import difference, rate, share
from churn.explanation.reasons.amounts import Pair
from churn.features.activity import is_large_ordinary
from churn.tables.contract import TIERS, VIP_TIERS, to_date
from churn.timeline import YEAR_DAYS, population

LEAST_DAYS = 180
"""Whoever was seen so many days ago has had time to become a VIP."""


def measure_seen(facts: Facts) -> Found:
    """Measure the share of potential VIPs among the ordinary customers at the counter in the last days.

    Each customer counts once, however often they came. Who is a potential VIP is what the list takes it to be: a
    counter transaction of `large_counter_cny` or more on an ordinary ticket, of a customer who is of the ordinary tier
    today. The share that the practice expects of a day's counter customers, `counter_share`, is the target.
    """
    first = facts.day - facts.settings.window_days
    lack = facts.lacks("transactions", "transactions.queue_ticket")
    if lack := lack or facts.lacks_rows("transactions", "transacted_on", first, facts.day):
        return {"potential_vips_seen": lack}
    came = _at_counter(facts, first, facts.day).group_by("customer_id").agg(nw.col("large").max())
    sums = sum_by_unit(facts, came.join(_ordinary(facts), on="customer_id", how="inner"))
    interval, target = share(sums["large"], sums["n"]), facts.config.lists.counter_share
    return {"potential_vips_seen": Measured(interval, sums["n"].to_numpy(), target)}


def measure_converted(facts: Facts) -> Found:
    """Measure how many of the potential VIPs seen some time ago are gold or platinum now.

    Seen in `seen_between`, while `customer_states` had them in the ordinary tier; each counts once. Who has left is no
    VIP.
    """
    lack = facts.lacks("transactions", "transactions.queue_ticket", "customer_states")
    first, last = seen_between(facts)
    if lack := lack or facts.lacks_rows("transactions", "transacted_on", first, last):
        return {"potential_vips_converted": lack}
    seen = _seen_as_ordinary(facts, first, last)
    now = population(facts.tables, facts.day).join(_tiers(facts), on="customer_id", how="inner")
    rows = seen.join(now, on="customer_id", how="left")
    vip = nw.col("tier").is_in(list(VIP_TIERS)).fill_null(False).cast(nw.Int64).alias("vip")
    sums = sum_by_unit(facts, rows.select("customer_id", vip))
    return {"potential_vips_converted": Measured(share(sums["vip"], sums["n"]), sums["n"].to_numpy())}


def seen_between(facts: Facts) -> tuple[int, int]:
    """Return from which day on, and before which, potential VIPs were seen: 2 years to 1 year before the date.

    Where the data do not hold a window of the days before that year, it ends 180 days before the date.
    """
    whole = facts.begin <= facts.day - YEAR_DAYS - facts.settings.window_days
    return facts.day - 2 * YEAR_DAYS, facts.day - (YEAR_DAYS if whole else LEAST_DAYS)


def measure_referrals(facts: Facts) -> Found:
    """Measure customers brought by customers, per 1,000 customers, in the last year, and against the year before.

    A referral counts once, when it was first said, from the day both are customers on, for the unit of whoever brought
    the other; the rate is per customer at the end of the year it belongs to.
    """
    names, year = ("referrals", "referrals_change"), facts.day - YEAR_DAYS
    if lack := facts.lacks("referrals") or facts.lacks_history(year):
        return dict.fromkeys(names, lack)
    now, n = _referred(facts, facts.day)
    short = facts.lacks_history(year - YEAR_DAYS)
    if short:
        return {names[0]: Measured(now, n), names[1]: short}
    before, n_before = _referred(facts, year)
    return {names[0]: Measured(now, n), names[1]: Measured(difference(now, before), np.where(n_before > 0, n, 0))}


def note_converted(facts: Facts) -> Pair:
    """Say when those were seen of whom some became VIPs."""
    first, last = (to_date(day) for day in seen_between(facts))
    return (
        f"Potential VIPs that became VIPs were seen from {first} on and before {last}, and are judged by today's tier",
        f"“潜在贵宾转化率”统计 {first} 起、{last} 之前在柜面识别的客户，以今日客户等级为准",
    )


def _at_counter(facts: Facts, first: int, last: int) -> nw.LazyFrame[Any]:
    """Return counter transactions from a day on and before another: `large`, 1 where large on an ordinary ticket."""
    on = nw.col("transacted_on")
    at = (nw.col("channel") == nw.lit("counter")) & (on >= first) & (on < last)
    large = is_large_ordinary(round(facts.config.lists.large_counter_cny * 100))
    return facts.tables["transactions"].filter(at).select("customer_id", on, large.cast(nw.Int64).alias("large"))


def _tiers(facts: Facts) -> nw.LazyFrame[Any]:
    return facts.tables["customers"].select("customer_id", "tier")


def _ordinary(facts: Facts) -> nw.LazyFrame[Any]:
    """Return today's customers of the ordinary tier."""
    ordinary = _tiers(facts).filter(nw.col("tier") == nw.lit(TIERS[0])).select("customer_id")
    return population(facts.tables, facts.day).join(ordinary, on="customer_id", how="inner")


def _seen_as_ordinary(facts: Facts, first: int, last: int) -> nw.LazyFrame[Any]:
    """Return who had a large transaction on an ordinary ticket on a day on which the states have them as ordinary."""
    visits = _at_counter(facts, first, last).filter(nw.col("large") == 1).select("customer_id", "transacted_on")
    states = facts.tables["customer_states"].select("customer_id", "valid_from", nw.col("tier").alias("tier_then"))
    past = visits.unique().join(states, on="customer_id", how="inner")
    past = past.filter(nw.col("valid_from") <= nw.col("transacted_on"))
    latest = past.group_by("customer_id", "transacted_on").agg(nw.col("valid_from").max())
    known = latest.join(states, on=["customer_id", "valid_from"], how="inner")
    return known.filter(nw.col("tier_then") == nw.lit(TIERS[0])).select("customer_id").unique()


def _referred(facts: Facts, day: int) -> tuple[Any, Any]:
    """Return referrals of the year before a day per 1,000 customers at it, and those customers."""
    known = facts.tables["referrals"].filter((nw.col("referred_on") < day) & (nw.col("known_from") < day))
    first = known.group_by("referrer_id", "referred_id").agg(nw.col("referred_on").min())
    brought = first.filter(nw.col("referred_on") >= day - YEAR_DAYS).select(nw.col("referrer_id").alias("customer_id"))
    events = sum_by_unit(facts, brought)["n"].to_numpy()
    n = sum_by_unit(facts, population(facts.tables, day))["n"].to_numpy()
    return rate(events, n).times(1000), n
