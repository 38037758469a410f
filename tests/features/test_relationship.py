import datetime as dt
from itertools import pairwise

import pytest

from churn.config import Config, CustomerSettings
from churn.data import build_frame, open_bank
from churn.features.relationship import relationship_features
from other_bank import CASES, customers_at, days_to, of, within

STATES = """\
customer_id,valid_from,tier,manager_id,branch_id
A,2020-01-10,ordinary,,N
A,2020-05-01,gold,M1,N
A,2020-05-20,gold,M1,S
A,2020-06-01,platinum,M1,S
B,2020-02-20,gold,,N
"""
REFERRALS = """\
referrer_id,referred_id,referred_on
A,B,2020-02-20
A,B,2020-03-20
"""


def slow(rows, customer, as_of):
    own = next(row for row in rows["customers"] if row["customer_id"] == customer)
    opened = {row["customer_id"]: row["opened_on"] for row in rows["customers"]}
    states = sorted(of(rows, "customer_states", customer), key=lambda row: row["valid_from"])
    states = [row for row in states if row["valid_from"] < as_of]
    changes = []
    for earlier, later in pairwise(states):
        if (earlier["tier"], earlier["manager_id"]) != (later["tier"], later["manager_id"]):
            changes.append(later["valid_from"])
    brought, came = {}, False
    for row in rows["referrals"]:
        pair = (row["referrer_id"], row["referred_id"])
        if row["referred_on"] < as_of and all(opened[who] < as_of for who in pair):
            came = came or pair[1] == customer
            if pair[0] == customer:
                brought[pair[1]] = min(row["referred_on"], brought.get(pair[1], row["referred_on"]))
    return {
        "tenure_days": (as_of - own["opened_on"]).days,
        "age_years": as_of.year - own["birth_year"],
        "tier_level": ["ordinary", "gold", "platinum"].index(states[-1]["tier"]) if states else None,
        "is_managed": int(states[-1]["manager_id"] is not None) if states else None,
        "days_since_state_change": days_to(as_of, [day for day in changes if within(day, as_of, 365)]),
        "n_referred_365d": sum(within(day, as_of, 365) for day in brought.values()),
        "was_referred": int(came),
    }


@pytest.mark.parametrize(("seed", "as_of"), CASES)
def test_relationship_equals_a_slow_calculation(other_bank, agree, seed, as_of):
    rows, frame = other_bank(seed, as_of)
    agree(frame, {customer: slow(rows, customer, as_of) for customer in customers_at(rows, as_of)})


def test_the_slow_calculation_covers_the_whole_family(other_bank):
    as_of = dt.date(2023, 7, 15)
    rows, _ = other_bank(1, as_of)
    expected = slow(rows, rows["customers"][0]["customer_id"], as_of)
    assert set(expected) == {feature.name for feature in relationship_features(Config())}


@pytest.mark.parametrize(
    ("as_of", "tier", "managed", "changed"),
    [
        (dt.date(2020, 5, 1), 0, 0, None),  # the change of that day is not known yet, the first state is no change
        (dt.date(2020, 5, 2), 1, 1, 1),
        (dt.date(2020, 6, 1), 1, 1, 31),  # a new branch alone changes neither
        (dt.date(2020, 6, 2), 2, 1, 1),
    ],
)
def test_state_is_the_latest_begun_before_as_of(make_folder, as_of, tier, managed, changed):
    with open_bank(make_folder(customer_states=STATES), data_end=dt.date(2020, 6, 2)) as bank:
        row = build_frame(bank, as_of).set_index("customer_id").loc["A"]
    assert (row["tier_level"], row["is_managed"]) == (tier, managed)
    found = row["days_since_state_change"]
    assert found == changed if changed else found != found


def test_change_more_than_a_year_ago_is_forgotten(make_folder):
    with open_bank(make_folder(customer_states=STATES), data_end=dt.date(2021, 6, 30)) as bank:
        kept = build_frame(bank, dt.date(2021, 6, 1)).set_index("customer_id").loc["A"]
        lost = build_frame(bank, dt.date(2021, 6, 2)).set_index("customer_id").loc["A"]
    assert kept["days_since_state_change"] == 365
    assert lost["days_since_state_change"] != lost["days_since_state_change"]


def test_without_states_tier_and_manager_are_no_features(make_folder):
    with open_bank(make_folder()) as bank:
        frame = build_frame(bank, dt.date(2020, 3, 1))
    assert {"tier_level", "is_managed", "days_since_state_change"}.isdisjoint(frame)
    assert {"tenure_days", "age_years"} <= set(frame)


@pytest.mark.parametrize(
    ("static", "there"),
    [(("tier",), {"tier_level": [1, 0]}), (("tier", "manager_id"), {"tier_level": [1, 0], "is_managed": [1, 0]})],
)
def test_columns_said_never_to_change_come_from_customers(make_folder, static, there):
    config = Config(customers=CustomerSettings(static=static))
    with open_bank(make_folder(), config) as bank:
        frame = build_frame(bank, dt.date(2020, 3, 1))
    assert {name: list(frame[name]) for name in there} == there
    assert ("is_managed" in frame) == ("manager_id" in static)


def test_static_tier_wins_over_states_and_the_manager_still_comes_from_them(make_folder):
    config = Config(customers=CustomerSettings(static=("tier",)))
    with open_bank(make_folder(customer_states=STATES), config) as bank:
        row = build_frame(bank, dt.date(2020, 3, 1)).set_index("customer_id").loc["A"]
    assert (row["tier_level"], row["is_managed"]) == (1, 0)


def test_referral_of_the_same_pair_said_again_counts_once(make_folder):
    with open_bank(make_folder(referrals=REFERRALS)) as bank:
        frame = build_frame(bank, dt.date(2020, 3, 21)).set_index("customer_id")
        assert bank.row_counts["referrals"].used == 2
    assert list(frame["n_referred_365d"]) == [1, 0]
    assert list(frame["was_referred"]) == [0, 1]


def test_customer_brought_in_more_than_a_year_ago_is_not_brought_in_again(make_folder):
    table = REFERRALS.replace("2020-03-20", "2021-03-01")
    with open_bank(make_folder(referrals=table), data_end=dt.date(2021, 3, 10)) as bank:
        row = build_frame(bank, dt.date(2021, 3, 10)).set_index("customer_id").loc["A"]
    assert row["n_referred_365d"] == 0


def test_referral_counts_from_the_day_after_both_are_customers(make_folder):
    table = REFERRALS.replace("2020-02-20", "2020-02-01")
    holdings = "holding_id,customer_id,product,opened_on\nH1,A,fund,2020-01-10\nH2,B,fund,2020-02-20\n"
    with open_bank(make_folder(referrals=table, holdings=holdings)) as bank:
        found = [
            build_frame(bank, dt.date(2020, 2, day)).set_index("customer_id").loc["A", "n_referred_365d"]
            for day in (10, 20, 21)
        ]
    assert found == [0, 0, 1]
