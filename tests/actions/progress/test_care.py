import datetime as dt

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from churn.actions.lists.build import build_lists
from churn.actions.progress.build import build_progress
from churn.actions.today import read_today
from churn.actions.value import is_felt_loss
from churn.config import Config
from churn.data import open_bank
from churn.speech import say
from progress_rows import write_contacts, write_customers, write_holdings

CUSTOMERS = write_customers(
    "A,N,M1,2020-01-10,,gold",
    "B,N,M1,2020-01-10,,ordinary",
    "C,S,M1,2020-01-10,,platinum",
    "D,S,,2020-01-10,,gold",
    "E,N,M1,2020-01-10,2024-06-30,gold",
    "F,S,M2,2020-01-10,,gold",
)
HOLDINGS = write_holdings(*(f"{who},fund,2020-01-10," for who in "ABCDEF"))
PNL = """\
holding_id,customer_id,month,market_value,cost_basis
HA,A,2024-05-31,100,100
HA,A,2024-06-30,95,100
HB,B,2024-05-31,90,100
HB,B,2024-06-30,90,100
HC,C,2024-06-30,990000,1000000
HD,D,2024-04-30,100,100
HD,D,2024-06-30,95.01,100
HE,E,2024-06-30,50,100
HF,F,2024-03-31,50,100
HF,F,2024-04-30,50,100
"""
CONTACTS = write_contacts(
    "A,M1,2024-07-07,call,true",
    "B,M1,2024-05-31,call,true",
    "B,M1,2024-06-08,call,true",
    "C,M1,2024-07-01,meeting,false",
)
TABLES = {"customers": CUSTOMERS, "holdings": HOLDINGS, "pnl": PNL, "contacts": CONTACTS}
LATER = dt.date(2024, 7, 20)


def test_vips_without_a_manager_or_with_one_of_another_branch_are_not_looked_after(progress_of, told):
    progress = progress_of(**TABLES)
    # M1's are A and B of N, and C of S (E has left): M1 is of N. Looked after are A and F; not C, whose manager is
    # N's, nor D.
    row = told(progress, "vip_responsibility")
    assert (row["value"], row["n"], row["target"]) == (0.5, 4, 1)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(2, 4, method="wilson"))
    assert {unit: told(progress, "vip_responsibility", unit)["value"] for unit in ("N", "S", "M1", "M2")} == (
        pytest.approx({"N": 1, "S": 1 / 3, "M1": 1 / 2, "M2": 1})
    )


def test_stated_branch_of_a_manager_decides_whose_vips_are_at_home(progress_of, told):
    progress = progress_of(config={"plan": {"managers": {"M1": {"branch": "S"}}}}, **TABLES)
    # now A is the one whose manager is of another branch
    assert [told(progress, "vip_responsibility", unit)["value"] for unit in ("N", "S")] == pytest.approx([0, 2 / 3])


def test_loss_begins_at_a_month_end_at_which_it_is_felt_and_was_not_before(progress_of, told):
    progress = progress_of(date=LATER, **TABLES)
    # A: begins in June, reached on the seventh day. B: begins in May, reached on that day and on the eighth, not within
    # seven. C: CNY 10,000 lost in June, tried and not reached. D lost a cent less than a twentieth. E had left by the
    # month-end. F's loss of April had begun in March, and of February nothing is known.
    row = told(progress, "losses_contacted")
    assert (row["value"], row["n"], row["target"]) == (pytest.approx(1 / 3), 3, 1)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1, 3, method="wilson"))
    assert [told(progress, "losses_contacted", unit)["value"] for unit in ("N", "S", "M1")] == pytest.approx(
        [1 / 2, 0, 1 / 3]
    )
    assert told(progress, "losses_contacted", "M2")["n"] == 0


def test_loss_counts_once_the_bank_has_had_its_days_to_speak(progress_of, told):
    # On 8 July the seven days after 30 June have passed, on 7 July they have not.
    assert told(progress_of(date=dt.date(2024, 7, 8), **TABLES), "losses_contacted")["n"] == 3
    assert told(progress_of(date=dt.date(2024, 7, 7), folder="eve", **TABLES), "losses_contacted")["n"] == 1


def test_loss_counts_for_six_month_ends(progress_of, told):
    # B's loss of 31 May: the sixth month-end before 20 November, the seventh before 20 December
    november = progress_of(date=dt.date(2024, 11, 20), **TABLES)
    assert told(november, "losses_contacted")["n"] == 3
    december = progress_of(date=dt.date(2024, 12, 20), folder="later", **TABLES)
    assert told(december, "losses_contacted")["n"] == 2


