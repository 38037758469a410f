import datetime as dt

import pandas as pd
import pytest

from churn.actions.lists.build import build_lists
from churn.actions.today import in_hold_out, read_today
from churn.config import Config, ListSettings, PlanSettings
from churn.data import open_bank
from churn.scores import check_scores
from churn.simulation import simulate_bank
from churn.speech import say

CUSTOMERS = "customer_id,branch_id,manager_id,opened_on,birth_year,tier,do_not_contact\n" + "".join(
    f"{who},{branch},M1,{opened},{born},ordinary,{refuses}\n"
    for who, branch, opened, born, refuses in [
        ("A", "N", "2020-01-10", 1980, "false"),
        ("B", "N", "2023-07-02", 1985, "false"),
        ("C", "N", "2023-07-03", 1990, "false"),
        ("D", "N", "2020-01-10", 1981, "false"),
        ("E", "N", "2020-01-10", 1982, "true"),
        ("F", "S", "2020-01-10", "", "false"),
        ("G", "N", "2024-06-30", 1980, "false"),
        ("H", "N", "2024-07-01", 1980, "false"),
    ]
)
HELD = [(who, product) for who in "ABCDEFG" for product in ("debit_card", "fund")]
HOLDINGS = "holding_id,customer_id,product,opened_on\n" + "".join(
    f"{who}{product},{who},{product},{'2024-06-30' if who == 'G' else '2023-07-03'}\n" for who, product in HELD
)
PNL = """\
holding_id,customer_id,month,market_value,cost_basis
Afund,A,2024-06-30,11000,10000
Bfund,B,2024-06-30,10000,10000
Cfund,C,2024-06-30,10001,10000
Dfund,D,2024-06-30,9999.99,10000
Efund,E,2024-06-30,12000,10000
Ffund,F,2024-06-30,12000,10000
"""
CONTACTS = """\
contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached
C1,A,M1,2024-06-30,call,offer,true
C2,B,M1,2024-06-30,message,offer,true
C3,C,M1,2024-07-01,call,offer,true
C4,D,M1,2024-06-30,call,offer,true
C5,E,M1,2024-06-30,call,offer,true
C6,F,M1,2024-06-30,call,offer,false
"""
REFERRALS = """\
referrer_id,referred_id,referred_on
A,G,2024-06-30
A,G,2024-06-29
B,H,2024-06-30
D,G,2024-06-30
F,C,2023-07-03
"""
SCORES = pd.DataFrame(
    {
        "customer_id": list("ABCDEFG"),
        "churn_probability": [0.2, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1],
        "risk_band": ["medium", "low", "low", "low", "low", "high", "low"],
    }
)
TABLES = {
    "customers": CUSTOMERS, "holdings": HOLDINGS, "pnl": PNL, "contacts": CONTACTS, "referrals": REFERRALS
}  # fmt: skip


def test_satisfied_customers_with_three_of_five_signs_are_listed(lists_of):
    lists = lists_of(**TABLES, scores=SCORES)
    found = lists.frames["referrers"]
    # A: all but the band; B has no profit, and H, whom B brought, is no customer before the day; C is two days short
    # of a year and was reached too late; D loses a cent, F is at high risk, G is new, E refused
    assert found[["rank", "customer_id", "n_signs", "n_referred", "n_reached_365d", "tenure_days"]].values.tolist() == [
        [1, "A", 4, 1, 1, 1634],
        [2, "B", 3, 0, 1, 365],
    ]
    assert found["why_en"].tolist() == [
        "referred 1 customer before, unrealised profit CNY 1,000, reached once in a year, customer for 4.5 years",
        "reached once in a year, low risk of leaving, customer for 365 days",
    ]
    assert found["why_zh"][0] == "曾转介绍 1 位客户，浮盈 1,000 元，一年内联系上 1 次，成为客户 4.5 年"
    assert say(lists.sentences["referrers"], "en") == "2 customers. 1 more asked not to be contacted and is left out."


def test_sign_that_is_not_known_is_neither_for_nor_against(lists_of):
    lists = lists_of(**TABLES)
    found = lists.frames["referrers"]
    # without scores B lacks a sign, and F no longer shows a high risk
    assert found[["customer_id", "n_signs"]].values.tolist() == [["A", 4], ["F", 3]]
    assert say(lists.sentences["referrers"], "en").endswith(
        "Without a value, since there are no scores: churn_probability."
    )


def test_with_too_few_signs_that_can_be_known_there_is_no_list(lists_of):
    lists = lists_of(customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL)
    assert {"referrers", "circles"} <= set(lists.not_made)
    said = "Not made: there is no referrals table; there is no contacts table; there are no scores."
    assert say(lists.sentences["referrers"], "en") == say(lists.sentences["circles"], "en") == said
    settings = ListSettings(referrer_signs=2)
    enough = lists_of(folder="again", customers=CUSTOMERS, holdings=HOLDINGS, pnl=PNL, settings=settings)
    assert enough.frames["referrers"]["customer_id"].tolist() == ["A", "F"]


