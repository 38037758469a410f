import pandas as pd
import pytest

from churn.actions.lists.care import find_homes
from churn.config import Config
from churn.speech import say

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
        "gold tier, of branch S, while 67\u202f% of the manager's customers are of branch N, assets CNY 300,000",
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
    assert say(lists.sentences["unassigned_vips"], "en") == "Not made: customers has no column manager_id."


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
    assert say(lists.sentences["relationships"], "en").startswith(
        "3 customers. 1 more asked not to be contacted and is left out."
    )


def test_relationship_without_its_table_has_no_grade_and_is_never_the_weakest(lists_of):
    lists = lists_of(customers=VIPS, holdings=HELD, bindings=BOUND)
    found = lists.frames["relationships"]
    assert found["weakest"].unique().tolist() == ["account"]
    assert found[["personal_grade", "contract_grade"]].isna().all().all()
    assert found["why_en"][0] == "account relationship weak: 1 product held, no service bound"
    assert "since there is no contacts table: personal_grade, familiarity_stage" in say(
        lists.sentences["relationships"], "en"
    )


@pytest.mark.parametrize("tier", ["gold", "ordinary"])
def test_without_any_of_their_tables_relationships_are_not_graded(lists_of, tier):
    customers = f"customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,{tier}\nB,N,2020-01-10,{tier}\n"
    lists = lists_of(customers=customers)
    assert "relationships" in lists.not_made
    assert say(lists.sentences["relationships"], "en") == (
        "Not made: there is no contacts table; there is no bindings table; there is no transactions table."
    )


LOSS_CUSTOMERS = "customer_id,branch_id,manager_id,opened_on,tier,do_not_contact\n" + "".join(
    f"{who},N,M1,2020-01-10,ordinary,{'true' if who == 'B' else 'false'}\n" for who in "ABCDEF"
)
LOSS_HOLDINGS = "holding_id,customer_id,product,opened_on\n" + "".join(
    f"H{who},{who},fund,2020-01-10\n" for who in "ABCDEF"
)
LOSS_PNL = """\
holding_id,customer_id,month,market_value,cost_basis
HA,A,2024-06-30,95000,100000
HB,B,2024-06-30,19000,20000
HC,C,2024-06-30,19000.01,20000
HD,D,2024-06-30,990000.01,1000000
HE,E,2024-06-30,80000,100000
HF,F,2024-06-30,90000,100000
HF,F,2024-05-31,10000,100000
HF,F,2024-07-31,10000,100000
"""
LOSS_CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
C1,A,M1,2024-06-30,call,loss_notice,false
C2,A,M1,2022-06-30,call,care,true
C3,B,M1,2024-07-01,call,loss_notice,true
C4,E,M1,2024-06-01,call,after_sales,true
C5,F,M1,2024-05-31,call,care,true
C6,F,M1,2024-06-30,call,offer,true
"""


def test_losses_of_a_share_or_an_amount_are_listed_those_who_heard_nothing_lately_first(lists_of):
    lists = lists_of(customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=LOSS_PNL, contacts=LOSS_CONTACTS)
    found = lists.frames["loss_alerts"]
    # C lost a cent less than a twentieth, D a cent less than CNY 10,000; an attempt, an offer and a contact of the day
    # are no word; E heard 30 days ago and comes last with the largest loss, F 31 days ago
    assert found[["rank", "customer_id", "unrealised_pnl_cny", "unrealised_return"]].values.tolist() == [
        [1, "F", -10_000.0, -0.1],
        [2, "A", -5_000.0, -0.05],
        [3, "B", -1_000.0, -0.05],
        [4, "E", -20_000.0, -0.2],
    ]
    assert found["days_since_word"].fillna(-1).tolist() == [31, 732, -1, 30]
    assert found["days_since_reached"].fillna(-1).tolist() == [1, -1, -1, 30]
    assert found["why_en"].tolist() == [
        "unrealised loss 10\u202f% (CNY 10,000), last service contact 31 days ago",
        "unrealised loss 5\u202f% (CNY 5,000), last service contact 2 years ago",
        "unrealised loss 5\u202f% (CNY 1,000), no service contact yet",
        "unrealised loss 20\u202f% (CNY 20,000), last service contact 30 days ago",
    ]
    assert found["why_zh"][0] == "浮亏 10%（1 万元），距上次服务联系 31 天"


def test_who_asked_not_to_be_contacted_still_hears_of_losses_and_is_counted(lists_of):
    lists = lists_of(customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=LOSS_PNL, contacts=LOSS_CONTACTS)
    assert lists.frames["loss_alerts"].query("do_not_contact")["customer_id"].tolist() == ["B"]
    said = lists.sentences["loss_alerts"]
    assert say(said, "en") == "4 customers. 1 of them asked not to be contacted: offer them nothing."
    assert say(said, "zh") == "4 位客户。其中 1 位客户拒绝营销联系，请勿推介。"


def test_without_contacts_nothing_is_said_of_words(lists_of):
    lists = lists_of(customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=LOSS_PNL)
    found = lists.frames["loss_alerts"]
    assert found["customer_id"].tolist() == ["E", "F", "A", "B"]
    assert found["days_since_word"].isna().all()
    assert found["why_en"][0] == "unrealised loss 20\u202f% (CNY 20,000)"
    assert say(lists.sentences["loss_alerts"], "en").endswith(
        "Without a value, since there is no contacts table: days_since_word, days_since_reached."
    )


def test_contacts_that_ended_a_year_ago_are_as_if_there_were_none(lists_of):
    lists = lists_of(
        customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=LOSS_PNL, contacts=LOSS_CONTACTS.replace("2024-", "2022-")
    )
    assert lists.frames["loss_alerts"]["days_since_word"].isna().all()
    assert say(lists.sentences["loss_alerts"], "en").endswith(
        "Without a value, since contacts holds no row from 2023-07-02 on and before 2024-07-01:"
        " days_since_word, days_since_reached."
    )


@pytest.mark.parametrize(
    ("settings", "listed"),
    [
        ({"loss_return": 0.1}, ["F", "E"]),
        ({"loss_return": 0.9, "loss_cny": 9_999.99}, ["F", "D", "E"]),
        ({"loss_return": 0.9, "loss_cny": 20_000}, ["E"]),
    ],
)
def test_bank_sets_what_a_loss_is(lists_of, settings, listed):
    config = Config.model_validate({"plan": settings})
    lists = lists_of(
        customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=LOSS_PNL, contacts=LOSS_CONTACTS, config=config
    )
    assert lists.frames["loss_alerts"]["customer_id"].tolist() == listed


def test_loss_of_what_cost_nothing_is_told_by_its_amount(lists_of):
    pnl = "holding_id,customer_id,month,market_value,cost_basis\nHA,A,2024-06-30,-12000,0\n"
    lists = lists_of(customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=pnl)
    assert lists.frames["loss_alerts"]["why_en"].tolist() == ["unrealised loss CNY 12,000"]


def test_values_that_end_before_the_last_month_end_make_no_list(lists_of):
    lists = lists_of(customers=LOSS_CUSTOMERS, holdings=LOSS_HOLDINGS, pnl=LOSS_PNL.replace("2024-06-30", "2024-04-30"))
    assert {"loss_alerts", "upgrades"} <= set(lists.not_made)
    assert say(lists.sentences["loss_alerts"], "en") == "Not made: pnl holds no values at 2024-06-30."
