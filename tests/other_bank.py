"""A bank written without the simulator: random rows that follow the contract and nothing else."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn.config import PRODUCTS, SERVICES

PURPOSES = ["introduce", "invite", "care", "after_sales", "loss_notice", "offer", "event"]
BEGIN, END = dt.date(2022, 1, 1), dt.date(2024, 12, 31)


def make_tables(n_customers: int, seed: int) -> dict[str, pd.DataFrame]:
    """Make every table but `labels`; churn depends on coverage and on falling activity."""
    rng = np.random.default_rng(seed)
    customers = _customers(rng, n_customers)
    holdings = _holdings(rng, customers)
    return {
        "customers": customers.drop(columns=["left", "gone"]),
        "customer_states": _states(rng, customers),
        "holdings": holdings,
        "bindings": _bindings(rng, holdings),
        "contacts": _contacts(rng, customers),
        "pnl": _pnl(rng, holdings),
        "transactions": _transactions(rng, customers),
        "referrals": _referrals(rng, customers),
    }


def write_tables(tables: dict[str, pd.DataFrame], folder: Path, form: str = "csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if form == "csv":
            table.to_csv(folder / f"{name}.csv", index=False)
        else:
            table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def read_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give a table as plain Python rows: dates, texts, numbers, and None for an empty cell."""
    return [
        {
            str(name): None if pd.isna(cell) else cell.date() if isinstance(cell, pd.Timestamp) else cell
            for name, cell in row.items()
        }
        for row in table.to_dict("records")
    ]


def _days(rng: np.random.Generator, low: dt.date, high: dt.date, size: int) -> np.ndarray:
    return np.datetime64(low, "D") + rng.integers(0, (high - low).days + 1, size)


def _customers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    opened = _days(rng, dt.date(2015, 1, 1), dt.date(2024, 6, 30), n)
    breadth = rng.integers(1, 7, n)
    left = rng.random(n) < np.where(breadth == 1, 0.6, np.where(breadth <= 3, 0.4, 0.15))
    stay = rng.integers(200, 1000, n)
    gone = np.maximum(opened, np.datetime64(BEGIN)) + stay
    left &= gone <= np.datetime64(END)
    return pd.DataFrame(
        {
            "customer_id": [f"K{i:05d}" for i in rng.permutation(n)],
            "branch_id": rng.choice(["N", "S"], n),
            "manager_id": rng.choice(["M1", "M2", None], n),
            "opened_on": opened,
            "closed_on": np.where(left, gone, np.datetime64("NaT")),
            "birth_year": rng.integers(1940, 2005, n),
            "tier": rng.choice(["ordinary", "gold", "platinum"], n, p=[0.8, 0.15, 0.05]),
            "left": left,
            "gone": np.where(left, gone, np.datetime64(END)),
            "breadth": breadth,
        }
    ).astype({"closed_on": "datetime64[s]", "gone": "datetime64[s]", "opened_on": "datetime64[s]"})


