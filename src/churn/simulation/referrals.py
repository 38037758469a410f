"""Who brought whom."""

import numpy as np

from churn.simulation.events import OPEN, Rows
from churn.simulation.population import People
from churn.simulation.structure import REFERRED_SHARE, REFERRER_LOYALTY


def draw_referrals(
    people: People, recorded: np.ndarray, opened_on: np.ndarray, left_on: np.ndarray, rng: np.random.Generator
) -> Rows:
    """Return referrals of customers who enter in the window, by customers living then, the loyal more often.

    `recorded`: persons with a record; `opened_on` and `left_on`: whole days by person.
    """
    entrants = recorded[people.entry[recorded] >= 0]
    referred = entrants[rng.random(len(entrants)) < REFERRED_SHARE]
    weight = np.exp(REFERRER_LOYALTY * people.latents[recorded, 0])
    referrer = np.full(len(referred), -1)
    for _ in range(20):
        open_places = np.flatnonzero(referrer < 0)
        drawn = rng.choice(recorded, len(open_places), p=weight / weight.sum())
        day = opened_on[referred[open_places]]
        living = (opened_on[drawn] < day) & (left_on[drawn] > day)
        referrer[open_places[living]] = drawn[living]
    found = referrer >= 0
    referred_on = np.minimum(opened_on[referred[found]], OPEN).astype(np.int32)
    return {"referrer": referrer[found], "referred": referred[found], "referred_on": referred_on}
