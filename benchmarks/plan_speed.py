"""How long it takes to plan a day for a million customers and five thousand managers, with every constraint in use.

    python benchmarks/plan_speed.py                 # 1,000,000 customers, 5,000 managers
    python benchmarks/plan_speed.py --branches 1    # the same in one branch
    python benchmarks/plan_speed.py --quick         # the short form that the tests run

Customers are drawn at random: assets, risks, effects, tiers, losses, refusals and last contacts. Half of them have a
manager. Planning and writing are timed separately; reading the tables is not included. Exit code 1 if the plan breaks a
constraint, or planning takes more than a minute.
"""

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from churn.actions.managers import find_managers
from churn.actions.plan.build import DayPlan, build_plan
from churn.actions.plan.writing import summarise, write_json_plan, write_workbook
from churn.actions.sheets import write_csv
from churn.actions.today import Today, complete, in_hold_out
from churn.config import Config
from churn.scores import check_scores

DATE = dt.date(2026, 1, 5)
LONGEST_SECONDS = 60.0
SERVICES = np.array(["fund_trading", "cts", "mobile_banking", None], dtype=object)


def draw_people(customers: int, managers: int, branches: int, seed: int = 0) -> pd.DataFrame:
    """Draw customers, one row each, as the tables hold them."""
    rng = np.random.default_rng(seed)
    home = np.sort(rng.integers(0, branches, managers))
    manager = np.where(rng.random(customers) < 0.5, rng.integers(0, managers, customers), -1)
    branch = np.where(manager >= 0, home[manager], rng.integers(0, branches, customers))
    tier = rng.choice(["ordinary", "gold", "platinum"], customers, p=[0.9, 0.08, 0.02])
    aum = rng.lognormal(10, 1.5, customers)
    profit = aum * rng.normal(0.02, 0.08, customers) * (rng.random(customers) < 0.3)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:07d}" for number in range(customers)],
            "branch_id": _named("B", branch),
            "manager_id": pd.Series(_named("M", manager)).where(manager >= 0, None),
            "tier": tier.astype(object),
            "do_not_contact": rng.random(customers) < 0.03,
            "familiarity_stage": rng.choice(4, customers, p=[0.6, 0.2, 0.1, 0.1]),
            "days_since_contact": np.where(rng.random(customers) < 0.4, rng.integers(1, 366, customers), np.nan),
            "aum_cny": aum,
            "unrealised_pnl_cny": profit,
            "unrealised_return": profit / aum,
            "n_loss_notices_since_loss": (rng.random(customers) < 0.2).astype(int),
            "product_coverage": rng.integers(1, 7, customers).astype(float),
        }
    )


def draw_scores(people: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Draw their scores, as `churn.score` gives them."""
    rng = np.random.default_rng(seed)
    n = len(people)
    service = SERVICES[rng.integers(0, len(SERVICES), n)]
    named = pd.notna(service)
    return pd.DataFrame(
        {
            "customer_id": people["customer_id"],
            "as_of": DATE,
            "churn_probability": rng.beta(1, 4, n),
            "next_binding": service,
            "next_product": pd.Series(np.where(named, None, "fund_plan"), dtype=object),
            "raises_1_en": "no contact for 75 days",
            "raises_1_zh": "75 天未联系",
            "reason_1": "days_since_contact",
            "next_binding_effect": np.where(named & (rng.random(n) < 0.5), -rng.beta(1, 8, n), np.nan),
        }
    )


def draw_today(people: pd.DataFrame, scores: pd.DataFrame, config: Config) -> Today:
    """Join them as `read_today` does; there are no tables."""
    known = check_scores(scores)
    customers = complete(people, known, config)
    return Today(
        date=DATE,
        config=config,
        customers=customers,
        managers=find_managers(customers, DATE, config.plan),
        scores=known,
        absent={},
        missing={},
        bank=None,  # type: ignore[arg-type]
        tables={},
        begin=0,
        end=0,
    )


def _named(prefix: str, numbers: np.ndarray) -> np.ndarray:
    return np.array([f"{prefix}{number:04d}" for number in range(max(numbers.max() + 1, 1))], dtype=object)[numbers]


def broken_rules(plan: DayPlan, people: pd.DataFrame, config: Config) -> list[str]:
    """Name the constraints that the plan breaks."""
    rows, settings = plan.rows.merge(people, on="customer_id", suffixes=("", "_now")), config.plan
    sizes = plan.rows.groupby(["kind", "manager_id"]).size()
    held = in_hold_out(rows["customer_id"], settings) & (rows["purpose"] != "loss_notice").to_numpy()
    rules = {
        "a customer at most once": plan.rows["customer_id"].is_unique,
        "capacities": sizes["meeting"].max() <= settings.meetings and sizes["call"].max() <= settings.calls,
        "do_not_contact": not rows["do_not_contact"].any(),
        "responsible manager": (rows["manager_id"] == rows["manager_id_now"])[rows["manager_id_now"].notna()].all(),
        "rest days": not (rows["days_since_contact"] <= settings.rest_days).any(),
        "hold-out": not held.any(),
    }
    return [name for name, holds in rules.items() if not holds]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--managers", type=int, default=5_000)
    parser.add_argument("--branches", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="5,000 customers, 20 managers, 4 branches")
    given = parser.parse_args(arguments)
    sizes = (5_000, 20, 4) if given.quick else (given.customers, given.managers, given.branches)
    config, people = Config(), draw_people(*sizes)
    scores = draw_scores(people)
    begun = time.perf_counter()
    plan = build_plan(draw_today(people, scores, config))
    planned = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        write_csv(Path(scratch) / "plan.csv", plan.rows)
        write_json_plan(Path(scratch) / "plan.json", plan, summarise(plan))
        tables = time.perf_counter() - begun
        begun = time.perf_counter()
        write_workbook(Path(scratch) / "plan.xlsx", plan, config.plan)
        workbook = time.perf_counter() - begun
    print(f"customers {sizes[0]:,}, managers {sizes[1]:,}, branches {sizes[2]:,}: {len(plan.rows):,} contacts")
    print(f"planned in {planned:.1f} s, CSV and JSON {tables:.1f} s, workbook {workbook:.1f} s")
    broken = broken_rules(plan, people, config)
    print(f"constraints broken: {', '.join(broken) or 'none'}")
    return int(bool(broken) or planned > LONGEST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
