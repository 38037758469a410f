"""An Excel sheet as CSV text, cell by cell, with what Excel did to its values undone where it can be."""

import csv
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl

from churn.errors import DataError

# Excel keeps 15 digits: a longer whole number is no longer the one that was typed.
EXACT_BELOW = 10**15


def write_sheet_as_csv(path: Path, sheet: str | None, copy: Path) -> None:
    """Write a sheet's rows to `copy` as UTF-8 CSV; rows without any cell are left out at the end only.

    Parameters
    ----------
    path
        An .xlsx file.
    sheet
        The sheet's name; the first one when None.

    Raises
    ------
    DataError
        The file is no whole .xlsx file, or has no such sheet.
    """
    with _as_data_error(path, "is not a whole .xlsx file"):
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    if sheet is not None and sheet not in workbook.sheetnames:
        names = ", ".join(workbook.sheetnames[:10])
        raise DataError(f"{path}: has no sheet of the name configured; it has {names}")
    with _as_data_error(path, "is damaged inside"), copy.open("w", encoding="utf-8", newline="") as stream:
        worksheet = workbook[sheet] if sheet else workbook.worksheets[0]
        worksheet.reset_dimensions()  # what a file says of its own size may be wrong
        csv.writer(stream, lineterminator="\n").writerows(_without_blank_end(worksheet.iter_rows(values_only=True)))
    workbook.close()


@contextmanager
def _as_data_error(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (MemoryError, DataError):
        raise
    except Exception as error:
        # Of a damaged file openpyxl lets through whatever its parts raise: zlib, zipfile, XML, KeyError, ….
        raise DataError(f"{path}: {what}; save it again as .xlsx") from error


def cell_as_text(value: Any) -> str:
    """Write a cell as the CSV text it stands for.

    Whole numbers lose a `.0`; one of 16 digits or more, of which Excel has lost some, is written with an exponent,
    which no id may have; dates are ISO.

    Examples
    --------
    >>> [cell_as_text(value) for value in (12.0, 10**17, None, True, dt.datetime(2025, 1, 31))]
    ['12', '1e+17', '', 'true', '2025-01-31']
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
        return repr(float(value))
    return str(int(value)) if value == int(value) else repr(value)


def _without_blank_end(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[str]]:
    """Yield rows as wide as the first one (wider where there are more filled cells), without blank ones at the end."""
    width, blank = None, 0
    for row in rows:
        cells = [cell_as_text(value) for value in row]
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
