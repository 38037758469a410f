import datetime as dt

import numpy as np
import pytest

from churn.actions.plan_people import read_people
from churn.data import open_bank
from churn.errors import TimeRangeError

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


@pytest.fixture
def read(make_folder):
    def read_at(date=DATE, **tables):
        folder = make_folder(customers=CUSTOMERS, holdings=HOLDINGS, **tables)
        with open_bank(folder, data_end=DATE, n_threads=1) as bank:
            return read_people(bank, date)

    return read_at


def test_who_is_a_customer_at_the_date_with_todays_tier_manager_and_branch(read):
    found = read(contacts=CONTACTS, pnl=PNL)
    assert found[
        ["customer_id", "branch_id", "manager_id", "tier", "is_vip", "do_not_contact"]
    ].to_numpy().tolist() == [
        ["A", "N", "M1", "gold", True, False],
        ["B", "N", None, "ordinary", False, True],
    ]
    assert found["product_coverage"].tolist() == [2.0, 1.0]


def test_only_contacts_before_the_date_and_within_a_year_count(read):
    found = read(contacts=CONTACTS, pnl=PNL)
    assert found["stage"].tolist() == [2, 0]
    assert found["days_since_contact"][0] == 9.0
    assert np.isnan(found["days_since_contact"][1])


def test_assets_and_losses_are_those_of_the_last_month_end(read):
    found = read(contacts=CONTACTS, pnl=PNL).iloc[0]
    assert (found["aum_cny"], found["unrealised_pnl_cny"]) == (100.0, -20.0)
    assert found["unrealised_return"] == pytest.approx(-0.2)
    assert not found["loss_told"]


def test_a_loss_is_told_once_a_notice_reached_the_customer_since_it_began(read):
    told = CONTACTS + "K5,A,M1,2025-03-05,call,loss_notice,true\n"
    assert read(contacts=told, pnl=PNL)["loss_told"].tolist() == [True, False]


def test_without_contacts_and_valuations_nobody_is_known_and_nothing_lost(read):
    found = read()
    assert found["stage"].tolist() == [0, 0]
    assert found[["days_since_contact", "aum_cny", "unrealised_pnl_cny", "unrealised_return"]].isna().all(axis=None)
    assert found["loss_told"].isna().all()


@pytest.mark.parametrize(
    ("customer", "contacted_on", "known"),
    [
        ("C", "2025-03-09", True),
        ("C", "2024-03-10", True),
        ("C", "2024-03-09", False),  # more than a year ago
        ("C", "2025-03-10", False),  # not yet
        ("Z", "2025-03-09", False),  # of nobody in the tables: no row can be used
    ],
)
def test_contacts_are_known_where_one_lies_in_the_year_before_the_date(read, customer, contacted_on, known):
    header = CONTACTS.splitlines()[0]
    found = read(contacts=f"{header}\nK,{customer},M1,{contacted_on},call,care,true\n", pnl=PNL)
    assert found["loss_told"].notna().tolist() == [known, known]


@pytest.mark.parametrize("date", [dt.date(2010, 1, 1), DATE + dt.timedelta(days=32)])
def test_a_date_without_customers_or_too_far_behind_the_data_is_refused(read, date):
    with pytest.raises(TimeRangeError, match=date.isoformat()):
        read(date)


def test_a_date_too_far_behind_the_data_is_named_as_it_is_given(read):
    with pytest.raises(TimeRangeError, match=r"^--date 2025-04-11: .* the last that fits is 2025-04-10"):
        read(DATE + dt.timedelta(days=32))


def test_the_last_date_that_fits_is_read(read):
    assert len(read(DATE + dt.timedelta(days=31))) == 2


def test_values_that_end_before_the_last_month_end_are_not_known_instead_of_nothing(read):
    found = read(contacts=CONTACTS, pnl=PNL.replace("2025-02-28", "2025-01-31"))
    assert found[["aum_cny", "unrealised_pnl_cny", "unrealised_return"]].isna().all(axis=None)
    assert not found["loss_told"].any()
