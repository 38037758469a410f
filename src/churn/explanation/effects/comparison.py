"""The customers that are compared for one service, as arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.estimates import Z_95, Estimate
from churn.explanation.effects.covariates import covariate_names, once_bound, settled
from churn.features.feature import Feature, find_products, find_role, find_services
from churn.frame import Snapshot
from churn.model.schema import encode, learn_schema

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
        Who has it and who left, 0 or 1, shape (n,).
    coverage
        Products held, NaN where not known.
    referred, once
        Who brought another customer (0 or 1), and who had the service and gave it up; None where not known.
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
        return self._replace(
            matrix=self.matrix[rows],
            bound=self.bound[rows],
            y=self.y[rows],
            coverage=self.coverage[rows],
            referred=None if self.referred is None else self.referred[rows],
            once=None if self.once is None else self.once[rows],
        )


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
    """Who could have the service: who holds its product, or where it needs none, all of whom it is known."""
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


def raw_difference(bound: Ints, y: Ints) -> Estimate:
    """Return the difference of two shares with its 95 % Wald interval; None with fewer than 30 rows in either.

    Examples
    --------
    >>> found = raw_difference(np.repeat([0, 1], 50), np.tile([1, 1, 0, 0, 0], 20))
    >>> round(found.value, 3), round(found.high, 2)
    (0.0, 0.19)
    """
    counts = np.bincount(bound, minlength=2)
    if counts.min() < LEAST_RAW:
        return Estimate(None, None, None)
    rates = np.bincount(bound, y, minlength=2) / counts
    reach = Z_95 * float(np.sqrt((rates * (1 - rates) / counts).sum()))
    value = float(rates[1] - rates[0])
    return Estimate(value, value - reach, value + reach)


def _coverage(snapshot: Snapshot) -> NDArray[np.float64]:
    if snapshot.product_coverage is None:
        return np.full(len(snapshot.customer_id), np.nan)
    return snapshot.product_coverage
