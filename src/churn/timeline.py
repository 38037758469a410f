"""When: as-of dates, horizons, and who counts at a date. Days are whole days since 1970-01-01."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import narwhals as nw
import pandas as pd

from churn.errors import TimeRangeError
from churn.tables.contract import to_date, to_days
from churn.tables.silent import TABLE as SILENT

Tables = Mapping[str, nw.LazyFrame[Any]]
T = TypeVar("T")
Date = dt.date | str
"""A date, or a text like "2026-01-01"."""

DATE = "as_of"
CUSTOMER = ["customer_id", DATE]
"""What a customer is at a date."""

SNAPSHOT_STEP_DAYS = 92
"""Four of them are more than a year, so that the label of a year ago is complete at the last one."""
SHORTEST_QUARTER_DAYS = 89
"""From one month-end to the third after it: a bank's own labels often stand at the ends of quarters."""
ROWS_AT_ONCE = 50_000
"""Customers, each counted at every date, whose rows one query may build."""
MOST_AT_ONCE = 24
"""Dates of one query: it has expressions with a case for each."""
MOST_SNAPSHOTS = 8
LEAST_HISTORY_DAYS = 180
LATEST_AFTER_DATA_END_DAYS = 31
YEAR_DAYS = 365
FIRST_YEAR, LAST_YEAR = 1900, 2199
"""No bank's data lie outside these years, and every date beside one inside can be reckoned with."""
MOST_DAYS = 36_500
"""Of a horizon: a hundred years."""


