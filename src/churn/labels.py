"""Labels: churn within `[as_of, as_of + horizon_days)`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import narwhals as nw

from churn.config import LabelSettings
from churn.tables.silent import SHARE_INVERSE
from churn.timeline import DATE, Seen, Tables, is_open, month_end_before, month_end_from, month_ends_before, populations


def build_labels(seen: Seen, horizon_days: int, settings: LabelSettings) -> nw.LazyFrame[Any]:
    """Label who counts at each date: the columns `seen.customer`, and `churned` (0 or 1).

    Churned = the relationship closed within the horizon, or every holding open at `as_of` closed and none opened
    since, or silent attrition: of assets of at least `settings.silent_floor_cny` at the first month-end on or after
    `as_of`, at most 20 % are left at the last two month-ends before the horizon's end. So no loss from before `as_of`
    makes a label, and one month-end with nothing neither. `settings` switches each part, and keeps the rule of the
    first releases: any assets above zero at the last month-end before `as_of`, and at most 20 % of them at the last
    one of the horizon. A `labels` table replaces all of it.
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
    if settings.silent and (known := silent_known(seen, horizon_days, settings)):
        parts.append(_silent(seen, known, horizon_days, settings))
    labelled = who
    for number, part in enumerate(parts):
        left = part.with_columns(nw.lit(1).cast(nw.Int64).alias(f"left_{number}"))
        labelled = labelled.join(left, on=seen.customer, how="left")
    churned = nw.max_horizontal(*(nw.col(f"left_{number}").fill_null(0) for number in range(len(parts))))
    return labelled.select(*seen.customer, churned.alias("churned"))


def silent_ends(day: int, horizon_days: int, settings: LabelSettings) -> list[int]:
    """Return the month-end at which assets are counted for silent attrition, then those at which few may be left.

    Empty where the horizon is too short for them.

    Examples
    --------
    >>> from datetime import date
    >>> from churn.tables.contract import to_date, to_days
    >>> [str(to_date(end)) for end in silent_ends(to_days(date(2025, 1, 1)), 365, LabelSettings())]
    ['2025-01-31', '2025-12-31', '2025-11-30']
    """
    if settings.silent_rule == "month_end_before":
        return [month_end_before(day), month_end_before(day + horizon_days)]
    first, last = month_end_from(day), month_ends_before(day + horizon_days, 2)
    return [first, *last] if first < last[-1] else []


def silent_known(seen: Seen, horizon_days: int, settings: LabelSettings) -> list[int]:
    """List the dates at which `pnl` holds every month-end that silent attrition needs (`silent_ends`).

    Where a date's values there are missing, they would look like customers who have nothing left. By the rule of the
    first releases those before the date may be missing.
    """
    ends = {day: silent_ends(day, horizon_days, settings) for day in seen.days}
    if "pnl" not in seen:
        return []
    first = int(settings.silent_rule == "month_end_before")
    needed = {day: set(found[first:]) for day, found in ends.items() if found}
    held = month_ends_held(seen.tables, set().union(*needed.values()))
    return [day for day, months in needed.items() if months <= held]


def month_ends_held(tables: Tables, months: Iterable[int]) -> set[int]:
    """Return those month-ends at which `pnl` holds values of anybody."""
    rows = tables["pnl"].filter(nw.col("month").is_in(sorted(months))).select("month").unique()
    return set(rows.collect(backend="pyarrow")["month"].to_list())


def _holdings_gone(seen: Seen, end: int | nw.Expr) -> nw.LazyFrame[Any]:
    keeps = is_open("opened_on", "closed_on", seen.as_of) & (
        nw.col("closed_on").is_null() | (nw.col("closed_on") >= end)
    )
    opens = (nw.col("opened_on") >= seen.as_of) & (nw.col("opened_on") < end)
    stays = (keeps | opens).cast(nw.Int64).max().alias("stays")
    return seen["holdings"].group_by(*seen.customer).agg(stays).filter(nw.col("stays") == 0).select(*seen.customer)


def _silent(seen: Seen, known: Sequence[int], horizon_days: int, settings: LabelSettings) -> nw.LazyFrame[Any]:
    """Return whose assets went, of the dates of which that is known."""
    ends = {day: silent_ends(day, horizon_days, settings) for day in known}
    is_old = settings.silent_rule == "month_end_before"
    names = ("before", "last") if is_old else ("before", "last", "last_but_one")
    at = {name: nw.col("month") == seen.by_date(partial(_place, ends, n)) for n, name in enumerate(names)}
    sums = (
        seen["pnl"]
        .filter(nw.any_horizontal(*at.values(), ignore_nulls=False))
        .group_by(*seen.customer)
        .agg(*(nw.when(here).then(nw.col("market_value")).otherwise(0).sum().alias(name) for name, here in at.items()))
    )
    if len(known) < len(seen.days):
        sums = sums.filter(nw.col(DATE).is_in(list(known)))
    floor = 1 if is_old else max(round(settings.silent_floor_cny * 100), 1)
    few = [nw.col(name) * SHARE_INVERSE <= nw.col("before") for name in names[1:]]
    return sums.filter(nw.col("before") >= floor, *few).select(*seen.customer)


def _place(ends: Mapping[int, Sequence[int]], n: int, day: int) -> int:
    return ends[day][n] if day in ends else NO_DAY


NO_DAY = -(10**6)
"""On which no month of a table ends."""
