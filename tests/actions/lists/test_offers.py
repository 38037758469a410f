import pandas as pd
import pytest

from churn.config import Config, ListSettings
from churn.speech import say

CUSTOMERS = "customer_id,branch_id,manager_id,opened_on,tier,do_not_contact\n" + "".join(
    f"{who},N,M1,2020-01-10,{tier},{refuses}\n"
    for who, tier, refuses in [
        ("A", "ordinary", "false"),
        ("B", "ordinary", "false"),
        ("C", "gold", "false"),
        ("D", "ordinary", "true"),
        ("E", "ordinary", "false"),
        ("F", "platinum", "false"),
    ]
)
HOLDINGS = "holding_id,customer_id,product,opened_on\n" + "".join(
    f"H{who},{who},debit_card,2020-01-10\n" for who in "ABCDEF"
)
COUNTER = """\
customer_id,transacted_on,channel,amount,queue_ticket
A,2024-06-24,counter,-100000,ordinary
A,2024-06-30,counter,250000.5,ordinary
A,2024-06-23,counter,900000,ordinary
B,2024-06-30,counter,99999.99,ordinary
B,2024-07-01,counter,500000,ordinary
B,2024-06-29,counter,500000,vip
B,2024-06-29,online,500000,
C,2024-06-30,counter,500000,ordinary
D,2024-06-30,counter,500000,ordinary
E,2024-06-24,counter,400000,ordinary
F,2024-06-28,counter,400000,
"""


def test_ordinary_customers_with_a_large_transaction_on_an_ordinary_ticket_are_listed(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=COUNTER)
    found = lists.frames["potential_vips"]
    # seven days before the day are looked at, neither the eighth nor the day itself; a VIP is one already, D refused
    columns = ["rank", "customer_id", "n_large_transactions", "largest_cny", "sum_large_cny", "days_since_large"]
    assert found[columns].values.tolist() == [
        [1, "E", 1, 400_000.0, 400_000.0, 7],
        [2, "A", 2, 250_000.5, 350_000.5, 1],
    ]
    assert found["why_en"].tolist() == [
        "1 counter transaction of CNY 100,000 or more on an ordinary ticket in 7 days, CNY 400,000, 7 days ago",
        (
            "2 counter transactions of CNY 100,000 or more on an ordinary ticket in 7 days, the largest CNY 250,000,"
            " the last 1 day ago"
        ),
    ]
    assert found["why_zh"][1] == "7 天内普通号柜面 10 万元及以上交易 2 笔，最大 25 万元，最近一笔在 1 天前"


def test_potential_vips_are_compared_with_a_days_counter_customers(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=COUNTER)
    # found/there: 24 June A and E of 2, 28 June none of 1, 29 June none of 1, 30 June A and D of 4
    assert say(lists.sentences["potential_vips"], "en").startswith(
        "2 customers. 1 more asked not to be contacted and is left out. Counted by day, they are 50\u202f% of the"
        " counter's customers, including those left out. The practice expects at least 5\u202f%; 2 of 4 days are below."
    )


def test_bank_sets_what_is_large_and_how_far_back(lists_of):
    settings = ListSettings(large_counter_cny=99_999.99, counter_days=1)
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=COUNTER, settings=settings)
    found = lists.frames["potential_vips"]
    assert found["customer_id"].tolist() == ["A", "B"]
    assert "of CNY 100,000 or more on an ordinary ticket in 1 day," in found["why_en"][0]


@pytest.mark.parametrize(
    ("transactions", "why"),
    [
        (None, "there is no transactions table"),
        (
            "customer_id,transacted_on,channel,amount\nA,2024-06-30,counter,1\n",
            "transactions has no column queue_ticket",
        ),
        (
            "customer_id,transacted_on,channel,amount,queue_ticket\nA,2024-06-23,counter,500000,ordinary\n",
            "transactions holds no row of the 7 days before 2024-07-01",
        ),
    ],
)
def test_without_recent_tickets_potential_vips_are_not_told(lists_of, transactions, why):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=transactions)
    assert "potential_vips" in lists.not_made
    assert say(lists.sentences["potential_vips"], "en") == f"Not made: {why}."


def test_a_week_without_anybody_at_the_counter_is_an_empty_list(lists_of):
    online = "customer_id,transacted_on,channel,amount,queue_ticket\nA,2024-06-30,online,500000,\n"
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=online)
    assert "potential_vips" not in lists.not_made
    assert say(lists.sentences["potential_vips"], "en").startswith(
        "Nobody. Without a value, since there is no pnl table"
    )


