from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation import structure as s
from churn.simulation.dynamics import (
    AFTER_SALES,
    CARE,
    INTRODUCE,
    INVITE,
    NEVER,
    OFFER,
    Choices,
    Contacts,
    Market,
    after_contacts,
    coverage_bucket,
    draw_contacts,
    draw_market,
    enter,
    entry_balances,
    in_timely_care,
    intercepts_at,
    load,
    log_odds_to_leave,
    money_put_in,
    move_balances,
    move_managers,
    next_bound,
    review_tiers,
    step,
    takers_chance,
    unrealised_loss,
)
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


def called(state: Any, people: Any) -> float:
    rng = np.random.default_rng(0)
    return float(
        np.mean([draw_contacts(state, people, people.latents[state.person], rng).purpose >= 0 for _ in range(50)])
    )


def test_vips_customers_with_losses_and_falling_balances_are_called_more(living: Any) -> None:
    state, people, _ = living
    plain = replace(state, tier=state.tier * 0, manager=state.manager * 0, keeps=np.ones(len(state.tier)),
                    dormant=np.zeros(len(state.tier), bool), cost=state.cost * 0)  # fmt: skip
    losing = replace(plain, cost=np.where(np.arange(6) == FUND, 2 * state.value + 1, 0))
    base = called(plain, people)
    assert called(replace(plain, tier=plain.tier + 1), people) > base
    assert called(losing, people) > 2 * base
    assert called(replace(plain, keeps=plain.keeps * 0.5), people) > 2 * base


def test_the_dormant_are_not_called(living: Any) -> None:
    state, people, _ = living
    assert called(replace(state, dormant=np.ones(len(state.tier), bool)), people) == 0


def test_a_reached_step_leads_to_the_next_and_an_offer_back_to_care(living: Any) -> None:
    state = replace(select(living[0], np.arange(5)), stage=np.array([INTRODUCE, INVITE, CARE, OFFER, INVITE]))
    reached = np.array([True, True, True, True, False])
    _, stage = after_contacts(state, Contacts(state.stage, reached))
    assert stage.tolist() == [INVITE, CARE, OFFER, CARE, INVITE]


def test_care_is_timely_for_three_months_after_being_reached_with_a_loss(living: Any) -> None:
    state = select(living[0], np.arange(4))
    value, cost = np.zeros((4, 6)), np.zeros((4, 6))
    value[:, FUND], cost[:, FUND] = [80, 80, 80, 120], 100
    state = replace(state, value=value, cost=cost, since_care=np.array([0, 2, 3, 0]))
    assert in_timely_care(state).tolist() == [True, True, False, False]


def test_only_a_reached_after_sales_contact_starts_care(living: Any) -> None:
    state = replace(select(living[0], np.arange(3)), since_care=np.full(3, NEVER))
    purpose, reached = np.array([AFTER_SALES, AFTER_SALES, CARE]), np.array([True, False, True])
    assert after_contacts(state, Contacts(purpose, reached))[0].tolist() == [0, NEVER, NEVER]


def test_a_tier_is_kept_a_little_below_its_floor() -> None:
    assert review_tiers(np.array([2, 1, 0]), np.array([300_000.0, 80_000.0, 80_000.0])).tolist() == [2, 1, 0]


def test_vips_are_given_a_manager_of_their_branch_unless_nobody_is_there(living: Any) -> None:
    state, people, _ = living
    lone = replace(state, manager=np.full(len(state.tier), -1))
    manager = move_managers(lone, people, np.ones(len(state.tier), int), np.random.default_rng(0))
    given = manager >= 0
    assert 0.4 < given.mean() < 0.8
    assert not given[people.unmanageable[state.person]].any()
    assert (manager[given] // 4 == people.branch[state.person][given]).all()


def choices(
    u: float, *, active: bool = True, held: bool = True, offered: bool = False, opened: bool = False
) -> Choices:
    def each(value: Any) -> Any:
        return np.full((1, 8), value)

    return Choices(
        np.array([active]), each(0.01), each(0.4), each(offered), np.array([0.5]), each(u), each(opened), each(held)
    )


@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        (choices(0.005), False, True),
        (choices(0.02), False, False),
        (choices(0.02, offered=True), False, True),
        (choices(0.6, offered=True), False, False),
        (choices(0.3, opened=True), False, True),
        (choices(0.001, active=False), False, False),
        (choices(0.02), True, True),
        (choices(0.001), True, False),
        (choices(0.001, active=False), True, True),
        (choices(0.02, held=False), True, False),
    ],
    ids=["binds", "does not", "offer taken", "offer declined", "binds at opening", "leaving: binds nothing",
         "stays bound", "unbinds", "leaving: unbinds nothing", "product gone"],
)  # fmt: skip
def test_a_month_of_a_binding(given: Choices, before: bool, after: bool) -> None:
    assert (next_bound(np.full((1, 8), before), given) == after).all()


