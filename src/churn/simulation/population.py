"""Who comes to the bank: latents, age, branch and day of entry of everyone, drawn once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churn.simulation.structure import (
    DO_NOT_CONTACT,
    MEDIAN_BALANCE_CNY,
    NEVER_ASSIGNED,
    OTHER_LOG_BALANCE,
    WEALTH_TO_LOG_BALANCE,
    Floats,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """Everyone who ever entered one partition; arrays of shape (n,), latents (n, 4).

    Attributes
    ----------
    entry
        Month of entry, 0 = the window's first month; negative before it.
    log_balance
        Natural logarithm of the debit balance, in yuan, that the customer returns to.
    share
        Shape (n, 6): size of each valued product once held, as a share of that balance.
    birth_year
        A calendar year; `birth_known` is False where the bank's record lacks it.
    unmanageable
        A VIP who will never be given a manager.
    """

    entry: Ints
    entry_day: Ints
    latents: Floats
    log_balance: Floats
    share: Floats
    birth_year: Ints
    birth_known: Bools
    branch: Ints
    do_not_contact: Bools
    unmanageable: Bools


def draw_people(entry: Ints, first_month: int, branches: int, rng: np.random.Generator) -> People:
    """Draw the people who enter in the months `entry`; `first_month` is month 0 counted from year 0.

    Age loads on wealth (0.3) and against digital habit (−0.5), and is from 18 to 90 at entry.

    Examples
    --------
    >>> people = draw_people(np.zeros(3, dtype=np.int64), 2022 * 12, 2, np.random.default_rng(0))
    >>> people.latents.shape, people.share.shape
    ((3, 4), (3, 6))
    """
    n = len(entry)
    latents = rng.standard_normal((n, 4))
    age_score = rng.standard_normal(n)
    latents[:, 1] = 0.3 * age_score + np.sqrt(1 - 0.09) * latents[:, 1]
    latents[:, 2] = -0.5 * age_score + np.sqrt(1 - 0.25) * latents[:, 2]
    age = np.clip(np.round(40 + 13 * age_score), 18, 90).astype(np.int64)
    balance = np.log(MEDIAN_BALANCE_CNY) + WEALTH_TO_LOG_BALANCE * latents[:, 1]
    share = rng.uniform(0.3, 1.0, (n, 6))
    share[:, 0] = 1.0
    return People(
        entry=entry,
        entry_day=rng.integers(1, 29, n),
        latents=latents,
        log_balance=balance + OTHER_LOG_BALANCE * rng.standard_normal(n),
        share=share,
        birth_year=(first_month + entry) // 12 - age,
        birth_known=rng.random(n) >= 0.01,
        branch=rng.integers(0, branches, n),
        do_not_contact=rng.random(n) < DO_NOT_CONTACT,
        unmanageable=rng.random(n) < NEVER_ASSIGNED,
    )


def join_people(first: People, second: People) -> People:
    """Return both groups as one, `first` before `second`."""
    return People(**{name: np.concatenate([value, getattr(second, name)]) for name, value in vars(first).items()})
