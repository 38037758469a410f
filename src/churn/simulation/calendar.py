"""From a month's number to dates: days since 1970-01-01, as 32-bit integers."""

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int32]

# The data end with 2025, so that the reference as-of date is 2025-01-01, a year and a day before.
DATA_END = dt.date(2025, 12, 31)
REFERENCE_AS_OF = dt.date(2025, 1, 1)
_END_MONTH = DATA_END.year * 12 + DATA_END.month
LAST_DAY = 28  # events fall on the days every month has


def first_month(months: int) -> int:
    """Return the window's first month as a count of months since year 0 (January = 12 × year).

    Examples
    --------
    >>> first_month(48) == 2022 * 12
    True
    """
    return _END_MONTH - months


def date_of(first: int, month: Any, day: Any = 1) -> Days:
    """Return the date of `day` in the window's `month`, which starts at `first`.

    Examples
    --------
    >>> int(date_of(1970 * 12, 1))
    31
    """
    start = (np.asarray(month) + (first - 1970 * 12)).astype("datetime64[M]").astype("datetime64[D]")
    days: Days = (start.astype(np.int64) + (np.asarray(day) - 1)).astype(np.int32)
    return days


def month_end(first: int, month: Any) -> Days:
    """Return the last day of the window's `month`."""
    days: Days = date_of(first, np.asarray(month) + 1) - np.int32(1)
    return days


def day_of(person: Any, what: Any, month: Any) -> NDArray[np.int64]:
    """Return a day from 1 to 28, always the same for the same person, event and month, evenly spread."""
    mixed = np.asarray(person).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = mixed + np.asarray(what).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed = mixed + (np.atleast_1d(month) + 4096).astype(np.uint64) * np.uint64(0x165667B19E3779F9)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return 1 + ((mixed ^ (mixed >> np.uint64(32))) % np.uint64(LAST_DAY)).astype(np.int64)