PNL = """\
holding_id,customer_id,month,market_value,cost_basis
HA,A,2024-06-30,80000,
HB,B,2024-06-30,79999.99,
HC,C,2024-06-30,450000,
HD,D,2024-06-30,99999,
HE,E,2024-06-30,500000,
HF,F,2024-06-30,400000,
HB,B,2024-07-31,900000,
"""


def test_who_reaches_or_nearly_reaches_a_higher_tier_is_listed_the_smallest_gap_first(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL)
    found = lists.frames["upgrades"]
    # E's assets are enough for the tier after the next; C lacks a tenth and A a fifth; B lacks a cent to be there;
    # nothing lies above F; D refused
    assert found[["rank", "customer_id", "tier", "next_tier", "floor_cny", "gap_cny"]].values.tolist() == [
        [1, "E", "ordinary", "platinum", 500_000.0, 0.0],
        [2, "C", "gold", "platinum", 500_000.0, 50_000.0],
        [3, "A", "ordinary", "gold", 100_000.0, 20_000.0],
    ]
    assert found["why_en"].tolist() == [
        "ordinary tier, assets CNY 500,000, enough for platinum (from CNY 500,000)",
        "gold tier, assets CNY 450,000, CNY 50,000 short of platinum (from CNY 500,000)",
        "ordinary tier, assets CNY 80,000, CNY 20,000 short of gold (from CNY 100,000)",
    ]
    assert found["why_zh"][2] == "普通客户，资产 8 万元，距金卡门槛（10 万元）还差 2 万元"
    assert say(lists.sentences["upgrades"], "en") == (
        "3 customers. 1 more asked not to be contacted and is left out. Assumed: gold from CNY 100,000 of assets,"
        " platinum from CNY 500,000; candidates from 80\u202f% of the floor."
    )


def test_bank_sets_its_floors(lists_of):
    settings = ListSettings(gold_floor_cny=300_000, platinum_floor_cny=400_000, upgrade_share=1.0)
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, settings=settings)
    found = lists.frames["upgrades"]
    assert found[["customer_id", "next_tier"]].values.tolist() == [["E", "platinum"], ["C", "platinum"]]


def test_floors_of_the_configuration_hold_where_none_are_given(lists_of):
    given = {"gold_floor_cny": 300_000, "platinum_floor_cny": 400_000, "upgrade_share": 1.0}
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, config=Config(lists=given))
    found = lists.frames["upgrades"]
    assert found[["customer_id", "next_tier"]].values.tolist() == [["E", "platinum"], ["C", "platinum"]]


BOUND_CUSTOMERS = "customer_id,branch_id,manager_id,opened_on,tier,do_not_contact\n" + "".join(
    f"{who},N,M1,2020-01-10,{tier},{refuses}\n"
    for who, tier, refuses in [
        ("A", "ordinary", "false"),
        ("B", "platinum", "false"),
        ("C", "ordinary", "false"),
        ("D", "gold", "true"),
        ("E", "ordinary", "false"),
        ("F", "gold", "false"),
    ]
)
PRODUCTS = {
    "A": ["debit_card", "fund"],
    "B": ["debit_card", "fund", "credit_card"],
    "C": ["debit_card"],
    "D": ["debit_card"],
    "E": ["debit_card", "fund", "cts"],
    "F": ["debit_card", "fund", "credit_card"],
}
BOUND_HOLDINGS = "holding_id,customer_id,product,opened_on,closed_on\n" + "".join(
    f"{who}{product},{who},{product},2024-06-{10 if product == 'fund' else 20},\n"
    for who, products in PRODUCTS.items()
    for product in products
)
BOUND_PNL = """\
holding_id,customer_id,month,market_value,cost_basis
Afund,A,2024-06-30,100000,
Bfund,B,2024-06-30,50000,
Cdebit_card,C,2024-06-30,99999.99,
Efund,E,2024-06-30,400000,
Ffund,F,2024-06-30,400000,
"""
BINDINGS = """\
customer_id,service,bound_on,unbound_on
B,fund_trading,2024-06-15,
B,credit_card_repayment,2024-07-01,
A,fund_trading,2024-06-15,2024-06-20
E,fund_trading,2024-06-15,
E,cts,2024-06-25,
F,fund_trading,2024-06-15,
F,credit_card_repayment,2024-06-30,2024-07-01
"""
SCORES = pd.DataFrame(
    {"customer_id": list("ABCDEF"), "churn_probability": [0.1, 0.5, 0.9, 0.9, 0.2, 0.2], "risk_band": "medium"}
)
TABLES = {"customers": BOUND_CUSTOMERS, "holdings": BOUND_HOLDINGS, "pnl": BOUND_PNL, "bindings": BINDINGS}


