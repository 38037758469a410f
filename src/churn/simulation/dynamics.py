"""One month of the model, for all living customers at once; the past and every future use it alike."""

from dataclasses import dataclass, replace

import numpy as np

from churn.simulation import structure as s
from churn.simulation.balances import Market, entry_balances, move_balances, unrealised_loss
from churn.simulation.managers import (
    NEVER,
    Contacts,
    after_contacts,
    draw_contacts,
    draw_manager,
    in_timely_care,
    move_managers,
    review_tiers,
)
from churn.simulation.population import Bools, Ints, People
from churn.simulation.state import Scene, State, drivers
from churn.simulation.structure import Floats, Floats32

_DIGITAL = [s.PRODUCT_NAMES.index(name) for name in ("online_banking", "mobile_banking")]


@dataclass(frozen=True)
class Choices:
    """A month's chances and the uniform draws they meet; with them any binding can be replayed.

    `bind`, `bind_new` and `uptake` have shapes (n, 8), (n, 8) and (n,); `u` is (n, 8).
    """

    active: Bools
    bind: Floats
    bind_new: Floats
    offered: Bools
    uptake: Floats
    u: Floats32
    opened: Bools
    held: Bools


@dataclass(frozen=True)
class Month:
    """What a month brought: the state at its end, and who was called."""

    state: State
    choices: Choices
    contacts: Contacts


def logistic(x: Floats) -> Floats:
    """Return 1 / (1 + exp(−x))."""
    return 1 / (1 + np.exp(-x))


def load(z: Floats, loading: Floats) -> Floats:
    """Return z @ loading in a fixed order of summation, whatever the number of threads."""
    product: Floats = np.einsum("ij,jk->ik", z, loading)
    return product


def log_odds_to_leave(state: State, people: People, scene: Scene, month: int) -> Floats:
    """Log-odds of deciding to leave this month, without the intercept of the coverage; shape (n,)."""
    z = drivers(state, people, scene, month)
    eta = load(z, s.LATENT_EFFECT[:, None])[:, 0] + load(state.bound.astype(float), s.BINDING_EFFECT[:, None])[:, 0]
    eta += s.LOSS_EFFECT * unrealised_loss(state) + s.CONTACT_EFFECT * in_timely_care(state)
    tenure = month - people.entry[state.person]
    eta += s.NEW_CUSTOMER_EFFECT * np.exp(-tenure / s.NEW_CUSTOMER_MONTHS)
    return eta + _weather(scene, month)


def intercepts_at(scene: Scene, month: int) -> Floats:
    """Intercepts by coverage 1 to 5+ in a month: corrected from the reference date on."""
    return scene.intercepts + (scene.correction if month >= scene.reference else 0.0)


def coverage_bucket(coverage: Ints) -> Ints:
    """Return 0 to 4 for a coverage of 1, 2, 3, 4, 5 or more."""
    return np.clip(coverage, 1, 5) - 1


def step(
    state: State, people: People, scene: Scene, month: int, market: Market, offers: Bools, rng: np.random.Generator
) -> Month:
    """Return the month's end from its start. `offers` (n, 8): who is offered which service on its first day.

    Only the undecided open, close, bind and unbind; nobody leaves here (see `history`).
    """
    z = drivers(state, people, scene, month)
    held, opened = _move_products(state, z, scene, month, rng)
    choices = _draw_choices(state, z, held, opened, offers, rng)
    bound = next_bound(state.bound, choices)
    value, cost = move_balances(state, people, held, market, rng)
    contacts = draw_contacts(state, people, z, rng)
    since_care, stage = after_contacts(state, contacts)
    tier = review_tiers(state.tier, value.sum(axis=1) * state.keeps) if month % 3 == 2 else state.tier
    manager = move_managers(state, people, tier, rng)
    end = replace(
        state, held=held, bound=bound, value=value, cost=cost,
        opened=np.where(opened, month, state.opened), bound_in=np.where(bound & ~state.bound, month, state.bound_in),
        tier=tier, manager=manager, since_care=since_care, stage=stage,
    )  # fmt: skip
    return Month(end, choices, contacts)


