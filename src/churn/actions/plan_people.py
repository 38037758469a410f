"""Today's customers as a plan sees them: whose they are, how far we know them, what they have and lose."""

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.data import Data
from churn.errors import TimeRangeError
from churn.features.contacts import build_contacts
from churn.features.coverage import product_coverage
from churn.features.expressions import YEAR, since
from churn.features.pnl import build_pnl
from churn.labels import silent_is_known
from churn.tables.contract import VIP_TIERS, to_days
from churn.timeline import LATEST_AFTER_DATA_END_DAYS, Tables, population

_CUSTOMER = ["customer_id", "branch_id", "manager_id", "tier", "do_not_contact"]
_CONTACTS = ["familiarity_stage", "days_since_contact"]
_PNL = ["aum_cny", "unrealised_pnl_cny", "unrealised_return"]
_TOLD = "n_loss_notices_since_loss"


def read_people(bank: Data, date: dt.date) -> pd.DataFrame:
    """Read who is a customer at a date, one row each, sorted by `customer_id`.

    Tier, manager and branch are today's, of `customers`; all else is of what happened strictly before the date.

    Returns
    -------
    DataFrame
        `customer_id`, `branch_id`, `manager_id` (None where there is none), `tier`, `is_vip`, `do_not_contact` (an
        empty cell is no refusal); `stage`, how far we got within a year (0 not reached, 1 spoken to, 2 invited, 3 met),
        `days_since_contact`, NaN beyond a year; `aum_cny`, `unrealised_pnl_cny` and `unrealised_return` at the last
        month-end, NaN for everybody where `pnl` has no values at it; `loss_told`, whether a loss notice reached the
        customer since the loss began, NA for everybody where `contacts` has no row of the year before the date (then 0
        and NaN of `stage` and `days_since_contact` say nothing either); `product_coverage`.

    Raises
    ------
    TimeRangeError
        The date lies too far after the data end, or nobody is a customer at it.
    """
    _require_within(date, bank.data_end)
    tables, day = bank.tables(), to_days(date)
    who = population(tables, day)
    frame = who.join(tables["customers"].select(*_CUSTOMER), on="customer_id", how="inner")
    frame = frame.join(_coverage(tables, day, bank), on="customer_id", how="left")
    if knows := _knows_contacts(tables, day):
        known = build_contacts(tables, who, day, bank.config).select("customer_id", *_CONTACTS)
        frame = frame.join(known, on="customer_id", how="left")
    # Old valuations alone would look like customers who have nothing.
    if silent_is_known(tables, day):
        columns = [*_PNL, *([_TOLD] if knows else [])]
        frame = frame.join(
            build_pnl(tables, who, day, bank.config).select("customer_id", *columns), on="customer_id", how="left"
        )
    rows: pd.DataFrame = frame.collect(backend="pyarrow").to_native().to_pandas()
    if rows.empty:
        raise TimeRangeError(f"--date {date}: nobody is a customer at that date; give a date inside the data")
    return _typed(rows.sort_values("customer_id", ignore_index=True), knows_contacts=knows)


def _require_within(date: dt.date, data_end: dt.date) -> None:
    """As `churn.timeline.require_within`, of the day to plan."""
    last = data_end + dt.timedelta(days=LATEST_AFTER_DATA_END_DAYS)
    if date > last:
        raise TimeRangeError(
            f"--date {date}: more than {LATEST_AFTER_DATA_END_DAYS} days after the data end ({data_end});"
            f" the last that fits is {last}, or bring newer tables"
        )


def _knows_contacts(tables: Tables, day: int) -> bool:
    """Whether anybody was contacted in the year before a day: a table that ends earlier tells of no stranger."""
    if "contacts" not in tables:
        return False
    lately = tables["contacts"].filter(since("contacted_on", day, YEAR))
    return bool(lately.head(1).collect(backend="pyarrow").shape[0])


def _coverage(tables: Tables, day: int, bank: Data) -> nw.LazyFrame[Any]:
    holdings = tables["holdings"].filter(nw.col("opened_on") < day)
    return holdings.group_by("customer_id").agg(product_coverage(day, bank.config))


def _typed(rows: pd.DataFrame, *, knows_contacts: bool) -> pd.DataFrame:
    people = pd.DataFrame({name: _objects(rows[name]) for name in ("customer_id", "branch_id", "manager_id", "tier")})
    people["is_vip"] = rows["tier"].isin(VIP_TIERS).to_numpy()
    people["do_not_contact"] = rows["do_not_contact"].fillna(False).to_numpy(dtype=bool)
    people["stage"] = _numbers(rows, "familiarity_stage", 0.0).astype(np.int64)
    for name in ("days_since_contact", *_PNL):
        people[name] = _numbers(rows, name, np.nan)
    told = pd.Series(_numbers(rows, _TOLD, 0.0) > 0, dtype="boolean")
    people["loss_told"] = told if knows_contacts else told.mask(np.ones(len(rows), dtype=bool))
    people["product_coverage"] = _numbers(rows, "product_coverage", 0.0)
    return people


def _objects(column: "pd.Series[Any]") -> "pd.Series[Any]":
    texts = column.astype(object)
    return texts.where(texts.notna(), None)


def _numbers(rows: pd.DataFrame, name: str, otherwise: float) -> Any:
    if name not in rows:
        return np.full(len(rows), otherwise)
    return rows[name].to_numpy(dtype=np.float64, na_value=otherwise)
