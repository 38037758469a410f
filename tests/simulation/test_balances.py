from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation.balances import Market, draw_market, entry_balances, money_put_in, move_balances, unrealised_loss
from churn.simulation.state import select
from churn.simulation.structure import VALUED, VALUED_PRODUCT

FUND, CARD = VALUED.index("fund"), VALUED.index("debit_card")


def test_a_loss_is_a_share_of_what_was_invested_and_a_gain_is_none(living: Any) -> None:
    state, _, _ = living
    value, cost = np.zeros((3, 6)), np.zeros((3, 6))
    value[:, FUND], cost[:, FUND] = [80, 120, 0], [100, 100, 0]
    value[:, CARD] = 1_000
    three = replace(select(state, np.arange(3)), value=value, cost=cost)
    assert unrealised_loss(three).tolist() == pytest.approx([0.2, 0, 0])


def test_money_put_in_is_deposits_and_the_cost_of_investments_as_far_as_they_are_kept(living: Any) -> None:
    state, _, _ = living
    value, cost = np.zeros((2, 6)), np.zeros((2, 6))
    value[:, CARD], value[:, FUND], cost[:, FUND] = 1_000, 80, 100
    two = replace(select(state, np.arange(2)), value=value, cost=cost, keeps=np.array([1.0, 0.5]))
    assert money_put_in(two).tolist() == [1_100, 550]


def test_a_crash_leaves_losses_and_a_calm_month_does_not(living: Any) -> None:
    state, people, _ = living
    crash, calm = (
        replace(
            state, **dict(zip(("value", "cost"), move_balances(state, people, state.held, market, rng), strict=True))
        )
        for market, rng in (
            (Market(-0.25, 0.0), np.random.default_rng(0)),
            (Market(0.0, 0.0), np.random.default_rng(0)),
        )
    )
    holders = state.value[:, FUND] > 0
    assert (unrealised_loss(crash) - unrealised_loss(calm))[holders].mean() > 0.1


def test_money_of_a_closed_product_goes_to_the_debit_card(living: Any) -> None:
    state, people, _ = living
    holders = select(state, (state.value[:, FUND] > 0) & state.undecided)
    kept, _ = move_balances(holders, people, holders.held, Market(0.0, 0.0), np.random.default_rng(0))
    held = holders.held & (np.arange(13) != VALUED_PRODUCT[FUND])
    moved, cost = move_balances(holders, people, held, Market(0.0, 0.0), np.random.default_rng(0))
    assert moved.sum(axis=1) == pytest.approx(kept.sum(axis=1))
    assert not moved[:, FUND].any()
    assert not cost[:, FUND].any()


def test_everyone_enters_without_gain_or_loss(part: Any) -> None:
    person = np.arange(5)
    value, cost = entry_balances(part.people, person, np.ones((5, 13), dtype=bool))
    assert (value[:, 2:] == cost[:, 2:]).all()
    assert (cost[:, :2] == 0).all()
    assert (value > 0).all()


def test_the_market_makes_and_loses_money_and_crashes_only_in_a_shock(scene_of: Any) -> None:
    scene = replace(scene_of(), shock_month=4)
    returns = [draw_market(scene, month, np.random.default_rng(month)).stock for month in range(12)]
    assert returns[4] < -0.15
    assert min(np.delete(returns, 4)) > -0.15
    assert max(returns) > 0
