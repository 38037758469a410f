import datetime as dt

import pytest

from churn.config import Config
from churn.data import build_frame, open_bank
from churn.features.pnl import pnl_features
from other_bank import CASES, customers_at, of

CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
C1,A,M1,2020-03-31,call,loss_notice,true
C2,A,M1,2020-04-01,call,loss_notice,false
C3,A,M1,2020-04-02,call,care,true
C4,B,M1,2020-04-10,call,care,true
"""


def month_ends(as_of, n):
    """The last days of the `n` months before `as_of`, the latest first."""
    ends, day = [], as_of - dt.timedelta(days=1)
    while len(ends) < n:
        if (day + dt.timedelta(days=1)).day == 1:
            ends.append(day)
        day -= dt.timedelta(days=1)
    return ends


def cents(yuan):
    return round(yuan * 100)


def month_of(rows, customer, end):
    """Value, the part that was bought, and what it cost, in cents; whether any row is there."""
    there = [row for row in of(rows, "pnl", customer) if row["month"] == end]
    bought = [row for row in there if row["cost_basis"] is not None]
    value = sum(cents(row["market_value"]) for row in there)
    return (
        value,
        sum(cents(r["market_value"]) for r in bought),
        sum(cents(r["cost_basis"]) for r in bought),
        bool(there),
    )


def share(part, whole):
    return part / whole if whole > 0 else None


def slow(rows, customer, as_of):
    ends = month_ends(as_of, 13)
    months = [month_of(rows, customer, end) for end in ends]
    value, bought, cost, _ = months[0]
    year = [month for month in months[:12] if month[3]]
    peak = max((month[0] for month in year), default=0)
    returns = [(month[1] - month[2]) / month[2] for month in year if month[2] > 0]
    losing = [month[1] < month[2] for month in months]
    began_after = next((end for end, loss in zip(ends, losing, strict=True) if not loss), ends[-1])
    said = [
        row
        for row in of(rows, "contacts", customer)
        if row["reached"] and losing[0] and began_after < row["contacted_on"] < as_of
    ]
    return {
        "aum_cny": value / 100,
        "deposits_cny": (value - bought) / 100,
        "investments_cny": bought / 100,
        "unrealised_pnl_cny": (bought - cost) / 100,
        "n_months_under_water_12m": sum(month[1] < month[2] for month in year),
        "aum_growth_1m": share(value - months[1][0], months[1][0]),
        "aum_growth_3m": share(value - months[3][0], months[3][0]),
        "aum_growth_6m": share(value - months[6][0], months[6][0]),
        "aum_growth_12m": share(value - months[12][0], months[12][0]),
        "drawdown_12m": share(peak - value, peak),
        "unrealised_return": share(bought - cost, cost),
        "worst_return_12m": min(returns, default=None),
        "n_reached_since_loss": len(said),
        "n_loss_notices_since_loss": sum(row["purpose"] == "loss_notice" for row in said),
        "loss_without_contact": int(losing[0] and not said),
    }


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_pnl_equals_a_slow_calculation(other_bank, agree, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    agree(frame, {customer: slow(rows, customer, as_of) for customer in customers_at(rows, as_of)})


def test_the_slow_calculation_covers_the_whole_family(other_bank):
    as_of = dt.date(2023, 7, 15)
    rows, _ = other_bank(1, as_of)
    expected = slow(rows, rows["customers"][0]["customer_id"], as_of)
    assert set(expected) == {feature.name for feature in pnl_features(Config())}


def test_the_random_banks_show_every_state_of_a_loss(other_bank):
    seen = set()
    for seed, as_of in CASES:
        _, frame = other_bank(seed, as_of)
        seen |= set(zip(frame["loss_without_contact"], frame["n_reached_since_loss"].clip(upper=1), strict=True))
    assert seen == {(0, 0), (0, 1), (1, 0)}


def pnl(*rows):
    return "holding_id,customer_id,month,market_value,cost_basis\n" + "".join(f"{row}\n" for row in rows)


def test_month_end_on_as_of_is_not_known_yet(make_folder):
    table = pnl("H2,A,2020-03-31,100.50,100", "H2,A,2020-04-30,300,100")
    with open_bank(make_folder(pnl=table)) as bank:
        on, after = (
            build_frame(bank, day).set_index("customer_id") for day in (dt.date(2020, 4, 30), dt.date(2020, 5, 1))
        )
    assert (on.loc["A", "aum_cny"], on.loc["A", "unrealised_pnl_cny"]) == (100.5, 0.5)
    assert (after.loc["A", "aum_cny"], after.loc["A", "unrealised_return"]) == (300, 2)
    assert on.loc["B", "aum_cny"] == 0


def test_contacts_count_from_the_day_after_the_last_month_end_without_a_loss(make_folder):
    table = pnl("H2,A,2020-03-31,100,100", "H2,A,2020-04-30,99.99,100", "H3,B,2020-04-30,50,")
    with open_bank(make_folder(pnl=table, contacts=CONTACTS)) as bank:
        frame = build_frame(bank, dt.date(2020, 5, 15)).set_index("customer_id")
    # C1 came on the last day without a loss and C2 reached nobody.
    assert frame.loc["A", "n_reached_since_loss"] == 1
    assert frame.loc["A", "n_loss_notices_since_loss"] == 0
    assert frame.loc["A", "loss_without_contact"] == 0
    assert frame.loc["B", ["n_reached_since_loss", "loss_without_contact"]].tolist() == [0, 0]


def test_a_loss_from_the_first_valuation_on_began_there(make_folder):
    table = pnl("H2,A,2020-04-30,90,100", "H3,B,2020-01-31,1,")
    contacts = CONTACTS.replace("2020-04-02", "2020-02-01").replace(
        "2020-04-01,call,loss_notice,false", "2020-02-02,call,care,true"
    )
    with open_bank(make_folder(pnl=table, contacts=contacts)) as bank:
        row = build_frame(bank, dt.date(2020, 5, 15)).set_index("customer_id").loc["A"]
    # The fund was opened in March: what was said in February was not about its loss.
    assert (row["n_reached_since_loss"], row["loss_without_contact"]) == (0, 1)
