import datetime as dt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson

from churn.speech import say
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
    assert any("from 2022-07-02 on and before 2023-07-02" in say(note, "en") for note in progress.notes)


def test_where_the_data_are_short_those_seen_180_days_ago_are_judged(progress_of, told):
    # The data begin on 2 July 2023 but for A's first visit, now on 1 June: no window of 30 days before the last year.
    counter = COUNTER.replace("2022-01-03", "2023-07-02").replace("2022-0", "2023-1").replace("2023-19", "2023-12")
    counter = counter.replace("2023-18", "2023-11")
    progress = progress_of(**{**TABLES, "transactions": counter})
    # A was gold by November 2023; B, D and E were ordinary, F never; of them only D was gold, and has left.
    row = told(progress, "potential_vips_converted")
    assert (row["value"], row["n"]) == (0, 3)
    assert any("and before 2024-01-03" in say(note, "en") for note in progress.notes)


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
    assert {measure: say(progress.not_told[measure], "en") for measure in measures} == dict.fromkeys(measures, why)


def test_data_of_less_than_two_years_tell_referrals_and_no_change(progress_of, told):
    tables = {**TABLES, "transactions": "\n".join(line for line in COUNTER.splitlines() if ",2022-" not in line) + "\n"}
    progress = progress_of(date=dt.date(2024, 7, 2), **tables)
    assert told(progress, "referrals")["n"] == 6
    assert say(progress.not_told["referrals_change"], "en") == "the data begin on 2023-07-02, and 2022-07-03 is needed"


HELD_CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,,gold",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,M2,2024-01-10,,ordinary",
    "D,S,M2,2020-01-10,2024-03-01,gold",
    "E,S,M2,2020-01-10,,gold",
)
HELD_HOLDINGS = write_holdings(
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
HELD_TABLES = {"customers": HELD_CUSTOMERS, "holdings": HELD_HOLDINGS, "bindings": BINDINGS}


def test_products_and_services_are_counted_of_todays_customers(progress_of, told):
    progress = progress_of(**HELD_TABLES)
    # products: A 2 (two funds are one, what is opened today is not yet), B 1, C 1, E 1; services: A 2, B 0, C 0, E 1
    products, services = told(progress, "product_coverage"), told(progress, "bindings_per_customer")
    for row, values in ((products, [2, 1, 1, 1]), (services, [2, 0, 0, 1])):
        expected = stats.ttest_1samp(values, 0).confidence_interval()
        assert (row["value"], row["n"]) == (np.mean(values), 4)
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert [told(progress, "product_coverage", unit)["value"] for unit in ("N", "S", "M1")] == [1.5, 1, 1.5]


def test_change_is_that_of_customers_of_both_days(progress_of, told):
    progress = progress_of(**HELD_TABLES)
    # A 1 to 2, B 1 to 1, E 3 to 1; C was none yet, D is none any more. Services: A 1 to 2, B 0, E 1 to 1.
    for name, changes in (("product_coverage_change", [1, 0, -2]), ("bindings_per_customer_change", [1, 0, 0])):
        row, expected = told(progress, name), stats.ttest_1samp(changes, 0).confidence_interval()
        assert (row["value"], row["n"]) == (pytest.approx(np.mean(changes)), 3)
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert told(progress, "product_coverage_change", "M2")["value"] == -2
    assert np.isnan(told(progress, "product_coverage_change", "M2")["low"])


def test_change_is_over_the_horizon(progress_of, told):
    # On 3 December 2023 E still held three products.
    progress = progress_of(horizon_days=211, **HELD_TABLES)
    assert told(progress, "product_coverage_change")["value"] == pytest.approx(-1 / 3)
    # On 2 January 2024 E held one.
    assert told(progress_of(horizon_days=181, folder="short", **HELD_TABLES), "product_coverage_change")["value"] == (
        pytest.approx(1 / 3)
    )


def test_without_bindings_products_are_still_told(progress_of):
    progress = progress_of(**{**HELD_TABLES, "bindings": None})
    assert say(progress.not_told["bindings_per_customer"], "en") == "there is no bindings table"
    assert say(progress.not_told["bindings_per_customer_change"], "zh") == "缺少 bindings 表"
    assert {"product_coverage", "product_coverage_change"} <= set(progress.measures["measure"])


def test_data_that_begin_later_tell_no_change(progress_of):
    progress = progress_of(horizon_days=1700, **HELD_TABLES)
    for name in ("product_coverage_change", "bindings_per_customer_change"):
        assert say(progress.not_told[name], "en") == "the data begin on 2020-01-10, and 2019-11-05 is needed"
