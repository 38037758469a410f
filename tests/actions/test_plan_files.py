import datetime as dt
import json

import numpy as np
import pandas as pd

from churn.actions.plan import Plan
from churn.actions.plan_files import summarise, write_csv, write_json_plan
from hostile_texts import HOSTILE

DATE = dt.date(2026, 1, 5)


def plan_of(rows, assignments=None):
    managers = pd.DataFrame({"manager_id": ["M1"], "branch_id": ["N"], "meetings": [5], "calls": [20]})
    empty = pd.DataFrame({"customer_id": [], "status": []})
    return Plan(
        DATE, managers, rows, empty if assignments is None else assignments, {"resting": 2}, 9, (("Mind", "注意"),)
    )


def contacts(**columns):
    n = len(next(iter(columns.values())))
    plain = {"kind": ["call"] * n, "purpose": ["invite"] * n, "expected_value_kept": [1.0] * n}
    return pd.DataFrame(plain | columns)


def test_money_has_cents_shares_six_digits_and_an_empty_cell_is_empty(tmp_path):
    table = pd.DataFrame({"value_cny": [1.006, np.nan], "churn_probability": [0.12345678, 1.0], "rank": [1, 2]})
    write_csv(tmp_path / "plan.csv", table)
    assert (tmp_path / "plan.csv").read_text(
        encoding="utf-8-sig"
    ) == '"value_cny","churn_probability","rank"\n1.01,0.123457,1\n"",1.0,2\n'


def test_json_holds_every_text_as_it_is(tmp_path):
    plan = plan_of(contacts(customer_id=list(HOSTILE), effect=[np.nan] * len(HOSTILE)))
    write_json_plan(tmp_path / "plan.json", plan, summarise(plan))
    found = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert [row["customer_id"] for row in found["rows"]] == list(HOSTILE)
    assert {row["effect"] for row in found["rows"]} == {None}
    assert found["assignments"] == []


def test_the_summary_counts_what_the_rows_hold():
    rows = contacts(customer_id=["A", "B", "C"], kind=["call", "meeting", "call"], expected_value_kept=[1.0, 2.0, 3.5])
    assignments = pd.DataFrame({"customer_id": ["V", "W"], "status": ["proposed", "open"]})
    assert summarise(plan_of(rows, assignments)) == {
        "date": "2026-01-05",
        "managers": 1,
        "customers": 9,
        "meetings": 1,
        "calls": 2,
        "expected_value_kept": 6.5,
        "purposes": {"invite": 3},
        "left_out": {"resting": 2},
        "assignments_proposed": 1,
        "vips_without_manager_in_branch": 1,
        "notes_en": ["Mind"],
        "notes_zh": ["注意"],
    }
