"""The customers that are compared for one service, as arrays."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config, FlatFile
from churn.estimates import Z_95, Estimate
from churn.explanation.effects.covariates import (
    CONTROL_OUTCOME,
    covariate_names,
    flat_covariate_names,
    once_bound,
    settled,
)
from churn.features.catalogue import catalogue
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
    once: NDArray[np.bool_] | None
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
    service: str, snapshot: Snapshot, history: pd.DataFrame, config: Config
) -> ComparedCustomers | None:
    """Choose the settled customers of a labelled snapshot, and what is held equal; None without bindings or labels.

    Parameters
    ----------
    history
        Of `covariates.build_history`, the snapshot's rows in its order.
    """
    features, churned = snapshot.features, snapshot.churned
    if f"bound_{service}" not in features or churned is None:
        return None
    held = np.asarray(features[f"holds_{config.services[service].product}"] == 1, dtype=bool)
    bound = np.asarray(features[f"bound_{service}"] == 1, dtype=np.int64)
    family = {feature.name: feature.family for feature in catalogue(config)}
    names = [name for name in covariate_names(service, catalogue(config)) if name in features]
    chosen = held & settled(service, features, history, config)
    referred = features.loc[chosen, CONTROL_OUTCOME] > 0 if CONTROL_OUTCOME in features else None
    return ComparedCustomers(
        matrix=features.loc[chosen, names].to_numpy(dtype=np.float64),
        families=tuple(family[name] for name in names),
        bound=bound[chosen],
        y=churned[chosen],
        coverage=_coverage(snapshot)[chosen],
        referred=None if referred is None else np.asarray(referred, dtype=np.int64),
        once=once_bound(service, history)[chosen],
        raw=raw_difference(bound[held], churned[held]),
        n_eligible=int(held.sum()),
        n_bound=int(bound[held].sum()),
    )


def compare_flat_customers(name: str, snapshot: Snapshot, flat: FlatFile) -> ComparedCustomers | None:
    """Choose the customers of a labelled flat file who have 0 or 1 in the column `name`; None without labels."""
    features, churned = snapshot.features, snapshot.churned
    if churned is None:
        return None
    chosen = features[name].isin([0, 1]).to_numpy()
    others = features.loc[chosen, flat_covariate_names(name, features.columns, flat)]
    matrix = encode(others, learn_schema(others)).matrix if others.shape[1] else np.zeros((int(chosen.sum()), 1))
    bound, y = features.loc[chosen, name].to_numpy(dtype=np.int64), churned[chosen]
    return ComparedCustomers(
        matrix=matrix,
        families=tuple(others.columns) or ("nothing",),
        bound=bound,
        y=y,
        coverage=_coverage(snapshot)[chosen],
        referred=None,
        once=None,
        raw=raw_difference(bound, y),
        n_eligible=len(bound),
        n_bound=int(bound.sum()),
    )


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
