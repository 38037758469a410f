"""Corrupt CSV files, read them, and hold the rows against a count of its own.

    python benchmarks/corrupted_files.py                      # 2,000 files, ten minutes of a core
    python benchmarks/corrupted_files.py --first 17 --files 1 # the file of that number again
    python benchmarks/corrupted_files.py --first 17 --files 1 --keep folder    # and look at it

Each file is a table of customers or holdings, or one flat file, as people and programs write them: with commas,
semicolons or tabs; in UTF-8, with or without a byte-order mark, or GB18030; with line ends of Unix or Windows; with
cells in quotation marks, some of them over several lines. One or two things are done to it: quotation marks where none
belongs, bytes of no letter, zero bytes, mixed line ends, lines of megabytes, cells too many or too few, blank and
doubled lines, the header once more, parts cut off or swapped. Folders and files have names that are patterns or
addresses elsewhere, beside others that such a pattern would find. Some files are replaced while they are read.

`Counted` counts the rows here: one byte after the other, by the rules that docs/data.md has for people. These events
must never happen: another number of rows; a row left out that no rule is about, in the place of another; a row used
whose cells are not those of the header; a row lost that stands in the file as it was before; the hash of another file;
an error that is not one line, or that repeats a cell. Exit code 1 if any of them happened.
"""

import argparse
import contextlib
import hashlib
import random
import re
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from churn import open_bank, open_file
from churn.config import Config, FlatFile
from churn.data import Data
from churn.errors import ChurnError

CANARY = "ZQXCANARY"
MOST_LINES, LONGEST = 1_000, 8_000_000
"""Of a cell with line breaks, and of a line in bytes."""
MAY_BE_LEFT_OUT = {"exact_copy", "duplicate_key", "unknown_customer"}
"""Rules that a row as it was may break because of another row."""
COLUMNS = {
    "customers": ("customer_id", "branch_id", "manager_id", "opened_on", "closed_on", "birth_year", "tier", "note"),
    "holdings": ("holding_id", "customer_id", "product", "account_class", "opened_on", "closed_on", "note"),
    "flat": ("id", "left", "age", "balance", "city", "note"),
}
FLAT = Config(flat=FlatFile(id="id", label="left", churned="Yes", stayed="No", drop=("note",)))
NOTES = (CANARY, f"{CANARY}, 1", f'say "{CANARY}"', f"{CANARY}\nline", f"{CANARY}\n\nblank; line", f"中文{CANARY}", "")
PLACES = ("bank", "b[ab]nk", "b*nk", "b?nk", "b%61nk", "ba%20nk", "b{a,b}nk", "b'nk", 'b"nk', "b;nk", "银行", "b nk")
NAMES = ("f", "f[ab]", "f*", "f?", "f%61", "f#1", "f'x", "中文", "-f")


class Made(NamedTuple):
    """A file before anything is done to it: the header's bytes, each record's, and what is between cells and lines."""

    header: bytes
    records: tuple[bytes, ...]
    delimiter: bytes
    end: bytes
    mark: bytes

    def content(self, records: list[bytes] | None = None) -> bytes:
        """Give the file's bytes."""
        return self.mark + b"".join([self.header, *(self.records if records is None else records)])


class Row(NamedTuple):
    """A row as it is counted here: its bytes without the line end, its cells, and whether it is one line."""

    content: bytes
    n_cells: int
    is_one_line: bool


# --- the count ----------------------------------------------------------------------------------------------------


