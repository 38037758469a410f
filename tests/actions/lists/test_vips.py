import pandas as pd
import pytest

from churn.actions.lists.vips import find_homes
from churn.config import Config

CUSTOMERS = """\
customer_id,branch_id,manager_id,opened_on,closed_on,tier,do_not_contact
A,N,M1,2020-01-10,,gold,false
B,N,M1,2020-01-10,,ordinary,false
C,S,M1,2020-01-10,,gold,true
D,S,,2020-01-10,,gold,false
E,S,,2020-01-10,2024-07-01,platinum,false
F,N,M2,2020-01-10,,gold,false
G,S,M2,2020-01-10,,gold,false
H,S,,2020-01-10,2024-06-30,platinum,false
I,S,,2020-01-10,,ordinary,false
J,S,,2024-07-01,,gold,false
"""
HOLDINGS = "holding_id,customer_id,product,opened_on\n" + "".join(
    f"H{who},{who},debit_card,{'2024-07-01' if who == 'J' else '2020-01-10'}\n" for who in "ABCDEFGHIJ"
)
PNL = """\
holding_id,customer_id,month,market_value,cost_basis
HC,C,2024-06-30,300000.5,
HD,D,2024-06-30,200000,
HD,D,2024-07-31,9000000,
"""


def test_vips_without_a_manager_or_with_one_of_another_branch_are_listed_platinum_first(lists_of):
    found = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL).frames["unassigned_vips"]
    # E closes on the day and is still there, H closed before; J opens on the day and is not yet; of M2's two
    # customers each branch has one, so that M2 is of no branch; who asked not to be contacted is told nothing new
    assert found[["rank", "customer_id", "problem"]].values.tolist() == [
        [1, "E", "no_manager"],
        [2, "C", "other_branch"],
        [3, "D", "no_manager"],
    ]
    assert found["manager_branch_id"].fillna("").tolist() == ["", "N", ""]
    assert found["manager_id"].fillna("").tolist() == ["", "M1", ""]
    assert found["aum_cny"].tolist() == [0.0, 300_000.5, 200_000.0]
    assert found["do_not_contact"].tolist() == [False, True, False]
    assert found["why_en"].tolist() == [
        "platinum tier, no responsible manager, no assets at the last month-end",
        "gold tier, of branch S, while 67 % of the manager's customers are of branch N, assets CNY 300,000",
        "gold tier, no responsible manager, assets CNY 200,000",
    ]
    assert found["why_zh"][1] == "金卡客户，客户属网点 S，而客户经理名下 67% 的客户属网点 N，资产 30 万元"


def test_managers_branch_is_that_of_more_than_half_of_their_customers():
    customers = pd.DataFrame(
        {"manager_id": ["M1", "M1", "M1", "M2", "M2", None], "branch_id": ["N", "S", "S", "N", "S", "N"]}
    )
    assert find_homes(customers, 0.5, {}).values.tolist() == [["M1", "S", 2 / 3]]


def test_branch_the_bank_states_for_a_manager_comes_before_that_of_the_customers(lists_of):
    config = Config.model_validate({"plan": {"managers": {"M1": {"branch": "S"}, "M2": {"branch": "S"}}}})
    found = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, config=config).frames["unassigned_vips"]
    assert found[["customer_id", "problem"]].values.tolist() == [
        ["E", "no_manager"],
        ["A", "other_branch"],
        ["D", "no_manager"],
        ["F", "other_branch"],
    ]
    assert found["why_en"][3] == "gold tier, of branch N, the manager of branch S"


def test_without_a_column_of_managers_nobody_can_be_said_to_have_none(lists_of):
    customers = "customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,gold\nB,N,2020-01-10,gold\n"
    lists = lists_of(customers=customers)
    assert "unassigned_vips" in lists.not_made
    assert lists.sentences["unassigned_vips"] == (
        "Not made: customers has no column manager_id.",
        "未生成：customers 表没有 manager_id 列。",
    )


