"""Whether those are looked after who should be: VIPs, and customers whose investments began to lose."""

from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

import narwhals as nw
import numpy as np

from churn.actions.lists.care import find_homes
from churn.actions.managers import stated_branches
from churn.actions.progress.units import Basis, Found, MeasuredUnits, add_up, numbers, sum_by_unit
from churn.estimates import share
from churn.features.expressions import ratio, total
from churn.speech import Message, message
from churn.tables.contract import to_date
from churn.timeline import month_ends_before

LOSS_MONTHS = 6
"""Month-ends before the date at which a loss may have begun."""


def measure_vips(basis: Basis) -> Found:
    """Measure the share of today's VIPs with a responsible manager, and none of another branch.

    Whose manager is of which branch is what the list of unassigned VIPs takes it to be, so that the others of this
    share are on that list.
    """
    if lack := basis.lacks("customers.manager_id"):
        return {"vip_responsibility": lack}
    customers = basis.today.customers
    homes = find_homes(customers, basis.config.lists.home_share, stated_branches(basis.config.plan))
    home = customers["manager_id"].map(homes.set_index("manager_id")["manager_branch_id"])
    elsewhere = home.notna() & (home != customers["branch_id"])
    looked_after = customers["manager_id"].notna() & ~elsewhere
    rows = customers[["branch_id", "manager_id"]].assign(n=1, cared=looked_after.astype("int64"))
    sums = add_up(basis, rows[customers["is_vip"]])
    return {"vip_responsibility": MeasuredUnits(share(sums["cared"], sums["n"]), sums["n"].to_numpy(), 1.0)}


def measure_losses(basis: Basis) -> Found:
    """Measure the share of losses that somebody spoke of in time: reached within `loss_days` of the month-end.

    A loss begins at a month-end at which it is felt (`loss_return` or `loss_cny` of the plan) and was not at the one
    before. It counts where it began at one of the last `LOSS_MONTHS` month-ends, the bank has had `loss_days` since,
    and the customer had not left by that month-end. Any contact that reached the customer counts, from the day after
    the month-end on. A customer whose losses began twice counts twice.
    """
    if lack := basis.lacks("pnl", "contacts"):
        return {"losses_contacted": lack}
    onsets = _months_to_tell(basis)
    if not onsets:
        return {"losses_contacted": _no_months(basis)}
    if lack := basis.lacks_rows("contacts", "contacted_on", min(onsets)[0], basis.day):
        return {"losses_contacted": lack}
    losses = _began(basis, onsets).join(_reached(basis, onsets), on="customer_id", how="left")
    told = [nw.col(f"began_{end}") * nw.col(f"reached_{end}").fill_null(0) for end, _ in onsets]
    began = [nw.col(f"began_{end}") for end, _ in onsets]
    sums = sum_by_unit(basis, losses.select("customer_id", _sum(began, "began"), _sum(told, "told")))
    interval = share(sums["told"], sums["began"])
    return {"losses_contacted": MeasuredUnits(interval, numbers(sums, "began").astype(np.int64), 1.0)}


def _months_to_tell(basis: Basis) -> list[tuple[int, int]]:
    """Return month-ends at which a loss may have begun and been told since, each with the one before it."""
    ends = month_ends_before(basis.day, LOSS_MONTHS + 1)
    at = basis.tables["pnl"].filter(nw.col("month").is_in(ends)).select("month").unique()
    known = set(at.collect(backend="pyarrow").to_native()["month"].to_pylist())
    last = min(basis.day - 1, basis.today.end) - basis.config.progress.loss_days
    return [(end, before) for end, before in pairwise(ends) if {end, before} <= known and end <= last]


def _no_months(basis: Basis) -> Message:
    return message(
        "of the {n} month-ends before {day} none is {days} days old, and in pnl with the one before it",
        n=LOSS_MONTHS,
        day=to_date(basis.day),
        days=basis.config.progress.loss_days,
    )


def _began(basis: Basis, onsets: list[tuple[int, int]]) -> nw.LazyFrame[Any]:
    """Return `began_<month-end>`, 0 or 1, for every customer whose loss began at one of the month-ends."""
    ends = sorted({end for pair in onsets for end in pair})
    losing = _losses(basis, ends).filter(nw.col("felt") == 1)
    felt = [_flag(nw.col("month") == end, f"felt_{end}") for end in ends]
    frame = losing.group_by("customer_id").agg(*felt)
    frame = frame.join(basis.tables["customers"].select("customer_id", "closed_on"), on="customer_id", how="inner")
    stayed = [nw.col("closed_on").is_null() | (nw.col("closed_on") > end) for end, _ in onsets]
    flags = [
        ((nw.col(f"felt_{end}") == 1) & (nw.col(f"felt_{before}") == 0) & there).cast(nw.Int64).alias(f"began_{end}")
        for (end, before), there in zip(onsets, stayed, strict=True)
    ]
    frame = frame.select("customer_id", *flags)
    return frame.filter(reduce(or_, [nw.col(f"began_{end}") == 1 for end, _ in onsets]))


def _losses(basis: Basis, ends: list[int]) -> nw.LazyFrame[Any]:
    """Return whether a customer feels a loss at a month-end, 0 or 1: what was bought, by its value and its cost."""
    plan = basis.config.plan
    bought = basis.tables["pnl"].filter(nw.col("month").is_in(ends) & ~nw.col("cost_basis").is_null())
    always = nw.col("month") >= ends[0]
    sums = bought.group_by("customer_id", "month").agg(
        total(always, nw.col("market_value"), "value"), total(always, nw.col("cost_basis"), "cost")
    )
    gain = nw.col("value") - nw.col("cost")
    sums = sums.with_columns(ratio(gain, nw.col("cost")).alias("return"))
    felt = (nw.col("return") <= -plan.loss_return).fill_null(False) | (gain.cast(nw.Float64) / 100 <= -plan.loss_cny)
    return sums.select("customer_id", "month", felt.cast(nw.Int64).alias("felt"))


def _reached(basis: Basis, onsets: list[tuple[int, int]]) -> nw.LazyFrame[Any]:
    days = basis.config.progress.loss_days
    on = nw.col("contacted_on")
    spoken = basis.tables["contacts"].filter(nw.col("reached") & (on < basis.day) & (on > min(e for e, _ in onsets)))
    in_time = [_flag((on > end) & (on <= end + days), f"reached_{end}") for end, _ in onsets]
    return spoken.group_by("customer_id").agg(*in_time)


def _flag(condition: nw.Expr, name: str) -> nw.Expr:
    return condition.cast(nw.Int64).max().alias(name)


def _sum(columns: list[nw.Expr], name: str) -> nw.Expr:
    return nw.sum_horizontal(*columns).cast(nw.Int64).alias(name)
