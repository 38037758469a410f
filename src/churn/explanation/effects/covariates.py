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

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config, FlatFile
from churn.features.feature import Feature

SETTLED_DAYS = 91
CONTROL_OUTCOME = "n_referred_365d"
_SUMS = frozenset({"n_bound", "share_bound", "days_since_unbinding"})
_CHANNELS = {"online_banking": "n_online_", "mobile_banking": "n_mobile_"}
_DIGITAL = "share_digital_365d"
_PREFIXES = ("n_unbound_", "days_since_bound_")


def covariate_names(service: str, features: Iterable[Feature]) -> list[str]:
    """Name what is held equal when binding `service` is judged.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> names = covariate_names("cts", catalogue(Config()))
    >>> "bound_cts" in names, "bound_fund_trading" in names, "days_since_bound_cts" in names, "aum_cny" in names
    (False, True, False, True)
    """
    own = {f"bound_{service}", CONTROL_OUTCOME, *_SUMS}
    prefixes: tuple[str, ...] = _PREFIXES
    if service in _CHANNELS:
        own.add(_DIGITAL)
        prefixes = (*_PREFIXES, _CHANNELS[service])
    known = [f for f in features if f.family != "contacts" and "contacts" not in f.tables]
    return [f.name for f in known if f.name not in own and not f.name.startswith(prefixes)]


def flat_covariate_names(service: str, columns: Iterable[str], flat: FlatFile) -> list[str]:
    """Name what is held equal in a flat file: every other column, of which the bank alone knows what they mean."""
    return [name for name in columns if name != service and name not in flat.drop]


def settled(service: str, features: pd.DataFrame, history: pd.DataFrame, config: Config) -> NDArray[np.bool_]:
    """Whom the effect is estimated on: product open for 91 days, the service bound as long or not, and not offered.

    91 days are `[effects] settled_days`.

    `features` and `history` have the same rows in the same order.
    """
    product = config.services[service].product
    days = config.effects.settled_days
    open_long = (history[f"held_days_{product}"] >= days).to_numpy(dtype=bool)
    bound = features[f"bound_{service}"].to_numpy() == 1
    bound_long = (features[f"days_since_bound_{service}"] >= days).to_numpy(dtype=bool)
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
