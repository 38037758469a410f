"""From one cell as it stands in a file to the contract's value, as SQL: dates to days, money to cents.

Every function takes SQL text and gives SQL text. A cell that cannot be read becomes NULL, and `cell_rule`
says which rule it breaks.
"""

import datetime as dt
from collections.abc import Mapping
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
# A whole number is a day of a bank's own time, or no date at all: most numbers would be some day.
_FIRST_SERIAL, _LAST_SERIAL = "TIMESTAMP '1930-01-01'", "TIMESTAMP '2100-12-31'"
_ISO_DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
_DIRECTIVE_DIGITS = {"Y": 4, "m": 2, "d": 2, "y": 2, "j": 3, "H": 2, "M": 2, "S": 2}
TRUE_WORDS, FALSE_WORDS = ("true", "t", "yes", "y", "1", "是", "有"), ("false", "f", "no", "n", "0", "否", "无")
_BLANKS = " \t\u00a0\u3000"
# Full-width letters, digits and signs lie as far from each other as the plain ones do.
_WIDE = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_WIDE_SIGNS = _WIDE | {ord("￥"): ord("¥")}
_WIDE_WORDS = {wide: plain for wide, plain in _WIDE.items() if chr(plain).isalnum()}
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"
# What Excel makes of an id of more than a few digits, in a sheet or in a CSV file: its last digits are lost.
_ROUNDED_ID = r"\d(\.\d+)?[eE]\+\d+"
# A number that is no whole one, or is below zero: where numbers are not what somebody typed as text, no id.
_UNLIKELY_ID = r"-\d+(\.\d+)?([eE][+-]?\d+)?|\d+\.\d+([eE][+-]?\d+)?|\d+[eE][+-]\d+"
EXCEL_ERRORS = (
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA",
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
    day_zero
        Of an Excel sheet, the day that 0 stands for in a date's place. None where numbers are no dates.
    """

    date_form: str | None = None
    day_zero: dt.date | None = None


def quote_name(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Quote an SQL text."""
    return "'" + text.replace("'", "''") + "'"


def cell_text(name: str, sql_type: str) -> str:
    """SQL for a cell as text without blanks around it (the ideographic one too), NULL where empty.

    Whole floating-point numbers lose their `.0`; NaN is how pandas writes an empty cell.
    """
    cell = quote_name(name)
    if sql_type in _FLOATING:
        text = f"CASE WHEN {_whole(cell)} THEN CAST(TRY_CAST({cell} AS BIGINT) AS VARCHAR)"
        text += f" WHEN NOT isnan({cell}) THEN CAST({cell} AS VARCHAR) END"
    else:
        text = f"CAST({cell} AS VARCHAR)"
    return f"nullif(trim({text}, {quote_text(_BLANKS)}), '')"


def source_cell(kind: contract.Kind, name: str, sql_type: str, values: Mapping[str, str]) -> Cell:
    """Give a source's cell; `values`: what its texts stand for, where that is not themselves (an empty text: empty)."""
    if _is_typed(kind, sql_type) and not values:
        cell = quote_name(name)
        return Cell(name, sql_type, f"CASE WHEN NOT isnan({cell}) THEN {cell} END" if sql_type in _FLOATING else cell)
    text = cell_text(name, sql_type)
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
    if _is_typed(kind, cell.sql_type):
        return f"TRY_CAST({name} AS {'TIMESTAMP' if kind == 'date' else 'DOUBLE'})"
    if kind == "id" and cell.sql_type in _FLOATING:
        return f"CASE WHEN {_whole(name)} AND {name} >= 0 THEN {cell.text} END"
    match kind:
        case "date":
            return _moment(_half_width(cell.text, _WIDE), reading)
        case "money" | "integer":
            return f"TRY_CAST({_plain_number(cell.text)} AS DOUBLE)"
        case "number":
            return number_value(cell.text)
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
            usable = f"{said} BETWEEN {_FIRST_MOMENT} AND {_LAST_MOMENT} AND {said} = date_trunc('day', {said})"
            return f"CASE WHEN {usable} THEN CAST(CAST({said} AS DATE) - DATE '1970-01-01' AS BIGINT) END"
        case "money":
            usable = f"isfinite({said}) AND abs({said}) <= {LARGEST_AMOUNT}"
            return f"CASE WHEN {usable} THEN CAST(round({said} * 100) AS BIGINT) END"
        case "flag":
            yes, no = (f"lower({said}) IN {_list(words)}" for words in (TRUE_WORDS, FALSE_WORDS))
            return f"CASE WHEN {yes} THEN true WHEN {no} THEN false END"
        case "integer":
            return f"CASE WHEN {_whole(said)} THEN TRY_CAST({said} AS BIGINT) END"
        case "code" if column.values is not None:
            return f"CASE WHEN {said} IN {_list(column.values)} THEN {said} END"
    return said


def number_value(text: str) -> str:
    """SQL for a text as a finite double; true, yes and 是 are 1, false, no and 否 are 0; NULL where it is neither."""
    word, number = f"lower({_half_width(text, _WIDE_WORDS)})", f"TRY_CAST({_plain_number(text)} AS DOUBLE)"
    return (
        f"CASE WHEN {word} IN ('true', 'yes', '是') THEN 1.0 WHEN {word} IN ('false', 'no', '否') THEN 0.0"
        f" WHEN isfinite({number}) THEN {number} END"
    )


def cell_rule(column: contract.TableColumn, cell: Cell, value: str) -> str:
    """SQL for the rule a cell breaks, as `column:rule`; NULL where it breaks none."""
    unsaved = f"WHEN {cell.text} = '{UNSAVED}' THEN '{column.name}:formula_without_value'"
    broken = f"WHEN {cell.text} IS NOT NULL THEN '{column.name}:{RULES[column.kind]}'"
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


def _is_typed(kind: contract.Kind, sql_type: str) -> bool:
    """Whether a column's type is already that of a date or an amount, so that no text need be read."""
    if kind == "date":
        return sql_type == "DATE" or sql_type.startswith("TIMESTAMP")
    return kind == "money" and (sql_type in _INTEGRAL or sql_type in _FLOATING or sql_type.startswith("DECIMAL"))


def _moment(text: str, reading: Reading) -> str:
    form, day_zero = reading.date_form, reading.day_zero
    digits = form_digits(form) if form else None
    # A sheet's own dates come as ISO, whatever form its texts have.
    forms = _ISO_DATES if form is None else (form, *(_ISO_DATES if day_zero else ()))
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


def _plain_number(text: str) -> str:
    """SQL for a number's text without a currency sign and the commas between groups of three; NULL for other text."""
    plain = f"trim({_half_width(text, _WIDE_SIGNS)}, '¥元 ')"
    return f"CASE WHEN regexp_full_match({plain}, '{_NUMBER}|{_GROUPED}') THEN replace({plain}, ',', '') END"


def _whole(cell: str) -> str:
    return f"isfinite({cell}) AND {cell} = trunc({cell}) AND abs({cell}) < 1e15"


def _list(values: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(quote_text, values)) + ")"
