import pandas as pd
import pytest

from churn.actions.plan_notes import knows_contacts, plan_notes
from churn.config import PlanSettings

WEEKEND = ("saturday", "sunday")


def people(aum=(1.0, None), managers=("M1", None), branches=("N", "S"), told=(False, True), scores=(0.5, 0.5)):
    frame = pd.DataFrame({"aum_cny": aum, "branch_id": branches}, dtype=None).astype({"aum_cny": float})
    return frame.assign(
        manager_id=pd.Series(managers, dtype=object),
        loss_told=pd.Series(told, dtype="boolean"),
        churn_probability=pd.Series(scores, dtype=float),
    )


def test_with_assets_days_off_and_clear_branches_there_is_nothing_to_note():
    assert plan_notes(people(), PlanSettings(weekend=WEEKEND)) == ()
    assert plan_notes(people(), PlanSettings(holidays=("2026-01-01",))) == ()


def test_assets_that_nobody_has_are_not_known():
    ((en, zh),) = plan_notes(people(aum=(None, None)), PlanSettings(weekend=WEEKEND))
    assert en.startswith("Assets are not known")
    assert zh.startswith("资产未知")


def test_without_holidays_and_weekend_it_is_said_that_every_day_is_worked():
    ((en, zh),) = plan_notes(people(), PlanSettings())
    assert "No holidays and no weekend" in en
    assert "节假日" in zh


def test_a_bank_that_names_no_manager_is_told_what_to_fill():
    nobody = people(managers=(None, None))
    ((en, zh),) = plan_notes(nobody, PlanSettings(weekend=WEEKEND))
    assert "name no manager" in en
    for text in (en, zh):
        assert "customers.manager_id" in text
        assert "[plan.managers]" in text
    stated = PlanSettings(weekend=WEEKEND, managers={"M9": {"branch": "N"}})
    assert plan_notes(nobody, stated) == ()


@pytest.mark.parametrize(("told", "known"), [((None, None), False), ((False, None), True), ((False, False), True)])
def test_without_contacts_it_is_said_what_is_not_known_then(told, known):
    assert knows_contacts(people(told=told)) is known
    notes = plan_notes(people(told=told), PlanSettings(weekend=WEEKEND))
    assert len(notes) == (not known)
    for en, zh in notes:
        assert "whoever has no loss to hear of is introduced to, rest days are not kept" in en
        assert "whether a loss was told is not known" in en
        assert "contacts 表没有近一年的记录" in zh


@pytest.mark.parametrize(("missing", "noted"), [(0, False), (1, False), (2, True), (10, True)])
def test_more_than_one_customer_in_ten_without_a_score_is_worth_a_note(missing, noted):
    ten = people(*([value] * 10 for value in (1.0, "M1", "N", False)), [None] * missing + [0.5] * (10 - missing))
    notes = plan_notes(ten, PlanSettings(weekend=WEEKEND))
    assert len(notes) == noted
    for en, zh in notes:
        assert en.startswith(f"{missing} of 10 customers are missing from the scores")
        assert f"10 位客户中有 {missing} 位" in zh


@pytest.mark.parametrize(
    ("managers", "settings", "noted"),
    [
        (("M1", "M1"), {}, 1),  # one of two
        (("M1", "M2"), {}, 0),
        (("M1", "M1"), {"managers": {"M1": {"branch": "S"}}}, 0),
    ],
)
def test_managers_without_a_majority_are_counted_unless_their_branch_is_stated(managers, settings, noted):
    notes = plan_notes(people(managers=managers), PlanSettings(weekend=WEEKEND, **settings))
    assert [en.split(" no branch")[0] for en, _ in notes] == ["1 manager has"] * noted
