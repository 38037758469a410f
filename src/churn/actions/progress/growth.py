"""Whether customers hold more and others are won: products, bindings, the counter, who was referred by a customer."""

from typing import Any

import narwhals as nw
import numpy as np

from churn.actions.progress.units import Basis, Found, MeasuredUnits, sum_by_unit
from churn.config import Config
from churn.estimates import difference, mean, rate, share
from churn.features.activity import is_large_ordinary
from churn.speech import Message, message
from churn.tables.contract import TIERS, VIP_TIERS, to_date
from churn.timeline import YEAR_DAYS, Tables, is_open, population

LEAST_DAYS = 180
"""Whoever was seen so many days ago has had time to become a VIP."""


def measure_seen(basis: Basis) -> Found:
    """Measure the share of potential VIPs among the ordinary customers at the counter in the last days.

    Each customer counts once, however often they came. Who is a potential VIP is what the list takes it to be: a
    counter transaction of `large_counter_cny` or more on an ordinary ticket, of a customer who is of the ordinary tier
    today. The share that the practice expects of a day's counter customers, `counter_share`, is the target.
    """
    first = basis.day - basis.config.progress.window_days
    lack = basis.lacks("transactions", "transactions.queue_ticket")
    if lack := lack or basis.lacks_rows("transactions", "transacted_on", first, basis.day):
        return {"potential_vips_seen": lack}
    came = _at_counter(basis, first, basis.day).group_by("customer_id").agg(nw.col("large").max())
    sums = sum_by_unit(basis, came.join(_ordinary(basis), on="customer_id", how="inner"))
    interval, target = share(sums["large"], sums["n"]), basis.config.lists.counter_share
    return {"potential_vips_seen": MeasuredUnits(interval, sums["n"].to_numpy(), target)}


def measure_converted(basis: Basis) -> Found:
    """Measure how many of the potential VIPs seen some time ago are gold or platinum now.

    Seen in `seen_between`, while `customer_states` had them in the ordinary tier; each counts once. Who has left is no
    VIP.
    """
    lack = basis.lacks("transactions", "transactions.queue_ticket", "customer_states")
    first, last = seen_between(basis)
    if lack := lack or basis.lacks_rows("transactions", "transacted_on", first, last):
        return {"potential_vips_converted": lack}
    seen = _seen_as_ordinary(basis, first, last)
    now = population(basis.tables, basis.day).join(_tiers(basis), on="customer_id", how="inner")
    rows = seen.join(now, on="customer_id", how="left")
    vip = nw.col("tier").is_in(list(VIP_TIERS)).fill_null(False).cast(nw.Int64).alias("vip")
    sums = sum_by_unit(basis, rows.select("customer_id", vip))
    return {"potential_vips_converted": MeasuredUnits(share(sums["vip"], sums["n"]), sums["n"].to_numpy())}


def seen_between(basis: Basis) -> tuple[int, int]:
    """Return from which day on, and before which, potential VIPs were seen: 2 years to 1 year before the date.

    Where the data do not hold a window of the days before that year, it ends 180 days before the date.
    """
    whole = basis.today.begin <= basis.day - YEAR_DAYS - basis.config.progress.window_days
    return basis.day - 2 * YEAR_DAYS, basis.day - (YEAR_DAYS if whole else LEAST_DAYS)


def measure_referrals(basis: Basis) -> Found:
    """Measure customers referred by customers, per 1,000 customers, in the last year, and against the year before.

    A referral counts once, when it was first said, from the day both are customers on, for the unit of whoever brought
    the other; the rate is per customer at the end of the year it belongs to.
    """
    names, year = ("referrals", "referrals_change"), basis.day - YEAR_DAYS
    if lack := basis.lacks("referrals") or basis.lacks_history(year):
        return dict.fromkeys(names, lack)
    now, n = _referred(basis, basis.day)
    short = basis.lacks_history(year - YEAR_DAYS)
    if short:
        return {names[0]: MeasuredUnits(now, n), names[1]: short}
    before, n_before = _referred(basis, year)
    return {
        names[0]: MeasuredUnits(now, n),
        names[1]: MeasuredUnits(difference(now, before), np.where(n_before > 0, n, 0)),
    }


def note_converted(basis: Basis) -> Message:
    """Say when those were seen of whom some became VIPs."""
    first, last = (to_date(day) for day in seen_between(basis))
    return message(
        "Potential VIPs who became VIPs were seen from {first} on and before {last}, and are judged by today's tier",
        first=first,
        last=last,
    )


