"""From numbered rows to the contract's tables, written as Parquet or CSV."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from churn.simulation.events import OPEN, Rows
from churn.simulation.managers import PURPOSES
from churn.simulation.population import People
from churn.simulation.structure import (
    CHANNELS,
    INVESTED,
    PRODUCT_NAMES,
    SERVICE_NAMES,
    TIERS,
    VALUED_PRODUCT,
)

FileFormat = Literal["parquet", "csv"]


def ids(prefix: str, numbers: NDArray[Any], width: int) -> NDArray[np.object_]:
    """Return ids such as C0000012.

    Examples
    --------
    >>> ids("C", np.array([12]), 7).tolist()
    ['C0000012']
    """
    return np.array([f"{prefix}{number:0{width}d}" for number in np.asarray(numbers).tolist()], dtype=object)


def dates(days: NDArray[Any]) -> pa.Array:
    """Return dates; `OPEN` becomes null."""
    days = np.asarray(days, dtype=np.int32)
    return pa.array(days, type=pa.date32(), mask=days == OPEN)


def money(yuan: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return yuan with two decimals."""
    return pa.array(np.round(yuan, 2), mask=missing)


def coded(codes: NDArray[Any], words: Any) -> pa.Array:
    """Return the words at `codes`; a code outside them is null."""
    codes = np.asarray(codes, dtype=np.int32)
    indices = pa.array(codes, mask=(codes < 0) | (codes >= len(words)))
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(words), type=pa.string()))


def build_tables(
    rows: dict[str, Rows], people: People, numbers: NDArray[np.int64], part: int, branches: int, rng: Any
) -> dict[str, pa.Table]:
    """Return one partition's tables; `numbers` gives each person's customer number, −1 for no record."""
    names = ids("C", np.maximum(numbers, 0), 7)
    manager_names = ids("M", np.arange(1, branches * 4 + 1), 4)
    branch_names = ids("B", np.arange(1, branches + 1), 3)
    who = {table: coded(columns["person"], names) for table, columns in rows.items() if "person" in columns}
    holding_keys = np.sort(rows["holdings"]["key"])
    holding_names = ids(f"H{part:03d}", rng.permutation(len(holding_keys)), 7)

    def holding(table: str) -> pa.Array:
        return coded(np.searchsorted(holding_keys, rows[table]["key"]), holding_names)

    r = rows["departures"]
    p = r["person"]
    closed = np.where(r["closed"], r["left_on"], OPEN)
    tables = {
        "customers": {
            "customer_id": who["departures"],
            "branch_id": coded(people.branch[p], branch_names),
            "manager_id": coded(r["manager"], manager_names),
            "opened_on": dates(r["opened_on"]),
            "closed_on": dates(closed),
            "birth_year": pa.array(people.birth_year[p], mask=~people.birth_known[p]),
            "tier": coded(r["tier"], TIERS),
            "do_not_contact": pa.array(people.do_not_contact[p]),
        }
    }
    r = rows["customer_states"]
    tables["customer_states"] = {
        "customer_id": who["customer_states"],
        "valid_from": dates(r["valid_from"]),
        "tier": coded(r["tier"], TIERS),
        "manager_id": coded(r["manager"], manager_names),
        "branch_id": coded(people.branch[r["person"]], branch_names),
    }
    r = rows["holdings"]
    tables["holdings"] = {
        "holding_id": holding("holdings"),
        "customer_id": who["holdings"],
        "product": coded(r["product"], PRODUCT_NAMES),
        "account_class": pa.array(np.where(r["person"] % 12 == 0, 2, 1), mask=r["product"] != 0),
        "opened_on": dates(r["opened_on"]),
        "closed_on": dates(r["closed_on"]),
    }
    r = rows["bindings"]
    tables["bindings"] = {
        "customer_id": who["bindings"],
        "service": coded(r["service"], SERVICE_NAMES),
        "bound_on": dates(r["bound_on"]),
        "unbound_on": dates(r["unbound_on"]),
    }
    r = rows["contacts"]
    tables["contacts"] = {
        "contact_id": pa.array(ids(f"K{part:03d}", rng.permutation(len(r["person"])), 8), type=pa.string()),
        "customer_id": who["contacts"],
        "manager_id": coded(r["manager"], manager_names),
        "contacted_on": dates(r["contacted_on"]),
        "channel": coded(r["channel"], ("call", "meeting", "message")),
        "purpose": coded(r["purpose"], PURPOSES),
        "reached": pa.array(r["reached"]),
    }
    r = rows["pnl"]
    tables["pnl"] = {
        "holding_id": holding("pnl"),
        "customer_id": who["pnl"],
        "month": dates(r["month"]),
        "market_value": money(r["value"]),
        "cost_basis": money(r["cost"], ~np.isin(r["product"], VALUED_PRODUCT[INVESTED])),
    }
    r = rows["transactions"]
    tables["transactions"] = {
        "customer_id": who["transactions"],
        "transacted_on": dates(r["transacted_on"]),
        "channel": coded(r["channel"], CHANNELS),
        "amount": money(r["amount"]),
        "queue_ticket": coded(r["ticket"], ("vip", "ordinary")),
    }
    r = rows["referrals"]
    tables["referrals"] = {
        "referrer_id": coded(r["referrer"], names),
        "referred_id": coded(r["referred"], names),
        "referred_on": dates(r["referred_on"]),
    }
    r = rows["campaigns"]
    campaign = np.char.add(np.array(SERVICE_NAMES)[r["service"]], np.char.add("-", r["assigned_on"].astype("datetime64[D]").astype("datetime64[M]").astype(str)))
    tables["campaigns"] = {
        "campaign_id": pa.array(campaign.tolist(), type=pa.string()),
        "customer_id": who["campaigns"],
        "service": coded(r["service"], SERVICE_NAMES),
        "assigned_on": dates(r["assigned_on"]),
        "arm": coded(np.where(r["treated"], 0, 1), ("treated", "control")),
    }
    return {name: pa.table(columns) for name, columns in tables.items()}


def write_table(table: pa.Table, path: Path, file_format: FileFormat) -> None:
    """Write one file; its folder must be there."""
    if file_format == "csv":
        pacsv.write_csv(table, path.with_suffix(".csv"))
    else:
        pq.write_table(table, path.with_suffix(".parquet"), store_schema=False)
