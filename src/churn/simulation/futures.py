"""Many possible years after a moment, and the risk that follows from them.

A future is the path of a customer who has not decided to leave: leaving depends on the path and the path
not on leaving, so the risk along it is a product of survivals, not a coin; bindings move only the
log-odds, so another binding is replayed on the same path with the same draws.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.simulation.balances import draw_market
from churn.simulation.campaigns import assign, offers_of
from churn.simulation.dynamics import (
    Month,
    coverage_bucket,
    intercepts_at,
    log_odds_to_leave,
    logistic,
    next_bound,
    step,
    takers_chance,
)
from churn.simulation.population import Bools, People
from churn.simulation.state import Scene, State
from churn.simulation.structure import BINDING_EFFECT, DRAIN_SHARE, HORIZON_MONTHS, SERVICE_PRODUCT, Floats

# Chance that a decision in month 0, 1, ... of the horizon becomes a departure before its end.
LEAVES_IN_TIME = np.array([DRAIN_SHARE[: HORIZON_MONTHS - 1 - t].sum() for t in range(HORIZON_MONTHS)])


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
    takes: Floats


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
    return Paths(month, eta, bucket, bound, yes, no, takes.mean(axis=0))


def risk_along(paths: Paths, scene: Scene, shift: NDArray[np.float32] | float = 0.0) -> Floats:
    """Chance of leaving within the horizon along each future, shape (futures, n).

    Formula: Σ_t S_t h_t q_t with S_t = Π_{k<t} (1 − h_k), h the monthly chance of deciding and q the chance
    that the departure still falls within the horizon. `shift` is added to the log-odds.
    """
    eta = paths.eta + shift
    survival = np.ones((eta.shape[0], eta.shape[2]))
    risk = np.zeros_like(survival)
    for t in range(HORIZON_MONTHS):
        chance = logistic(eta[:, t] + intercepts_at(scene, paths.month + t)[paths.bucket[:, t]])
        risk += survival * chance * LEAVES_IN_TIME[t]
        survival *= 1 - chance
    return risk


def effect_along(paths: Paths, scene: Scene, service: int, position: int) -> Floats:
    """Change of that chance by being bound rather than not, along each future, shape (futures, n).

    `position` is the service's place among the paths' services.
    """
    effect = np.float32(BINDING_EFFECT[service])
    if effect == 0:
        return np.zeros((paths.eta.shape[0], paths.eta.shape[2]))
    natural = paths.bound[..., position].astype(np.float32)
    yes, no = (
        risk_along(paths, scene, effect * (other[..., position].astype(np.float32) - natural))
        for other in (paths.if_bound, paths.if_unbound)
    )
    return yes - no


def first_month_chance(paths: Paths, scene: Scene) -> Floats:
    """Chance of deciding to leave in the first month, shape (n,); no future is needed for it."""
    return logistic(paths.eta[0, 0] + intercepts_at(scene, paths.month)[paths.bucket[0, 0]])


def _one_future(
    state: State, people: People, scene: Scene, start: int, rng: np.random.Generator, services: Any, by_offer: bool
) -> tuple[Any, ...]:
    yes, no = (state.bound, state.bound) if by_offer else (state.held[:, SERVICE_PRODUCT], np.zeros_like(state.bound))
    noted: list[tuple[Any, ...]] = []
    takes = np.zeros(state.bound.shape)
    for month in range(start, start + HORIZON_MONTHS):
        eta = log_odds_to_leave(state, people, scene, month).astype(np.float32)
        bucket = coverage_bucket(state.coverage).astype(np.int8)
        noted.append((eta, bucket, state.bound[:, services], yes[:, services], no[:, services]))
        lived = _imagine_month(state, people, scene, month, rng, offering=not (by_offer and month == start))
        yes, no = next_bound(yes, lived.choices), next_bound(no, lived.choices)
        if month == start:
            takes = takers_chance(state.bound, lived.choices)
            if by_offer:
                yes, no = lived.state.bound | (takes > 0), lived.state.bound & ~(takes > 0)
        state = lived.state
    return (*(np.array(column) for column in zip(*noted, strict=True)), takes[:, services])


def _imagine_month(
    state: State, people: People, scene: Scene, month: int, rng: np.random.Generator, *, offering: bool
) -> Month:
    services = [service for planned, service in scene.campaigns if planned == month and offering]
    offers = offers_of(state, [assign(state, people, month, service, rng) for service in services])
    return step(state, people, scene, month, draw_market(scene, month, rng), offers, rng)
