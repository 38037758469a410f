from dataclasses import replace
from typing import Any

import numpy as np

from churn.simulation.managers import (
    AFTER_SALES,
    CARE,
    INTRODUCE,
    INVITE,
    NEVER,
    OFFER,
    Contacts,
    after_contacts,
    draw_contacts,
    in_timely_care,
    move_managers,
    review_tiers,
)
from churn.simulation.state import select
from churn.simulation.structure import VALUED

FUND = VALUED.index("fund")


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
