"""A plan as JSON for programs, in which every text stands as it is, and as a workbook to print.

The workbook has one sheet per manager, A4 landscape, the header on every page. Sheets are named after managers, as far
as Excel allows. A bank that names no manager has one sheet, which says so.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churn.actions import sheets
from churn.actions.plan import telling
from churn.actions.plan.build import DayPlan
from churn.actions.sheets import Shown, Style
from churn.actions.today import TIER_WORDS
from churn.config import PlanSettings
from churn.speech import LANGUAGES, Message, Plain, Share, message, say

_COLUMNS: Mapping[str, tuple[Message, float, Style]] = {
    "kind": (message("Meet or call", context="column"), 8.5, "text"),
    "rank": (message("No.", context="column"), 5.5, "count"),
    "customer_id": (message("Customer", context="column"), 13, "text"),
    "tier": (message("Tier", context="column"), 9, "text"),
    "purpose": (message("Purpose", context="column"), 12, "text"),
    "why": (message("Why now", context="column"), 36, "text"),
    "say_first": (message("Say first", context="column"), 34, "text"),
    "offer": (message("Offer next, and what it changes", context="column"), 24, "text"),
    "churn_probability": (message("Risk", context="column"), 8, "share"),
    "expected_value_kept": (message("Expected value kept, CNY", context="column"), 11, "yuan"),
    "last_contacted_on": (message("Last contact", context="column"), 11, "text"),
    "assignment": (message("Responsible", context="column"), 11.5, "text"),
    "done": (message("Done", context="column"), 6.5, "text"),
}
"""Heading, width and style of each column of a sheet."""
_FROZEN = 3
_CODES: Mapping[str, Mapping[str, Message]] = {
    "kind": telling.KIND_WORDS,
    "tier": TIER_WORDS,
    "purpose": telling.PURPOSE_WORDS,
    "assignment": {
        "own": message("own customer"),
        "proposed": message("proposed", context="assignment"),
        "branch": message("of the branch"),
    },
}
_NOBODY = message("Nobody to contact on this day.")
_ONLY_SHEET = message("plan", context="sheet")


def write_json_plan(path: Path, plan: DayPlan, about: Mapping[str, Any]) -> None:
    """Write the plan as JSON: what it is about, then `assignments` and `rows`, one line each."""
    head = json.dumps(about, ensure_ascii=False, indent=2, allow_nan=False).removesuffix("\n}")
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(head)
        for name, rows in (("assignments", plan.assignments), ("rows", plan.rows)):
            stream.write(f',\n  "{name}": [')
            for number, line in enumerate(_lines(rows)):
                stream.write(f"{',' if number else ''}\n    {line}")
            stream.write("\n  ]" if len(rows) else "]")
        stream.write("\n}\n")


def _lines(rows: pd.DataFrame) -> Iterable[str]:
    shown = sheets.rounded(rows)
    columns = [shown[name].astype(object).where(shown[name].notna(), None).tolist() for name in shown]
    for cells in zip(*columns, strict=True):
        yield json.dumps(dict(zip(shown, cells, strict=True)), ensure_ascii=False, allow_nan=False)


def summarise(plan: DayPlan) -> dict[str, Any]:
    """Count what a plan holds.

    Returns
    -------
    dict
        `date`, `managers`, `customers`, `meetings`, `calls`, `expected_value_kept` in yuan, `purposes` by name,
        `left_out` by reason, `assignments_proposed`, `vips_without_manager_in_branch`, `notes_en` and `notes_zh`.
    """
    kinds = plan.rows["kind"].value_counts()
    purposes = plan.rows["purpose"].value_counts()
    open_ones = int((plan.assignments["status"] == "open").sum())
    return {
        "date": plan.date.isoformat(),
        "managers": len(plan.managers),
        "customers": plan.n_customers,
        "meetings": int(kinds.get("meeting", 0)),
        "calls": int(kinds.get("call", 0)),
        "expected_value_kept": round(float(plan.rows["expected_value_kept"].sum()), 2),
        "purposes": {name: int(purposes[name]) for name in sorted(purposes.index)},
        "left_out": dict(plan.left_out),
        "assignments_proposed": len(plan.assignments) - open_ones,
        "vips_without_manager_in_branch": open_ones,
        **{f"notes_{language}": [say(note, language) for note in plan.notes] for language in LANGUAGES},
    }


def write_workbook(path: Path, plan: DayPlan, settings: PlanSettings, *, shown: Shown = "both") -> None:
    """Write a plan as .xlsx; the same plan gives the same bytes.

    Parameters
    ----------
    path
        The file; written in place, so give a temporary one.
    plan, settings
        The day, and what it assumed, which the foot of every page says.
    shown
        Both languages in one cell, or one of them.
    """
    foot = sheets.in_one_line(_assumed(settings), shown)
    cells = _cells(plan.rows, shown)
    contacts = dict(tuple(cells.groupby("manager_id", sort=False)))
    taken: set[str] = set()
    with sheets.new_workbook(path, f"churn plan {plan.date}", plan.date) as workbook:
        styles = sheets.make_styles(workbook)
        for manager in plan.managers["manager_id"].tolist():
            sheet = sheets.add_sheet(workbook, manager, taken, plan.date, foot)
            sheets.write_table(sheet, styles, _columns(contacts.get(manager), shown), frozen=_FROZEN)
            if manager not in contacts:
                sheets.write_note(sheet, styles, 1, sheets.in_one_line(_NOBODY, shown))
        if plan.managers.empty:
            name = sheets.in_words(_ONLY_SHEET, shown).replace("\n", " ")
            sheet = sheets.add_sheet(workbook, name, taken, plan.date, foot)
            sheets.write_table(sheet, styles, _columns(None, shown), frozen=_FROZEN)
            for row, line in enumerate(sheets.in_words(telling.NO_MANAGER, shown).split("\n"), start=1):
                sheets.write_note(sheet, styles, row, line)


def _cells(rows: pd.DataFrame, shown: Shown) -> pd.DataFrame:
    """Give the rows with every code in words, in the languages asked for."""
    cells = rows[["manager_id"]].copy()
    for name in _COLUMNS:
        if f"{name}_en" in rows:
            pairs = zip(rows[f"{name}_en"].tolist(), rows[f"{name}_zh"].tolist(), strict=True)
            cells[name] = pd.Series([sheets.stack(pair, shown) for pair in pairs], index=rows.index, dtype=object)
        elif name in _CODES:
            words = {code: sheets.in_words(said, shown) for code, said in _CODES[name].items()}
            cells[name] = rows[name].map(words)
        else:
            cells[name] = rows.get(name, "")
    return cells


def _columns(rows: pd.DataFrame | None, shown: Shown) -> list[sheets.SheetColumn]:
    cells: Mapping[str, list[Any]] = {} if rows is None else {name: rows[name].tolist() for name in _COLUMNS}
    return [
        sheets.SheetColumn(sheets.in_words(heading, shown), width, style, cells.get(name, []))
        for name, (heading, width, style) in _COLUMNS.items()
    ]


def _assumed(settings: PlanSettings) -> Message:
    """Say what expected values rest on, short enough for two languages in one foot (255 signs)."""
    return message(
        "Assumed: a contact prevents {contact} of churn, a loss notice {loss}, a meeting × {factor}",
        contact=Share(settings.contact_effect),
        loss=Share(settings.loss_effect),
        factor=Plain(settings.meeting_factor),
    )
