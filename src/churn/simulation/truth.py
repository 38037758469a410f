"""What nobody could know from the tables: each customer's risk, and what a binding really does."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.simulation import structure as s
from churn.simulation.campaigns import Assignment
from churn.simulation.dynamics import coverage_bucket
from churn.simulation.futures import Paths, effect_along, imagine, risk_along
from churn.simulation.population import Bools, Ints, People
from churn.simulation.state import Scene, State, select
from churn.simulation.structure import Floats

CORRECTION_LIMIT = 1.5
# The risk of a customer who left silently: that the bank closes the relationship within the horizon.
DORMANT_RISK = 1 - (1 - s.DORMANT_CLOSING_RATE) ** s.HORIZON_MONTHS


@dataclass(frozen=True)
class Reference:
    """The population at the reference as-of date and its futures; `undecided` marks whom `paths` holds."""

    state: State
    undecided: Bools
    paths: Paths


def imagine_reference(
    state: State, people: People, scene: Scene, futures: int, rng: np.random.Generator
) -> Reference:
    """Draw the futures of the undecided from the reference as-of date."""
    undecided = state.undecided
    services = np.arange(len(s.SERVICE_NAMES))
    paths = imagine(select(state, undecided), people, scene, scene.reference, futures, rng, services=services)
    return Reference(state, undecided, paths)


def solve_correction(reference: Reference, scene: Scene) -> Floats:
    """Return the shifts of the five intercepts from the reference on that meet `structure.TARGETS`.

    Fixed point on the complementary log-log scale with the same futures throughout; a coverage without
    customers keeps 0, and no shift exceeds `CORRECTION_LIMIT`, so that a tiny bank stays sensible.
    """
    from dataclasses import replace

    bucket = coverage_bucket(reference.state.coverage)
    correction = np.zeros(5)
    for _ in range(25):
        risk = oracle_risk(reference, replace(scene, correction=correction))
        count = np.bincount(bucket, minlength=5)
        mean = np.bincount(bucket, risk, minlength=5) / np.maximum(count, 1)
        mean = np.clip(mean, 1e-4, 1 - 1e-4)
        move = np.log(np.log1p(-s.TARGETS) / np.log1p(-mean))
        correction = np.clip(correction + np.where(count > 0, 1.2 * move, 0.0), -CORRECTION_LIMIT, CORRECTION_LIMIT)
    return correction


def oracle_risk(reference: Reference, scene: Scene) -> Floats:
    """Return each customer's probability of the contract's label, averaged over futures; shape (n,).

    Who is already draining leaves within three months: 1. Who left silently: `DORMANT_RISK`.
    """
    risk = np.where(reference.state.dormant, DORMANT_RISK, 1.0)
    risk[reference.undecided] = risk_along(reference.paths, scene).mean(axis=0)
    return risk


def _group(effect: Floats, weight: Floats) -> dict[str, Any]:
    total = float(weight.sum())
    if total == 0:
        return {"n": 0, "effect": None, "standard_error": None}
    by_future = (effect * weight).sum(axis=1) / total
    error = by_future.std(ddof=1) / np.sqrt(len(by_future))
    return {"n": round(total, 1), "effect": float(by_future.mean()), "standard_error": float(error)}


def true_effects(reference: Reference, scene: Scene) -> list[dict[str, Any]]:
    """Return a row a service and group: change of the churn probability by being bound at the reference date.

    Groups: eligible (hold the product), bound, unbound, takers (would bind within the month if offered
    the service and not otherwise; `n` is their expected number). Whoever has already decided counts with
    an effect of 0, except among takers, who cannot have. Negative = less churn.
    """
    state, undecided, rows = reference.state, reference.undecided, []
    for service, name in enumerate(s.SERVICE_NAMES):
        eligible = state.held[:, s.SERVICE_PRODUCT[service]]
        bound = state.bound[:, service]
        effect = np.zeros((reference.paths.eta.shape[0], len(bound)))
        effect[:, undecided] = effect_along(reference.paths, scene, service, service)
        takes = np.zeros(len(bound))
        takes[undecided] = reference.paths.takes[:, service]
        groups = {
            "eligible": eligible, "bound": eligible & bound, "unbound": eligible & ~bound, "takers": takes * eligible,
        }  # fmt: skip
        rows += [{"service": name, "group": g, **_group(effect, w.astype(float))} for g, w in groups.items()]
    return rows


def campaign_effect(
    assignment: Assignment, state: State, people: People, scene: Scene, futures: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return one campaign's true effect of the offer on everyone (itt) and of taking it up (late).

    Both from the day of assignment, on the probability of leaving within the horizon. `state` is the
    bank on that day. itt = Σ wᵢ Δᵢ / n and late = Σ wᵢ Δᵢ / Σ wᵢ (1 − hᵢ), with Δ the effect of being
    bound from the first month's end, w the chance of being a taker and h that of deciding to leave first.
    """
    members = select(state, np.isin(state.person, assignment.person))
    undecided = select(members, members.undecided)
    services: Ints = np.array([assignment.service])
    n, month = len(members.person), assignment.month
    result: dict[str, Any] = {
        "service": s.SERVICE_NAMES[assignment.service], "month": month, "n": n, "n_treated": int(assignment.treated.sum())
    }  # fmt: skip
    if len(undecided.person) == 0:
        return {**result, "itt": None, "itt_standard_error": None, "late": None, "takers": 0.0}
    paths = imagine(undecided, people, scene, month, futures, rng, services=services, by_offer=True)
    effect = effect_along(paths, scene, assignment.service, 0)
    takes = paths.takes[:, 0]
    itt = (effect * takes).sum(axis=1) / n
    first = first_month_chance(paths, scene)
    takers = float((takes * (1 - first)).sum())
    return {
        **result,
        "itt": float(itt.mean()),
        "itt_standard_error": float(itt.std(ddof=1) / np.sqrt(futures)),
        "late": float(itt.mean() * n / takers),
        "takers": takers,
    }


def first_month_chance(paths: Paths, scene: Scene) -> Floats:
    """Chance of deciding to leave in the first month, shape (n,)."""
    from churn.simulation.dynamics import intercepts_at, logistic

    return logistic(paths.eta[0, 0] + intercepts_at(scene, paths.month)[paths.bucket[0, 0]])
