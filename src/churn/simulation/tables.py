"""From numbered rows to the contract's tables, and these and the truth to files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from churn import csv_files
from churn.files import write_json
from churn.simulation import structure as s
from churn.simulation.dynamics import PURPOSES, coverage_bucket
from churn.simulation.events import OPEN, Rows
from churn.simulation.state import REFERENCE_AS_OF, Ints, People, Scene, date_of
from churn.simulation.truth import Effect, Reference, add_up

Columns = dict[str, pa.Array]
CONTACT_CHANNELS = ("call", "meeting", "message")


def build_tables(
    rows: dict[str, Rows], people: People, number: Ints, part: int, branches: int, rng: np.random.Generator
) -> dict[str, pa.Table]:
    """Return one partition's tables by name; `number` is each person's customer number.

    Rows are in the order of customer numbers (then of time, where a table has it), which is independent
    of everything else about a customer.
    """
    rows = {name: _in_order(name, columns, number) for name, columns in rows.items()}
    customer = customer_ids(number)
    manager = ids("M", np.arange(1, branches * s.MANAGERS_PER_BRANCH + 1), 4)
    branch = ids("B", np.arange(1, branches + 1), 3)
    keys = np.sort(rows["holdings"]["key"])
    holding = ids(f"H{part:03d}", rng.permutation(len(keys)), 7)
    contact = ids(f"K{part:03d}", rng.permutation(len(rows["contacts"]["person"])), 8)
    tables = {
        "customers": _customers(rows["departures"], people, customer, manager, branch),
        "customer_states": _customer_states(rows["customer_states"], people, customer, manager, branch),
        "holdings": _holdings(rows["holdings"], people, customer, keys, holding),
        "bindings": _bindings(rows["bindings"], customer),
        "contacts": _contacts(rows["contacts"], customer, manager, contact),
        "pnl": _pnl(rows["pnl"], customer, keys, holding),
        "transactions": _transactions(rows["transactions"], customer),
        "referrals": _referrals(rows["referrals"], customer),
        "campaigns": _campaigns(rows["campaigns"], customer),
    }
    return {name: pa.table(columns) for name, columns in tables.items()}


def ids(prefix: str, numbers: NDArray[Any], width: int) -> list[str]:
    """Return ids such as C0000012.

    Examples
    --------
    >>> ids("C", np.array([12]), 7)
    ['C0000012']
    """
    return [f"{prefix}{number:0{width}d}" for number in np.asarray(numbers).tolist()]


def customer_ids(number: Ints) -> list[str]:
    """Return the customer ids of customer numbers."""
    return ids("C", np.maximum(number, 0), 7)


def coded(codes: NDArray[Any], words: Sequence[str]) -> pa.Array:
    """Return the words at `codes`; a code outside them is null.

    Examples
    --------
    >>> coded(np.array([1, -1]), ("no", "yes")).to_pylist()
    ['yes', None]
    """
    codes = np.asarray(codes, dtype=np.int32)
    indices = pa.array(codes, mask=(codes < 0) | (codes >= len(words)))
    return pa.array(list(words), type=pa.string()).take(indices)


def dates(days: NDArray[Any]) -> pa.Array:
    """Return dates of days since 1970-01-01; `OPEN` becomes null."""
    days = np.asarray(days, dtype=np.int32)
    return pa.array(days, type=pa.date32(), mask=days == OPEN)


def money(yuan: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return yuan with two decimals, null where `missing`."""
    return pa.array(np.round(yuan, 2), mask=missing)


def _in_order(name: str, columns: Rows, number: Ints) -> Rows:
    who = number[columns["referred" if name == "referrals" else "person"]]
    order = np.argsort(who, kind="stable")
    return {column: values[order] for column, values in columns.items()}


