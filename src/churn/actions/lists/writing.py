"""The lists as a workbook to print: first what each list is, then a sheet per list."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from churn.actions import sheets
from churn.actions.lists.build import ALL_LISTS, Lists
from churn.actions.lists.care import RELATIONSHIPS
from churn.actions.lists.listing import AGE_WORDS, COLUMNS, GRADES
from churn.actions.sheets import Shown, Style
from churn.actions.today import TIER_WORDS
from churn.config import Config
from churn.speech import Message, Said, message

MOST_ROWS = 2_000
"""Nobody prints more; a list of a large bank has hundreds of thousands."""
_TABS = {kind.name: kind.tab for kind in ALL_LISTS}
_STAGES = (message("not reached"), message("spoken to", context="stage"), message("invited", context="stage"),
           message("met", context="stage"))  # fmt: skip
CODES: Mapping[str, Mapping[Any, Said]] = {
    "tier": TIER_WORDS,
    "next_tier": TIER_WORDS,
    "problem": {"no_manager": message("no manager"), "other_branch": message("manager of another branch")},
    "weakest": RELATIONSHIPS,
    **{f"{name}_grade": dict(enumerate(GRADES)) for name in RELATIONSHIPS},
    "familiarity_stage": dict(enumerate(_STAGES)),
    "age_band": AGE_WORDS,
    "risk_band": {"low": message("low"), "medium": message("medium"), "high": message("high")},
    "do_not_contact": {True: message("yes"), False: ""},
}
"""For each column of codes what each is called; products and services are called as the bank's catalogue says."""
_FIRST = ("rank", "customer_id", "manager_id", "branch_id", "tier", "why")
_FROZEN = 2
_WIDTHS = {"rank": 6.0, "customer_id": 14.0, "why": 46.0, "product": 14.0, "service": 16.0, "problem": 14.0}
_WIDTH = 10.5
_SHARES = ("churn_probability", "manager_branch_share", "unrealised_return", "aum_growth_3m")
_NOTE = message("The first {n} rows of a list at most; all of them are in its file.", n=MOST_ROWS)

Words = Mapping[str, Mapping[Any, str]]
"""For each column of codes what each is called, in the languages asked for."""


def write_lists(path: Path, lists: Lists, date: dt.date, config: Config, *, shown: Shown = "both") -> None:
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
    shown
        Both languages in one cell, or one of them.
    """
    foot = sheets.in_one_line(_NOTE, shown)
    words = {
        column: {code: sheets.in_words(said, shown) for code, said in codes.items()} for column, codes in CODES.items()
    }
    words["product"] = {code: sheets.stack(product.name, shown) for code, product in config.products.items()}
    words["service"] = {code: sheets.stack(service.name, shown) for code, service in config.services.items()}
    with sheets.new_workbook(path, f"churn lists {date}", date) as workbook:
        styles, taken = sheets.make_styles(workbook), set[str]()

        def add_sheet(said: Said) -> Any:
            return sheets.add_sheet(workbook, sheets.in_words(said, shown).replace("\n", " "), taken, date, foot)

        overview, tabs = add_sheet(message("Lists", context="sheet")), {}
        for name, rows in lists.frames.items():
            sheet = add_sheet(_TABS.get(name, name))
            tabs[name] = sheet.get_name()
            columns = _columns(rows.head(MOST_ROWS), words, shown)
            sheets.write_table(sheet, styles, columns, frozen=_FROZEN)
            _note(sheet, styles, name, lists, shown)
            if len(rows):
                sheet.autofilter(0, 0, len(columns[0].cells), len(columns) - 1)
        sheets.write_table(overview, styles, _describe(lists, tabs, shown), frozen=1)


def _describe(lists: Lists, tabs: Mapping[str, str], shown: Shown) -> list[sheets.SheetColumn]:
    """Say of each list what it is, whom it leaves out or why it could not be made, how long it is and where all is."""
    names = list(lists.frames)
    made: list[int | None] = [None if name in lists.not_made else len(lists.frames[name]) for name in names]
    titles = [sheets.in_words(lists.titles[name], shown) for name in names]
    sentences = [sheets.in_words(lists.sentences[name], shown) for name in names]
    columns: tuple[tuple[Message, float, Style, list[Any]], ...] = (
        (message("Sheet", context="column"), 22, "text", list(tabs.values())),
        (message("List", context="column"), 34, "text", titles),
        (message("Rows", context="column"), 9, "count", made),
        (message("Summary", context="column"), 80, "text", sentences),
        (message("All rows", context="column"), 28, "text", [_file(name) for name in names]),
    )
    return [
        sheets.SheetColumn(sheets.in_words(heading, shown), width, style, cells)
        for heading, width, style, cells in columns
    ]


def _note(sheet: Any, styles: Mapping[str, Any], name: str, lists: Lists, shown: Shown) -> None:
    """Say below a list why nobody is on it, or where the rest is."""
    n = len(lists.frames[name])
    if not n:
        sheets.write_note(sheet, styles, 1, sheets.in_one_line(lists.sentences[name], shown))
    elif n > MOST_ROWS:
        rest = message(
            "The first {most} of {n} rows; all of them are in {file}.", most=MOST_ROWS, n=n, file=_file(name)
        )
        sheets.write_note(sheet, styles, MOST_ROWS + 1, sheets.in_one_line(rest, shown))


def _columns(rows: pd.DataFrame, words: Words, shown: Shown) -> list[sheets.SheetColumn]:
    """Give the columns of a sheet: who and why first, then what it rests on, but for what no row has."""
    known = rows.columns[rows.notna().any()] if len(rows) else rows.columns
    facts = [name for name in known if name not in {*_FIRST, "why_en", "why_zh"}]
    columns = []
    for name in (*_FIRST, *facts):
        heading = sheets.in_words(COLUMNS[name].heading, shown)
        style: Style = "text" if name in words or name == "why" else _style(rows, name)
        cells = _cells(rows, name, words.get(name), shown)
        columns.append(sheets.SheetColumn(heading, _WIDTHS.get(name, _WIDTH), style, cells))
    return columns


def _style(rows: pd.DataFrame, name: str) -> Style:
    if not pd.api.types.is_numeric_dtype(rows[name]):
        return "text"
    if name.endswith("_cny"):
        return "yuan"
    return "share" if name in _SHARES else "count"


def _cells(rows: pd.DataFrame, name: str, words: Mapping[Any, str] | None, shown: Shown) -> list[Any]:
    if name == "why":
        pairs = zip(rows["why_en"].tolist(), rows["why_zh"].tolist(), strict=True)
        return [sheets.stack(pair, shown) for pair in pairs]
    cells = [None if pd.isna(cell) else cell for cell in rows[name].tolist()]
    return cells if words is None else [None if cell is None else words.get(cell, str(cell)) for cell in cells]


def _file(name: str) -> str:
    return f"lists/{name}.csv"
