"""A plan as a workbook to print: one sheet a manager, A4 landscape, the header on every page.

Sheets are named after managers, as far as Excel allows. A bank that names no manager has one sheet, which says so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churn.actions.plan import Plan
from churn.actions.plan_notes import NO_MANAGER
from churn.actions.plan_words import KIND_WORDS, PURPOSE_WORDS, TIER_WORDS
from churn.actions.sheets import (
    Column,
    Language,
    Style,
    lay_out,
    make_styles,
    new_workbook,
    say,
    sheet_name,
    write_note,
    write_table,
)
from churn.config import PlanSettings
from churn.explanation.reasons.amounts import Pair

_COLUMNS: tuple[tuple[str, Pair, float, Style], ...] = (
    ("kind", ("Meet or call", "方式"), 8.5, "text"),
    ("rank", ("No.", "序号"), 5.5, "count"),
    ("customer_id", ("Customer", "客户号"), 13, "text"),
    ("tier", ("Tier", "等级"), 9, "text"),
    ("purpose", ("Purpose", "目的"), 12, "text"),
    ("why", ("Why now", "为什么现在"), 36, "text"),
    ("say_first", ("Say first", "开场"), 34, "text"),
    ("offer", ("Offer next, and what it changes", "下一步推荐及预计效果"), 24, "text"),
    ("churn_probability", ("Risk", "流失风险"), 8, "share"),
    ("expected_value_kept", ("Expected value kept, CNY", "预计留存价值（元）"), 11, "yuan"),
    ("last_contacted_on", ("Last contact", "上次联系"), 11, "text"),
    ("assignment", ("Responsible", "负责关系"), 11.5, "text"),
    ("done", ("Done", "完成"), 6.5, "text"),
)
_FROZEN = 3
_ASSIGNMENT_WORDS: dict[str, Pair] = {
    "own": ("own customer", "本人客户"),
    "proposed": ("proposed", "建议分配"),
    "branch": ("of the branch", "网点客户"),
}
_CODES: Mapping[str, Mapping[str, Pair]] = {
    "kind": KIND_WORDS,
    "tier": TIER_WORDS,
    "purpose": {str(name): words for name, words in PURPOSE_WORDS.items()},
    "assignment": _ASSIGNMENT_WORDS,
}
_NOBODY: Pair = ("Nobody to contact on this day.", "当日无联系安排。")
_ONLY_SHEET: Pair = ("plan", "计划")


def write_workbook(path: Path, plan: Plan, settings: PlanSettings, *, language: Language = "both") -> None:
    """Write a plan as .xlsx; the same plan gives the same bytes.

    Parameters
    ----------
    path
        The file; written in place, so give a temporary one.
    plan, settings
        The day, and what it assumed, which the foot of every page says.
    language
        Both languages in one cell, or one of them.
    """
    foot = say(_assumed(settings), language).replace("\n", " · ")
    shown = _shown(plan.rows, language)
    contacts = dict(tuple(shown.groupby("manager_id", sort=False)))
    taken: set[str] = set()
    with new_workbook(path, f"churn plan {plan.date}", plan.date) as workbook:
        styles = make_styles(workbook)
        for manager in plan.managers["manager_id"].tolist():
            name = sheet_name(manager, taken)
            taken.add(name.lower())
            sheet = workbook.add_worksheet(name)
            lay_out(sheet, plan.date, foot)
            write_table(sheet, styles, _columns(contacts.get(manager), language), frozen=_FROZEN)
            if manager not in contacts:
                write_note(sheet, styles, 1, say(_NOBODY, language))
        if plan.managers.empty:
            sheet = workbook.add_worksheet(say(_ONLY_SHEET, language).replace("\n", " "))
            lay_out(sheet, plan.date, foot)
            write_table(sheet, styles, _columns(None, language), frozen=_FROZEN)
            for row, line in enumerate(say(NO_MANAGER, language).split("\n"), start=1):
                write_note(sheet, styles, row, line)


def _shown(rows: pd.DataFrame, language: Language) -> pd.DataFrame:
    """Give the rows with every code in words, in the languages asked for."""
    shown = rows[["manager_id"]].copy()
    for name, *_ in _COLUMNS:
        if f"{name}_en" in rows:
            pairs = zip(rows[f"{name}_en"].tolist(), rows[f"{name}_zh"].tolist(), strict=True)
            shown[name] = pd.Series([say(pair, language) for pair in pairs], index=rows.index, dtype=object)
        elif name in _CODES:
            words = {code: say(pair, language) for code, pair in _CODES[name].items()}
            shown[name] = rows[name].map(words)
        else:
            shown[name] = rows.get(name, "")
    return shown


def _columns(rows: pd.DataFrame | None, language: Language) -> list[Column]:
    cells: Mapping[str, list[Any]] = {} if rows is None else {name: rows[name].tolist() for name, *_ in _COLUMNS}
    return [Column(say(words, language), width, style, cells.get(name, [])) for name, words, width, style in _COLUMNS]


def _assumed(settings: PlanSettings) -> Pair:
    """Say what expected values rest on, short enough for two languages in one foot (255 signs)."""
    contact, loss, factor = settings.contact_effect, settings.loss_effect, settings.meeting_factor
    return (
        f"Assumed: a contact prevents {contact:.0%} of churn, a loss notice {loss:.0%}, a meeting × {factor:g}",
        f"假设：一次联系减少 {contact:.0%} 的流失，亏损告知 {loss:.0%}，面谈 × {factor:g}",
    )
