"""A whole file explained, partition by partition: what matters how much, and what the model makes of each service."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from churn.estimates import UNKNOWN, Estimate
from churn.explanation import shap
from churn.explanation.shap import Contributions
from churn.features.feature import Feature, find_products, find_services
from churn.frame import Snapshot
from churn.model.fitted import FittedModel

SAMPLE = 5_000
"""Customers at most that plots show."""
N_BOOT = 200
LEAST_GROUP = 10
"""Customers in either group, under which no contrast is given."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ServiceColumns:
    """Where a service stands in the features.

    Attributes
    ----------
    flag
        Column that is 1 where it is bound.
    columns
        All columns of the model that are the service's own, whose SHAP values are added up; empty where the model was
        trained without the service.
    eligible
        Column that is 1 where it could be bound; None where everybody with a flag of 0 or 1 could.
    """

    flag: str
    columns: tuple[str, ...]
    eligible: str | None


class Contrast(NamedTuple):
    """Mean SHAP value of a service's columns in log-odds, with and without it, and their difference.

    `points` is the difference in calibrated probability, with its bootstrap interval over customers.
    """

    bound: float | None
    unbound: float | None
    log_odds: float | None
    points: Estimate


NO_CONTRAST = Contrast(None, None, None, UNKNOWN)
"""Of a service that too few bound or left unbound, or that the model does not know."""


@dataclass(frozen=True)
class Seen:
    """A service in the file explained: customers who could bind it, those who did, and its SHAP contrast."""

    n_eligible: int
    n_bound: int
    contrast: Contrast


@dataclass(frozen=True)
class Survey:
    """The survey of a file.

    Attributes
    ----------
    n
        Customers.
    importance
        One row per feature, the largest first: `feature`, `mean_abs_log_odds`, `mean_abs_points` (of probability).
    seen
        By service.
    sample, sample_features
        SHAP values and features of up to 5,000 customers, spread evenly over the file.
    """

    n: int
    importance: pd.DataFrame
    seen: Mapping[str, Seen]
    sample: Contributions
    sample_features: pd.DataFrame


OnPart = Callable[[pa.Table], None]


def service_columns(catalogue: Sequence[Feature], names: Sequence[str]) -> dict[str, ServiceColumns]:
    """Find every service of the catalogue among a model's features `names`.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> names = ["bound_cts", "days_since_bound_cts", "holds_cts"]
    >>> service_columns(catalogue(Config()), names)["cts"].columns
    ('bound_cts', 'days_since_bound_cts')
    """
    held = find_products(catalogue)
    own = {service: [one.name for one in catalogue if one.service == service] for service in find_services(catalogue)}
    return {
        service: ServiceColumns(
            flag.name,
            tuple(name for name in own[service] if name in names),
            held[flag.product].name if flag.product else None,
        )
        for service, flag in find_services(catalogue).items()
    }