def _at_counter(basis: Basis, first: int, last: int) -> nw.LazyFrame[Any]:
    """Return counter transactions from a day on and before another: `large`, 1 where large on an ordinary ticket."""
    on = nw.col("transacted_on")
    at = (nw.col("channel") == nw.lit("counter")) & (on >= first) & (on < last)
    large = is_large_ordinary(round(basis.config.lists.large_counter_cny * 100))
    return basis.tables["transactions"].filter(at).select("customer_id", on, large.cast(nw.Int64).alias("large"))


def _tiers(basis: Basis) -> nw.LazyFrame[Any]:
    return basis.tables["customers"].select("customer_id", "tier")


def _ordinary(basis: Basis) -> nw.LazyFrame[Any]:
    """Return today's customers of the ordinary tier."""
    ordinary = _tiers(basis).filter(nw.col("tier") == nw.lit(TIERS[0])).select("customer_id")
    return population(basis.tables, basis.day).join(ordinary, on="customer_id", how="inner")


def _seen_as_ordinary(basis: Basis, first: int, last: int) -> nw.LazyFrame[Any]:
    """Return who had a large transaction on an ordinary ticket on a day on which the states have them as ordinary."""
    visits = _at_counter(basis, first, last).filter(nw.col("large") == 1).select("customer_id", "transacted_on")
    states = basis.tables["customer_states"].select("customer_id", "valid_from", nw.col("tier").alias("tier_then"))
    past = visits.unique().join(states, on="customer_id", how="inner")
    past = past.filter(nw.col("valid_from") <= nw.col("transacted_on"))
    latest = past.group_by("customer_id", "transacted_on").agg(nw.col("valid_from").max())
    known = latest.join(states, on=["customer_id", "valid_from"], how="inner")
    return known.filter(nw.col("tier_then") == nw.lit(TIERS[0])).select("customer_id").unique()


def _referred(basis: Basis, day: int) -> tuple[Any, Any]:
    """Return referrals of the year before a day per 1,000 customers at it, and those customers."""
    known = basis.tables["referrals"].filter((nw.col("referred_on") < day) & (nw.col("known_from") < day))
    first = known.group_by("referrer_id", "referred_id").agg(nw.col("referred_on").min())
    brought = first.filter(nw.col("referred_on") >= day - YEAR_DAYS).select(nw.col("referrer_id").alias("customer_id"))
    events = sum_by_unit(basis, brought)["n"].to_numpy()
    n = sum_by_unit(basis, population(basis.tables, day))["n"].to_numpy()
    return rate(events, n).times(1000), n


HELD = ("product_coverage", "bindings_per_customer")


def measure_breadth(basis: Basis) -> Found:
    """Measure products and bindings a customer, and how they changed for those who were customers a horizon ago too."""
    found: dict[str, Any] = {}
    for name in HELD:
        change, lack = f"{name}_change", basis.lacks("bindings") if name == "bindings_per_customer" else None
        short = basis.lacks_history(basis.day - basis.horizon_days)
        found[name] = lack or _measured(basis, held(basis.tables, basis.day, basis.config, name))
        found[change] = lack or short or _change(basis, name)
    return found


def held(tables: Tables, day: int, config: Config, name: str) -> nw.LazyFrame[Any]:
    """Return a whole number `held` for everybody in the population at a day: products, or services bound.

    Products that count towards coverage, and services, each once however often they are held.
    """
    if name == "product_coverage":
        rows = tables["holdings"].filter(is_open("opened_on", "closed_on", day))
        counts = _distinct(rows, "product", config.coverage_products)
    else:
        rows = tables["bindings"].filter(is_open("bound_on", "unbound_on", day))
        counts = _distinct(rows, "service", tuple(config.services))
    frame = population(tables, day).join(counts, on="customer_id", how="left")
    return frame.select("customer_id", nw.col("held").fill_null(0).cast(nw.Int64))


def _distinct(rows: nw.LazyFrame[Any], column: str, names: tuple[str, ...]) -> nw.LazyFrame[Any]:
    once = rows.filter(nw.col(column).is_in(list(names))).select("customer_id", column).unique()
    return once.group_by("customer_id").agg(nw.col(column).count().alias("held"))


def _change(basis: Basis, name: str) -> MeasuredUnits:
    now = held(basis.tables, basis.day, basis.config, name)
    then = held(basis.tables, basis.day - basis.horizon_days, basis.config, name).rename({"held": "before"})
    both = now.join(then, on="customer_id", how="inner")
    return _measured(basis, both.select("customer_id", (nw.col("held") - nw.col("before")).alias("held")))


def _measured(basis: Basis, rows: nw.LazyFrame[Any]) -> MeasuredUnits:
    sums = sum_by_unit(basis, rows.with_columns((nw.col("held") * nw.col("held")).alias("squares")))
    return MeasuredUnits(mean(sums["n"], sums["held"], sums["squares"]), sums["n"].to_numpy())
