"""How the columns of a file are written, by all of their cells: decimal signs, dates, and numbers of rows."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import duckdb

from churn.errors import DataError
from churn.tables import cells
from churn.tables.cells import Cell, Reading, quote_name
from churn.tables.database import fetch_row

MOST_SHARE = 0.95
"""A column is of a kind when at least this share of its filled cells are."""
DATE_FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y",
)  # fmt: skip
# Days of the years 1900 to 2199: beyond, a form has misread a date.
_FIRST_DAY, _LAST_DAY = -25_567, 84_005
AT_ONCE = 10
"""Columns asked about in one query."""
LEAST_ROWS = 20
"""Of fewer rows, cells do not show what a column is."""
_KEY_DIGITS = 6
_COMPACT_DAY = r"(?:19|20|21)[0-9]{6}(?:[.,]0+)?"
# Whole numbers in groups, as a country writes them that has a decimal comma, or numbers with three decimals.
_GROUPED = r"[+-]?[1-9][0-9]{{0,2}}[.][0-9]{{3}}"
_POINTS, _COMMAS, _UNREAD = "2.500", "2,500", "unread"
OTHER_COUNTRIES = (";", "\t")
"""What a program of such a country writes between cells."""
# Digits, and not on both sides of what stands in dates and times: asked before what takes long to ask.
_MAY_BE_NUMBER = "regexp_matches({text}, '[0-9０-９]') AND NOT regexp_matches({text}, '[0-9][-/:年月][0-9]')"


class Numbers(NamedTuple):
    """How many cells of a column are filled and are numbers, and their decimal sign; None where programs wrote them."""

    n_filled: int
    n_numbers: int
    decimal: str | None

    @property
    def are_most(self) -> bool:
        """Whether the column is one of numbers; an empty one is."""
        return self.n_numbers >= MOST_SHARE * self.n_filled


def survey_numbers(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    texts: Mapping[str, str],
    path: Path,
    delimiter: str,
    told: str | None,
    section: str,
) -> dict[str, Numbers]:
    """Say which columns are of numbers, and settle the decimal sign of those that people wrote.

    Parameters
    ----------
    scan
        SQL of the file's rows.
    texts
        By the name of a column, SQL of its cells as texts, NULL where empty.
    path, delimiter
        Of the file, for messages; where `;` stands between cells, `,` is the decimal sign.
    told, section
        The sign that the configuration gives, and the section that can.

    Raises
    ------
    DataError
        A column has both signs, or numbers such as 2,500, which can be read in two ways.
    """
    found = _by_programs(connection, scan, texts, delimiter, told)
    by_people = {name: texts[name] for name, (_, shown) in found.items() if shown == _UNREAD}
    found |= _by_people(connection, scan, by_people, path, told, section)
    signs = {shown for numbers, shown in found.values() if shown in (".", ",") and numbers.are_most}
    settled = {}
    for name, (numbers, shown) in found.items():
        if shown not in (_POINTS, _COMMAS):
            settled[name] = numbers
            continue
        by_delimiter = "," if delimiter == ";" and shown == _COMMAS else None
        sign = told or (signs.copy().pop() if len(signs) == 1 else by_delimiter)
        if sign is None:
            raise DataError(
                f"{path}: column {name} has numbers such as {shown}, which may be 2500 or 2.5;"
                f' say which as decimal = "." or "," in [{section}]'
            )
        settled[name] = numbers._replace(decimal=sign)
    return settled


def _by_programs(
    connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str], delimiter: str, told: str | None
) -> dict[str, tuple[Numbers, str]]:
    """Say which columns are of numbers as programs write them, and what they show of the file's decimal sign.

    That is the sign, nothing, or a number that leaves it open; `_UNREAD` where a cell may be a number of people's, as
    1.200 is where a decimal comma is told.
    """
    said = [cells.number_value("{text}")]
    wanted = ["count({text})", "count({0})", f"count(*) FILTER ({{0}} IS NULL AND {_MAY_BE_NUMBER})",
        "count(*) FILTER ({0} IS NOT NULL AND contains({text}, '.'))",
        f"count(*) FILTER (regexp_full_match({{text}}, '{_GROUPED}'))",
        "count(*) FILTER (regexp_full_match({text}, '[+-]?[0-9]{{4,}}'))"]  # fmt: skip
    found = {}
    for name, (n_filled, n_numbers, n_maybe, n_points, n_grouped, n_ungrouped) in _ask(
        connection, scan, texts, said, wanted
    ).items():
        shows = n_points > n_grouped or (n_points and n_ungrouped)
        numbers = Numbers(n_filled, n_numbers, None)
        is_open = n_points and numbers.are_most and delimiter in OTHER_COUNTRIES
        is_unread = n_maybe or (told == "," and n_grouped)
        found[name] = numbers, _UNREAD if is_unread else "." if shows else _POINTS if is_open else ""
    return found


def _by_people(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    texts: Mapping[str, str],
    path: Path,
    told: str | None,
    section: str,
) -> dict[str, tuple[Numbers, str]]:
    """Say how numbers are written that no program wrote, and what they show, as `_by_programs` does."""
    said = [cells.number_value("{text}", sign) for sign in (".", ",", None)]
    wanted = ["count({text})", "count(coalesce({0}, {1}))", "count({0})", "count({1})",
        "count({0}) FILTER ({1} IS NULL)", "count({1}) FILTER ({0} IS NULL)",
        "count(*) FILTER (abs({0}) > abs({1}))", "count(*) FILTER (abs({0}) < abs({1}))",
        "count(coalesce({0}, {1})) FILTER ({2} IS NULL)"]  # fmt: skip
    found = {}
    for name, (n_filled, n_either, n_point, n_comma, only_point, only_comma, n_commas, n_points, n_by_people) in _ask(
        connection, scan, texts, said, wanted
    ).items():
        are_most = n_either >= MOST_SHARE * n_filled
        n_told, n_against = (n_comma, only_point) if told == "," else (n_point, only_comma)
        holds = told and n_told >= MOST_SHARE * n_either
        # Cells that have one reading show the sign of those that have two, where they are more.
        is_split = min(only_point, only_comma) > (1 - MOST_SHARE) * n_either
        if are_most and not holds and (is_split or (told and n_against <= n_commas + n_points)):
            raise DataError(
                f"{path}: column {name} has numbers with a decimal point and others with a decimal comma; write them"
                f" alike, or say which sign holds as decimal in [{section}]"
            )
        shown = "," if only_comma > only_point else "." if only_point else None
        sign = told if holds else shown
        # A program writes 1.949 for what it is: only beside what people wrote may it be 1949.
        n_open = n_commas or (n_points if n_by_people else 0)
        is_open = sign is None and n_open and are_most
        numbers = Numbers(n_filled, n_comma if sign == "," else n_point, sign or ".")
        found[name] = numbers, (_COMMAS if n_commas else _POINTS) if is_open else sign or ""
    return found


def find_compact_days(connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str]) -> list[str]:
    """Name the columns of numbers whose cells are days of the years 1900 to 2199, as 20250131 is."""
    is_day = f"regexp_full_match({{text}}, '{_COMPACT_DAY}') AND try_strptime(left({{text}}, 8), '%Y%m%d') IS NOT NULL"
    counted = _ask(connection, scan, texts, [is_day], ["count({text})", "count(*) FILTER ({0})"])
    return [name for name, (n_filled, n_days) in counted.items() if n_days and n_days >= MOST_SHARE * n_filled]


def survey_dates(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    columns: Mapping[str, Cell],
    path: Path,
    told: Mapping[str, str],
    likely: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str | None]:
    """Give the form of each column of dates, None for ISO; columns of anything else are left out.

    Parameters
    ----------
    columns
        By name, the cells, their texts NULL where empty.
    told
        By name, the form that the configuration gives.
    likely
        By name, the form taken where the cells leave it open.

    Raises
    ------
    DataError
        The dates of a column can be read in two ways.
    """
    typed = {name for name, cell in columns.items() if cell.sql_type == "DATE" or cell.sql_type.startswith("TIMESTAMP")}
    texts = {name: cell.text for name, cell in columns.items() if cell.sql_type == "VARCHAR" and name not in told}
    like_one = ["regexp_matches({text}, '[0-9]{1,2}[^0-9]')"]
    counted = _ask(connection, scan, texts, like_one, ["count({text})", "count(*) FILTER ({0})"])
    maybe = {name: texts[name] for name, (n, n_like) in counted.items() if 0 < MOST_SHARE * n <= n_like}
    said = [_day(Cell("", "VARCHAR", "{text}"), form) for form in DATE_FORMS]
    wanted = ["count({text})", *(f"count({{{place}}})" for place in range(len(DATE_FORMS)))]
    found: dict[str, str | None] = {name: told.get(name) for name in columns if name in typed or name in told}
    for name, (n_filled, *counts) in _ask(connection, scan, maybe, said, wanted).items():
        best = [form for form, n in zip(DATE_FORMS, counts, strict=True) if n == max(counts)]
        if max(counts) < MOST_SHARE * n_filled:
            continue
        if likely.get(name) in best:
            found[name] = likely[name]
            continue
        for one, other in combinations(best, 2):
            (n_differ,) = fetch_row(
                connection,
                f"SELECT count(*) FILTER ({_day(columns[name], one)} <> {_day(columns[name], other)}) FROM {scan}",
            )
            if n_differ:
                raise DataError(
                    f"{path}: the dates of column {name} may be written as {one} or as {other};"
                    f" say which under dates in [flat]"
                )
        found[name] = best[0]
    return found


def _day(cell: Cell, form: str) -> str:
    day = cells.day(cell, Reading(form))
    return f"CASE WHEN {day} BETWEEN {_FIRST_DAY} AND {_LAST_DAY} THEN {day} END"


def find_row_numbers(
    connection: duckdb.DuckDBPyConnection, scan: str, values: Mapping[str, Cell], signs: Mapping[str, str | None]
) -> dict[str, str]:
    """Name the columns that number the rows, or are another key of theirs, each with which of both it is.

    `values`: the columns of numbers, by name; `signs`: their decimal signs. An index that a program wrote beside the
    rows tells in which order they came, often those who left last: what is learned from it holds in no other file.
    """
    found = {name: "index" for name in values if name.startswith(("Unnamed: ", "__index_level_"))}
    names = [name for name in values if name not in found]
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        texts = ", ".join(f"{values[name].text} AS t{place}" for place, name in enumerate(part))
        inner = ", ".join(
            f"{cells.number_of(values[name]._replace(name=f't{place}', text=f't{place}'), signs[name])} AS v{place}"
            for place, name in enumerate(part)
        )
        before = ", ".join(f"lag(v{place}) OVER (ORDER BY row) AS b{place}" for place in range(len(part)))
        wanted = ", ".join(
            f"count(*) FILTER (v{place} = b{place} + 1), count(*) FILTER (v{place} >= {10 ** (_KEY_DIGITS - 1)}"
            f" AND v{place} = trunc(v{place})), count(DISTINCT v{place}),"
            f" count(DISTINCT length(CAST(v{place} AS TEXT))), max(v{place}) - min(v{place})"
            for place in range(len(part))
        )
        # The values are computed once, before they are compared.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE surveyed AS SELECT row, {inner}"
            f" FROM (SELECT row_number() OVER () AS row, {texts} FROM {scan})"
        )
        n_rows, *facts = fetch_row(connection, f"SELECT count(*), {wanted} FROM (SELECT *, {before} FROM surveyed)")
        connection.execute("DROP TABLE surveyed")
        for place, name in enumerate(part if n_rows >= LEAST_ROWS else []):
            n_next, n_large, n_distinct, n_lengths, span = facts[5 * place : 5 * place + 5]
            # Rows that were shuffled or sorted keep their numbers.
            is_shuffled = n_distinct == n_rows and span == n_rows - 1
            if is_shuffled or n_next >= MOST_SHARE * (n_rows - 1):
                found[name] = "index"
            elif n_large == n_distinct == n_rows and n_lengths == 1:
                found[name] = "key"
    return found


def _ask(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    texts: Mapping[str, str],
    said: Sequence[str],
    wanted: Sequence[str],
) -> dict[str, tuple[Any, ...]]:
    """Ask for the same aggregates of each column: of its `{text}`, and of what is `said` of it, as `{0}`, `{1}`, …."""
    found: dict[str, tuple[Any, ...]] = {}
    names = list(texts)
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        # Each step is a query that the next one names: written out, a text would be repeated a hundred times.
        inner, middle, outer = [], [], []
        for place, name in enumerate(part):
            text = quote_name(f"text {place}")
            given = [quote_name(f"said {place} {at}") for at in range(len(said))]
            inner.append(f"{texts[name]} AS {text}")
            middle += [f"{sql.replace('{text}', text)} AS {as_name}" for sql, as_name in zip(said, given, strict=True)]
            outer += [one.format(*given, text=text) for one in wanted]
        query = f"SELECT {', '.join(inner)} FROM {scan}"
        row = fetch_row(connection, f"SELECT {', '.join(outer)} FROM (SELECT *, {', '.join(middle)} FROM ({query}))")
        size = len(wanted)
        found |= {name: row[place * size : (place + 1) * size] for place, name in enumerate(part)}
    return found
