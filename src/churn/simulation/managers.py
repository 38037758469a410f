"""Tiers, managers and contacts: whom the bank looks after, and whom it calls."""

from dataclasses import dataclass

import numpy as np

from churn.simulation.balances import unrealised_loss
from churn.simulation.population import Bools, Ints, People
from churn.simulation.state import State
from churn.simulation.structure import (
    CONTACT_LOYALTY,
    CONTACT_MONTHS,
    CONTACT_RATE,
    CONTACT_RATE_DRAINING,
    CONTACT_RATE_LOSS,
    CONTACT_RATE_UNMANAGED,
    LOSS_THRESHOLD,
    MANAGER_CHANGE_RATE,
    MANAGERS_PER_BRANCH,
    REACHED_LOG_ODDS,
    REACHED_LOYALTY,
    TIER_FLOOR_CNY,
    TIER_KEPT,
    VIP_ASSIGNED_RATE,
    Floats,
)

PURPOSES = ("introduce", "invite", "care", "offer", "after_sales", "loss_notice", "event")
INTRODUCE, INVITE, CARE, OFFER, AFTER_SALES, LOSS_NOTICE, EVENT = range(7)
NEVER = 99


@dataclass(frozen=True)
class Contacts:
    """At most one contact a customer and month; `purpose` −1 = none. Shapes (n,)."""

    purpose: Ints
    reached: Bools


def draw_contacts(state: State, people: People, z: Floats, rng: np.random.Generator) -> Contacts:
    """Draw a month's contacts: VIPs, customers with losses and falling balances are called more.

    The next contact of a round is introduce, invite, care, offer; a loss above `LOSS_THRESHOLD` turns
    most contacts into after-sales care or a loss notice. Loyal customers are reached more often.
    """
    u = rng.random((4, len(state.person)), dtype=np.float32)
    loss = unrealised_loss(state) > LOSS_THRESHOLD
    rate = np.where(state.manager >= 0, CONTACT_RATE[state.tier], CONTACT_RATE_UNMANAGED)
    rate = rate + loss * CONTACT_RATE_LOSS * np.where(state.manager >= 0, 1.0, 0.4)
    rate = rate * np.exp(CONTACT_LOYALTY * z[:, 0])
    rate = rate + (state.keeps < 1) * CONTACT_RATE_DRAINING[(state.manager >= 0).astype(int)]
    called = (u[0] < rate) & ~people.do_not_contact[state.person] & ~state.dormant
    purpose = np.where(u[1] < 0.08, EVENT, state.stage)
    purpose = np.where(loss & (u[1] < 0.8), np.where(u[2] < 0.65, AFTER_SALES, LOSS_NOTICE), purpose)
    loyalty = people.latents[state.person, 0]
    reached = u[3] < 1 / (1 + np.exp(-REACHED_LOG_ODDS - REACHED_LOYALTY * loyalty))
    return Contacts(np.where(called, purpose, -1), called & reached)


def after_contacts(state: State, contacts: Contacts) -> tuple[Ints, Ints]:
    """Return the new `since_care` and `stage`: a reached step leads to the next, an offer back to care."""
    cared = contacts.reached & (contacts.purpose == AFTER_SALES)
    since = np.where(cared, 0, np.minimum(state.since_care + 1, NEVER))
    stepped = contacts.reached & (contacts.purpose == state.stage)
    following = np.where(state.stage == OFFER, CARE, state.stage + 1)
    return since, np.where(stepped, following, state.stage)


def in_timely_care(state: State) -> Bools:
    """Who has a loss and was reached by an after-sales contact in the last `CONTACT_MONTHS` months."""
    return (state.since_care < CONTACT_MONTHS) & (unrealised_loss(state) > LOSS_THRESHOLD)


def review_tiers(tier: Ints, aum: Floats) -> Ints:
    """Return tiers by balances; a tier once reached is kept down to `TIER_KEPT` of its floor.

    Examples
    --------
    >>> review_tiers(np.array([0, 1, 1]), np.array([200_000.0, 80_000.0, 70_000.0])).tolist()
    [1, 1, 0]
    """
    earned = np.searchsorted(TIER_FLOOR_CNY, aum, side="right") - 1
    kept = np.searchsorted(TIER_FLOOR_CNY * TIER_KEPT, aum, side="right") - 1
    return np.maximum(np.maximum(earned, np.minimum(tier, kept)), 0)


def draw_manager(branch: Ints, rng: np.random.Generator) -> Ints:
    """Draw one of the branch's managers for each customer."""
    return branch * MANAGERS_PER_BRANCH + rng.integers(0, MANAGERS_PER_BRANCH, len(branch))


def move_managers(state: State, people: People, tier: Ints, rng: np.random.Generator) -> Ints:
    """Return each customer's manager: VIPs get one within months, a few customers change theirs."""
    u = rng.random(len(tier), dtype=np.float32)
    wanted = (state.manager < 0) & (tier > 0) & (u < VIP_ASSIGNED_RATE) & ~people.unmanageable[state.person]
    changed = (state.manager >= 0) & (u < MANAGER_CHANGE_RATE)
    return np.where(wanted | changed, draw_manager(people.branch[state.person], rng), state.manager)
