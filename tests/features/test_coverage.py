import datetime as dt

import pytest

from churn.config import Config, Product
from churn.data import build_frame, open_bank
from churn.features.coverage import coverage_features
from other_bank import CASES, customers_at, days_to, of, was_open, within

STICKY = {"fund_plan", "mortgage", "online_banking", "mobile_banking", "cts", "cash_sweep"}
PRODUCTS = STICKY | {
    "debit_card",
    "time_deposit",
    "wealth_management",
    "fund",
    "credit_card",
    "precious_metals",
    "insurance",
}
HOLDINGS = """\
holding_id,customer_id,product,account_class,opened_on,closed_on
H1,A,debit_card,1,2023-01-01,
H2,A,debit_card,2,2023-01-01,
H3,A,fund,,2023-06-30,2023-06-30
H4,A,mortgage,,2023-06-29,2023-06-30
H5,A,insurance,,2023-06-30,
H6,A,cts,,2022-06-30,2023-06-29
"""


def slow(rows, customer, as_of):
    held, opened, closed = [], [], []
    for row in of(rows, "holdings", customer):
        if was_open(row, "opened_on", "closed_on", as_of):
            held.append(row)
        if within(row["opened_on"], as_of, 365):
            opened.append(row["opened_on"])
        if within(row["closed_on"], as_of, 365):
            closed.append(row["closed_on"])
    products = {row["product"] for row in held}
    expected = {
        "product_coverage": len(products),
        "n_holdings": len(held),
        "n_sticky_products": len(products & STICKY),
        "has_class_1_account": int(any(row["account_class"] == "1" for row in held)),
        "n_opened_90d": sum(within(day, as_of, 90) for day in opened),
        "n_opened_365d": len(opened),
        "n_closed_90d": sum(within(day, as_of, 90) for day in closed),
        "n_closed_365d": len(closed),
        "days_since_opening": days_to(as_of, opened),
        "days_since_closing": days_to(as_of, closed),
    }
    return expected | {f"holds_{product}": int(product in products) for product in PRODUCTS}


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_coverage_equals_a_slow_calculation(other_bank, agree, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    agree(frame, {customer: slow(rows, customer, as_of) for customer in customers_at(rows, as_of)})


def test_the_slow_calculation_covers_the_whole_family(other_bank):
    as_of = dt.date(2023, 7, 15)
    rows, _ = other_bank(1, as_of)
    expected = slow(rows, rows["customers"][0]["customer_id"], as_of)
    assert set(expected) == {feature.name for feature in coverage_features(Config())}


def test_event_on_as_of_is_excluded_and_one_the_day_before_is_not(make_folder):
    with open_bank(make_folder(holdings=HOLDINGS)) as bank:
        row = build_frame(bank, dt.date(2023, 6, 30)).set_index("customer_id").loc["A"]
    # H3 and H5 begin on the day; H4 ends on it and is still open; H6 ended the day before.
    assert row["n_holdings"] == 3
    assert row["product_coverage"] == 2
    assert row["n_sticky_products"] == 1
    assert row["n_closed_90d"] == 1
    assert row["days_since_closing"] == 1
    assert row["days_since_opening"] == 1
    assert row["holds_insurance"] == 0
    assert row["n_opened_365d"] == 4  # 2022-06-30 is 365 days before, the first day of the window


def test_a_product_that_does_not_count_is_held_but_not_covered(make_folder):
    products = {
        "fund": Product(en="fund", zh="基金", coverage=False, sticky=True),
        "debit_card": Product(en="debit card", zh="借记卡"),
    }
    with open_bank(make_folder(), Config(products=products)) as bank:
        row = build_frame(bank, dt.date(2020, 3, 2)).set_index("customer_id").loc["A"]
    assert (row["product_coverage"], row["n_holdings"], row["holds_fund"], row["n_sticky_products"]) == (1, 2, 1, 1)
