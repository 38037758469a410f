"""Randomised offers of one service to customers who could bind it and have not."""

from dataclasses import dataclass

import numpy as np

from churn.simulation.population import Bools, Ints, People
from churn.simulation.state import State
from churn.simulation.structure import (
    BURN_IN_MONTHS,
    CAMPAIGN_SHARE,
    CAMPAIGNS,
    HORIZON_MONTHS,
    SERVICE_NAMES,
    SERVICE_PRODUCT,
)


@dataclass(frozen=True)
class Assignment:
    """One campaign's members: position in `People`, and whether the offer is made; shapes (n,)."""

    month: int
    service: int
    person: Ints
    treated: Bools


def plan_campaigns(months: int) -> tuple[tuple[int, int], ...]:
    """Return (month, service) of every campaign in order of time, those before the window included.

    A service is offered once a year, so that no wave falls into the year after another. The bank has
    always done so: campaigns that began with the window would make its first year unlike the others.

    Examples
    --------
    >>> [(month, SERVICE_NAMES[service]) for month, service in plan_campaigns(24) if month >= 0][:3]
    [(0, 'fund_trading'), (0, 'cts'), (8, 'cash_sweep')]
    """
    reference = months - HORIZON_MONTHS
    first = reference % 12 - 12 * (BURN_IN_MONTHS // 12 + 1)
    waves = range(first, months + 12, 12)
    planned = [(wave - before, SERVICE_NAMES.index(name)) for name, before in CAMPAIGNS.items() for wave in waves]
    return tuple(sorted((month, service) for month, service in planned if -BURN_IN_MONTHS < month < months))


def assign(state: State, people: People, month: int, service: int, rng: np.random.Generator) -> Assignment:
    """Draw who of the eligible takes part and, one to one by chance alone, who is offered the service."""
    willing = ~people.do_not_contact[state.person]
    eligible = np.flatnonzero(state.held[:, SERVICE_PRODUCT[service]] & ~state.bound[:, service] & willing)
    chosen = rng.permutation(eligible)[: round(CAMPAIGN_SHARE * len(eligible))]
    return Assignment(month, service, state.person[chosen], np.arange(len(chosen)) % 2 == 0)


def offers_of(state: State, assignments: list[Assignment]) -> Bools:
    """Return who of `state` is offered which service, shape (n, 8)."""
    offers = np.zeros(state.bound.shape, dtype=bool)
    for assignment in assignments:
        offers[:, assignment.service] = np.isin(state.person, assignment.person[assignment.treated])
    return offers
