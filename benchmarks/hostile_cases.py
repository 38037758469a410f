"""Hostile banks: small banks full of canaries, with one mutated file or one file that should not be there."""

import contextlib
import datetime as dt
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hostile_banks import CANARY, CHINESE, ONE_FILE, PLAIN, TABLES, N, Place, Style

Random = np.random.Generator


class Count(NamedTuple):
    """The rows a table must account for, and how many of them must be usable; None where it cannot be known."""

    rows: int | None = None
    used: int | None = None


class Made(NamedTuple):
    """The results of a mutation: counts of the tables it touched, encodings the configuration names."""

    counts: Mapping[str, Count]
    encodings: Mapping[str, str] = {}


class Case(NamedTuple):
    """One hostile bank and how to make it; a slow one is only checked."""

    name: str
    make: Callable[[Place, Random], Made]
    style: Style = PLAIN
    is_slow: bool = False


# --- mutations of bytes -----------------------------------------------------------------------------------------


def cut(content: bytes, random: Random) -> bytes:
    """Cut a file short."""
    return content[: random.integers(0, len(content))]


def flip(content: bytes, random: Random) -> bytes:
    """Flip a few bits."""
    harmed = bytearray(content)
    for _ in range(random.integers(1, 9)):
        harmed[random.integers(0, len(harmed))] ^= 1 << random.integers(0, 8)
    return bytes(harmed)


def insert(content: bytes, random: Random) -> bytes:
    """Put bytes of a hostile kind somewhere."""
    kinds = [b"\0", b'"', b"'", b",", b"\r", b"\n", b"\xff\xfe", b"\xef\xbb\xbf", b"=1+1", b"\x1b[2J", b"\xe2\x80\xae"]
    place = random.integers(0, len(content))
    return content[:place] + kinds[random.integers(0, len(kinds))] * random.integers(1, 4) + content[place:]


def shuffle(content: bytes, random: Random) -> bytes:
    """Swap two parts."""
    a, b = sorted(random.integers(0, len(content), 2))
    return content[:a] + content[b:] + content[a:b]


BYTE_MUTATIONS = (cut, flip, insert, shuffle)


def any_table(place: Place, random: Random) -> str:
    """Choose a table."""
    return list(place.style.columns)[random.integers(0, len(place.style.columns))]


def harmed_csv(mutate: Callable[[bytes, Random], bytes]) -> Callable[[Place, Random], Made]:
    """Make a bank with one CSV file mutated; if it was cut short, every line left must be accounted for."""

    def make(place: Place, random: Random) -> Made:
        place.write()
        table = any_table(place, random)
        path = place.path(table)
        content = mutate(path.read_bytes(), random)
        path.write_bytes(content)
        lines = [line for line in content.split(b"\n") if line]
        return Made({table: Count(len(lines) - 1 if mutate is cut else None)})

    return make


def harmed_parquet(mutate: Callable[[bytes, Random], bytes]) -> Callable[[Place, Random], Made]:
    """Make a bank with one table as Parquet, mutated."""

    def make(place: Place, random: Random) -> Made:
        place.write()
        table = any_table(place, random)
        path = place.as_parquet(table, ["snappy", "zstd", "none"][random.integers(0, 3)])
        path.write_bytes(mutate(path.read_bytes(), random))
        return Made({table: Count()})

    return make


def harmed_sheet(mutate: Callable[[bytes, Random], bytes]) -> Callable[[Place, Random], Made]:
    """Make a bank with one table as an Excel sheet, mutated; what can still be opened has all its rows."""

    def make(place: Place, random: Random) -> Made:
        place.write()
        table = any_table(place, random)
        path = place.as_sheet(table, place.rows(table))
        path.write_bytes(mutate(path.read_bytes(), random))
        return Made({table: Count(N if mutate is cut else None)})

    return make


# --- mutations of cells: the number of rows is known -------------------------------------------------------------

CELLS = [
    "", " ", "NaN", "inf", "-inf", "1e308", "-1e308", "99999999999999999999", "-0.0", "0x1F", "1_000", "0001-01-01",
    "9999-12-31", "2024-02-30", "1970-01-01", "infinity", "epoch", "20200110", "44000", "=1+1", "@SUM(A1)", "+CMD|x",
    "\u202egnp", "\U0001f4a3", "\ufeff", "NULL", "None", "true", "ＺＺ", "１２３", "a" * 5000,
    "'; DROP TABLE customers; --",
    "<script>alert(1)</script>", "\x07\x1b[31m", "%s%n", "{0}", "${x}", "..\\..\\x", "\u0000",
]  # fmt: skip
DAY = dt.datetime(2020, 1, 10)
TYPED_CELLS = [
    dt.datetime(2020, 1, 10, 12, 30), dt.time(10), dt.timedelta(days=1), True, False, 1e300, 10**17, 1.5, -3, 0, 43_840,
    2_020_110, "#N/A", "#REF!", "=1+1", '=HYPERLINK("x")', "", None, f"{CANARY}\u202e",
    f"{CANARY}\n{CANARY}", "合计", DAY,
]  # fmt: skip


