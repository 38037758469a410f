"""Today's customers as a plan sees them: whose they are, how far we know them, what they have and lose."""

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churn.errors import TimeRangeError
from churn.features.contacts import build_contacts
from churn.features.coverage import product_coverage
from churn.features.pnl import build_pnl
from churn.labels import silent_is_known
from churn.tables.bank import Bank, to_days
from churn.tables.contract import VIP_TIERS
from churn.timeline import Tables, population, require_within

_CUSTOMER = ["customer_id", "branch_id", "manager_id", "tier", "do_not_contact"]
_CONTACTS = ["familiarity_stage", "days_since_contact"]
_PNL = ["aum_cny", "unrealised_pnl_cny", "unrealised_return"]
_TOLD = "n_loss_notices_since_loss"


def read_people(bank: Bank, date: dt.date) -> pd.DataFrame:
    """Read who is a customer at a date, one row each, sorted by `customer_id`.

    Tier, manager and branch are today's, of `customers`; all else is of what happened strictly before the date.

    Returns
    -------
    DataFrame
        `customer_id`, `branch_id`, `manager_id` (None where there is none), `tier`, `is_vip`, `do_not_contact` (an
        empty cell is no refusal); `stage`, how far we got within a year (0 not reached, 1 spoken to, 2 invited, 3 met),
        `days_since_contact`, NaN beyond a year; `aum_cny`, `unrealised_pnl_cny` and `unrealised_return` at the last
        month-end, NaN for everybody where `pnl` has no values at it; `loss_told`, whether a loss notice reached the
        customer since the loss began; `product_coverage`.

    Raises
    ------
    TimeRangeError
        The date lies too far after the data end, or nobody is a customer at it.
    """
    require_within(date, bank.data_end)
    tables, day = bank.frames(), to_days(date)
    who = population(tables, day)
    frame = who.join(tables["customers"].select(*_CUSTOMER), on="customer_id", how="inner")
    frame = frame.join(_coverage(tables, day, bank), on="customer_id", how="left")
    if bank.has("contacts"):
        known = build_contacts(tables, who, day, bank.config).select("customer_id", *_CONTACTS)
        frame = frame.join(known, on="customer_id", how="left")
    # Old valuations alone would look like customers who have nothing.
    if silent_is_known(tables, day):
        columns = [*_PNL, *([_TOLD] if bank.has("contacts") else [])]
        frame = frame.join(
            build_pnl(tables, who, day, bank.config).select("customer_id", *columns), on="customer_id", how="left"
        )
    rows: pd.DataFrame = frame.collect(backend="pyarrow").to_native().to_pandas()
    if rows.empty:
        raise TimeRangeError(f"--date {date}: nobody is a customer at that date; give a date inside the data")
    return _typed(rows.sort_values("customer_id", ignore_index=True))


def _coverage(tables: Tables, day: int, bank: Bank) -> nw.LazyFrame[Any]:
    holdings = tables["holdings"].filter(nw.col("opened_on") < day)
    return holdings.group_by("customer_id").agg(product_coverage(day, bank.config))


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    people = pd.DataFrame({name: _objects(rows[name]) for name in ("customer_id", "branch_id", "manager_id", "tier")})
    people["is_vip"] = rows["tier"].isin(VIP_TIERS).to_numpy()
    people["do_not_contact"] = rows["do_not_contact"].fillna(False).to_numpy(dtype=bool)
    people["stage"] = _numbers(rows, "familiarity_stage", 0.0).astype(np.int64)
    for name in ("days_since_contact", *_PNL):
        people[name] = _numbers(rows, name, np.nan)
    people["loss_told"] = _numbers(rows, _TOLD, 0.0) > 0
    people["product_coverage"] = _numbers(rows, "product_coverage", 0.0)
    return people


def _objects(column: "pd.Series[Any]") -> "pd.Series[Any]":
    texts = column.astype(object)
    return texts.where(texts.notna(), None)


def _numbers(rows: pd.DataFrame, name: str, otherwise: float) -> Any:
    if name not in rows:
        return np.full(len(rows), otherwise)
    return rows[name].to_numpy(dtype=np.float64, na_value=otherwise)
