from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation.balances import Market
from churn.simulation.history import depart, live_month
from churn.simulation.state import select
from churn.simulation.structure import DRAIN_SHARE, WAYS


def certain(living: Any, **changes: Any) -> Any:
    """One customer many times over, nobody deciding to leave by chance."""
    state, people, scene = living
    one = select(state, np.repeat(np.flatnonzero(state.undecided)[:1], 2_000))
    one = replace(one, **{name: np.full(2_000, value) for name, value in changes.items()})
    return one, people, replace(scene, correction=np.full(5, -50.0))


@pytest.mark.parametrize(("way", "leaves", "closes"), [("closed", True, True), ("emptied", True, False)])
def test_when_the_time_has_come_a_customer_leaves(living: Any, way: str, leaves: bool, closes: bool) -> None:
    state, people, scene = certain(living, leaves_in=1, lasts=2, way=WAYS.index(way))
    stay, left, closed = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert (len(stay.person), len(left.person)) == (0, 2_000)
    assert (closed == closes).all()


def test_the_silent_stay_on_the_books_with_next_to_nothing(living: Any) -> None:
    state, people, scene = certain(living, leaves_in=1, lasts=1, way=WAYS.index("silent"))
    stay, _, _ = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert len(stay.person) == 2_000
    assert stay.dormant.all()
    assert (stay.keeps == 0.01).all()


def test_the_bank_closes_some_of_the_dormant_each_month(living: Any) -> None:
    state, people, scene = certain(living, dormant=True, way=WAYS.index("silent"), keeps=0.01)
    _, left, closed = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert 0.12 < len(left.person) / 2_000 < 0.18
    assert closed.all()


def test_balances_fall_step_by_step_before_the_end(living: Any) -> None:
    state, people, scene = certain(living, leaves_in=3, lasts=3, way=0)
    keeps = []
    for _ in range(2):
        state, _, _ = depart(state, people, scene, scene.reference, np.random.default_rng(0))
        keeps.append(state.keeps[0])
    assert keeps == sorted(keeps, reverse=True)
    assert 0.2 < keeps[-1] < keeps[0] < 1


def test_who_decides_begins_to_drain_for_one_to_three_months(living: Any) -> None:
    state, people, scene = certain(living)
    scene = replace(scene, correction=np.full(5, 50.0))
    stay, left, _ = depart(state, people, scene, scene.reference, np.random.default_rng(0))
    assert len(left.person) == 0
    assert np.bincount(stay.leaves_in, minlength=4)[1:] / 2_000 == pytest.approx(DRAIN_SHARE, abs=0.04)
    assert (stay.keeps < 1).all()


def test_nobody_is_lost_in_a_month(living: Any) -> None:
    state, people, scene = living
    after, record = live_month(state, people, scene, scene.reference, Market(0.0, 0.0), np.random.default_rng(0))
    assert set(state.person) == set(record.left.person) | set(record.before.person)
    assert set(after.person) == set(record.before.person) | set(record.arrived.person)
    assert (people.entry[record.arrived.person] == scene.reference).all()
