"""Transactions: how often and by which channel a customer moves money, how much, and in which direction."""

from dataclasses import dataclass

import numpy as np

from churn.simulation.dynamics import load, logistic
from churn.simulation.population import Ints, People
from churn.simulation.state import State
from churn.simulation.structure import (
    AMOUNT_AT_BALANCE_CNY,
    AMOUNT_TO_LOG_BALANCE,
    BROUGHT_TO_COUNTER,
    CHANNEL_LOADING,
    CHANNEL_RATE,
    CHANNELS,
    FLOW_RESPONSE,
    LARGE_NOISE,
    LARGE_SHARE,
    LARGE_TO_BALANCE,
    MEDIAN_AMOUNT_CNY,
    PRODUCT_NAMES,
    SENT_TO_ATM,
    Floats,
)

_ONLINE = PRODUCT_NAMES.index("online_banking")
_MOBILE = PRODUCT_NAMES.index("mobile_banking")
_COUNTER, _ATM = CHANNELS.index("counter"), CHANNELS.index("atm")


@dataclass(frozen=True)
class Transactions:
    """A month's transactions, shape (m,), those of a customer one after another.

    Attributes
    ----------
    person
        Position in `People`.
    channel
        Position in CHANNELS; what a customer would use if all were served alike (see `serve`).
    luck
        Standard normal: how large the amount is for this customer.
    tier
        Tier on the day.
    growth
        Logarithm of the customer's money at the month's end over that at its start.
    """

    person: Ints
    channel: Ints
    luck: Floats
    tier: Ints
    growth: Floats


def draw_transactions(state: State, growth: Floats, people: People, rng: np.random.Generator) -> Transactions:
    """Draw a month's transactions: Poisson counts that show loyalty and digital habit dimly.

    Online and mobile need the product; a customer who is draining does half as much, a dormant nothing.
    `growth` (n,): see `Transactions`.
    """
    rate = CHANNEL_RATE * np.exp(load(people.latents[state.person], CHANNEL_LOADING))
    rate[:, 2] *= state.held[:, _ONLINE]
    rate[:, 3] *= state.held[:, _MOBILE]
    rate *= np.where(state.dormant, 0.0, np.where(state.keeps < 1, 0.5, 1.0))[:, None]
    counts = rng.poisson(np.minimum(rate, 30.0))
    row = np.repeat(np.arange(counts.size), counts.ravel())
    who, channel = row // 4, row % 4
    return Transactions(state.person[who], channel, rng.standard_normal(len(who)), state.tier[who], growth[who])


def serve(made: Transactions, rng: np.random.Generator) -> Ints:
    """Return where each transaction is made, shape (m,), positions in CHANNELS.

    Ordinary customers are sent to the machine with a share of their counter business. VIPs bring a share
    of the machine's to the counter, but come once a month: what else they have goes to the machine.
    """
    u = rng.random(len(made.person))
    vip, counter = made.tier > 0, made.channel == _COUNTER
    sent = ~vip & counter & (u < SENT_TO_ATM)
    brought = vip & (made.channel == _ATM) & (u < BROUGHT_TO_COUNTER)
    visits = np.flatnonzero(vip & (counter | brought))
    again = visits[1:][made.person[visits[1:]] == made.person[visits[:-1]]]
    channel = np.where(sent, _ATM, np.where(brought, _COUNTER, made.channel))
    channel[again] = _ATM
    return channel


def draw_amounts(made: Transactions, channel: Ints, people: People, rng: np.random.Generator) -> Floats:
    """Return yuan, shape (m,): positive in, negative out.

    Some of the counter's business is of the size of the customer's balance. The direction follows only what
    the month-ends' balances show: money tends to go out in a month in which they fall, whatever the reason.
    """
    u = rng.random((2, len(made.person)))
    log_balance = people.log_balance[made.person]
    usual = np.log(MEDIAN_AMOUNT_CNY) + AMOUNT_TO_LOG_BALANCE * (log_balance - np.log(AMOUNT_AT_BALANCE_CNY))
    large = (channel == _COUNTER) & (u[0] < LARGE_SHARE)
    whole = np.log(LARGE_TO_BALANCE) + log_balance + LARGE_NOISE * made.luck
    size: Floats = np.exp(np.where(large, whole, usual + made.luck))
    return np.where(u[1] < logistic(FLOW_RESPONSE * made.growth), size, -size)