def survey_customers(
    snapshots: Iterable[Snapshot],
    model: FittedModel,
    services: Mapping[str, ServiceColumns],
    *,
    n_expected: int,
    on_part: OnPart = lambda _: None,
) -> Survey:
    """Explain partition after partition; one is held in memory at a time.

    Parameters
    ----------
    snapshots
        Customers in partitions, at least one.
    services
        Of `service_columns`.
    n_expected
        About how many customers there are; decides how many of them the sample skips.
    on_part
        Given, for each partition, `customer_id`, the SHAP value of each feature, and `base_value`.

    Raises
    ------
    ModelError
        The features are not those the model was trained on.
    """
    step = max(1, n_expected // SAMPLE)
    sums = np.zeros((2, len(model.schema.names)))
    parts: dict[str, list[tuple[Any, ...]]] = {service: [] for service in services}
    sampled: list[tuple[NDArray[np.float32], pd.DataFrame]] = []
    n, base_value = 0, 0.0
    for snapshot in snapshots:
        explained = shap.explain_features(model, snapshot.features)
        features = snapshot.features[list(model.schema.names)]
        probability = model.predict(features).probability
        points = shap.to_points(explained.values, shap.base_probability(model, features, explained), probability)
        sums += np.abs(explained.values).sum(axis=0, dtype=np.float64), np.abs(points).sum(axis=0)
        for service, columns in services.items():
            at = [model.schema.names.index(name) for name in columns.columns]
            own = explained.values[:, at], points[:, at]
            parts[service].append(_contributions(columns, snapshot.features, *own))
        chosen = np.flatnonzero((np.arange(n, n + len(features)) % step) == 0)
        sampled.append((explained.values[chosen], features.iloc[chosen]))
        n, base_value = n + len(features), explained.base_value
        on_part(_shap_table(snapshot, model, explained))
    return Survey(
        n,
        _rank(model.schema.names, sums / max(n, 1)),
        {service: _see(parts[service], seen_by_model=bool(own.columns)) for service, own in services.items()},
        Contributions(np.concatenate([values for values, _ in sampled]), base_value),
        pd.concat([frame for _, frame in sampled], ignore_index=True),
    )


def contrast_shap(log_odds: Floats, points: Floats, bound: NDArray[np.bool_], *, seed: int = 0) -> Contrast:
    """Compare the SHAP values of the eligible who bound a service with those of the eligible who did not.

    Parameters
    ----------
    log_odds, points
        SHAP value of the service's columns together, shape (n,).
    bound
        Customers who bound it, shape (n,).

    Examples
    --------
    >>> bound = np.arange(40) < 20
    >>> found = contrast_shap(np.where(bound, -0.5, 0.1), np.where(bound, -0.1, 0.02), bound)
    >>> round(found.log_odds, 2), round(found.points.value, 2)
    (-0.6, -0.12)
    """
    if min(bound.sum(), (~bound).sum()) < LEAST_GROUP:
        return NO_CONTRAST
    with_it, without = float(log_odds[bound].mean()), float(log_odds[~bound].mean())
    rng = np.random.default_rng(seed)
    drawn = _resampled_means(points[bound], rng) - _resampled_means(points[~bound], rng)
    low, high = np.quantile(drawn, [0.025, 0.975])
    difference = float(points[bound].mean() - points[~bound].mean())
    return Contrast(with_it, without, with_it - without, Estimate(difference, float(low), float(high)))


def shap_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of `shap.parquet`: `customer_id`, a column per feature in log-odds, `base_value`.

    A feature of a flat file that has one of these two names stands there with ` (feature)` behind it.

    Examples
    --------
    >>> shap_schema(["base_value", "age"]).names
    ['customer_id', 'base_value (feature)', 'age', 'base_value']
    """
    ours = ("customer_id", "base_value")
    columns = [_another_name(name, {*ours, *names}) if name in ours else name for name in names]
    return pa.schema([(ours[0], pa.string()), *((name, pa.float32()) for name in columns), (ours[1], pa.float64())])


def _another_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"{name} (feature)"
    return name


def _shap_table(snapshot: Snapshot, model: FittedModel, explained: Contributions) -> pa.Table:
    names = model.schema.names
    columns: list[Any] = [pa.array(snapshot.customer_id, pa.string())]
    columns += [pa.array(explained.values[:, at]) for at in range(len(names))]
    columns.append(pa.array(np.full(len(snapshot.customer_id), explained.base_value)))
    return pa.table(columns, schema=shap_schema(names))


def _contributions(
    columns: ServiceColumns, features: pd.DataFrame, values: NDArray[np.float32], points: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Give what a service's own columns contribute to those of a partition who could bind it, and who did."""
    flag = features[columns.flag].to_numpy(dtype=np.float64)
    could = np.isin(flag, (0, 1)) if columns.eligible is None else features[columns.eligible].to_numpy() == 1
    return values[could].sum(axis=1, dtype=np.float64), points[could].sum(axis=1), flag[could] == 1


def _see(parts: Sequence[tuple[Any, ...]], *, seen_by_model: bool) -> Seen:
    log_odds, points, bound = (np.concatenate(column) for column in zip(*parts, strict=True))
    contrast = contrast_shap(log_odds, points, bound) if seen_by_model else NO_CONTRAST
    return Seen(len(bound), int(bound.sum()), contrast)


def _rank(names: Sequence[str], means: Floats) -> pd.DataFrame:
    table = pd.DataFrame({"feature": list(names), "mean_abs_log_odds": means[0], "mean_abs_points": means[1]})
    return table.sort_values("mean_abs_log_odds", ascending=False, kind="stable", ignore_index=True)


def _resampled_means(values: Floats, rng: np.random.Generator) -> Floats:
    return np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(N_BOOT)])
