"""An Excel sheet as CSV text."""

import csv
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl

from churn.errors import DataError
from churn.tables.sheet_cells import read_rows

_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def write_sheet_as_csv(path: Path, sheet: str | None, copy: Path) -> dt.date:
    """Write a sheet's rows to `copy` as UTF-8 CSV; rows without any cell are left out at the end only.

    Parameters
    ----------
    path
        An .xlsx file.
    sheet
        The sheet's name; the first one that is not hidden when None.

    Returns
    -------
    date
        The day that the number 0 stands for in a date's place: 1899-12-30, or 1904-01-01 where the workbook says so.

    Raises
    ------
    DataError
        The file is no whole .xlsx file, has no such sheet, or a sheet that would lose values.
    """
    if _begins_with(path, _OLD_OR_ENCRYPTED):
        raise DataError(f"{path}: is encrypted, or an old .xls; save it in Excel as .xlsx without a password")
    with _as_data_error(path, "is not a whole .xlsx file"), path.open("rb") as stream:
        # From a stream: of a path openpyxl judges the ending.
        workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        worksheet = _choose(path, workbook, sheet)
        with _as_data_error(path, "is damaged inside"), copy.open("w", encoding="utf-8", newline="") as writer:
            csv.writer(writer, lineterminator="\n").writerows(_without_blank_end(read_rows(path, worksheet)))
    epoch: dt.datetime = workbook.epoch
    return epoch.date()


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def _choose(path: Path, workbook: Any, sheet: str | None) -> Any:
    if sheet is None:
        shown = [one for one in workbook.worksheets if one.sheet_state == "visible"]
        if not shown:
            raise DataError(f"{path}: has no sheet that is not hidden; name one as sheet in the configuration")
        return shown[0]
    named = [one for one in workbook.worksheets if one.title == sheet]
    if not named:
        n = len(workbook.worksheets)
        raise DataError(f"{path}: none of its sheets ({n}) has the name configured; mend sheet in the configuration")
    return named[0]


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