class Counted:
    r"""The rows of a file, by one byte after the other.

    A line ends with \n, \r or both. Blank lines are no rows. A quotation mark opens a cell at its beginning, and two
    inside stand for one. A row goes on where a cell is open at the end of a line, up to the line that closes it; but a
    mark that nothing closes within `MOST_LINES` lines, or that would take lines of which most have as many delimiters
    as the header, is one that somebody typed, and its line a row of its own.
    """

    def __init__(self, content: bytes, delimiter: bytes, n_cells: int, n_header: int) -> None:
        self._delimiter, self._n_cells = delimiter[0], n_cells
        lines = re.split(rb"\r\n|\r|\n", content)
        self._lines = lines[n_header:]
        self.rows = list(self._rows())

    def _rows(self) -> Iterator[Row]:
        at = 0
        while at < len(self._lines):
            line = self._lines[at]
            at += 1
            if not line:
                continue
            is_open, n_cells = self._walk(line, inside=False)
            n_more = self._n_more(at - 1) if is_open and len(line) <= LONGEST else 0
            if n_more:
                content = b"\n".join(self._lines[at - 1 : at + n_more])
                n_cells = self._walk(content, inside=False)[1]
                yield Row(content, n_cells, is_one_line=False)
                at += n_more
            else:
                yield Row(line, -1 if is_open else n_cells, is_one_line=True)

    def _n_more(self, first: int) -> int:
        n_like_rows, size = self._is_like_row(self._lines[first]), len(self._lines[first])
        for n, line in enumerate(self._lines[first + 1 : first + 1 + MOST_LINES], 1):
            n_like_rows += self._is_like_row(line)
            size += len(line)
            if size > LONGEST:
                return 0
            if not self._walk(line, inside=True)[0]:
                return 0 if n_like_rows > (n + 1) / 2 else n
        return 0

    def _is_like_row(self, line: bytes) -> bool:
        return sum(sign == self._delimiter for sign in line) == self._n_cells - 1

    def _walk(self, line: bytes, *, inside: bool) -> tuple[bool, int]:
        """Say whether a cell is open at the end, and how many cells there are."""
        if 34 not in line:
            return inside, 1 + (0 if inside else line.count(self._delimiter))
        state, n_cells = "quoted" if inside else "start", 1
        for sign in line:
            if state == "quoted":
                state = "closed" if sign == 34 else "quoted"
            elif sign == 34 and state in ("start", "closed"):
                state = "quoted"
            elif sign == self._delimiter:
                state, n_cells = "start", n_cells + 1
            else:
                state = "plain"
        return state == "quoted", n_cells


# --- files as they are written ------------------------------------------------------------------------------------


def make(table: str, n: int, chance: random.Random) -> Made:
    """Write a table as some program does."""
    delimiter, end = chance.choice(",,,;\t"), chance.choice(["\n", "\n", "\r\n"])
    encoding = chance.choice(["utf-8", "utf-8", "utf-8-sig", "gb18030"])
    quotes_all, with_notes = chance.random() < 0.2, chance.random() < 0.5

    def write(cells: tuple[str, ...]) -> bytes:
        quoted = [
            '"' + cell.replace('"', '""') + '"' if quotes_all or set(cell) & set('"\r\n,;\t') else cell
            for cell in cells
        ]
        return (delimiter.join(quoted) + end).encode(encoding.removesuffix("-sig"))

    notes = NOTES if with_notes else (CANARY, "")
    records = tuple(write((*_cells(table, place, chance), chance.choice(notes))) for place in range(n))
    mark = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
    return Made(write(COLUMNS[table]), records, delimiter.encode(), end.encode(), mark)


def _cells(table: str, place: int, chance: random.Random) -> tuple[str, ...]:
    number, day = f"{place:04d}", f"20{chance.randint(15, 23)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
    if table == "customers":
        tier = chance.choice(["gold", "ordinary"])
        return f"K{number}", f"B{place % 3}", chance.choice(["M1", ""]), day, "", str(1950 + place % 50), tier
    if table == "holdings":
        return f"H{number}", f"K{place % 60:04d}", chance.choice(["debit_card", "fund"]), "", day, ""
    balance = f"{chance.uniform(-1e4, 1e6):.2f}"
    city = chance.choice(["北京", "上海", "Oslo"])
    return f"K{number}", chance.choice(["Yes", "No", "No"]), str(20 + place % 60), balance, city


# --- what is done to them -----------------------------------------------------------------------------------------

Change = Callable[[Made, random.Random], bytes]


def _insert(content: bytes, what: bytes, at: int) -> bytes:
    return content[:at] + what + content[at:]


def _within(made: Made, content: bytes, chance: random.Random) -> int:
    """Choose a place behind the header."""
    return chance.randint(min(len(made.mark + made.header), len(content)), len(content))


