import datetime as dt

import pytest

from churn.actions.plan_days import is_working_day, next_working_day, require_working_day
from churn.config import PlanSettings
from churn.errors import TimeRangeError

DAY = dt.date(2026, 10, 1)  # a Thursday


def test_without_settings_every_day_is_a_working_day():
    assert all(is_working_day(DAY + dt.timedelta(days=ahead), PlanSettings()) for ahead in range(7))


def test_the_next_working_day_lies_behind_holidays_and_weekends():
    settings = PlanSettings(weekend=("saturday", "sunday"), holidays=(DAY, DAY + dt.timedelta(days=1)))
    assert next_working_day(DAY, settings) == dt.date(2026, 10, 5)


def test_a_day_worked_in_exchange_is_worked_though_it_is_a_sunday_and_a_holiday():
    sunday = dt.date(2026, 9, 27)
    settings = PlanSettings(weekend=("sunday",), holidays=(sunday,), working_days=(sunday,))
    assert is_working_day(sunday, settings)


def test_a_holiday_is_refused_with_the_day_that_would_do():
    with pytest.raises(TimeRangeError, match="next working day is 2026-10-02"):
        require_working_day(DAY, PlanSettings(holidays=(DAY,)))


def test_a_year_without_a_working_day_is_an_error():
    every = PlanSettings(weekend=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
    with pytest.raises(TimeRangeError, match="no working day within a year"):
        next_working_day(DAY, every)
