from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation.bank import Part
from churn.simulation.dynamics import draw_market, logistic
from churn.simulation.history import live_month
from churn.simulation.state import State, select
from churn.simulation.structure import DRAIN_SHARE, SERVICE_NAMES, SERVICE_PRODUCT, TARGETS, WAY_SHARE
from churn.simulation.truth import (
    LEAVES_IN_TIME,
    Effect,
    Paths,
    add_up,
    campaign_effects,
    effect_along,
    first_month_chance,
    imagine,
    oracle_risk,
    risk_along,
    true_effects,
)

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
    # Who leaves in silence needs a second month-end with nothing.
    assert LEAVES_IN_TIME[-2] == pytest.approx(DRAIN_SHARE[0] * (1 - WAY_SHARE[2]))
    assert LEAVES_IN_TIME[-3] == pytest.approx(
        DRAIN_SHARE[:2].sum() * (1 - WAY_SHARE[2]) + DRAIN_SHARE[0] * WAY_SHARE[2]
    )
    assert LEAVES_IN_TIME[0] == pytest.approx(1)


def test_the_risk_of_a_constant_chance_is_what_coins_give(scene_of: Any) -> None:
    scene = scene_of()
    chance = 0.08
    log_odds = np.log(chance / (1 - chance)) - scene.intercepts[0]
    rng = np.random.default_rng(1)
    decides = rng.random((400_000, 12)) < chance
    first = np.where(decides.any(axis=1), decides.argmax(axis=1), 99)
    lasts = rng.choice([1, 2, 3], p=DRAIN_SHARE, size=len(first))
    silent = rng.random(len(first)) < WAY_SHARE[2]
    frequency = (first + lasts + silent <= 11).mean()
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


REPEATS, FEWER = 40, 20


def live_years(part: Part, state: State, repeats: int, seed: int) -> np.ndarray:
    """Share of `repeats` lived years in which each customer is gone or silent at the end, shape (n,)."""
    rng = np.random.default_rng(seed)
    people, scene = part.people, part.scene
    stayed = np.zeros(len(people.entry))
    for _ in range(repeats):
        now = state
        for month in range(scene.reference, scene.months):
            now, _ = live_month(now, people, scene, month, draw_market(scene, month, rng), rng)
        stayed[now.person[~now.dormant]] += 1
    return 1 - stayed[state.person] / repeats


def test_oracle_risk_is_the_share_of_lived_years_that_end_in_leaving(part: Part) -> None:
    state = select(part.reference.state, ~part.reference.state.dormant)
    lived = live_years(part, state, REPEATS, 0)
    risk = oracle_risk(part.reference, part.scene)[~part.reference.state.dormant]
    error = np.sqrt((risk * (1 - risk)).sum() / REPEATS) / len(risk)
    assert abs(lived.mean() - risk.mean()) < 0.01 + 3 * error
    assert np.corrcoef(lived, risk)[0, 1] > 0.93
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 1.1)):
        inside = (risk >= low) & (risk < high)
        assert lived[inside].mean() == pytest.approx(risk[inside].mean(), abs=0.03)


def test_oracle_risk_is_calibrated_against_realised_labels_in_every_bin(bank: Any) -> None:
    risk, churned = bank.risk(), bank.outcomes("2025-01-01").churned
    churned = churned.loc[risk.index].to_numpy()
    edges = np.quantile(risk[risk < 1], np.linspace(0, 1, 11)[1:-1])
    bins = np.digitize(risk, edges)
    for k in range(10):
        expected, inside = risk.to_numpy()[bins == k], churned[bins == k]
        error = np.sqrt((expected * (1 - expected)).sum()) / len(expected)
        assert abs(inside.mean() - expected.mean()) < 0.015 + 3 * error


def test_the_oracle_is_as_good_as_strong_coverage_and_hidden_causes_allow(bank: Any) -> None:
    from sklearn.metrics import roc_auc_score

    risk = bank.risk()
    assert 0.75 < roc_auc_score(bank.outcomes("2025-01-01").churned.loc[risk.index], risk) < 0.87


@pytest.mark.parametrize("service", ["mobile_banking", "fund_trading"])
def test_a_true_effect_is_what_binding_everyone_or_nobody_brings_about(service: str, part: Part) -> None:
    k = SERVICE_NAMES.index(service)
    state = select(part.reference.state, part.reference.state.held[:, SERVICE_PRODUCT[k]])
    yes, no = (replace(state, bound=np.where(np.arange(8) == k, value, state.bound)) for value in (True, False))
    difference = live_years(part, yes, FEWER, 1).mean() - live_years(part, no, FEWER, 2).mean()
    effects = {(e.service, e.group): e.mean for e in true_effects(part.reference, part.scene)}
    error = np.sqrt(2 * 0.2 / (len(state.person) * FEWER))
    assert difference == pytest.approx(effects[service, "eligible"], abs=0.005 + 3 * error)


def test_groups_add_up(part: Part) -> None:
    effects = {(e.service, e.group): e for e in true_effects(part.reference, part.scene)}
    for service in SERVICE_NAMES:
        whole, yes, no = (effects[service, group] for group in ("eligible", "bound", "unbound"))
        assert whole.weight == yes.weight + no.weight
        assert whole.total == pytest.approx(yes.total + no.total)
        assert effects[service, "takers"].weight < no.weight


def test_effects_have_the_sizes_the_structure_intends(bank: Any) -> None:
    effects = bank.truth("effects").query("group == 'eligible'").set_index("service").effect
    assert (effects[["cts", "credit_card_repayment", "mobile_banking"]] < -0.05).all()
    assert (effects[["fund_trading", "wealth_management"]].abs() < 0.002).all()
    assert effects[["online_banking", "mortgage_repayment", "cash_sweep"]].between(-0.06, -0.005).all()
    assert bank.truth("effects").standard_error.max() < 0.005


def test_takers_of_a_campaign_gain_more_than_its_average_member(bank: Any) -> None:
    effects = bank.truth("campaigns").pivot_table(index=["service", "as_of"], columns="group", values="effect")
    acting = effects.loc[["cts", "credit_card_repayment", "mobile_banking", "cash_sweep"]]
    assert (acting.late < acting.itt).all()


def test_a_campaign_without_living_members_has_no_late(part: Part) -> None:
    assignment, members = part.campaigns[0]
    nobody = select(members, np.zeros(len(members.person), dtype=bool))
    itt, late = campaign_effects(assignment, nobody, part.people, part.scene, 2, np.random.default_rng(0))
    assert (itt.mean, late.mean, late.standard_error) == (None, None, None)


def test_partitions_are_weighed_by_their_numbers() -> None:
    a = Effect("cts", "bound", 12, 1.0, np.array([-0.1, -0.1]), 1)
    b = Effect("cts", "bound", 12, 3.0, np.array([-0.9, -0.9]), 3)
    (joined,) = add_up([a, b])
    assert (joined.mean, joined.members) == (pytest.approx(-0.25), 4)


def test_the_corrected_intercepts_meet_the_targets_on_their_own_customers(part: Part) -> None:
    coverage = np.clip(part.reference.state.coverage, 1, 5) - 1
    risk = oracle_risk(part.reference, part.scene)
    means = np.bincount(coverage, risk) / np.bincount(coverage)
    assert means == pytest.approx(TARGETS, abs=1e-3)
