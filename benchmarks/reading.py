"""Write tables as other programs write them, read them, and count values that are not those that were written.

    python benchmarks/reading.py                            # 1,000 files
    python benchmarks/reading.py --files 20000              # the long form, before a release
    python benchmarks/reading.py --first 1234 --files 1 --keep folder      # look at one that went wrong

Each file is a small table whose values are known: ids, an outcome, and numbers, money, flags, words and days, some of
them missing. One in ten has a column of what one person has, which must not be a feature; in some an integer stands
for an empty cell, all amounts are below zero, or no column is kept by name. One in 25 is read once more, as scoring
would. It is written with the habits of pandas, polars, R or Excel: separators, quotes, decimal and group signs,
currencies, missing markers, row indices, forms of dates, encodings, line ends, compression; as CSV, Parquet or
a workbook. `churn.open_file` reads it; or it is a table of a bank, and `churn.open_bank` reads it. A file is right
where every row is there or in the quarantine, and every column has the values that were written or is left out with a
note that names it; or where the file is refused with one line. Anything else is wrong: another value, another number
of rows, another exception. Exit code 1 if that happened.
"""

import argparse
import bz2
import datetime as dt
import gzip
import lzma
import math
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import churn
from churn.config import Config
from churn.data import Data
from churn.errors import ChurnError
from churn.tables import database
from churn.tables.flat import open_flat
from churn.tables.layout import in_one_line

Column = list[Any]
TIERS = ("ordinary", "gold", "platinum")
MISSING = ("", "", "", "NA", "N/A", "NULL", "NaN", "None", "\\N", ".", "-", "#N/A")
PLAIN = ("gold", "silver", "basic", "North", "South-West", "O'Hara", "plan 2", "x y z")
AWKWARD = ('5" disk', "a, b", "a; b", "a|b", "two\nlines", "=1+1", "#1", "tab\there", "'quoted'", '"all"', "\\", "a\\b")
WORDS = {
    "utf-8": ("城东", "金卡", "Köln", "Łódź", "naïve", "東京", "Ελλάς"),
    "cp1252": ("Köln", "Zürich", "Málaga", "Île", "São", "Ström"),
    "gb18030": ("城东支行", "金卡", "普卡", "白金卡", "上海"),
}  # fmt: skip
# What stands in the names of columns besides letters.
SUFFIXES = ("", "", "", " (EUR)", ", net", ' "x"', "; z", "\nb", " %", "é")
PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@dataclass
class Table:
    """The values of a table by column, None where missing, and the kind of each; whether days have a time.

    `personal`: columns that hold what one person has, and must be left out. `missing`: an integer that stands for an
    empty cell. `is_kept`: whether the configuration keeps the other columns, whatever they look like. `is_scored`:
    whether the file is read once more, as one that is scored.
    """

    ids: list[str]
    left: list[bool]
    columns: dict[str, Column]
    kinds: dict[str, str]
    is_timed: bool = False
    personal: tuple[str, ...] = ()
    missing: int | None = None
    is_kept: bool = True
    is_scored: bool = False


@dataclass
class Written:
    """A file, the values in it, whose habits it was written with, and the form of its days."""

    path: Path
    table: Table
    habit: str
    day: str | None = None


Maker = Callable[[random.Random, str], Table]


def make_table(draw: random.Random, encoding: str) -> Table:
    """Draw a table; words are those that an encoding has."""
    n = draw.randint(22, 40)
    ids = draw.choice(
        [
            [f"K{number:05d}" for number in draw.sample(range(9000), n)],
            [f"{number:08d}" for number in draw.sample(range(10**7), n)],
            [str(number) for number in draw.sample(range(10**5, 10**6), n)],
        ]
    )
    makers = {"number": _numbers, "money": _money, "integer": _integers, "flag": _flags, "word": _words, "day": _days}
    kinds = {
        f"{kind}_{place}": kind for place, kind in enumerate(draw.choices(list(makers), k=draw.choice([1, 1, 1, 2, 3])))
    }
    columns = {}
    for name, kind in kinds.items():
        words = (*PLAIN, *WORDS[encoding], *(AWKWARD if draw.random() < 0.4 else ()))
        values = makers[kind](draw, n, draw.sample(words, 4))
        share = draw.choice([0, 0, 0.1, 0.3])
        columns[name] = [None if draw.random() < share else value for value in values]
    left = [draw.random() < 0.4 for _ in range(n)]
    left[:2] = [True, False]
    return Table(ids, left, columns, kinds, draw.random() < 0.3)


