import pytest

from churn.actions.lists.missing import find_missing
from churn.data import open_bank

CUSTOMERS = "customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,gold\n"
HOLDINGS = "holding_id,customer_id,product,opened_on\nH,A,fund,2020-01-10\n"
PNL = "holding_id,customer_id,month,market_value\nH,A,2020-03-31,{}\n"


@pytest.mark.parametrize(
    ("given", "asked", "columns", "expected"),
    [
        ({}, ["pnl"], [], {"pnl": ("there is no pnl table", "缺少 pnl 表")}),
        ({"pnl": PNL.format("much")}, ["pnl"], [], {"pnl": ("no row of pnl can be used", "pnl 表没有可用的行")}),
        ({"pnl": PNL.format(5)}, ["pnl"], [], {}),
        (
            {},
            [],
            [("customers", "manager_id"), ("customers", "tier")],
            {"customers.manager_id": ("customers has no column manager_id", "customers 表没有 manager_id 列")},
        ),
        ({}, ["pnl"], [("pnl", "cost_basis")], {"pnl": ("there is no pnl table", "缺少 pnl 表")}),
    ],
    ids=["no table", "no row", "there", "no column", "no column of no table"],
)
def test_what_cannot_be_used_says_why(make_folder, given, asked, columns, expected):
    with open_bank(make_folder(customers=CUSTOMERS, holdings=HOLDINGS, **given), n_threads=1) as bank:
        assert find_missing(bank, asked, columns) == expected
