import datetime as dt

import pandas as pd
import pytest

from churn.actions.plan_notes import plan_notes
from churn.config import Config, PlanSettings
from today_rows import today_of

WEEKEND = PlanSettings(weekend=("saturday", "sunday"))


def noted(settings=WEEKEND, aum=(1.0, None), managers=("M1", None), branches=("N", "S"), scored=None, missing=()):
    ids = [f"C{number}" for number in range(len(branches))]
    people = pd.DataFrame({"customer_id": ids, "branch_id": branches, "tier": "ordinary"})
    people = people.assign(aum_cny=pd.Series(aum, dtype=float), manager_id=pd.Series(managers, dtype=object))
    scores = pd.DataFrame({"customer_id": ids[:scored], "churn_probability": 0.5})
    return plan_notes(today_of(people, scores, dt.date(2026, 1, 5), Config(plan=settings), missing=missing))


def test_with_assets_days_off_and_clear_branches_there_is_nothing_to_note():
    assert noted() == ()
    assert noted(PlanSettings(holidays=("2026-01-01",))) == ()


def test_assets_that_nobody_has_are_not_known():
    ((en, zh),) = noted(aum=(None, None))
    assert en.startswith("Assets are not known")
    assert zh.startswith("资产未知")


def test_without_holidays_and_weekend_it_is_said_that_every_day_is_worked():
    ((en, zh),) = noted(PlanSettings())
    assert "No holidays and no weekend" in en
    assert "节假日" in zh


def test_a_bank_that_names_no_manager_is_told_what_to_fill():
    ((en, zh),) = noted(managers=(None, None))
    assert "name no manager" in en
    for text in (en, zh):
        assert "customers.manager_id" in text
        assert "[plan.managers]" in text
    stated = WEEKEND.model_copy(update={"managers": PlanSettings(managers={"M9": {"branch": "N"}}).managers})
    assert noted(stated, managers=(None, None)) == ()


@pytest.mark.parametrize("known", [True, False])
def test_without_contacts_it_is_said_what_is_not_known_then(known):
    notes = noted(missing=() if known else ("contacts",))
    assert len(notes) == (not known)
    for en, zh in notes:
        assert "whoever has no loss to hear of is introduced to, rest days are not kept" in en
        assert "whether a loss was told is not known" in en
        assert "contacts 表没有近一年的记录" in zh


@pytest.mark.parametrize(("missing", "noted_"), [(0, False), (1, False), (2, True), (9, True)])
def test_more_than_one_customer_in_ten_without_a_score_is_worth_a_note(missing, noted_):
    notes = noted(aum=[1.0] * 10, managers=["M1"] * 10, branches=["N"] * 10, scored=10 - missing)
    assert len(notes) == noted_
    for en, zh in notes:
        assert en.startswith(f"{missing} of 10 customers are missing from the scores")
        assert f"10 位客户中有 {missing} 位" in zh


@pytest.mark.parametrize(
    ("managers", "settings", "n"),
    [
        (("M1", "M1"), {}, 1),  # one of two
        (("M1", "M2"), {}, 0),
        (("M1", "M1"), {"managers": {"M1": {"branch": "S"}}}, 0),
    ],
)
def test_managers_without_a_majority_are_counted_unless_their_branch_is_stated(managers, settings, n):
    notes = noted(PlanSettings(weekend=("sunday",), **settings), managers=managers)
    assert [en.split(" no branch")[0] for en, _ in notes] == ["1 manager has"] * n