def harmed_cells(place: Place, random: Random) -> Made:
    """Make a bank with some cells of one table replaced by hostile ones, quoted."""
    place.write()
    table = any_table(place, random)
    rows = place.rows(table)
    for _ in range(random.integers(1, 12)):
        row = rows[random.integers(0, len(rows))]
        cell = CELLS[random.integers(0, len(CELLS))].encode(place.style.encoding, "replace")
        cell = cell.decode(place.style.encoding) + CANARY * random.integers(0, 2)
        row[random.integers(0, len(row))] = f'"{cell}"'
    place.write_text(table, place.text(table, rows))
    return Made({table: Count(len(rows))})


def typed_sheet(place: Place, random: Random) -> Made:
    """Make a bank with one table as an Excel sheet of dates and numbers, some cells replaced by hostile ones."""
    place.write()
    table = any_table(place, random)
    rows = [[typed(cell) for cell in row] for row in place.rows(table)]
    n_harmed = int(random.integers(0, 6))
    for _ in range(n_harmed):
        # Not in the last row: without any cell it would not be a row.
        row = rows[random.integers(0, len(rows) - 1)]
        row[random.integers(0, len(row))] = TYPED_CELLS[random.integers(0, len(TYPED_CELLS))]
    place.as_sheet(table, rows)
    return Made({table: Count(N, None if n_harmed else N)})


def typed(cell: str) -> object:
    """Give a cell's text the type Excel would give it."""
    with contextlib.suppress(ValueError):
        return float(cell) if "." in cell else dt.datetime.fromisoformat(cell) if len(cell) >= 8 else int(cell)
    return True if cell in ("true", "是") else cell or None


def repeated_rows(place: Place, random: Random) -> Made:
    """Make a bank with rows repeated, exactly or contradicting."""
    place.write()
    table = any_table(place, random)
    rows = place.rows(table)
    for _ in range(random.integers(1, 9)):
        row = list(rows[random.integers(0, len(rows))])
        if random.random() < 0.5:
            row[random.integers(0, len(row))] = f"{CANARY}X"
        rows.insert(random.integers(0, len(rows)), row)
    place.write_text(table, place.text(table, rows))
    return Made({table: Count(len(rows))})


def inserted_lines(place: Place, random: Random) -> Made:
    """Make a bank with lines that are not rows, some of them blank, which do not count: every true row is used."""
    place.write()
    table = any_table(place, random)
    lines = place.text(table).splitlines()
    n_blank = n_other = 0
    for _ in range(random.integers(1, 9)):
        kinds = ["", "合计", "合 计：,,", f"{CANARY},x", "共3条", ",".join([CANARY] * 20)]
        line = kinds[random.integers(0, len(kinds))]
        n_blank, n_other = n_blank + (not line), n_other + bool(line)
        lines.insert(random.integers(1, len(lines) + 1), line)
    place.path(table).write_bytes(("\n".join(lines) + "\n").encode("gb18030"))
    return Made({table: Count(N + n_other, N)})


def other_encoding(place: Place, random: Random) -> Made:
    """Make a bank with one file in another encoding, and letters that need it; if configured, all rows are used."""
    place.write()
    tables = [table for table, names in place.style.columns.items() if "manager_id" in names or "city" in names]
    table = tables[random.integers(0, len(tables))]
    kinds = ["utf-16", "utf-8-sig", "gb18030", "big5", "utf-32", "cp1252", "shift_jis"]
    encoding = kinds[random.integers(0, len(kinds) if place.style is not CHINESE else 3)]
    text = place.text(table).replace(f"{CANARY}M", CANARY + ("é" if encoding == "cp1252" else "中"))
    place.path(table).write_bytes(text.encode(encoding))
    told = random.random() < 0.5
    known = told or encoding in ("utf-8-sig", "gb18030")
    return Made({table: Count(N, N if known else None)}, {table: encoding} if told else {})


def line_ends(place: Place, random: Random) -> Made:
    """Make a bank with mixed line ends and blank lines, which are not rows."""
    place.write()
    table = any_table(place, random)
    ends = ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"]
    text = "".join(line + ends[random.integers(0, 5)] for line in place.text(table).splitlines())
    place.write_text(table, text)
    return Made({table: Count(N, N)})


