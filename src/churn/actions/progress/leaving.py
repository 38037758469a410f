"""Who left: how many, how many were stated and predicted to; and whether contacts and offers changed it.

Contacts and offers are judged as far as chance decided who got them: by the hold-out and the randomised campaigns.
Those we had spoken to are set beside the others too, which is not an effect of speaking to them.
"""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn import estimates
from churn.actions.progress import units
from churn.actions.progress.units import Basis, Found, MeasuredUnits, add_up, numbers, sum_by_unit
from churn.actions.today import in_hold_out
from churn.actions.value import customer_value
from churn.estimates import Floats, Interval, Whole, difference, share, unknown
from churn.evidence import LEAST_ARM, build_offers
from churn.features.coverage import product_coverage
from churn.frame import to_pandas
from churn.labels import build_labels, silent_known
from churn.segments import BUCKETS, is_in_bucket
from churn.speech import Message, message
from churn.tables.contract import to_date
from churn.timeline import Seen, is_open, month_end_before, stated_rate_at

CONTACTED_DAYS = 90
"""How long before a horizon begins a contact counts, where those contacted are compared with the others."""
OBSERVED = ("churn_observed", "churn_observed_where_stated", "churn_stated")
HOLD_OUT = ("hold_out_difference", "value_kept")
OFFERS = "offers_difference"


def measure_churn(basis: Basis) -> Found:
    """Measure churn of the latest complete horizon, and what is stated for the same customers.

    A rate is stated for some numbers of products alone: `churn_stated` is the mean over the customers of those, at the
    horizon under a constant hazard, and `churn_observed_where_stated` the churn of the same ones.
    """
    start = outcomes_at(basis)
    if not isinstance(start, int):
        return dict.fromkeys(OBSERVED, start)
    given: Mapping[Any, float] = basis.config.baselines.stated
    stated = {bucket: given[str(bucket)] for bucket in BUCKETS if str(bucket) in given}
    labelled = _labelled(basis, start).join(_coverage(basis, start), on="customer_id", how="left")
    coverage = nw.col("coverage").fill_null(0)
    member = {b: is_in_bucket(coverage, b).cast(nw.Int64) for b in stated}
    columns = [one.alias(f"n_{b}") for b, one in member.items()]
    columns += [(one * nw.col("churned")).alias(f"churned_{b}") for b, one in member.items()]
    sums = sum_by_unit(basis, labelled.select("customer_id", "churned", *columns))
    observed = MeasuredUnits(share(sums["churned"], sums["n"]), sums["n"].to_numpy())
    return {OBSERVED[0]: observed} | _where_stated(
        sums, {b: stated_rate_at(p, basis.horizon_days) for b, p in stated.items()}
    )


def measure_predicted(basis: Basis) -> Found:
    """Measure the mean of today's scores, of those customers of today who have one."""
    name = "churn_predicted"
    if lack := basis.lacks("scores"):
        return {name: lack}
    rows = basis.today.customers[["customer_id", "branch_id", "manager_id", "churn_probability"]]
    rows = rows[rows["churn_probability"].notna()]
    sums = add_up(basis, rows.assign(n=1))
    value = numbers(sums, "churn_probability") / np.where(sums["n"] > 0, sums["n"], np.nan)
    return {name: MeasuredUnits(unknown(value), sums["n"].to_numpy(dtype=np.int64))}


def measure_contacted(basis: Basis) -> Found:
    """Measure churn of those reached in the `CONTACTED_DAYS` before the horizon less that of the others.

    Nothing that a contact did: managers call whom they fear to lose, and reach who likes to be reached.
    """
    name, start = "contacted_difference", outcomes_at(basis)
    if not isinstance(start, int):
        return {name: start}
    first = start - CONTACTED_DAYS
    if lack := basis.lacks_rows("contacts", "contacted_on", first, start):
        return {name: lack}
    on = nw.col("contacted_on")
    reached = basis.tables["contacts"].filter(nw.col("reached") & (on >= first) & (on < start))
    reached = reached.select("customer_id").unique().with_columns(nw.lit(1).alias("met"))
    rows = _labelled(basis, start).join(reached, on="customer_id", how="left")
    met, churned = nw.col("met").fill_null(0).cast(nw.Int64), nw.col("churned")
    sums = sum_by_unit(basis, rows.select("customer_id", churned, met, (met * churned).alias("met_churned")))
    others = share(sums["churned"] - sums["met_churned"], sums["n"] - sums["met"])
    return {name: MeasuredUnits(difference(share(sums["met_churned"], sums["met"]), others), sums["n"].to_numpy())}


