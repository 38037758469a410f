"""One month of the model, for all living customers at once; the past and every future use it alike.

Balances and markets first, then tiers, managers and contacts, then the month that moves them all.
"""

from dataclasses import dataclass, replace

import numpy as np

from churn.simulation import structure as s
from churn.simulation.state import Bools, Ints, People, Scene, State, drivers


@dataclass(frozen=True)
class Market:
    """One month's return of shares and of gold, 0.01 = 1 %."""

    stock: float
    gold: float


def draw_market(scene: Scene, month: int, rng: np.random.Generator) -> Market:
    """Draw one month; months are independent, so that years differ little unless drift or shock is on."""
    stock, gold = rng.standard_normal(2)
    drift = s.DRIFT_STOCK * max(month, 0) / 12 if scene.drift else 0.0
    crash = s.SHOCK_RETURN if month == scene.shock_month else 0.0
    return Market(float(s.STOCK_MEAN + s.STOCK_NOISE * stock + drift + crash), float(s.GOLD_MEAN + s.GOLD_NOISE * gold))


def unrealised_loss(state: State) -> s.Floats:
    """Loss on everything invested as a share of its cost, in [0, 1]; 0 with a gain or nothing invested.

    Formula: max(0, 1 − Σ market value / Σ cost) over products with a cost basis.
    """
    value = state.value[:, s.INVESTED].sum(axis=1)
    cost = state.cost[:, s.INVESTED].sum(axis=1)
    return np.where(cost > 0, np.maximum(0.0, 1 - value / np.maximum(cost, 1e-9)), 0.0)


def money_put_in(state: State) -> s.Floats:
    """Return yuan put in and still at the bank, shape (n,): deposits, and what was invested at its cost.

    Both are in the table `pnl`; the market alone moves neither.
    """
    put_in: s.Floats = np.where(s.INVESTED, state.cost, state.value).sum(axis=1) * state.keeps
    return put_in


def move_balances(
    state: State, people: People, held: Bools, market: Market, rng: np.random.Generator
) -> tuple[s.Floats, s.Floats]:
    """Return value and cost at the month's end, shape (n, 6), for the products then `held`.

    Deposits return to the customer's own level; invested money earns the market and slowly returns to
    plan. Money of a closed product goes to the debit card first, from where the surplus leaves slowly.
    """
    valued = held[:, s.VALUED_PRODUCT]
    plan = np.exp(people.log_balance[state.person])[:, None] * people.share[state.person]
    noise = rng.standard_normal((len(plan), 6), dtype=np.float32)
    returns = s.STOCK_EXPOSURE * market.stock + s.GOLD_EXPOSURE * market.gold + s.OWN_RETURN_NOISE * noise
    grown = state.value * np.maximum(1 + returns, 0.05)
    rebalance = np.where(grown > 0, (plan / np.maximum(grown, 1.0)) ** s.REBALANCED_SHARE, 1.0)
    value = grown * rebalance
    cost = (state.cost + s.REALISED_SHARE * (grown - state.cost)) * rebalance
    freed = np.where(valued, 0.0, value).sum(axis=1)
    value[:, 0] = _debit(state.value[:, 0], plan[:, 0], noise[:, 0]) + freed
    value[:, 1] = np.where(state.value[:, 1] > 0, state.value[:, 1] * 1.0015, 0.0)
    opened = valued & (state.value == 0)
    value = np.where(valued, np.where(opened, plan, value), 0.0)
    return value, np.where(s.INVESTED & valued, np.where(opened, plan, cost), 0.0)


def _debit(before: s.Floats, plan: s.Floats, noise: s.Floats32) -> s.Floats:
    log_ratio = np.log(np.maximum(before, 1.0) / plan)
    return plan * np.exp(s.BALANCE_MEMORY * log_ratio + s.BALANCE_NOISE * noise)


def entry_balances(people: People, person: np.ndarray, held: Bools) -> tuple[s.Floats, s.Floats]:
    """Return value and cost of those who just entered: everything at its planned size, no gain yet."""
    plan = np.exp(people.log_balance[person])[:, None] * people.share[person]
    value = np.where(held[:, s.VALUED_PRODUCT], plan, 0.0)
    return value, np.where(s.INVESTED, value, 0.0)


