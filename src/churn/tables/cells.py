"""From one cell as it stands in a file to the contract's value, as SQL: dates to days, money to cents.

Every function takes SQL text and gives SQL text. A cell that cannot be read becomes NULL, and `cell_rule`
says which rule it breaks.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from churn.tables import contract

# Beyond this many yuan a cent is no longer exact in the double a CSV or Parquet file holds it in (2 ** 53 cents).
LARGEST_AMOUNT = 90_000_000_000_000
RULES = {
    "id": "not_an_id",
    "code": "unknown_value",
    "date": "not_a_date",
    "money": "not_an_amount",
    "flag": "not_true_or_false",
    "integer": "not_an_integer",
    "number": "not_a_number",
    "text": "not_a_text",
}
# A year has four digits; beyond, neither Python nor a reader of the tables knows the date.
_FIRST_MOMENT, _LAST_MOMENT = "TIMESTAMP '1000-01-01'", "TIMESTAMP '9999-12-31'"
# Beyond 1900-01-02 to 2199-12-31 a form has misread a date, or the date (1900-01-01, 9999-12-31) says there is none.
FIRST_DAY, LAST_DAY = -25_566, 84_005
# Days of two digits of the year lie at most so far ahead of the day they are counted from; else a century before.
_MOST_AHEAD = 3_653
# A whole number is a day of a bank's own time, or no date at all: most numbers would be some day.
_FIRST_SERIAL, _LAST_SERIAL = "TIMESTAMP '1930-01-01'", "TIMESTAMP '2100-12-31'"
_ISO_DATE = "%Y-%m-%d"
# A time of day and a zone after a date: the date is the day there.
_TIME = r"[T ]\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|[+-]\d{2}:?(\d{2})?)?$"
_TIME_DIRECTIVES = ("%H", "%I", "%M", "%S", "%p")
_DIRECTIVE_DIGITS = {"Y": 4, "m": 2, "d": 2, "y": 2, "j": 3, "H": 2, "M": 2, "S": 2}
TRUE_WORDS, FALSE_WORDS = ("true", "t", "yes", "y", "1", "是", "有"), ("false", "f", "no", "n", "0", "否", "无")
_BLANKS = " \t\u00a0\u3000"
# Full-width letters, digits and signs lie as far from each other as the plain ones do.
_WIDE = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_WIDE_SIGNS = _WIDE | {ord("￥"): ord("¥")}
_WIDE_WORDS = {wide: plain for wide, plain in _WIDE.items() if chr(plain).isalnum()}
_BETWEEN = "\x1f"
# A number is meant where somebody names one; with a 0 before it, a code.
_PLAIN_NUMBER = r"[+-]?(0|[1-9]\d*)(\.\d+)?"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_SPACE = r"\s\x{00a0}\x{2007}\x{2009}\x{202f}"
# Between groups of three, beside the comma or the point.
_GROUP_SIGNS = f"'’{_SPACE}"
# Any sign of Unicode's, and what else banks write most.
_CURRENCY = (
    r"(?:\p{Sc}|(?:A|C|HK|NT|R|S|US)[$]|元|Fr|Ft|Kč|kr|Rs|zł|AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR"
    r"|JPY|KRW|MXN|MYR|NOK|PHP|PLN|RMB|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|USD|VND|ZAR)"
)
_THOUSANDS = {"K": 1_000, "k": 1_000, "M": 1_000_000, "万": 10_000, "亿": 100_000_000}
SAME_CURRENCY = {
    "元": "¥", "CNY": "¥", "RMB": "¥", "JPY": "¥", "US$": "$", "USD": "$", "EUR": "€", "GBP": "£", "INR": "₹",
    "Rs": "₹", "CHF": "Fr", "CZK": "Kč", "HUF": "Ft", "PLN": "zł", "BRL": "R$", "KRW": "₩", "ILS": "₪", "TRY": "₺",
    "RUB": "₽", "VND": "₫", "THB": "฿", "AUD": "A$", "CAD": "C$", "HKD": "HK$", "TWD": "NT$", "SGD": "S$",
    "DKK": "kr", "NOK": "kr", "SEK": "kr",
}  # fmt: skip
"""Other ways to write the same currency, or one that writes the same sign."""
# A whole number as a program writes it that takes it for one with decimals.
_WHOLE = r"^([+-]?\d+)[.,]0+$"
# Of a category 1,000 may be a thousand.
_WHOLE_LEVEL = r"^([+-]?\d+)[.,]0{1,2}$"
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
# What Excel makes of an id of more than a few digits, in a sheet or in a CSV file: its last digits are lost.
_ROUNDED_ID = r"\d(\.\d+)?[eE]\+\d+"
# A number that is no whole one, or is below zero: where numbers are not what somebody typed as text, no id.
_UNLIKELY_ID = r"-\d+(\.\d+)?([eE][+-]?\d+)?|\d+\.\d+([eE][+-]?\d+)?|\d+[eE][+-]\d+"
EXCEL_ERRORS = (
    "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA",
)  # fmt: skip
UNSAVED = "#UNSAVED!"
"""Stands for a formula whose value was never saved with it; no error value of Excel's own."""
_FLOATING = ("FLOAT", "DOUBLE")
_INTEGRAL = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


