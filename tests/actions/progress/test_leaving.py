import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from churn.actions.progress.leaving import measure_hold_out
from churn.actions.progress.units import Basis
from churn.actions.today import in_hold_out, read_today
from churn.config import Config, PlanSettings
from churn.data import open_bank
from churn.speech import say
from long_runs import examples
from progress_rows import write_contacts, write_customers, write_holdings

CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,2024-01-01,ordinary",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,M2,2020-01-10,2024-02-01,ordinary",
    "D,S,M2,2020-01-10,,gold",
    "E,S,M2,2020-01-10,2024-07-01,gold",
    "F,S,M2,2023-07-02,,gold",
)
PRODUCTS = ["fund", "cts", "insurance", "debit_card", "mortgage"]
HELD = {"A": 1, "B": 1, "C": 2, "D": 3, "E": 5, "F": 1}
OPENED = dict.fromkeys("ABCDE", "2020-01-10") | {"F": "2023-07-02"}
HOLDINGS = write_holdings(*(f"{who},{product},{OPENED[who]}," for who, n in HELD.items() for product in PRODUCTS[:n]))
CONTACTS = write_contacts(
    "A,M1,2023-07-01,message,true",
    "B,M1,2023-04-03,call,true",
    "D,M2,2023-04-02,call,true",
    "E,M2,2023-07-01,call,false",
    "C,M2,2023-07-02,call,true",
)
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS}


def test_churn_is_that_of_the_latest_horizon_complete_before_the_date(progress_of, told):
    progress = progress_of(**TABLES)
    # Of 2 July 2023: A to E. A and C left before 1 July 2024, E on that day; F came on the day.
    row = told(progress, "churn_observed")
    assert (row["value"], row["n"]) == (0.4, 5)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(2, 5, method="wilson"))
    assert [told(progress, "churn_observed", unit)["value"] for unit in ("N", "S", "M1")] == pytest.approx(
        [1 / 2, 1 / 3, 1 / 2]
    )
    assert any("customers of 2023-07-02 who left before 2024-07-01" in say(note, "en") for note in progress.notes)


def test_stated_churn_is_of_the_same_customers_where_a_rate_is_stated(progress_of, told):
    progress = progress_of(**TABLES)
    # A and B with 1 product, D with 3, E with 5; C holds 2, for which nothing is stated.
    stated, observed = told(progress, "churn_stated"), told(progress, "churn_observed_where_stated")
    assert (stated["value"], stated["n"]) == (pytest.approx((2 * 0.62 + 0.42 + 0.12) / 4), 4)
    assert np.isnan([stated["low"], stated["high"]]).all()
    assert (observed["value"], observed["n"]) == (0.25, 4)
    assert told(progress, "churn_stated", "S")["value"] == pytest.approx((0.42 + 0.12) / 2)


def test_stated_rates_are_converted_to_the_horizon(progress_of, told):
    progress = progress_of(horizon_days=100, **TABLES)
    # Of 23 March 2024: B, D, E, and F with 1 product
    expected = 1 - np.array([0.38, 0.38, 0.58, 0.88]) ** (100 / 365)
    assert told(progress, "churn_stated")["value"] == pytest.approx(expected.mean())


def test_bank_states_its_own_rates(progress_of, told):
    config = {"baselines": {"stated": {"2": 0.3}}}
    assert (told(progress_of(config=config, **TABLES), "churn_stated")["value"]) == pytest.approx(0.3)
    nothing = progress_of(folder="nothing", config={"baselines": {"stated": {}}}, **TABLES)
    assert say(nothing.not_told["churn_stated"], "en") == "no rate is stated for any number of products"


def test_predicted_churn_is_the_mean_of_todays_customers(progress_of, told):
    scores = pd.DataFrame({"customer_id": list("ABDEZ"), "churn_probability": [0.9, 0.2, 0.4, 0.1, 0.8]})
    progress = progress_of(scores=scores, **TABLES)
    row = told(progress, "churn_predicted")
    assert (row["value"], row["n"]) == (pytest.approx(0.7 / 3), 3)
    assert told(progress, "churn_predicted", "N")["value"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (None, "there are no scores"),
        (pd.DataFrame({"customer_id": ["Z"], "churn_probability": [0.5]}), "no customer has a score"),
    ],
)
def test_without_scores_nothing_is_predicted(progress_of, scores, why):
    assert say(progress_of(scores=scores, **TABLES).not_told["churn_predicted"], "en") == why


