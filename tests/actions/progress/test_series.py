import datetime as dt

import numpy as np
import pytest

from progress_rows import write_contacts, write_customers, write_holdings

CUSTOMERS = write_customers("A,N,M1,2020-01-10,,gold", "B,S,M2,2020-01-10,2024-05-31,ordinary",
                            "C,N,M1,2024-05-31,,ordinary", "D,S,M2,2024-06-02,,ordinary")  # fmt: skip
HOLDINGS = write_holdings("A,fund,2020-01-10,", "A,cts,2024-06-30,", "B,fund,2020-01-10,2024-05-31",
                          "C,fund,2024-05-31,", "D,fund,2024-06-02,")  # fmt: skip
BINDINGS = "customer_id,service,bound_on,unbound_on\nA,cts,2024-05-01,2024-06-30\n"
CONTACTS = write_contacts(
    "A,M1,2024-03-15,call,true",
    "A,M1,2024-05-01,call,true",
    "A,M1,2024-05-31,call,false",
    "A,M1,2024-06-01,meeting,true",
    "A,M1,2024-06-02,meeting,true",
    "A,M1,2024-07-01,call,true",
)
WEEKEND = {"plan": {"weekend": ["saturday", "sunday"]}}
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "bindings": BINDINGS, "contacts": CONTACTS}


@pytest.fixture
def monthly():
    def find(progress, measure, unit=None):
        rows = progress.series[progress.series["measure"] == measure]
        rows = rows[rows["level"] == "bank"] if unit is None else rows[rows["unit"] == unit]
        return dict(zip(rows["date"], rows["value"], strict=True))

    return find


def test_months_that_lie_wholly_in_the_data_are_shown(progress_of, monthly):
    # The data begin on 15 March, so that April is the first whole month; July has only begun.
    found = monthly(progress_of(date=dt.date(2024, 7, 15), **TABLES), "product_coverage")
    assert list(found) == [dt.date(2024, 4, 30), dt.date(2024, 5, 31), dt.date(2024, 6, 30)]
    early = monthly(progress_of(folder="early", data_end=dt.date(2024, 6, 29), **TABLES), "product_coverage")
    assert list(early) == [dt.date(2024, 4, 30), dt.date(2024, 5, 31)]


def test_products_and_bindings_are_those_at_the_end_of_the_months_last_day(progress_of, monthly):
    progress = progress_of(**TABLES)
    # April: A 1, B 1. May: A 1, C 1 (B left and C came on its last day). June: A 2, C 1, D 1.
    assert list(monthly(progress, "product_coverage").values()) == pytest.approx([1, 1, 4 / 3])
    assert list(monthly(progress, "product_coverage", "N").values()) == [1, 1, 1.5]
    south = list(monthly(progress, "product_coverage", "S").values())
    assert south[::2] == [1, 1]
    assert np.isnan(south[1])
    # A's service: bound in May, unbound on June's last day
    assert list(monthly(progress, "bindings_per_customer").values()) == [0, 0.5, 0]


def test_contacts_are_those_of_the_month_a_manager_of_today_and_working_day(progress_of, monthly):
    progress = progress_of(config=WEEKEND, **TABLES)
    # 22, 23 and 20 working days, two managers of whom M2 makes no contact; the first two days of June are a weekend
    assert list(monthly(progress, "calls_per_day").values()) == pytest.approx([0, 2 / 46, 0])
    assert list(monthly(progress, "calls_per_day", "N").values()) == pytest.approx([0, 2 / 23, 0])
    assert list(monthly(progress, "meetings_per_day", "S").values()) == [0, 0, 0]
    assert list(monthly(progress_of(folder="daily", **TABLES), "meetings_per_day").values()) == [0, 0, 2 / 60]


def test_at_most_twelve_months_are_shown(progress_of, monthly):
    contacts = CONTACTS + "K9,A,M1,2022-01-01,call,care,true\n"
    found = monthly(progress_of(**{**TABLES, "contacts": contacts}), "product_coverage")
    assert len(found) == 12
    assert min(found) == dt.date(2023, 7, 31)


def test_without_contacts_and_bindings_products_are_shown_alone(progress_of):
    progress = progress_of(**{**TABLES, "contacts": None, "bindings": None})
    assert progress.series["measure"].unique().tolist() == ["product_coverage"]
    assert len(progress.series) == 12 * 3


def test_data_without_a_whole_month_have_no_series_and_its_columns(progress_of):
    contacts = write_contacts("A,M1,2024-06-15,call,true")
    progress = progress_of(**{**TABLES, "contacts": contacts})
    assert progress.series.empty
    assert list(progress.series) == ["level", "unit", "measure", "date", "value"]
