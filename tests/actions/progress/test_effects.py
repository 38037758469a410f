import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from churn.actions.progress.effects import measure_hold_out
from churn.actions.progress.facts import progress_facts
from churn.actions.today import in_hold_out, read_today
from churn.config import Config, PlanSettings, ProgressSettings
from churn.data import open_bank
from progress_rows import write_customers, write_holdings

IDS = [f"C{number:03d}" for number in range(60)]
PLAN = {"hold_out": 0.4}
HELD = in_hold_out(pd.Series(IDS), PlanSettings(**PLAN))
# Half of those held out leave, and a quarter of the others; every third is of S.
LEFT = [(rank % 2 if held else rank % 4) == 0 for rank, held in zip(
    np.where(HELD, HELD.cumsum(), (~HELD).cumsum()), HELD, strict=True)]  # fmt: skip
ASSETS = [1000 + 10 * number for number in range(60)]
CUSTOMERS = write_customers(
    *(
        f"{who},{'S' if number % 3 == 0 else 'N'},M{number % 3},2020-01-10,{'2024-03-01' if left else ''},ordinary"
        for number, (who, left) in enumerate(zip(IDS, LEFT, strict=True))
    )
)
HOLDINGS = write_holdings(*(f"{who},fund,2020-01-10," for who in IDS))
PNL = "holding_id,customer_id,month,market_value\n" + "".join(
    f"H{number},{who},{month},{ASSETS[number]}\n"
    for number, (who, left) in enumerate(zip(IDS, LEFT, strict=True))
    for month in (["2023-06-30"] if left else ["2023-06-30", "2024-06-30"])
)
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "pnl": PNL}
BEGUN = {"plan": PLAN, "progress": {"begun_on": "2023-07-02"}}


def arms(chosen):
    held = [left for left, out, mine in zip(LEFT, HELD, chosen, strict=True) if out and mine]
    others = [left for left, out, mine in zip(LEFT, HELD, chosen, strict=True) if not out and mine]
    return sum(held), len(held), sum(others), len(others)


def test_hold_out_difference_is_its_churn_less_that_of_the_others(progress_of, told):
    progress = progress_of(config=BEGUN, **TABLES)
    for unit, chosen in ((None, [True] * 60), ("S", [number % 3 == 0 for number in range(60)])):
        row, (a, n1, b, n0) = told(progress, "hold_out_difference", unit), arms(chosen)
        assert min(n1, n0) > 5
        assert (row["value"], row["n"]) == (pytest.approx(a / n1 - b / n0), n1 + n0)
        expected = confint_proportions_2indep(a, n1, b, n0, method="newcomb", compare="diff", correction=False)
        assert (row["low"], row["high"]) == pytest.approx(expected)


def test_value_kept_is_the_difference_times_what_the_others_were_worth(progress_of, told):
    progress = progress_of(config=BEGUN, **TABLES)
    # assets and 1,000 for the product each of them held
    worth = sum(assets + 1000 for assets, held in zip(ASSETS, HELD, strict=True) if not held)
    difference, row = told(progress, "hold_out_difference"), told(progress, "value_kept")
    expected = [difference[name] * worth for name in ("value", "low", "high")]
    assert [row[name] for name in ("value", "low", "high")] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "it is not said since when managers' days are planned from scores"),
        ({"progress": {"begun_on": "2023-07-03"}}, "managers' days are planned from scores since 2023-07-03"),
        ({"plan": {"hold_out": 0}, "progress": {"begun_on": "2023-01-01"}}, "nobody is held out"),
    ],
)
def test_hold_out_tells_nothing_of_a_horizon_before_the_plan(progress_of, config, why):
    progress = progress_of(config=config, **TABLES)
    for measure in ("hold_out_difference", "value_kept"):
        assert progress.not_told[measure][0].startswith(why)


@pytest.mark.parametrize("pnl", [None, PNL.replace("2023-06-30", "2023-05-31")])
def test_without_values_the_difference_is_told_and_its_worth_is_not(progress_of, told, pnl):
    progress = progress_of(config=BEGUN, **{**TABLES, "pnl": pnl})
    assert told(progress, "hold_out_difference")["n"] == 60
    assert "pnl" in progress.not_told["value_kept"][0]


def test_unit_without_anybody_held_out_has_no_difference(progress_of, told):
    alone = CUSTOMERS + f"{next_other()},T,M9,2020-01-10,,ordinary\n"
    holdings = HOLDINGS + f"HX,{next_other()},fund,2020-01-10,\n"
    progress = progress_of(config=BEGUN, **{**TABLES, "customers": alone, "holdings": holdings})
    row = told(progress, "hold_out_difference", "T")
    assert row["n"] == 1
    assert np.isnan([row["value"], row["low"], row["high"]]).all()


def next_other():
    ids = pd.Series([f"X{number}" for number in range(20)])
    return ids[~in_hold_out(ids, PlanSettings(**PLAN))].iloc[0]


def test_hold_out_without_any_effect_covers_zero_in_about_95_of_100_draws(make_folder):
    rng = np.random.default_rng(5)
    left = rng.random(600) < 0.3
    ids = [f"C{number}" for number in range(600)]
    customers = write_customers(
        *(f"{who},N,M1,2020-01-10,{'2024-01-01' if gone else ''},ordinary" for who, gone in zip(ids, left, strict=True))
    )
    holdings = write_holdings(*(f"{who},fund,2020-01-10," for who in ids))
    begun = Config(progress=ProgressSettings(begun_on=dt.date(2023, 1, 1)))
    with open_bank(make_folder(customers=customers, holdings=holdings), data_end=dt.date(2024, 6, 30)) as bank:
        facts = progress_facts(read_today(bank, None, dt.date(2024, 7, 1), begun), 365)
        covered = []
        for draw in range(200):
            config = Config.model_validate({"plan": {"hold_out": 0.2, "hold_out_salt": f"draw {draw}"}})
            found = measure_hold_out(dataclasses.replace(facts, config=config))["hold_out_difference"].interval
            covered.append(found.low[0] <= 0 <= found.high[0])
    # 95 %, give or take three standard errors
    assert 0.904 <= np.mean(covered) <= 0.996


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
    assert late.not_told["offers_difference"][0] == "no campaign's horizon was complete before 2024-07-01"
    none = progress_of(folder="none", **tables)
    assert none.not_told["offers_difference"][0] == "there is no campaigns table"