def test_those_contacted_are_those_reached_in_the_ninety_days_before_the_horizon(progress_of, told):
    progress = progress_of(contacts=CONTACTS, **TABLES)
    # A and B; D was reached a day too early, E was not reached, C was on the day itself.
    row = told(progress, "contacted_difference")
    assert (row["value"], row["n"]) == (pytest.approx(1 / 2 - 1 / 3), 5)
    expected = confint_proportions_2indep(1, 2, 1, 3, method="newcomb", compare="diff", correction=False)
    assert (row["low"], row["high"]) == pytest.approx(expected)
    # of N everybody was contacted: there is nobody to compare with
    assert np.isnan(told(progress, "contacted_difference", "N")["value"])
    assert "does not show what a contact does" in say(progress.notes[0], "en")


def test_contacts_that_begin_later_tell_no_difference(progress_of):
    contacts = write_contacts("A,M1,2023-07-02,message,true")
    transactions = "customer_id,transacted_on,channel,amount\nA,2023-01-01,atm,1\n"
    progress = progress_of(contacts=contacts, transactions=transactions, **TABLES)
    assert say(progress.not_told["contacted_difference"], "en") == (
        "contacts holds no row from 2023-04-03 on and before 2023-07-02"
    )


def test_labels_of_the_bank_are_used_from_which_a_horizon_has_passed(progress_of, told):
    labels = """\
customer_id,as_of,churned
A,2023-06-01,0
B,2023-06-01,1
A,2023-07-02,0
D,2023-07-03,1
"""
    row = told(progress_of(labels=labels, **TABLES), "churn_observed")
    # 2 July 2023 is 365 days before the date, 3 July is not.
    assert (row["value"], row["n"]) == (0, 1)
    late = progress_of(folder="late", labels="customer_id,as_of,churned\nD,2023-07-03,1\n", **TABLES)
    assert say(late.not_told["churn_observed"], "en") == "labels holds no outcome 365 days before 2024-07-01"


def test_data_shorter_than_the_horizon_tell_no_churn(progress_of):
    progress = progress_of(contacts=CONTACTS, horizon_days=500, **TABLES)
    for measure in ("churn_observed", "churn_stated", "hold_out_difference", "contacted_difference"):
        assert say(progress.not_told[measure], "en") == "the data begin on 2023-04-02, and 2023-02-17 is needed"


def test_silent_attrition_that_cannot_be_seen_is_noted(progress_of):
    said = "Silent attrition is not counted"
    assert any(say(note, "en").startswith(said) for note in progress_of(**TABLES).notes)
    months = ("2023-07-31", "2024-05-31", "2024-06-30")
    pnl = "holding_id,customer_id,month,market_value\n" + "".join(f"H0,B,{month},1\n" for month in months)
    with_pnl = progress_of(folder="pnl", pnl=pnl, **TABLES)
    assert not any(say(note, "en").startswith(said) for note in with_pnl.notes)
    closed = {"label": {"silent": False}}
    assert not any(
        say(note, "en").startswith(said) for note in progress_of(folder="off", config=closed, **TABLES).notes
    )
    only = progress_of(folder="only", config={"label": {"closed": False, "holdings": False}}, **TABLES)
    assert say(only.not_told["churn_observed"], "en").startswith("silent attrition is the only label asked for")


IDS = [f"C{number:03d}" for number in range(60)]
PLAN = {"hold_out": 0.4}
ARM_HELD = in_hold_out(pd.Series(IDS), PlanSettings(**PLAN))
# Half of those held out leave, and a quarter of the others; every third is of S.
LEFT = [(rank % 2 if held else rank % 4) == 0 for rank, held in zip(
    np.where(ARM_HELD, ARM_HELD.cumsum(), (~ARM_HELD).cumsum()), ARM_HELD, strict=True)]  # fmt: skip
ASSETS = [1000 + 10 * number for number in range(60)]
ARM_CUSTOMERS = write_customers(
    *(
        f"{who},{'S' if number % 3 == 0 else 'N'},M{number % 3},2020-01-10,{'2024-03-01' if left else ''},ordinary"
        for number, (who, left) in enumerate(zip(IDS, LEFT, strict=True))
    )
)
ARM_HOLDINGS = write_holdings(*(f"{who},fund,2020-01-10," for who in IDS))
PNL = "holding_id,customer_id,month,market_value\n" + "".join(
    f"H{number},{who},{month},{ASSETS[number]}\n"
    for number, (who, left) in enumerate(zip(IDS, LEFT, strict=True))
    for month in (["2023-06-30"] if left else ["2023-06-30", "2024-06-30"])
)
ARM_TABLES = {"customers": ARM_CUSTOMERS, "holdings": ARM_HOLDINGS, "pnl": PNL}
BEGUN = {"plan": PLAN, "progress": {"begun_on": "2023-07-02"}}


