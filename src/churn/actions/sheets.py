"""Tables for people: CSV, and sheets to print, with safe names and cells, one layout, one way to fill a table.

Every text is written as a text (`write_string`), so that nothing a bank's tables hold is a formula or a link.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil, isfinite
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unicodedata import east_asian_width

import pandas as pd
import xlsxwriter

from churn import csv_files
from churn.speech import LANGUAGES, Said, say

Shown = Literal["both", "en", "zh"]
"""The languages of a sheet."""
Style = Literal["text", "share", "yuan", "count"]

_A4 = 9
_LONGEST_NAME = 31
_LONGEST_CELL = 32_767
_HALVES = re.compile("[\ud800-\udfff]")
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))
_NUMBERS: Mapping[str, str] = {"share": "0.0%_)", "yuan": "#,##0_)", "count": "#,##0_)"}
"""Ending in the width of a bracket: else a number touches the text beside it."""
# Arial, since it has the same widths wherever a sheet is opened (elsewhere as Liberation Sans).
_FONT = {"font_name": "Arial", "font_size": 10}
_LINE = 13.5
"""Points, with room for Chinese signs."""
_WORD = 12
"""Wider columns hold sentences."""
_TALLEST = 409.0
"""Points; Excel knows no taller row."""


class SheetColumn(NamedTuple):
    """A column of a sheet.

    Attributes
    ----------
    heading
        In the sheet's language.
    width
        In signs of the sheet's letter.
    style
        What its cells hold.
    cells
        Texts, or numbers: a share as a fraction of one. None, and a number that is none, is an empty cell.
    """

    heading: str
    width: float
    style: Style
    cells: Sequence[Any]


@contextmanager
def new_workbook(path: Path, title: str, date: dt.date) -> Iterator[Any]:
    """Give a workbook that is written, in place, when the block ends; the same calls give the same bytes."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    options["in_memory"] = True  # else each sheet is a temporary file first, which stays when the process is killed
    workbook = xlsxwriter.Workbook(str(path), options)
    try:
        workbook.set_properties({"title": title, "created": dt.datetime.combine(date, dt.time())})
        yield workbook
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
    """Give a text that xlsxwriter writes as it stands, in a cell that Excel opens.

    It takes what begins with `<r>` and ends with `</r>` for markup of its own and writes it unescaped; a blank behind
    it keeps it a text. Half of a 4-byte character cannot be in XML; all else that cannot, xlsxwriter escapes. A cell
    holds 32,767 UTF-16 units: a longer text ends in an ellipsis.

    Examples
    --------
    >>> cell_text("<r><t>x</t></r>"), cell_text("=1+1"), cell_text(f"a{chr(0xD800)}b")
    ('<r><t>x</t></r> ', '=1+1', 'a�b')
    """
    clean = _HALVES.sub("\ufffd", text)
    if 2 * len(clean) > _LONGEST_CELL and len(clean.encode("utf-16-le")) > 2 * _LONGEST_CELL:
        clean = f"{_cut(clean, _LONGEST_CELL - 1)}…"
    return f"{clean} " if clean.startswith("<r>") and clean.endswith("</r>") else clean


def stack(texts: Sequence[str], shown: Shown) -> str:
    """Give of a text in all languages those asked for, one below the other.

    Examples
    --------
    >>> stack(("call", "电话"), "zh"), stack(("", ""), "both")
    ('电话', '')
    >>> print(stack(("call", "电话"), "both"))
    call
    电话
    """
    if shown != "both":
        return texts[LANGUAGES.index(shown)]
    return "\n".join(text for text in texts if text)


def in_words(value: Said, shown: Shown) -> str:
    """Say something in the languages asked for, one below the other."""
    return stack([say(value, language) for language in LANGUAGES], shown)


def in_one_line(value: Said, shown: Shown) -> str:
    """Say something in the languages asked for, one behind the other."""
    return in_words(value, shown).replace("\n", " · ")


def word_columns(said: Mapping[str, Iterable[Said]]) -> dict[str, "pd.Series[Any]"]:
    """Put what is said into words: for each column one of each language, such as `why_en` and `why_zh`."""
    known = {name: list(values) for name, values in said.items()}
    return {
        f"{name}_{language}": pd.Series([say(one, language) for one in values], dtype=object)
        for name, values in known.items()
        for language in LANGUAGES
    }


def write_csv(path: Path, rows: pd.DataFrame) -> None:
    """Write rows as CSV that people open in Excel; amounts to the cent, shares to six digits."""
    csv_files.write_frame(path, rounded(rows), for_excel=True, quote_texts=True)


def rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """Round amounts to the cent and shares to six digits."""
    numbers = [str(name) for name in rows.columns if pd.api.types.is_float_dtype(rows[name])]
    is_money = {name: name.endswith("_cny") or name == "expected_value_kept" for name in numbers}
    return rows.round({name: 2 if money else 6 for name, money in is_money.items()})


def make_styles(workbook: Any) -> dict[str, Any]:
    """Make the formats of a workbook: of headings, of notes, and of each `Style`."""
    cell = {**_FONT, "valign": "top", "border": 1, "border_color": "#BFBFBF"}
    return {
        "heading": workbook.add_format({**cell, "bold": True, "text_wrap": True, "bg_color": "#E7EEF5"}),
        "text": workbook.add_format({**cell, "text_wrap": True}),
        "note": workbook.add_format(_FONT),
        **{name: workbook.add_format({**cell, "num_format": form}) for name, form in _NUMBERS.items()},
    }


def add_sheet(workbook: Any, name: str, taken: set[str], date: dt.date, foot: str) -> Any:
    """Add a sheet, laid out to print, under a name as `sheet_name` makes it, which is then taken."""
    name = sheet_name(name, taken)
    taken.add(name.lower())
    sheet = workbook.add_worksheet(name)
    lay_out(sheet, date, foot)
    return sheet


def lay_out(sheet: Any, date: dt.date, foot: str) -> None:
    """Set a sheet up to print on A4 landscape, one page wide, the heading on every page.

    Parameters
    ----------
    foot
        At most 230 signs, none of them of a bank's tables: a head and a foot have codes of their own.
    """
    sheet.set_paper(_A4)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.7)
    # &A is the sheet's own name, so that no text of the bank is in a header.
    sheet.set_header(f"&L&A&R{date.isoformat()}")
    sheet.set_footer(f"&L&8{foot}&R&P / &N")


def write_table(sheet: Any, styles: Mapping[str, Any], columns: Sequence[SheetColumn], *, frozen: int) -> None:
    """Write headings and cells from the first row on; the heading and `frozen` columns stay in sight.

    Rows are as tall as their texts: not every program measures them itself when it opens a sheet.
    """
    sheet.freeze_panes(1, frozen)
    # A heading is bold, and has the sign of the filter beside it.
    lines = [max(count_lines(column.heading, column.width - 2) for column in columns)]
    lines += [1] * max(len(column.cells) for column in columns)
    for at, column in enumerate(columns):
        sheet.set_column(at, at, column.width)
        sheet.write_string(0, at, cell_text(column.heading), styles["heading"])
        write = _write_text if column.style == "text" else _write_number
        for row, value in enumerate(column.cells, start=1):
            write(sheet, row, at, value, styles[column.style])
            if column.style == "text" and value:
                lines[row] = max(lines[row], count_lines(value, column.width))
    for row, height in enumerate(lines):
        sheet.set_row(row, min(height * _LINE + 1, _TALLEST))


def count_lines(text: str, width: float) -> int:
    """Estimate the lines that a text takes in a column, rather one too many: a Chinese sign is two wide.

    Examples
    --------
    >>> count_lines("gold", 9), count_lines("ordinary tier", 9), count_lines("风险" * 10, 20)
    (1, 2, 3)
    """
    # In a wide column a line ends before the word that does not fit, and small letters are narrower than digits.
    room, letter = (width - 2, 0.9) if width > _WORD else (width, 1.0)
    return sum(max(ceil(_display_width(line, letter) / max(room, 1)), 1) for line in text.split("\n"))


def _display_width(text: str, letter: float) -> float:
    if text.isascii():
        return letter * len(text)
    wide = sum(east_asian_width(sign) in "WF" for sign in text)
    return letter * (len(text) - wide) + 2 * wide


def write_note(sheet: Any, styles: Mapping[str, Any], row: int, text: str) -> None:
    """Write one line across the sheet, in its first column."""
    sheet.write_string(row, 0, cell_text(text), styles["note"])


def _write_text(sheet: Any, row: int, at: int, value: str | None, style: Any) -> None:
    if value:
        sheet.write_string(row, at, cell_text(value), style)
    else:
        sheet.write_blank(row, at, None, style)


def _write_number(sheet: Any, row: int, at: int, value: float | None, style: Any) -> None:
    if value is None or not isfinite(value):
        sheet.write_blank(row, at, None, style)
    else:
        sheet.write_number(row, at, value, style)
