import pytest

from churn.config import Config

CUSTOMERS = "customer_id,branch_id,manager_id,opened_on,tier,do_not_contact\n" + "".join(
    f"{who},N,M1,2020-01-10,ordinary,{'true' if who == 'B' else 'false'}\n" for who in "ABCDEF"
)
HOLDINGS = "holding_id,customer_id,product,opened_on\n" + "".join(f"H{who},{who},fund,2020-01-10\n" for who in "ABCDEF")
PNL = """\
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
CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
C1,A,M1,2024-06-30,call,loss_notice,false
C2,A,M1,2022-06-30,call,care,true
C3,B,M1,2024-07-01,call,loss_notice,true
C4,E,M1,2024-06-01,call,after_sales,true
C5,F,M1,2024-05-31,call,care,true
C6,F,M1,2024-06-30,call,offer,true
"""


def test_losses_of_a_share_or_an_amount_are_listed_those_who_heard_nothing_lately_first(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, contacts=CONTACTS)
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
        "unrealised loss 10 % (CNY 10,000), last word from us 31 days ago",
        "unrealised loss 5 % (CNY 5,000), last word from us 2 years ago",
        "unrealised loss 5 % (CNY 1,000), never a word from us about losses or after-sales",
        "unrealised loss 20 % (CNY 20,000), last word from us 30 days ago",
    ]
    assert found["why_zh"][0] == "浮亏 10%（1 万元），距上次亏损告知、售后或关怀 31 天"


def test_who_asked_not_to_be_contacted_still_hears_of_losses_and_is_counted(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, contacts=CONTACTS)
    assert lists.frames["loss_alerts"].query("do_not_contact")["customer_id"].tolist() == ["B"]
    assert lists.sentences["loss_alerts"] == (
        "4 customers. 1 of them asked not to be contacted: offer them nothing.",
        "4 位客户。其中 1 位客户拒绝营销联系，请勿推介。",
    )


def test_without_contacts_nothing_is_said_of_words(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL)
    found = lists.frames["loss_alerts"]
    assert found["customer_id"].tolist() == ["E", "F", "A", "B"]
    assert found["days_since_word"].isna().all()
    assert found["why_en"][0] == "unrealised loss 20 % (CNY 20,000)"
    assert lists.sentences["loss_alerts"][0].endswith(
        "Without a value, since there is no contacts table: days_since_word, days_since_reached."
    )


def test_contacts_that_ended_a_year_ago_are_as_if_there_were_none(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, contacts=CONTACTS.replace("2024-", "2022-"))
    assert lists.frames["loss_alerts"]["days_since_word"].isna().all()
    assert lists.sentences["loss_alerts"][0].endswith(
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
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, contacts=CONTACTS, config=config)
    assert lists.frames["loss_alerts"]["customer_id"].tolist() == listed


def test_loss_of_what_cost_nothing_is_told_by_its_amount(lists_of):
    pnl = "holding_id,customer_id,month,market_value,cost_basis\nHA,A,2024-06-30,-12000,0\n"
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=pnl)
    assert lists.frames["loss_alerts"]["why_en"].tolist() == ["unrealised loss CNY 12,000"]


def test_values_that_end_before_the_last_month_end_make_no_list(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL.replace("2024-06-30", "2024-04-30"))
    assert {"loss_alerts", "upgrades"} <= set(lists.not_made)
    assert lists.sentences["loss_alerts"] == (
        "Not made: pnl holds no values at 2024-06-30.",
        "未生成：pnl 表没有 2024-06-30 的数据。",
    )
