import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.actions.today import find_missing, in_hold_out, read_today
from churn.config import Config, PlanSettings
from churn.data import open_bank
from churn.errors import TimeRangeError
from churn.scores import check_scores
from churn.speech import message

DATE = dt.date(2025, 3, 10)
CUSTOMERS = """\
customer_id,branch_id,manager_id,opened_on,closed_on,tier,do_not_contact
A,N,M1,2020-01-10,,gold,
B,N,,2020-02-20,,ordinary,true
C,N,M1,2020-02-20,2025-03-09,gold,false
D,S,M2,2020-02-20,,platinum,false
"""
HOLDINGS = """\
holding_id,customer_id,product,account_class,opened_on,closed_on
H1,A,debit_card,1,2020-01-10,
H2,A,fund,,2020-03-01,
H3,B,debit_card,1,2020-02-20,
H4,C,debit_card,1,2020-02-20,
H5,D,debit_card,1,2020-02-20,2025-01-01
"""
CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
K1,A,M1,2025-01-05,call,invite,true
K2,A,M1,2025-03-01,call,care,false
K3,A,M1,2025-03-10,meeting,care,true
K4,B,M1,2023-01-05,meeting,care,true
"""
PNL = """\
holding_id,customer_id,month,market_value,cost_basis
H2,A,2025-02-28,80,100
H1,A,2025-02-28,20,
"""
IDS = pd.Series([f"C{number:05d}" for number in range(20_000)])


@pytest.fixture
def read(make_folder):
    def read_at(date=DATE, scores=None, **tables):
        folder = make_folder(customers=CUSTOMERS, holdings=HOLDINGS, **tables)
        with open_bank(folder, data_end=DATE, n_threads=1) as bank:
            return read_today(bank, None if scores is None else check_scores(scores), date, bank.config)

    return read_at


def test_who_is_a_customer_at_the_date_with_todays_tier_manager_and_branch(read):
    found = read(contacts=CONTACTS, pnl=PNL)
    columns = ["customer_id", "branch_id", "tier", "is_vip", "tier_level", "do_not_contact"]
    assert found.customers[columns].to_numpy().tolist() == [
        ["A", "N", "gold", True, 1, False],
        ["B", "N", "ordinary", False, 0, True],
    ]
    assert found.customers["manager_id"].fillna("nobody").tolist() == ["M1", "nobody"]
    assert found.customers["product_coverage"].tolist() == [2.0, 1.0]
    assert found.managers["manager_id"].tolist() == ["M1"]


def test_only_contacts_before_the_date_and_within_a_year_count(read):
    found = read(contacts=CONTACTS, pnl=PNL).customers
    assert found["familiarity_stage"].tolist() == [2, 0]
    assert found["days_since_contact"][0] == 9.0
    assert np.isnan(found["days_since_contact"][1])


def test_assets_and_losses_are_those_of_the_last_month_end(read):
    found = read(contacts=CONTACTS, pnl=PNL).customers.iloc[0]
    assert (found["aum_cny"], found["unrealised_pnl_cny"]) == (100.0, -20.0)
    assert found["unrealised_return"] == pytest.approx(-0.2)
    assert found["n_loss_notices_since_loss"] == 0
    assert found["value_cny"] == 2100.0


def test_a_loss_is_told_once_a_notice_reached_the_customer_since_it_began(read):
    told = CONTACTS + "K5,A,M1,2025-03-05,call,loss_notice,true\n"
    assert read(contacts=told, pnl=PNL).customers["n_loss_notices_since_loss"].tolist() == [1, 0]


def test_without_contacts_and_valuations_nothing_is_known_of_them_and_it_says_why(read):
    found = read()
    unknown = ["familiarity_stage", "days_since_contact", "aum_cny", "unrealised_pnl_cny", "unrealised_return"]
    assert found.customers[[*unknown, "n_loss_notices_since_loss", "days_since_word"]].isna().all(axis=None)
    assert not found.knows_contacts
    for name in ("contacts", "pnl"):
        assert found.missing[name] == found.absent[name] == message("there is no {table} table", table=name)
    assert found.customers["value_cny"].tolist() == [2000.0, 1000.0]


@pytest.mark.parametrize(
    ("customer", "contacted_on", "known"),
    [
        ("C", "2025-03-09", True),
        ("C", "2024-03-10", True),
        ("C", "2024-03-09", False),  # more than a year ago
        ("C", "2025-03-10", False),  # not yet
    ],
)
def test_contacts_are_known_where_one_lies_in_the_year_before_the_date(read, customer, contacted_on, known):
    header = CONTACTS.splitlines()[0]
    found = read(contacts=f"{header}\nK,{customer},M1,{contacted_on},call,care,true\n", pnl=PNL)
    assert found.knows_contacts is known
    assert found.customers["familiarity_stage"].notna().tolist() == [known, known]
    assert "contacts" not in found.absent


@pytest.mark.parametrize("date", [dt.date(2010, 1, 1), DATE + dt.timedelta(days=32)])
def test_a_date_without_customers_or_too_far_behind_the_data_is_refused(read, date):
    with pytest.raises(TimeRangeError, match=date.isoformat()):
        read(date)


def test_a_date_too_far_behind_the_data_is_named_as_it_is_given(read):
    with pytest.raises(TimeRangeError, match=r"^--date 2025-04-11: .* the last that fits is 2025-04-10"):
        read(DATE + dt.timedelta(days=32))


def test_the_last_date_that_fits_is_read(read):
    assert len(read(DATE + dt.timedelta(days=31)).customers) == 2


def test_values_that_end_before_the_last_month_end_are_not_known_instead_of_nothing(read):
    found = read(contacts=CONTACTS, pnl=PNL.replace("2025-02-28", "2025-01-31"))
    assert found.customers[["aum_cny", "unrealised_pnl_cny", "unrealised_return"]].isna().all(axis=None)
    assert found.missing["pnl"].facts == {"end": dt.date(2025, 2, 28)}
    assert "pnl" not in found.absent


def test_scores_stand_beside_the_customers_they_are_of(read):
    scores = pd.DataFrame({"customer_id": ["A", "Z"], "as_of": "2025-03-10", "churn_probability": [0.5, 0.25]})
    found = read(scores=scores)
    assert found.customers["churn_probability"].fillna(-1).tolist() == [0.5, -1]
    assert set(found.missing) & {"scores", "scores.risk_band"} == {"scores.risk_band"}


@pytest.mark.parametrize(
    ("customer", "why"), [(None, message("there are no scores")), ("Z", message("no customer has a score"))]
)
def test_without_a_score_of_anybody_it_says_why(read, customer, why):
    scores = pd.DataFrame({"customer_id": [customer], "as_of": "2025-03-10", "churn_probability": [0.5]})
    found = read(scores=None if customer is None else scores)
    assert found.missing["scores"] == found.missing["scores.risk_band"] == why
    assert found.customers[["churn_probability", "risk_band", "next_binding"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("date", "end"), [(DATE, "2025-03-09"), (DATE + dt.timedelta(days=1), "2025-03-10")], ids=["inside", "behind"]
)
def test_the_period_ends_before_the_date(read, date, end):
    found = read(date, contacts=CONTACTS.replace("K3,A,M1,2025-03-10", "K3,A,M1,2025-03-09"), pnl=PNL)
    assert dt.date(1970, 1, 1) + dt.timedelta(days=found.begin) == dt.date(2023, 1, 5)
    assert dt.date(1970, 1, 1) + dt.timedelta(days=found.end) == dt.date.fromisoformat(end)


@pytest.mark.parametrize(
    ("tables", "asked", "columns", "expected"),
    [
        ({}, ["pnl"], [], {"pnl": message("there is no {table} table", table="pnl")}),
        ({"pnl": PNL}, ["pnl"], [], {}),
        (
            {},
            [],
            [("customers", "birth_year"), ("customers", "tier")],
            {"customers.birth_year": message("{table} has no column {column}", table="customers", column="birth_year")},
        ),
        ({}, ["pnl"], [("pnl", "cost_basis")], {"pnl": message("there is no {table} table", table="pnl")}),
    ],
    ids=["no table", "there", "no column", "no column of no table"],
)
def test_what_cannot_be_used_says_why(make_folder, tables, asked, columns, expected):
    with open_bank(make_folder(customers=CUSTOMERS, holdings=HOLDINGS, **tables), n_threads=1) as bank:
        assert find_missing(bank, asked, columns) == expected


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.9999])
def test_share_asked_for_is_held_out(share):
    # within four standard errors of a share of 20,000
    error = (share * (1 - share) / len(IDS)) ** 0.5
    assert in_hold_out(IDS, PlanSettings(hold_out=share)).mean() == pytest.approx(share, abs=4 * error)


def test_draw_rests_on_the_id_alone():
    shuffled = IDS.sample(frac=1, random_state=1)
    held = pd.Series(in_hold_out(shuffled, PlanSettings()), index=shuffled.index).sort_index()
    assert held.tolist() == in_hold_out(IDS, PlanSettings()).tolist()


def test_larger_share_keeps_those_already_held_out():
    small, large = (in_hold_out(IDS, PlanSettings(hold_out=share)) for share in (0.1, 0.2))
    assert (large | ~small).all()


def test_another_salt_draws_others():
    one, other = (in_hold_out(IDS, PlanSettings(hold_out_salt=salt)) for salt in ("plan", "2027"))
    # of independent tenths a hundredth is in both
    assert np.mean(one & other) == pytest.approx(0.01, abs=4 * (0.01 * 0.99 / len(IDS)) ** 0.5)


def test_nobody_of_nobody():
    assert in_hold_out(pd.Series([], dtype="str"), PlanSettings()).tolist() == []


def test_a_configuration_that_holds_nobody_out_marks_nobody(make_folder):
    nobody = Config(plan=PlanSettings(hold_out=0))
    with open_bank(make_folder(customers=CUSTOMERS, holdings=HOLDINGS), nobody, data_end=DATE, n_threads=1) as bank:
        assert not read_today(bank, None, DATE, nobody).customers["is_held_out"].any()
