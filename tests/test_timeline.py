import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data import open_bank
from churn.errors import TimeRangeError
from churn.tables.contract import to_date, to_days
from churn.timeline import (
    default_snapshots,
    last_complete,
    month_end_before,
    month_ends_before,
    population,
    require_complete,
    require_within,
    stated_rate_at,
)
from conftest import CUSTOMERS, HOLDINGS
from other_bank import CASES, customers_at

day = dt.date.fromisoformat
days = st.dates(dt.date(1990, 1, 1), dt.date(2040, 12, 31))


def test_last_complete_date_has_its_whole_horizon_in_the_data():
    # The horizon of one day from the 31st is the 31st itself.
    assert last_complete(day("2024-12-31"), 1) == day("2024-12-31")
    assert last_complete(day("2024-12-31"), 366) == day("2024-01-01")


def test_default_snapshots_go_back_every_92_days_while_180_days_lie_before():
    found = default_snapshots(day("2022-01-01"), day("2023-12-31"), 365)
    assert found == [day("2022-07-01"), day("2022-10-01"), day("2023-01-01")]
    assert (found[0] - day("2022-01-01")).days == 181


def test_exactly_180_days_of_history_are_enough():
    assert default_snapshots(day("2022-01-01"), day("2022-07-29"), 30) == [day("2022-06-30")]
    with pytest.raises(TimeRangeError, match="too short"):
        default_snapshots(day("2022-01-02"), day("2022-07-29"), 30)


def test_default_snapshots_are_eight_at_most():
    found = default_snapshots(day("2010-01-01"), day("2024-12-31"), 365)
    assert len(found) == 8
    assert {(later - earlier).days for earlier, later in pairwise(found)} == {92}


def test_date_with_an_incomplete_label_is_refused_with_the_last_that_fits():
    require_complete([day("2024-01-02")], day("2024-12-31"), 365)
    with pytest.raises(TimeRangeError, match="the last that fits is 2024-01-02"):
        require_complete([day("2023-01-01"), day("2024-01-03")], day("2024-12-31"), 365)


def test_date_31_days_after_the_data_end_is_the_last_that_fits():
    require_within(day("2025-01-31"), day("2024-12-31"))
    with pytest.raises(TimeRangeError, match="the last that fits is 2025-01-31"):
        require_within(day("2025-02-01"), day("2024-12-31"))


def test_data_may_end_on_the_last_day_of_the_calendar():
    require_within(day("2024-01-01"), dt.date.max)


@pytest.mark.parametrize(
    ("date", "before"),
    [
        ("2024-03-01", "2024-02-29"),
        ("2024-02-29", "2024-01-31"),
        ("2024-01-01", "2023-12-31"),
        ("2023-12-31", "2023-11-30"),
    ],
)
def test_month_end_before_is_strictly_before(date, before):
    assert to_date(month_end_before(to_days(day(date)))) == day(before)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(date=days)
def test_month_ends_are_the_last_days_of_months_without_a_gap(date):
    found = [to_date(end) for end in month_ends_before(to_days(date), 13)]
    assert found[0] < date
    assert (date - found[0]).days <= 31
    assert {(end + dt.timedelta(days=1)).day for end in found} == {1}
    months = [end.year * 12 + end.month for end in found]
    assert months == list(range(months[0], months[0] - 13, -1))


def people(bank, as_of):
    return sorted(population(bank.tables(), to_days(as_of)).collect("pyarrow")["customer_id"].to_list())


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_population_equals_a_slow_calculation(other_bank, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    assert frame["customer_id"].tolist() == customers_at(rows, as_of)


@pytest.mark.parametrize(
    ("as_of", "there"),
    [
        ("2020-01-10", []),  # opened on the day
        ("2020-01-11", ["A"]),
        ("2020-02-21", ["A"]),  # B is a customer, but its only holding opens later
        ("2020-03-06", ["A", "B"]),
        ("2020-04-01", ["A", "B"]),  # A's holdings end on the day, and are still open
        ("2020-04-02", ["B"]),
        ("2020-05-01", ["B"]),  # B closes on the day
        ("2020-05-02", []),
    ],
)
def test_population_is_open_with_a_holding_open(make_folder, as_of, there):
    customers = CUSTOMERS.replace("2020-02-20,", "2020-02-20,2020-05-01")
    holdings = (
        HOLDINGS.replace("H1,A,debit_card,1,2020-01-10,", "H1,A,debit_card,1,2020-01-10,2020-03-15")
        .replace("H2,A,fund,,2020-03-01,", "H2,A,fund,,2020-03-01,2020-04-01")
        .replace("H3,B,debit_card,1,2020-02-20,", "H3,B,debit_card,1,2020-03-05,")
    )
    with open_bank(make_folder(customers=customers, holdings=holdings)) as bank:
        assert people(bank, day(as_of)) == there


def test_a_years_rate_over_two_years_and_half_a_year():
    # of those who stay a year with 0.36, 0.36 squared stay two, and its square root half a year
    assert stated_rate_at(0.64, 365) == pytest.approx(0.64)
    assert stated_rate_at(0.64, 730) == pytest.approx(1 - 0.36**2)
    assert stated_rate_at(0.64, 365 / 2) == pytest.approx(1 - 0.6)