# What one person has, shared in a household; under some headings the cells have to show it.
PERSONAL: dict[str, Callable[[int], str]] = {
    "contact": lambda row: f"q{row % 7}x@example.com",
    "Nachname": lambda row: f"Q{row % 7}x",
    "cust_phone": lambda row: f"+49 170 55{row % 7}0{row % 7}1",
    "mobile": lambda row: f"138000{row % 7}0{row % 7}01",
    "note": lambda row: f"Q{row}x asked about the fees",
}


def make_table_with_more(number: int) -> Maker:
    """Give a maker of tables that have, by their number, what one person has, or what only some tables have."""
    more = random.Random(f"{number} more")

    def make(draw: random.Random, encoding: str) -> Table:
        table = make_table(draw, encoding)
        table.is_kept, table.is_scored = more.random() < 0.85, more.random() < 0.04
        if more.random() < 0.1:
            name = more.choice(list(PERSONAL))
            table.personal, table.kinds[name] = (name,), "word"
            table.columns[name] = [PERSONAL[name](row) for row in range(len(table.ids))]
        if more.random() < 0.2:
            table.missing = more.choice([9999, -1, -99999])
        is_below_zero = more.random() < 0.1
        for name, kind in table.kinds.items():
            if kind == "integer" and table.missing is not None:
                table.columns[name] = [table.missing if v is None else v for v in table.columns[name]]
            elif kind in ("number", "money") and is_below_zero:
                table.columns[name] = [-abs(v) if v else v for v in table.columns[name]]
        return table

    return make


def make_customers(draw: random.Random, encoding: str) -> Table:
    """Draw a bank's customers; whether they left stands for whether they refused contact."""
    table = make_table(draw, encoding)
    n, kinds = len(table.ids), {"opened_on": "day", "tier": "word", "branch_id": "word", "birth_year": "integer"}
    years = [draw.choice([None, draw.randint(1930, 2006)]) for _ in range(n)]
    branches = _words(draw, n, draw.sample([*PLAIN[:5], *WORDS[encoding]], 4))
    tiers = _words(draw, n, TIERS)
    columns = {"opened_on": _days(draw, n, ()), "tier": tiers, "branch_id": branches, "birth_year": years}
    return Table(table.ids, table.left, columns, kinds)


def make_transactions(draw: random.Random, encoding: str) -> Table:
    """Draw one transaction per customer."""
    table = make_table(draw, encoding)
    n, kinds = len(table.ids), {"transacted_on": "day", "channel": "word", "amount": "money"}
    channels = _words(draw, n, ["counter", "atm", "online", "mobile"])
    columns = {"transacted_on": _days(draw, n, ()), "channel": channels, "amount": _money(draw, n, ())}
    return Table(table.ids, table.left, columns, kinds)


def _numbers(draw: random.Random, n: int, _: Sequence[str]) -> Column:
    places, size = draw.choice([(1, 10), (2, 1), (2, 5_000), (3, 10), (3, 10**6), (6, 10), (9, 1e-4)])
    return [round(draw.uniform(-size if size < 100 else 0, size), places) for _ in range(n)]


def _money(draw: random.Random, n: int, _: Sequence[str]) -> Column:
    return [round(draw.gauss(800, 4000), 2) for _ in range(n)]


def _integers(draw: random.Random, n: int, _: Sequence[str]) -> Column:
    most = draw.choice([3, 90, 5000])
    return [draw.randint(0, most) for _ in range(n)]


def _flags(draw: random.Random, n: int, _: Sequence[str]) -> Column:
    return [draw.random() < 0.5 for _ in range(n)]


def _words(draw: random.Random, n: int, words: Sequence[str]) -> Column:
    return [draw.choice(words) for _ in range(n)]


def _days(draw: random.Random, n: int, _: Sequence[str]) -> Column:
    return [dt.date(2015, 1, 1) + dt.timedelta(draw.randint(0, 3600)) for _ in range(n)]


