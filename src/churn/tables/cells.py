"""From one cell as it stands in a file to the contract's value, as SQL: dates to days, money to cents.

Every function takes SQL text and gives SQL text. A cell that cannot be read becomes NULL, and `cell_rule`
says which rule it breaks.
"""

from collections.abc import Mapping

from churn.tables.contract import Column

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
_LAST_SERIAL = 2_958_465  # 9999-12-31 in Excel
_ISO_DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_BLANKS = " \t\u00a0\u3000"
_FULL_WIDTH, _HALF_WIDTH = "０１２３４５６７８９．，－＋：／￥", "0123456789.,-+:/¥"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"
# What Excel makes of an id of more than a few digits, in a sheet or in a CSV file: its last digits are lost.
_ROUNDED_ID = r"\d(\.\d+)?[eE]\+\d+"
_FLOATING = ("FLOAT", "DOUBLE")
_INTEGRAL = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


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


def cell_value(
    column: Column,
    name: str,
    sql_type: str,
    date_form: str | None,
    values: Mapping[str, str],
    *,
    serial_dates: bool = False,
) -> str:
    """SQL for a cell's contract value, NULL where it cannot be read.

    Parameters
    ----------
    column
        The contract's column.
    name, sql_type
        The source's column and its DuckDB type.
    date_form
        A strptime form; None for ISO.
    values
        Source value to contract value, for coded values and flags.
    serial_dates
        Whether a whole number in a date's place may count the days since 1899-12-30, as Excel does.
    """
    text = cell_text(name, sql_type)
    match column.kind:
        case "id":
            return _id(name, sql_type, text)
        case "date":
            return _date(name, sql_type, text, date_form, serial=serial_dates)
        case "money":
            return _money(name, sql_type, text)
        case "flag":
            word = f"lower({_renamed(text, values)})"
            return f"CASE WHEN {word} IN {_list(_TRUE)} THEN true WHEN {word} IN {_list(_FALSE)} THEN false END"
        case "integer":
            number = f"TRY_CAST({_plain_number(text)} AS DOUBLE)"
            return f"CASE WHEN {_whole(number)} THEN TRY_CAST({number} AS BIGINT) END"
        case "number":
            return number_value(text)
        case "code":
            return _code(column, text, values)
    return text


def number_value(text: str) -> str:
    """SQL for a text as a finite double; true and yes are 1, false and no are 0; NULL where it is neither."""
    word, number = f"lower({text})", f"TRY_CAST({_plain_number(text)} AS DOUBLE)"
    return (
        f"CASE WHEN {word} IN ('true', 'yes') THEN 1.0 WHEN {word} IN ('false', 'no') THEN 0.0"
        f" WHEN isfinite({number}) THEN {number} END"
    )


def cell_rule(column: Column, text: str, value: str) -> str:
    """SQL for the rule a cell breaks, as `column:rule`; NULL where it breaks none."""
    broken = f"WHEN {text} IS NOT NULL AND {value} IS NULL THEN {quote_text(f'{column.name}:{RULES[column.kind]}')}"
    missing = "" if column.nullable else f"WHEN {text} IS NULL THEN {quote_text(f'{column.name}:missing_value')}"
    return f"CASE {broken} {missing} END"


def _id(name: str, sql_type: str, text: str) -> str:
    if sql_type in _FLOATING:
        return f"CASE WHEN {_whole(quote_name(name))} THEN {text} END"
    if sql_type == "VARCHAR":
        return f"CASE WHEN NOT regexp_full_match({text}, {quote_text(_ROUNDED_ID)}) THEN {text} END"
    return text


def _date(name: str, sql_type: str, text: str, date_form: str | None, *, serial: bool) -> str:
    if sql_type == "DATE" or sql_type.startswith("TIMESTAMP"):
        moment = f"TRY_CAST({quote_name(name)} AS TIMESTAMP)"
    else:
        forms = _ISO_DATES if date_form is None else (date_form,)
        moment = f"try_strptime({_half_width(text)}, [{', '.join(map(quote_text, forms))}])"
        if serial:
            number = f"TRY_CAST(nullif(regexp_extract({text}, '^[0-9]{{1,7}}$'), '') AS INTEGER)"
            counted = (
                f"CASE WHEN {number} BETWEEN 1 AND {_LAST_SERIAL} THEN TIMESTAMP '1899-12-30' + to_days({number}) END"
            )
            moment = f"coalesce({moment}, {counted})"
    usable = f"{moment} BETWEEN {_FIRST_MOMENT} AND {_LAST_MOMENT} AND {moment} = date_trunc('day', {moment})"
    return f"CASE WHEN {usable} THEN CAST(CAST({moment} AS DATE) - DATE '1970-01-01' AS BIGINT) END"


def _money(name: str, sql_type: str, text: str) -> str:
    numeric = sql_type in _INTEGRAL or sql_type in _FLOATING or sql_type.startswith("DECIMAL")
    yuan = f"CAST({quote_name(name)} AS DOUBLE)" if numeric else f"TRY_CAST({_plain_number(text)} AS DOUBLE)"
    usable = f"isfinite({yuan}) AND abs({yuan}) <= {LARGEST_AMOUNT}"
    return f"CASE WHEN {usable} THEN CAST(round({yuan} * 100) AS BIGINT) END"


def _half_width(text: str) -> str:
    """SQL for a text with full-width digits and signs, as Chinese systems may write them, made plain."""
    return f"translate({text}, {quote_text(_FULL_WIDTH)}, {quote_text(_HALF_WIDTH)})"


def _plain_number(text: str) -> str:
    """SQL for a number's text without a currency sign and the commas between groups of three; NULL for other text."""
    plain = f"trim({_half_width(text)}, '¥元 ')"
    return (
        f"CASE WHEN regexp_full_match({plain}, {quote_text(_NUMBER)}) THEN {plain}"
        f" WHEN regexp_full_match({plain}, {quote_text(_GROUPED)}) THEN replace({plain}, ',', '') END"
    )


def _code(column: Column, text: str, values: Mapping[str, str]) -> str:
    text = _renamed(text, values)
    if column.values is None:
        return text
    return f"CASE WHEN {text} IN {_list(column.values)} THEN {text} END"


def _renamed(text: str, values: Mapping[str, str]) -> str:
    if not values:
        return text
    cases = " ".join(f"WHEN {quote_text(theirs)} THEN {quote_text(ours)}" for theirs, ours in values.items())
    return f"CASE {text} {cases} ELSE {text} END"


def _whole(cell: str) -> str:
    return f"isfinite({cell}) AND {cell} = trunc({cell}) AND abs({cell}) < 1e15"


def _list(values: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(quote_text, values)) + ")"
