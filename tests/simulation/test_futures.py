from typing import Any

import numpy as np
import pytest

from churn.simulation.dynamics import logistic
from churn.simulation.futures import LEAVES_IN_TIME, Paths, effect_along, first_month_chance, imagine, risk_along
from churn.simulation.state import select
from churn.simulation.structure import DRAIN_SHARE, SERVICE_NAMES

CTS, FUND_TRADING = SERVICE_NAMES.index("cts"), SERVICE_NAMES.index("fund_trading")


def constant_paths(log_odds: float, *, bound: bool = False) -> Paths:
    def always(value: bool) -> Any:
        return np.full((1, 12, 1, 1), value)

    eta = np.full((1, 12, 1), log_odds, dtype=np.float32)
    return Paths(
        0, eta, np.zeros((1, 12, 1), dtype=np.int8), always(bound), always(True), always(False), np.ones((1, 1))
    )


def test_a_decision_in_the_last_month_cannot_become_a_departure_in_time() -> None:
    assert LEAVES_IN_TIME[-1] == 0
    assert LEAVES_IN_TIME[-2] == pytest.approx(DRAIN_SHARE[0])
    assert LEAVES_IN_TIME[0] == pytest.approx(1)


def test_the_risk_of_a_constant_chance_is_what_coins_give(scene_of: Any) -> None:
    scene = scene_of()
    chance = 0.08
    log_odds = np.log(chance / (1 - chance)) - scene.intercepts[0]
    rng = np.random.default_rng(1)
    decides = rng.random((400_000, 12)) < chance
    first = np.where(decides.any(axis=1), decides.argmax(axis=1), 99)
    lasts = rng.choice([1, 2, 3], p=DRAIN_SHARE, size=len(first))
    frequency = (first + lasts <= 11).mean()
    assert risk_along(constant_paths(log_odds), scene)[0, 0] == pytest.approx(frequency, abs=0.003)


def test_the_first_month_has_the_chance_of_its_log_odds(scene_of: Any) -> None:
    scene = scene_of()
    assert first_month_chance(constant_paths(0.5), scene)[0] == pytest.approx(logistic(0.5 + scene.intercepts[0]))


def test_a_binding_that_acts_cuts_and_one_that_does_not_changes_nothing(scene_of: Any) -> None:
    paths, scene = constant_paths(0.0), scene_of()
    assert effect_along(paths, scene, CTS, 0)[0, 0] < -0.1
    assert effect_along(paths, scene, FUND_TRADING, 0)[0, 0] == 0


def test_the_effect_is_the_same_whether_the_customer_is_bound_or_not(scene_of: Any) -> None:
    scene = scene_of()
    unbound, bound = constant_paths(0.0), constant_paths(-0.9, bound=True)  # −0.9 is what being bound did
    assert effect_along(bound, scene, CTS, 0) == pytest.approx(effect_along(unbound, scene, CTS, 0), abs=1e-6)


def test_alternatives_differ_at_once_or_from_the_first_months_end(living: Any) -> None:
    state, people, scene = living
    eligible = select(state, state.undecided & state.held[:, 8] & ~state.bound[:, 1])
    for by_offer, first_month in ((False, 0), (True, 1)):
        paths = imagine(
            eligible, people, scene, scene.reference, 2, np.random.default_rng(0),
            services=np.array([1]), by_offer=by_offer,
        )  # fmt: skip
        differ = (paths.if_bound != paths.if_unbound).mean(axis=(0, 2, 3))
        assert (differ[:first_month] == 0).all()
        assert differ[first_month] > 0.9
        assert differ[-1] < differ[first_month]
