import pandas as pd

from churn.config import Config

CUSTOMERS = "customer_id,branch_id,manager_id,opened_on,tier,do_not_contact\n" + "".join(
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
HOLDINGS = "holding_id,customer_id,product,opened_on,closed_on\n" + "".join(
    f"{who}{product},{who},{product},2024-06-{10 if product == 'fund' else 20},\n"
    for who, products in PRODUCTS.items()
    for product in products
)
PNL = """\
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
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "pnl": PNL, "bindings": BINDINGS}


def test_good_customers_of_few_products_or_services_are_listed_by_assets_at_risk(lists_of):
    lists = lists_of(**TABLES, scores=SCORES)
    found = lists.frames["thinly_bound"]
    # B binds a second service on the day; C lacks a cent; E and F have three products and two services bound, one of
    # F's until the day; D refused
    assert found[
        ["rank", "customer_id", "aum_cny", "aum_at_risk_cny", "product_coverage", "n_bound"]
    ].values.tolist() == [[1, "B", 50_000.0, 25_000.0, 3, 1], [2, "A", 100_000.0, 10_000.0, 2, 0]]
    assert found["why_en"].tolist() == [
        "platinum tier, assets CNY 50,000, 3 products held, only 1 service bound, churn probability 50 %",
        "assets CNY 100,000, only 2 products held, no service bound, churn probability 10 %",
    ]
    assert found["why_zh"][0] == "白金客户，资产 5 万元，持有产品 3 种，已绑定服务仅 1 项，流失概率 50%"
    assert lists.sentences["thinly_bound"][0] == "2 customers. 1 more asked not to be contacted and is left out."


def test_without_values_vips_alone_are_good_customers_and_without_bindings_products_alone_count(lists_of):
    lists = lists_of(customers=CUSTOMERS.replace("true", "false"), holdings=HOLDINGS)
    found = lists.frames["thinly_bound"]
    assert found["customer_id"].tolist() == ["D"]
    assert found["why_en"][0] == "gold tier, only 1 product held"
    for missing in ("no pnl table: aum_cny, aum_at_risk_cny", "no bindings table: n_bound", "no scores: churn_prob"):
        assert missing in lists.sentences["thinly_bound"][0]


def test_products_whose_service_was_never_bound_are_listed_one_row_a_service(lists_of):
    lists = lists_of(**TABLES, scores=SCORES)
    found = lists.frames["never_bound"]
    # A once had it bound, and what B binds on the day is not bound before it
    assert found[["rank", "customer_id", "product", "service", "days_held"]].values.tolist() == [
        [1, "B", "credit_card", "credit_card_repayment", 11]
    ]
    assert found["why_en"][0] == (
        "credit card held for 11 days, credit-card repayment never bound, churn probability 50 %"
    )
    assert found["why_zh"][0] == "持有信用卡 11 天，从未绑定信用卡还款，流失概率 50%"


def test_never_bound_is_sorted_by_risk_then_by_days_held(lists_of):
    bindings = "customer_id,service,bound_on,unbound_on\nD,fund_trading,2024-06-15,\n"
    holdings = HOLDINGS + "A2,A,fund,2024-06-01,\nC2,C,fund,2024-06-01,2024-06-30\nC3,C,fund,2024-07-01,\n"
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
    assert lists.sentences["never_bound"][0] == "4 customers in 7 rows."


def test_products_and_services_of_the_bank_are_named_as_it_names_them(lists_of):
    config = Config.model_validate(
        {
            "products": {"private_loan": {"en": "private loan", "zh": "个人贷款"}},
            "services": {"loan_repayment": {"product": "private_loan", "en": "loan repayment", "zh": "贷款还款"}},
        }
    )
    holdings = HOLDINGS + "L,C,private_loan,2024-06-30,\n"
    lists = lists_of(**{**TABLES, "holdings": holdings}, config=config)
    row = lists.frames["never_bound"].set_index("customer_id").loc["C"]
    assert (row["why_en"], row["why_zh"]) == (
        "private loan held for 1 day, loan repayment never bound",
        "持有个人贷款 1 天，从未绑定贷款还款",
    )


def test_without_bindings_nothing_is_said_to_be_never_bound(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS)
    assert lists.sentences["never_bound"] == ("Not made: there is no bindings table.", "未生成：缺少 bindings 表。")
