"""Hostile banks: small ones full of canaries, with one file mutated or one that should not be there."""

import contextlib
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

CANARY = "ZQXCANARY"
Random = np.random.Generator


class Case(NamedTuple):
    """One hostile bank: how to make it, and the rows its mutated table must account for (None: cannot be known)."""

    name: str
    make: Callable[[Path, Random], int | None]


# --- a small bank full of canaries ------------------------------------------------------------------------------

TABLES = {
    "customers": "customer_id,branch_id,manager_id,opened_on,closed_on,birth_year,tier",
    "holdings": "holding_id,customer_id,product,account_class,opened_on,closed_on",
    "bindings": "customer_id,service,bound_on,unbound_on",
    "contacts": "contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached",
    "pnl": "holding_id,customer_id,month,market_value,cost_basis",
    "transactions": "customer_id,transacted_on,channel,amount,queue_ticket",
}
N = 24


def rows_of(table: str) -> list[list[str]]:
    """Make the rows of a table."""
    made = {
        "customers": lambda i: [f"{CANARY}C{i}", f"{CANARY}B", f"{CANARY}M", "2020-01-10", "", "1980", "gold"],
        "holdings": lambda i: [f"{CANARY}H{i}", f"{CANARY}C{i}", "debit_card", "1", "2020-01-10", ""],
        "bindings": lambda i: [f"{CANARY}C{i}", "mobile_banking", "2020-02-01", ""],
        "contacts": lambda i: [f"{CANARY}K{i}", f"{CANARY}C{i}", f"{CANARY}M", "2021-03-01", "call", "care", "true"],
        "pnl": lambda i: [f"{CANARY}H{i}", f"{CANARY}C{i}", "2021-05-31", f"{1000 + i}.25", ""],
        "transactions": lambda i: [f"{CANARY}C{i}", "2021-05-20", "mobile", f"{100 + i}.5", ""],
    }
    return [made[table](i) for i in range(N)]


def text_of(table: str, rows: Sequence[Sequence[str]] | None = None) -> str:
    """Write a table's rows as CSV text."""
    rows = rows_of(table) if rows is None else rows
    return "\n".join([TABLES[table], *(",".join(row) for row in rows)]) + "\n"


def write_bank(folder: Path) -> None:
    """Write the whole bank, unharmed."""
    folder.mkdir(parents=True)
    for table in TABLES:
        (folder / f"{table}.csv").write_text(text_of(table))


# --- mutations of bytes -----------------------------------------------------------------------------------------


def cut(content: bytes, random: Random) -> bytes:
    """Cut a file short."""
    return content[: random.integers(0, len(content))]


def flip(content: bytes, random: Random) -> bytes:
    """Turn a few bits round."""
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
    """Exchange two stretches."""
    a, b = sorted(random.integers(0, len(content), 2))
    return content[:a] + content[b:] + content[a:b]


BYTE_MUTATIONS = (cut, flip, insert, shuffle)


def any_table(random: Random) -> str:
    """Choose a table."""
    return list(TABLES)[random.integers(0, len(TABLES))]


def harmed_csv(mutate: Callable[[bytes, Random], bytes]) -> Callable[[Path, Random], None]:
    """Make a bank with one CSV file mutated."""

    def make(folder: Path, random: Random) -> None:
        write_bank(folder)
        path = folder / f"{any_table(random)}.csv"
        path.write_bytes(mutate(path.read_bytes(), random))

    return make


def harmed_parquet(mutate: Callable[[bytes, Random], bytes]) -> Callable[[Path, Random], None]:
    """Make a bank with one table as Parquet, mutated."""

    def make(folder: Path, random: Random) -> None:
        write_bank(folder)
        table = any_table(random)
        path = folder / f"{table}.parquet"
        pq.write_table(
            pa_csv.read_csv(folder / f"{table}.csv"),
            path,
            compression=["snappy", "zstd", "none"][random.integers(0, 3)],
        )
        (folder / f"{table}.csv").unlink()
        path.write_bytes(mutate(path.read_bytes(), random))

    return make


def harmed_sheet(mutate: Callable[[bytes, Random], bytes]) -> Callable[[Path, Random], None]:
    """Make a bank with one table as an Excel sheet, mutated."""

    def make(folder: Path, random: Random) -> None:
        write_bank(folder)
        table = any_table(random)
        workbook = openpyxl.Workbook()
        for line in text_of(table).splitlines():
            workbook.active.append(line.split(","))
        workbook.save(folder / f"{table}.xlsx")
        (folder / f"{table}.csv").unlink()
        path = folder / f"{table}.xlsx"
        path.write_bytes(mutate(path.read_bytes(), random))

    return make


# --- mutations of cells: the number of rows is known -------------------------------------------------------------

CELLS = [
    "", " ", "NaN", "inf", "-inf", "1e308", "-1e308", "99999999999999999999", "-0.0", "0x1F", "1_000", "0001-01-01",
    "9999-12-31", "2024-02-30", "1970-01-01", "infinity", "epoch", "20200110", "44000", "=1+1", "@SUM(A1)", "+CMD|x",
    "\u202egnp", "\U0001f4a3", "\ufeff", "NULL", "None", "true", "ＺＺ", "１２３", "a" * 5000,
    "'; DROP TABLE customers; --",
    "<script>alert(1)</script>", "\x07\x1b[31m", "%s%n", "{0}", "${x}", "..\\..\\x", "\u0000",
]  # fmt: skip


