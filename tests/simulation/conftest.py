from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.simulation import simulate_bank
from churn.simulation.bank import Part, live_part
from churn.simulation.dynamics import draw_market
from churn.simulation.history import plan_campaigns
from churn.simulation.state import People, Scene, State, first_month
from churn.simulation.structure import Confounders
from made_once import made_once

SERVICE_PRODUCTS = {
    "online_banking": "online_banking",
    "mobile_banking": "mobile_banking",
    "credit_card_repayment": "credit_card",
    "mortgage_repayment": "mortgage",
    "fund_trading": "fund",
    "wealth_management": "wealth_management",
    "cts": "cts",
    "cash_sweep": "cash_sweep",
}


@cache
def read_dated(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    dated = [c for c in frame if c.endswith("_on") or c in {"month", "valid_from", "as_of"}]
    return frame.assign(**{c: pd.to_datetime(frame[c]) for c in dated})


@dataclass(frozen=True)
class Bank:
    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        return read_dated(self.folder / f"{name}.parquet")

    def open_at(self, name: str, day: str) -> pd.DataFrame:
        start, end = {"holdings": ("opened_on", "closed_on"), "bindings": ("bound_on", "unbound_on")}[name]
        frame = self.table(name)
        return frame[(frame[start] < day) & ~(frame[end] < day)]

    def outcomes(self, day: str) -> pd.DataFrame:
        """The contract's label, worked out from the tables alone: coverage and churned by customer."""
        return work_out_outcomes(self, day)

    def work_out(self, day: str) -> pd.DataFrame:
        start, end = pd.Timestamp(day), pd.Timestamp(day) + pd.Timedelta(days=365)
        customers, holdings = self.table("customers").set_index("customer_id"), self.table("holdings")
        held = self.open_at("holdings", day)
        customers = customers[(customers.opened_on < start) & ~(customers.closed_on < start)]
        customers = customers[customers.index.isin(held.customer_id)]
        assets = self.assets(customers.index)
        customers = customers[~self.gone(assets.loc[:, assets.columns < start])]
        assets = assets.loc[customers.index]
        held = held[held.customer_id.isin(customers.index)]
        all_closed = (held.closed_on < end).groupby(held.customer_id).all().reindex(customers.index)
        newly = holdings[(holdings.opened_on >= start) & (holdings.opened_on < end)].customer_id
        within = assets.loc[:, (assets.columns >= start) & (assets.columns < end)]
        before, after = within.iloc[:, 0], within.iloc[:, -2:].max(axis=1)
        silent = (before >= 1000) & (after <= 0.2 * before)
        return pd.DataFrame(
            {
                "coverage": held.groupby("customer_id")["product"].nunique().reindex(customers.index),
                "silent": silent,
                "ratio": after / before,
                "churned": (customers.closed_on < end) | (all_closed & ~customers.index.isin(newly)) | silent,
            }
        )

    def aum(self, when: pd.Timestamp) -> pd.Series:
        pnl = self.table("pnl")
        last = pnl.month[pnl.month < when].max()
        return pnl[pnl.month == last].groupby("customer_id").market_value.sum()

    def assets(self, customers: pd.Index) -> pd.DataFrame:
        """Assets of customers at every month-end, 0 where there is no row."""
        sums = self.table("pnl").pivot_table("market_value", "customer_id", "month", "sum").round(2)
        return sums.reindex(customers).fillna(0)

    def gone(self, assets: pd.DataFrame) -> pd.Series:
        """Mark who has gone in silence by the last month-end: what they had before, until a fifth of it is back."""
        had = pd.Series(0.0, index=assets.index)
        for month in range(1, assets.shape[1]):
            now, highest = assets.iloc[:, month], assets.iloc[:, max(month - 11, 0) : month + 1].max(axis=1)
            had[5 * now > had] = 0.0
            went = (highest >= 1000) & (5 * assets.iloc[:, month - 1 : month + 1].max(axis=1) <= highest)
            had[went] = np.maximum(had, highest)[went]
        return had > 0

    def year(self, name: str, date: str, day: str) -> pd.DataFrame:
        """Rows of a table dated within the year before `day`."""
        frame, end = self.table(name), pd.Timestamp(day)
        return frame[(frame[date] < end) & (frame[date] >= end - pd.Timedelta(days=365))]

    def tier(self, day: str) -> pd.Series:
        """Tier at the start of `day`, by customer."""
        states = self.table("customer_states").sort_values("valid_from", kind="stable")
        return states[states.valid_from < day].groupby("customer_id").tier.last()

    def bound(self, service: str, day: str) -> pd.Series:
        """Of those who hold the service's product at `day`: bound or not, by customer."""
        held = self.open_at("holdings", day)
        eligible = held[held["product"] == SERVICE_PRODUCTS[service]].customer_id.unique()
        bindings = self.open_at("bindings", day)
        return pd.Series(np.isin(eligible, bindings[bindings.service == service].customer_id), index=eligible)

    def truth(self, name: str) -> pd.DataFrame:
        frame = pd.read_parquet(self.folder / "truth" / f"{name}.parquet")
        return frame.assign(as_of=pd.to_datetime(frame.as_of))

    def risk(self) -> pd.Series:
        return self.truth("oracle").set_index("customer_id").oracle_risk


@cache
def work_out_outcomes(bank: Bank, day: str) -> pd.DataFrame:
    """Outcomes of one date, worked out once for all tests that ask for them."""
    return bank.work_out(day)


@pytest.fixture(scope="session")
def bank(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The one large bank; with --every-bank larger, as the other three are."""
    customers = 20_000 if pytestconfig.getoption("every_bank") else 12_000
    return made_bank(tmp_path_factory, 11, customers=customers, months=48)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Look at the one large bank, and with --every-bank at three more that nothing was tuned on."""
    if "any_bank" in metafunc.fixturenames:
        seeds = [11, 1, 2, 3] if metafunc.config.getoption("every_bank") else [11]
        metafunc.parametrize("any_bank", seeds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def any_bank(request: pytest.FixtureRequest, bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    if request.param == 11:
        return bank
    return made_bank(tmp_path_factory, request.param, customers=20_000, months=36, truth=False)


@pytest.fixture(scope="session")
def observed_bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return made_bank(tmp_path_factory, 3, customers=10_000, months=24, confounders="observed")


def made_bank(factory: pytest.TempPathFactory, seed: int, **arguments: Any) -> Bank:
    name = f"simulated-{seed}-{arguments.get('confounders', 'hidden')}"
    return Bank(
        made_once(factory, name, lambda folder: simulate_bank(folder / "bank", seed=seed, **arguments)) / "bank"
    )


@pytest.fixture(scope="session")
def part() -> Part:
    """A small bank still in memory, with its intercepts solved."""
    scene = make_scene()
    rng = np.random.default_rng(5)
    markets = {m: draw_market(scene, m, rng) for m in range(-180, scene.months)}
    return live_part(scene, markets, np.arange(1, 1201), seed=5, part=0, correct=True)


@pytest.fixture
def scene_of() -> Callable[..., Scene]:
    return make_scene


def make_scene(months: int = 24, confounders: Confounders = "hidden", *, campaigns: bool = True) -> Scene:
    return Scene(
        months=months,
        confounders=confounders,
        drift=False,
        shock_month=None,
        first_month=first_month(months),
        branches=2,
        correction=np.zeros(5),
        campaigns=plan_campaigns(months) if campaigns else (),
    )


@pytest.fixture
def living(part: Part) -> tuple[State, People, Scene]:
    """The population at the reference date, as it was."""
    return part.reference.state, part.people, part.scene
