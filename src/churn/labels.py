"""Labels: churn within `[as_of, as_of + horizon_days)`."""

from typing import Any

import narwhals as nw

from churn.config import LabelSettings
from churn.timeline import Tables, is_open, month_end_before

# A customer whose assets fall to a fifth has left in silence: 5 x later <= before.
SILENT_SHARE_INVERSE = 5


def build_labels(
    tables: Tables, who: nw.LazyFrame[Any], as_of: int, horizon_days: int, settings: LabelSettings
) -> nw.LazyFrame[Any]:
    """Label the customers `who` (column `customer_id`): `customer_id`, `churned` (0 or 1).

    Churned = the relationship closed within the horizon, or every holding open at `as_of` closed and none
    opened since, or silent attrition: assets above zero at `as_of` and at most 20 % of that at its end (an
    asset date's value is that of the last month-end before it). `settings` switches each part. A `labels`
    table replaces all of it; customers without a label there are left out.
    """
    if "labels" in tables:
        known = tables["labels"].filter(nw.col("as_of") == as_of)
        known = known.select("customer_id", nw.col("churned").cast(nw.Int64))
        return who.join(known, on="customer_id", how="inner")
    end = as_of + horizon_days
    parts = []
    if settings.closed:
        parts.append(tables["customers"].filter(nw.col("closed_on") < end).select("customer_id"))
    if settings.holdings:
        parts.append(_holdings_gone(tables, as_of, end))
    if settings.silent and silent_is_known(tables, end):
        parts.append(_silent(tables, as_of, end))
    labelled = who
    for number, part in enumerate(parts):
        left = part.with_columns(nw.lit(1).cast(nw.Int64).alias(f"left_{number}"))
        labelled = labelled.join(left, on="customer_id", how="left")
    churned = nw.max_horizontal(*(nw.col(f"left_{number}").fill_null(0) for number in range(len(parts))))
    return labelled.select("customer_id", churned.alias("churned"))


def silent_is_known(tables: Tables, end: int) -> bool:
    """Whether `pnl` holds the month-end that silent attrition needs: the last before the horizon's end."""
    if "pnl" not in tables:
        return False
    at_end = tables["pnl"].filter(nw.col("month") == month_end_before(end))
    return bool(at_end.head(1).collect(backend="pyarrow").shape[0])


def _holdings_gone(tables: Tables, as_of: int, end: int) -> nw.LazyFrame[Any]:
    keeps = is_open("opened_on", "closed_on", as_of) & (nw.col("closed_on").is_null() | (nw.col("closed_on") >= end))
    opens = (nw.col("opened_on") >= as_of) & (nw.col("opened_on") < end)
    stays = (keeps | opens).cast(nw.Int64).max().alias("stays")
    return tables["holdings"].group_by("customer_id").agg(stays).filter(nw.col("stays") == 0).select("customer_id")


def _silent(tables: Tables, as_of: int, end: int) -> nw.LazyFrame[Any]:
    first, last = month_end_before(as_of), month_end_before(end)
    value = nw.col("market_value")
    sums = (
        tables["pnl"]
        .filter(nw.col("month").is_in([first, last]))
        .group_by("customer_id")
        .agg(
            nw.when(nw.col("month") == first).then(value).otherwise(0).sum().alias("before"),
            nw.when(nw.col("month") == last).then(value).otherwise(0).sum().alias("after"),
        )
    )
    left = (nw.col("before") > 0) & (nw.col("after") * SILENT_SHARE_INVERSE <= nw.col("before"))
    return sums.filter(left).select("customer_id")