def test_good_customers_of_few_products_or_services_are_listed_by_assets_at_risk(lists_of):
    lists = lists_of(**TABLES, scores=SCORES)
    found = lists.frames["thinly_bound"]
    # B binds a second service on the day; C lacks a cent; E and F have three products and two services bound, one of
    # F's until the day; D refused
    assert found[
        ["rank", "customer_id", "aum_cny", "aum_at_risk_cny", "product_coverage", "n_bound"]
    ].values.tolist() == [[1, "B", 50_000.0, 25_000.0, 3, 1], [2, "A", 100_000.0, 10_000.0, 2, 0]]
    assert found["why_en"].tolist() == [
        "platinum tier, assets CNY 50,000, 3 products held, only 1 service bound, churn probability 50\u202f%",
        "assets CNY 100,000, only 2 products held, no service bound, churn probability 10\u202f%",
    ]
    assert found["why_zh"][0] == "白金客户，资产 5 万元，持有产品 3 种，已绑定服务仅 1 项，流失概率 50%"
    assert (
        say(lists.sentences["thinly_bound"], "en") == "2 customers. 1 more asked not to be contacted and is left out."
    )


def test_without_values_vips_alone_are_good_customers_and_without_bindings_products_alone_count(lists_of):
    lists = lists_of(customers=BOUND_CUSTOMERS.replace("true", "false"), holdings=BOUND_HOLDINGS)
    found = lists.frames["thinly_bound"]
    assert found["customer_id"].tolist() == ["D"]
    assert found["why_en"][0] == "gold tier, only 1 product held"
    for missing in ("no pnl table: aum_cny, aum_at_risk_cny", "no bindings table: n_bound", "no scores: churn_prob"):
        assert missing in say(lists.sentences["thinly_bound"], "en")


def test_products_whose_service_was_never_bound_are_listed_one_row_a_service(lists_of):
    lists = lists_of(**TABLES, scores=SCORES)
    found = lists.frames["never_bound"]
    # A once had it bound, and what B binds on the day is not bound before it
    assert found[["rank", "customer_id", "product", "service", "days_held"]].values.tolist() == [
        [1, "B", "credit_card", "credit_card_repayment", 11]
    ]
    assert found["why_en"][0] == (
        "credit card held for 11 days, credit-card repayment never bound, churn probability 50\u202f%"
    )
    assert found["why_zh"][0] == "已开通信用卡 11 天，尚未签约绑定信用卡还款，流失概率 50%"


def test_never_bound_is_sorted_by_risk_then_by_days_held(lists_of):
    bindings = "customer_id,service,bound_on,unbound_on\nD,fund_trading,2024-06-15,\n"
    holdings = BOUND_HOLDINGS + "A2,A,fund,2024-06-01,\nC2,C,fund,2024-06-01,2024-06-30\nC3,C,fund,2024-07-01,\n"
    lists = lists_of(**{**TABLES, "bindings": bindings, "holdings": holdings}, scores=SCORES)
    found = lists.frames["never_bound"]
    # C's fund closed the day before, and the other opens on the day; A's first fund counts
    assert found[["customer_id", "service", "days_held"]].values.tolist() == [
        ["B", "fund_trading", 21],
        ["B", "credit_card_repayment", 11],
        ["E", "fund_trading", 21],
        ["F", "fund_trading", 21],
        ["E", "cts", 11],
        ["F", "credit_card_repayment", 11],
        ["A", "fund_trading", 30],
    ]
    assert say(lists.sentences["never_bound"], "en") == "4 customers in 7 rows."


def test_products_and_services_of_the_bank_are_named_as_it_names_them(lists_of):
    config = Config.model_validate(
        {
            "products": {"private_loan": {"en": "private loan", "zh": "个人贷款"}},
            "services": {"loan_repayment": {"product": "private_loan", "en": "loan repayment", "zh": "贷款还款"}},
        }
    )
    holdings = BOUND_HOLDINGS + "L,C,private_loan,2024-06-30,\n"
    lists = lists_of(**{**TABLES, "holdings": holdings}, config=config)
    row = lists.frames["never_bound"].set_index("customer_id").loc["C"]
    assert (row["why_en"], row["why_zh"]) == (
        "private loan held for 1 day, loan repayment never bound",
        "已开通个人贷款 1 天，尚未签约绑定贷款还款",
    )


def test_without_bindings_nothing_is_said_to_be_never_bound(lists_of):
    lists = lists_of(customers=BOUND_CUSTOMERS, holdings=BOUND_HOLDINGS)
    assert say(lists.sentences["never_bound"], "en") == "Not made: there is no bindings table."
    assert say(lists.sentences["never_bound"], "zh") == "未生成：缺少 bindings 表。"
