"""Whether those are looked after who should be: VIPs, and customers whose investments began to lose."""

from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

import narwhals as nw
import numpy as np

from churn.actions.lists.vips import find_homes
from churn.actions.managers import stated_branches
from churn.actions.progress.facts import Facts
from churn.actions.progress.units import Found, Measured, add_up, numbers, sum_by_unit
from churn.estimates import share
from churn.explanation.reasons.amounts import Pair
from churn.features.expressions import ratio, total
from churn.tables.contract import to_date
from churn.timeline import month_ends_before

LOSS_MONTHS = 6
"""Month-ends before the date at which a loss may have begun."""


def measure_vips(facts: Facts) -> Found:
    """Measure the share of today's VIPs with a responsible manager, and none of another branch.

    Whose manager is of which branch is what the list of unassigned VIPs takes it to be, so that the others of this
    share are on that list.
    """
    if lack := facts.lacks("customers.manager_id"):
        return {"vip_responsibility": lack}
    homes = find_homes(facts.people, facts.config.lists.home_share, stated_branches(facts.config.plan))
    home = facts.people["manager_id"].map(homes.set_index("manager_id")["manager_branch_id"])
    elsewhere = home.notna() & (home != facts.people["branch_id"])
    looked_after = facts.people["manager_id"].notna() & ~elsewhere
    rows = facts.people[["branch_id", "manager_id"]].assign(n=1, cared=looked_after.astype("int64"))
    sums = add_up(facts, rows[facts.people["is_vip"]])
    return {"vip_responsibility": Measured(share(sums["cared"], sums["n"]), sums["n"].to_numpy(), 1.0)}


def measure_losses(facts: Facts) -> Found:
    """Measure the share of losses that somebody spoke of in time: reached within `loss_days` of the month-end.

    A loss begins at a month-end at which it is felt (`loss_return` or `loss_cny` of the plan) and was not at the one
    before. It counts where it began at one of the last `LOSS_MONTHS` month-ends, the bank has had `loss_days` since,
    and the customer had not left by that month-end. Any contact that reached the customer counts, from the day after
    the month-end on. A customer whose losses began twice counts twice.
    """
    if lack := facts.lacks("pnl", "contacts"):
        return {"losses_contacted": lack}
    onsets = _months_to_tell(facts)
    if not onsets:
        return {"losses_contacted": _no_months(facts)}
    if lack := facts.lacks_rows("contacts", "contacted_on", min(onsets)[0], facts.day):
        return {"losses_contacted": lack}
    losses = _began(facts, onsets).join(_reached(facts, onsets), on="customer_id", how="left")
    told = [nw.col(f"began_{end}") * nw.col(f"reached_{end}").fill_null(0) for end, _ in onsets]
    began = [nw.col(f"began_{end}") for end, _ in onsets]
    sums = sum_by_unit(facts, losses.select("customer_id", _sum(began, "began"), _sum(told, "told")))
    interval = share(sums["told"], sums["began"])
    return {"losses_contacted": Measured(interval, numbers(sums, "began").astype(np.int64), 1.0)}


def _months_to_tell(facts: Facts) -> list[tuple[int, int]]:
    """Return month-ends at which a loss may have begun and been told since, each with the one before it."""
    ends = month_ends_before(facts.day, LOSS_MONTHS + 1)
    at = facts.tables["pnl"].filter(nw.col("month").is_in(ends)).select("month").unique()
    known = set(at.collect(backend="pyarrow").to_native()["month"].to_pylist())
    last = min(facts.day - 1, facts.end) - facts.settings.loss_days
    return [(end, before) for end, before in pairwise(ends) if {end, before} <= known and end <= last]


def _no_months(facts: Facts) -> Pair:
    days, day = facts.settings.loss_days, to_date(facts.day)
    return (
        f"of the {LOSS_MONTHS} month-ends before {day} none is {days} days old, and in pnl with the one before it",
        f"{day} 之前 {LOSS_MONTHS} 个月末中，没有已满 {days} 天且 pnl 表同时含有其上月末数据的月末",
    )


def _began(facts: Facts, onsets: list[tuple[int, int]]) -> nw.LazyFrame[Any]:
    """Return `began_<month-end>`, 0 or 1, for every customer whose loss began at one of the month-ends."""
    ends = sorted({end for pair in onsets for end in pair})
    losing = _losses(facts, ends).filter(nw.col("felt") == 1)
    felt = [_flag(nw.col("month") == end, f"felt_{end}") for end in ends]
    frame = losing.group_by("customer_id").agg(*felt)
    frame = frame.join(facts.tables["customers"].select("customer_id", "closed_on"), on="customer_id", how="inner")
    stayed = [nw.col("closed_on").is_null() | (nw.col("closed_on") > end) for end, _ in onsets]
    flags = [
        ((nw.col(f"felt_{end}") == 1) & (nw.col(f"felt_{before}") == 0) & there).cast(nw.Int64).alias(f"began_{end}")
        for (end, before), there in zip(onsets, stayed, strict=True)
    ]
    frame = frame.select("customer_id", *flags)
    return frame.filter(reduce(or_, [nw.col(f"began_{end}") == 1 for end, _ in onsets]))


def _losses(facts: Facts, ends: list[int]) -> nw.LazyFrame[Any]:
    """Return whether a customer feels a loss at a month-end, 0 or 1: what was bought, by its value and its cost."""
    plan = facts.config.plan
    bought = facts.tables["pnl"].filter(nw.col("month").is_in(ends) & ~nw.col("cost_basis").is_null())
    always = nw.col("month") >= ends[0]
    sums = bought.group_by("customer_id", "month").agg(
        total(always, nw.col("market_value"), "value"), total(always, nw.col("cost_basis"), "cost")
    )
    gain = nw.col("value") - nw.col("cost")
    sums = sums.with_columns(ratio(gain, nw.col("cost"), "return"))
    felt = (nw.col("return") <= -plan.loss_return).fill_null(False) | (gain.cast(nw.Float64) / 100 <= -plan.loss_cny)
    return sums.select("customer_id", "month", felt.cast(nw.Int64).alias("felt"))


def _reached(facts: Facts, onsets: list[tuple[int, int]]) -> nw.LazyFrame[Any]:
    days = facts.settings.loss_days
    on = nw.col("contacted_on")
    spoken = facts.tables["contacts"].filter(nw.col("reached") & (on < facts.day) & (on > min(e for e, _ in onsets)))
    in_time = [_flag((on > end) & (on <= end + days), f"reached_{end}") for end, _ in onsets]
    return spoken.group_by("customer_id").agg(*in_time)


def _flag(condition: nw.Expr, name: str) -> nw.Expr:
    return condition.cast(nw.Int64).max().alias(name)


def _sum(columns: list[nw.Expr], name: str) -> nw.Expr:
    return nw.sum_horizontal(*columns).cast(nw.Int64).alias(name)
