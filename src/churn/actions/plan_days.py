"""Which days managers work."""

import datetime as dt
from typing import get_args

from churn.config import PlanSettings
from churn.config.actions import Weekday
from churn.errors import TimeRangeError

_WEEKDAYS = get_args(Weekday)
_LONGEST_BREAK_DAYS = 366


def is_working_day(date: dt.date, settings: PlanSettings) -> bool:
    """Whether managers work on a date: no holiday and no weekend, or a working day that was named as one.

    Examples
    --------
    >>> china = PlanSettings(weekend=("saturday", "sunday"), holidays=("2026-02-17",), working_days=("2026-02-14",))
    >>> [is_working_day(dt.date(2026, 2, day), china) for day in (13, 14, 15, 17)]
    [True, True, False, False]
    """
    if date in settings.working_days:
        return True
    return date not in settings.holidays and _WEEKDAYS[date.weekday()] not in settings.weekend


def next_working_day(date: dt.date, settings: PlanSettings) -> dt.date:
    """Return the first working day on or after a date.

    Raises
    ------
    TimeRangeError
        There is none within a year.

    Examples
    --------
    >>> next_working_day(dt.date(2026, 2, 21), PlanSettings(weekend=("saturday", "sunday"))).isoformat()
    '2026-02-23'
    """
    for ahead in range(_LONGEST_BREAK_DAYS):
        day = date + dt.timedelta(days=ahead)
        if is_working_day(day, settings):
            return day
    raise TimeRangeError(f"[plan]: no working day within a year of {date}; mend weekend and holidays")


def require_working_day(date: dt.date, settings: PlanSettings) -> None:
    """Refuse a date on which nobody works.

    Raises
    ------
    TimeRangeError
        With the next day that would do.
    """
    if not is_working_day(date, settings):
        following = next_working_day(date, settings)
        raise TimeRangeError(f"--date {date}: nobody works on that day ([plan]); the next working day is {following}")


def choose_day(date: dt.date | None, scored_on: dt.date | None, settings: PlanSettings) -> dt.date:
    """Return the day to plan: the one asked for, else the first working day on or after the scores' date.

    Raises
    ------
    TimeRangeError
        There is neither, nobody works on the day asked for, or the scores are of a later one.

    Examples
    --------
    >>> choose_day(None, dt.date(2026, 1, 3), PlanSettings(weekend=("saturday", "sunday")))
    datetime.date(2026, 1, 5)
    """
    if date is None and scored_on is None:
        raise TimeRangeError("--date is missing; the scores have no date of their own")
    if date is None:
        assert scored_on is not None
        return next_working_day(scored_on, settings)
    require_working_day(date, settings)
    if scored_on is not None and date < scored_on:
        raise TimeRangeError(f"--date {date}: the scores are of {scored_on}, later; give scores of that day or before")
    return date
