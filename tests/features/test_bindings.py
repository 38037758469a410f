import datetime as dt

import pytest

from churn.config import Config
from churn.data import build_frame, open_bank
from churn.features.bindings import bindings_features
from other_bank import CASES, customers_at, days_to, of, was_open, within

NEEDS = {
    "online_banking": "online_banking",
    "mobile_banking": "mobile_banking",
    "credit_card_repayment": "credit_card",
    "mortgage_repayment": "mortgage",
    "fund_trading": "fund",
    "wealth_management": "wealth_management",
    "cts": "cts",
    "cash_sweep": "cash_sweep",
}
BINDINGS = """\
customer_id,service,bound_on,unbound_on
A,fund_trading,2020-03-05,2020-04-01
A,fund_trading,2020-03-10,
A,cts,2020-03-09,2020-03-20
A,cash_sweep,2020-03-20,
B,cts,2020-03-01,2020-03-19
"""


def slow(rows, customer, as_of):
    held = {row["product"] for row in of(rows, "holdings", customer) if was_open(row, "opened_on", "closed_on", as_of)}
    bound, unbound = {}, []
    for row in of(rows, "bindings", customer):
        if was_open(row, "bound_on", "unbound_on", as_of):
            bound.setdefault(row["service"], []).append(row["bound_on"])
        if within(row["unbound_on"], as_of, 365):
            unbound.append(row["unbound_on"])
    eligible = {service for service, product in NEEDS.items() if product in held}
    expected = {
        "n_bound": len(bound),
        "n_eligible": len(eligible),
        "share_bound": len(eligible & set(bound)) / len(eligible) if eligible else None,
        "n_unbound_90d": sum(within(day, as_of, 90) for day in unbound),
        "n_unbound_365d": len(unbound),
        "days_since_unbinding": days_to(as_of, unbound),
    }
    for service in NEEDS:
        expected[f"bound_{service}"] = int(service in bound)
        expected[f"days_since_bound_{service}"] = days_to(as_of, bound.get(service, []))
    return expected


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_bindings_equal_a_slow_calculation(other_bank, agree, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    agree(frame, {customer: slow(rows, customer, as_of) for customer in customers_at(rows, as_of)})


def test_the_slow_calculation_covers_the_whole_family(other_bank):
    as_of = dt.date(2023, 7, 15)
    rows, _ = other_bank(1, as_of)
    expected = slow(rows, rows["customers"][0]["customer_id"], as_of)
    assert set(expected) == {feature.name for feature in bindings_features(Config())}


def test_binding_that_ends_on_as_of_is_open_and_one_that_begins_on_it_is_not(make_folder):
    with open_bank(make_folder(bindings=BINDINGS)) as bank:
        frame = build_frame(bank, dt.date(2020, 3, 20)).set_index("customer_id")
    a, b = frame.loc["A"], frame.loc["B"]
    assert (a["bound_cts"], a["bound_cash_sweep"], a["n_bound"]) == (1, 0, 2)
    assert a["days_since_bound_fund_trading"] == 10  # the later of two open ones
    assert (b["bound_cts"], b["n_unbound_90d"], b["days_since_unbinding"]) == (0, 1, 1)


def test_service_without_its_product_is_bound_but_not_eligible(make_folder):
    with open_bank(make_folder(bindings=BINDINGS)) as bank:
        row = build_frame(bank, dt.date(2020, 3, 20)).set_index("customer_id").loc["A"]
    assert (row["n_eligible"], row["share_bound"]) == (1, 1.0)  # the fund alone; cts is bound without it