def _inserting(*kinds: bytes, most: int = 3) -> Change:
    """Put some bytes somewhere, a few times."""

    def change(made: Made, chance: random.Random) -> bytes:
        content = made.content()
        for _ in range(chance.randint(1, most)):
            content = _insert(content, chance.choice(kinds), _within(made, content, chance))
        return content

    return change


def quote_cells(made: Made, chance: random.Random) -> bytes:
    """Put a mark before one cell, and perhaps another far below."""
    records = list(made.records)
    for _ in range(chance.choice([1, 2, 2, 3])):
        at = chance.randrange(len(records))
        cells = records[at].split(made.delimiter)
        place = chance.randrange(len(cells))
        cells[place] = b'"' + cells[place] if chance.random() < 0.7 else cells[place].rstrip(b"\r\n") + b'"' + made.end
        records[at] = made.delimiter.join(cells)
    return made.content(records)


def cut(made: Made, chance: random.Random) -> bytes:
    """Cut a file short."""
    content = made.content()
    return content[: chance.randint(0, len(content))]


def zero_block(made: Made, chance: random.Random) -> bytes:
    """Put zeros in the place of a block, as a crash leaves them."""
    content = made.content()
    at, size = _within(made, content, chance), chance.choice([1, 2, 64, 512, 4096])
    return content[:at] + b"\0" * size + content[at + size :]


def mix_ends(made: Made, chance: random.Random) -> bytes:
    """Let some lines end otherwise."""
    records = [
        record.removesuffix(made.end) + chance.choice([b"\r\n", b"\n", b"\r"]) if chance.random() < 0.3 else record
        for record in made.records
    ]
    return made.content(records)


