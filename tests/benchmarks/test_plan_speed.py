"""The short form of the study; `python benchmarks/plan_speed.py` is the long one."""

import runpy
from dataclasses import replace
from pathlib import Path

import pandas as pd

from churn.actions.plan.build import build_plan
from churn.config import Config

STUDY = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "plan_speed.py"))


def test_a_small_bank_is_planned_and_no_constraint_is_broken(capsys):
    assert STUDY["main"](["--quick"]) == 0
    assert "20: 500 contacts" in capsys.readouterr().out.replace("managers 20, branches 4", "20")


def test_each_broken_constraint_is_named():
    people = STUDY["draw_people"](400, 4, 1)
    plan = build_plan(STUDY["draw_today"](people, STUDY["draw_scores"](people), Config()))
    assert STUDY["broken_rules"](plan, people, Config()) == []
    refused = people.assign(do_not_contact=True, days_since_contact=1.0, manager_id="M9999")
    twice = pd.concat([plan.rows, plan.rows.iloc[:1]])
    wrong = replace(plan, rows=twice)
    assert STUDY["broken_rules"](wrong, refused, Config()) == [
        "a customer at most once",
        "capacities",
        "do_not_contact",
        "responsible manager",
        "rest days",
    ]
