"""How the lines of a text file are laid out: the names of its columns, and what stands between cells."""

import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from churn.errors import DataError

# Of signs by which a header and its rows split alike the first is taken: commas stand in names and numbers too.
DELIMITERS = ";\t|,"
REMARK = "its first line begins with #; remove remarks above the header, and # before the first name"
_BLANK = " "
_LONGEST = 1 << 20
# Lines after the header that are looked at, and the share of them that settles a question.
_N_LOOKED_AT, _MOST_SHARE = 200, 0.95
# A quoted cell runs over so many of them at most.
_MOST_LINES = 20


_CELL_AT_BLANKS = re.compile(r'[ \t]*(?:"((?:[^"]|"")*)"|([^ \t"][^ \t]*))(?=[ \t]|$)')
# A line of cells, whatever separates them, with marks doubled in quoted ones or with a backslash before them.
_LINE = rb'(?:(?:"(?:%s|"")*"|[^",;|\t ][^,;|\t ]*)?(?:[,;|\t ]|\r?\n?$))*'
_DOUBLED, _ESCAPED = re.compile(_LINE % rb'[^"]'), re.compile(_LINE % rb'[^"\\]|\\.')

Line = TypeVar("Line", str, bytes)


class Layout(NamedTuple):
    """The layout of a text file.

    Attributes
    ----------
    names
        Of its columns, empty where a column has none.
    delimiter
        Between its cells; a blank may stand for several.
    n_before
        Lines up to the first row.
    is_whole
        Whether the header names every column.
    """

    names: list[str]
    delimiter: str
    n_before: int
    is_whole: bool


class Ahead(Iterator[Line]):
    """Lines that can be looked at before they are given."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines: Iterator[Line] = lines
        self._seen: deque[Line] = deque()

    def __next__(self) -> Line:
        return self._seen.popleft() if self._seen else next(self._lines)

    def look(self, n: int) -> Iterator[Line]:
        """Give the next lines, at most `n`, without taking them."""
        for place in range(n):
            if place == len(self._seen):
                self._seen.extend(islice(self._lines, 1))
            if place == len(self._seen):
                return
            yield self._seen[place]


def find_layout(path: Path, text_path: Path, keys: Collection[str] = ()) -> Layout:
    """Find the layout of a text file by its header and the lines after it.

    Parameters
    ----------
    path
        The file, for messages.
    text_path
        The file or a copy in UTF-8.
    keys
        Columns of which each row has a value of its own.

    Raises
    ------
    DataError
        There is no header, or the rows have other cells than it names.
    """
    with text_path.open("r", encoding="utf-8", newline="") as reader:
        header, told, n_before = _read_header(reader)
        lines = _whole(list(islice(_filled(reader), _N_LOOKED_AT)))
    if not header.strip():
        raise DataError(f"{path}: {_without_header(text_path)} the column names")
    if len(header) >= _LONGEST:
        raise DataError(f"{path}: the first line is longer than {_LONGEST:,} letters; it needs column names there")
    delimiter = told or _find_delimiter(path, header, lines)
    names = [in_one_line(name) for name in split(header, delimiter)]
    if not names:
        raise DataError(f"{path}: the first line cannot be split into column names; export it again")
    rows = [split(line, delimiter) for line in lines]
    longer = [row for row in rows if len(row) == len(names) + 1]
    if len(longer) < 2 or len(longer) < _MOST_SHARE * len(rows):
        return Layout(names, delimiter, n_before, is_whole=True)
    if not any(row[-1].strip() for row in longer):
        return Layout([*names, ""], delimiter, n_before, is_whole=False)
    if _are_numbered(longer) and _are_keys(["", *names], longer, keys):
        return Layout(["", *names], delimiter, n_before, is_whole=False)
    if names[0].startswith("#"):
        raise DataError(f"{path}: {REMARK}")
    raise DataError(
        f"{path}: its rows have {len(names) + 1} cells, one more than its first line has names; name every column there"
    )


def split(line: str, delimiter: str) -> list[str]:
    """Split a line into its cells; none where that cannot be done."""
    if delimiter == _BLANK:
        return _split_at_blanks(line.strip(" \t\r\n"))
    try:
        return next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _split_at_blanks(line: str) -> list[str]:
    cells, place = [], 0
    while place < len(line):
        found = _CELL_AT_BLANKS.match(line, place)
        if not found:
            return []
        cells.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        place = found.end()
    return cells


def in_one_line(name: str) -> str:
    """Write a column's name without line breaks, and without blanks around it."""
    return re.sub(r"\s*[\r\n]+\s*", " ", name).strip()


def write_with_commas(layout: Layout, text_path: Path, copy: Path) -> None:
    """Write a file whose cells are separated by blanks as CSV, a row for each of its rows."""
    with (
        text_path.open("r", encoding="utf-8", newline="") as reader,
        copy.open("w", encoding="utf-8", newline="") as writer,
    ):
        table = csv.writer(writer, lineterminator="\n")
        table.writerow(layout.names)
        lines = Ahead(islice(reader, layout.n_before, None))
        for line in lines:
            if line.strip():
                # A line that cannot be split stays one, to be left out as such.
                table.writerow(_split_row(line, lines, layout) or ["x"] * (len(layout.names) + 2))