def harmed_cells(folder: Path, random: Random) -> int:
    """Make a bank with some cells of one table replaced by hostile ones, quoted."""
    write_bank(folder)
    table = any_table(random)
    rows = rows_of(table)
    for _ in range(random.integers(1, 12)):
        row = rows[random.integers(0, len(rows))]
        row[random.integers(0, len(row))] = (
            '"' + CELLS[random.integers(0, len(CELLS))] + CANARY * random.integers(0, 2) + '"'
        )
    (folder / f"{table}.csv").write_text(text_of(table, rows))
    return len(rows)


def repeated_rows(folder: Path, random: Random) -> int:
    """Make a bank with rows repeated, exactly or contradicting."""
    write_bank(folder)
    table = any_table(random)
    rows = rows_of(table)
    for _ in range(random.integers(1, 9)):
        row = list(rows[random.integers(0, len(rows))])
        if random.random() < 0.5:
            row[random.integers(0, len(row))] = f"{CANARY}X"
        rows.insert(random.integers(0, len(rows)), row)
    (folder / f"{table}.csv").write_text(text_of(table, rows))
    return len(rows)


def other_encoding(folder: Path, random: Random) -> None:
    """Make a bank with one file in another encoding, and letters that need it."""
    write_bank(folder)
    path = folder / f"{any_table(random)}.csv"
    encoding = ["utf-16", "utf-8-sig", "gb18030", "big5", "utf-32", "cp1252", "shift_jis"][random.integers(0, 7)]
    letters = "é" if encoding == "cp1252" else "户"
    path.write_bytes(path.read_text().replace("gold", letters).replace("mobile", letters).encode(encoding, "replace"))


def line_ends(folder: Path, random: Random) -> None:
    """Make a bank with mixed line ends and blank lines."""
    write_bank(folder)
    path = folder / f"{any_table(random)}.csv"
    ends = ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"]
    path.write_bytes("".join(line + ends[random.integers(0, 5)] for line in path.read_text().splitlines()).encode())


def wrong_types(folder: Path, random: Random) -> int:
    """Make a bank with one Parquet column of another type."""
    write_bank(folder)
    table = any_table(random)
    frame = pa_csv.read_csv(folder / f"{table}.csv")
    (folder / f"{table}.csv").unlink()
    column = int(random.integers(0, frame.num_columns))
    kinds = [
        pa.array([[CANARY]] * N), pa.array([{"a": CANARY}] * N), pa.array([CANARY.encode()] * N), pa.nulls(N),
        pa.array([1.5] * N), pa.array([float("nan")] * N), pa.array([True] * N), pa.array([2**62] * N),
        pa.array([pd.Timestamp("2020-01-10 12:00", tz="Asia/Shanghai")] * N), pa.array([pd.Timedelta(days=1)] * N),
        pa.array(["2020-01-10"] * N).dictionary_encode(), pa.array([10**20] * N, pa.decimal128(38, 2)),
    ]  # fmt: skip
    frame = frame.set_column(column, frame.column_names[column], kinds[random.integers(0, len(kinds))])
    pq.write_table(frame, folder / f"{table}.parquet")
    return N


# --- single cases -----------------------------------------------------------------------------------------------


def customers_text(text: str | bytes) -> Callable[[Path, Random], None]:
    """Make a bank whose customers are this text."""

    def make(folder: Path, _: Random) -> None:
        write_bank(folder)
        (folder / "customers.csv").write_bytes(text.encode() if isinstance(text, str) else text)

    return make


def a_million_columns(folder: Path, _: Random) -> None:
    """Make customers a million columns wide."""
    write_bank(folder)
    (folder / "customers.csv").write_text(",".join(f"c{i}" for i in range(1_000_000)) + "\n")


def ten_thousand_columns(folder: Path, _: Random) -> None:
    """Make customers ten thousand columns wide, in a line that can be read."""
    write_bank(folder)
    (folder / "customers.csv").write_text(",".join(f"c{i}" for i in range(10_000)) + "\n")


def a_huge_cell(folder: Path, _: Random) -> int:
    """Put a cell of 100 MB into a row."""
    write_bank(folder)
    rows = rows_of("customers")
    rows[3][1] = CANARY + "x" * 100_000_000
    (folder / "customers.csv").write_text(text_of("customers", rows))
    return N


def a_parquet_bomb(folder: Path, _: Random) -> int:
    """Put 400 million equal letters into a few kilobytes of Parquet."""
    write_bank(folder)
    columns = {
        name: pa.array([row[i] for row in rows_of("customers")])
        for i, name in enumerate(TABLES["customers"].split(","))
    }
    columns["notes"] = pa.array(["x" * 20_000_000] * N, pa.large_string())
    (folder / "customers.csv").unlink()
    pq.write_table(pa.table(columns), folder / "customers.parquet", compression="zstd")
    return N


