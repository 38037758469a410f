from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.simulation.balances import draw_market
from churn.simulation.history import live_month
from churn.simulation.parts import Part
from churn.simulation.state import State, select
from churn.simulation.structure import SERVICE_NAMES, SERVICE_PRODUCT, TARGETS
from churn.simulation.truth import Effect, add_up, campaign_effects, oracle_risk, true_effects

REPEATS = 40


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
    difference = live_years(part, yes, REPEATS, 1).mean() - live_years(part, no, REPEATS, 2).mean()
    effects = {(e.service, e.group): e.mean for e in true_effects(part.reference, part.scene)}
    error = np.sqrt(2 * 0.2 / (len(state.person) * REPEATS))
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