def wrong_types(place: Place, random: Random) -> Made:
    """Make a bank with one Parquet column of another type."""
    place.write()
    table = any_table(place, random)
    path = place.as_parquet(table)
    frame = pq.read_table(path)
    column = int(random.integers(0, frame.num_columns))
    kinds = [
        pa.array([[CANARY]] * N), pa.array([{"a": CANARY}] * N), pa.array([CANARY.encode()] * N), pa.nulls(N),
        pa.array([1.5] * N), pa.array([float("nan")] * N), pa.array([True] * N), pa.array([2**62] * N),
        pa.array([pd.Timestamp("2020-01-10 12:00", tz="Asia/Shanghai")] * N), pa.array([pd.Timedelta(days=1)] * N),
        pa.array(["2020-01-10"] * N).dictionary_encode(), pa.array([10**20] * N, pa.decimal128(38, 2)),
    ]  # fmt: skip
    frame = frame.set_column(column, frame.column_names[column], kinds[random.integers(0, len(kinds))])
    pq.write_table(frame, path)
    return Made({table: Count(N)})


# --- single cases -----------------------------------------------------------------------------------------------


def customers_text(text: str | bytes, n_rows: int | None = None) -> Callable[[Place, Random], Made]:
    """Make a bank whose file of customers is this string, of so many rows."""

    def make(place: Place, _: Random) -> Made:
        place.write()
        (place.folder / "customers.csv").write_bytes(text.encode() if isinstance(text, str) else text)
        return Made({"customers": Count(n_rows)})

    return make


def a_million_columns(place: Place, _: Random) -> Made:
    """Make customers a million columns wide."""
    place.write()
    (place.folder / "customers.csv").write_text(",".join(f"c{i}" for i in range(1_000_000)) + "\n")
    return Made({"customers": Count()})


def ten_thousand_columns(place: Place, _: Random) -> Made:
    """Make customers ten thousand columns wide, in a line that can be read."""
    place.write()
    (place.folder / "customers.csv").write_text(",".join(f"c{i}" for i in range(10_000)) + "\n")
    return Made({"customers": Count()})


def a_huge_cell(place: Place, _: Random) -> Made:
    """Put a cell of 100 MB into a row."""
    place.write()
    rows = place.rows("customers")
    rows[3][1] = CANARY + "x" * 100_000_000
    (place.folder / "customers.csv").write_text(place.text("customers", rows))
    return Made({"customers": Count(N)})


def a_parquet_bomb(place: Place, _: Random) -> Made:
    """Put 400 million equal letters into a few kilobytes of Parquet."""
    place.write()
    columns = {
        name: pa.array([row[i] for row in place.rows("customers")])
        for i, name in enumerate(TABLES["customers"].split(","))
    }
    columns["notes"] = pa.array(["x" * 20_000_000] * N, pa.large_string())
    (place.folder / "customers.csv").unlink()
    pq.write_table(pa.table(columns), place.folder / "customers.parquet", compression="zstd")
    return Made({"customers": Count(N)})


