import datetime as dt

import pandas as pd

from churn.actions.progress.build import Progress
from churn.report.facts_working import Measured, Point
from churn.report.working import MOST_UNITS, summarise_working

NAN = float("nan")
TITLES = {"calls_per_day": ("Calls", "电话")}
COLUMNS = ["level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target"]


def progress(*rows, series=()):
    table = pd.DataFrame(rows, columns=COLUMNS)
    months = pd.DataFrame(series, columns=["level", "unit", "measure", "date", "value"])
    return Progress(
        dt.date(2026, 1, 5), 30, 365, table, months, TITLES, {"referrals": ("no table", "缺表")}, (("note", "说明"),)
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
    assert found.whole == {"calls_per_day": Measured(3.0, 2.0, 4.0, 60, 20.0)}
    assert found.level == "branch"
    assert [(one.unit, one.measured["calls_per_day"]) for one in found.units] == [
        ("N", Measured(4.0, None, None, 30, None)),
        ("S", Measured(None, None, None, 0, 20.0)),
    ]
    assert found.not_told == (("referrals", ("no table", "缺表")),)
    assert found.notes == (("note", "说明"),)
    assert found.titles == TITLES


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
