"""Balances: markets, returns, contributions and what a product opened or closed moves."""

from dataclasses import dataclass

import numpy as np

from churn.simulation.population import Bools, People
from churn.simulation.state import Scene, State
from churn.simulation.structure import (
    BALANCE_MEMORY,
    BALANCE_NOISE,
    DRIFT_STOCK,
    GOLD_EXPOSURE,
    GOLD_MEAN,
    GOLD_NOISE,
    INVESTED,
    OWN_RETURN_NOISE,
    REALISED_SHARE,
    REBALANCED_SHARE,
    SHOCK_RETURN,
    STOCK_EXPOSURE,
    STOCK_MEAN,
    STOCK_NOISE,
    VALUED_PRODUCT,
    Floats,
    Floats32,
)


@dataclass(frozen=True)
class Market:
    """One month's return of shares and of gold, 0.01 = 1 %."""

    stock: float
    gold: float


def draw_market(scene: Scene, month: int, rng: np.random.Generator) -> Market:
    """Draw one month; months are independent, so that years differ little unless drift or shock is on."""
    stock, gold = rng.standard_normal(2)
    drift = DRIFT_STOCK * max(month, 0) / 12 if scene.drift else 0.0
    crash = SHOCK_RETURN if month == scene.shock_month else 0.0
    return Market(float(STOCK_MEAN + STOCK_NOISE * stock + drift + crash), float(GOLD_MEAN + GOLD_NOISE * gold))


def unrealised_loss(state: State) -> Floats:
    """Loss on everything invested as a share of its cost, in [0, 1]; 0 with a gain or nothing invested.

    Formula: max(0, 1 − Σ market value / Σ cost) over products with a cost basis.
    """
    value = state.value[:, INVESTED].sum(axis=1)
    cost = state.cost[:, INVESTED].sum(axis=1)
    return np.where(cost > 0, np.maximum(0.0, 1 - value / np.maximum(cost, 1e-9)), 0.0)


def money_put_in(state: State) -> Floats:
    """Return yuan put in and still at the bank, shape (n,): deposits, and what was invested at its cost.

    Both are in the table `pnl`; the market alone moves neither.
    """
    put_in: Floats = np.where(INVESTED, state.cost, state.value).sum(axis=1) * state.keeps
    return put_in


def move_balances(
    state: State, people: People, held: Bools, market: Market, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return value and cost at the month's end, shape (n, 6), for the products then `held`.

    Deposits return to the customer's own level; invested money earns the market and slowly returns to
    plan. Money of a closed product goes to the debit card first, from where the surplus leaves slowly.
    """
    valued = held[:, VALUED_PRODUCT]
    plan = np.exp(people.log_balance[state.person])[:, None] * people.share[state.person]
    noise = rng.standard_normal((len(plan), 6), dtype=np.float32)
    returns = STOCK_EXPOSURE * market.stock + GOLD_EXPOSURE * market.gold + OWN_RETURN_NOISE * noise
    grown = state.value * np.maximum(1 + returns, 0.05)
    rebalance = np.where(grown > 0, (plan / np.maximum(grown, 1.0)) ** REBALANCED_SHARE, 1.0)
    value = grown * rebalance
    cost = (state.cost + REALISED_SHARE * (grown - state.cost)) * rebalance
    freed = np.where(valued, 0.0, value).sum(axis=1)
    value[:, 0] = _debit(state.value[:, 0], plan[:, 0], noise[:, 0]) + freed
    value[:, 1] = np.where(state.value[:, 1] > 0, state.value[:, 1] * 1.0015, 0.0)
    opened = valued & (state.value == 0)
    value = np.where(valued, np.where(opened, plan, value), 0.0)
    return value, np.where(INVESTED & valued, np.where(opened, plan, cost), 0.0)


def _debit(before: Floats, plan: Floats, noise: Floats32) -> Floats:
    log_ratio = np.log(np.maximum(before, 1.0) / plan)
    return plan * np.exp(BALANCE_MEMORY * log_ratio + BALANCE_NOISE * noise)


def entry_balances(people: People, person: np.ndarray, held: Bools) -> tuple[Floats, Floats]:
    """Return value and cost of those who just entered: everything at its planned size, no gain yet."""
    plan = np.exp(people.log_balance[person])[:, None] * people.share[person]
    value = np.where(held[:, VALUED_PRODUCT], plan, 0.0)
    return value, np.where(INVESTED, value, 0.0)
