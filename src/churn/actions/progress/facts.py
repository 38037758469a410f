"""What progress is made of: today's units, what the data know before the date, and what cannot be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.actions.today import Today, no_rows, to_pandas
from churn.config import Config, ProgressSettings
from churn.data import Data
from churn.errors import TimeRangeError
from churn.explanation.reasons.amounts import Pair
from churn.labels import silent_is_known
from churn.speech import say
from churn.tables.contract import to_date
from churn.timeline import Tables


@dataclass(frozen=True)
class Facts:
    """What is known before a date; every day is whole days since 1970-01-01.

    Attributes
    ----------
    bank
        Checked tables.
    tables
        Those that can be used; lazy.
    owners
        Whose every customer is who had come before the date, left or not: `customer_id` and today's `branch_id` and
        `manager_id`; lazy.
    people
        Of `Today.customers`.
    managers
        Of `find_managers`; no row where the bank names none.
    units
        One row a unit, the bank first, then branches, then managers, each sorted: `level`, `unit` (None for the bank),
        `branch_id` (a manager's own; None for the bank).
    day
        The date.
    begin, end
        First and last day before the date that the data know about.
    horizon_days
        At least 1.
    missing
        Why a table or a column ("table.column") cannot be used.
    """

    bank: Data
    tables: Tables
    owners: nw.LazyFrame[Any]
    people: pd.DataFrame
    managers: pd.DataFrame
    units: pd.DataFrame
    day: int
    begin: int
    end: int
    config: Config
    settings: ProgressSettings
    horizon_days: int
    missing: Mapping[str, Pair]

    @property
    def start(self) -> int:
        """As-of day of the latest horizon that is complete before the date."""
        return self.end + 1 - self.horizon_days

    def lacks(self, *sources: str) -> Pair | None:
        """Say why any of these sources cannot be used; None where all can."""
        return next((self.missing[source] for source in sources if source in self.missing), None)

    def lacks_history(self, since: int) -> Pair | None:
        """Say that the data begin only after a day; None where they do not."""
        if self.begin <= since:
            return None
        begin, day = to_date(self.begin), to_date(since)
        return f"the data begin on {begin}, and {day} is needed", f"数据始于 {begin}，需要 {day} 起的数据"

    def lacks_rows(self, table: str, column: str, first: int, last: int) -> Pair | None:
        """Say why a table cannot be used, or that it holds no row from a day on and before another."""
        if lack := self.lacks(table):
            return lack
        empty = no_rows(self.tables, table, column, first, last)
        return (say(empty, "en"), say(empty, "zh")) if empty else None


def progress_facts(today: Today, horizon_days: int) -> Facts:
    """Add the units, and whose every customer is, to what is known today.

    Raises
    ------
    TimeRangeError
        The horizon is no day long.
    """
    if horizon_days < 1:
        raise TimeRangeError(f"horizon_days: {horizon_days} is not above 0; give the model's horizon")
    come = today.tables["customers"].filter(nw.col("opened_on") < today.day)
    owners = come.select("customer_id", "branch_id", "manager_id")
    return Facts(
        bank=today.bank,
        tables=today.tables,
        owners=owners,
        people=today.customers,
        managers=today.managers,
        units=_list_units(owners, today.managers),
        day=today.day,
        begin=today.begin,
        end=today.end,
        config=today.config,
        settings=today.config.progress,
        horizon_days=horizon_days,
        missing={name: (say(why, "en"), say(why, "zh")) for name, why in today.absent.items()},
    )


def at_month_end(facts: Facts, start: int) -> Pair | None:
    """Say why assets at a day are not known: no `pnl`, or none at the month-end before it; None where they are."""
    if lack := facts.lacks("pnl"):
        return lack
    if silent_is_known(facts.tables, start):
        return None
    return f"pnl holds no values at the month-end before {to_date(start)}", f"pnl 表没有 {to_date(start)} 前的月末数据"


def _list_units(owners: nw.LazyFrame[Any], managers: pd.DataFrame) -> pd.DataFrame:
    found = to_pandas(owners.select("branch_id").unique())["branch_id"].tolist()
    branches = sorted({*found, *managers["branch_id"].tolist()})
    names: list[str | None] = [None, *branches, *managers["manager_id"].tolist()]
    levels = np.repeat(["bank", "branch", "manager"], [1, len(branches), len(managers)])
    homes: list[str | None] = [None, *branches, *managers["branch_id"].tolist()]
    units = pd.DataFrame({"level": levels, "unit": names, "branch_id": homes}, dtype=object)
    return units.astype({"level": "str"})