def frame_of(table: Table) -> pd.DataFrame:
    """Return a table as the frame that pandas would hold."""
    frame = pd.DataFrame({"id": table.ids, "left": table.left} | {name: list(c) for name, c in table.columns.items()})
    for name, kind in table.kinds.items():
        if kind == "day":
            frame[name] = pd.to_datetime(frame[name])
            if table.is_timed:
                frame[name] += pd.to_timedelta([7_919 * row % 86_400 for row in range(len(frame))], unit="s")
        elif kind in ("number", "money"):
            frame[name] = frame[name].astype("float64")
        elif kind == "integer":
            frame[name] = frame[name].astype("float64" if None in table.columns[name] else "int64")
    return frame


def write_pandas(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write CSV as `DataFrame.to_csv` does."""
    encoding = draw.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "gb18030"])
    table = make(draw, encoding if encoding in WORDS else "utf-8")
    frame = frame_of(table)
    places = draw.choice([None, None, 6])
    if places:
        for name, kind in table.kinds.items():
            if kind == "number":
                table.columns[name] = [v and round(v, places) for v in table.columns[name]]
    if draw.random() < 0.3:
        frame = frame.sample(frac=1, random_state=draw.randint(0, 99))
        frame = frame.reset_index(drop=draw.random() < 0.5)
    if draw.random() < 0.2:
        frame.insert(0, "Unnamed: 0", range(len(frame)))
    sep = draw.choice([",", ",", ";", "\t", "|"])
    packer = draw.choice([None, None, None, *PACKERS, "zst"])
    path = folder / f"pandas.csv{'.' + packer if packer else ''}"
    day = draw.choice([None, "%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%Y/%m/%d"])
    options: dict[str, Any] = {
        "index": draw.random() < 0.4,
        "na_rep": draw.choice(MISSING),
        "decimal": draw.choice([".", ".", ","]),
        "quoting": draw.choice([0, 0, 1, 2]),
        "lineterminator": draw.choice(["\n", "\n", "\r\n", "\r\n", "\r"]),
    }
    if options["lineterminator"] == "\r" and options["quoting"] == 0:
        _end_no_line_in(table, frame)
    text = frame.to_csv(sep=sep, date_format=day, float_format=f"%.{places}f" if places else None, **options)
    path.write_bytes(_pack(text.encode(encoding), packer))
    return Written(path, table, f"pandas {encoding}", day)


def _end_no_line_in(table: Table, frame: pd.DataFrame) -> None:
    """Take line breaks out of words: Python before 3.13 puts no marks around them where lines end in a return alone.

    Nobody could tell where such a row ends.
    """
    for name, kind in table.kinds.items():
        if kind == "word":
            table.columns[name] = [v and v.replace("\n", " ") for v in table.columns[name]]
            frame[name] = frame[name].str.replace("\n", " ")


def _pack(data: bytes, packer: str | None) -> bytes:
    if packer == "zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()
    return PACKERS[packer](data) if packer else data


def write_polars(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write CSV as polars does: booleans in small letters, moments with six places, quotes where they are needed."""
    table = make(draw, "utf-8")
    day = draw.choice(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.000000"])
    null, always = draw.choice(["", "", "NA"]), draw.random() < 0.3

    def cell(value: Any, kind: str) -> str:
        if value is None:
            return null
        text = {"flag": lambda: str(value).lower(), "day": lambda: f"{value:{day}}"}.get(kind, lambda: str(value))()
        needs = always or (kind == "word" and any(sign in text for sign in ',"\n\r'))
        return '"' + text.replace('"', '""') + '"' if needs else text

    path = folder / "polars.csv"
    path.write_text(_lines(table, cell, ","), encoding="utf-8", newline="")
    return Written(path, table, "polars")


def _lines(
    table: Table,
    cell: Callable[[Any, str], str],
    sep: str,
    end: str = "\n",
    numbered: Sequence[str] = (),
    header: str | None = None,
    tail: str = "",
) -> str:
    names = ["id", "left", *table.columns]
    kinds = {"id": "id", "left": "flag"} | table.kinds
    values = {"id": table.ids, "left": table.left} | table.columns
    lines = [sep.join([*([header] if header is not None else []), *(cell(name, "word") for name in names)]) + tail]
    for row in range(len(table.ids)):
        cells = [cell(values[name][row], kinds[name]) for name in names]
        lines.append(sep.join([*numbered[row : row + 1], *cells]) + tail)
    return "".join(line + end for line in lines)


def write_r(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write CSV as `write.csv`, `write.csv2` and `write.table` of R do: strings in quotes, NA bare, rows numbered."""
    encoding = draw.choice(["utf-8", "cp1252"])
    table = make(draw, encoding)
    which = draw.choice(["csv", "csv2", "table", "table,"])
    sep, decimal = {"csv": (",", "."), "csv2": (";", ","), "table": (" ", "."), "table,": (",", ".")}[which]
    quotes = '\\"' if which.startswith("table") and draw.random() < 0.5 else '""'

    def cell(value: Any, kind: str) -> str:
        if value is None:
            return "NA"
        if kind == "flag":
            return str(value).upper()
        if kind in ("word", "id", "day"):
            return '"' + str(value).replace('"', quotes) + '"' if kind != "day" else str(value)
        return f"{value:.15g}".replace(".", decimal)

    if quotes == '\\"':
        for name, kind in table.kinds.items():
            if kind == "word":  # R leaves a backslash alone, which nothing tells from one before a mark
                table.columns[name] = [v and v.replace("\\", "/") for v in table.columns[name]]
    rows = [f'"{row}"' for row in range(1, len(table.ids) + 1)] if draw.random() < 0.6 else []
    header = '""' if rows and which.startswith("csv") else None
    path = folder / "r.csv"
    text = _lines(table, cell, sep, draw.choice(["\n", "\r\n"]), rows, header)
    path.write_bytes(text.encode(encoding))
    return Written(path, table, f"R {which} {quotes}")


# Of a country, what stands between cells, before decimals and between groups.
STYLES = {
    "en": (",", ".", ","),
    "de": (";", ",", "."),
    "fr": (";", ",", "\u202f"),
    "ch": (";", ".", "'"),
}


def write_excel_csv(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write CSV as Excel saves what it shows, in the writing of a country."""
    country = draw.choice(list(STYLES))
    sep, decimal, group = STYLES[country]
    encoding = draw.choice(["utf-8-sig", "utf-16", "cp1252", "mark"]) if country != "fr" else "utf-8-sig"
    table = make(draw, "cp1252")
    sep = "\t" if encoding == "utf-16" else sep
    days = {"en": ["%m/%d/%Y", "%Y-%m-%d"], "de": ["%d.%m.%Y"], "fr": ["%d/%m/%Y"], "ch": ["%d.%m.%Y"]}[country]
    day = draw.choice(days)
    form = draw.choice(["plain", "group", "currency", "parentheses", "percent"])
    _round(table, form)

    def cell(value: Any, kind: str) -> str:
        if value is None:
            return ""
        text = {"flag": lambda: str(value).upper(), "day": lambda: f"{value:{day}}"}.get(kind, lambda: str(value))()
        text = _as_excel_shows(value, kind, form, decimal, group) if kind in ("number", "money", "integer") else text
        return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in f'{sep}"\n') else text

    text = _lines(table, cell, sep, "\r\n", tail=sep if draw.random() < 0.15 else "")
    text = f"sep={sep}\r\n{text}" if encoding == "mark" else text
    path = folder / "excel.csv"
    path.write_bytes(text.encode({"mark": "cp1252"}.get(encoding, encoding)))
    return Written(path, table, f"Excel CSV {country} {form} {encoding}", day)


def _round(table: Table, form: str) -> None:
    """Round a table's numbers to what Excel shows of them, which is all that it saves as CSV."""
    for name, kind in table.kinds.items():
        if kind not in ("number", "money") or form == "plain":
            continue
        if form == "percent" and kind == "number":
            table.columns[name] = [v if v is None else float(f"{100 * v:.1f}") / 100 for v in table.columns[name]]
        else:
            table.columns[name] = [v and round(v, 2) for v in table.columns[name]]


def _as_excel_shows(value: float, kind: str, form: str, decimal: str, group: str) -> str:
    if form == "percent" and kind == "number":
        return f"{100 * value:.1f}".replace(".", decimal) + "%"
    if kind == "integer" and form == "group":
        return f"{value:,}".replace(",", group)
    if kind == "integer" or form in ("plain", "percent"):
        return repr(value).replace(".", decimal)
    digits = f"{abs(value):,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", group)
    digits = f"€ {digits}" if form == "currency" else digits
    below = value < 0 and float(f"{value:.2f}") != 0
    return (f"({digits})" if form == "parentheses" else f"-{digits}") if below else digits


def write_workbook(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write a workbook with typed cells."""
    table = make(draw, "utf-8")
    for name, values in table.columns.items():  # a writer of workbooks takes such a text for a formula
        table.columns[name] = [value.lstrip("=") if isinstance(value, str) else value for value in values]
    frame, path = frame_of(table), folder / "book.xlsx"
    frame.to_excel(path, index=draw.random() < 0.4, na_rep=draw.choice(["", "", "NA"]))
    if draw.random() < 0.3:
        book = openpyxl.load_workbook(path)
        about = book.create_sheet("About", 0)
        about.append(["Variable", "Meaning"])
        book.save(path)
    return Written(path, table, "workbook")


def write_parquet(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write Parquet as pandas, or with types of Arrow's own."""
    table = make(draw, "utf-8")
    path = folder / "arrow.parquet"
    if draw.random() < 0.5:
        frame_of(table).to_parquet(path, index=draw.choice([None, True, False]))
        return Written(path, table, "Parquet of pandas")
    arrays: dict[str, pa.Array] = {"id": pa.array(table.ids), "left": pa.array(table.left)}
    for name, values in table.columns.items():
        match table.kinds[name]:
            case "money":
                arrays[name] = pa.array(values, pa.float64()).cast(pa.decimal128(18, 2), safe=False)
            case "integer":
                known = [value for value in values if value is not None]
                bounds = {
                    pa.int16(): (-(2**15), 2**15 - 1),
                    pa.int64(): (-(2**63), 2**63 - 1),
                    pa.uint32(): (0, 2**32 - 1),
                }
                fitting = [kind for kind, (low, high) in bounds.items() if all(low <= value <= high for value in known)]
                arrays[name] = pa.array(values, draw.choice(fitting))
            case "word":
                arrays[name] = pa.array(values, draw.choice([pa.string(), pa.large_string()]))
                arrays[name] = arrays[name].dictionary_encode() if draw.random() < 0.5 else arrays[name]
            case "day":
                arrays[name] = pa.array(values, pa.date32())
                types = [pa.date32(), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ms", "Asia/Shanghai")]
                types += [pa.timestamp("us", "+08:00")]
                arrays[name] = arrays[name].cast(draw.choice(types))
            case _:
                arrays[name] = pa.array(values)
    pq.write_table(pa.table(arrays), path, compression=draw.choice(["none", "snappy", "zstd"]))
    return Written(path, table, "Parquet of Arrow")


def write_blanks(draw: random.Random, folder: Path, make: Maker) -> Written:
    """Write what pandas prints, in columns of equal width; no word has a blank in it."""
    table = make(draw, "utf-8")
    table.is_timed = False
    for name, kind in table.kinds.items():
        if kind == "word":
            values = table.columns[name]
            table.columns[name] = [v and re.sub(r"[\s\"']+", "_", v) for v in values]
    columns = {re.sub(r"[\s\"]+", "_", name): values for name, values in table.columns.items()}
    kinds = dict(zip(columns, table.kinds.values(), strict=True))
    table = replace(table, columns=columns, kinds=kinds)
    path = folder / "printed.csv"
    path.write_text(
        frame_of(table).to_string(index=draw.random() < 0.5, float_format=lambda v: repr(float(v))), encoding="utf-8"
    )
    return Written(path, table, "printed")


HABITS = (write_pandas, write_pandas, write_pandas, write_polars, write_r, write_r, write_blanks)
HABITS += (write_excel_csv, write_excel_csv, write_excel_csv, write_workbook, write_parquet)


def write_file(number: int, folder: Path) -> Written:
    """Write the file of a number, always the same; a third are tables of a bank."""
    draw = random.Random(number)
    make = draw.choice([make_table, make_table, make_table, make_table, make_customers, make_transactions])
    return draw.choice(HABITS)(draw, folder, make_table_with_more(number) if make is make_table else make)


def write_bank(written: Written, folder: Path) -> tuple[str, Config]:
    """Write a bank around a table's file; give the table's name, and the configuration that maps it."""
    table = "transactions" if "amount" in written.table.columns else "customers"
    day = "opened_on" if table == "customers" else "transacted_on"
    written.path.rename(folder / written.path.name.replace(written.path.name.partition(".")[0], table))
    ids = written.table.ids
    rows = [f"H{place},{name},fund,2020-01-05" for place, name in enumerate(ids)]
    (folder / "holdings.csv").write_text("\n".join(["holding_id,customer_id,product,opened_on", *rows]) + "\n")
    if table == "transactions":
        rows = [f"{name},N,2001-01-05,gold" for name in ids]
        (folder / "customers.csv").write_text("\n".join(["customer_id,branch_id,opened_on,tier", *rows]) + "\n")
    columns = {"customer_id": "id"} | ({"do_not_contact": "left"} if table == "customers" else {})
    source = {"columns": columns, "dates": {day: written.day} if written.day else {}}
    return table, Config.model_validate({"tables": {table: source}})


class WrongError(Exception):
    """Something was read that was not written, and nothing was said."""


def judge(written: Written) -> tuple[str, str]:
    """Read a file and say what came of it: "read", "left out" (some rows or columns), "refused" or "wrong"; and why."""
    table = written.table
    flat: dict[str, Any] = {"id": "id", "label": "left", "churned": True}
    if table.is_kept:
        flat["keep"] = [in_one_line(name) for name in table.columns if name not in table.personal]
    if table.missing is not None:
        flat["missing"] = [table.missing]
    try:
        if {"opened_on", "transacted_on"} & set(written.table.columns):
            with tempfile.TemporaryDirectory() as folder:
                name, config = write_bank(written, Path(folder))
                with churn.open_bank(folder, config) as data:
                    return compare_bank(written.table, name, data)
        with churn.open_file(written.path, Config.model_validate({"flat": flat})) as data:
            outcome = compare(table, data)
            if table.is_scored:
                compare_scored(written.path, data)
            return outcome
    except ChurnError as error:
        said = str(error)
        return ("wrong", said) if "\n" in said else ("refused", re.sub(r"\d[\d,]*", "N", said.partition(": ")[2]))
    except Exception as error:  # whatever else comes is what must not come
        return "wrong", f"{type(error).__name__}: {error}"


def compare(table: Table, data: Data) -> tuple[str, str]:
    """Hold what was read against what was written."""
    rows, notes, count = data.checked.rows(), str([note.said for note in data.notes()]), data.row_counts["flat"]
    table.columns = {in_one_line(name): values for name, values in table.columns.items()}
    table.kinds = {in_one_line(name): kind for name, kind in table.kinds.items()}
    for name in table.personal:
        require(name not in rows.features and f"'{name}'" in notes, f"{name} is a feature")
        require(not any(value in notes for value in table.columns.pop(name)), f"values of {name} are told")
        del table.kinds[name]
    for name, kind in table.kinds.items():
        if kind in ("integer", "number", "money") and table.missing is not None:
            table.columns[name] = [None if value == table.missing else value for value in table.columns[name]]
    place = {name: row for row, name in enumerate(table.ids)}
    require(count.rows == len(table.ids), f"{count.rows} rows of {len(table.ids)}")
    require(set(rows.customer_id) <= set(place), "ids that were not written")
    require(set(rows.features) <= set(table.columns), f"columns of others: {set(rows.features) - set(table.columns)}")
    order = [place[name] for name in rows.customer_id]
    require(rows.churned.tolist() == [float(table.left[row]) for row in order], "outcomes")
    days = [v for name, kind in table.kinds.items() if kind == "day" for v in table.columns[name] if v is not None]
    last = max(days, default=dt.date(1970, 1, 1))
    for name, kind in table.kinds.items():
        if name not in rows.features:
            require(name in notes, f"{name} is left out without a word")
            continue
        wanted, found = as_read([table.columns[name][row] for row in order], kind, last), rows.features[name].tolist()
        pairs = zip(wanted, found, strict=True)
        differs = [(a, b) for a, b in pairs if not is_same(a, b, data.checked.kinds[name])]
        require(
            not differs, f"{kind} read as {data.checked.kinds[name]}: {differs[:1]}, {len(differs)} of {len(order)}"
        )
    if count.quarantined:
        return "left out", "rows: " + ", ".join(sorted({f"{entry[4]}" for entry in data.quarantine()}))
    return ("read", "") if set(table.columns) == set(rows.features) else ("left out", "columns")


def compare_scored(path: Path, data: Data) -> None:
    """Hold what scoring reads, with the columns that a model was trained on, against what training read."""
    checked = data.checked
    trained = checked.rows().features
    if trained.columns.empty:
        return
    with open_flat(path, checked.flat, kinds=checked.kinds, labels="unread") as again:
        scored = again.rows()
        require(scored.features.equals(trained), "scoring reads other values than training")


def compare_bank(table: Table, name: str, data: Data) -> tuple[str, str]:
    """Hold a bank's table against what was written."""
    columns = ", ".join(["customer_id", *table.columns, *(["do_not_contact"] if name == "customers" else [])])
    rows = data.checked.connection.execute(f"SELECT {columns} FROM {name}").fetchall()
    n, count = len(table.ids), data.row_counts[name]
    require(count.rows == n and count.used == len(rows), f"{count.rows} rows of {n}, {len(rows)} of them used")
    place = {one: row for row, one in enumerate(table.ids)}
    for one, *found in rows:
        require(one in place, "ids that were not written")
        wanted = [as_stored(values[place[one]], table.kinds[column]) for column, values in table.columns.items()]
        wanted += [table.left[place[one]]] if name == "customers" else []
        require(wanted == found, f"of {name}: {wanted} read as {found}")
    said = ", ".join(sorted({f"{entry[3]} {entry[4]}" for entry in data.quarantine() if entry[0] == name}))
    return ("left out", f"rows of {name}: {said}") if count.quarantined else ("read", "")


def as_stored(value: Any, kind: str) -> Any:
    """Give the value that a bank's table has: whole days since 1970-01-01, whole cents."""
    if value is None or kind in ("word", "integer"):
        return value
    return (value - dt.date(1970, 1, 1)).days if kind == "day" else round(value * 100)


def require(right: bool, why: str) -> None:
    if not right:
        raise WrongError(why)


def as_read(values: Column, kind: str, last: dt.date) -> Column:
    """Give the values that reading promises: days before the last of the file, flags as numbers."""
    if kind == "day":
        return [None if value is None else float((last - value).days) for value in values]
    return [None if value is None else float(value) if kind != "word" else value for value in values]


def is_same(wanted: Any, found: Any, kind: str) -> bool:
    """Whether a cell was read as it was written; in words, kinds of line ends are one."""
    if wanted is None:
        return found is None or (isinstance(found, float) and math.isnan(found))
    if kind == "number":
        return isinstance(wanted, float) and math.isclose(wanted, found, rel_tol=1e-9, abs_tol=1e-9)
    return isinstance(wanted, str) and wanted == found


@contextmanager
def in_one_process() -> Iterator[None]:
    """Read in this process and into one database, which is emptied for each file: a tenth of the time."""
    connection = duckdb.connect(config={"threads": 1})

    @contextmanager
    def open_database(*_: Any) -> Iterator[duckdb.DuckDBPyConnection]:
        database.prepare(connection)
        yield connection

    def run_here(_about: Any, _n_bytes: int, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with suppress(duckdb.TransactionException):  # a bank's that was refused is still open
            connection.rollback()
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            connection.execute(f'DROP TABLE "{name}"')
        return work(*given, **named)

    with (
        mock.patch.object(database, "open_database", open_database),
        mock.patch.object(database, "run_apart", run_here),
    ):
        yield
    connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with in_one_process(), tempfile.TemporaryDirectory() as scratch:
        for number in range(given.first, given.first + given.files):
            folder = given.keep or Path(scratch)
            folder.mkdir(exist_ok=True)
            written = write_file(number, folder)
            outcome, why = judge(written)
            counts[outcome] += 1
            if why:
                reasons[f"{outcome}: {why}"] += 1
            if outcome == "wrong":
                print(f"{number} ({written.habit}): {why}", flush=True)
            if not given.keep:
                written.path.unlink(missing_ok=True)
    print(f"{given.files:,} files: " + ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(counts.items())))
    for why, n in reasons.most_common(15):
        print(f"  {n:,} {why}")
    return int(bool(counts["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