def arms(chosen):
    held = [left for left, out, mine in zip(LEFT, ARM_HELD, chosen, strict=True) if out and mine]
    others = [left for left, out, mine in zip(LEFT, ARM_HELD, chosen, strict=True) if not out and mine]
    return sum(held), len(held), sum(others), len(others)


def test_hold_out_difference_is_its_churn_less_that_of_the_others(progress_of, told):
    progress = progress_of(config=BEGUN, **ARM_TABLES)
    for unit, chosen in ((None, [True] * 60), ("S", [number % 3 == 0 for number in range(60)])):
        row, (a, n1, b, n0) = told(progress, "hold_out_difference", unit), arms(chosen)
        assert min(n1, n0) > 5
        assert (row["value"], row["n"]) == (pytest.approx(a / n1 - b / n0), n1 + n0)
        expected = confint_proportions_2indep(a, n1, b, n0, method="newcomb", compare="diff", correction=False)
        assert (row["low"], row["high"]) == pytest.approx(expected)


def test_value_kept_is_the_difference_times_what_the_others_were_worth(progress_of, told):
    progress = progress_of(config=BEGUN, **ARM_TABLES)
    # assets and 1,000 for the product each of them held
    worth = sum(assets + 1000 for assets, held in zip(ASSETS, ARM_HELD, strict=True) if not held)
    difference, row = told(progress, "hold_out_difference"), told(progress, "value_kept")
    expected = [difference[name] * worth for name in ("value", "low", "high")]
    assert [row[name] for name in ("value", "low", "high")] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "set [progress] begun_on to the day managers began to follow the plan"),
        ({"progress": {"begun_on": "2023-07-03"}}, "managers have followed the plan since 2023-07-03"),
        ({"plan": {"hold_out": 0}, "progress": {"begun_on": "2023-01-01"}}, "nobody is held out"),
    ],
)
def test_hold_out_tells_nothing_of_a_horizon_before_the_plan(progress_of, config, why):
    progress = progress_of(config=config, **ARM_TABLES)
    for measure in ("hold_out_difference", "value_kept"):
        assert say(progress.not_told[measure], "en").startswith(why)


@pytest.mark.parametrize("pnl", [None, PNL.replace("2023-06-30", "2023-05-31")])
def test_without_values_the_difference_is_told_and_its_worth_is_not(progress_of, told, pnl):
    progress = progress_of(config=BEGUN, **{**ARM_TABLES, "pnl": pnl})
    assert told(progress, "hold_out_difference")["n"] == 60
    assert "pnl" in say(progress.not_told["value_kept"], "en")


def test_unit_without_anybody_held_out_has_no_difference(progress_of, told):
    alone = ARM_CUSTOMERS + f"{next_other()},T,M9,2020-01-10,,ordinary\n"
    holdings = ARM_HOLDINGS + f"HX,{next_other()},fund,2020-01-10,\n"
    progress = progress_of(config=BEGUN, **{**ARM_TABLES, "customers": alone, "holdings": holdings})
    row = told(progress, "hold_out_difference", "T")
    assert row["n"] == 1
    assert np.isnan([row["value"], row["low"], row["high"]]).all()


def next_other():
    ids = pd.Series([f"X{number}" for number in range(20)])
    return ids[~in_hold_out(ids, PlanSettings(**PLAN))].iloc[0]


BEGUN_EARLY = {"progress": {"begun_on": "2023-01-01"}}


def test_hold_out_without_any_effect_covers_zero_in_about_95_of_100_draws(make_folder):
    rng = np.random.default_rng(5)
    left = rng.random(600) < 0.3
    ids = [f"C{number}" for number in range(600)]
    customers = write_customers(
        *(f"{who},N,M1,2020-01-10,{'2024-01-01' if gone else ''},ordinary" for who, gone in zip(ids, left, strict=True))
    )
    holdings = write_holdings(*(f"{who},fund,2020-01-10," for who in ids))
    begun = Config.model_validate(BEGUN_EARLY)
    with open_bank(make_folder(customers=customers, holdings=holdings), data_end=dt.date(2024, 6, 30)) as bank:
        basis = Basis.of(read_today(bank, None, dt.date(2024, 7, 1), begun), 365)
        covered = []
        for draw in range(examples(60, 200)):
            config = Config.model_validate({"plan": {"hold_out": 0.2, "hold_out_salt": f"draw {draw}"}, **BEGUN_EARLY})
            drawn = replace(basis, today=replace(basis.today, config=config))
            found = measure_hold_out(drawn)["hold_out_difference"].interval
            covered.append(found.low[0] <= 0 <= found.high[0])
    error = np.sqrt(0.95 * 0.05 / len(covered))
    assert abs(np.mean(covered) - 0.95) <= 3 * error