PURPOSES = ("introduce", "invite", "care", "offer", "after_sales", "loss_notice", "event")
INTRODUCE, INVITE, CARE, OFFER, AFTER_SALES, LOSS_NOTICE, EVENT = range(7)
NEVER = 99


@dataclass(frozen=True)
class Contacts:
    """At most one contact per customer and month; `purpose` −1 = none. Shapes (n,)."""

    purpose: Ints
    reached: Bools


def draw_contacts(state: State, people: People, z: s.Floats, rng: np.random.Generator) -> Contacts:
    """Draw a month's contacts: VIPs, customers with losses and falling balances are called more.

    The next contact of a round is introduce, invite, care, offer; a loss above `LOSS_THRESHOLD` turns
    most contacts into after-sales care or a loss notice. Loyal customers are reached more often.
    """
    u = rng.random((4, len(state.person)), dtype=np.float32)
    loss = unrealised_loss(state) > s.LOSS_THRESHOLD
    rate = np.where(state.manager >= 0, s.CONTACT_RATE[state.tier], s.CONTACT_RATE_UNMANAGED)
    rate = rate + loss * s.CONTACT_RATE_LOSS * np.where(state.manager >= 0, 1.0, 0.4)
    rate = rate * np.exp(s.CONTACT_LOYALTY * z[:, 0])
    rate = rate + (state.keeps < 1) * s.CONTACT_RATE_DRAINING[(state.manager >= 0).astype(int)]
    called = (u[0] < rate) & ~people.do_not_contact[state.person] & ~state.dormant
    purpose = np.where(u[1] < 0.08, EVENT, state.stage)
    purpose = np.where(loss & (u[1] < 0.8), np.where(u[2] < 0.65, AFTER_SALES, LOSS_NOTICE), purpose)
    loyalty = people.latents[state.person, 0]
    reached = u[3] < 1 / (1 + np.exp(-s.REACHED_LOG_ODDS - s.REACHED_LOYALTY * loyalty))
    return Contacts(np.where(called, purpose, -1), called & reached)


def after_contacts(state: State, contacts: Contacts) -> tuple[Ints, Ints]:
    """Return the new `since_care` and `stage`: a reached step leads to the next, an offer back to care."""
    cared = contacts.reached & (contacts.purpose == AFTER_SALES)
    since = np.where(cared, 0, np.minimum(state.since_care + 1, NEVER))
    stepped = contacts.reached & (contacts.purpose == state.stage)
    following = np.where(state.stage == OFFER, CARE, state.stage + 1)
    return since, np.where(stepped, following, state.stage)


def in_timely_care(state: State) -> Bools:
    """Mark the customers with a loss who were reached by an after-sales contact in the last `CONTACT_MONTHS` months."""
    return (state.since_care < s.CONTACT_MONTHS) & (unrealised_loss(state) > s.LOSS_THRESHOLD)


def review_tiers(tier: Ints, aum: s.Floats) -> Ints:
    """Return tiers by balances; a tier once reached is kept down to `TIER_KEPT` of its floor.

    Examples
    --------
    >>> review_tiers(np.array([0, 1, 1]), np.array([200_000.0, 80_000.0, 70_000.0])).tolist()
    [1, 1, 0]
    """
    earned = np.searchsorted(s.TIER_FLOOR_CNY, aum, side="right") - 1
    kept = np.searchsorted(s.TIER_FLOOR_CNY * s.TIER_KEPT, aum, side="right") - 1
    return np.maximum(np.maximum(earned, np.minimum(tier, kept)), 0)


def draw_manager(branch: Ints, rng: np.random.Generator) -> Ints:
    """Draw one of the branch's managers for each customer."""
    return branch * s.MANAGERS_PER_BRANCH + rng.integers(0, s.MANAGERS_PER_BRANCH, len(branch))


def move_managers(state: State, people: People, tier: Ints, rng: np.random.Generator) -> Ints:
    """Return each customer's manager: VIPs get one within months, a few customers change theirs."""
    u = rng.random(len(tier), dtype=np.float32)
    wanted = (state.manager < 0) & (tier > 0) & (u < s.VIP_ASSIGNED_RATE) & ~people.unmanageable[state.person]
    changed = (state.manager >= 0) & (u < s.MANAGER_CHANGE_RATE)
    return np.where(wanted | changed, draw_manager(people.branch[state.person], rng), state.manager)


