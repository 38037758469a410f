"""What progress is made of: today's units, what the data know before the date, and what cannot be told."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.actions.lists.facts import to_pandas
from churn.actions.lists.missing import find_missing
from churn.actions.plan_managers import find_managers
from churn.config import Config, ProgressSettings
from churn.data import Data
from churn.errors import TimeRangeError
from churn.explanation.reasons.amounts import Pair
from churn.labels import silent_is_known
from churn.tables.checking import EVENTS
from churn.tables.contract import VIP_TIERS, to_date, to_days
from churn.timeline import Tables, population

_OPTIONAL = ("bindings", "contacts", "pnl", "transactions", "referrals", "customer_states", "campaigns")
_COLUMNS = (("customers", "manager_id"), ("transactions", "queue_ticket"))
_OPENINGS = {"customers": ("opened_on", "closed_on"), "holdings": ("opened_on", "closed_on")}


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
        The population at the date, one row a customer, sorted by `customer_id`: today's `branch_id`, `manager_id` (None
        where there is none), `tier` and `is_vip`.
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
        rows = self.tables[table].filter((nw.col(column) >= first) & (nw.col(column) < last))
        if rows.head(1).collect(backend="pyarrow").shape[0]:
            return None
        begin, end = to_date(first), to_date(last)
        return f"{table} holds no row from {begin} on and before {end}", f"{table} 表没有 {begin} 起、{end} 之前的数据"


def read_facts(bank: Data, date: dt.date, config: Config, settings: ProgressSettings, horizon_days: int) -> Facts:
    """Collect today's customers, managers and branches, and what the data know before a date.

    Raises
    ------
    TimeRangeError
        The horizon is no day long, or nothing is dated before the date.
    """
    if horizon_days < 1:
        raise TimeRangeError(f"horizon_days: {horizon_days} is not above 0; give the model's horizon")
    day = to_days(date)
    missing = find_missing(bank, _OPTIONAL, _COLUMNS)
    tables = {name: frame for name, frame in bank.tables().items() if name not in missing}
    begin, end = _find_period(bank, tables, day)
    come = tables["customers"].filter(nw.col("opened_on") < day)
    owners = come.select("customer_id", "branch_id", "manager_id")
    people = _read_people(tables, day)
    managers = find_managers(people, date, config.plan)
    units = _list_units(owners, managers)
    return Facts(
        bank, tables, owners, people, managers, units, day, begin, end, config, settings, horizon_days, missing
    )


def at_month_end(facts: Facts, start: int) -> Pair | None:
    """Say why assets at a day are not known: no `pnl`, or none at the month-end before it; None where they are."""
    if lack := facts.lacks("pnl"):
        return lack
    if silent_is_known(facts.tables, start):
        return None
    return f"pnl holds no values at the month-end before {to_date(start)}", f"pnl 表没有 {to_date(start)} 前的月末数据"


def _find_period(bank: Data, tables: Tables, day: int) -> tuple[int, int]:
    """Return the first and last day before `day` that the data know about.

    Days on or after it say nothing, not even how far the data reach: what is added there changes no figure.
    """
    days: list[int] = []
    for group in (EVENTS, _OPENINGS):
        for table in (name for name in group if name in tables):
            for column in group[table]:
                days += _ends(tables[table], column, day)
        if days:
            break
    if not days:
        raise TimeRangeError(f"--date {to_date(day)}: nothing is dated before it; give a date inside the data")
    stated = to_days(bank.data_end)
    return min(days), stated if stated < day else max(days)


def _ends(table: nw.LazyFrame[Any], column: str, day: int) -> list[int]:
    before = table.filter(nw.col(column) < day)
    found = before.select(nw.col(column).min().alias("first"), nw.col(column).max().alias("last"))
    row = found.collect(backend="pyarrow").to_native().to_pylist()[0]
    return [value for value in row.values() if value is not None]


def _read_people(tables: Tables, day: int) -> pd.DataFrame:
    columns = tables["customers"].select("customer_id", "branch_id", "manager_id", "tier")
    rows = to_pandas(population(tables, day).join(columns, on="customer_id", how="inner"))
    people = rows.sort_values("customer_id", ignore_index=True)
    managers = people["manager_id"].astype(object)
    return people.assign(manager_id=managers.where(managers.notna(), None), is_vip=people["tier"].isin(VIP_TIERS))


def _list_units(owners: nw.LazyFrame[Any], managers: pd.DataFrame) -> pd.DataFrame:
    found = to_pandas(owners.select("branch_id").unique())["branch_id"].tolist()
    branches = sorted({*found, *managers["branch_id"].tolist()})
    names: list[str | None] = [None, *branches, *managers["manager_id"].tolist()]
    levels = np.repeat(["bank", "branch", "manager"], [1, len(branches), len(managers)])
    homes: list[str | None] = [None, *branches, *managers["branch_id"].tolist()]
    units = pd.DataFrame({"level": levels, "unit": names, "branch_id": homes}, dtype=object)
    return units.astype({"level": "str"})