def a_sheet_bomb(place: Place, _: Random) -> Made:
    """Put 400 MB of blanks into an Excel sheet's XML."""
    place.write()
    (place.folder / "customers.csv").unlink()
    openpyxl.Workbook().save(place.folder / "plain.xlsx")
    with (
        zipfile.ZipFile(place.folder / "plain.xlsx") as old,
        zipfile.ZipFile(place.folder / "customers.xlsx", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.namelist():
            content = old.read(entry)
            if entry.endswith("sheet1.xml"):
                with new.open(entry, "w") as stream:
                    stream.write(
                        content.replace(b"<sheetData />", b"<sheetData><row><c t='inlineStr'><is><t>").replace(
                            b"<sheetData/>", b"<sheetData><row><c t='inlineStr'><is><t>"
                        )
                    )
                    for _ in range(400):
                        stream.write(b" " * 1_000_000)
            else:
                new.writestr(entry, content)
    (place.folder / "plain.xlsx").unlink()
    return Made({"customers": Count()})


def billion_laughs(place: Place, _: Random) -> Made:
    """Put entities that multiply into an Excel sheet's XML."""
    place.write()
    (place.folder / "customers.csv").unlink()
    openpyxl.Workbook().save(place.folder / "plain.xlsx")
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(12))
    with (
        zipfile.ZipFile(place.folder / "plain.xlsx") as old,
        zipfile.ZipFile(place.folder / "customers.xlsx", "w") as new,
    ):
        for entry in old.namelist():
            content = old.read(entry)
            if entry.endswith("sheet1.xml"):
                rows = "<worksheet><sheetData><row><c><v>&l11;</v></c></row></sheetData></worksheet>"
                content = f'<?xml version="1.0"?><!DOCTYPE x [{entities}]>{rows}'.encode()
            new.writestr(entry, content)
    (place.folder / "plain.xlsx").unlink()
    return Made({"customers": Count()})


def link(target: str) -> Callable[[Place, Random], Made]:
    """Make a bank whose file of customers is a link to this."""

    def make(place: Place, _: Random) -> Made:
        place.write()
        (place.folder / "customers.csv").unlink()
        (place.folder / "customers.csv").symlink_to(target)
        return Made({"customers": Count()})

    return make


def a_pipe(place: Place, _: Random) -> Made:
    """Make a bank whose file of customers is a pipe nobody writes to."""
    place.write()
    (place.folder / "customers.csv").unlink()
    os.mkfifo(place.folder / "customers.csv")
    return Made({"customers": Count()})


def a_folder_for_a_file(place: Place, _: Random) -> Made:
    """Make a bank whose customers.csv is a folder."""
    place.write()
    (place.folder / "customers.csv").unlink()
    (place.folder / "customers.csv").mkdir()
    return Made({"customers": Count()})


def a_growing_file(place: Place, _: Random) -> Made:
    """Make a bank whose transactions are still being written."""
    place.write()

    def write() -> None:
        for _ in range(400):
            with contextlib.suppress(OSError), (place.folder / "transactions.csv").open("a") as stream:
                stream.write(f"{CANARY}C1,2021-05-20,mobile,1.5,\n" * 500)
            time.sleep(0.005)

    threading.Thread(target=write, daemon=True).start()
    return Made({"transactions": Count()})


CUSTOMERS = Place(Path(), PLAIN).text("customers")
SINGLE = (
    Case("empty", customers_text("")),
    Case("blank lines only", customers_text("\n\n\n")),
    Case("header only", customers_text(TABLES["customers"] + "\n")),
    Case("no header", customers_text("\n".join(CUSTOMERS.splitlines()[1:]))),
    Case("header twice", customers_text(TABLES["customers"] + "\n" + CUSTOMERS, N + 1)),
    Case("a name twice", customers_text("customer_id,customer_id,branch_id,opened_on,tier\n")),
    Case("binary", customers_text(bytes(range(256)) * 50)),
    Case("one quote", customers_text('"')),
    Case("quotes in quotes", customers_text(TABLES["customers"] + f'\n"{CANARY}""x""","a ""b",,2020-01-10,,,gold\n')),
    Case("unclosed quote", customers_text(TABLES["customers"] + f'\n"{CANARY},B,,2020-01-10,,,gold\n' * 3)),
    Case("a million columns", a_million_columns),
    Case("ten thousand columns", ten_thousand_columns),
    Case("a cell of 100 MB", a_huge_cell, is_slow=True),
    Case("a Parquet bomb", a_parquet_bomb, is_slow=True),
    Case("a sheet bomb", a_sheet_bomb, is_slow=True),
    Case("a billion laughs", billion_laughs),
    Case("a dangling link", link("nowhere.csv")),
    Case("a link to itself", link("customers.csv")),
    Case("a link to a device", link("/dev/zero")),
    Case("a link to a folder", link(".")),
    Case("a pipe", a_pipe),
    Case("a folder for a file", a_folder_for_a_file),
    Case("a growing file", a_growing_file),
)


# Every kind of mutation in turn; those with the most exact expectations more than once.
MUTATIONS: tuple[tuple[str, Callable[[Place, Random], Made]], ...] = (
    *((f"CSV {mutate.__name__}", harmed_csv(mutate)) for mutate in BYTE_MUTATIONS),
    *((f"sheet {mutate.__name__}", harmed_sheet(mutate)) for mutate in (cut, flip)),
    *([("cells", harmed_cells)] * 2),
    *([("typed sheet", typed_sheet)] * 2),
    ("repeated rows", repeated_rows),
    ("inserted lines", inserted_lines),
    ("encoding", other_encoding),
    ("line ends", line_ends),
    ("types", wrong_types),
)
STYLES = (PLAIN, CHINESE, ONE_FILE)
PARQUET = tuple((f"Parquet {mutate.__name__}", harmed_parquet(mutate)) for mutate in BYTE_MUTATIONS)


def cases(n: int) -> Iterator[Case]:
    """Yield `n` cases: the single ones, then mutations in turn, of plain banks, Chinese ones and flat files."""
    repeated = [Case(f"{style.name} {name}", make, style) for name, make in MUTATIONS for style in STYLES]
    repeated += [Case(f"plain {name}", make) for name, make in PARQUET]
    yield from SINGLE[:n]
    for i in range(n - len(SINGLE)):
        yield repeated[i % len(repeated)]


def each_kind() -> Iterator[Case]:
    """Yield the single cases, then every kind of mutation once, of a plain bank, a Chinese one and a file by turns."""
    yield from SINGLE
    for i, (name, make) in enumerate(dict(MUTATIONS).items()):
        style = STYLES[i % len(STYLES)]
        yield Case(f"{style.name} {name}", make, style)