VIPS = "customer_id,branch_id,manager_id,opened_on,tier,do_not_contact\n" + "".join(
    f"{who},N,M1,2020-01-10,{tier},{refuses}\n"
    for who, tier, refuses in [
        ("A", "gold", "false"),
        ("B", "platinum", "false"),
        ("C", "gold", "false"),
        ("D", "gold", "true"),
        ("E", "ordinary", "false"),
    ]
)
HELD = "holding_id,customer_id,product,opened_on\n" + "".join(
    f"{who}{product},{who},{product},2020-01-10\n"
    for who, products in {
        "A": ["debit_card"],
        "B": ["debit_card", "fund", "fund_plan", "mortgage", "mobile_banking"],
        "C": ["debit_card", "fund", "credit_card"],
        "D": ["debit_card"],
        "E": ["debit_card"],
    }.items()
    for product in products
)
BOUND = """\
customer_id,service,bound_on,unbound_on
B,fund_trading,2021-01-01,
B,mobile_banking,2021-01-01,2024-07-01
B,mortgage_repayment,2024-06-30,
C,fund_trading,2024-06-30,
"""
CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
C1,A,M1,2024-07-01,meeting,care,true
C2,B,M1,2024-04-02,meeting,care,true
C3,C,M1,2024-04-01,meeting,care,true
C4,A,M1,2024-03-01,call,care,false
"""
DEALINGS = "customer_id,transacted_on,channel,amount\n" + "".join(
    [f"B,2024-06-{day:02},mobile,{day}\n" for day in range(1, 13)]
    + [f"C,2024-06-{day:02},mobile,{day}\n" for day in range(1, 12)]
    + ["C,2024-07-01,mobile,5\n"]
)


def test_relationships_are_graded_0_to_3_and_the_weakest_stands_first(lists_of):
    lists = lists_of(customers=VIPS, holdings=HELD, bindings=BOUND, contacts=CONTACTS, transactions=DEALINGS)
    found = lists.frames["relationships"]
    columns = ["customer_id", "weakest", "personal_grade", "account_grade", "contract_grade"]
    # A's meeting is of the day itself; B was reached 90 days before and C 91; B's unbinding of the day comes later;
    # C's twelfth transaction too, and C holds nothing sticky
    assert found[columns].values.tolist() == [
        ["A", "personal", 0, 1, 0],
        ["C", "contract", 2, 2, 1],
        ["B", "personal", 3, 3, 3],
    ]
    assert found["why_en"].tolist() == [
        (
            "personal relationship none: not reached within a year; account relationship weak: 1 product held, no"
            " service bound; contract relationship none: no transactions in a year, no sticky product held"
        ),
        (
            "contract relationship weak: 11 transactions in a year, no sticky product held; personal relationship fair:"
            " met within a year, last reached 91 days ago; account relationship fair: 3 products held, 1 service bound"
        ),
        (
            "personal relationship strong: met within a year, last reached 90 days ago; account relationship strong:"
            " 5 products held, 3 services bound; contract relationship strong: 12 transactions in a year, 3 sticky"
            " products held"
        ),
    ]
    assert found["why_zh"][1].startswith("契约关系弱：")
    assert lists.sentences["relationships"][0].startswith(
        "3 customers. 1 more asked not to be contacted and is left out."
    )


def test_relationship_without_its_table_has_no_grade_and_is_never_the_weakest(lists_of):
    lists = lists_of(customers=VIPS, holdings=HELD, bindings=BOUND)
    found = lists.frames["relationships"]
    assert found["weakest"].unique().tolist() == ["account"]
    assert found[["personal_grade", "contract_grade"]].isna().all().all()
    assert found["why_en"][0] == "account relationship weak: 1 product held, no service bound"
    assert "since there is no contacts table: personal_grade, familiarity_stage" in lists.sentences["relationships"][0]


@pytest.mark.parametrize("tier", ["gold", "ordinary"])
def test_without_any_of_their_tables_relationships_are_not_graded(lists_of, tier):
    customers = f"customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,{tier}\nB,N,2020-01-10,{tier}\n"
    lists = lists_of(customers=customers)
    assert "relationships" in lists.not_made
    assert lists.sentences["relationships"][0] == (
        "Not made: there is no contacts table; there is no bindings table; there is no transactions table."
    )
