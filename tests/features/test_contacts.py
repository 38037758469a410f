import datetime as dt

import pytest

from churn.config import Config
from churn.data import build_frame, open_bank
from churn.features.contacts import contacts_features
from other_bank import CASES, PURPOSES, customers_at, days_to, of, within

CHANNELS = {"call": "calls", "meeting": "meetings", "message": "messages"}
CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
C1,A,M1,2020-05-01,call,introduce,true
C2,A,M1,2020-05-02,call,invite,false
C3,A,M1,2020-05-09,meeting,care,false
C4,A,M1,2020-05-10,meeting,care,true
C5,B,M1,2020-05-09,call,care,false
"""


def slow(rows, customer, as_of):
    year = [row for row in of(rows, "contacts", customer) if within(row["contacted_on"], as_of, 365)]
    reached = [row for row in year if row["reached"]]
    met = [row for row in reached if row["channel"] == "meeting"]
    stage = 0
    for row in reached:
        stage = max(stage, 3 if row["channel"] == "meeting" else 2 if row["purpose"] == "invite" else 1)
    expected = {
        "n_reached_365d": len(reached),
        "familiarity_stage": stage,
        "reached_share_365d": len(reached) / len(year) if year else None,
        "days_since_contact": days_to(as_of, [row["contacted_on"] for row in year]),
        "days_since_reached": days_to(as_of, [row["contacted_on"] for row in reached]),
        "days_since_meeting": days_to(as_of, [row["contacted_on"] for row in met]),
    }
    for channel, name in CHANNELS.items():
        for days in (30, 90, 365):
            there = [row for row in year if row["channel"] == channel and within(row["contacted_on"], as_of, days)]
            expected[f"n_{name}_{days}d"] = len(there)
    for purpose in PURPOSES:
        expected[f"n_{purpose}_365d"] = sum(row["purpose"] == purpose for row in year)
        expected[f"n_{purpose}_90d"] = sum(
            row["purpose"] == purpose and within(row["contacted_on"], as_of, 90) for row in year
        )
    return expected


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_contacts_equal_a_slow_calculation(other_bank, agree, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    agree(frame, {customer: slow(rows, customer, as_of) for customer in customers_at(rows, as_of)})


def test_the_slow_calculation_covers_the_whole_family(other_bank):
    as_of = dt.date(2023, 7, 15)
    rows, _ = other_bank(1, as_of)
    expected = slow(rows, rows["customers"][0]["customer_id"], as_of)
    assert set(expected) == {feature.name for feature in contacts_features(Config())}


def test_contact_on_as_of_is_excluded(make_folder):
    with open_bank(make_folder(contacts=CONTACTS)) as bank:
        before = build_frame(bank, dt.date(2020, 5, 10)).set_index("customer_id").loc["A"]
        after = build_frame(bank, dt.date(2020, 5, 11)).set_index("customer_id").loc["A"]
    assert (before["n_meetings_30d"], before["n_reached_365d"], before["familiarity_stage"]) == (1, 1, 1)
    assert (after["n_meetings_30d"], after["n_reached_365d"], after["familiarity_stage"]) == (2, 2, 3)
    assert before["reached_share_365d"] == 1 / 3
    assert before["days_since_contact"] == 1
    assert before["days_since_reached"] == 9


def test_customer_never_reached_is_a_stranger_with_a_share_of_zero(make_folder):
    with open_bank(make_folder(contacts=CONTACTS)) as bank:
        row = build_frame(bank, dt.date(2020, 5, 11)).set_index("customer_id").loc["B"]
    assert (row["familiarity_stage"], row["reached_share_365d"], row["days_since_contact"]) == (0, 0, 2)


def test_customer_without_a_contact_has_counts_of_zero_and_no_recency(make_folder):
    with open_bank(make_folder(contacts=CONTACTS)) as bank:
        row = build_frame(bank, dt.date(2020, 5, 1)).set_index("customer_id").loc["A"]
    assert (row["n_calls_365d"], row["n_reached_365d"], row["familiarity_stage"]) == (0, 0, 0)
    assert row[["reached_share_365d", "days_since_contact", "days_since_reached", "days_since_meeting"]].isna().all()
