import datetime as dt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from churn.speech import say
from progress_rows import write_contacts, write_customers, write_holdings

CUSTOMERS = write_customers("A,N,M1,2020-01-10,,gold", "B,N,M2,2020-01-10,,ordinary", "C,S,M3,2020-01-10,,ordinary")
HOLDINGS = write_holdings(*(f"{who},fund,2020-01-10," for who in "ABC"))
# The week before Monday, 1 July 2024; the 29th and 30th are its weekend.
CONTACTS = write_contacts(
    "A,M1,2024-06-24,meeting,true",
    "A,M1,2024-06-24,call,true",
    "B,M1,2024-06-24,call,false",
    "A,M1,2024-06-25,call,false",
    "A,M1,2024-06-25,call,false",
    "A,M1,2024-06-26,message,true",
    "A,M1,2024-06-29,meeting,true",
    "A,M1,2024-06-23,meeting,true",
    "A,M1,2024-07-01,meeting,true",
    "B,M2,2024-06-25,call,true",
    "B,M2,2024-06-26,call,true",
    "B,M2,2024-06-26,meeting,true",
    "A,M9,2024-06-26,meeting,true",
)
CONFIG = {
    "plan": {
        "meetings": 1,
        "calls": 2,
        "weekend": ["saturday", "sunday"],
        "managers": {"M2": {"calls": 1, "away": ["2024-06-25"]}},
    },
    "progress": {"window_days": 7},
}
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "contacts": CONTACTS}


def values(told, progress, measure):
    return {unit: told(progress, measure, unit)["value"] for unit in (None, "N", "S", "M1", "M2", "M3")}


def test_contacts_a_manager_and_working_day_are_counted_for_whoever_made_them(progress_of, told):
    progress = progress_of(config=CONFIG, **TABLES)
    # M1 works five days, M2 four: away on the 25th, so that the call of that day does not count; M3 makes no contact.
    # Neither do messages, the weekend, the 23rd, the day itself, or M9, who is nobody's manager today.
    assert values(told, progress, "meetings_per_day") == pytest.approx(
        {None: 2 / 14, "N": 2 / 9, "S": 0, "M1": 1 / 5, "M2": 1 / 4, "M3": 0}
    )
    assert values(told, progress, "calls_per_day") == pytest.approx(
        {None: 5 / 14, "N": 5 / 9, "S": 0, "M1": 4 / 5, "M2": 1 / 4, "M3": 0}
    )
    assert [told(progress, "calls_per_day", unit)["n"] for unit in (None, "N", "M2")] == [14, 9, 4]


def test_a_day_is_kept_with_both_targets_of_the_manager_met(progress_of, told):
    progress = progress_of(config=CONFIG, **TABLES)
    # M1 on the 24th; on the 25th a meeting is missing. M2, of whom one call is wanted, on the 26th.
    kept = {None: 2 / 14, "N": 2 / 9, "S": 0, "M1": 1 / 5, "M2": 1 / 4, "M3": 0}
    assert values(told, progress, "days_kept") == pytest.approx(kept)
    assert told(progress, "days_kept")["target"] == 1
    one = told(progress, "days_kept", "M1")
    assert (one["low"], one["high"]) == pytest.approx(proportion_confint(1, 5, method="wilson"))


def test_targets_are_the_managers_own_and_of_a_branch_their_mean_over_days(progress_of, told):
    progress = progress_of(config=CONFIG, **TABLES)
    targets = [told(progress, "calls_per_day", unit)["target"] for unit in ("M1", "M2", "M3", "N", "S", None)]
    assert targets == pytest.approx([2, 1, 2, (5 * 2 + 4) / 9, 2, (10 * 2 + 4) / 14])
    plain = progress_of(folder="plain", config={"progress": {"window_days": 7}}, **TABLES)
    assert [told(plain, name)["target"] for name in ("meetings_per_day", "calls_per_day")] == [5, 20]


def test_interval_is_students_over_one_managers_days_and_not_below_zero(progress_of, told):
    progress = progress_of(config=CONFIG, **TABLES)
    expected = stats.ttest_1samp([2, 2, 0, 0, 0], 0).confidence_interval()
    one = told(progress, "calls_per_day", "M1")
    assert expected.low < 0
    assert (one["low"], one["high"]) == pytest.approx((0, expected.high))


def test_days_behind_the_end_of_the_data_count_for_nobody(progress_of, told):
    progress = progress_of(config=CONFIG, data_end=dt.date(2024, 6, 26), **TABLES)
    assert (told(progress, "calls_per_day", "M1")["value"], told(progress, "calls_per_day", "M1")["n"]) == (4 / 3, 3)


def test_manager_who_worked_on_no_day_has_no_value(progress_of, told):
    away = {"M3": {"away": [f"2024-06-{day}" for day in range(24, 31)]}}
    progress = progress_of(config={**CONFIG, "plan": {**CONFIG["plan"], "managers": away}}, **TABLES)
    row = told(progress, "meetings_per_day", "M3")
    assert row["n"] == 0
    assert np.isnan([row["value"], row["low"], row["high"], row["target"]]).all()


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({"contacts": None}, "there is no contacts table"),
        (
            {"contacts": write_contacts("A,M1,2024-06-23,call,true")},
            "contacts holds no row from 2024-06-24 on and before 2024-07-01",
        ),
        (
            {"customers": "customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,gold\n"},
            "customers has no column manager_id",
        ),
        (
            {"customers": write_customers("A,N,,2020-01-10,,gold")},
            "customers.manager_id names no manager of a current customer",
        ),
    ],
)
def test_what_is_not_known_of_managers_is_said(progress_of, tables, why):
    progress = progress_of(config={"progress": {"window_days": 7}}, **{**TABLES, **tables})
    for measure in ("meetings_per_day", "calls_per_day", "days_kept"):
        assert say(progress.not_told[measure], "en") == why
        assert measure not in set(progress.measures["measure"])
