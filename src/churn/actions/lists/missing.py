"""Which tables and columns a bank did not give, and how that is said."""

from collections.abc import Iterable

from churn.data import Data
from churn.explanation.reasons.amounts import Pair


def find_missing(bank: Data, tables: Iterable[str], columns: Iterable[tuple[str, str]]) -> dict[str, Pair]:
    """Say why tables and columns cannot be used; those that can are not in it.

    Parameters
    ----------
    tables
        Names of tables that a bank need not give; one of which no row can be used is as if it were not there.
    columns
        Table and column; nothing is said of a column whose table cannot be used.

    Returns
    -------
    dict
        By "table" or "table.column", in the order given, tables first; in English and Chinese.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from churn.simulation import simulate_bank
    >>> from churn.data import open_bank
    >>> with TemporaryDirectory() as folder:
    ...     _ = simulate_bank(Path(folder) / "bank", customers=100, months=24, truth=False)
    ...     with open_bank(Path(folder) / "bank") as bank:
    ...         find_missing(bank, ["pnl", "labels"], [("customers", "manager_id"), ("labels", "as_of")])
    {'labels': ('there is no labels table', '缺少 labels 表')}
    """
    missing: dict[str, Pair] = {}
    for name in tables:
        if not bank.has(name):
            missing[name] = f"there is no {name} table", f"缺少 {name} 表"
        elif not bank.row_counts[name].used:
            missing[name] = f"no row of {name} can be used", f"{name} 表没有可用的行"
    for table, column in columns:
        if table not in missing and not bank.column_is_there(table, column):
            missing[f"{table}.{column}"] = f"{table} has no column {column}", f"{table} 表没有 {column} 列"
    return missing
