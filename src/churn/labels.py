"""Labels: churn within `[as_of, as_of + horizon_days)`."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from churn.config import LabelSettings
from churn.timeline import DATE, Seen, Tables, is_open, month_end_before, populations

# A customer whose assets fall to a fifth has left in silence: 5 x later <= before.
SILENT_SHARE_INVERSE = 5


def build_labels(seen: Seen, horizon_days: int, settings: LabelSettings) -> nw.LazyFrame[Any]:
    """Label who counts at each date: the columns `seen.customer`, and `churned` (0 or 1).

    Churned = the relationship closed within the horizon, or every holding open at `as_of` closed and none
    opened since, or silent attrition: assets above zero at `as_of` and at most 20 % of that at its end (an
    asset date's value is that of the last month-end before it). `settings` switches each part. A `labels`
    table replaces all of it; customers without a label there are left out.
    """
    who = populations(seen)
    if "labels" in seen:
        rows = seen.tables["labels"].filter(nw.col(DATE).is_in(list(seen.days)))
        return who.join(rows.select(*seen.customer, nw.col("churned").cast(nw.Int64)), on=seen.customer, how="inner")
    end = seen.as_of + horizon_days
    parts = []
    if settings.closed:
        parts.append(seen["customers"].filter(nw.col("closed_on") < end).select(*seen.customer))
    if settings.holdings:
        parts.append(_holdings_gone(seen, end))
    if settings.silent and (known := silent_known(seen, horizon_days)):
        parts.append(_silent(seen, known, horizon_days))
    labelled = who
    for number, part in enumerate(parts):
        left = part.with_columns(nw.lit(1).cast(nw.Int64).alias(f"left_{number}"))
        labelled = labelled.join(left, on=seen.customer, how="left")
    churned = nw.max_horizontal(*(nw.col(f"left_{number}").fill_null(0) for number in range(len(parts))))
    return labelled.select(*seen.customer, churned.alias("churned"))


def silent_known(seen: Seen, horizon_days: int) -> list[int]:
    """List the dates at which `pnl` holds the month-end that silent attrition needs: the last before the horizon's end.

    Where a date's values there are missing, they would look like customers who have nothing left.
    """
    if "pnl" not in seen:
        return []
    needed = {day: month_end_before(day + horizon_days) for day in seen.days}
    at_ends = seen.tables["pnl"].filter(nw.col("month").is_in(sorted(set(needed.values())))).select("month").unique()
    found = set(at_ends.collect(backend="pyarrow")["month"].to_list())
    return [day for day, end in needed.items() if end in found]


def silent_is_known(tables: Tables, end: int) -> bool:
    """Whether `pnl` holds the last month-end before the end of a horizon."""
    return bool(silent_known(Seen(tables, [end]), 0))


def _holdings_gone(seen: Seen, end: int | nw.Expr) -> nw.LazyFrame[Any]:
    keeps = is_open("opened_on", "closed_on", seen.as_of) & (
        nw.col("closed_on").is_null() | (nw.col("closed_on") >= end)
    )
    opens = (nw.col("opened_on") >= seen.as_of) & (nw.col("opened_on") < end)
    stays = (keeps | opens).cast(nw.Int64).max().alias("stays")
    return seen["holdings"].group_by(*seen.customer).agg(stays).filter(nw.col("stays") == 0).select(*seen.customer)


def _silent(seen: Seen, known: Sequence[int], horizon_days: int) -> nw.LazyFrame[Any]:
    first = nw.col("month") == seen.by_date(month_end_before)
    last = nw.col("month") == seen.by_date(lambda day: month_end_before(day + horizon_days))
    value = nw.col("market_value")
    sums = (
        seen["pnl"]
        .filter(first | last)
        .group_by(*seen.customer)
        .agg(
            nw.when(first).then(value).otherwise(0).sum().alias("before"),
            nw.when(last).then(value).otherwise(0).sum().alias("after"),
        )
    )
    if len(known) < len(seen.days):
        sums = sums.filter(nw.col(DATE).is_in(list(known)))
    left = (nw.col("before") > 0) & (nw.col("after") * SILENT_SHARE_INVERSE <= nw.col("before"))
    return sums.filter(left).select(*seen.customer)