def outcomes_at(basis: Basis) -> int | Message:
    """Return the as-of day of the latest outcomes complete before the date, or why there are none.

    With the bank's own labels the latest of their days from which a whole horizon has passed.
    """
    if not basis.today.bank.has("labels"):
        return _lacks_outcomes(basis) or basis.start
    days = basis.tables["labels"].filter(nw.col("as_of") <= basis.day - basis.horizon_days)
    last = days.select(nw.col("as_of").max()).collect(backend="pyarrow").to_native()["as_of"].to_pylist()[0]
    if last is None:
        return message(
            "labels holds no outcome {days} days before {day}", days=basis.horizon_days, day=to_date(basis.day)
        )
    return int(last)


def note_silent(basis: Basis) -> tuple[Message, ...]:
    """Say where silent attrition could not be seen; nothing where it could, or does not count."""
    start = outcomes_at(basis)
    if basis.today.bank.has("labels") or not basis.config.label.silent or not isinstance(start, int):
        return ()
    if _sees_silent(basis, start):
        return ()
    return (message("Silent attrition is not counted: pnl lacks a month-end of the horizon that it needs"),)


def _lacks_outcomes(basis: Basis) -> Message | None:
    if lack := basis.lacks_history(basis.start):
        return lack
    label = basis.config.label
    if label.closed or label.holdings or _sees_silent(basis, basis.start):
        return None
    return message(
        "silent attrition is the only label asked for, and pnl lacks a month-end of the horizon that it needs"
    )


def _sees_silent(basis: Basis, start: int) -> bool:
    return bool(silent_known(Seen(basis.tables, [start]), basis.horizon_days, basis.config.label))


def _labelled(basis: Basis, start: int) -> nw.LazyFrame[Any]:
    labels = build_labels(Seen(basis.tables, [start]), basis.horizon_days, basis.config.label)
    return labels.select("customer_id", "churned")


def _coverage(basis: Basis, start: int) -> nw.LazyFrame[Any]:
    held = basis.tables["holdings"].filter(is_open("opened_on", "closed_on", start))
    return held.group_by("customer_id").agg(product_coverage(start, basis.config).alias("coverage"))


def _where_stated(sums: pd.DataFrame, rates: dict[int | str, float]) -> dict[str, MeasuredUnits | Message]:
    if not rates:
        return dict.fromkeys(OBSERVED[1:], message("no rate is stated for any number of products"))
    n = sum(numbers(sums, f"n_{b}") for b in rates)
    churned = sum(numbers(sums, f"churned_{b}") for b in rates)
    stated = sum(numbers(sums, f"n_{b}") * p for b, p in rates.items()) / np.where(n > 0, n, np.nan)
    return {
        OBSERVED[1]: MeasuredUnits(share(churned, n), np.asarray(n, dtype=np.int64)),
        OBSERVED[2]: MeasuredUnits(unknown(stated), np.asarray(n, dtype=np.int64)),
    }


def measure_hold_out(basis: Basis) -> Found:
    """Measure churn of the random hold-out less that of the others, and what the others' assets kept by it are worth.

    Above zero, fewer of those left whom scores may send somebody to. `value_kept`, in yuan, is the difference × the
    others' value when the horizon began (`customer_value`: number × mean); its interval is the difference's, as if that
    value were certain. Both tell something only where the plan was in use when the horizon began.
    """
    start = outcomes_at(basis)
    if not isinstance(start, int):
        return dict.fromkeys(HOLD_OUT, start)
    if lack := _lacks_plan(basis, start):
        return dict.fromkeys(HOLD_OUT, lack)
    sums = add_up(basis, _read_arms(basis, start))
    held, others = sums["held"].to_numpy(), (sums["n"] - sums["held"]).to_numpy()
    left = share(sums["held_churned"], held), share(sums["churned"] - sums["held_churned"], others)
    found = difference(*left)
    n = sums["n"].to_numpy(dtype=np.int64)
    value: Any = basis.lacks_assets(start) or MeasuredUnits(found.times(numbers(sums, "others_cny")), n)
    return {HOLD_OUT[0]: MeasuredUnits(found, n), HOLD_OUT[1]: value}


