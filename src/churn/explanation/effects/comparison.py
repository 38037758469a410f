"""The customers compared, and the covariates held equal, when an effect is estimated without an experiment.

The effect meant is that of being bound at `as_of` rather than not, on what follows. So the records before `as_of`
describe where a customer stands and may be held equal, except

- what is the binding itself: its flag, its days, and every count and share that contains it;
- what only the service makes possible: transactions through its own channel;
- contacts: a bank offers a service to those who have not bound it, and calls those who have for other reasons, so that
  contacts follow from the binding and give it away;
- referrals, kept aside to test the result: nothing a bank binds to a card makes a customer bring another, but what
  makes customers loyal does both.

Compared are settled customers: product open for 91 days, the service bound for as long or not at all, and not offered
in a campaign meanwhile. A customer who has decided to leave binds nothing any more and is gone within about three
months: customers who bound a service last week had not decided, and those who declined an offer perhaps had. Either
would make any service look good.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.estimates import UNKNOWN, Estimate, around
from churn.features.feature import Feature, find_products, find_role, find_services
from churn.frame import Snapshot
from churn.model.schema import encode, learn_schema

SETTLED_DAYS = 91
LEAST_RAW = 30
"""Customers with the service, and without it, that a raw difference needs."""
Ints = NDArray[np.int64]


class ComparedCustomers(NamedTuple):
    """Customers compared for one service, row by row.

    Attributes
    ----------
    matrix, families
        Covariates, shape (n, k), NaN where missing, and the family of each column; of a flat file its own name.
    bound, y
        Customers with it, and those who left, 0 or 1, shape (n,).
    coverage
        Products held, NaN where not known.
    referred, once
        Customers who brought another (0 or 1), and those who had the service and gave it up; None where not known.
    raw
        Churn of those who have it less churn of those who could, over all who could, settled or not; None with fewer
        than 30 of either.
    n_eligible, n_bound
        All who could have it, settled or not, and who had it.
    """

    matrix: NDArray[np.float64]
    families: tuple[str, ...]
    bound: Ints
    y: Ints
    coverage: NDArray[np.float64]
    referred: Ints | None
    once: NDArray[np.bool_]
    raw: Estimate
    n_eligible: int
    n_bound: int

    def of(self, rows: NDArray[np.bool_]) -> "ComparedCustomers":
        """Keep the customers marked in `rows`."""
        parts = {name: getattr(self, name) for name in ("matrix", "bound", "y", "coverage", "referred", "once")}
        return self._replace(**{name: part[rows] for name, part in parts.items() if part is not None})


def compare_customers(
    service: str, snapshot: Snapshot, history: pd.DataFrame, catalogue: Sequence[Feature], settled_days: int
) -> ComparedCustomers | None:
    """Choose the customers of a labelled snapshot, and what is held equal; None without the binding or labels.

    Parameters
    ----------
    history
        Of `churn.evidence.build_history`, the snapshot's rows in its order: settled customers alone are compared.
    catalogue
        What the snapshot's features are.
    settled_days
        `[effects] settled_days`.
    """
    features, churned = snapshot.features, snapshot.churned
    flag = find_services(catalogue).get(service)
    if flag is None or flag.name not in features or churned is None:
        return None
    could = _could(features, flag, catalogue)
    bound = np.asarray(features[flag.name] == 1, dtype=np.int64)
    chosen = could & settled(service, features, history, catalogue, settled_days)
    matrix, families = _covariates(features[chosen], service, catalogue)
    return ComparedCustomers(
        matrix=matrix,
        families=families,
        bound=bound[chosen],
        y=churned[chosen],
        coverage=_coverage(snapshot)[chosen],
        referred=_referred(features[chosen], catalogue),
        once=once_bound(service, history)[chosen],
        raw=raw_difference(bound[could], churned[could]),
        n_eligible=int(could.sum()),
        n_bound=int(bound[could].sum()),
    )


def _could(features: pd.DataFrame, flag: Feature, catalogue: Sequence[Feature]) -> NDArray[np.bool_]:
    """Mark the customers who could have the service: they hold its product, or it needs none and they are recorded."""
    if flag.product is None:
        return features[flag.name].isin([0, 1]).to_numpy()
    return np.asarray(features[find_products(catalogue)[flag.product].name] == 1, dtype=bool)


def _referred(features: pd.DataFrame, catalogue: Sequence[Feature]) -> Ints | None:
    brought = find_role(catalogue, "referrals")
    if brought is None or brought.name not in features:
        return None
    return np.asarray(features[brought.name] > 0, dtype=np.int64)


def _covariates(
    features: pd.DataFrame, service: str, catalogue: Sequence[Feature]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Give what is held equal as numbers, and the family of each column."""
    family = {feature.name: feature.family or feature.name for feature in catalogue}
    held_equal = set(covariate_names(service, catalogue))
    others = features[[name for name in features.columns if name in held_equal]]
    if not others.shape[1]:
        return np.zeros((len(features), 1)), ("nothing",)
    return encode(others, learn_schema(others)).matrix, tuple(family[name] for name in others.columns)


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
    """Mark the customers who had the service bound and unbound it, 91 days ago or earlier."""
    name = f"unbound_days_{service}"
    if name not in history:
        return np.zeros(len(history), dtype=bool)
    chosen: NDArray[np.bool_] = (history[name] >= SETTLED_DAYS).to_numpy(dtype=bool)
    return chosen


def raw_difference(bound: Ints, y: Ints) -> Estimate:
    """Return the difference of two shares with its 95 % Wald interval; None with fewer than 30 rows in either.

    Examples
    --------
    >>> found = raw_difference(np.repeat([0, 1], 50), np.tile([1, 1, 0, 0, 0], 20))
    >>> round(found.value, 3), round(found.high, 2)
    (0.0, 0.19)
    """
    counts = np.bincount(bound, minlength=2)
    if counts.min() < LEAST_RAW:
        return UNKNOWN
    rates = np.bincount(bound, y, minlength=2) / counts
    return around(float(rates[1] - rates[0]), float(np.sqrt((rates * (1 - rates) / counts).sum())))


def _coverage(snapshot: Snapshot) -> NDArray[np.float64]:
    if snapshot.product_coverage is None:
        return np.full(len(snapshot.customer_id), np.nan)
    return snapshot.product_coverage