def as_date(value: Date) -> dt.date:
    """Return a date given as one, as a moment of that day, or as a text.

    Raises
    ------
    TimeRangeError
        The string is not a date.

    Examples
    --------
    >>> as_date("2026-01-01"), as_date(dt.datetime(2026, 1, 1, 9, 30))
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 1))
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise TimeRangeError(f"{value!r} is not a date; write it as 2026-01-31") from error


def default_snapshots(
    data_begin: dt.date, data_end: dt.date, horizon_days: int, *, most: int = MOST_SNAPSHOTS
) -> list[dt.date]:
    """Return the dates to learn from, ascending: the last with a complete label and back every 92 days.

    At most `most`, each with at least 180 days of history before it.

    Raises
    ------
    TimeRangeError
        The data hold no date with 180 days before it and a whole horizon after it.

    Examples
    --------
    >>> dates = default_snapshots(dt.date(2022, 1, 1), dt.date(2025, 12, 31), 365)
    >>> len(dates), dates[0].isoformat(), dates[-1].isoformat()
    (8, '2023-03-29', '2025-01-01')
    """
    last = last_complete(data_end, horizon_days)
    steps = (last - dt.timedelta(days=SNAPSHOT_STEP_DAYS * i) for i in range(most))
    dates = [date for date in steps if (date - data_begin).days >= LEAST_HISTORY_DAYS]
    if not dates:
        raise TimeRangeError(
            f"the data run from {data_begin} to {data_end}: too short for {LEAST_HISTORY_DAYS} days of history"
            f" and a horizon of {horizon_days} days; give a shorter --horizon or more history"
        )
    return sorted(dates)


def labelled_snapshots(tables: Tables, *, most: int = MOST_SNAPSHOTS) -> list[dt.date]:
    """Return the dates of a bank's own labels to learn from, ascending: the last and back at least 89 days each.

    At most `most`.
    """
    found = tables["labels"].select("as_of").unique().collect(backend="pyarrow").to_native()
    chosen: list[int] = []
    for day in sorted(found["as_of"].to_pylist(), reverse=True):
        if not chosen or (chosen[-1] - day >= SHORTEST_QUARTER_DAYS and len(chosen) < most):
            chosen.append(day)
    return [to_date(day) for day in reversed(chosen)]


def last_complete(data_end: dt.date, horizon_days: int) -> dt.date:
    """Return the last as-of date whose horizon lies wholly in the data: `data_end + 1 - horizon_days`."""
    return data_end + dt.timedelta(days=1 - horizon_days)


def require_complete(dates: Sequence[dt.date], data_end: dt.date, horizon_days: int) -> None:
    """Refuse dates whose label is not complete: `as_of + horizon_days` must be at most `data_end + 1`.

    Raises
    ------
    TimeRangeError
        With the last date that would do.
    """
    last = last_complete(data_end, horizon_days)
    late = [date for date in dates if date > last]
    if late:
        raise TimeRangeError(
            f"--as-of {late[0]}: its {horizon_days} days end after the data do ({data_end});"
            f" the last that fits is {last}"
        )


def require_within(date: dt.date, data_end: dt.date, *, option: str = "--as-of") -> None:
    """Refuse a date, given by an option, for which the data are too old: more than 31 days after their end.

    Raises
    ------
    TimeRangeError
        With the last date that would do.
    """
    if (date - data_end).days > LATEST_AFTER_DATA_END_DAYS:
        last = data_end + dt.timedelta(days=LATEST_AFTER_DATA_END_DAYS)
        raise TimeRangeError(
            f"{option} {date}: more than {LATEST_AFTER_DATA_END_DAYS} days after the data end ({data_end});"
            f" the last that fits is {last}, or bring newer tables"
        )


def stated_rate_at(annual_rate: float, horizon_days: int) -> float:
    """Convert a year's stated churn to another horizon: 1 - (1 - p)^(h / 365), a constant hazard.

    Parameters
    ----------
    annual_rate
        In [0, 1].
    horizon_days
        At least 1.

    Examples
    --------
    >>> round(stated_rate_at(0.62, 365), 4), round(stated_rate_at(0.62, 91), 4)
    (0.62, 0.2143)
    """
    return float(1 - (1 - annual_rate) ** (horizon_days / YEAR_DAYS))


def month_end_before(day: int) -> int:
    """Return the last month-end strictly before a day.

    Examples
    --------
    >>> to_date(month_end_before(to_days(dt.date(2025, 1, 31)))).isoformat()
    '2024-12-31'
    """
    return to_days(to_date(day).replace(day=1)) - 1


def month_end_from(day: int) -> int:
    """Return the first month-end on or after a day.

    Examples
    --------
    >>> [to_date(month_end_from(to_days(dt.date(2025, 1, day)))).isoformat() for day in (1, 31)]
    ['2025-01-31', '2025-01-31']
    """
    return month_end_before(to_days(to_date(day).replace(day=1)) + 31 + 1)


def month_ends_before(day: int, n: int) -> list[int]:
    """Return the last `n` month-ends strictly before a day, the latest first."""
    ends = [month_end_before(day)]
    while len(ends) < n:
        ends.append(month_end_before(ends[-1]))
    return ends


@dataclass(frozen=True)
class Seen:
    """A bank's tables, seen from as-of dates: `seen["holdings"]` has each row once for each date.

    One query then answers for all dates; to bind and plan it takes a third of a second, however few the rows.

    Attributes
    ----------
    tables
        Lazy frames by name; `labels` has dates of its own, and is not asked for here.
    days
        The as-of dates, at least one, each once, as days since 1970-01-01.
    """

    tables: Tables
    days: Sequence[int]

    def __contains__(self, table: str) -> bool:
        return table in self.tables

    def __getitem__(self, table: str) -> nw.LazyFrame[Any]:
        return self.tables[table] if len(self.days) == 1 else self.tables[table].join(self._dates, how="cross")

    @cached_property
    def _dates(self) -> nw.LazyFrame[Any]:
        one = self.tables["customers"].head(1)
        return nw.concat([one.select(nw.lit(day, nw.Int64).alias(DATE)) for day in self.days])

    @property
    def customer(self) -> list[str]:
        """The columns that tell rows apart: `customer_id`, and `as_of` where there are several dates."""
        return CUSTOMER[: min(len(self.days), len(CUSTOMER))]

    @property
    def as_of(self) -> int | nw.Expr:
        """The date of a row."""
        return self.days[0] if len(self.days) == 1 else nw.col(DATE)

    def by_date(self, of: Callable[[int], int]) -> int | nw.Expr:
        """Give what is known of the date of a row."""
        found: int | nw.Expr = of(self.days[-1])
        for day in self.days[:-1]:
            found = nw.when(nw.col(DATE) == day).then(of(day)).otherwise(found)
        return found

    def collect(self, frame: nw.LazyFrame[Any]) -> pd.DataFrame:
        """Collect a lazy frame of customers, with their `as_of`."""
        found: pd.DataFrame = frame.collect(backend="pyarrow").to_native().to_pandas()
        return found if DATE in found else found.assign(**{DATE: self.days[0]})


def in_batches(days: Sequence[T], n_customers: int) -> list[Sequence[T]]:
    """Cut as-of dates into those to be seen at once: together at most `ROWS_AT_ONCE` rows of customers, or one date.

    Examples
    --------
    >>> in_batches([1, 2, 3], 20_000)
    [[1, 2], [3]]
    """
    n = min(max(ROWS_AT_ONCE // max(n_customers, 1), 1), MOST_AT_ONCE)
    return [days[at : at + n] for at in range(0, len(days), n)]


def is_open(begin: str, end: str, as_of: int | nw.Expr) -> nw.Expr:
    """Whether a period is open at `as_of`: begun strictly before it, and not ended or ended on it or later."""
    return (nw.col(begin) < as_of) & (nw.col(end).is_null() | (nw.col(end) >= as_of))


def population(tables: Tables, as_of: int) -> nw.LazyFrame[Any]:
    """Return who counts at `as_of`, one row per customer: `customer_id`.

    Opened strictly before `as_of`, not closed by then, with at least one holding open, and not gone in silence.
    """
    return populations(Seen(tables, [as_of]))


def populations(seen: Seen) -> nw.LazyFrame[Any]:
    """Return who counts at each date, one row per customer and date: the columns `seen.customer`."""
    found = _holders(seen)
    return found.join(_silently_gone(seen), on=seen.customer, how="anti") if SILENT in seen else found


def count_silently_gone(seen: Seen) -> dict[int, int]:
    """Count, by date, who would be in the population had silent attrition not taken them before."""
    if SILENT not in seen or not seen.days:
        return dict.fromkeys(seen.days, 0)
    found = seen.collect(_holders(seen).join(_silently_gone(seen), on=seen.customer, how="inner"))[DATE]
    return {day: int((found == day).sum()) for day in seen.days}


def _holders(seen: Seen) -> nw.LazyFrame[Any]:
    opened = is_open("opened_on", "closed_on", seen.as_of)
    holders = seen["holdings"].filter(opened).select(*seen.customer).unique()
    return seen["customers"].filter(opened).select(*seen.customer).join(holders, on=seen.customer, how="inner")


def _silently_gone(seen: Seen) -> nw.LazyFrame[Any]:
    return seen[SILENT].filter(is_open("gone_on", "back_on", seen.as_of)).select(*seen.customer).unique()
