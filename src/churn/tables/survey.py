"""How the columns of a file are written, by all of their cells: decimal signs, dates, and numbers of rows."""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
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
    "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d",
    "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d-%b-%y", "%b-%y", "%b-%Y",
)  # fmt: skip
_MOST_FAR_DAYS = 3
"""So many different days of no bank's time may say that there is none; more show that a form has misread dates."""
AT_ONCE = 10
"""Columns asked about in one query."""
LEAST_ROWS = 20
"""Of fewer rows, cells do not show what a column is."""
_KEY_DIGITS, _ACCIDENT = 6, 0.01
_KEY_HEADING = re.compile(
    r"\b(id|no|nr|num|number|\w*nummer|key|account|acct|\w*konto|ref|reference|iban|compte|cuenta|conto|conta|rekening)$"
    r"|(号|号码|编号|账户|代码)$"
)
_COMPACT_DAY = r"(?:(?:19|20|21)[0-9]{6}|99991231|18991231)(?:[.,]0+)?"
# Whole numbers in groups, as a country writes them that has a decimal comma, or numbers with three decimals.
_GROUPED = r"[+-]?[1-9][0-9]{{0,2}}[.][0-9]{{3}}"
_POINTS, _COMMAS, _UNREAD = "2.500", "2,500", "unread"
OTHER_COUNTRIES = (";", "\t")
"""What a program of such a country writes between cells."""
_LIKE_DATE = "regexp_matches({text}, '[0-9][^0-9]|[A-Za-z]{3}[ -][0-9]')"
_MOST_CODES, _MOST_WORDS = 12, 5
"""A column of so many different numbers holds codes; of more, beside so many different words, numbers."""
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
    said = [*(cells.number_value("{text}", sign) for sign in (".", ",", None)), cells.currency("{text}")]
    wanted = ["count({text})", "count(coalesce({0}, {1}))", "count({0})", "count({1})",
        "count({0}) FILTER ({1} IS NULL)", "count({1}) FILTER ({0} IS NULL)",
        "count(*) FILTER (abs({0}) > abs({1}))", "count(*) FILTER (abs({0}) < abs({1}))",
        "count(coalesce({0}, {1})) FILTER ({2} IS NULL)",
        "count(coalesce({0}, {1})) FILTER (contains({text}, '%'))",
        "count(*) FILTER (coalesce({0}, {1}) <> 0 AND NOT contains({text}, '%'))",
        "list(DISTINCT {3}) FILTER (coalesce({0}, {1}) IS NOT NULL)"]  # fmt: skip
    found = {}
    for name, (n_filled, n_either, n_point, n_comma, only_point, only_comma, *counts) in _ask(
        connection, scan, texts, said, wanted
    ).items():
        n_commas, n_points, n_by_people, n_shares, n_others, currencies = counts
        are_most = n_either >= MOST_SHARE * n_filled
        if are_most:
            _require_one_unit(path, name, n_shares, n_others, currencies)
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