def test_circles_are_likely_referrers_of_one_branch_age_band_and_product(lists_of):
    settings = ListSettings(referrer_signs=2, circle_size=2, common_share=6 / 7)
    holdings = HOLDINGS.replace("Gfund,G,fund", "Gfund,G,cts").replace("Efund,E,fund", "Efund,E,fund")
    lists = lists_of(**{**TABLES, "holdings": holdings}, scores=SCORES, settings=settings)
    found = lists.frames["circles"]
    # all hold the debit card, six of seven the fund; A is 44, B 39, C 34; E, who refused, is not counted in the size;
    # F's age is not known, and alone in its branch; G holds no fund
    assert found[["rank", "customer_id", "circle", "circle_size", "age_band", "product"]].values.tolist() == [
        [1, "A", 1, 3, "30 to 44", "fund"],
        [2, "B", 1, 3, "30 to 44", "fund"],
        [3, "C", 1, 3, "30 to 44", "fund"],
    ]
    assert found["why_en"][1] == (
        "3 likely referrers of branch N, aged 30 to 44, hold fund; this one: reached once in a year, low risk of"
        " leaving, customer for 365 days"
    )
    assert found["why_zh"][1].startswith("网点 N、30 至 44 岁、持有基金的潜在转介绍客户共 3 位；本客户：")
    assert say(lists.sentences["circles"], "en") == (
        "3 customers. 1 more asked not to be contacted and is left out. A customer in several groups is listed in each."
    )


def hold_out_of(held):
    """Settings of the plan under which, of A to H, just these are held out."""
    drawn = (PlanSettings(hold_out=0.25, hold_out_salt=str(number)) for number in range(10_000))
    names = pd.Series(list("ABCDEFGH"))
    return next(settings for settings in drawn if "".join(names[in_hold_out(names, settings)]) == held)


def test_hold_out_is_in_no_circle_and_not_in_its_size(lists_of):
    settings = ListSettings(referrer_signs=2, circle_size=2, common_share=6 / 7)
    holdings = HOLDINGS.replace("Gfund,G,fund", "Gfund,G,cts")
    tables = {**TABLES, "holdings": holdings, "scores": SCORES, "settings": settings}
    lists = lists_of(**tables, config=Config(plan=hold_out_of("BE")))
    found = lists.frames["circles"]
    # as above, but for B; E refused, and is counted there
    assert found[["rank", "customer_id", "circle_size"]].values.tolist() == [[1, "A", 2], [2, "C", 2]]
    assert say(lists.sentences["circles"], "en") == (
        "2 customers. 1 more asked not to be contacted and is left out. 1 of the random hold-out is left out. A"
        " customer in several groups is listed in each."
    )
    fewer = lists_of(**tables, folder="fewer", config=Config(plan=hold_out_of("BC")))
    assert fewer.frames["circles"].empty


@pytest.mark.parametrize(
    "settings",
    [
        ListSettings(referrer_signs=2, circle_size=4, common_share=1.0),
        ListSettings(referrer_signs=2, circle_size=2, common_share=0.85),
    ],
    ids=["too small", "too common"],
)
def test_circle_too_small_or_of_a_product_most_hold_is_none(lists_of, settings):
    holdings = HOLDINGS.replace("Gfund,G,fund", "Gfund,G,cts")
    lists = lists_of(**{**TABLES, "holdings": holdings}, scores=SCORES, settings=settings)
    assert lists.frames["circles"].empty
    assert "circles" not in lists.not_made
    assert say(lists.sentences["circles"], "en").startswith("Nobody.")


def test_without_birth_years_there_are_no_circles(lists_of):
    customers = "\n".join(",".join(line.split(",")[:4] + line.split(",")[5:]) for line in CUSTOMERS.splitlines())
    lists = lists_of(**{**TABLES, "customers": customers + "\n"}, scores=SCORES)
    assert say(lists.sentences["circles"], "en") == "Not made: customers has no column birth_year."
    assert not lists.frames["referrers"].empty


def test_listed_customers_bring_somebody_in_the_following_year_more_often_than_others(tmp_path):
    listed, others = [], []
    for seed in (1, 2, 3):
        folder = tmp_path / f"bank-{seed}"
        simulate_bank(folder, customers=6_000, months=36, seed=seed)
        risk = pd.read_parquet(folder / "truth" / "oracle.parquet").rename(columns={"oracle_risk": "churn_probability"})
        mean = risk["churn_probability"].mean()
        band = pd.cut(
            risk["churn_probability"], [-1, mean / 2, 2 * mean, 2], right=False, labels=["low", "medium", "high"]
        )
        with open_bank(folder, n_threads=1) as bank:
            scores = check_scores(risk.assign(risk_band=band.astype("str"), as_of="2025-01-01"))
            lists = build_lists(read_today(bank, scores, dt.date(2025, 1, 1), bank.config))
        table = pd.read_parquet(folder / "referrals.parquet")
        later = table["referrer_id"][pd.to_datetime(table["referred_on"]) >= "2025-01-01"].unique()
        on_list = risk["customer_id"].isin(lists.frames["referrers"]["customer_id"])
        brings = risk["customer_id"].isin(later)
        listed += brings[on_list].tolist()
        others += brings[~on_list].tolist()
    # a rate of some per cent: its standard error is about the root of rate over n
    rate, usual = sum(listed) / len(listed), sum(others) / len(others)
    assert rate - 2 * (rate / len(listed)) ** 0.5 > usual + 2 * (usual / len(others)) ** 0.5
