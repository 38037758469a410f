"""The truth behind the tables: each customer's risk, and what a binding really does.

Both follow from many possible years after a moment. A future is the path of a customer who has not decided to leave:
leaving depends on the path and the path not on leaving, so the risk along it is a product of survivals, not a coin;
bindings move only the log-odds, so another binding is replayed on the same path with the same draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.simulation import dynamics
from churn.simulation import structure as s
from churn.simulation.history import Assignment, assign, offers_of
from churn.simulation.state import Bools, People, Scene, State, select

_SILENT = s.WAYS.index("silent")


def _leaves_in_time() -> s.Floats:
    """Return the chance that a decision in month 0, 1, ... of the horizon becomes a departure before its end.

    Silent ones need a second month-end with nothing.
    """
    last, silent = s.HORIZON_MONTHS - 1, float(s.WAY_SHARE[_SILENT])
    by_last, by_last_but_one = (
        np.array([s.DRAIN_SHARE[: max(end - month, 0)].sum() for month in range(s.HORIZON_MONTHS)])
        for end in (last, last - 1)
    )
    return np.asarray((1 - silent) * by_last + silent * by_last_but_one)


LEAVES_IN_TIME = _leaves_in_time()


@dataclass(frozen=True)
class Paths:
    """Futures of n undecided customers over 12 months.

    Attributes
    ----------
    month
        The first month.
    eta
        Log-odds of deciding to leave, without intercept, shape (futures, 12, n).
    bucket
        Coverage bucket, same shape.
    bound, if_bound, if_unbound
        Bindings as they come, after binding and after not binding, shape (futures, 12, n, services).
    takes
        Chance of taking an offer up in the first month who would not bind otherwise, given that the
        customer does not decide to leave first; mean over futures, shape (n, services).
    """

    month: int
    eta: NDArray[np.float32]
    bucket: NDArray[np.int8]
    bound: Bools
    if_bound: Bools
    if_unbound: Bools
    takes: s.Floats


def imagine(
    state: State,
    people: People,
    scene: Scene,
    month: int,
    futures: int,
    rng: np.random.Generator,
    *,
    services: NDArray[np.int64],
    by_offer: bool = False,
) -> Paths:
    """Draw futures from the start of `month`, markets and later campaigns included.

    The alternatives "bound" and "not bound" begin at once; with `by_offer` at the first month's end, as
    an offer of the service on its first day would bring about.
    """
    runs = [_one_future(state, people, scene, month, rng, services, by_offer) for _ in range(futures)]
    eta, bucket, bound, yes, no, takes = (np.array(column) for column in zip(*runs, strict=True))
    return Paths(
        month=month, eta=eta, bucket=bucket, bound=bound, if_bound=yes, if_unbound=no, takes=takes.mean(axis=0)
    )


def risk_along(paths: Paths, scene: Scene, shift: NDArray[np.float32] | float = 0.0) -> s.Floats:
    """Chance of leaving within the horizon along each future, shape (futures, n).

    Formula: Σ_t S_t h_t q_t with S_t = Π_{k<t} (1 − h_k), h the monthly chance of deciding and q the chance
    that the departure still falls within the horizon. `shift` is added to the log-odds.
    """
    eta = paths.eta + shift
    survival = np.ones((eta.shape[0], eta.shape[2]))
    risk = np.zeros_like(survival)
    for t in range(s.HORIZON_MONTHS):
        chance = dynamics.logistic(eta[:, t] + dynamics.intercepts_at(scene, paths.month + t)[paths.bucket[:, t]])
        risk += survival * chance * LEAVES_IN_TIME[t]
        survival *= 1 - chance
    return risk


def effect_along(paths: Paths, scene: Scene, service: int, position: int) -> s.Floats:
    """Change of that chance by being bound rather than not, along each future, shape (futures, n).

    `position` is the service's place among the paths' services.
    """
    effect = np.float32(s.BINDING_EFFECT[service])
    if effect == 0:
        return np.zeros((paths.eta.shape[0], paths.eta.shape[2]))
    natural = paths.bound[..., position].astype(np.float32)
    yes, no = (
        risk_along(paths, scene, effect * (other[..., position].astype(np.float32) - natural))
        for other in (paths.if_bound, paths.if_unbound)
    )
    return yes - no


def first_month_chance(paths: Paths, scene: Scene) -> s.Floats:
    """Chance of deciding to leave in the first month, shape (n,); no future is needed for it."""
    return dynamics.logistic(paths.eta[0, 0] + dynamics.intercepts_at(scene, paths.month)[paths.bucket[0, 0]])


def _one_future(
    state: State, people: People, scene: Scene, start: int, rng: np.random.Generator, services: Any, by_offer: bool
) -> tuple[Any, ...]:
    yes, no = (state.bound, state.bound) if by_offer else (state.held[:, s.SERVICE_PRODUCT], np.zeros_like(state.bound))
    noted: list[tuple[Any, ...]] = []
    takes = np.zeros(state.bound.shape)
    for month in range(start, start + s.HORIZON_MONTHS):
        eta = dynamics.log_odds_to_leave(state, people, scene, month).astype(np.float32)
        bucket = dynamics.coverage_bucket(state.coverage).astype(np.int8)
        noted.append((eta, bucket, state.bound[:, services], yes[:, services], no[:, services]))
        lived = _imagine_month(state, people, scene, month, rng, offering=not (by_offer and month == start))
        yes, no = dynamics.next_bound(yes, lived.choices), dynamics.next_bound(no, lived.choices)
        if month == start:
            takes = dynamics.takers_chance(state.bound, lived.choices)
            if by_offer:
                yes, no = lived.state.bound | (takes > 0), lived.state.bound & ~(takes > 0)
        state = lived.state
    return (*(np.array(column) for column in zip(*noted, strict=True)), takes[:, services])


def _imagine_month(
    state: State, people: People, scene: Scene, month: int, rng: np.random.Generator, *, offering: bool
) -> dynamics.Month:
    services = [service for planned, service in scene.campaigns if planned == month and offering]
    offers = offers_of(state, [assign(state, people, month, service, rng) for service in services])
    return dynamics.step(state, people, scene, month, dynamics.draw_market(scene, month, rng), offers, rng)


GROUPS = ("eligible", "bound", "unbound", "takers")
CORRECTION_LIMIT = 1.5
# The risk of a customer who left silently at the month-end before the horizon: that the bank closes the relationship
# within it.
DORMANT_RISK = 1 - (1 - s.DORMANT_CLOSING_RATE) ** s.HORIZON_MONTHS
# Of one who will do so at the horizon's first month-end: that the bank closes it within the other months.
LAST_OUT_RISK = 1 - (1 - s.DORMANT_CLOSING_RATE) ** (s.HORIZON_MONTHS - 1)


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
        The service, the group of customers, and the first month.
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
    total: s.Floats
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
    services = np.arange(len(s.SERVICE_NAMES))
    paths = imagine(select(state, undecided), people, scene, scene.reference, futures, rng, services=services)
    return Reference(state, undecided, paths)


def oracle_risk(reference: Reference, scene: Scene) -> s.Floats:
    """Return each customer's probability of the contract's label, averaged over futures; shape (n,).

    Customers already draining leave within three months: 1. Those who left silently: `DORMANT_RISK`; those whose money
    goes before the first month-end, at which the label begins: `LAST_OUT_RISK`.
    """
    state = reference.state
    last_out = (state.leaves_in == 1) & (state.way == _SILENT)
    risk = np.where(state.dormant, DORMANT_RISK, np.where(last_out, LAST_OUT_RISK, 1.0))
    risk[reference.undecided] = risk_along(reference.paths, scene).mean(axis=0)
    return risk


def solve_correction(reference: Reference, scene: Scene) -> s.Floats:
    """Return the shifts of the five intercepts from the reference on that meet `structure.TARGETS`.

    Fixed point on the complementary log-log scale, a ← a + 1.2 (ln(−ln(1 − target)) − ln(−ln(1 − mean))),
    with the same futures throughout; a coverage without customers keeps 0, and no shift exceeds
    `CORRECTION_LIMIT`, so that a tiny bank stays sensible (and is then off its targets).
    """
    bucket = dynamics.coverage_bucket(reference.state.coverage)
    count = np.bincount(bucket, minlength=5)
    correction = np.zeros(5)
    for _ in range(25):
        risk = oracle_risk(reference, replace(scene, correction=correction))
        mean = np.clip(np.bincount(bucket, risk, minlength=5) / np.maximum(count, 1), 1e-4, 1 - 1e-4)
        move = 1.2 * np.log(np.log1p(-s.TARGETS) / np.log1p(-mean))
        correction = np.clip(correction + np.where(count > 0, move, 0.0), -CORRECTION_LIMIT, CORRECTION_LIMIT)
        if np.abs(move[count > 0]).max() < 1e-4:
            break
    return correction


def corrected(reference: Reference, people: People, scene: Scene, futures: int, rng: np.random.Generator) -> Scene:
    """Return the scene with its intercepts shifted to the stated rates, which hold without a coming shock."""
    if scene.shock_month is None:
        return replace(scene, correction=solve_correction(reference, scene))
    calm = replace(scene, shock_month=None)
    calm_reference = imagine_reference(reference.state, people, calm, futures, rng)
    return replace(scene, correction=solve_correction(calm_reference, calm))


def true_effects(reference: Reference, scene: Scene) -> list[Effect]:
    """Return, for each service and group, the effect of being bound at the reference date rather than not.

    Everything afterwards is natural, binding and unbinding included. Groups: eligible (hold the product),
    bound, unbound, takers (would bind within the month if offered the service and not otherwise). Customers
    who have already decided to leave count with an effect of 0, except among takers, where nobody has.
    """
    return [effect for service in range(len(s.SERVICE_NAMES)) for effect in _effects_of(service, reference, scene)]


def campaign_effects(
    assignment: Assignment, members: State, people: People, scene: Scene, futures: int, rng: np.random.Generator
) -> list[Effect]:
    """Return a campaign's true effects from the day of assignment: `itt` on all members, `late` on takers.

    `members` are the campaign's customers as they were on that day. itt = Σ wᵢ Δᵢ / n and
    late = Σ wᵢ Δᵢ / Σ wᵢ (1 − hᵢ), where Δ is the change of the churn probability by being bound from the
    first month's end, w the chance of being a taker and h the chance of deciding to leave before.
    """
    n, name = len(members.person), s.SERVICE_NAMES[assignment.service]
    both = Effect(
        service=name, group="itt", month=assignment.month, weight=float(n), total=np.zeros(futures), members=n
    )
    undecided = select(members, members.undecided)
    if len(undecided.person) == 0:
        return [both, replace(both, group="late", weight=0.0)]
    services: NDArray[np.int64] = np.array([assignment.service])
    paths = imagine(undecided, people, scene, assignment.month, futures, rng, services=services, by_offer=True)
    takes = paths.takes[:, 0]
    total = (effect_along(paths, scene, assignment.service, 0) * takes).sum(axis=1)
    takers = float((takes * (1 - first_month_chance(paths, scene))).sum())
    return [replace(both, total=total), replace(both, group="late", weight=takers, total=total)]


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
    eligible = state.held[:, s.SERVICE_PRODUCT[service]]
    bound = state.bound[:, service]
    takes = np.zeros(len(bound))
    takes[undecided] = paths.takes[:, service]
    masks = (eligible, eligible & bound, eligible & ~bound)
    weights: list[s.Floats] = [*(mask.astype(np.float64) for mask in masks), takes]
    return [
        Effect(
            service=s.SERVICE_NAMES[service],
            group=group,
            month=scene.reference,
            weight=float(weight.sum()),
            total=(effect * weight[undecided]).sum(axis=1),
            members=int((weight > 0).sum()),
        )
        for group, weight in zip(GROUPS, weights, strict=True)
    ]
