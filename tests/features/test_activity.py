import datetime as dt

import pytest

from churn.config import Config
from churn.data import build_frame, open_bank
from churn.features.activity import activity_features
from other_bank import CASES, customers_at, days_to, of, within

TRANSACTIONS = """\
customer_id,transacted_on,channel,amount,queue_ticket
A,2020-05-30,counter,100000.00,ordinary
A,2020-05-31,counter,-100000.00,ordinary
A,2020-06-01,counter,99999.99,ordinary
A,2020-06-02,counter,250000,vip
A,2020-06-03,mobile,250000,
A,2020-06-10,counter,500000,ordinary
"""


def cents(yuan):
    return round(yuan * 100)


def slow(rows, customer, as_of):
    year = [row for row in of(rows, "transactions", customer) if within(row["transacted_on"], as_of, 365)]
    recent = [row for row in year if within(row["transacted_on"], as_of, 90)]
    n_digital = sum(row["channel"] in ("online", "mobile") for row in year)
    n_before = len(year) - len(recent)
    n_large = 0
    for row in year:
        ordinary = row["channel"] == "counter" and row["queue_ticket"] == "ordinary"
        n_large += ordinary and abs(cents(row["amount"])) >= 10_000_000
    expected = {
        "n_transactions_30d": sum(within(row["transacted_on"], as_of, 30) for row in year),
        "n_transactions_90d": len(recent),
        "n_transactions_365d": len(year),
        "n_large_ordinary_365d": n_large,
        "turnover_cny_90d": sum(abs(cents(row["amount"])) for row in recent) / 100,
        "turnover_cny_365d": sum(abs(cents(row["amount"])) for row in year) / 100,
        "net_flow_cny_90d": sum(cents(row["amount"]) for row in recent) / 100,
        "share_digital_365d": n_digital / len(year) if year else None,
        "activity_pace_365d": (len(recent) * 275) / (n_before * 90) if n_before else None,
        "days_since_transaction": days_to(as_of, [row["transacted_on"] for row in year]),
    }
    for channel in ("counter", "atm", "online", "mobile"):
        expected[f"n_{channel}_90d"] = sum(row["channel"] == channel for row in recent)
        expected[f"n_{channel}_365d"] = sum(row["channel"] == channel for row in year)
    return expected


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_activity_equals_a_slow_calculation(other_bank, agree, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    agree(frame, {customer: slow(rows, customer, as_of) for customer in customers_at(rows, as_of)})


def test_the_slow_calculation_covers_the_whole_family(other_bank):
    as_of = dt.date(2023, 7, 15)
    rows, _ = other_bank(1, as_of)
    expected = slow(rows, rows["customers"][0]["customer_id"], as_of)
    assert set(expected) == {feature.name for feature in activity_features(Config())}


def test_transaction_on_as_of_is_excluded_and_windows_begin_on_their_first_day(make_folder):
    with open_bank(make_folder(transactions=TRANSACTIONS)) as bank:
        on = build_frame(bank, dt.date(2020, 6, 10)).set_index("customer_id").loc["A"]
        later = build_frame(bank, dt.date(2020, 6, 29)).set_index("customer_id").loc["A"]
        last = build_frame(bank, dt.date(2020, 7, 1)).set_index("customer_id").loc["A"]
    assert (on["n_transactions_30d"], on["days_since_transaction"]) == (5, 7)
    assert (later["n_transactions_30d"], later["days_since_transaction"]) == (6, 19)  # 05-30 is 30 days before
    assert last["n_transactions_30d"] == 4  # 06-01 is


def test_large_is_a_hundred_thousand_either_way_on_an_ordinary_counter_ticket(make_folder):
    with open_bank(make_folder(transactions=TRANSACTIONS)) as bank:
        row = build_frame(bank, dt.date(2020, 6, 10)).set_index("customer_id").loc["A"]
    assert row["n_large_ordinary_365d"] == 2
    assert row["turnover_cny_90d"] == 799999.99
    assert row["net_flow_cny_90d"] == 599999.99
    assert row["share_digital_365d"] == 1 / 5


def test_customer_without_a_transaction_has_zeros_and_no_ratios(make_folder):
    with open_bank(make_folder(transactions=TRANSACTIONS)) as bank:
        row = build_frame(bank, dt.date(2020, 6, 10)).set_index("customer_id").loc["B"]
    assert (row["n_transactions_365d"], row["turnover_cny_365d"], row["n_large_ordinary_365d"]) == (0, 0, 0)
    assert row[["share_digital_365d", "activity_pace_365d", "days_since_transaction"]].isna().all()