def test_a_taker_binds_only_if_offered() -> None:
    assert takers_chance(np.zeros((1, 8), bool), choices(0.5))[0, 0] == pytest.approx(0.99 * 0.5)
    assert takers_chance(np.ones((1, 8), bool), choices(0.5))[0, 0] == 0


@pytest.mark.parametrize("service", range(8))
def test_being_bound_moves_the_log_odds_by_the_services_effect(service: int, living: Any) -> None:
    state, people, scene = living
    yes, no = (replace(state, bound=np.where(np.arange(8) == service, v, state.bound)) for v in (True, False))
    moved = log_odds_to_leave(yes, people, scene, 12) - log_odds_to_leave(no, people, scene, 12)
    assert moved == pytest.approx(s.BINDING_EFFECT[service])


def test_loss_raises_timely_care_lowers_and_tenure_calms_the_log_odds(living: Any) -> None:
    state, people, scene = living
    person = np.flatnonzero(people.entry < -100)[:1]
    one = replace(select(state, np.arange(1)), person=person, value=np.full((1, 6), 90.0), since_care=np.array([99]),
                  cost=np.array([[0, 0, 100, 100, 100, 100.0]]))  # fmt: skip
    base = log_odds_to_leave(replace(one, cost=one.cost * 0.9), people, scene, 12)
    loss = log_odds_to_leave(one, people, scene, 12)
    cared = log_odds_to_leave(replace(one, since_care=np.array([0])), people, scene, 12)
    assert loss - base == pytest.approx(0.1 * s.LOSS_EFFECT)
    assert cared - loss == pytest.approx(s.CONTACT_EFFECT)
    assert log_odds_to_leave(one, people, scene, 0) > loss


def test_more_products_lower_the_intercept() -> None:
    assert all((np.diff(intercepts) < 0).sum() >= 3 for intercepts in s.INTERCEPTS.values())
    assert coverage_bucket(np.array([1, 2, 5, 9])).tolist() == [0, 1, 4, 4]


def test_intercepts_are_corrected_from_the_reference_month_on(scene_of: Any) -> None:
    scene = replace(scene_of(24), correction=np.full(5, 0.3))
    assert intercepts_at(scene, 12) - intercepts_at(scene, 11) == pytest.approx(0.3)


def test_who_has_decided_opens_and_binds_nothing(living: Any) -> None:
    state, people, scene = living
    leaving = replace(state, leaves_in=np.full(len(state.person), 2))
    nobody = np.zeros(state.bound.shape, bool)
    end = step(leaving, people, scene, 3, Market(0, 0), nobody, np.random.default_rng(0)).state
    assert (end.held == state.held).all()
    assert (end.bound == state.bound).all()


def test_a_step_leaves_its_argument_as_it_was(living: Any) -> None:
    state, people, scene = living
    before = {name: value.copy() for name, value in vars(state).items()}
    step(state, people, scene, 5, Market(0.01, 0), np.zeros(state.bound.shape, bool), np.random.default_rng(0))
    assert all((getattr(state, name) == value).all() for name, value in before.items())


def test_everyone_enters_with_a_debit_card_and_services_only_of_products_held(part: Any) -> None:
    state = enter(np.arange(500), part.people, part.scene, 0, np.random.default_rng(0))
    assert state.held[:, s.PRODUCT_NAMES.index("debit_card")].all()
    assert not (state.bound & ~state.held[:, s.SERVICE_PRODUCT]).any()
    assert state.bound.any()


def test_the_loyal_hold_and_bind_more(living: Any) -> None:
    state, people, _ = living
    loyalty = people.latents[state.person, 0]
    assert np.corrcoef(loyalty, state.coverage)[0, 1] > 0.1
    assert np.corrcoef(loyalty, state.bound[:, s.SERVICE_NAMES.index("wealth_management")])[0, 1] > 0.1


def test_loading_is_a_matrix_product() -> None:
    rng = np.random.default_rng(0)
    z, loading = rng.normal(size=(7, 4)), rng.normal(size=(4, 3))
    assert load(z, loading) == pytest.approx(z @ loading)
