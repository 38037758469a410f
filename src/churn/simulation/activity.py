"""Transactions: how often and by which channel a customer moves money."""

from dataclasses import dataclass

import numpy as np

from churn.simulation.dynamics import load
from churn.simulation.population import Ints, People
from churn.simulation.state import State
from churn.simulation.structure import CHANNEL_LOADING, CHANNEL_RATE, PRODUCT_NAMES, Floats

_ONLINE = PRODUCT_NAMES.index("online_banking")
_MOBILE = PRODUCT_NAMES.index("mobile_banking")


@dataclass(frozen=True)
class Transactions:
    """A month's transactions, shape (m,): person, channel (position in CHANNELS), yuan, tier on the day."""

    person: Ints
    channel: Ints
    amount: Floats
    tier: Ints


def draw_transactions(state: State, people: People, rng: np.random.Generator) -> Transactions:
    """Draw a month's transactions: Poisson counts that show loyalty and digital habit dimly.

    Online and mobile need the product; a customer who is draining does half as much, a dormant nothing.
    """
    rate = CHANNEL_RATE * np.exp(load(people.latents[state.person], CHANNEL_LOADING))
    rate[:, 2] *= state.held[:, _ONLINE]
    rate[:, 3] *= state.held[:, _MOBILE]
    rate *= np.where(state.dormant, 0.0, np.where(state.keeps < 1, 0.5, 1.0))[:, None]
    counts = rng.poisson(np.minimum(rate, 30.0))
    row = np.repeat(np.arange(counts.size), counts.ravel())
    who, channel = row // 4, row % 4
    scale = np.exp(0.5 * (people.log_balance[state.person[who]] - 10) + 6.3)
    amount = scale * np.exp(rng.standard_normal(len(who)))
    return Transactions(state.person[who], channel, amount, state.tier[who])