def _require_one_unit(path: Path, name: str, n_shares: int, n_others: int, currencies: Sequence[str] | None) -> None:
    """Refuse a column whose numbers are not of one unit, so that they cannot be compared."""
    if n_shares and n_others:
        raise DataError(
            f"{path}: column {name} has {n_shares:,} numbers in per cent and {n_others:,} without; write them alike"
        )
    units = sorted({cells.SAME_CURRENCY.get(one, one) for one in currencies or () if one})
    if len(units) > 1:
        raise DataError(
            f"{path}: column {name} has amounts in {len(units)} currencies ({', '.join(units[:5])}); give each a"
            " column, or convert them into one"
        )


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
    day_zero: dt.date | None = None,
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
    day_zero
        Of an Excel sheet, whose own dates are ISO beside texts of any form.

    Raises
    ------
    DataError
        The dates of a column can be read in two ways.
    """
    typed = {name for name, cell in columns.items() if cell.sql_type == "DATE" or cell.sql_type.startswith("TIMESTAMP")}
    texts = {name: cell.text for name, cell in columns.items() if cell.sql_type == "VARCHAR" and name not in told}
    like_one = [_LIKE_DATE]
    counted = _ask(connection, scan, texts, like_one, ["count({text})", "count(*) FILTER ({0})"])
    maybe = {name: texts[name] for name, (n, n_like) in counted.items() if 0 < MOST_SHARE * n <= n_like}
    said = [cells.day(Cell("", "VARCHAR", "{text}"), Reading(form, day_zero=day_zero)) for form in DATE_FORMS]
    wanted = ["count({text})"]
    for place in range(len(DATE_FORMS)):
        near = f"{{{place}}} BETWEEN {cells.FIRST_DAY} AND {cells.LAST_DAY}"
        wanted += [f"count(*) FILTER ({near})", f"count(*) FILTER (NOT {near})"]
        wanted += [f"count(DISTINCT {{{place}}}) FILTER (NOT {near})"]
    found: dict[str, str | None] = {name: told.get(name) for name in columns if name in typed or name in told}
    for name, (n_filled, *facts) in _ask(connection, scan, maybe, said, wanted).items():
        counts = [
            n_near + (n_far if n_far_days <= _MOST_FAR_DAYS else 0) if n_near else 0
            for n_near, n_far, n_far_days in zip(facts[::3], facts[1::3], facts[2::3], strict=True)
        ]
        best = [form for form, n in zip(DATE_FORMS, counts, strict=True) if n == max(counts)]
        if max(counts) < MOST_SHARE * n_filled:
            continue
        if likely.get(name) in best:
            found[name] = likely[name]
            continue
        if other := _other_form(connection, scan, [_day(columns[name], form, day_zero) for form in best]):
            raise DataError(
                f"{path}: the dates of column {name} may be written as {best[0]} or as {best[other]};"
                f" say which under dates in [flat]"
            )
        found[name] = best[0]
    return found


def _other_form(connection: duckdb.DuckDBPyConnection, scan: str, days: Sequence[str]) -> int | None:
    """Return the place of the first of several readings that gives other days than the first one, None if none does."""
    if len(days) == 1:
        return None
    differ = ", ".join(f"count(*) FILTER ({day} <> d0)" for day in [f"d{place}" for place in range(1, len(days))])
    read = ", ".join(f"{day} AS d{place}" for place, day in enumerate(days))
    counts = fetch_row(connection, f"SELECT {differ} FROM (SELECT {read} FROM {scan})")
    return next((place for place, n in enumerate(counts, 1) if n), None)


def _day(cell: Cell, form: str, day_zero: dt.date | None) -> str:
    day = cells.day(cell, Reading(form, day_zero=day_zero))
    return f"CASE WHEN {day} BETWEEN {cells.FIRST_DAY} AND {cells.LAST_DAY} THEN {day} END"


def require_clear_kinds(
    connection: duckdb.DuckDBPyConnection, scan: str, texts: Mapping[str, str], path: Path, day_zero: dt.date | None
) -> None:
    """Refuse columns of numbers or dates that a few words would make categories, in the order of their letters.

    `texts`: the columns that are neither of numbers nor of dates, by name. Of few different values, as 1, 2 and VIP
    are, a column holds categories.

    Raises
    ------
    DataError
        At least half of a column's cells are numbers or dates, and few different words are all the rest.
    """
    is_like = f"regexp_matches({{text}}, '[0-9０-９]') OR {_LIKE_DATE}"
    counted = _ask(connection, scan, texts, [is_like], ["count({text})", "count(*) FILTER ({0})"])
    maybe = {name: texts[name] for name, (n, n_like) in counted.items() if n and n_like >= n / 2}
    readings = [cells.number_value("{text}", sign) for sign in ".,"]
    readings += [cells.day(Cell("", "VARCHAR", "{text}"), Reading(form, day_zero=day_zero)) for form in DATE_FORMS]
    said = [f"coalesce({', '.join(readings)}) IS NOT NULL"]
    wanted = ["count({text})", "count({text}) FILTER ({0})", "count(DISTINCT {text}) FILTER ({0})",
        "count(DISTINCT {text}) FILTER (NOT {0})"]  # fmt: skip
    for name, (n_filled, n_values, n_distinct, n_words) in _ask(connection, scan, maybe, said, wanted).items():
        if n_values < n_filled / 2 or n_distinct <= _MOST_CODES or n_words > _MOST_WORDS:
            continue
        if not n_words:
            raise DataError(
                f"{path}: column {name} has numbers or dates written in several ways; write them alike, or name the"
                " column as keep in [flat] if it holds categories, or as drop"
            )
        raise DataError(
            f"{path}: column {name} has {n_values:,} numbers or dates, and {n_filled - n_values:,} cells with"
            f" {n_words} other text{'s'[: n_words > 1]}; name what stands for an empty cell as missing in [flat], or"
            " the column as keep if it holds categories, or as drop"
        )


class Run(NamedTuple):
    """How a column's numbers follow each other in the file.

    Attributes
    ----------
    n, n_whole, n_values
        Cells that are filled, and with whole numbers; different ones.
    low, high
        The smallest and the largest; None where no cell is filled.
    n_long
        Whole numbers of 7 to 15 digits.
    n_keys
        Cells that have the digits of the file's own key.
    n_next, n_up, n_down, n_alike
        Steps from one filled cell to the next: of 1, upwards, downwards, of the most frequent size.
    """

    n: int
    n_whole: int
    n_values: int
    low: float | None
    high: float | None
    n_long: int
    n_keys: int
    n_next: int = 0
    n_up: int = 0
    n_down: int = 0
    n_alike: int = 0


def survey_runs(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    values: Mapping[str, Cell],
    signs: Mapping[str, str | None],
    key: str | None,
) -> dict[str, Run]:
    """Say how the numbers of each column follow each other.

    Parameters
    ----------
    values, signs
        The columns of numbers, by name, and their decimal signs.
    key
        SQL of the cells of the file's own key as texts; None where it has none.
    """
    found: dict[str, Run] = {}
    names = list(values)
    digits = f"TRY_CAST(regexp_replace({key}, '[^0-9]', '', 'g') AS DOUBLE)" if key else "CAST(NULL AS DOUBLE)"
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        texts = ", ".join(f"{values[name].text} AS t{place}" for place, name in enumerate(part))
        inner = ", ".join(
            f"{cells.number_of(values[name]._replace(name=f't{place}', text=f't{place}'), signs[name])} AS v{place}"
            for place, name in enumerate(part)
        )
        wanted = ", ".join(
            f"count(v{place}), count(*) FILTER (v{place} = trunc(v{place})), count(DISTINCT v{place}), min(v{place}),"
            f" max(v{place}), count(*) FILTER (v{place} = trunc(v{place}) AND v{place} >= 1e6 AND v{place} < 1e15),"
            f" count(*) FILTER (v{place} = key)"
            for place in range(len(part))
        )
        # The values are computed once, before they are compared.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE surveyed AS SELECT row, key, {inner}"
            f" FROM (SELECT row_number() OVER () AS row, {digits} AS key, {texts} FROM {scan})"
        )
        facts = fetch_row(connection, f"SELECT {wanted} FROM surveyed")
        size = len(facts) // len(part)
        for place, name in enumerate(part):
            run = Run(*facts[place * size : (place + 1) * size])
            may_run = run.n == run.n_whole and run.n_values >= LEAST_ROWS
            found[name] = _with_steps(connection, run, f"v{place}") if may_run else run
        connection.execute("DROP TABLE surveyed")
    return found


def _with_steps(connection: duckdb.DuckDBPyConnection, run: Run, column: str) -> Run:
    steps = (
        f"SELECT {column} - lag({column}) OVER (ORDER BY row) AS step FROM surveyed WHERE {column} IS NOT NULL"
        " QUALIFY step IS NOT NULL"
    )
    sizes = f"SELECT step, count(*) AS n FROM ({steps}) GROUP BY step"
    n_next, n_up, n_down, n_alike = fetch_row(
        connection,
        "SELECT coalesce(sum(n) FILTER (step = 1), 0), coalesce(sum(n) FILTER (step > 0), 0),"
        f" coalesce(sum(n) FILTER (step < 0), 0), max(n) FROM ({sizes})",
    )
    return run._replace(n_next=n_next, n_up=n_up, n_down=n_down, n_alike=n_alike)


def find_row_numbers(runs: Mapping[str, Run]) -> dict[str, str]:
    """Name the columns that number the rows, or are another key of theirs, each with what it is.

    An index that a program wrote beside the rows tells in which order they came, often those who left last: what is
    learned from it holds in no other file. "index": a number more in each row, or another step; in any order, where
    none is left out. "order": whole numbers that rise, or fall, with every row, as those of an export that was
    filtered; of 20 rows and more, a feature does so only where the file is sorted by it, and no two are alike.

    "key": the digits of the file's own key; or whole numbers of which no two are alike where that is no accident. That
    is so where they lie so close that of numbers spread evenly over their range some would be alike with a chance above
    99 %, and those of a feature are spread less evenly; where they have six digits and more, and the largest is not
    twice the smallest (incomes and balances are wider: they stay); or where the heading says number or account.
    """
    kinds = {name: _what_runs(name, run) for name, run in runs.items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _what_runs(name: str, run: Run) -> str | None:
    if name.startswith(("Unnamed: ", "__index_level_")):
        return "index"
    if run.n < LEAST_ROWS or run.low is None or run.high is None:
        return None
    span, n_steps = run.high - run.low, run.n - 1
    is_distinct = run.n == run.n_whole == run.n_values
    if is_distinct and span == n_steps:  # rows that were shuffled or sorted keep their numbers
        return "index"
    runs_mostly = max(run.n_up, run.n_down) >= MOST_SHARE * n_steps
    if run.n_next >= MOST_SHARE * n_steps or (runs_mostly and run.n_alike >= MOST_SHARE * n_steps):
        return "index"
    if run.n_keys >= MOST_SHARE * run.n:
        return "key"
    if not is_distinct:
        return None
    if max(run.n_up, run.n_down) == n_steps:
        return "order"
    # Of n numbers spread evenly over a span, no two are alike with a chance of about exp(-n² / 2 span).
    is_crowded = run.n**2 > 2 * span * math.log(1 / _ACCIDENT)
    is_narrow = run.low >= 10 ** (_KEY_DIGITS - 1) and run.high < 2 * run.low
    return "key" if is_crowded or is_narrow or _KEY_HEADING.search(words_of(name)) else None


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


def words_of(heading: str) -> str:
    """Return a heading's words in small plain letters, one blank between them.

    Examples
    --------
    >>> words_of("E-Mail_Straße"), words_of("PrénomClient2")
    ('e mail strasse', 'prenom client 2')
    """
    apart = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d])(?=\d)", " ", _plain(heading))
    return " ".join(re.findall(r"[^\W_]+", apart)).casefold()


def _plain(heading: str) -> str:
    letters = unicodedata.normalize("NFKD", heading.replace("ł", "l").replace("Ł", "L"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
