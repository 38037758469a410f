import datetime as dt

import numpy as np

from churn.simulation.calendar import DATA_END, REFERENCE_AS_OF, date_of, day_of, first_month, month_end


def as_date(days: object) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(days))  # type: ignore[call-overload]


def test_a_window_ends_with_the_data_and_its_last_year_begins_at_the_reference_date() -> None:
    for months in (24, 30, 48):
        first = first_month(months)
        assert as_date(month_end(first, months - 1)) == DATA_END
        assert as_date(date_of(first, months - 12)) == REFERENCE_AS_OF
    assert REFERENCE_AS_OF + dt.timedelta(days=365) == DATA_END + dt.timedelta(days=1)


def test_months_end_on_their_own_last_day() -> None:
    ends = [as_date(day) for day in month_end(2024 * 12, np.arange(3))]
    assert ends == [dt.date(2024, 1, 31), dt.date(2024, 2, 29), dt.date(2024, 3, 31)]


def test_months_before_the_window_have_dates_too() -> None:
    assert as_date(date_of(2022 * 12, -1, 15)) == dt.date(2021, 12, 15)


def test_days_are_the_same_for_the_same_event_and_evenly_spread() -> None:
    days = day_of(np.arange(28_000), 3, 7)
    assert (days == day_of(np.arange(28_000), 3, 7)).all()
    counts = np.bincount(days, minlength=29)[1:]
    assert (days.min(), days.max()) == (1, 28)
    assert abs(counts - 1000).max() < 150
    assert abs(np.corrcoef(days, day_of(np.arange(28_000), 3, 8))[0, 1]) < 0.03