def next_bound(bound: Bools, choices: Choices) -> Bools:
    """Return the bindings after a month, for bindings `bound` before it, under the same draws.

    A service goes with its product; a product just opened is bound at once or not; the offered bind
    where they would by themselves, and a share `uptake` of the others.
    """
    u, bind = choices.u, choices.bind
    bind = np.where(choices.offered, bind + (1 - bind) * choices.uptake[:, None], bind)
    bind = np.where(choices.opened, choices.bind_new, bind)
    stays = bound & (u >= s.UNBINDING_RATE * choices.active[:, None])
    return choices.held & (stays | (~bound & (u < bind * choices.active[:, None])))


def takers_chance(bound: Bools, choices: Choices) -> Floats:
    """Chance of binding within the month if offered and not otherwise, shape (n, 8)."""
    could = choices.held & ~choices.opened & ~bound & choices.active[:, None]
    return np.where(could, (1 - choices.bind) * choices.uptake[:, None], 0.0)


def enter(person: Ints, people: People, scene: Scene, month: int, rng: np.random.Generator) -> State:
    """Return the state of those who enter in `month`, at that month's end."""
    n = len(person)
    zeros = np.zeros(n, dtype=np.int64)
    nothing = State(
        person, np.zeros((n, 13), bool), np.zeros((n, 8), bool), np.full((n, 13), month), np.full((n, 8), month),
        np.zeros((n, 6)), np.zeros((n, 6)), np.ones(n),
        zeros, zeros - 1, zeros + NEVER, zeros, zeros, zeros, zeros - 1, np.zeros(n, bool),
    )  # fmt: skip
    z = drivers(nothing, people, scene, month)
    if scene.confounders == "observed":  # no balance yet: the planned one stands in
        z = np.column_stack([z[:, 0], (people.log_balance[person] - 10.4) / 1.2, z[:, 2], z[:, 3] * 0])
    held = rng.random((n, 13), dtype=np.float32) < _shares(s.ENTRY_SHARE, z, scene, month)
    bound = rng.random((n, 8), dtype=np.float32) < logistic(s.BOUND_AT_OPENING + load(z, s.BINDING_LOADING))
    value, cost = entry_balances(people, person, held)
    tier = review_tiers(zeros, value.sum(axis=1))
    managed = (rng.random(n) < np.where(tier > 0, 1.0, s.MANAGED_AT_ENTRY)) & ~people.unmanageable[person]
    manager = np.where(managed, draw_manager(people.branch[person], rng), -1)
    return replace(
        nothing, held=held, bound=bound & held[:, s.SERVICE_PRODUCT], value=value, cost=cost, tier=tier, manager=manager
    )


def _weather(scene: Scene, month: int) -> float:
    drift = s.DRIFT_HAZARD * scene.years_from_reference(max(month, 0)) if scene.drift else 0.0
    shocked = scene.shock_month is not None and month > scene.shock_month
    return drift + (s.SHOCK_HAZARD if shocked else 0.0)


def _shares(base: Floats, z: Floats, scene: Scene, month: int) -> Floats:
    odds = base / np.maximum(1 - base, 1e-9) * np.exp(load(z, s.ADOPTION_LOADING))
    if scene.drift:
        odds[:, _DIGITAL] *= np.exp(s.DRIFT_DIGITAL * scene.years_from_reference(max(month, 0)))
    return odds / (1 + odds)


def _move_products(state: State, z: Floats, scene: Scene, month: int, rng: np.random.Generator) -> tuple[Bools, Bools]:
    u = rng.random(state.held.shape, dtype=np.float32)
    active = state.undecided[:, None]
    closed = state.held & active & (u < s.CLOSING_RATE)
    opened = ~state.held & active & (u < _shares(s.ADOPTION_RATE, z, scene, month))
    return (state.held & ~closed) | opened, opened


def _draw_choices(
    state: State, z: Floats, held: Bools, opened: Bools, offers: Bools, rng: np.random.Generator
) -> Choices:
    pull = load(z, s.BINDING_LOADING)
    return Choices(
        active=state.undecided,
        bind=np.minimum(s.BINDING_RATE * np.exp(pull), 0.9),
        bind_new=logistic(s.BOUND_AT_OPENING + pull),
        offered=offers,
        uptake=logistic(s.UPTAKE_LOG_ODDS + load(z, s.UPTAKE_LOADING[:, None])[:, 0]),
        u=rng.random(state.bound.shape, dtype=np.float32),
        opened=opened[:, s.SERVICE_PRODUCT],
        held=held[:, s.SERVICE_PRODUCT],
    )
