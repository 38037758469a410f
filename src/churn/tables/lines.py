"""The lines of a CSV file, counted apart from the parser, so that no row is lost without a word.

A parser takes a quotation mark at its word: one that was typed by mistake opens a cell that ends at the next mark,
perhaps a thousand rows further down. Here each line is looked at as it stands, before the parser sees it. Lines that
would mislead it are set aside; all others are counted, and the parser has to give as many rows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from churn.tables.layout import Ahead, Layout

LONGEST_LINE = 8_000_000
"""A line of more bytes is set aside."""
MOST_LINES = 1_000
"""A cell runs over so many lines at most."""
BROKEN_ROW, STRAY_QUOTE = "broken_row", "stray_quote"
_BLANK = "blank"
# DuckDB repeats a row for each cell it has too many; one of which that makes more bytes is set aside.
_MOST_REPEATED = 100_000
_QUOTED = re.compile(rb'"(?:[^"]|"")*+"?')


class Lines(NamedTuple):
    """What a file's lines say.

    Attributes
    ----------
    path
        The file, or a copy of it in which a line that is set aside has too many cells.
    n_rows
        Rows after the header: lines that are not blank, where a cell runs over several these as one.
    set_aside
        By the number of the row, 1 for the first after the header, the rule its line breaks.
    blanks
        The byte at which each blank line begins that is in no cell.
    """

    path: Path
    n_rows: int
    set_aside: Mapping[int, str]
    blanks: Sequence[int] = ()


def read_lines(path: Path, layout: Layout, copy: Path, *, is_typed: bool = True) -> Lines:
    """Count a file's rows, and set aside the lines that would take others with them.

    Parameters
    ----------
    path
        UTF-8, with one kind of line end, of Windows or Unix.
    copy
        Where a copy is written, if one is needed: also where the header is not one line that names every column.
    is_typed
        Whether marks may be out of place; of what a program wrote, none is.
    """
    names, delimiter = layout.names, layout.delimiter
    mark, n_columns = delimiter.encode(), len(names) if is_typed else 0
    set_aside, n_rows, blanks = {}, 0, []
    with path.open("rb") as stream:
        byte = sum(map(len, islice(stream, layout.n_before)))
        for row, rule in _rows(stream, mark, n_columns):
            if rule == _BLANK:
                blanks.append(byte)
            else:
                n_rows += 1
                if rule:
                    set_aside[n_rows] = rule
            byte += len(row)
    if not set_aside and layout.n_before == 1 and layout.is_whole:
        return Lines(path, n_rows, {}, blanks)
    with path.open("rb") as stream, copy.open("wb") as writer:
        *_, last = islice(stream, layout.n_before)
        end = b"\r\n" if last.endswith(b"\r\n") else b"\n"
        header, too_many = (
            delimiter.join(cells).encode() + end for cells in (map(_quoted, names), "x" * (len(names) + 2))
        )
        writer.write(header)
        rows = _rows(stream, mark, n_columns)
        writer.writelines(too_many if rule else row for row, rule in rows if rule != _BLANK)
    return Lines(copy, n_rows, set_aside)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _rows(lines: Iterator[bytes], delimiter: bytes, n_columns: int) -> Iterator[tuple[bytes, str | None]]:
    """Give each row with the rule that sets it aside, and blank lines; `n_columns`: 0 where no mark is out of place."""
    # A line whose marks all open and close a cell: most lines with marks, told in one go.
    end = re.escape(delimiter)
    cell = rb'(?:"[^"]*"|[^"' + end + rb"]*)"
    is_plain = re.compile(cell + rb"(?:" + end + cell + rb")*").fullmatch
    ahead = Ahead(lines)
    for line in ahead:
        if not line.strip(b"\r\n"):
            yield line, _BLANK
        elif len(line) > LONGEST_LINE:
            yield line, BROKEN_ROW
        elif b'"' not in line or is_plain(line.rstrip(b"\r\n")) or not _is_open(line, delimiter):
            yield line, _has_too_many(line, delimiter, n_columns)
        elif n_more := _n_more(line, ahead, delimiter, n_columns):
            row = line + b"".join(islice(ahead, n_more))
            yield row, _has_too_many(row, delimiter, n_columns)
        else:
            yield line, STRAY_QUOTE


def _has_too_many(row: bytes, delimiter: bytes, n_columns: int) -> str | None:
    """Give the rule that a row breaks which has more cells than the header, where DuckDB would not say so in time.

    It drops an empty cell at the end, in marks or not, though an earlier one may be the one too many.
    """
    n_more = row.count(delimiter) + 1 - n_columns if n_columns else 0
    if n_more > 0 and b'"' in row:
        n_more = _count_cells(row, delimiter) - n_columns
    ends_empty = n_more == 1 and row.rstrip(b"\r\n").endswith((delimiter, delimiter + b'""'))
    return BROKEN_ROW if ends_empty or len(row) * n_more > _MOST_REPEATED else None


def _count_cells(row: bytes, delimiter: bytes) -> int:
    n, place = 1, 0
    while True:
        if quoted := _QUOTED.match(row, place):
            place = quoted.end()
        place = row.find(delimiter, place) + 1
        if not place:
            return n
        n += 1


def _n_more(line: bytes, ahead: Ahead[bytes], delimiter: bytes, n_columns: int) -> int:
    """How many more lines a cell runs over that is open at the end of a line; 0 where its mark is a stray one."""
    n_like_rows, size = int(line.count(delimiter) == n_columns - 1), len(line)
    for n, later in enumerate(ahead.look(MOST_LINES), 1):
        n_like_rows += later.count(delimiter) == n_columns - 1
        size += len(later)
        if size > LONGEST_LINE:
            break
        if not _is_open(later, delimiter, inside=True):
            if n_columns == 1:  # any line reads like a row; a mark that closes a cell ends its line
                return n if later.rstrip(b"\r\n").endswith(b'"') else 0
            # What somebody wrote into a cell does not read like rows.
            return 0 if 2 * n_like_rows > n + 1 else n
    return 0


def _is_open(line: bytes, delimiter: bytes, *, inside: bool = False) -> bool:
    """Whether a cell is open at the end of a line; `inside`: whether one was at its beginning."""
    place = 0
    while True:
        if inside or line[place : place + 1] == b'"':
            place += not inside
            while True:
                place = line.find(b'"', place) + 1
                if not place:
                    return True
                if line[place : place + 1] != b'"':
                    break
                place += 1
            inside = False
        place = line.find(delimiter, place) + 1
        if not place:
            return False