def a_sheet_bomb(folder: Path, _: Random) -> None:
    """Put a gigabyte of blanks into an Excel sheet's XML."""
    write_bank(folder)
    (folder / "customers.csv").unlink()
    openpyxl.Workbook().save(folder / "plain.xlsx")
    with (
        zipfile.ZipFile(folder / "plain.xlsx") as old,
        zipfile.ZipFile(folder / "customers.xlsx", "w", zipfile.ZIP_DEFLATED) as new,
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
                    for _ in range(1000):
                        stream.write(b" " * 1_000_000)
            else:
                new.writestr(entry, content)
    (folder / "plain.xlsx").unlink()


def billion_laughs(folder: Path, _: Random) -> None:
    """Put entities that multiply into an Excel sheet's XML."""
    write_bank(folder)
    (folder / "customers.csv").unlink()
    openpyxl.Workbook().save(folder / "plain.xlsx")
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(12))
    with zipfile.ZipFile(folder / "plain.xlsx") as old, zipfile.ZipFile(folder / "customers.xlsx", "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry.endswith("sheet1.xml"):
                rows = "<worksheet><sheetData><row><c><v>&l11;</v></c></row></sheetData></worksheet>"
                content = f'<?xml version="1.0"?><!DOCTYPE x [{entities}]>{rows}'.encode()
            new.writestr(entry, content)
    (folder / "plain.xlsx").unlink()


def link(target: str) -> Callable[[Path, Random], None]:
    """Make a bank whose customers are a link to this."""

    def make(folder: Path, _: Random) -> None:
        write_bank(folder)
        (folder / "customers.csv").unlink()
        (folder / "customers.csv").symlink_to(target)

    return make


def a_pipe(folder: Path, _: Random) -> None:
    """Make a bank whose customers are a pipe nobody writes to."""
    write_bank(folder)
    (folder / "customers.csv").unlink()
    os.mkfifo(folder / "customers.csv")


def a_folder_for_a_file(folder: Path, _: Random) -> None:
    """Make a bank whose customers.csv is a folder."""
    write_bank(folder)
    (folder / "customers.csv").unlink()
    (folder / "customers.csv").mkdir()


def a_growing_file(folder: Path, _: Random) -> None:
    """Make a bank whose transactions are still being written."""
    write_bank(folder)

    def write() -> None:
        for _ in range(400):
            with contextlib.suppress(OSError), (folder / "transactions.csv").open("a") as stream:
                stream.write(f"{CANARY}C1,2021-05-20,mobile,1.5,\n" * 500)
            time.sleep(0.005)

    threading.Thread(target=write, daemon=True).start()


SINGLE = (
    Case("empty", customers_text("")),
    Case("blank lines only", customers_text("\n\n\n")),
    Case("header only", customers_text(TABLES["customers"] + "\n")),
    Case("no header", customers_text("\n".join(text_of("customers").splitlines()[1:]))),
    Case("header twice", customers_text(TABLES["customers"] + "\n" + text_of("customers"))),
    Case("a name twice", customers_text("customer_id,customer_id,branch_id,opened_on,tier\n")),
    Case("binary", customers_text(bytes(range(256)) * 50)),
    Case("one quote", customers_text('"')),
    Case("quotes in quotes", customers_text(TABLES["customers"] + f'\n"{CANARY}""x""","a ""b",,2020-01-10,,,gold\n')),
    Case("unclosed quote", customers_text(TABLES["customers"] + f'\n"{CANARY},B,,2020-01-10,,,gold\n' * 3)),
    Case("a million columns", a_million_columns),
    Case("ten thousand columns", ten_thousand_columns),
    Case("a cell of 100 MB", a_huge_cell),
    Case("a Parquet bomb", a_parquet_bomb),
    Case("a sheet bomb", a_sheet_bomb),
    Case("a billion laughs", billion_laughs),
    Case("a dangling link", link("nowhere.csv")),
    Case("a link to itself", link("customers.csv")),
    Case("a link to a device", link("/dev/zero")),
    Case("a link to a folder", link(".")),
    Case("a pipe", a_pipe),
    Case("a folder for a file", a_folder_for_a_file),
    Case("a growing file", a_growing_file),
)


def cases(n: int) -> Iterator[Case]:
    """Yield `n` cases: the single ones, then mutations in turn."""
    repeated = [Case(f"CSV {mutate.__name__}", harmed_csv(mutate)) for mutate in BYTE_MUTATIONS]
    repeated += [Case(f"Parquet {mutate.__name__}", harmed_parquet(mutate)) for mutate in BYTE_MUTATIONS]
    repeated += [Case(f"sheet {mutate.__name__}", harmed_sheet(mutate)) for mutate in (cut, flip)]
    repeated += [Case("cells", harmed_cells)] * 4 + [Case("repeated rows", repeated_rows)] * 2
    repeated += [Case("encoding", other_encoding), Case("line ends", line_ends), Case("types", wrong_types)]
    yield from SINGLE[:n]
    for i in range(n - len(SINGLE)):
        yield repeated[i % len(repeated)]
