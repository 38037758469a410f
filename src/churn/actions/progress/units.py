"""What progress is made of: today's units, what the data know before the date; and sums of customers for every unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churn.actions.today import Today, no_rows
from churn.config import Config
from churn.errors import TimeRangeError
from churn.estimates import Floats, Interval
from churn.frame import to_pandas
from churn.labels import month_ends_held
from churn.speech import Message, message
from churn.tables.contract import to_date
from churn.timeline import Tables, month_end_before


@dataclass(frozen=True)
class Basis:
    """What is known before a date; every day is whole days since 1970-01-01.

    Attributes
    ----------
    today
        Customers, managers and tables.
    horizon_days
        At least 1.
    owners
        Whose every customer is who had come before the date, left or not: `customer_id` and today's `branch_id` and
        `manager_id`; lazy.
    units
        One row per unit, the bank first, then branches, then managers, each sorted: `level`, `unit` (None for the
        bank), `branch_id` (a manager's own; None for the bank).
    """

    today: Today
    horizon_days: int
    owners: nw.LazyFrame[Any]
    units: pd.DataFrame

    @classmethod
    def of(cls, today: Today, horizon_days: int) -> "Basis":
        """Add the units, and whose every customer is.

        Raises
        ------
        TimeRangeError
            The horizon is shorter than one day.
        """
        if horizon_days < 1:
            raise TimeRangeError(f"horizon_days: {horizon_days} is not above 0; give the model's horizon")
        come = today.tables["customers"].filter(nw.col("opened_on") < today.day)
        owners = come.select("customer_id", "branch_id", "manager_id")
        return cls(today, horizon_days, owners, _list_units(owners, today.managers))

    @property
    def day(self) -> int:
        """The date."""
        return self.today.day

    @property
    def config(self) -> Config:
        """The bank's settings."""
        return self.today.config

    @property
    def tables(self) -> Tables:
        """Those that can be used; lazy."""
        return self.today.tables

    @property
    def start(self) -> int:
        """As-of day of the latest horizon that is complete before the date."""
        return self.today.end + 1 - self.horizon_days

    def lacks(self, *sources: str) -> Message | None:
        """Say why any of these sources cannot be used; None where all can."""
        absent = self.today.absent
        return next((absent[source] for source in sources if source in absent), None)

    def lacks_history(self, since: int) -> Message | None:
        """Say that the data begin only after a day; None where they do not."""
        if self.today.begin <= since:
            return None
        begin, day = to_date(self.today.begin), to_date(since)
        return message("the data begin on {begin}, and {day} is needed", begin=begin, day=day)

    def lacks_rows(self, table: str, column: str, first: int, last: int) -> Message | None:
        """Say why a table cannot be used, or that it holds no row from a day on and before another."""
        return self.lacks(table) or no_rows(self.tables, table, column, first, last)

    def lacks_assets(self, day: int) -> Message | None:
        """Say why assets at a day are not known: no `pnl`, or none at the month-end before it; None where they are."""
        if (lack := self.lacks("pnl")) or month_ends_held(self.tables, [month_end_before(day)]):
            return lack
        return message("pnl holds no values at the month-end before {day}", day=to_date(day))


class MeasuredUnits(NamedTuple):
    """A measure of every unit, in the order of `Basis.units`.

    Attributes
    ----------
    interval
        Values and the ends of their 95 % intervals.
    n
        What each is counted over.
    target
        What it should be; NaN where nothing says so. One for all units, or one each.
    """

    interval: Interval
    n: NDArray[Any]
    target: ArrayLike = np.nan


Found = Mapping[str, MeasuredUnits | Message]
"""Measures by name; a message says why one cannot be told."""


def sum_by_unit(basis: Basis, rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Add up whole numbers of customers, in the database, for every unit.

    Parameters
    ----------
    rows
        `customer_id` and whole numbers, without nulls; a customer may have several rows, or none.

    Returns
    -------
    DataFrame
        One row per unit, in the order of `Basis.units`: the number of rows `n`, and the sum of each column.
    """
    names = [name for name in rows.collect_schema().names() if name != "customer_id"]
    owned = rows.join(basis.owners, on="customer_id", how="inner")
    sums = [nw.col(name).sum().cast(nw.Int64) for name in names]
    grouped = owned.with_columns(nw.lit(1).alias("n")).group_by("branch_id", "manager_id")
    return add_up(basis, to_pandas(grouped.agg(nw.col("n").sum().cast(nw.Int64), *sums)))


def add_up(basis: Basis, rows: pd.DataFrame) -> pd.DataFrame:
    """Add up numbers that have a `branch_id` and a `manager_id` (or none), for every unit.

    Returns
    -------
    DataFrame
        One row per unit, in the order of `Basis.units`; 0 where a unit has no row.
    """
    numbers = rows.drop(columns=["branch_id", "manager_id", "customer_id"], errors="ignore")
    parts = [numbers.sum().to_frame().T]
    for level, key in (("branch", "branch_id"), ("manager", "manager_id")):
        names = basis.units.loc[basis.units["level"] == level, "unit"]
        keys = rows[key].astype(object)
        parts.append(numbers.groupby(keys).sum().reindex(names, fill_value=0))
    return pd.concat(parts, ignore_index=True)


def position(basis: Basis, level: str, names: "pd.Series[Any]") -> NDArray[np.int64]:
    """Return each name's place among the units of a level, -1 where it is none of them."""
    units = basis.units.loc[basis.units["level"] == level, "unit"]
    return np.asarray(pd.Index(units).get_indexer(pd.Index(names.astype(object))), dtype=np.int64)


def unit_groups(basis: Basis, rows: pd.DataFrame) -> list[tuple[NDArray[np.int64], int]]:
    """Group rows with a `branch_id` and a `manager_id` by the units of each level: the bank, branches, managers.

    Returns
    -------
    list
        For each level the place of each row's unit among the level's, -1 where it has none, and how many units it has.
    """
    sizes = basis.units["level"].value_counts()
    parts = [(position(basis, level, rows[f"{level}_id"]), int(sizes.get(level, 0))) for level in ("branch", "manager")]
    return [(np.zeros(len(rows), dtype=np.int64), 1), *parts]


def where(known: NDArray[np.bool_], interval: Interval) -> Interval:
    """Keep what is known; the other units are NaN."""
    value, low, high = (np.where(known, part, np.nan) for part in interval)
    return Interval(value, low, high)


def numbers(sums: pd.DataFrame, name: str) -> Floats:
    """Return a column of sums as floating-point numbers."""
    return sums[name].to_numpy(dtype=np.float64)


def _list_units(owners: nw.LazyFrame[Any], managers: pd.DataFrame) -> pd.DataFrame:
    found = to_pandas(owners.select("branch_id").unique())["branch_id"].tolist()
    branches = sorted({*found, *managers["branch_id"].tolist()})
    names: list[str | None] = [None, *branches, *managers["manager_id"].tolist()]
    levels = np.repeat(["bank", "branch", "manager"], [1, len(branches), len(managers)])
    homes: list[str | None] = [None, *branches, *managers["branch_id"].tolist()]
    units = pd.DataFrame({"level": levels, "unit": names, "branch_id": homes}, dtype=object)
    return units.astype({"level": "str"})
