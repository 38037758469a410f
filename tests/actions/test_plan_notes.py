import pandas as pd
import pytest

from churn.actions.plan_notes import plan_notes
from churn.config import PlanSettings

WEEKEND = ("saturday", "sunday")


def people(aum=(1.0, None), managers=("M1", None), branches=("N", "S")):
    frame = pd.DataFrame({"aum_cny": aum, "branch_id": branches}, dtype=None).astype({"aum_cny": float})
    return frame.assign(manager_id=pd.Series(managers, dtype=object))


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
