import datetime as dt

import pytest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson

from progress_rows import write_customers, write_holdings

CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,,gold",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,M2,2020-01-10,,ordinary",
    "D,S,M2,2020-01-10,2024-03-01,gold",
    "E,S,M2,2020-01-10,,ordinary",
    "F,S,M2,2020-01-10,,platinum",
    "G,N,M1,2023-09-01,,ordinary",
)
HOLDINGS = write_holdings(*(f"{who},fund,2020-01-10," for who in "ABCEF"), "D,fund,2020-01-10,2024-03-01",
                          "G,fund,2023-09-01,")  # fmt: skip
COUNTER = """\
customer_id,transacted_on,channel,amount,queue_ticket
A,2022-01-03,counter,5,vip
A,2022-08-01,counter,100000,ordinary
A,2022-09-01,counter,200000,ordinary
D,2022-08-01,counter,-100000,ordinary
E,2022-08-01,counter,100000,ordinary
C,2022-08-01,counter,99999.99,ordinary
C,2022-08-02,counter,500000,vip
F,2022-08-01,counter,900000,ordinary
B,2023-07-02,counter,900000,ordinary
B,2024-06-01,counter,100000,ordinary
B,2024-06-02,counter,10,ordinary
C,2024-06-30,counter,-5,ordinary
E,2024-06-30,online,900000,
E,2024-07-01,counter,900000,ordinary
G,2024-05-31,counter,900000,ordinary
F,2024-06-30,counter,900000,ordinary
"""
STATES = """\
customer_id,valid_from,tier
A,2020-01-10,ordinary
A,2022-08-02,gold
D,2020-01-10,ordinary
E,2020-01-10,gold
E,2022-08-01,ordinary
F,2020-01-10,platinum
B,2020-01-10,ordinary
"""
REFERRALS = """\
referrer_id,referred_id,referred_on
A,B,2022-07-02
A,C,2023-07-01
A,E,2023-07-02
A,E,2024-01-01
B,G,2023-08-01
D,F,2024-02-01
C,F,2024-07-01
"""
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "transactions": COUNTER, "customer_states": STATES,
          "referrals": REFERRALS}  # fmt: skip


def test_share_seen_is_of_the_ordinary_customers_who_came_each_once(progress_of, told):
    progress = progress_of(**TABLES)
    # From 1 June on B and C came, and B with a large sum; F is no ordinary customer, G came before, E online and today.
    row = told(progress, "potential_vips_seen")
    assert (row["value"], row["n"], row["target"]) == (0.5, 2, 0.05)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1, 2, method="wilson"))
    assert [told(progress, "potential_vips_seen", unit)["value"] for unit in ("N", "S")] == [1, 0]


def test_bank_sets_what_is_large_and_what_share_it_expects(progress_of, told):
    config = {"lists": {"large_counter_cny": 100_000.01, "counter_share": 0.08}, "progress": {"window_days": 31}}
    row = told(progress_of(config=config, **TABLES), "potential_vips_seen")
    # a day more brings G, whose sum is large
    assert (row["value"], row["n"], row["target"]) == (pytest.approx(1 / 3), 3, 0.08)


def test_converted_are_those_ordinary_when_seen_who_are_vips_now(progress_of, told):
    progress = progress_of(**TABLES)
    # From 2 July 2022 on and before 2 July 2023: A and D were ordinary (A on the first of two days), E from that
    # day on. C's were not large or on a VIP ticket, F was one already, B came a day late. A is gold now; D was, and
    # has left.
    row = told(progress, "potential_vips_converted")
    assert (row["value"], row["n"]) == (pytest.approx(1 / 3), 3)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1, 3, method="wilson"))
    assert [told(progress, "potential_vips_converted", unit)["value"] for unit in ("N", "S")] == [1, 0]
    assert any("from 2022-07-02 on and before 2023-07-02" in en for en, _ in progress.notes)


def test_where_the_data_are_short_those_seen_180_days_ago_are_judged(progress_of, told):
    # The data begin on 2 July 2023 but for A's first visit, now on 1 June: no window of 30 days before the last year.
    counter = COUNTER.replace("2022-01-03", "2023-07-02").replace("2022-0", "2023-1").replace("2023-19", "2023-12")
    counter = counter.replace("2023-18", "2023-11")
    progress = progress_of(**{**TABLES, "transactions": counter})
    # A was gold by November 2023; B, D and E were ordinary, F never; of them only D was gold, and has left.
    row = told(progress, "potential_vips_converted")
    assert (row["value"], row["n"]) == (0, 3)
    assert any("and before 2024-01-03" in en for en, _ in progress.notes)


def test_referrals_count_once_and_per_thousand_customers_of_the_day(progress_of, told):
    progress = progress_of(**TABLES)
    # The year from 2 July 2023 on: A brought E (said twice, counted once); D, who has left, F; G's was said before G
    # came, and B gets it in that year too. C's is of the day itself. Six customers today.
    row = told(progress, "referrals")
    assert (row["value"], row["n"]) == (pytest.approx(1000 * 3 / 6), 6)
    low, high = confint_poisson(3, 6, method="exact-c")
    assert (row["low"], row["high"]) == pytest.approx((1000 * low, 1000 * high))
    # N has A, B and G today: A and B brought one each.
    assert told(progress, "referrals", "N")["value"] == pytest.approx(2000 / 3)


def test_change_of_referrals_is_against_the_year_before_and_its_customers(progress_of, told):
    progress = progress_of(**TABLES)
    # 2 July 2022 to 1 July 2023: B and C, by A, among the six customers of 2 July 2023 (G is none yet, D still is)
    row = told(progress, "referrals_change")
    assert row["value"] == pytest.approx(1000 * (3 - 2) / 6)
    assert row["low"] < 0 < row["high"]


@pytest.mark.parametrize(
    ("tables", "measures", "why"),
    [
        ({"transactions": None}, ["potential_vips_seen", "potential_vips_converted"], "there is no transactions table"),
        (
            {"transactions": "customer_id,transacted_on,channel,amount\nA,2024-06-30,counter,1\n"},
            ["potential_vips_seen", "potential_vips_converted"],
            "transactions has no column queue_ticket",
        ),
        ({"customer_states": None}, ["potential_vips_converted"], "there is no customer_states table"),
        ({"referrals": None}, ["referrals", "referrals_change"], "there is no referrals table"),
        (
            {"transactions": COUNTER.replace("2024-06", "2023-06")},
            ["potential_vips_seen"],
            "transactions holds no row from 2024-06-01 on and before 2024-07-01",
        ),
    ],
)
def test_what_is_not_known_of_growth_is_said(progress_of, tables, measures, why):
    progress = progress_of(**{**TABLES, **tables})
    assert {measure: progress.not_told[measure][0] for measure in measures} == dict.fromkeys(measures, why)


def test_data_of_less_than_two_years_tell_referrals_and_no_change(progress_of, told):
    tables = {**TABLES, "transactions": "\n".join(line for line in COUNTER.splitlines() if ",2022-" not in line) + "\n"}
    progress = progress_of(date=dt.date(2024, 7, 2), **tables)
    assert told(progress, "referrals")["n"] == 6
    assert progress.not_told["referrals_change"][0] == "the data begin on 2023-07-02, and 2022-07-03 is needed"
