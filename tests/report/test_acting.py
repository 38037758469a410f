import datetime as dt

import pandas as pd

from churn.actions.lists.build import Lists
from churn.actions.plan.build import DayPlan
from churn.actions.plan.telling import NO_MANAGER
from churn.actions.progress.build import Progress
from churn.actions.progress.measures import MEASURES
from churn.report.acting import MOST_DETAILED, MOST_ROWS, MOST_UNITS, summarise_day, summarise_lists, summarise_working
from churn.report.facts import MeasuredValue, Point
from churn.speech import message

DAY = dt.date(2026, 1, 5)


def managers(*pairs):
    return pd.DataFrame(pairs, columns=["manager_id", "branch_id"])


def contact(manager, kind, customer, kept):
    texts = {
        f"{name}_{language}": f"{name} {language}"
        for name in ("why", "say_first", "offer")
        for language in ("en", "zh")
    }
    return {
        "manager_id": manager, "kind": kind, "customer_id": customer, "tier": "gold", "purpose": "invite",
        "churn_probability": 0.5, "expected_value_kept": kept, "last_contacted_on": None, "assignment": "own", **texts,
    }  # fmt: skip


def plan(people, *contacts, assignments=()):
    columns = ["customer_id", "branch_id", "tier", "proposed_manager_id", "reason_en", "reason_zh"]
    return DayPlan(
        date=DAY,
        managers=people,
        rows=pd.DataFrame(contacts),
        assignments=pd.DataFrame(assignments, columns=columns),
        left_out={"resting": 2},
        n_customers=9,
        notes=(("note", "说明"),),
        knows_contacts=False,
    )


TWO = plan(
    managers(("M2", "S"), ("M1", "N")),
    contact("M1", "meeting", "A", 30.0),
    contact("M1", "call", "B", 20.0),
    contact("M2", "call", "C", 10.0),
    assignments=[("D", "S", "gold", None, "nobody", "无"), ("E", "N", "gold", "M1", "M1 has fewest", "M1 最少")],
)


def test_a_day_holds_every_manager_s_contacts_by_branch():
    day = summarise_day(TWO)
    assert (day.n_managers, day.n_meetings, day.n_calls, day.kept_cny, day.has_contacts) == (2, 1, 2, 60.0, True)
    assert [(one.manager_id, one.n_meetings, one.n_calls, one.kept_cny) for one in day.managers] == [
        ("M1", 1, 1, 50.0),
        ("M2", 0, 1, 10.0),
    ]
    first = day.managers[0].contacts[0]
    assert (first.customer_id, first.why, first.last_contacted_on) == ("A", ("why en", "why zh"), None)
    assert [(one.customer_id, one.manager_id) for one in day.assignments] == [("D", None), ("E", "M1")]
    assert day.left_out == (("resting", 2),)
    assert (day.notes, day.knows_contacts) == ((("note", "说明"),), False)


def test_a_branch_has_its_own_managers_and_proposals_alone():
    day = summarise_day(TWO, "N")
    assert [one.manager_id for one in day.managers] == ["M1"]
    assert (day.n_meetings, day.n_calls, day.kept_cny, day.n_assignments) == (1, 1, 50.0, 1)


def test_a_manager_without_a_contact_has_an_empty_day():
    (only,) = summarise_day(plan(managers(("M1", "N")), contact("M2", "call", "A", 1.0))).managers
    assert (only.n_meetings, only.n_calls, only.kept_cny, only.contacts) == (0, 0, 0, ())


def test_of_many_managers_the_bank_s_page_counts_and_the_branch_s_shows():
    many = managers(*((f"M{number:02}", "N") for number in range(MOST_DETAILED + 1)))
    made = plan(many, contact("M03", "call", "A", 5.0))
    bank, branch = summarise_day(made), summarise_day(made, "N")
    assert (bank.has_contacts, branch.has_contacts) == (False, True)
    assert {(one.manager_id, one.n_calls) for one in bank.managers if one.n_calls} == {("M03", 1)}
    assert all(one.contacts == () for one in bank.managers)
    assert [one.customer_id for one in branch.managers[3].contacts] == ["A"]


