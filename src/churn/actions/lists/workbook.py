"""The lists as a workbook to print: first what each list is, then a sheet a list."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churn.actions.lists.build import Lists
from churn.actions.lists.headings import HEADINGS, TABS, code_words
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
from churn.config import Config
from churn.explanation.reasons.amounts import Pair

MOST_ROWS = 2_000
"""Nobody prints more; a list of a large bank has hundreds of thousands."""
_FIRST = ("rank", "customer_id", "manager_id", "branch_id", "tier", "why")
_FROZEN = 2
_WIDTHS = {"rank": 6.0, "customer_id": 14.0, "why": 46.0, "product": 14.0, "service": 16.0, "problem": 14.0}
_WIDTH = 10.5
_SHARES = ("churn_probability", "manager_branch_share", "unrealised_return", "aum_growth_3m")
_OVERVIEW: Pair = ("Lists", "名单")
_NOTE: Pair = (
    "The first 2,000 rows of a list at most; all of them are in its file.",
    "每张名单最多列出前 2,000 行，完整名单见对应文件。",
)


def write_lists(path: Path, lists: Lists, date: dt.date, config: Config, *, language: Language = "both") -> None:
    """Write lists as .xlsx; the same lists give the same bytes.

    A sheet holds a list's first `MOST_ROWS` rows, and says where the rest is.

    Parameters
    ----------
    path
        The file; written in place, so give a temporary one.
    date
        The day the lists are for.
    config
        Names products and services.
    language
        Both languages in one cell, or one of them.
    """
    foot = say(_NOTE, language).replace("\n", " · ")
    words = {
        column: {code: say(pair, language) for code, pair in codes.items()}
        for column, codes in code_words(config).items()
    }
    with new_workbook(path, f"churn lists {date}", date) as workbook:
        styles, taken = make_styles(workbook), set[str]()
        overview = _add_sheet(workbook, say(_OVERVIEW, language), taken)
        lay_out(overview, date, foot)
        tabs = {}
        for name, rows in lists.frames.items():
            sheet = _add_sheet(workbook, say(TABS.get(name, (name, name)), language), taken)
            tabs[name] = sheet.get_name()
            lay_out(sheet, date, foot)
            _fill(sheet, styles, name, rows, lists.sentences[name], words, language)
        write_table(overview, styles, _describe(lists, tabs, language), frozen=1)


def _add_sheet(workbook: Any, text: str, taken: set[str]) -> Any:
    name = sheet_name(text.replace("\n", " "), taken)
    taken.add(name.lower())
    return workbook.add_worksheet(name)


def _describe(lists: Lists, tabs: Mapping[str, str], language: Language) -> list[Column]:
    """Say of each list what it is, whom it leaves out or why it could not be made, how long it is and where all is."""
    names = list(lists.frames)
    made: list[int | None] = [None if name in lists.not_made else len(lists.frames[name]) for name in names]
    return [
        Column(say(("Sheet", "工作表"), language), 22, "text", list(tabs.values())),
        Column(say(("List", "名单"), language), 34, "text", [say(lists.titles[name], language) for name in names]),
        Column(say(("Rows", "行数"), language), 9, "count", made),
        Column(
            say(("What it says", "说明"), language),
            80,
            "text",
            [say(lists.sentences[name], language) for name in names],
        ),
        Column(say(("All rows", "完整名单"), language), 28, "text", [_file(name) for name in names]),
    ]


def _fill(
    sheet: Any,
    styles: Mapping[str, Any],
    name: str,
    rows: pd.DataFrame,
    sentence: Pair,
    words: Mapping[str, Mapping[Any, str]],
    language: Language,
) -> None:
    shown = rows.head(MOST_ROWS)
    columns = _columns(shown, words, language)
    write_table(sheet, styles, columns, frozen=_FROZEN)
    if shown.empty:
        write_note(sheet, styles, 1, say(sentence, language))
        return
    sheet.autofilter(0, 0, len(shown), len(columns) - 1)
    if len(rows) > len(shown):
        write_note(sheet, styles, len(shown) + 1, say(_rest(name, len(shown), len(rows)), language))


def _columns(rows: pd.DataFrame, words: Mapping[str, Mapping[Any, str]], language: Language) -> list[Column]:
    """Give the columns of a sheet: who and why first, then what it rests on, but for what no row has."""
    known = rows.columns[rows.notna().any()] if len(rows) else rows.columns
    facts = [name for name in known if name not in {*_FIRST, "why_en", "why_zh"}]
    columns = []
    for name in (*_FIRST, *facts):
        heading = say(HEADINGS.get(name, (name, name)), language)
        style: Style = "text" if name in words or name == "why" else _style(rows, name)
        columns.append(Column(heading, _WIDTHS.get(name, _WIDTH), style, _cells(rows, name, words.get(name), language)))
    return columns


def _style(rows: pd.DataFrame, name: str) -> Style:
    if not pd.api.types.is_numeric_dtype(rows[name]):
        return "text"
    if name.endswith("_cny"):
        return "yuan"
    return "share" if name in _SHARES else "count"


def _cells(rows: pd.DataFrame, name: str, words: Mapping[Any, str] | None, language: Language) -> list[Any]:
    if name == "why":
        return [say(pair, language) for pair in zip(rows["why_en"].tolist(), rows["why_zh"].tolist(), strict=True)]
    cells = [None if pd.isna(cell) else cell for cell in rows[name].tolist()]
    return cells if words is None else [None if cell is None else words.get(cell, str(cell)) for cell in cells]


def _rest(name: str, shown: int, n: int) -> Pair:
    return (
        f"The first {shown:,} of {n:,} rows; all of them are in {_file(name)}.",
        f"此处为前 {shown:,} 行，共 {n:,} 行，完整名单见 {_file(name)}。",
    )


def _file(name: str) -> str:
    return f"lists/{name}.csv"
