"""What contacts and offers did, as far as chance decided who got them: the hold-out and the randomised campaigns."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.actions.progress.facts import Facts, at_month_end
from churn.actions.progress.leaving import outcomes_at
from churn.actions.progress.units import Found, Measured, add_up, numbers, position, where
from churn.actions.today import in_hold_out, to_pandas
from churn.actions.value import customer_value
from churn.estimates import (
    Floats,
    Interval,
    Whole,
    by_group,
    difference,
    share,
    stratified_difference,
)
from churn.evidence import LEAST_ARM, build_offers
from churn.explanation.reasons.amounts import Pair
from churn.features.coverage import product_coverage
from churn.labels import build_labels
from churn.tables.contract import to_date
from churn.timeline import is_open, month_end_before, population

HOLD_OUT = ("hold_out_difference", "value_kept")
OFFERS = "offers_difference"


def measure_hold_out(facts: Facts) -> Found:
    """Measure churn of the random hold-out less that of the others, and what the others' assets kept by it are worth.

    Above zero, fewer of those left whom scores may send somebody to. `value_kept`, in yuan, is the difference × the
    others' value when the horizon began (`customer_value`: number × mean); its interval is the difference's, as if that
    value were certain. Both tell something only where the plan was in use when the horizon began.
    """
    start = outcomes_at(facts)
    if not isinstance(start, int):
        return dict.fromkeys(HOLD_OUT, start)
    if lack := _lacks_plan(facts, start):
        return dict.fromkeys(HOLD_OUT, lack)
    sums = add_up(facts, _read_arms(facts, start))
    held, others = sums["held"].to_numpy(), (sums["n"] - sums["held"]).to_numpy()
    left = share(sums["held_churned"], held), share(sums["churned"] - sums["held_churned"], others)
    found = difference(*left)
    n = sums["n"].to_numpy(dtype=np.int64)
    value: Any = at_month_end(facts, start) or Measured(found.times(numbers(sums, "others_cny")), n)
    return {HOLD_OUT[0]: Measured(found, n), HOLD_OUT[1]: value}


def measure_offers(facts: Facts) -> Found:
    """Measure churn of those offered a service at random less that of those not, compared within each draw.

    Offers whose horizon was complete before the date; a customer in several counts in each, since arms were drawn anew
    for each. A manager has a difference where 30 customers at least are in each arm.
    """
    if lack := facts.lacks("campaigns") or _lacks_offers(facts):
        return {OFFERS: lack}
    # What was known on the eve of the date, and no outcome of later.
    bank = facts.bank
    rows = build_offers(bank.tables(), facts.horizon_days, to_date(facts.end), bank.config)
    if rows.empty:
        return {OFFERS: ("no customer of a campaign has an outcome", "活动客户均无结果")}
    rows = rows.merge(_owners(facts), on="customer_id", how="inner")
    branches, managers = ((facts.units["level"] == level).to_numpy() for level in ("branch", "manager"))
    groups = (
        (np.zeros(len(rows), dtype=np.int64), 1),
        (position(facts, "branch", rows["branch_id"]), int(branches.sum())),
        (position(facts, "manager", rows["manager_id"]), int(managers.sum())),
    )
    parts = [_within_draws(rows, group, size) for group, size in groups]
    arms = np.concatenate([arms for _, arms in parts], axis=1)
    found = Interval(*(np.concatenate(columns) for columns in zip(*(one for one, _ in parts), strict=True)))
    enough = ~managers | (arms.min(axis=0) >= LEAST_ARM)
    return {OFFERS: Measured(where(enough, found), arms.sum(axis=0).astype(np.int64))}


def _lacks_plan(facts: Facts, start: int) -> Pair | None:
    """Say why the hold-out tells nothing of a horizon; None where it does."""
    begun, day = facts.settings.begun_on, to_date(start)
    if not facts.config.plan.hold_out:
        return "nobody is held out ([plan] hold_out is 0)", "没有随机对照组（[plan] hold_out 为 0）"
    if begun is None:
        return (
            "it is not said since when managers' days are planned from scores, and before that both were treated alike",
            "未说明自何时起按评分安排客户经理工作；此前对照组与其他客户并无区别",
        )
    if begun <= day:
        return None
    return (
        (
            f"managers' days are planned from scores since {begun}, and the latest complete horizon began on {day}:"
            " until then both were treated alike"
        ),
        f"自 {begun} 起才按评分安排客户经理工作，而最近一个完整观察期始于 {day}；此前对照组与其他客户并无区别",
    )


def _read_arms(facts: Facts, start: int) -> pd.DataFrame:
    """Return the labelled customers of a day, one row each: `n`, `churned`, `held`, `held_churned`, `others_cny`."""
    who = population(facts.tables, start)
    frame = build_labels(facts.tables, who, start, facts.horizon_days, facts.config.label)
    held = facts.tables["holdings"].filter(is_open("opened_on", "closed_on", start))
    coverage = held.group_by("customer_id").agg(product_coverage(start, facts.config).alias("coverage"))
    frame = frame.join(facts.owners, on="customer_id", how="inner").join(coverage, on="customer_id", how="left")
    if at_month_end(facts, start) is None:
        frame = frame.join(_assets(facts, start), on="customer_id", how="left")
    rows = to_pandas(frame).sort_values("customer_id", ignore_index=True)
    out = in_hold_out(rows["customer_id"], facts.config.plan)
    aum = rows["aum"].to_numpy(dtype=np.float64, na_value=np.nan) / 100 if "aum" in rows else np.full(len(rows), np.nan)
    value = customer_value(aum, rows["coverage"].fillna(0).to_numpy(dtype=np.float64), facts.config.plan)
    counted = {"n": 1, "churned": rows["churned"], "held": out.astype(np.int64), "held_churned": out * rows["churned"]}
    return rows[["branch_id", "manager_id"]].assign(**counted, others_cny=np.where(out, 0.0, value))


def _assets(facts: Facts, start: int) -> nw.LazyFrame[Any]:
    at = facts.tables["pnl"].filter(nw.col("month") == month_end_before(start))
    return at.group_by("customer_id").agg(nw.col("market_value").sum().cast(nw.Int64).alias("aum"))


def _lacks_offers(facts: Facts) -> Pair | None:
    last = facts.end + 1 - facts.horizon_days
    known = facts.tables["campaigns"].filter(nw.col("assigned_on") <= last)
    if known.head(1).collect(backend="pyarrow").shape[0]:
        return None
    day = to_date(facts.day)
    return f"no campaign's horizon was complete before {day}", f"{day} 之前没有活动的观察期已结束"


def _owners(facts: Facts) -> pd.DataFrame:
    members = facts.tables["campaigns"].select("customer_id").unique()
    return to_pandas(members.join(facts.owners, on="customer_id", how="inner"))


def _within_draws(rows: pd.DataFrame, group: Whole, n_groups: int) -> tuple[Interval, Floats]:
    """Compare the arms of each group within each draw; the interval, and customers offered and not, shape (2, n)."""
    offered, churned = rows["offered"].to_numpy(), rows["churned"].to_numpy()
    cells = {"n1": offered, "a": offered * churned, "n0": 1 - offered, "b": (1 - offered) * churned}
    draws = rows[["service", "campaign_id", "wave"]].assign(group=group, **cells)
    strata = draws.groupby(["group", "service", "campaign_id", "wave"], as_index=False)[list(cells)].sum()
    found = stratified_difference(strata[list(cells)].to_numpy(), strata["group"], n_groups)
    return found, np.stack([by_group(cells[name], group, n_groups) for name in ("n1", "n0")])