def test_lists_show_their_first_rows_and_say_how_long_they_are():
    n = MOST_ROWS + 2
    rows = pd.DataFrame(
        {
            "customer_id": [f"C{number}" for number in range(n)],
            "branch_id": ["N"] * (n - 1) + ["S"],
            "manager_id": [None] * n,
            "tier": ["gold"] * n,
            "why_en": ["why"] * n,
            "why_zh": ["原因"] * n,
            "do_not_contact": [False, True] + [False] * (n - 2),
        }
    )
    lists = Lists(
        {"upgrades": rows, "circles": rows.head(0)},
        {"upgrades": ("Upgrades", "升级"), "circles": ("Referrer groups", "圈子")},
        {"upgrades": ("12 rows", "12 行"), "circles": ("no table", "缺表")},
        ("circles",),
    )
    upgrades, circles = summarise_lists(lists)
    assert (upgrades.n_rows, len(upgrades.rows), upgrades.is_made) == (n, MOST_ROWS, True)
    assert (upgrades.rows[0].customer_id, upgrades.rows[0].manager_id, upgrades.rows[0].why) == (
        "C0",
        None,
        ("why", "原因"),
    )
    assert [one.refuses for one in upgrades.rows[:3]] == [False, True, False]
    assert (circles.n_rows, circles.rows, circles.is_made) == (0, (), False)
    assert [one.n_rows for one in summarise_lists(lists, "S")] == [1, 0]


NAN = float("nan")
COLUMNS = ["level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target"]


def progress(*rows, series=()):
    table = pd.DataFrame(rows, columns=COLUMNS)
    months = pd.DataFrame(series, columns=["level", "unit", "measure", "date", "value"])
    return Progress(
        date=dt.date(2026, 1, 5),
        window_days=30,
        horizon_days=365,
        measures=table,
        series=months,
        not_told={"referrals": message("there are no scores")},
        notes=(NO_MANAGER,),
    )


ROWS = (
    ("bank", None, None, "calls_per_day", 3.0, 2.0, 4.0, 60, 20.0),
    ("branch", "N", "N", "calls_per_day", 4.0, NAN, NAN, 30, NAN),
    ("branch", "S", "S", "calls_per_day", NAN, NAN, NAN, 0, 20.0),
    ("manager", "M1", "N", "calls_per_day", 5.0, 4.0, 6.0, 30, 20.0),
    ("manager", "M2", "S", "calls_per_day", 1.0, 0.0, 2.0, 30, 20.0),
)


def test_the_bank_stands_beside_its_branches():
    found = summarise_working(progress(*ROWS))
    assert found.whole == {"calls_per_day": MeasuredValue(3.0, 2.0, 4.0, 60, 20.0)}
    assert found.level == "branch"
    assert [(one.unit, one.measured["calls_per_day"]) for one in found.units] == [
        ("N", MeasuredValue(4.0, None, None, 30, None)),
        ("S", MeasuredValue(None, None, None, 0, 20.0)),
    ]
    assert found.not_told == (("referrals", message("there are no scores")),)
    assert found.notes == (NO_MANAGER,)
    assert found.titles["calls_per_day"] == MEASURES["calls_per_day"].title


def test_a_branch_stands_beside_its_own_managers():
    found = summarise_working(progress(*ROWS), "N")
    assert found.whole["calls_per_day"].value == 4.0
    assert (found.level, [one.unit for one in found.units]) == ("manager", ["M1"])


def test_of_many_branches_the_first_are_shown_and_all_counted():
    rows = [
        ("branch", f"B{number:03}", f"B{number:03}", "referrals", 1.0, 0.0, 2.0, 5, NAN)
        for number in range(MOST_UNITS + 7)
    ]
    found = summarise_working(progress(*rows))
    assert (len(found.units), found.n_units) == (MOST_UNITS, MOST_UNITS + 7)


def test_a_series_leaves_out_months_without_a_value():
    months = [
        ("bank", None, "product_coverage", dt.date(2025, 11, 30), 3.0),
        ("bank", None, "product_coverage", dt.date(2025, 12, 31), NAN),
        ("branch", "N", "product_coverage", dt.date(2025, 12, 31), 4.0),
    ]
    found = progress(*ROWS, series=months)
    assert summarise_working(found).series == {"product_coverage": (Point(dt.date(2025, 11, 30), 3.0),)}
    assert summarise_working(found, "N").series == {"product_coverage": (Point(dt.date(2025, 12, 31), 4.0),)}