_DIGITAL = [s.PRODUCT_NAMES.index(name) for name in ("online_banking", "mobile_banking")]


@dataclass(frozen=True)
class Choices:
    """A month's chances and the uniform draws they meet; with them any binding can be replayed.

    `bind`, `bind_new` and `uptake` have shapes (n, 8), (n, 8) and (n,); `u` is (n, 8).
    """

    active: Bools
    bind: s.Floats
    bind_new: s.Floats
    offered: Bools
    uptake: s.Floats
    u: s.Floats32
    opened: Bools
    held: Bools


@dataclass(frozen=True)
class Month:
    """One month: the state at its end, and who was called."""

    state: State
    choices: Choices
    contacts: Contacts


def logistic(x: s.Floats) -> s.Floats:
    """Return 1 / (1 + exp(−x))."""
    return 1 / (1 + np.exp(-x))


def load(z: s.Floats, loading: s.Floats) -> s.Floats:
    """Return z @ loading in a fixed order of summation, whatever the number of threads."""
    product: s.Floats = np.einsum("ij,jk->ik", z, loading)
    return product


def log_odds_to_leave(state: State, people: People, scene: Scene, month: int) -> s.Floats:
    """Log-odds of deciding to leave this month, without the intercept of the coverage; shape (n,)."""
    z = drivers(state, people, scene, month)
    eta = load(z, s.LATENT_EFFECT[:, None])[:, 0] + load(state.bound.astype(float), s.BINDING_EFFECT[:, None])[:, 0]
    eta += s.LOSS_EFFECT * unrealised_loss(state) + s.CONTACT_EFFECT * in_timely_care(state)
    tenure = month - people.entry[state.person]
    eta += s.NEW_CUSTOMER_EFFECT * np.exp(-tenure / s.NEW_CUSTOMER_MONTHS)
    return eta + _weather(scene, month)


def intercepts_at(scene: Scene, month: int) -> s.Floats:
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


def takers_chance(bound: Bools, choices: Choices) -> s.Floats:
    """Chance of binding within the month if offered and not otherwise, shape (n, 8)."""
    could = choices.held & ~choices.opened & ~bound & choices.active[:, None]
    return np.where(could, (1 - choices.bind) * choices.uptake[:, None], 0.0)


def enter(person: Ints, people: People, scene: Scene, month: int, rng: np.random.Generator) -> State:
    """Return the state of those who enter in `month`, at that month's end."""
    n = len(person)
    zeros = np.zeros(n, dtype=np.int64)
    nothing = State(
        person=person, held=np.zeros((n, 13), bool), bound=np.zeros((n, 8), bool),
        opened=np.full((n, 13), month), bound_in=np.full((n, 8), month),
        value=np.zeros((n, 6)), cost=np.zeros((n, 6)), keeps=np.ones(n),
        tier=zeros, manager=zeros - 1, since_care=zeros + NEVER, stage=zeros,
        leaves_in=zeros, lasts=zeros, way=zeros - 1, dormant=np.zeros(n, bool),
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


def _shares(base: s.Floats, z: s.Floats, scene: Scene, month: int) -> s.Floats:
    odds = base / np.maximum(1 - base, 1e-9) * np.exp(load(z, s.ADOPTION_LOADING))
    if scene.drift:
        odds[:, _DIGITAL] *= np.exp(s.DRIFT_DIGITAL * scene.years_from_reference(max(month, 0)))
    return odds / (1 + odds)


def _move_products(
    state: State, z: s.Floats, scene: Scene, month: int, rng: np.random.Generator
) -> tuple[Bools, Bools]:
    u = rng.random(state.held.shape, dtype=np.float32)
    active = state.undecided[:, None]
    closed = state.held & active & (u < s.CLOSING_RATE)
    opened = ~state.held & active & (u < _shares(s.ADOPTION_RATE, z, scene, month))
    return (state.held & ~closed) | opened, opened


def _draw_choices(
    state: State, z: s.Floats, held: Bools, opened: Bools, offers: Bools, rng: np.random.Generator
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
