"""What nobody could know from the tables: each customer's risk, and what a binding really does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from churn.simulation.campaigns import Assignment
from churn.simulation.dynamics import coverage_bucket
from churn.simulation.futures import Paths, effect_along, first_month_chance, imagine, risk_along
from churn.simulation.population import Bools, People
from churn.simulation.state import Scene, State, select
from churn.simulation.structure import (
    DORMANT_CLOSING_RATE,
    HORIZON_MONTHS,
    SERVICE_NAMES,
    SERVICE_PRODUCT,
    TARGETS,
    Floats,
)

GROUPS = ("eligible", "bound", "unbound", "takers")
CORRECTION_LIMIT = 1.5
# The risk of a customer who left silently: that the bank closes the relationship within the horizon.
DORMANT_RISK = 1 - (1 - DORMANT_CLOSING_RATE) ** HORIZON_MONTHS


@dataclass(frozen=True)
class Reference:
    """The population at the reference as-of date and its futures; `undecided` marks whom `paths` holds."""

    state: State
    undecided: Bools
    paths: Paths


@dataclass(frozen=True)
class Effect:
    """A weighted mean effect kept as sums, so that partitions can be added up.

    Attributes
    ----------
    service, group, month
        What it is the effect of, on whom, and from which month on.
    weight
        Number of customers it is a mean over (of takers: the expected number).
    total
        Shape (futures,): sum of the customers' effects in each future, as change of a probability.
    members
        Number of customers it was worked out from.
    """

    service: str
    group: str
    month: int
    weight: float
    total: Floats
    members: int

    @property
    def mean(self) -> float | None:
        """Mean effect; negative = less churn; None without anybody to take it over."""
        return float(self.total.mean() / self.weight) if self.weight > 0 else None

    @property
    def standard_error(self) -> float | None:
        """Monte-Carlo standard error of the mean: standard deviation between futures / √futures."""
        if self.weight <= 0:
            return None
        return float(self.total.std(ddof=1) / np.sqrt(len(self.total)) / self.weight)


def imagine_reference(state: State, people: People, scene: Scene, futures: int, rng: np.random.Generator) -> Reference:
    """Draw the futures of the undecided from the reference as-of date."""
    undecided = state.undecided
    services = np.arange(len(SERVICE_NAMES))
    paths = imagine(select(state, undecided), people, scene, scene.reference, futures, rng, services=services)
    return Reference(state, undecided, paths)


def oracle_risk(reference: Reference, scene: Scene) -> Floats:
    """Return each customer's probability of the contract's label, averaged over futures; shape (n,).

    Who is already draining leaves within three months: 1. Who left silently: `DORMANT_RISK`.
    """
    risk = np.where(reference.state.dormant, DORMANT_RISK, 1.0)
    risk[reference.undecided] = risk_along(reference.paths, scene).mean(axis=0)
    return risk


def solve_correction(reference: Reference, scene: Scene) -> Floats:
    """Return the shifts of the five intercepts from the reference on that meet `structure.TARGETS`.

    Fixed point on the complementary log-log scale, a ← a + 1.2 (ln(−ln(1 − target)) − ln(−ln(1 − mean))),
    with the same futures throughout; a coverage without customers keeps 0, and no shift exceeds
    `CORRECTION_LIMIT`, so that a tiny bank stays sensible (and is then off its targets).
    """
    bucket = coverage_bucket(reference.state.coverage)
    count = np.bincount(bucket, minlength=5)
    correction = np.zeros(5)
    for _ in range(25):
        risk = oracle_risk(reference, replace(scene, correction=correction))
        mean = np.clip(np.bincount(bucket, risk, minlength=5) / np.maximum(count, 1), 1e-4, 1 - 1e-4)
        move = 1.2 * np.log(np.log1p(-TARGETS) / np.log1p(-mean))
        correction = np.clip(correction + np.where(count > 0, move, 0.0), -CORRECTION_LIMIT, CORRECTION_LIMIT)
        if np.abs(move[count > 0]).max() < 1e-4:
            break
    return correction


def true_effects(reference: Reference, scene: Scene) -> list[Effect]:
    """Return, for each service and group, the effect of being bound at the reference date rather than not.

    Everything afterwards is natural, binding and unbinding included. Groups: eligible (hold the product),
    bound, unbound, takers (would bind within the month if offered the service and not otherwise). Who has
    already decided to leave counts with an effect of 0, except among takers, where nobody has.
    """
    return [effect for service in range(len(SERVICE_NAMES)) for effect in _effects_of(service, reference, scene)]


def campaign_effects(
    assignment: Assignment, members: State, people: People, scene: Scene, futures: int, rng: np.random.Generator
) -> list[Effect]:
    """Return a campaign's true effects from the day of assignment: `itt` on all members, `late` on takers.

    `members` are the campaign's customers as they were on that day. itt = Σ wᵢ Δᵢ / n and
    late = Σ wᵢ Δᵢ / Σ wᵢ (1 − hᵢ), where Δ is the change of the churn probability by being bound from the
    first month's end, w the chance of being a taker and h the chance of deciding to leave before.
    """
    n, name = len(members.person), SERVICE_NAMES[assignment.service]
    undecided = select(members, members.undecided)
    if len(undecided.person) == 0:
        none = np.zeros(futures)
        return [Effect(name, group, assignment.month, w, none, n) for group, w in (("itt", float(n)), ("late", 0.0))]
    services: NDArray[np.int64] = np.array([assignment.service])
    paths = imagine(undecided, people, scene, assignment.month, futures, rng, services=services, by_offer=True)
    takes = paths.takes[:, 0]
    total = (effect_along(paths, scene, assignment.service, 0) * takes).sum(axis=1)
    takers = float((takes * (1 - first_month_chance(paths, scene))).sum())
    return [
        Effect(name, "itt", assignment.month, float(n), total, n),
        Effect(name, "late", assignment.month, takers, total, n),
    ]


def add_up(effects: Sequence[Effect]) -> list[Effect]:
    """Return the effects of several partitions as one for each service, group and month, in first order."""
    merged: dict[tuple[str, str, int], Effect] = {}
    for effect in effects:
        key = (effect.service, effect.group, effect.month)
        so_far = merged.get(key)
        merged[key] = effect if so_far is None else _plus(so_far, effect)
    return list(merged.values())


def _plus(a: Effect, b: Effect) -> Effect:
    return replace(a, weight=a.weight + b.weight, total=a.total + b.total, members=a.members + b.members)


def _effects_of(service: int, reference: Reference, scene: Scene) -> list[Effect]:
    state, paths = reference.state, reference.paths
    undecided = reference.undecided
    effect = effect_along(paths, scene, service, service)
    eligible = state.held[:, SERVICE_PRODUCT[service]]
    bound = state.bound[:, service]
    takes = np.zeros(len(bound))
    takes[undecided] = paths.takes[:, service]
    masks = (eligible, eligible & bound, eligible & ~bound)
    weights: list[Floats] = [*(mask.astype(np.float64) for mask in masks), takes]
    return [
        Effect(
            SERVICE_NAMES[service], group, scene.reference, float(weight.sum()),
            (effect * weight[undecided]).sum(axis=1), int((weight > 0).sum()),
        )
        for group, weight in zip(GROUPS, weights, strict=True)
    ]  # fmt: skip