def lengthen(made: Made, chance: random.Random) -> bytes:
    """Make a line very long."""
    records = list(made.records)
    at = chance.randrange(len(records))
    size = chance.choice([2_000, 70_000, 2_000_000, 7_900_000, 8_100_000, 20_000_000])
    filler = chance.choice([b"x", b"x" * 50 + made.delimiter, b"x "])
    records[at] = records[at].removesuffix(made.end) + (filler * (size // len(filler))) + made.end
    return made.content(records)


def change_cells(made: Made, chance: random.Random) -> bytes:
    """Give some rows a cell too many or too few."""
    records = list(made.records)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(records))
        cells = records[at].removesuffix(made.end).split(made.delimiter)
        place = chance.randrange(len(cells))
        cells = cells[:place] + ([b"1"] if chance.random() < 0.5 else []) + cells[place + (chance.random() < 0.5) :]
        records[at] = made.delimiter.join(cells) + made.end
    return made.content(records)


def repeat_lines(made: Made, chance: random.Random) -> bytes:
    """Add blank lines, lines of blanks, and lines that are there already."""
    records = list(made.records)
    for _ in range(chance.randint(1, 6)):
        more = chance.choice([made.end, made.end, b" " + made.end, b"\t" + made.end, chance.choice(made.records)])
        records.insert(chance.randint(0, len(records)), more)
    return made.content(records)


def repeat_header(made: Made, chance: random.Random) -> bytes:
    """Put the header once more between the rows, as where files were joined, with its mark."""
    records = list(made.records)
    for _ in range(chance.randint(1, 2)):
        mark = chance.choice([b"", b"\xef\xbb\xbf"])
        records.insert(chance.randint(0, len(records)), mark + made.header)
    return made.content(records)


def swap(made: Made, chance: random.Random) -> bytes:
    """Swap two parts behind the header."""
    content = made.content()
    a, b = sorted(_within(made, content, chance) for _ in range(2))
    start = len(made.mark + made.header)
    return content[:start] + content[b:] + content[start:a] + content[a:b]


def flip(made: Made, chance: random.Random) -> bytes:
    """Flip a few bits, of the header too."""
    harmed = bytearray(made.content())
    for _ in range(chance.randint(1, 8)):
        harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
    return bytes(harmed)


def twice(made: Made, chance: random.Random) -> bytes:
    """Do two of these things, one after the other."""
    first, second = (chance.choice([one for name, one in CHANGES.items() if name not in _ALONE]) for _ in range(2))
    content = first(made, chance).removeprefix(made.mark)
    if not content.startswith(made.header):
        return made.mark + content
    rest = content.removeprefix(made.header)
    return second(made._replace(records=tuple(rest.splitlines(keepends=True)) or (b"",)), chance)


def nothing(made: Made, chance: random.Random) -> bytes:  # noqa: ARG001 (as the others)
    """Leave a file as it is."""
    return made.content()


CHANGES: dict[str, Change] = {
    "marks": _inserting(b'"', b'"', b'""', b"'"),
    "marks of cells": quote_cells,
    "no letters": _inserting(b"\xff", b"\x80", b"\xc3", b"\xe4\xb8", b"\xd6", b"\xed\xa0\x80"),
    "zeros": _inserting(b"\0", b"\0\0"),
    "zero block": zero_block,
    "marks of order": _inserting(b"\xef\xbb\xbf", b"\xff\xfe"),
    "controls": _inserting(b"\x1a", b"\x1b[2J", b"\x0b", b"\x0c", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8"),
    "ends": _inserting(b"\r", b"\n", b"\r\n", b"\n\r"),
    "mixed ends": mix_ends,
    "long line": lengthen,
    "cells": change_cells,
    "lines": repeat_lines,
    "header again": repeat_header,
    "cut": cut,
    "swapped": swap,
    "bits": flip,
    "two": twice,
    "names": nothing,
    "replaced": nothing,
}
_ALONE = {"long line", "two", "names", "replaced"}


# --- judging ------------------------------------------------------------------------------------------------------


class File(NamedTuple):
    """One corrupted file.

    Attributes
    ----------
    kind
        What was done to it.
    table
        "customers", "holdings" or "flat".
    made
        Before.
    content
        After.
    other
        What takes its place while it is read, where anything does.
    place, name
        Of its folder, and of a flat file.
    """

    kind: str
    table: str
    made: Made
    content: bytes
    other: bytes | None
    place: str
    name: str


def make_file(number: int, seed: int = 0) -> File:
    """Make the file of a number."""
    chance = random.Random(f"{seed} {number}")
    kind = list(CHANGES)[number % len(CHANGES)]
    table = chance.choice(list(COLUMNS))
    made = make(table, chance.choice([60, 90, 150]), chance)
    is_named = kind == "names" or chance.random() < 0.2
    place, name = (chance.choice(PLACES), chance.choice(NAMES)) if is_named else ("bank", "f")
    other = None
    if kind == "replaced":
        # of another size, of the same size, or the same with a row less and one twice
        other = made.content(chance.choice([list(made.records[:-1]), [*made.records[1:], made.records[0]]]))
    return File(kind, table, made, CHANGES[kind](made, chance), other, place, name)


def write(file: File, folder: Path) -> tuple[Path, Path]:
    """Write a file where it belongs, and others where a pattern or an address would look; return it and what to open.

    What is to open is the folder of tables, or the flat file.
    """
    for place in {"bank", file.place}:
        for name in {"f", "fa", "fb", file.name} if file.table == "flat" else {file.table}:
            decoy = make(file.table, 61, random.Random(f"{place} {name}"))
            _write(folder / place / f"{name}.csv", decoy.content())
    path = folder / file.place / f"{file.name if file.table == 'flat' else file.table}.csv"
    _write(path, file.content)
    if file.table == "flat":
        return path, path
    for table in {"customers", "holdings"} - {file.table}:
        # every customer that a row may name
        _write(path.with_name(f"{table}.csv"), make(table, 150, random.Random(0)).content())
    return path, path.parent


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Read(NamedTuple):
    """What was read of a file: rows, the rows left out with their rules, and its hash."""

    rows: int
    used: int
    left_out: dict[int, set[str]]
    sha256: str


def read(file: File, opened: Data, path: Path) -> Read:
    """Take from data what they say of a file."""
    count = opened.row_counts[file.table]
    left_out: dict[int, set[str]] = {}
    for table, _, row, _, rule in opened.checked.quarantine():
        if table == file.table:
            left_out.setdefault(row, set()).add(rule)
    (fact,) = [fact for fact in opened.input_facts()["inputs"] if fact["table"] == file.table]
    assert fact["file"] == path.name
    return Read(count.rows, count.used, left_out, fact["sha256"])


def judge(number: int, folder: Path, seed: int = 0) -> tuple[str, list[str]]:
    """Make the file of a number in a folder and read it; return "read" or "refused", and what must never happen."""
    file = make_file(number, seed)
    path, target = write(file, folder)
    try:
        with _replacing(path, file), open_file(target, FLAT) if file.table == "flat" else open_bank(target) as opened:
            found = read(file, opened, path)
    except ChurnError as error:
        return "refused", list(judge_refusal(str(error), path))
    except Exception as error:
        return "refused", [f"{type(error).__name__}: {str(error)[:200]}"]
    contents = [content for content in (file.content, file.other) if content is not None]
    taken = [content for content in contents if hashlib.sha256(content).hexdigest() == found.sha256]
    if not taken:
        return "read", ["the hash is that of another file"]
    return "read", list(judge_rows(file, taken[0], found))


@contextlib.contextmanager
def _replacing(path: Path, file: File) -> Iterator[None]:
    """Put other files in the place of one, over and over, until the block ends, where the case says so."""
    if file.other is None:
        yield
        return
    ended, other = threading.Event(), file.other

    def replace() -> None:
        place = random.Random(file.name)
        for content in [other, file.content] * 10_000:
            if ended.wait(place.uniform(0, 0.02)):
                return
            new = path.with_name(".new")
            new.write_bytes(content)
            new.replace(path)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def judge_refusal(said: str, path: Path) -> Iterator[str]:
    """Judge an error: one line that names the file and repeats no cell."""
    if len(said.splitlines()) != 1 or not said:
        yield f"an error of {len(said.splitlines())} lines: {said[:200]}"
    if str(path) not in said:
        yield f"an error that does not name the file: {said[:200]}"
    if CANARY in said:
        yield "an error with a cell in it"


def judge_rows(file: File, content: bytes, found: Read) -> Iterator[str]:
    """Judge the rows that were read of a file."""
    made, n_cells = file.made, len(COLUMNS[file.table])
    body = content.removeprefix(b"\xef\xbb\xbf")
    is_whole = body.startswith(made.header)
    n_header = 1 if is_whole else len(re.split(rb"\r\n|\r|\n", body[: len(made.header)])) - 1
    counted = Counted(body, made.delimiter, n_cells, max(n_header, 1)).rows
    if found.rows != found.used + len(found.left_out):
        yield f"{found.rows} rows, {found.used} used and {len(found.left_out)} left out"
    if not is_whole:  # what is a cell or a row there, nobody can say
        return
    if found.rows != len(counted):
        yield f"{found.rows} rows, {len(counted)} counted"
        return
    before = Counter(record.removesuffix(made.end) for record in made.records)
    for number, row in enumerate(counted, 1):
        rules = found.left_out.get(number, set())
        if row.n_cells not in (n_cells, -1) and not rules:
            yield f"row {number} is used, and has {row.n_cells} cells"
        if row.is_one_line and row.n_cells == n_cells and before[row.content] and rules - MAY_BE_LEFT_OUT:
            yield f"row {number} is as it was, and left out as {', '.join(sorted(rules))}"


def main() -> None:
    """Read corrupted files, print what must never happen and a table, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0, help="of the files")
    parser.add_argument("--keep", type=Path, help="folder to leave the files of the last one in")
    options = parser.parse_args()
    counts, n_wrong = Counter[tuple[str, str]](), 0
    for number in range(options.first, options.first + options.files):
        with tempfile.TemporaryDirectory(prefix="corrupted-") as folder:
            outcome, wrong = judge(number, Path(folder), options.seed)
            if options.keep:
                shutil.copytree(folder, options.keep, dirs_exist_ok=True)
        kind = list(CHANGES)[number % len(CHANGES)]
        counts[kind, outcome] += 1
        n_wrong += bool(wrong)
        for event in wrong:
            print(f"{number} {kind}: {event}", flush=True)
    rows = [(kind, outcome, n) for (kind, outcome), n in counts.items()]
    table = pd.DataFrame(rows, columns=["kind", "outcome", "files"]).pivot_table(
        index="kind", columns="outcome", values="files", aggfunc="sum", fill_value=0, margins=True
    )
    print(table.to_string())
    print(f"{options.files} files: {n_wrong} with an event that must never happen")
    sys.exit(1 if n_wrong else 0)


if __name__ == "__main__":
    main()
