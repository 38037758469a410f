"""An Excel sheet as CSV text, with what Excel did to its values undone where it can be.

openpyxl opens the workbook and reads its strings and formats. Its cells are read here, since its own reader gives
neither a cell's number format without a slow object per cell, nor formulas without a value, nor merged cells.
"""

import csv
import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
from openpyxl.cell.text import Text
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.utils.cell import column_index_from_string, range_boundaries
from openpyxl.utils.datetime import from_excel, from_ISO8601
from openpyxl.worksheet._reader import FORMULA_TAG, INLINE_STRING, MERGE_TAG, ROW_TAG, VALUE_TAG
from openpyxl.xml.constants import SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from churn import files
from churn.errors import DataError
from churn.tables.cells import UNSAVED
from churn.tables.layout import in_one_line

# Excel keeps 15 digits: a longer whole number is no longer the one that was typed.
EXACT_BELOW = 10**15
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}t"
_DIGITS = "0123456789"
_LIKE_GROUPS = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_ALL_ZEROS = re.compile(r"(0{2,})(;.*)?")
# Cells beyond the first row's in so many rows are a column without a heading; in fewer, slips.
_COLUMN_SHARE = 0.05
_MOST_NAMED = 10
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class _Book(NamedTuple):
    """Parts of a workbook. `dates`, `durations`: styles; `widths`: digits of a style of the form 00000."""

    path: Path
    strings: list[str]
    dates: set[int]
    durations: set[int]
    widths: Mapping[int, int]
    epoch: dt.datetime


class Sheet(NamedTuple):
    """A sheet that is read: its name, and whether the columns wanted decided."""

    name: str
    is_assumed: bool


def write_sheet_as_csv(
    path: Path, sheet: str | None, copy: Path, wanted: Collection[str] = ()
) -> tuple[Sheet, dt.date]:
    """Write a sheet's rows to `copy` as UTF-8 CSV; rows without any cell are left out at the end only.

    Parameters
    ----------
    path
        An .xlsx file.
    sheet
        The sheet's name. When None, the first one that is not hidden; where that lacks a column of `wanted` and one
        other has them all, that one.

    Returns
    -------
    Sheet
        The sheet that was read.
    date
        The day that the number 0 stands for in a date's place: 1899-12-30, or 1904-01-01 where the workbook says so.

    Raises
    ------
    DataError
        The file is not a whole .xlsx file, has no such sheet, or a sheet that would lose values.
    """
    if files.begins_with(path, _OLD_OR_ENCRYPTED):
        raise DataError(f"{path}: is encrypted, or an old .xls; save it in Excel as .xlsx without a password")
    with _as_data_error(path, "is not a whole .xlsx file"), path.open("rb") as stream:
        # From a stream: of a path openpyxl judges the ending.
        workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        worksheet, is_assumed = _choose(path, workbook, sheet, wanted)
        with _as_data_error(path, "is damaged inside"):
            _write_rows(_without_blank_end(_read_rows(path, worksheet)), copy)
    epoch: dt.datetime = workbook.epoch
    return Sheet(worksheet.title, is_assumed), epoch.date()


def _choose(path: Path, workbook: Any, sheet: str | None, wanted: Collection[str]) -> tuple[Any, bool]:
    """Choose a sheet, and say whether the columns wanted decided."""
    if sheet is not None:
        named = [one for one in workbook.worksheets if one.title == sheet]
        if not named:
            n = len(workbook.worksheets)
            raise DataError(f"{path}: none of its sheets ({n}) has the name configured; fix sheet in the configuration")
        return named[0], False
    shown = [one for one in workbook.worksheets if one.sheet_state == "visible"]
    if not shown:
        raise DataError(f"{path}: has no sheet that is not hidden; name one as sheet in the configuration")
    if len(shown) == 1 or not wanted:
        return shown[0], False
    with _as_data_error(path, "is damaged inside"):
        fitting = [one for one in shown if set(wanted) <= _first_row(path, one)]
        if shown[0] in fitting:
            return shown[0], False
    if len(fitting) != 1:
        names = ", ".join([one.title for one in shown[:_MOST_NAMED]] + ["…"] * (len(shown) > _MOST_NAMED))
        those = f"{len(fitting)} of its sheets have" if fitting else "none of its sheets has"
        raise DataError(
            f"{path}: {those} the columns {', '.join(wanted)}; name one of {names} as sheet in the configuration"
        )
    return fitting[0], True