def test_bank_sets_what_a_loss_is_and_how_long_it_has(progress_of, told):
    config = {"plan": {"loss_return": 0.9, "loss_cny": 10_000}, "progress": {"loss_days": 10}}
    assert told(progress_of(date=LATER, config=config, **TABLES), "losses_contacted")["n"] == 1
    slow = progress_of(date=LATER, folder="slow", config={"progress": {"loss_days": 10}}, **TABLES)
    assert told(slow, "losses_contacted")["value"] == pytest.approx(2 / 3)


def draw_losses(rng, share, amount):
    """Cost and gain of 400 customers, in cents: most lose within a cent of what is felt, by share or by amount."""
    n = 400
    # whole hundreds, so that a share of whole per cents is a whole number of cents
    cost = 100 * rng.integers(0, 4_000, n) * rng.choice([0, 1, 100], n, p=[0.1, 0.5, 0.4])
    exact = rng.choice([0, 1, 2], n, p=[0.2, 0.4, 0.4])
    limits = [rng.integers(0, 2_000_000, n), cost * round(100 * share) // 100, np.full(n, round(100 * amount))]
    lost = np.choose(exact, limits) + rng.integers(-1, 2, n)
    return cost, -np.minimum(lost, cost)


@pytest.mark.parametrize(("seed", "share", "amount"), [(1, 0.05, 10_000), (2, 0.07, 33.33), (3, 0.29, 1_234.56)])
def test_loss_is_the_same_for_plan_list_and_progress(make_folder, seed, share, amount):
    cost, gain = draw_losses(np.random.default_rng(seed), share, amount)
    ids = [f"C{number:03d}" for number in range(len(cost))]
    values = [
        f"H{number},{who},2024-06-30,{(paid + more) / 100:.2f},{paid / 100:.2f}"
        for number, (who, paid, more) in enumerate(zip(ids, cost, gain, strict=True))
    ]
    tables = {
        # a manager each, so that what is measured of the manager is measured of the customer
        "customers": write_customers(*(f"{who},N,{who},2020-01-10,,gold" for who in ids)),
        "holdings": write_holdings(*(f"{who},fund,2020-01-10," for who in ids), f"{ids[0]},debit_card,2020-01-10,"),
        # the month-end before is in the data, and nobody loses at it
        "pnl": "\n".join([PNL.splitlines()[0], *values, f"H{len(ids)},{ids[0]},2024-05-31,1,"]) + "\n",
        "contacts": write_contacts(f"{ids[0]},{ids[0]},2024-07-19,call,false"),
    }
    config = Config.model_validate({"plan": {"loss_return": share, "loss_cny": amount}})
    with open_bank(make_folder(**tables), config, data_end=dt.date(2024, 7, 19), n_threads=1) as bank:
        today = read_today(bank, None, LATER, config)
        listed = build_lists(today).frames["loss_alerts"]["customer_id"]
        measures = build_progress(today).measures
    began = measures[(measures["measure"] == "losses_contacted") & (measures["level"] == "manager")]

    returns = gain / np.where(cost > 0, cost, np.nan)
    known = pd.DataFrame({"unrealised_return": returns, "unrealised_pnl_cny": gain / 100})
    felt = set(np.array(ids)[is_felt_loss(known, config.plan)])
    assert set(listed) == set(began.loc[began["n"] == 1, "unit"]) == felt
    # in whole numbers, by the words of the rule
    least = round(100 * share), round(100 * amount)
    by_hand = (gain < 0) & ((cost > 0) & (-100 * gain >= least[0] * cost) | (-gain >= least[1]))
    assert felt == set(np.array(ids)[by_hand])
    assert 50 < len(felt) < 350


@pytest.mark.parametrize(
    ("tables", "measure", "why"),
    [
        ({"pnl": None}, "losses_contacted", "there is no pnl table"),
        ({"contacts": None}, "losses_contacted", "there is no contacts table"),
        (
            {"contacts": CONTACTS.replace("2024-", "2021-")},
            "losses_contacted",
            "contacts holds no row from 2024-04-30 on and before 2024-07-20",
        ),
        (
            {"pnl": PNL.replace("2024-05-31", "2023-05-31").replace("2024-06-30", "2023-06-30")
                       .replace("2024-04-30", "2023-04-30").replace("2024-03-31", "2023-03-31")},
            "losses_contacted",
            "of the 6 month-ends before 2024-07-20 none is 7 days old, and in pnl with the one before it",
        ),
        (
            {"customers": "customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,gold\n"},
            "vip_responsibility",
            "customers has no column manager_id",
        ),
    ],
)  # fmt: skip
def test_what_is_not_known_of_care_is_said(progress_of, tables, measure, why):
    assert say(progress_of(date=LATER, **{**TABLES, **tables}).not_told[measure], "en") == why