def _holdings(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for customer in customers.itertuples():
        for product in ["debit_card", *rng.choice(list(PRODUCTS)[1:], customer.breadth - 1, replace=False)]:
            opened = customer.opened_on + pd.Timedelta(days=int(rng.integers(0, 400)))
            opened = min(opened, customer.gone)
            early = rng.random() < 0.1 and product != "debit_card"
            closed = customer.closed_on if customer.left else pd.NaT
            if early:
                closed = min(opened + pd.Timedelta(days=int(rng.integers(30, 600))), customer.gone)
            rows.append((customer.customer_id, product, "1" if product == "debit_card" else None, opened, closed))
    table = pd.DataFrame(rows, columns=["customer_id", "product", "account_class", "opened_on", "closed_on"])
    table.insert(0, "holding_id", [f"H{i:06d}" for i in range(len(table))])
    return table


def _states(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    first = customers[["customer_id", "opened_on", "tier", "manager_id", "branch_id"]]
    states = [first]
    for share in (0.5, 0.5):  # the later state of a customer is later still, and may change nothing or the branch alone
        later = states[-1][rng.random(len(states[-1])) < share].copy()
        later["opened_on"] = later["opened_on"] + pd.to_timedelta(rng.integers(1, 700, len(later)), unit="D")
        later["tier"] = rng.choice(["ordinary", "gold"], len(later))
        later["branch_id"] = rng.choice(["N", "S"], len(later))
        later["manager_id"] = later["manager_id"].where(rng.random(len(later)) < 0.7, "M3")
        states.append(later)
    return pd.concat(states).rename(columns={"opened_on": "valid_from"}).reset_index(drop=True)


def _bindings(rng: np.random.Generator, holdings: pd.DataFrame) -> pd.DataFrame:
    needs = {service.product: name for name, service in SERVICES.items()}
    held = holdings[holdings["product"].isin(needs) & (rng.random(len(holdings)) < 0.6)]
    bound = held["opened_on"] + pd.to_timedelta(rng.integers(0, 200, len(held)), unit="D")
    ended = rng.random(len(held)) < 0.2
    unbound = (bound + pd.to_timedelta(rng.integers(0, 400, len(held)), unit="D")).where(ended)
    return pd.DataFrame(
        {
            "customer_id": held["customer_id"],
            "service": held["product"].map(needs),
            "bound_on": bound,
            "unbound_on": unbound,
        }
    ).reset_index(drop=True)


def _sample(rng: np.random.Generator, customers: pd.DataFrame, mean: float) -> pd.DataFrame:
    repeated = customers.loc[customers.index.repeat(rng.poisson(mean, len(customers)))]
    begin = np.maximum(repeated["opened_on"].to_numpy(), np.datetime64(BEGIN))
    span = (repeated["gone"].to_numpy() - begin).astype("timedelta64[D]").astype(int)
    day = begin + (rng.random(len(repeated)) * np.maximum(span, 1)).astype("timedelta64[D]")
    return repeated.assign(day=day)[lambda t: t["day"] <= np.datetime64(END)].reset_index(drop=True)


def _contacts(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    rows = _sample(rng, customers, 4)
    return pd.DataFrame(
        {
            "contact_id": [f"C{i:06d}" for i in range(len(rows))],
            "customer_id": rows["customer_id"],
            "manager_id": rows["manager_id"].fillna("M9"),
            "contacted_on": rows["day"],
            "channel": rng.choice(["call", "meeting", "message"], len(rows)),
            "purpose": rng.choice(PURPOSES, len(rows)),
            "reached": rng.random(len(rows)) < 0.6,
        }
    )


def _pnl(rng: np.random.Generator, holdings: pd.DataFrame) -> pd.DataFrame:
    valued = holdings[holdings["product"].isin(["debit_card", "time_deposit", "fund", "wealth_management"])]
    own = np.random.default_rng(len(valued))
    drained_on = _days(own, BEGIN, dt.date(2031, 12, 31), len(valued))
    valued = valued.assign(usual=own.lognormal(9, 1, len(valued)), drained_on=drained_on)
    months = pd.date_range(BEGIN, END, freq="ME").astype("datetime64[s]")
    table = valued.merge(pd.DataFrame({"month": months}), how="cross")
    table = table[(table["opened_on"] <= table["month"]) & ~(table["closed_on"] <= table["month"])]
    table = table[rng.random(len(table)) < 0.95]
    # Most of the money goes from some holdings, of one in five for a while.
    left = np.where(table["month"] >= table["drained_on"], 0.05, 1.0)
    back = (table["month"] > table["drained_on"] + pd.Timedelta(days=200)) & (table["usual"] < np.exp(8.2))
    cost = (table["usual"] * rng.lognormal(0, 0.2, len(table)) * np.where(back, 1.0, left)).round(2)
    invested = table["product"].isin(["fund", "wealth_management"])
    return pd.DataFrame(
        {
            "holding_id": table["holding_id"],
            "customer_id": table["customer_id"],
            "month": table["month"],
            "market_value": (cost * rng.normal(1, 0.1, len(table)).clip(0.3)).round(2),
            "cost_basis": np.where(invested, cost, np.nan),
        }
    ).reset_index(drop=True)


def _transactions(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    rows = _sample(rng, customers, 20)
    channel = rng.choice(["counter", "atm", "online", "mobile"], len(rows))
    return pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "transacted_on": rows["day"],
            "channel": channel,
            "amount": (rng.lognormal(9, 2, len(rows)) * rng.choice([-1, 1], len(rows))).round(2),
            "queue_ticket": np.where(channel == "counter", rng.choice(["vip", "ordinary"], len(rows)), None),
        }
    )


def _referrals(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    new = customers[customers["opened_on"] >= pd.Timestamp(BEGIN)]
    new = new[rng.random(len(new)) < 0.3]
    return pd.DataFrame(
        {
            "referrer_id": rng.choice(customers["customer_id"], len(new)),
            "referred_id": new["customer_id"],
            "referred_on": new["opened_on"],
        }
    ).reset_index(drop=True)


CASES = [
    (seed, as_of)
    for seed in (1, 2, 3)
    for as_of in (dt.date(2022, 5, 1), dt.date(2023, 7, 15), dt.date(2024, 1, 31), dt.date(2024, 12, 31))
]


def was_open(row: dict[str, Any], begin: str, end: str, as_of: dt.date) -> bool:
    """Begun before the day, and not ended, or ended on it or later."""
    return row[begin] < as_of and (row[end] is None or row[end] >= as_of)


def customers_at(rows: dict[str, list[dict[str, Any]]], as_of: dt.date) -> list[str]:
    """Who has an open relationship and an open holding, and has not gone in silence."""
    holders = {row["customer_id"] for row in rows["holdings"] if was_open(row, "opened_on", "closed_on", as_of)}
    there = {row["customer_id"] for row in rows["customers"] if was_open(row, "opened_on", "closed_on", as_of)}
    return sorted(customer for customer in holders & there if not went_silent(rows, customer, as_of))


def assets_of(rows: dict[str, list[dict[str, Any]]], customer: str) -> dict[dt.date, int]:
    """A customer's assets in cents at every month-end of the bank's table."""
    assets = dict.fromkeys(sorted({row["month"] for row in rows["pnl"]}), 0)
    for row in of(rows, "pnl", customer):
        assets[row["month"]] += round(row["market_value"] * 100)
    return assets


def went_silent(rows: dict[str, list[dict[str, Any]]], customer: str, as_of: dt.date, floor: int = 100_000) -> bool:
    """Whether silent attrition had taken a customer before a day: gone at some month-end, and not back since."""
    ends = [(month, value) for month, value in assets_of(rows, customer).items() if month < as_of]
    for place in range(1, len(ends)):
        month, value = ends[place]
        highest = max(other for day, other in ends[: place + 1] if (month - day).days < 365)
        few = highest >= floor and 5 * max(value, ends[place - 1][1]) <= highest
        if few and all(5 * later <= highest for _, later in ends[place:]):
            return True
    return False


def month_ends(first: dt.date, end: dt.date) -> list[dt.date]:
    """Every month-end from a day on and before another."""
    days = [first + dt.timedelta(days=n) for n in range((end - first).days)]
    return [day for day in days if (day + dt.timedelta(days=1)).day == 1]


def has_left(rows: dict[str, list[dict[str, Any]]], customer: str, as_of: dt.date, horizon_days: int) -> bool:
    """Whether a customer of a date leaves within the horizon: closes, closes every holding, or goes in silence."""
    end = as_of + dt.timedelta(days=horizon_days)
    own = next(row for row in rows["customers"] if row["customer_id"] == customer)
    closed, stays = own["closed_on"] is not None and own["closed_on"] < end, False
    for row in of(rows, "holdings", customer):
        if was_open(row, "opened_on", "closed_on", as_of):
            stays = stays or row["closed_on"] is None or row["closed_on"] >= end
        elif as_of <= row["opened_on"] < end:
            stays = True
    ends, assets = month_ends(as_of, end), assets_of(rows, customer)
    known = len(ends) > 2 and {ends[0], *ends[-2:]} <= {*assets}
    silent = known and assets[ends[0]] >= 100_000 and all(5 * assets[day] <= assets[ends[0]] for day in ends[-2:])
    return closed or not stays or silent


def of(rows: dict[str, list[dict[str, Any]]], table: str, customer: str) -> list[dict[str, Any]]:
    """One customer's rows of a table."""
    return [row for row in rows[table] if row["customer_id"] == customer]


def days_to(as_of: dt.date, days: list[dt.date]) -> int | None:
    """Days from the latest of some days to `as_of`; None without any."""
    return (as_of - max(days)).days if days else None


def within(day: dt.date | None, as_of: dt.date, n_days: int) -> bool:
    """Whether a day is one of the `n_days` before `as_of`."""
    return day is not None and 1 <= (as_of - day).days <= n_days