def _first_row(path: Path, sheet: Any) -> set[str]:
    return {in_one_line(cell) for cell in next(_read_rows(path, sheet), [])}


def _write_rows(rows: Iterator[list[str]], copy: Path) -> None:
    """Write rows as CSV; where columns stand beyond the first row's, with empty names for them."""
    widths: list[int] = []
    with copy.open("w", encoding="utf-8", newline="") as writer:
        table = csv.writer(writer, lineterminator="\n")
        for cells in rows:
            widths.append(len(cells))
            table.writerow(cells)
    n_wider = sum(width > widths[0] for width in widths)
    if not widths or not widths[0] or n_wider < max(2, _COLUMN_SHARE * (len(widths) - 1)):
        return
    most, narrow = max(widths), copy.with_suffix(".narrow")
    copy.rename(narrow)
    with narrow.open(encoding="utf-8", newline="") as reader, copy.open("w", encoding="utf-8", newline="") as writer:
        filled = (cells + [""] * (most - len(cells)) for cells in csv.reader(reader))
        csv.writer(writer, lineterminator="\n").writerows(filled)


@contextmanager
def _as_data_error(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (MemoryError, DataError):
        raise
    except Exception as error:
        # Of a damaged file openpyxl lets through whatever its parts raise: zlib, zipfile, XML, KeyError, ….
        raise DataError(f"{path}: {what}; save it again as .xlsx") from error


def _without_blank_end(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield rows as wide as the first one (wider where there are more filled cells), without blank ones at the end."""
    width, blank = None, 0
    for cells in rows:
        while cells and not cells[-1]:
            cells.pop()
        width = len(cells) if width is None else width
        if not cells:
            blank += 1
            continue
        for _ in range(blank):
            yield [""] * width
        blank = 0
        yield cells + [""] * (width - len(cells))


def _read_rows(path: Path, sheet: Any) -> Iterator[list[str]]:
    """Yield the texts of each row of a read-only sheet, from its first row on; a row may be shorter than others.

    `path` names the file in messages.

    Raises
    ------
    DataError
        Rows or columns beyond what Excel has, rows out of order, or cells merged over several rows.
    """
    book, n_rows = _describe(path, sheet), 0
    with sheet._get_source() as stream:  # the one way openpyxl has to a sheet's XML
        for _, element in iterparse(stream):
            if element.tag == ROW_TAG:
                place = int(float(element.get("r", n_rows + 1)))
                _require_place(path, place, n_rows)
                yield from ([] for _ in range(n_rows + 1, place))
                yield _texts(element, book)
                element.clear()
                n_rows = place
            elif element.tag == MERGE_TAG:
                _require_single_rows(path, [cell.get("ref", "") for cell in element])


def cell_as_text(value: Any) -> str:
    """Write a cell as the CSV text it stands for.

    Whole numbers lose a `.0`; one of 16 digits or more, of which Excel has lost some, is written with an exponent,
    which no id may have; dates are ISO.

    Examples
    --------
    >>> [cell_as_text(value) for value in (12.0, 10**15, None, True, dt.datetime(2025, 1, 31))]
    ['12', '1.0000000000000000e+15', '', 'true', '2025-01-31']
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dt.datetime() if value.time() == dt.time(0):
            return value.date().isoformat()
        case dt.datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case int() | float():
            return _number(value)
    return str(value)


def _number(value: float) -> str:
    if abs(value) >= EXACT_BELOW:
        return f"{value:.16e}"
    if value == int(value):
        return str(int(value))
    # With a digit more, no text such as 1.200, which is 1200 in some countries.
    return f"{value!r}0" if _LIKE_GROUPS.fullmatch(repr(value)) else repr(value)


def _describe(path: Path, sheet: Any) -> _Book:
    workbook, widths = sheet.parent, {}
    for style, cell_style in enumerate(workbook._cell_styles):
        form = _number_format(workbook, cell_style.numFmtId)
        if zeros := _ALL_ZEROS.fullmatch(form):
            widths[style] = len(zeros[1])
    return _Book(
        path=path,
        strings=sheet._shared_strings,
        dates=workbook._date_formats,
        durations=workbook._timedelta_formats,
        widths=widths,
        epoch=workbook.epoch,
    )


def _number_format(workbook: Any, number: int) -> str:
    own = number - BUILTIN_FORMATS_MAX_SIZE
    form = BUILTIN_FORMATS.get(number, "General") if own < 0 else workbook._number_formats[own]
    return str(form)


def _require_place(path: Path, place: int, n_rows: int) -> None:
    if place > MOST_ROWS:
        raise DataError(f"{path}: has a row beyond the {MOST_ROWS:,} that Excel has; it is damaged, export it again")
    if place <= n_rows:
        raise DataError(f"{path}: row {place:,} is out of order; open the file in Excel and save it")


def _require_single_rows(path: Path, ranges: list[str]) -> None:
    """Refuse merged cells over several rows: all but the first row would be empty, and nothing says whether rightly."""
    for cells in ranges:
        _, first, _, last = range_boundaries(cells)
        if last > first:
            raise DataError(
                f"{path}: cells {cells} are merged over several rows, so that only the first has a value;"
                " unmerge them in Excel, fill each, and save the file"
            )


def _texts(row: Any, book: _Book) -> list[str]:
    texts: list[str] = []
    for cell in row:
        reference = cell.get("r")
        place = column_index_from_string(reference.rstrip(_DIGITS)) if reference else len(texts) + 1
        if place > MOST_COLUMNS:
            raise DataError(
                f"{book.path}: has a column beyond the {MOST_COLUMNS:,} that Excel has; it is damaged, export it again"
            )
        text = _text(cell, book)
        if place == len(texts) + 1:
            texts.append(text)
        else:
            texts.extend([""] * (place - len(texts)))
            texts[place - 1] = text
    return texts


def _text(cell: Any, book: _Book) -> str:
    kind, value = cell.get("t", "n"), cell.findtext(VALUE_TAG)
    if kind == "inlineStr":
        return _inline(cell)
    if not value:
        # A formula whose value is an empty text has the value's tag, and says that it is a text.
        is_empty_text = kind == "str" and value is not None
        return UNSAVED if not is_empty_text and cell.find(FORMULA_TAG) is not None else ""
    return _typed(kind, value, int(cell.get("s", 0)), book)


def _typed(kind: str, value: str, style: int, book: _Book) -> str:
    match kind:
        case "s":
            return book.strings[int(value)]
        case "n":
            return _formatted(float(value) if set(value) & set(".eE") else int(value), style, book)
        case "b":
            return cell_as_text(value != "0")
        case "d":
            return cell_as_text(from_ISO8601(value))
    return value


def _formatted(number: float, style: int, book: _Book) -> str:
    if style in book.dates:
        try:
            return cell_as_text(from_excel(number, book.epoch, timedelta=style in book.durations))
        except (OverflowError, ValueError):
            return "#VALUE!"
    text = _number(number)
    return text.zfill(book.widths[style]) if style in book.widths and number >= 0 else text


def _inline(cell: Any) -> str:
    inline = cell.find(INLINE_STRING)
    if inline is None:
        return ""
    plain = inline.findtext(_TEXT_TAG)
    return str(plain if plain is not None else Text.from_tree(inline).content or "")