def _customers(rows: Rows, people: People, customer: list[str], manager: list[str], branch: list[str]) -> Columns:
    person = rows["person"]
    return {
        "customer_id": coded(person, customer),
        "branch_id": coded(people.branch[person], branch),
        "manager_id": coded(rows["manager"], manager),
        "opened_on": dates(rows["opened_on"]),
        "closed_on": dates(np.where(rows["closed"], rows["left_on"], OPEN)),
        "birth_year": pa.array(people.birth_year[person], mask=~people.birth_known[person]),
        "tier": coded(rows["tier"], s.TIERS),
        "do_not_contact": pa.array(people.do_not_contact[person]),
    }


def _customer_states(rows: Rows, people: People, customer: list[str], manager: list[str], branch: list[str]) -> Columns:
    return {
        "customer_id": coded(rows["person"], customer),
        "valid_from": dates(rows["valid_from"]),
        "tier": coded(rows["tier"], s.TIERS),
        "manager_id": coded(rows["manager"], manager),
        "branch_id": coded(people.branch[rows["person"]], branch),
    }


def _holdings(rows: Rows, people: People, customer: list[str], keys: Ints, holding: list[str]) -> Columns:
    account_class = np.where(people.entry_day[rows["person"]] % 7 == 0, 2, 1)
    return {
        "holding_id": coded(np.searchsorted(keys, rows["key"]), holding),
        "customer_id": coded(rows["person"], customer),
        "product": coded(rows["product"], s.PRODUCT_NAMES),
        "account_class": pa.array(account_class, mask=rows["product"] != s.PRODUCT_NAMES.index("debit_card")),
        "opened_on": dates(rows["opened_on"]),
        "closed_on": dates(rows["closed_on"]),
    }


def _bindings(rows: Rows, customer: list[str]) -> Columns:
    return {
        "customer_id": coded(rows["person"], customer),
        "service": coded(rows["service"], s.SERVICE_NAMES),
        "bound_on": dates(rows["bound_on"]),
        "unbound_on": dates(rows["unbound_on"]),
    }


def _contacts(rows: Rows, customer: list[str], manager: list[str], contact: list[str]) -> Columns:
    return {
        "contact_id": pa.array(contact, type=pa.string()),
        "customer_id": coded(rows["person"], customer),
        "manager_id": coded(rows["manager"], manager),
        "contacted_on": dates(rows["contacted_on"]),
        "channel": coded(rows["channel"], CONTACT_CHANNELS),
        "purpose": coded(rows["purpose"], PURPOSES),
        "reached": pa.array(rows["reached"]),
    }


def _pnl(rows: Rows, customer: list[str], keys: Ints, holding: list[str]) -> Columns:
    return {
        "holding_id": coded(np.searchsorted(keys, rows["key"]), holding),
        "customer_id": coded(rows["person"], customer),
        "month": dates(rows["month"]),
        "market_value": money(rows["value"]),
        "cost_basis": money(rows["cost"], ~np.isin(rows["product"], s.VALUED_PRODUCT[s.INVESTED])),
    }


def _transactions(rows: Rows, customer: list[str]) -> Columns:
    # Without an id two equal transactions of one day are exact copies to the contract, so there are none.
    named = ("person", "transacted_on", "channel", "amount", "ticket")
    cells = pd.DataFrame({name: rows[name] for name in named}).assign(amount=np.round(rows["amount"], 2))
    rows = {name: rows[name][~cells.duplicated().to_numpy()] for name in named}
    return {
        "customer_id": coded(rows["person"], customer),
        "transacted_on": dates(rows["transacted_on"]),
        "channel": coded(rows["channel"], s.CHANNELS),
        "amount": money(rows["amount"]),
        "queue_ticket": coded(rows["ticket"], ("vip", "ordinary")),
    }


def _referrals(rows: Rows, customer: list[str]) -> Columns:
    return {
        "referrer_id": coded(rows["referrer"], customer),
        "referred_id": coded(rows["referred"], customer),
        "referred_on": dates(rows["referred_on"]),
    }


