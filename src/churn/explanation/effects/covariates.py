"""Who is compared with whom, and what is held equal, when the effect of a binding is estimated without an experiment.

The effect meant is that of being bound at `as_of` rather than not, on what follows. So what is known before `as_of`
describes where a customer stands and may be held equal, except

- what is the binding itself: its flag, its days, and every count and share that contains it;
- what only the service makes possible: transactions through its own channel;
- contacts: a bank offers a service to those who have not bound it, and calls those who have for other reasons, so that
  contacts follow from the binding and give it away;
- referrals, kept aside to test the result: nothing a bank binds to a card makes a customer bring another, but what
  makes customers loyal does both.

Compared are settled customers: product open for 91 days, the service bound for as long or not at all, and not offered
in a campaign meanwhile. Who has decided to leave binds nothing any more, and is gone within about three months: whoever
bound a service last week had not decided, and whoever was offered it and declined perhaps had. Either would make any
service look good.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.features.feature import Feature, find_services

SETTLED_DAYS = 91


def covariate_names(service: str, catalogue: Iterable[Feature]) -> list[str]:
    """Name what is held equal when binding `service` is judged; of a file every other column.

    Of a file the bank alone knows what its columns mean.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> names = covariate_names("cts", catalogue(Config()))
    >>> "bound_cts" in names, "bound_fund_trading" in names, "days_since_bound_cts" in names, "aum_cny" in names
    (False, True, False, True)
    """
    return [one.name for one in catalogue if one.role != "referrals" and not one.follows(service)]


def settled(
    service: str, features: pd.DataFrame, history: pd.DataFrame, catalogue: Sequence[Feature], days: int
) -> NDArray[np.bool_]:
    """Whom the effect is estimated on: product open for so many days, the service bound as long or not, not offered.

    Of a file, which does not say since when anything is so, everybody. `features` and `history` have the same rows in
    the same order; `days` are `[effects] settled_days`.
    """
    flag = find_services(catalogue)[service]
    if flag.product is None:
        return np.ones(len(features), dtype=bool)
    lasting = next(one for one in catalogue if one.service == service and one.role == "bound_days")
    open_long = (history[f"held_days_{flag.product}"] >= days).to_numpy(dtype=bool)
    bound = features[flag.name].to_numpy() == 1
    bound_long = (features[lasting.name] >= days).to_numpy(dtype=bool)
    chosen: NDArray[np.bool_] = open_long & (~bound | bound_long)
    offered = f"offered_days_{service}"
    if offered in history:
        chosen &= ~(history[offered] < days).to_numpy(dtype=bool)
    return chosen


def once_bound(service: str, history: pd.DataFrame) -> NDArray[np.bool_]:
    """Who had the service bound and has unbound it, 91 days ago or earlier."""
    name = f"unbound_days_{service}"
    if name not in history:
        return np.zeros(len(history), dtype=bool)
    chosen: NDArray[np.bool_] = (history[name] >= SETTLED_DAYS).to_numpy(dtype=bool)
    return chosen
