import numpy as np
import pytest
from scipy import stats

from progress_rows import write_customers, write_holdings

CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,,gold",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,M2,2024-01-10,,ordinary",
    "D,S,M2,2020-01-10,2024-03-01,gold",
    "E,S,M2,2020-01-10,,gold",
)
HOLDINGS = write_holdings(
    "A,fund,2020-01-10,",
    "A,fund,2021-01-10,",
    "A,cts,2024-06-30,",
    "A,insurance,2024-07-01,",
    "B,fund,2020-01-10,",
    "C,fund,2024-01-10,",
    "D,fund,2020-01-10,2024-03-01",
    "E,fund,2020-01-10,",
    "E,cts,2020-01-10,2024-01-01",
    "E,insurance,2020-01-10,2024-01-01",
)
BINDINGS = """\
customer_id,service,bound_on,unbound_on
A,fund_trading,2020-02-10,2024-05-01
A,fund_trading,2024-05-01,
A,cts,2024-06-30,
B,fund_trading,2024-07-01,
E,cts,2020-02-10,2024-07-01
"""
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "bindings": BINDINGS}


def test_products_and_services_are_counted_of_todays_customers(progress_of, told):
    progress = progress_of(**TABLES)
    # products: A 2 (two funds are one, what is opened today is not yet), B 1, C 1, E 1; services: A 2, B 0, C 0, E 1
    products, services = told(progress, "product_coverage"), told(progress, "bindings_per_customer")
    for row, values in ((products, [2, 1, 1, 1]), (services, [2, 0, 0, 1])):
        expected = stats.ttest_1samp(values, 0).confidence_interval()
        assert (row["value"], row["n"]) == (np.mean(values), 4)
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert [told(progress, "product_coverage", unit)["value"] for unit in ("N", "S", "M1")] == [1.5, 1, 1.5]


def test_change_is_that_of_customers_of_both_days(progress_of, told):
    progress = progress_of(**TABLES)
    # A 1 to 2, B 1 to 1, E 3 to 1; C was none yet, D is none any more. Services: A 1 to 2, B 0, E 1 to 1.
    for name, changes in (("product_coverage_change", [1, 0, -2]), ("bindings_per_customer_change", [1, 0, 0])):
        row, expected = told(progress, name), stats.ttest_1samp(changes, 0).confidence_interval()
        assert (row["value"], row["n"]) == (pytest.approx(np.mean(changes)), 3)
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert told(progress, "product_coverage_change", "M2")["value"] == -2
    assert np.isnan(told(progress, "product_coverage_change", "M2")["low"])


def test_change_is_over_the_horizon(progress_of, told):
    # On 3 December 2023 E still held three products.
    progress = progress_of(horizon_days=211, **TABLES)
    assert told(progress, "product_coverage_change")["value"] == pytest.approx(-1 / 3)
    # On 2 January 2024 E held one.
    assert told(progress_of(horizon_days=181, folder="short", **TABLES), "product_coverage_change")["value"] == (
        pytest.approx(1 / 3)
    )


def test_without_bindings_products_are_still_told(progress_of):
    progress = progress_of(**{**TABLES, "bindings": None})
    assert progress.not_told["bindings_per_customer"][0] == "there is no bindings table"
    assert progress.not_told["bindings_per_customer_change"][1] == "缺少 bindings 表"
    assert {"product_coverage", "product_coverage_change"} <= set(progress.measures["measure"])


def test_data_that_begin_later_tell_no_change(progress_of):
    progress = progress_of(horizon_days=1700, **TABLES)
    for name in ("product_coverage_change", "bindings_per_customer_change"):
        assert progress.not_told[name] == (
            "the data begin on 2020-01-10, and 2019-11-05 is needed",
            "数据始于 2020-01-10，需要 2019-11-05 起的数据",
        )