class Cell(NamedTuple):
    """One cell of a source, as SQL.

    Attributes
    ----------
    name
        The source's column.
    sql_type
        Its DuckDB type; VARCHAR where `text` is not what the file has but what it stands for.
    text
        SQL for the cell as text; NULL where empty. A date or an amount that has such a type already stays as it is.
    """

    name: str
    sql_type: str
    text: str


class Reading(NamedTuple):
    """How a file's cells are to be understood.

    Attributes
    ----------
    date_form
        A strptime form; None for ISO.
    zone
        Of moments in time, where their day is asked for.
    decimal
        The decimal sign, "." or ",", of numbers that are written for people; None where a program wrote them.
    before
        The day, as days since 1970-01-01, back from which the days of a date are counted where a number is wanted.
    day_zero
        Of an Excel sheet, the day that 0 stands for in a date's place. None where numbers are no dates.
    """

    date_form: str | None = None
    zone: str = "UTC"
    decimal: str | None = None
    before: int | None = None
    day_zero: dt.date | None = None


def quote_name(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Quote an SQL text."""
    return "'" + text.replace("'", "''") + "'"


def cell_text(name: str, sql_type: str) -> str:
    """SQL for a cell as text without blanks around it (the ideographic one too), NULL where empty.

    Whole floating-point numbers lose their `.0`; NaN is how pandas writes an empty cell. What else stands for an empty
    cell is still there.
    """
    cell = quote_name(name)
    if sql_type in _FLOATING:
        text = f"CASE WHEN {_whole(cell)} THEN CAST(TRY_CAST({cell} AS BIGINT) AS VARCHAR)"
        text += f" WHEN NOT isnan({cell}) THEN CAST({cell} AS VARCHAR) END"
    else:
        text = f"CAST({cell} AS VARCHAR)"
    return f"nullif(trim({text}, {quote_text(_BLANKS)}), '')"


def filled_text(
    name: str, sql_type: str, missing: Sequence[str], *, is_whole: bool = False, decimal: str | None = None
) -> str:
    """SQL for a cell as text, NULL where empty or one of the texts that stand for that.

    `is_whole`: whether a whole number written as one with decimals loses them. Of `missing`, a number stands for
    itself however it is written; `decimal`: the decimal sign of numbers that people wrote.
    """
    text = cell_text(name, sql_type)
    if is_whole and sql_type not in _INTEGRAL:
        plain = f"regexp_replace({text}, {quote_text(_WHOLE)}, '\\1')"
        text = f"CASE WHEN right({text}, 1) = '0' THEN {plain} ELSE {text} END"
    tests = _are_missing(quote_name(name), sql_type, text, missing, decimal)
    return f"CASE WHEN NOT ({' OR '.join(tests)}) THEN {text} END" if tests else text


def _are_missing(cell: str, sql_type: str, text: str, missing: Sequence[str], decimal: str | None) -> list[str]:
    """SQL for whether a cell has one of the texts that stand for an empty one: as a text, and as a number."""
    numbers = [word for word in missing if re.fullmatch(_PLAIN_NUMBER, word)]
    if is_number_type(sql_type):
        as_type = "FLOAT" if sql_type == "FLOAT" else "DOUBLE"  # 0.1 of the one is not 0.1 of the other
        same = ", ".join(f"CAST({number} AS {as_type})" for number in numbers)
        return [f"CAST({cell} AS {as_type}) IN ({same})"] if numbers else []
    words = [word for word in missing if word not in numbers]
    written = "|".join(_written_as(number, decimal) for number in numbers)
    as_number = f"regexp_full_match({text}, {quote_text(written)})"
    # One text of all the words: a list of sixty constants for each of a thousand columns takes minutes to plan.
    listed = quote_text(_BETWEEN + "".join(f"{word}{_BETWEEN}" for word in words))
    is_word = f"contains({listed}, '{_BETWEEN}' || {text} || '{_BETWEEN}')"
    return [*([is_word] if words else []), *([as_number] if numbers else [])]


def _written_as(number: str, decimal: str | None) -> str:
    """Give a pattern of how a number may be written: with its sign, a currency, in groups, with zeros at its end."""
    whole, _, part = number.lstrip("+-").partition(".")
    part = part.rstrip("0")
    first = len(whole) % 3 or 3
    group = f"[{_GROUP_SIGNS}" + {".": ",", ",": "."}.get(decimal or "", "") + "]?"
    grouped = group.join([whole[:first], *re.findall("...", whole[first:])])
    point = f"[{decimal or '.,'}]"
    # Without a known sign -1,000 may be a thousand.
    zeros = "0*" if decimal or len(whole) > 3 or whole == "0" else "(0{0,2}|0{4,})"
    end = f"{point}{part}0*" if part else f"({point}{zeros})?"
    size = f"{'0?' if whole == '0' and part else grouped}{end}"
    # Letters that touch a number may make a code of it.
    before = rf"[{_SPACE}]*(?:[\p{{Sc}}元]|{_CURRENCY}[{_SPACE}])?[{_SPACE}]*"
    after = rf"[{_SPACE}]*(?:[\p{{Sc}}元]|[{_SPACE}]{_CURRENCY})?[{_SPACE}]*"
    if not number.startswith("-"):
        return f"{before}[+]?{before}{size}{after}"
    return f"{before}[-−]{before}{size}{after}|{before}{size}{after}[-−]|[(]{before}{size}{after}[)]"


def source_cell(
    kind: contract.Kind,
    name: str,
    sql_type: str,
    values: Mapping[str, str],
    missing: Sequence[str] = (),
    decimal: str | None = None,
) -> Cell:
    """Give a source's cell; `values`: what its texts stand for, where that is not themselves (an empty text: empty).

    `decimal`: the decimal sign of numbers that people wrote.
    """
    if _is_typed(kind, sql_type) and not values:
        cell = quote_name(name)
        tests = _are_missing(cell, sql_type, cell, missing, None) if kind == "money" else []
        tests += [f"isnan({cell})"] if sql_type in _FLOATING else []
        return Cell(name, sql_type, f"CASE WHEN NOT ({' OR '.join(tests)}) THEN {cell} END" if tests else cell)
    words = [word for word in missing if word not in values]
    text = filled_text(name, sql_type, words, is_whole=kind in ("id", "code", "flag"), decimal=decimal)
    if kind == "text" and not is_number_type(sql_type):
        # A column of whole numbers beside words may be written with decimals by another program.
        text = f"regexp_replace({text}, {quote_text(_WHOLE_LEVEL)}, '\\1')"
    if not values:
        return Cell(name, sql_type, text)
    cases = " ".join(
        f"WHEN {quote_text(theirs.translate(_WIDE_WORDS))} THEN {quote_text(ours)}" for theirs, ours in values.items()
    )
    return Cell(name, "VARCHAR", f"nullif(CASE {_half_width(text, _WIDE_WORDS)} {cases} ELSE {text} END, '')")


def known_text(text: str) -> str:
    """SQL for a text, NULL where it is an error value of Excel's or stands for a formula without a value."""
    return f"CASE WHEN {text} NOT IN {_list((*EXCEL_ERRORS, UNSAVED))} THEN {text} END"


def cell_said(column: contract.TableColumn, cell: Cell, reading: Reading) -> str:
    """SQL for what `cell_value` judges: a text in plain letters, a moment, or a number; NULL where it is none."""
    name, kind = quote_name(cell.name), column.kind
    if kind == "text" or (kind == "code" and column.values is None):
        return known_text(cell.text)
    if kind == "date" or (kind == "number" and reading.before is not None):
        return _moment_of(cell, reading)
    if _is_typed(kind, cell.sql_type):
        return f"TRY_CAST({cell.text} AS DOUBLE)"
    if kind == "id" and cell.sql_type in _FLOATING:
        return f"CASE WHEN {_whole(name)} AND {name} >= 0 THEN {cell.text} END"
    decimal = None if is_number_type(cell.sql_type) else reading.decimal  # the text of a number is a program's
    match kind:
        case "money" | "integer":
            return number(cell.text, decimal)
        case "number":
            return number_value(cell.text, decimal)
    return _half_width(cell.text, _WIDE_WORDS)


def cell_value(column: contract.TableColumn, said: str, cell: Cell, reading: Reading) -> str:
    """SQL for the contract value of a cell whose content is `said`, NULL where it cannot be read."""
    match column.kind:
        case "id":
            is_typed_in = cell.sql_type == "VARCHAR" and reading.day_zero is None
            wrong = _ROUNDED_ID if is_typed_in else f"{_ROUNDED_ID}|{_UNLIKELY_ID}"
            words = _list(("true", "false", *map(str.lower, EXCEL_ERRORS), UNSAVED.lower()))
            right = f"NOT regexp_full_match({said}, {quote_text(wrong)}) AND lower({said}) NOT IN {words}"
            return f"CASE WHEN {right} THEN {said} END"
        case "date":
            return day_of(said)
        case "money":
            usable = f"isfinite({said}) AND abs({said}) <= {LARGEST_AMOUNT}"
            return f"CASE WHEN {usable} THEN CAST(round({said} * 100) AS BIGINT) END"
        case "flag":
            yes, no = (f"lower({said}) IN {_list(words)}" for words in (TRUE_WORDS, FALSE_WORDS))
            return f"CASE WHEN {yes} THEN true WHEN {no} THEN false END"
        case "integer":
            return f"CASE WHEN {_whole(said)} THEN TRY_CAST({said} AS BIGINT) END"
        case "number" if reading.before is not None:
            day = day_of(said)
            return (
                f"CASE WHEN {day} BETWEEN {FIRST_DAY} AND {LAST_DAY} THEN CAST({reading.before} - {day} AS DOUBLE) END"
            )
        case "code" if column.values is not None:
            return f"CASE WHEN {said} IN {_list(column.values)} THEN {said} END"
    return said


def number_value(text: str, decimal: str | None = None) -> str:
    """SQL for a text as a finite double; true, yes and 是 are 1, false, no and 否 are 0; NULL where it is neither."""
    word, value = f"lower({_half_width(text, _WIDE_WORDS)})", number(text, decimal)
    return (
        f"CASE WHEN {word} IN ('true', 'yes', '是') THEN 1.0 WHEN {word} IN ('false', 'no', '否') THEN 0.0"
        f" WHEN isfinite({value}) THEN {value} END"
    )


def cell_rule(column: contract.TableColumn, said: str, cell: Cell, value: str, reading: Reading) -> str:
    """SQL for the rule a cell breaks, as `column:rule`; NULL where it breaks none.

    `said`, `value`: what `cell_said` and `cell_value` give. A date that says that there is none breaks no rule.
    """
    unsaved = f"WHEN {cell.text} = '{UNSAVED}' THEN '{column.name}:formula_without_value'"
    says_none = f" AND {day_of(said)} IS NULL" if column.kind == "number" and reading.before is not None else ""
    broken = f"WHEN {cell.text} IS NOT NULL{says_none} THEN '{column.name}:{RULES[column.kind]}'"
    missing = "" if column.nullable else f"ELSE '{column.name}:missing_value'"
    # Asked only where there is no value, which is where a cell is empty or broken.
    rules = f"CASE {unsaved if cell.sql_type == 'VARCHAR' else ''} {broken} {missing} END"
    return f"CASE WHEN {value} IS NULL THEN {rules} END"


def form_digits(form: str) -> int | None:
    """Return how many digits a date form has that is nothing but digits; None for any other form.

    Examples
    --------
    >>> form_digits("%Y%m%d"), form_digits("%Y-%m-%d")
    (8, None)
    """
    directives = form.split("%")
    if directives[0] or not all(part in _DIRECTIVE_DIGITS for part in directives[1:]):
        return None
    return sum(_DIRECTIVE_DIGITS[part] for part in directives[1:])


def day(cell: Cell, reading: Reading) -> str:
    """SQL for a cell's date as days since 1970-01-01; NULL where it is none."""
    return day_of(_moment_of(cell, reading))


def day_of(moment: str) -> str:
    """SQL for the day of a moment, as days since 1970-01-01; NULL where it is none of four digits of the year."""
    usable = f"{moment} BETWEEN {_FIRST_MOMENT} AND {_LAST_MOMENT}"
    return f"CASE WHEN {usable} THEN CAST(CAST({moment} AS DATE) - DATE '1970-01-01' AS BIGINT) END"


def _moment_of(cell: Cell, reading: Reading) -> str:
    """SQL for the moment a cell names."""
    if not _is_typed("date", cell.sql_type):
        moment = _moment(_half_width(cell.text, _WIDE), reading)
        if reading.before is None or "%y" not in (reading.date_form or ""):
            return moment
        is_ahead = f"{day_of(moment)} > {reading.before + _MOST_AHEAD}"
        return f"CASE WHEN {is_ahead} THEN {moment} - INTERVAL 100 YEAR ELSE {moment} END"
    moment = quote_name(cell.name)
    if cell.sql_type == "TIMESTAMP WITH TIME ZONE":
        offset = _OFFSET.fullmatch(reading.zone)
        minutes = int(f"{offset[1]}{int(offset[2]) * 60 + int(offset[3])}") if offset else 0
        zone = "UTC" if offset else reading.zone
        moment = f"timezone({quote_text(zone)}, {moment}) + to_minutes({minutes})"
    return f"TRY_CAST({moment} AS TIMESTAMP)"


def _is_typed(kind: contract.Kind, sql_type: str) -> bool:
    """Whether a column's type is already that of a date or an amount, so that no text need be read."""
    if kind == "date":
        return sql_type == "DATE" or sql_type.startswith("TIMESTAMP")
    return kind == "money" and is_number_type(sql_type)


def is_number_type(sql_type: str) -> bool:
    """Whether a column's type is one of numbers."""
    return sql_type in _INTEGRAL or sql_type in _FLOATING or sql_type.startswith("DECIMAL")


def number_of(cell: Cell, decimal: str | None) -> str:
    """SQL for a cell as a finite double; NULL where it is none."""
    if not is_number_type(cell.sql_type):
        return number_value(cell.text, decimal)
    value = f"CAST({quote_name(cell.name)} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def _moment(text: str, reading: Reading) -> str:
    form, day_zero = reading.date_form, reading.day_zero
    digits = form_digits(form) if form else None
    # A sheet's own dates come as ISO, whatever form its texts have.
    forms = (_ISO_DATE,) if form is None else (form, *((_ISO_DATE,) if day_zero else ()))
    if form is None or not any(directive in form for directive in _TIME_DIRECTIVES):
        text = f"regexp_replace({text}, {quote_text(_TIME)}, '')"
    if digits:
        text = f"regexp_replace({text}, {quote_text(_WHOLE)}, '\\1')"
    moment = f"try_strptime({text}, [{', '.join(map(quote_text, forms))}])"
    if digits:
        # With a digit less it would still be some date.
        exact = f"length({text}) = {digits} OR NOT regexp_full_match({text}, '[0-9]+')"
        return f"CASE WHEN {exact} THEN {moment} END"
    if day_zero is None:
        return moment
    number = f"TRY_CAST(nullif(regexp_extract({text}, '^[0-9]{{1,7}}$'), '') AS INTEGER)"
    counted = f"TIMESTAMP '{day_zero.isoformat()}' + to_days({number})"
    serial = f"CASE WHEN {counted} BETWEEN {_FIRST_SERIAL} AND {_LAST_SERIAL} THEN {counted} END"
    return f"coalesce({moment}, {serial})"


def _half_width(text: str, wide: Mapping[int, int]) -> str:
    """SQL for a text with full-width letters, digits or signs, as Chinese systems may write them, made plain."""
    given, plain = ("".join(map(chr, codes)) for codes in (wide.keys(), wide.values()))
    changed = f"translate({text}, {quote_text(given)}, {quote_text(plain)})"
    return f"CASE WHEN strlen({text}) = length({text}) THEN {text} ELSE {changed} END"


def currency(text: str) -> str:
    """SQL for the currency that stands beside a number, as it is written; an empty text where there is none."""
    return f"regexp_extract({_half_width(text, _WIDE_SIGNS)}, {quote_text(_CURRENCY)})"


def number(text: str, decimal: str | None) -> str:
    """SQL for a number's text as a double; NULL for other text.

    Without a decimal sign, as programs write numbers, at most with ¥ or 元. With one also as people do: groups of
    three, or in India of two above the thousands (none follows a leading 0), a currency, per cent, K, M, 万 and 亿, and
    what is below zero in parentheses or with its sign at the end.
    """
    half = _half_width(text, _WIDE_SIGNS)
    plain = f"trim({half}, '¥元 ')"
    as_programs_do = f"WHEN regexp_full_match({plain}, {quote_text(_NUMBER)}) THEN TRY_CAST({plain} AS DOUBLE)"
    if decimal is None:
        return f"CASE {as_programs_do} END"
    group = f"[{'.' if decimal == ',' else ','}{_GROUP_SIGNS}]"
    lakhs = "" if decimal == "," else r"|[1-9]\d?(?:,\d{2})+,\d{3}"
    digits = rf"(?:\d+|[1-9]\d{{0,2}}(?:{group}\d{{3}})+{lakhs})(?:[{decimal}]\d*)?|[{decimal}]\d+"
    around = rf"[{_SPACE}]*(?:[+−-]|{_CURRENCY})?[{_SPACE}]*"
    unit = "|".join(_THOUSANDS)
    written = rf"{around}{around}(?:{digits})[{_SPACE}]*(?:{unit})?[{_SPACE}]*(?:%|{_CURRENCY})?[{_SPACE}]*"
    size = f"TRY_CAST(replace(regexp_replace({half}, '[^0-9{decimal}]', '', 'g'), '{decimal}', '.') AS DOUBLE)"
    sign = f"CASE WHEN regexp_matches({half}, '[(−-]') THEN -1 ELSE 1 END"
    # Currencies come first: of 5 kr and 5 Kč nothing is a thousand.
    found = rf"regexp_extract({half}, '[0-9.,][{_SPACE}]*({_CURRENCY}|{unit})', 1)"
    times = " ".join(f"WHEN '{word}' THEN {factor}" for word, factor in _THOUSANDS.items())
    size = f"{size} * CASE {found} {times} ELSE 1 END"
    as_people_do = f"{sign} * {size} / CASE WHEN contains({half}, '%') THEN 100 ELSE 1 END"
    if decimal == ",":
        pointed = f"replace({plain}, ',', '.')"
        is_number = f"NOT contains({plain}, '.') AND regexp_full_match({pointed}, {quote_text(_NUMBER)})"
        as_programs_do = f"WHEN {is_number} THEN TRY_CAST({pointed} AS DOUBLE)"
    return (
        f"CASE {as_programs_do}"
        f" WHEN regexp_full_match({half}, {quote_text(rf'{written}-?|[(]{written}[)]')}) THEN {as_people_do} END"
    )


def _whole(cell: str) -> str:
    return f"isfinite({cell}) AND {cell} = trunc({cell}) AND abs({cell}) < 1e15"


def _list(values: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(quote_text, values)) + ")"
