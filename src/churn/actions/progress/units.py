"""From rows or sums of customers to every unit: the bank, its branches, its managers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churn.actions.progress.facts import Facts
from churn.actions.today import to_pandas
from churn.estimates import Floats, Interval
from churn.explanation.reasons.amounts import Pair


class Measured(NamedTuple):
    """A measure of every unit, in the order of `Facts.units`.

    Attributes
    ----------
    interval
        Values and the ends of their 95 % intervals.
    n
        What each is counted over.
    target
        What it should be; NaN where nothing says so. One for all units, or one each.
    """

    interval: Interval
    n: NDArray[Any]
    target: ArrayLike = np.nan


Found = Mapping[str, Measured | Pair]
"""Measures by name; a pair of texts says why one cannot be told."""


def sum_by_unit(facts: Facts, rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Add up whole numbers of customers, in the database, for every unit.

    Parameters
    ----------
    rows
        `customer_id` and whole numbers, without nulls; a customer may have several rows, or none.

    Returns
    -------
    DataFrame
        One row a unit, in the order of `facts.units`: the number of rows `n`, and the sum of each column.
    """
    names = [name for name in rows.collect_schema().names() if name != "customer_id"]
    owned = rows.join(facts.owners, on="customer_id", how="inner")
    sums = [nw.col(name).sum().cast(nw.Int64) for name in names]
    grouped = owned.with_columns(nw.lit(1).alias("n")).group_by("branch_id", "manager_id")
    return add_up(facts, to_pandas(grouped.agg(nw.col("n").sum().cast(nw.Int64), *sums)))


def add_up(facts: Facts, rows: pd.DataFrame) -> pd.DataFrame:
    """Add up numbers that have a `branch_id` and a `manager_id` (or none), for every unit.

    Returns
    -------
    DataFrame
        One row a unit, in the order of `facts.units`; 0 where a unit has no row.
    """
    numbers = rows.drop(columns=["branch_id", "manager_id", "customer_id"], errors="ignore")
    parts = [numbers.sum().to_frame().T]
    for level, key in (("branch", "branch_id"), ("manager", "manager_id")):
        names = facts.units.loc[facts.units["level"] == level, "unit"]
        keys = rows[key].astype(object)
        parts.append(numbers.groupby(keys).sum().reindex(names, fill_value=0))
    return pd.concat(parts, ignore_index=True)


def position(facts: Facts, level: str, names: "pd.Series[Any]") -> NDArray[np.int64]:
    """Return each name's place among the units of a level, -1 where it is none of them."""
    units = facts.units.loc[facts.units["level"] == level, "unit"]
    return np.asarray(pd.Index(units).get_indexer(pd.Index(names.astype(object))), dtype=np.int64)


def where(known: NDArray[np.bool_], interval: Interval) -> Interval:
    """Keep what is known; the other units are NaN."""
    return Interval(*(np.where(known, part, np.nan) for part in interval))


def numbers(sums: pd.DataFrame, name: str) -> Floats:
    """Return a column of sums as floating-point numbers."""
    return sums[name].to_numpy(dtype=np.float64)
