import datetime as dt
import json
import re
import zipfile
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pandas as pd
import pytest

from churn.actions.plan.build import COLUMNS, DayPlan
from churn.actions.plan.telling import NO_MANAGER
from churn.actions.plan.writing import summarise, write_json_plan, write_workbook
from churn.config import PlanSettings
from churn.files import hash_file
from churn.speech import say
from hostile_texts import HOSTILE

DATE = dt.date(2026, 1, 5)
TEXTS = ("customer_id", "why_en", "why_zh", "say_first_en", "say_first_zh", "offer_en", "offer_zh")
CONTACT = {
    "date": "2026-01-05", "manager_id": "M1", "kind": "call", "rank": 1, "customer_id": "A", "purpose": "invite",
    "service": "cts", "churn_probability": 0.4, "expected_value_kept": 1234.5, "why_en": "why", "why_zh": "为何",
    "say_first_en": "say", "say_first_zh": "说", "product": None, "next_binding_effect": -0.1, "offer_en": "offer",
    "offer_zh": "推荐", "value_cny": 5.0, "last_contacted_on": None, "tier": "gold", "branch_id": "N",
    "assignment": "own", "record_as": "invite", "assumed": "contact_effect",
}  # fmt: skip


def day_of(*rows, managers=("M1",)):
    table = pd.DataFrame(list(rows), columns=list(COLUMNS)).astype({"last_contacted_on": object})
    return DayPlan(
        date=DATE,
        managers=pd.DataFrame({"manager_id": list(managers)}),
        rows=table,
        assignments=pd.DataFrame(),
        left_out={},
        n_customers=len(rows),
    )


def written(tmp_path, plan, name="plan.xlsx", **options):
    write_workbook(tmp_path / name, plan, PlanSettings(), **options)
    return openpyxl.load_workbook(tmp_path / name)


def held_texts(path):
    """Every text of a workbook, its `_xHHHH_` read as the character it stands for, as Excel does."""
    with zipfile.ZipFile(path) as parts:
        strings = ElementTree.fromstring(parts.read("xl/sharedStrings.xml"))
    texts = ["".join(part.text or "" for part in entry) for entry in strings]
    return {re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text) for text in texts}


@pytest.mark.parametrize("column", TEXTS)
def test_hostile_texts_in_every_column_stay_texts_and_nothing_is_lost(tmp_path, column):
    rows = [CONTACT | {column: text, "rank": n} for n, text in enumerate(HOSTILE, start=1)]
    sheet = written(tmp_path, day_of(*rows), shown="zh" if column.endswith("zh") else "en")["M1"]
    at = {"customer_id": 3, "why": 6, "say_first": 7, "offer": 8}[column.removesuffix("_en").removesuffix("_zh")]
    cells = [sheet.cell(row, at) for row in range(2, len(HOSTILE) + 2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.hyperlink for cell in cells} == {None}
    held = held_texts(tmp_path / "plan.xlsx")
    assert [text for text in HOSTILE if text not in held and f"{text} " not in held] == []


def test_hostile_managers_get_sheets_of_their_own_and_the_workbook_stays_whole(tmp_path):
    managers = sorted(HOSTILE)
    rows = [CONTACT | {"manager_id": manager, "customer_id": f"C{n}"} for n, manager in enumerate(managers)]
    book = written(tmp_path, day_of(*rows, managers=managers))
    assert len(book.sheetnames) == len(managers)
    assert len({name.lower() for name in book.sheetnames}) == len(managers)
    assert [sheet["C2"].value for sheet in book] == [f"C{n}" for n in range(len(managers))]
    with zipfile.ZipFile(tmp_path / "plan.xlsx") as parts:
        assert parts.testzip() is None
        for part in parts.namelist():
            ElementTree.fromstring(parts.read(part))
            assert b"<f>" not in parts.read(part)


def test_a_sheet_prints_on_a4_landscape_with_the_heading_on_every_page(tmp_path):
    sheet = written(tmp_path, day_of(CONTACT))["M1"]
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)  # 1 is what is left unsaid
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.freeze_panes == "D2"
    assert sheet.oddHeader.left.text == "&A"
    assert sheet.oddHeader.right.text == "2026-01-05"
    assert sheet.oddFooter.right.text == "&P / &N"
    assert sum(dimension.width for dimension in sheet.column_dimensions.values()) < 230


def test_the_foot_says_what_is_assumed_and_fits(tmp_path):
    footer = written(tmp_path, day_of(CONTACT))["M1"].oddFooter
    assert "a contact prevents 5\u202f% of churn" in footer.left.text
    assert "一次联系减少 5% 的流失" in footer.left.text
    assert len(footer.left.text) < 230


@pytest.mark.parametrize(
    ("language", "kind", "why", "heading"),
    [
        ("en", "call", "why", "Why now"),
        ("zh", "电话", "为何", "为何现在联系"),
        ("both", "call\n电话", "why\n为何", "Why now\n为何现在联系"),
    ],
)
def test_cells_and_headings_are_in_the_language_asked_for(tmp_path, language, kind, why, heading):
    sheet = written(tmp_path, day_of(CONTACT), shown=language)["M1"]
    assert (sheet["A2"].value, sheet["F2"].value, sheet["F1"].value) == (kind, why, heading)


def test_numbers_are_numbers(tmp_path):
    sheet = written(tmp_path, day_of(CONTACT), shown="en")["M1"]
    assert (sheet["B2"].value, sheet["I2"].value, sheet["J2"].value) == (1, 0.4, 1234.5)
    assert sheet["I2"].number_format == "0.0%_)"


def test_every_manager_has_a_sheet_also_on_a_day_without_contacts(tmp_path):
    book = written(tmp_path, day_of(CONTACT, managers=["M0", "M1"]), shown="en")
    assert book.sheetnames == ["M0", "M1"]
    assert book["M0"]["A2"].value == "Nobody to contact on this day."


@pytest.mark.parametrize(("language", "name"), [("en", "plan"), ("zh", "计划"), ("both", "plan 计划")])
def test_a_bank_without_managers_has_one_sheet_that_says_what_to_do(tmp_path, language, name):
    book = written(tmp_path, day_of(managers=()), shown=language)
    assert book.sheetnames == [name]
    said = [row[0] for row in book[name].iter_rows(min_row=2, values_only=True)]
    assert len(said) == (2 if language == "both" else 1)
    assert all("[plan.managers]" in text for text in said)


def test_the_same_plan_gives_the_same_bytes(tmp_path):
    for name in ("one.xlsx", "two.xlsx"):
        written(tmp_path, day_of(CONTACT), name)
    assert hash_file(tmp_path / "one.xlsx") == hash_file(tmp_path / "two.xlsx")


def plan_of(rows, assignments=None):
    managers = pd.DataFrame({"manager_id": ["M1"], "branch_id": ["N"], "meetings": [5], "calls": [20]})
    empty = pd.DataFrame({"customer_id": [], "status": []})
    return DayPlan(
        date=DATE,
        managers=managers,
        rows=rows,
        assignments=empty if assignments is None else assignments,
        left_out={"resting": 2},
        n_customers=9,
        notes=(NO_MANAGER,),
    )


def contacts(**columns):
    n = len(next(iter(columns.values())))
    plain = {"kind": ["call"] * n, "purpose": ["invite"] * n, "expected_value_kept": [1.0] * n}
    return pd.DataFrame(plain | columns)


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
        "notes_en": [say(NO_MANAGER, "en")],
        "notes_zh": [say(NO_MANAGER, "zh")],
    }
