import pytest

from churn.config import Config, ListSettings

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
    sentence, zh = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=COUNTER).sentences["potential_vips"]
    # found/there: 24 June A and E of 2, 28 June none of 1, 29 June none of 1, 30 June A and D of 4
    assert sentence.startswith(
        "2 customers. 1 more asked not to be contacted and is left out. Counted by day, those left out included, they"
        " are 50 % of the counter's customers; the practice expects 5 % at least, and 2 of 4 days stay under it."
    )
    assert "按日计（含未列入者）占柜面客户 50%；经验值至少 5%，4 天中有 2 天低于此值。" in zh


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
        (
            "customer_id,transacted_on,channel,amount,queue_ticket\nA,2024-06-30,counter,lots,ordinary\n",
            "no row of transactions can be used",
        ),
    ],
)
def test_without_recent_tickets_potential_vips_are_not_told(lists_of, transactions, why):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=transactions)
    assert "potential_vips" in lists.not_made
    assert lists.sentences["potential_vips"][0] == f"Not made: {why}."


def test_a_week_without_anybody_at_the_counter_is_an_empty_list(lists_of):
    online = "customer_id,transacted_on,channel,amount,queue_ticket\nA,2024-06-30,online,500000,\n"
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, transactions=online)
    assert "potential_vips" not in lists.not_made
    assert lists.sentences["potential_vips"][0].startswith("Nobody. Without a value, since there is no pnl table")


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
    assert lists.sentences["upgrades"] == (
        (
            "3 customers. 1 more asked not to be contacted and is left out. Assumed: gold from CNY 100,000 of assets,"
            " platinum from CNY 500,000; candidates from 80 % of the floor."
        ),
        (
            "3 位客户。另有 1 位客户拒绝联系，未列入。"
            "假定：资产达到 10 万元为金卡，50 万元为白金卡；候选为达到门槛 80% 的客户。"
        ),
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
