"""A plan as a workbook to print: one sheet a manager, A4 landscape, the header on every page.

Every text is written as a text (`write_string`), so that nothing a bank's tables hold is a formula or a link. Sheets
are named after managers, as far as Excel allows.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import xlsxwriter

from churn.actions.plan import Plan
from churn.actions.plan_words import KIND_WORDS, PURPOSE_WORDS, TIER_WORDS
from churn.config import PlanSettings
from churn.explanation.reasons.amounts import Pair

Language = Literal["both", "en", "zh"]

_A4 = 9
_LONGEST_NAME = 31
_HALVES = re.compile("[\ud800-\udfff]")
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))
_HEADINGS: tuple[tuple[str, Pair, float], ...] = (
    ("kind", ("Meet or call", "方式"), 9),
    ("rank", ("No.", "序号"), 5),
    ("customer_id", ("Customer", "客户号"), 14),
    ("tier", ("Tier", "等级"), 9),
    ("purpose", ("Purpose", "目的"), 12),
    ("why", ("Why now", "为什么现在"), 38),
    ("say_first", ("Say first", "开场"), 38),
    ("offer", ("Offer next, and what it changes", "下一步推荐及预计效果"), 26),
    ("churn_probability", ("Risk", "流失风险"), 8),
    ("expected_value_kept", ("Expected value kept, CNY", "预计留存价值（元）"), 13),
    ("last_contacted_on", ("Last contact", "上次联系"), 12),
    ("assignment", ("Responsible", "负责关系"), 13),
    ("done", ("Done", "完成"), 7),
)
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
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    workbook = xlsxwriter.Workbook(str(path), options)
    try:
        workbook.set_properties(
            {"title": f"churn plan {plan.date}", "created": dt.datetime.combine(plan.date, dt.time())}
        )
        formats = _formats(workbook)
        shown = _shown(plan.rows, language)
        contacts = dict(tuple(shown.groupby("manager_id", sort=False)))
        taken: set[str] = set()
        for manager in plan.managers["manager_id"].tolist():
            name = sheet_name(manager, taken)
            taken.add(name.lower())
            sheet = workbook.add_worksheet(name)
            _lay_out(sheet, plan.date, settings, language)
            _fill(sheet, formats, contacts.get(manager), language)
    finally:
        workbook.close()


def sheet_name(text: str, taken: Collection[str]) -> str:
    """Name a sheet: at most 31 UTF-16 units, no sign Excel forbids, once in a workbook.

    Parameters
    ----------
    text
        What it should be called.
    taken
        Names already given, in lower case: Excel does not tell capitals from small letters.

    Examples
    --------
    >>> sheet_name("M/1", set()), sheet_name("m_1", {"m_1"}), sheet_name("History", set())
    ('M_1', 'm_1 (2)', 'History_')
    """
    clean = "".join(sign if sign.isprintable() else "_" for sign in text.translate(_FORBIDDEN)).strip() or "_"
    if clean.lower() == "history":  # Excel keeps this one for itself
        clean += "_"
    name, number = _cut(clean, _LONGEST_NAME), 1
    while name.lower() in taken:
        number += 1
        ending = f" ({number})"
        name = _cut(clean, _LONGEST_NAME - len(ending)) + ending
    return name


def _cut(text: str, units: int) -> str:
    return text.encode("utf-16-le", "replace")[: 2 * units].decode("utf-16-le", "ignore")


def cell_text(text: str) -> str:
    """Give a text that xlsxwriter writes as it stands.

    It takes what begins with `<r>` and ends with `</r>` for markup of its own and writes it unescaped; a blank behind
    it keeps it a text. Half of a 4-byte character cannot be in XML; all else that cannot, xlsxwriter escapes.

    Examples
    --------
    >>> cell_text("<r><t>x</t></r>"), cell_text("=1+1"), cell_text(f"a{chr(0xD800)}b")
    ('<r><t>x</t></r> ', '=1+1', 'a�b')
    """
    clean = _HALVES.sub("\ufffd", text)
    return f"{clean} " if clean.startswith("<r>") and clean.endswith("</r>") else clean


def _shown(rows: pd.DataFrame, language: Language) -> pd.DataFrame:
    """Give the rows with every code in words, in the languages asked for."""
    shown = rows[["manager_id"]].copy()
    for name, _, _ in _HEADINGS:
        if f"{name}_en" in rows:
            pairs = zip(rows[f"{name}_en"].tolist(), rows[f"{name}_zh"].tolist(), strict=True)
            shown[name] = pd.Series([_say(pair, language) for pair in pairs], index=rows.index, dtype=object)
        elif name in _CODES:
            words = {code: _say(pair, language) for code, pair in _CODES[name].items()}
            shown[name] = rows[name].map(words)
        else:
            shown[name] = rows.get(name, "")
    return shown


def _say(pair: Pair, language: Language) -> str:
    if language == "both":
        return "\n".join(text for text in pair if text)
    return pair[("en", "zh").index(language)]


def _formats(workbook: Any) -> dict[str, Any]:
    cell = {"valign": "top", "border": 1, "border_color": "#BFBFBF"}
    return {
        "heading": workbook.add_format({**cell, "bold": True, "text_wrap": True, "bg_color": "#E7EEF5"}),
        "text": workbook.add_format({**cell, "text_wrap": True}),
        "churn_probability": workbook.add_format({**cell, "num_format": "0.0%"}),
        "expected_value_kept": workbook.add_format({**cell, "num_format": "#,##0"}),
        "rank": workbook.add_format({**cell, "num_format": "0"}),
    }


def _lay_out(sheet: Any, date: dt.date, settings: PlanSettings, language: Language) -> None:
    sheet.set_paper(_A4)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.freeze_panes(1, 3)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.7)
    # &A is the sheet's own name, so that no text of the bank is in a header.
    sheet.set_header(f"&L&A&R{date.isoformat()}")
    sheet.set_footer(f"&L&8{_say(_assumed(settings), language).replace(chr(10), ' · ')}&R&P / &N")
    for column, (_, _, width) in enumerate(_HEADINGS):
        sheet.set_column(column, column, width)


def _assumed(settings: PlanSettings) -> Pair:
    """Say what expected values rest on, short enough for two languages in one foot (255 signs)."""
    contact, loss, factor = settings.contact_effect, settings.loss_effect, settings.meeting_factor
    return (
        f"Assumed: a contact prevents {contact:.0%} of churn, a loss notice {loss:.0%}, a meeting × {factor:g}",
        f"假设：一次联系减少 {contact:.0%} 的流失，亏损告知 {loss:.0%}，面谈 × {factor:g}",
    )


def _fill(sheet: Any, formats: Mapping[str, Any], rows: pd.DataFrame | None, language: Language) -> None:
    for column, (_, words, _) in enumerate(_HEADINGS):
        sheet.write_string(0, column, _say(words, language), formats["heading"])
    if rows is None:
        sheet.write_string(1, 0, _say(_NOBODY, language))
        return
    for column, (name, _, _) in enumerate(_HEADINGS):
        write: Callable[..., Any] = sheet.write_number if name in formats else sheet.write_string
        style = formats.get(name, formats["text"])
        for row, value in enumerate(rows[name].tolist(), start=1):
            write(row, column, value if name in formats else cell_text(value or ""), style)
