"""Randomised offers of one service to customers who could bind it and have not."""

from dataclasses import dataclass

import numpy as np

from churn.simulation.population import Bools, Ints, People
from churn.simulation.state import State
from churn.simulation.structure import CAMPAIGN_SHARE, CAMPAIGNS, HORIZON_MONTHS, SERVICE_NAMES, SERVICE_PRODUCT


@dataclass(frozen=True)
class Assignment:
    """One campaign's members: position in `People`, and whether the offer is made; shapes (n,)."""

    month: int
    service: int
    person: Ints
    treated: Bools


def plan_campaigns(months: int) -> tuple[tuple[int, int], ...]:
    """Return (month, service) of every campaign in a window, in order of time.

    A service is offered once a year, so that no wave falls into the year after another; the first half
    year has none, so that a history lies before.

    Examples
    --------
    >>> [(month, SERVICE_NAMES[service]) for month, service in plan_campaigns(24)][:2]
    [(8, 'cash_sweep'), (9, 'credit_card_repayment')]
    """
    reference = months - HORIZON_MONTHS
    waves = range(reference % 12 - 12, months + 12, 12)
    planned = [(wave - before, SERVICE_NAMES.index(name)) for name, before in CAMPAIGNS.items() for wave in waves]
    return tuple(sorted((month, service) for month, service in planned if 6 <= month < months))


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