def measure_offers(basis: Basis) -> Found:
    """Measure churn of those offered a service at random less that of those not, compared within each draw.

    Offers whose horizon was complete before the date; a customer in several counts in each, since arms were drawn anew
    for each. A manager has a difference where 30 customers at least are in each arm.
    """
    if lack := basis.lacks("campaigns") or _lacks_offers(basis):
        return {OFFERS: lack}
    # What was known on the eve of the date, and no outcome of later.
    bank = basis.today.bank
    rows = build_offers(bank.tables(), basis.horizon_days, to_date(basis.today.end), bank.config)
    if rows.empty:
        return {OFFERS: message("no customer of a campaign has an outcome")}
    rows = rows[rows["called"] == 0].merge(_owners(basis), on="customer_id", how="inner")
    parts = [_within_draws(rows, group, size) for group, size in units.unit_groups(basis, rows)]
    arms = np.concatenate([arms for _, arms in parts], axis=1)
    value, low, high = (np.concatenate(columns) for columns in zip(*(one for one, _ in parts), strict=True))
    enough = (basis.units["level"] != "manager").to_numpy() | (arms.min(axis=0) >= LEAST_ARM)
    found = units.where(enough, Interval(value, low, high))
    return {OFFERS: MeasuredUnits(found, arms.sum(axis=0).astype(np.int64))}


def _lacks_plan(basis: Basis, start: int) -> Message | None:
    """Say why the hold-out tells nothing of a horizon; None where it does."""
    begun, day = basis.config.progress.begun_on, to_date(start)
    if not basis.config.plan.hold_out:
        return message("nobody is held out ([plan] hold_out is 0)")
    if begun is None:
        return message(
            "set [progress] begun_on to the day managers began to follow the plan; until then both were treated alike"
        )
    if begun <= day:
        return None
    return message(
        "managers have followed the plan since {begun}, and the latest complete horizon began on {day}: until then both"
        " were treated alike",
        begun=begun,
        day=day,
    )


def _read_arms(basis: Basis, start: int) -> pd.DataFrame:
    """Return the labelled customers of a day, one row each: `n`, `churned`, `held`, `held_churned`, `others_cny`."""
    frame = _labelled(basis, start).join(basis.owners, on="customer_id", how="inner")
    frame = frame.join(_coverage(basis, start), on="customer_id", how="left")
    if basis.lacks_assets(start) is None:
        frame = frame.join(_assets(basis, start), on="customer_id", how="left")
    rows = to_pandas(frame).sort_values("customer_id", ignore_index=True)
    out = in_hold_out(rows["customer_id"], basis.config.plan)
    aum = rows["aum"].to_numpy(dtype=np.float64, na_value=np.nan) / 100 if "aum" in rows else np.full(len(rows), np.nan)
    value = customer_value(aum, rows["coverage"].fillna(0).to_numpy(dtype=np.float64), basis.config.plan)
    counted = {"n": 1, "churned": rows["churned"], "held": out.astype(np.int64), "held_churned": out * rows["churned"]}
    return rows[["branch_id", "manager_id"]].assign(**counted, others_cny=np.where(out, 0.0, value))


def _assets(basis: Basis, start: int) -> nw.LazyFrame[Any]:
    at = basis.tables["pnl"].filter(nw.col("month") == month_end_before(start))
    return at.group_by("customer_id").agg(nw.col("market_value").sum().cast(nw.Int64).alias("aum"))


def _lacks_offers(basis: Basis) -> Message | None:
    last = basis.today.end + 1 - basis.horizon_days
    known = basis.tables["campaigns"].filter(nw.col("assigned_on") <= last)
    if known.head(1).collect(backend="pyarrow").shape[0]:
        return None
    return message("no campaign's horizon was complete before {day}", day=to_date(basis.day))


def _owners(basis: Basis) -> pd.DataFrame:
    members = basis.tables["campaigns"].select("customer_id").unique()
    return to_pandas(members.join(basis.owners, on="customer_id", how="inner"))


def _within_draws(rows: pd.DataFrame, group: Whole, n_groups: int) -> tuple[Interval, Floats]:
    """Compare the arms of each group within each draw; the interval, and customers offered and not, shape (2, n)."""
    offered, churned = rows["offered"].to_numpy(), rows["churned"].to_numpy()
    cells = {"n1": offered, "a": offered * churned, "n0": 1 - offered, "b": (1 - offered) * churned}
    draws = rows[["service", "campaign_id", "wave"]].assign(group=group, **cells)
    strata = draws.groupby(["group", "service", "campaign_id", "wave"], as_index=False)[list(cells)].sum()
    found = estimates.stratified_difference(strata[list(cells)].to_numpy(), strata["group"], n_groups)
    return found, np.stack([estimates.by_group(cells[name], group, n_groups) for name in ("n1", "n0")])
