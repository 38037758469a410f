"""What the plan promises, from a bank's own tables to the contacts, held against the tables alone."""

import datetime as dt
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.actions.plan.build import build_plan
from churn.actions.today import in_hold_out, read_today
from churn.config import Config
from churn.data import open_bank
from churn.scores import read_scores
from long_runs import examples
from other_bank import write_tables

DATE = dt.date(2025, 3, 10)
MONTH_END = "2025-02-28"
ODD = ["=1+1", "a'b\"c", "x" * 300, "\u202eright\u202c", "客户", "😀", "<b>", "a,b;c", "../x", "C 1"]
MANAGERS = ["M0", "=M1", "经理", "M'3"]
BRANCHES = ["N", "@S", "网点"]


def draw(seed):
    """Draw the tables, scores and settings of any small bank."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 45))
    ids = ODD[: n // 2] + [f"C{number}" for number in range(n - len(ODD[: n // 2]))]
    home = {manager: str(rng.choice(BRANCHES)) for manager in MANAGERS}
    managers = [str(rng.choice(MANAGERS)) if at == 0 or rng.random() < 0.6 else None for at in range(n)]
    elsewhere = rng.random(n) < 0.2
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "branch_id": [
                home[manager] if manager and not away else str(rng.choice(BRANCHES))
                for manager, away in zip(managers, elsewhere, strict=True)
            ],
            "manager_id": pd.Series(managers, dtype=object),
            "opened_on": "2020-01-10",
            "closed_on": pd.Series(
                ["2025-03-09" if at and rng.random() < 0.1 else None for at in range(n)], dtype=object
            ),
            "tier": rng.choice(["ordinary", "gold", "platinum"], n),
            "do_not_contact": pd.Series(rng.choice([True, False, None], n, p=[0.2, 0.5, 0.3]), dtype=object),
        }
    )
    holdings = pd.DataFrame(
        {"holding_id": [f"H{at}" for at in range(n)], "customer_id": ids, "product": "fund", "opened_on": "2020-02-01"}
    )
    tables = {"customers": customers, "holdings": holdings}
    if rng.random() < 0.8:
        tables["contacts"] = draw_contacts(rng, ids)
    if rng.random() < 0.8:
        cost = rng.integers(1_000, 200_000, n)
        value = np.round(cost * rng.uniform(0.85, 1.15, n), 2)
        tables["pnl"] = holdings[["holding_id", "customer_id"]].assign(
            month=MONTH_END, market_value=value, cost_basis=cost
        )
    scores = pd.DataFrame({"customer_id": ids, "as_of": "2025-03-01", "churn_probability": rng.random(n)})
    scores["next_binding"] = "fund_trading"
    scores["next_binding_effect"] = np.where(rng.random(n) < 0.5, -rng.random(n), np.nan)
    return tables, scores[rng.random(n) < 0.9], draw_config(rng)


def draw_contacts(rng, ids):
    k = 2 * len(ids)
    days = rng.integers(-5, 60, k)
    return pd.DataFrame(
        {
            "contact_id": [f"K{at}" for at in range(k)],
            "customer_id": rng.choice(ids, k),
            "manager_id": "M0",
            "contacted_on": [(DATE - dt.timedelta(days=int(ago))).isoformat() for ago in days],
            "channel": rng.choice(["call", "meeting", "message"], k),
            "purpose": rng.choice(["introduce", "invite", "care", "loss_notice"], k),
            "reached": rng.random(k) < 0.7,
        }
    )


def draw_config(rng):
    own = {
        "M0": {"meetings": 1, "calls": 2},
        "=M1": {"away": [DATE]},
        "nobody's": {"branch": str(rng.choice(BRANCHES))},
    }
    return Config.model_validate(
        {
            "plan": {
                "meetings": int(rng.integers(4)),
                "calls": int(rng.integers(8)),
                "rest_days": int(rng.integers(20)),
                "hold_out": float(rng.choice([0, 0.1, 0.5])),
                "managers": own if rng.random() < 0.7 else {},
            }
        }
    )


def plan_of(tables, scores, config):
    with TemporaryDirectory() as scratch:
        folder = write_tables(tables, Path(scratch) / "bank", "parquet")
        path = Path(scratch) / "scores.parquet"
        scores.to_parquet(path, index=False)
        with open_bank(folder, config, data_end=DATE, n_threads=1) as bank:
            return build_plan(read_today(bank, read_scores(path), DATE, config))


def rested(tables, config):
    """Customers whose last contact before the day lies more than the rest days back, or is none."""
    last = {}
    for row in tables["contacts"].itertuples() if "contacts" in tables else ():
        if row.contacted_on < DATE.isoformat():
            last[row.customer_id] = max(last.get(row.customer_id, ""), row.contacted_on)
    begin = (DATE - dt.timedelta(days=config.plan.rest_days)).isoformat()
    return {customer for customer in tables["customers"]["customer_id"] if last.get(customer, "") < begin}


def losing(tables, config):
    pnl = tables.get("pnl", pd.DataFrame({"customer_id": [], "market_value": [], "cost_basis": []}))
    return {
        row.customer_id
        for row in pnl.itertuples()
        if row.market_value - row.cost_basis <= -min(config.plan.loss_return * row.cost_basis, config.plan.loss_cny)
    }


def rooms(config, manager):
    own = config.plan.managers.get(manager)
    if own is not None and DATE in own.away:
        return {"meeting": 0, "call": 0}
    given = {"meeting": own and own.meetings, "call": own and own.calls}
    everybody = {"meeting": config.plan.meetings, "call": config.plan.calls}
    return {kind: everybody[kind] if given[kind] is None else given[kind] for kind in given}


def where_they_work(customers, config):
    homes = {}
    for manager in set(customers["manager_id"].dropna()):
        counts = Counter(customers.loc[customers["manager_id"] == manager, "branch_id"])
        homes[manager] = min(counts, key=lambda branch: (-counts[branch], branch))
    return homes | {name: own.branch for name, own in config.plan.managers.items() if own.branch}


@settings(max_examples=examples(6, 25), deadline=None, derandomize=True)
@given(st.integers(0, 1_000_000))
def test_every_promise_holds_from_the_tables_to_the_contacts(seed):
    tables, scores, config = draw(seed)
    plan = plan_of(tables, scores, config)
    customers = tables["customers"][tables["customers"]["closed_on"].isna()].set_index("customer_id", drop=False)
    homes = where_they_work(customers, config)
    proposed = plan.assignments.set_index("customer_id")["proposed_manager_id"].to_dict()
    waiting = customers[customers["manager_id"].isna() & (customers["tier"] != "ordinary")]
    assert set(proposed) == set(waiting["customer_id"])
    assert plan.rows["customer_id"].is_unique
    assert set(plan.rows["customer_id"]) <= set(customers["customer_id"]) & set(scores["customer_id"]) & rested(
        tables, config
    )
    for (manager, kind), n in plan.rows.groupby(["manager_id", "kind"]).size().items():
        assert n <= rooms(config, manager)[kind]
    for row in plan.rows.itertuples():
        customer = customers.loc[row.customer_id]
        assert customer["do_not_contact"] is not True
        if customer["manager_id"] is not None:
            assert row.manager_id == customer["manager_id"]
        else:
            assert homes[row.manager_id] == customer["branch_id"]
            assert proposed.get(row.customer_id, row.manager_id) == row.manager_id
    told = set(plan.rows.loc[plan.rows["purpose"] == "loss_notice", "customer_id"])
    assert told <= losing(tables, config)
    held = plan.rows["customer_id"][in_hold_out(plan.rows["customer_id"], config.plan)]
    assert set(held) <= told


@settings(max_examples=examples(3, 10), deadline=None, derandomize=True)
@given(st.integers(0, 1_000_000))
def test_the_order_of_the_tables_rows_changes_nothing(seed):
    tables, scores, config = draw(seed)
    other = {name: table.sample(frac=1, random_state=seed % 1000) for name, table in tables.items()}
    one, two = plan_of(tables, scores, config), plan_of(other, scores[::-1], config)
    pd.testing.assert_frame_equal(one.rows, two.rows)
    pd.testing.assert_frame_equal(one.assignments, two.assignments)
    assert (one.left_out, one.notes) == (two.left_out, two.notes)


def test_drawn_banks_have_all_that_is_promised_about():
    seen = Counter()
    for seed in range(12):
        tables, scores, config = draw(seed)
        plan = plan_of(tables, scores, config)
        seen.update({name for name, n in plan.left_out.items() if n})
        seen.update(plan.rows["assignment"].unique())
        seen.update(plan.rows["purpose"].unique())
        seen.update("held" for held in in_hold_out(plan.rows["customer_id"], config.plan) if held)
        seen.update("odd" for customer in plan.rows["customer_id"] if customer in ODD)
    assert {"do_not_contact", "resting", "held_out", "own", "proposed", "branch", "loss_notice", "held", "odd"} <= set(
        seen
    )