def _campaigns(rows: Rows, customer: list[str]) -> Columns:
    months = rows["assigned_on"].astype("datetime64[D]").astype("datetime64[M]").astype(str)
    names = [f"{s.SERVICE_NAMES[service]}-{month}" for service, month in zip(rows["service"], months, strict=True)]
    return {
        "campaign_id": pa.array(names, type=pa.string()),
        "customer_id": coded(rows["person"], customer),
        "service": coded(rows["service"], s.SERVICE_NAMES),
        "assigned_on": dates(rows["assigned_on"]),
        "arm": coded(np.where(rows["treated"], 0, 1), ("treated", "control")),
    }


FileFormat = Literal["parquet", "csv"]


def write_part(folder: Path, tables: dict[str, pa.Table], part: int, parts: int, file_format: FileFormat) -> None:
    """Write one partition: `folder/<table>.<format>` if it is the only one, else parts in `folder/<table>/`.

    A table without a row is not written: the contract takes an empty table for an export that failed.
    """
    for name, table in tables.items():
        if table.num_rows == 0:
            continue
        path = folder / name if parts == 1 else folder / name / f"part-{part:04d}"
        write_table(table, path.with_suffix(f".{file_format}"))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as CSV or Parquet, by the path's suffix; the same table gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with csv_files.open_for_tables(path, table.schema) as write:
            write(table)
    else:
        pq.write_table(table, path, store_schema=False, compression="zstd")


def oracle_table(reference: Reference, risk: s.Floats, number: Ints) -> pa.Table:
    """Return a row for each customer of the population at the reference as-of date."""
    state = reference.state
    day = np.full(len(risk), (np.datetime64(REFERENCE_AS_OF) - np.datetime64("1970-01-01")).astype(int))
    order = np.argsort(number[state.person])
    table = pa.table(
        {
            "customer_id": coded(state.person, customer_ids(number)),
            "as_of": dates(day),
            "product_coverage": pa.array(state.coverage),
            "oracle_risk": pa.array(risk),
        }
    )
    return table.take(pa.array(order))


def write_truth(
    folder: Path, oracle: pa.Table, effects: Sequence[Effect], campaigns: Sequence[Effect], scene: Scene
) -> None:
    """Write `oracle.parquet`, `effects.parquet`, `campaigns.parquet` and `structure.json`; partitions are added up."""
    write_table(oracle, folder / "oracle.parquet")
    write_table(_effect_table(add_up(effects), scene), folder / "effects.parquet")
    write_table(_effect_table(add_up(campaigns), scene), folder / "campaigns.parquet")
    facts = {"confounders": scene.confounders, "drift": scene.drift, "shock": scene.shock_month is not None}
    write_json(
        folder / "structure.json",
        {**facts, "intercept_shift_from_reference": scene.correction.tolist(), **s.describe_structure()},
    )


def describe_oracle(oracle: pa.Table) -> list[dict[str, object]]:
    """Return number and mean risk by coverage beside the target, for `simulation.json`."""
    bucket = coverage_bucket(oracle["product_coverage"].to_numpy())
    risk = oracle["oracle_risk"].to_numpy()
    return [
        {
            "product_coverage": f"{i + 1}" if i < 4 else "5+",
            "n": int((bucket == i).sum()),
            "target": float(s.TARGETS[i]),
            "oracle_risk": round(float(risk[bucket == i].mean()), 6) if (bucket == i).any() else None,
        }
        for i in range(5)
    ]


def _effect_table(listed: list[Effect], scene: Scene) -> pa.Table:
    day = date_of(scene.first_month, np.array([e.month for e in listed], dtype=np.int64))
    return pa.table(
        {
            "service": pa.array([e.service for e in listed], type=pa.string()),
            "group": pa.array([e.group for e in listed], type=pa.string()),
            "as_of": dates(day),
            "n": pa.array([e.weight for e in listed], type=pa.float64()),
            "members": pa.array([e.members for e in listed], type=pa.int64()),
            "effect": pa.array([e.mean for e in listed], type=pa.float64()),
            "standard_error": pa.array([e.standard_error for e in listed], type=pa.float64()),
        }
    )
