"""How many left, how many were stated and predicted to; and those we had spoken to beside the others."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.actions.progress.facts import Facts
from churn.actions.progress.units import Found, Measured, add_up, numbers, sum_by_unit
from churn.estimates import difference, share, unknown
from churn.explanation.reasons.amounts import Pair
from churn.features.coverage import product_coverage
from churn.labels import build_labels, silent_is_known
from churn.segments import BUCKETS, is_in_bucket
from churn.tables.contract import to_date
from churn.timeline import is_open, population, stated_rate_at

CONTACTED_DAYS = 90
"""How long before a horizon begins a contact counts, where those contacted are compared with the others."""
OBSERVED = ("churn_observed", "churn_observed_where_stated", "churn_stated")


def measure_churn(facts: Facts) -> Found:
    """Measure churn of the latest complete horizon, and what is stated for the same customers.

    A rate is stated for some numbers of products alone: `churn_stated` is the mean over the customers of those, at the
    horizon under a constant hazard, and `churn_observed_where_stated` the churn of the same ones.
    """
    start = outcomes_at(facts)
    if not isinstance(start, int):
        return dict.fromkeys(OBSERVED, start)
    given: Mapping[Any, float] = facts.config.baselines.stated
    stated = {bucket: given[str(bucket)] for bucket in BUCKETS if str(bucket) in given}
    labelled = _labelled(facts, start).join(_coverage(facts, start), on="customer_id", how="left")
    coverage = nw.col("coverage").fill_null(0)
    member = {b: is_in_bucket(coverage, b).cast(nw.Int64) for b in stated}
    columns = [one.alias(f"n_{b}") for b, one in member.items()]
    columns += [(one * nw.col("churned")).alias(f"churned_{b}") for b, one in member.items()]
    sums = sum_by_unit(facts, labelled.select("customer_id", "churned", *columns))
    observed = Measured(share(sums["churned"], sums["n"]), sums["n"].to_numpy())
    return {OBSERVED[0]: observed} | _where_stated(
        sums, {b: stated_rate_at(p, facts.horizon_days) for b, p in stated.items()}
    )


def measure_predicted(facts: Facts) -> Found:
    """Measure the mean of today's scores, of those customers of today who have one."""
    name = "churn_predicted"
    if lack := facts.lacks("scores"):
        return {name: lack}
    rows = facts.people[["customer_id", "branch_id", "manager_id", "churn_probability"]]
    rows = rows[rows["churn_probability"].notna()]
    sums = add_up(facts, rows.assign(n=1))
    value = numbers(sums, "churn_probability") / np.where(sums["n"] > 0, sums["n"], np.nan)
    return {name: Measured(unknown(value), sums["n"].to_numpy(dtype=np.int64))}


def measure_contacted(facts: Facts) -> Found:
    """Measure churn of those reached in the `CONTACTED_DAYS` before the horizon less that of the others.

    Nothing that a contact did: managers call whom they fear to lose, and reach who likes to be reached.
    """
    name, start = "contacted_difference", outcomes_at(facts)
    if not isinstance(start, int):
        return {name: start}
    first = start - CONTACTED_DAYS
    if lack := facts.lacks_rows("contacts", "contacted_on", first, start):
        return {name: lack}
    on = nw.col("contacted_on")
    reached = facts.tables["contacts"].filter(nw.col("reached") & (on >= first) & (on < start))
    reached = reached.select("customer_id").unique().with_columns(nw.lit(1).alias("met"))
    rows = _labelled(facts, start).join(reached, on="customer_id", how="left")
    met, churned = nw.col("met").fill_null(0).cast(nw.Int64), nw.col("churned")
    sums = sum_by_unit(facts, rows.select("customer_id", churned, met, (met * churned).alias("met_churned")))
    others = share(sums["churned"] - sums["met_churned"], sums["n"] - sums["met"])
    return {name: Measured(difference(share(sums["met_churned"], sums["met"]), others), sums["n"].to_numpy())}


def outcomes_at(facts: Facts) -> int | Pair:
    """Return the as-of day of the latest outcomes complete before the date, or why there are none.

    With the bank's own labels the latest of their days from which a whole horizon has passed.
    """
    if not facts.bank.has("labels"):
        return _lacks_outcomes(facts) or facts.start
    days = facts.tables["labels"].filter(nw.col("as_of") <= facts.day - facts.horizon_days)
    last = days.select(nw.col("as_of").max()).collect(backend="pyarrow").to_native()["as_of"].to_pylist()[0]
    if last is None:
        horizon, day = facts.horizon_days, to_date(facts.day)
        return f"labels holds no outcome {horizon} days before {day}", f"labels 表没有 {day} 前 {horizon} 天的结果"
    return int(last)


def note_silent(facts: Facts) -> tuple[Pair, ...]:
    """Say where silent attrition could not be seen; nothing where it could, or does not count."""
    start = outcomes_at(facts)
    if facts.bank.has("labels") or not facts.config.label.silent or not isinstance(start, int):
        return ()
    if silent_is_known(facts.tables, start + facts.horizon_days):
        return ()
    return (
        (
            (
                "Customers whose assets went without a word are not counted as left: pnl holds no values at the"
                " horizon's last month-end"
            ),
            "pnl 表缺少观察期末的月末数据，资产静默流失的客户未计入流失",
        ),
    )


def _lacks_outcomes(facts: Facts) -> Pair | None:
    if lack := facts.lacks_history(facts.start):
        return lack
    label = facts.config.label
    if label.closed or label.holdings or silent_is_known(facts.tables, facts.end + 1):
        return None
    return (
        "silent attrition is the only label asked for, and pnl holds no values at the horizon's last month-end",
        "仅以静默流失为流失口径，而 pnl 表缺少观察期末的月末数据",
    )


def _labelled(facts: Facts, start: int) -> nw.LazyFrame[Any]:
    who = population(facts.tables, start)
    return build_labels(facts.tables, who, start, facts.horizon_days, facts.config.label)


def _coverage(facts: Facts, start: int) -> nw.LazyFrame[Any]:
    held = facts.tables["holdings"].filter(is_open("opened_on", "closed_on", start))
    return held.group_by("customer_id").agg(product_coverage(start, facts.config).alias("coverage"))


def _where_stated(sums: pd.DataFrame, rates: dict[int | str, float]) -> dict[str, Measured | Pair]:
    if not rates:
        return dict.fromkeys(OBSERVED[1:], ("no rate is stated for any number of products", "未给出任何产品数的流失率"))
    n = sum(numbers(sums, f"n_{b}") for b in rates)
    churned = sum(numbers(sums, f"churned_{b}") for b in rates)
    stated = sum(numbers(sums, f"n_{b}") * p for b, p in rates.items()) / np.where(n > 0, n, np.nan)
    return {
        OBSERVED[1]: Measured(share(churned, n), np.asarray(n, dtype=np.int64)),
        OBSERVED[2]: Measured(unknown(stated), np.asarray(n, dtype=np.int64)),
    }
