from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation import structure as s
from churn.simulation.balances import Market
from churn.simulation.dynamics import (
    Choices,
    coverage_bucket,
    enter,
    intercepts_at,
    load,
    log_odds_to_leave,
    next_bound,
    step,
    takers_chance,
)
from churn.simulation.state import select


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