N = 160
OFFERED = [number % 2 == 0 for number in range(N)]
# 10 of 80 offered leave, 30 of 80 others; 8 of each arm are of S and M2
GONE = [number < 20 if offered else number < 60 for number, offered in enumerate(OFFERED)]
OFFER_CUSTOMERS = write_customers(
    *(
        f"C{number},{'S,M2' if number >= N - 16 else 'N,M1'},2020-01-10,{'2024-01-01' if GONE[number] else ''},ordinary"
        for number in range(N)
    )
)
OFFER_HOLDINGS = write_holdings(*(f"C{number},fund,2020-01-10," for number in range(N)))


def campaigns(day, name="X"):
    return "".join(
        f"{name},C{number},fund_trading,{day},{'treated' if OFFERED[number] else 'control'}\n" for number in range(N)
    )


HEADER = "campaign_id,customer_id,service,assigned_on,arm\n"


def test_offers_are_compared_with_those_not_offered(progress_of, told):
    tables = {"customers": OFFER_CUSTOMERS, "holdings": OFFER_HOLDINGS}
    progress = progress_of(campaigns=HEADER + campaigns("2023-07-02"), **tables)
    row = told(progress, "offers_difference")
    assert (row["value"], row["n"]) == (pytest.approx(10 / 80 - 30 / 80), N)
    # One stratum of equal arms: Sato's variance is RD P + Q with P = (b - a) / 4, Q = (a (n - b) + b (n - a)) / 4n
    variance = (-0.25 * (30 - 10) / 4 + (10 * 50 + 30 * 70) / 320) / (80 * 80 / 160) ** 2
    reach = 1.959964 * np.sqrt(variance)
    assert (row["low"], row["high"]) == pytest.approx((-0.25 - reach, -0.25 + reach), abs=1e-6)
    south = told(progress, "offers_difference", "S")
    assert (south["value"], south["n"]) == (0, 16)
    assert south["low"] < -0.2
    assert south["high"] > 0.2
    assert told(progress, "offers_difference", "N")["value"] == pytest.approx(10 / 72 - 30 / 72)


def test_customers_who_were_only_called_are_in_neither_arm(progress_of, told):
    tables = {"customers": OFFER_CUSTOMERS, "holdings": OFFER_HOLDINGS}
    rows = (HEADER + campaigns("2023-07-02")).splitlines(keepends=True)
    others = [number for number, row in enumerate(rows) if row.endswith("control\n")][:20]
    without = "".join(row for number, row in enumerate(rows) if number not in others)
    called = "".join(row.replace("control", "call") if n in others else row for n, row in enumerate(rows))

    found = told(progress_of(folder="called", campaigns=called, **tables), "offers_difference")
    expected = told(progress_of(folder="without", campaigns=without, **tables), "offers_difference")
    assert found["n"] == N - 20
    assert found[["value", "low", "high", "n"]].equals(expected[["value", "low", "high", "n"]])


def test_manager_needs_thirty_customers_in_each_arm(progress_of, told):
    tables = {"customers": OFFER_CUSTOMERS, "holdings": OFFER_HOLDINGS}
    progress = progress_of(campaigns=HEADER + campaigns("2023-07-02"), **tables)
    assert told(progress, "offers_difference", "M1")["value"] == pytest.approx(10 / 72 - 30 / 72)
    few = told(progress, "offers_difference", "M2")
    assert few["n"] == 16
    assert np.isnan([few["value"], few["low"], few["high"]]).all()


def test_campaigns_whose_horizon_ends_on_the_date_or_later_tell_nothing(progress_of, told):
    tables = {"customers": OFFER_CUSTOMERS, "holdings": OFFER_HOLDINGS}
    both = HEADER + campaigns("2023-07-02") + campaigns("2023-07-03", "Y")
    # an outcome of 2025 is in the data, and not known on the date
    known = "customer_id,transacted_on,channel,amount\nC0,2023-01-01,atm,1\nC1,2024-06-30,atm,1\nC1,2025-12-31,atm,1\n"
    later = {"data_end": dt.date(2025, 12, 31), "transactions": known}
    assert told(progress_of(campaigns=both, **later, **tables), "offers_difference")["n"] == N
    late = progress_of(folder="late", campaigns=HEADER + campaigns("2023-07-03"), **tables)
    assert say(late.not_told["offers_difference"], "en") == "no campaign's horizon was complete before 2024-07-01"
    none = progress_of(folder="none", **tables)
    assert say(none.not_told["offers_difference"], "en") == "there is no campaigns table"
