"""Whether a configuration's mapping fits the contract, before any file is read."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Mapping

from churn.config import Config, TableSource
from churn.errors import ConfigError
from churn.tables import cells, contract

_PARTS = ("columns", "dates", "values", "constants")


def require_mapping(config: Config, tables: Mapping[str, contract.Table]) -> None:
    """Refuse a mapping that names what the contract does not have: the column would be missing without a word.

    Raises
    ------
    ConfigError
        A table, column or coded value that the contract does not know, or one source column for two of the contract.
    """
    for name, source in config.tables.items():
        problem = _problem(name, source, tables)
        if problem:
            raise ConfigError(f"{config.prefix}tables.{problem}")


def _problem(name: str, source: TableSource, tables: Mapping[str, contract.Table]) -> str | None:
    if name not in tables:
        return f"{name}: is not a table; the tables are {', '.join(tables)}"
    table = tables[name]
    # One after the other: the later ones take the columns for known.
    problem = _unknown_columns(table, source) or _shared_column(table, source) or _wrong_value(table, source)
    return f"{name}.{problem}" if problem else None


def _unknown_columns(table: contract.Table, source: TableSource) -> str | None:
    known = [column.name for column in table.columns]
    for part in _PARTS:
        for column in getattr(source, part):
            if column not in known:
                return f"{part}.{column}: is not a column; those of {table.name} are {', '.join(known)}"
    return None


def _shared_column(table: contract.Table, source: TableSource) -> str | None:
    read = [column.name for column in table.columns if column.name not in source.constants]
    names = Counter(source.columns.get(column, column) for column in read)
    for column in source.columns:
        if column in read and names[source.columns[column]] > 1:
            others = [one for one in read if one != column and source.columns.get(one, one) == source.columns[column]]
            return (
                f"columns.{column}: its source column is that of {others[0]} too;"
                " name another for one of them, or give one in constants"
            )
    return None


def _wrong_value(table: contract.Table, source: TableSource) -> str | None:
    for name, values in source.values.items():
        for theirs, ours in values.items():
            if ours and (wanted := _wanted(table[name], ours, source.dates.get(name))):
                return f"values.{name}.{theirs}: must be {wanted}, or empty"
    for name, constant in source.constants.items():
        value = source.values.get(name, {}).get(constant, constant)
        if not value:
            return f"constants.{name}: is empty; leave it out"
        if wanted := _wanted(table[name], value, source.dates.get(name)):
            return f"constants.{name}: must be {wanted}"
    return None


def _wanted(column: contract.TableColumn, value: str, form: str | None) -> str | None:
    """Say what a value would have to be; None where it is so."""
    match column.kind:
        case "code" if column.values is not None and value not in column.values:
            return "one of " + ", ".join(column.values)
        case "flag" if value.lower() not in (*cells.TRUE_WORDS, *cells.FALSE_WORDS):
            return "true or false"
        case "date" if not _is_date(value, form or "%Y-%m-%d"):
            return f"a date of the form {form or '%Y-%m-%d'}"
        case "money" | "number" | "integer" if not _is_number(value, whole=column.kind == "integer"):
            return "a whole number" if column.kind == "integer" else "a number"
    return None


def _is_date(value: str, form: str) -> bool:
    try:
        dt.datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def _is_number(value: str, *, whole: bool) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return math.isfinite(number) and (not whole or number.is_integer())