def _split_row(line: str, lines: Ahead[str], layout: Layout) -> list[str]:
    """Split a row into its cells, with the lines after it over which a quoted cell runs; none where it cannot be."""
    cells, row = split(line, layout.delimiter), line
    if cells or line.count('"') % 2 == 0:
        return cells
    n_like_rows = int(_reads_like_row(line, layout))
    for n, later in enumerate(lines.look(_MOST_LINES), 1):
        row += later
        n_like_rows += _reads_like_row(later, layout)
        if later.count('"') % 2:
            cells = split(row, layout.delimiter)
            # What somebody wrote into a cell does not read like rows: those marks are stray ones.
            if len(cells) != len(layout.names) or 2 * n_like_rows > n + 1:
                return []
            deque(islice(lines, n), maxlen=0)
            return cells
    return []


def _reads_like_row(line: str, layout: Layout) -> bool:
    """Whether a line has as many cells as the header, of an odd number of marks without the first or the last."""
    without = [line]
    if line.count('"') % 2:
        without = ["".join(line.split('"', 1)), "".join(line.rsplit('"', 1))]
    return any(len(split(one, layout.delimiter)) == len(layout.names) for one in without)


def has_backslashes(text_path: Path) -> bool:
    """Whether marks inside quoted cells have a backslash before them, as R and Spark write, and are not doubled."""
    n_doubled = n_escaped = 0
    with text_path.open("rb") as stream:
        for line in stream if _holds(text_path, b'\\"') else ():
            if b'\\"' in line:
                n_doubled += _DOUBLED.fullmatch(line) is not None
                n_escaped += _ESCAPED.fullmatch(line) is not None
    return n_escaped > n_doubled


def _holds(path: Path, wanted: bytes) -> bool:
    """Whether some bytes stand in a file: most have none, and are looked through quickly."""
    before = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_LONGEST):
            if wanted in before + chunk:
                return True
            before = chunk[-len(wanted) :]
    return False


def write_with_doubled_marks(text_path: Path, copy: Path) -> None:
    """Write a file in which each mark inside a quoted cell is doubled, where there was a backslash before it."""
    with text_path.open("rb") as reader, copy.open("wb") as writer:
        writer.writelines(re.sub(rb'(?<!\\)((?:\\\\)*)\\"', rb'\1""', line) for line in reader)


def _read_header(reader: IO[str]) -> tuple[str, str | None, int]:
    """Return the header, the delimiter that a line before it names, and how many lines both take."""
    line, n_before = reader.readline(_LONGEST), 1
    # Excel can be told the delimiter so.
    told = re.fullmatch(r"sep=(.)\s*", line)
    if told:
        line, n_before = reader.readline(_LONGEST), 2
    # A name may have a line break in it, where it stands in quotation marks.
    while line.count('"') % 2 and len(line) < _LONGEST and (more := reader.readline(_LONGEST)):
        line, n_before = line + more, n_before + 1
    return line, told[1] if told else None, n_before


def _filled(reader: IO[str]) -> Iterator[str]:
    """Yield the lines that are not blank, no more of a line than can be looked at."""
    while line := reader.readline(_LONGEST):
        if line.strip("\r\n"):
            yield line


def _whole(lines: list[str]) -> list[str]:
    """Put lines together over which a quoted cell runs."""
    found, place = [], 0
    while place < len(lines):
        counts = accumulate(line.count('"') for line in lines[place : place + _MOST_LINES])
        n_lines = next((n for n, count in enumerate(counts, 1) if count % 2 == 0), 1)
        found.append("".join(lines[place : place + n_lines]))
        place += n_lines
    return found


def _find_delimiter(path: Path, header: str, lines: Sequence[str]) -> str:
    """Find the sign by which most lines have as many cells as the header, or one more; of several, the most cells."""
    found = {sign: (_agreeing(header, lines, sign), len(split(header, sign))) for sign in DELIMITERS}
    found = {sign: facts for sign, facts in found.items() if facts[1] > 1}
    if found:
        return max(found, key=lambda sign: found[sign])
    n_words = len(split(header, _BLANK))
    agreeing = _agreeing(header, lines, _BLANK) if n_words > 1 and len(lines) > 1 else 0.0
    if agreeing >= _MOST_SHARE:
        return _BLANK
    if n_words > 2 and agreeing > 0:
        raise DataError(
            f"{path}: only blanks separate its columns, and its rows have other numbers of cells than its first line;"
            " export it with commas, semicolons or tabs"
        )
    return ","


def _agreeing(header: str, lines: Sequence[str], sign: str) -> float:
    """Return the share of lines with as many cells as the header has, or one more."""
    wanted = len(split(header, sign))
    return sum(len(split(line, sign)) - wanted in (0, 1) for line in lines) / max(len(lines), 1)


def _are_numbered(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first cells count upwards, as the names that a program gives to rows."""
    cells = [row[0].strip() for row in rows]
    if not all(cell.isdecimal() and len(cell) < 16 for cell in cells):
        return False
    numbers = list(map(int, cells))
    return numbers == sorted(set(numbers))


def _are_keys(names: Sequence[str], rows: Sequence[Sequence[str]], keys: Collection[str]) -> bool:
    places = [names.index(key) for key in keys if key in names]
    return all(len({row[place] for row in rows}) == len(rows) for place in places)


def _without_header(text_path: Path) -> str:
    with text_path.open("rb") as stream:
        is_blank = all(not line.strip(b' \t\r\n,;|"') for line in stream)
    if is_blank:
        return "is empty; it needs a first line with"
    return "its first line is blank; remove the blank lines above"
