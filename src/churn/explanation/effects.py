"""The effect of binding each service, by all the evidence there is: randomised offers, and alike customers compared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from churn.config import Config, EffectSettings, FlatFile
from churn.evaluation.intervals import Estimate
from churn.explanation.controls import Control, outcome_control, placebo_control, treatment_control
from churn.explanation.covariates import (
    CONTROL_OUTCOME,
    covariate_names,
    flat_covariate_names,
    once_bound,
    settled,
)
from churn.explanation.observational import (
    LEAST_ARM,
    Ints,
    Nuisances,
    Observational,
    effect_on_unbound,
    estimate_effect,
    fit_nuisances,
)
from churn.explanation.randomised import Offer, estimate_offer
from churn.features.catalogue import catalogue
from churn.frame import Snapshot
from churn.model.schema import encode, learn_schema

BANDS: tuple[tuple[str, float, float], ...] = (("1-2", 0, 2), ("3-4", 3, 4), ("5+", 5, np.inf))
"""Products held, from and to: where the effect of a service may differ."""


@dataclass(frozen=True)
class ServiceEffect:
    """Everything known of what binding one service does to the churn probability.

    Attributes
    ----------
    service
        Its name.
    raw
        Churn of those who have it less churn of those who could and have not.
    observational
        None where too few are alike.
    controls
        Tests of it.
    offer
        Randomised evidence; None where there is none.
    bands
        The effect by products held, for the evidence that leads, where the bands differ beyond chance; else empty.
    """

    service: str
    raw: Estimate
    observational: Observational | None
    controls: tuple[Control, ...]
    offer: Offer | None
    bands: dict[str, Estimate]


class Comparison(NamedTuple):
    """Customers compared for one service, row by row: covariates, who has it, who left.

    `referred` (brought another customer, 0 or 1) and `once` (had it and gave it up) are None where not known;
    `coverage` is NaN where not known.
    """

    matrix: NDArray[np.float64]
    bound: Ints
    y: Ints
    coverage: NDArray[np.float64]
    referred: Ints | None
    once: NDArray[np.bool_] | None


OnService = Callable[[str], None]


def estimate_effects(
    snapshot: Snapshot,
    history: pd.DataFrame,
    offers: pd.DataFrame,
    config: Config,
    *,
    seed: int = 0,
    n_threads: int = 0,
    on_service: OnService = lambda _: None,
) -> list[ServiceEffect]:
    """Estimate every service's effect from a bank's tables.

    Parameters
    ----------
    snapshot
        Labelled customers at a date whose horizon is complete.
    history
        Of `covariates.build_history`, the snapshot's rows in its order.
    offers
        Of `campaigns.build_offers`; may be empty.
    on_service
        Told each service before its turn.
    """
    found = []
    for service in config.services:
        on_service(service)
        compared = _compare(service, snapshot, history, config)
        mine = offers[offers["service"] == service]
        found.append(_estimate(service, compared, mine, config.effects, seed, n_threads))
    return found


def estimate_flat_effects(
    snapshot: Snapshot, flat: FlatFile, settings: EffectSettings, *, seed: int = 0, n_threads: int = 0
) -> list[ServiceEffect]:
    """Estimate the effect of each binding column of a flat file, which holds no dates and no offers."""
    none = pd.DataFrame(columns=["service"])
    return [
        _estimate(name, _compare_flat(name, snapshot, flat), none, settings, seed, n_threads) for name in flat.bindings
    ]


def _compare(service: str, snapshot: Snapshot, history: pd.DataFrame, config: Config) -> Comparison | None:
    features, churned = snapshot.features, snapshot.churned
    if f"bound_{service}" not in features or churned is None:
        return None
    chosen = settled(service, features, history, config)
    names = [name for name in covariate_names(service, catalogue(config)) if name in features]
    coverage = np.full(len(features), np.nan) if snapshot.product_coverage is None else snapshot.product_coverage
    return Comparison(
        features.loc[chosen, names].to_numpy(dtype=np.float64),
        np.asarray(features.loc[chosen, f"bound_{service}"] == 1, dtype=np.int64),
        churned[chosen],
        coverage[chosen],
        np.asarray(features.loc[chosen, CONTROL_OUTCOME] > 0, dtype=np.int64) if CONTROL_OUTCOME in features else None,
        once_bound(service, history)[chosen],
    )


def _compare_flat(name: str, snapshot: Snapshot, flat: FlatFile) -> Comparison | None:
    features, churned = snapshot.features, snapshot.churned
    if churned is None:
        return None
    chosen = features[name].isin([0, 1]).to_numpy()
    others = features.loc[chosen, flat_covariate_names(name, features.columns, flat)]
    matrix = encode(others, learn_schema(others)).matrix if others.shape[1] else np.zeros((int(chosen.sum()), 1))
    coverage = np.full(len(features), np.nan) if snapshot.product_coverage is None else snapshot.product_coverage
    bound = features.loc[chosen, name].to_numpy(dtype=np.int64)
    return Comparison(matrix, bound, churned[chosen], coverage[chosen], None, None)


def _estimate(
    service: str, compared: Comparison | None, offers: pd.DataFrame, settings: EffectSettings, seed: int, n_threads: int
) -> ServiceEffect:
    offer, bands = None, {}
    if len(offers):
        offer = _read_offer(offers)
        bands = dict(_bands_of_offer(offers))
    raw, observational = Estimate(None, None, None), None
    controls: tuple[Control, ...] = ()
    if compared is not None and min(compared.bound.sum(), (1 - compared.bound).sum()) >= LEAST_ARM:
        raw = _raw_difference(compared.bound, compared.y)
        learnt = fit_nuisances(compared.matrix, compared.bound, compared.y, seed=seed, n_threads=n_threads)
        observational = estimate_effect(compared.bound, compared.y, learnt, cf_y=settings.cf_y, cf_d=settings.cf_d)
        if observational is not None:
            controls = tuple(_controls(compared, learnt, seed, n_threads))
            bands = bands if offer else dict(_bands_of_comparison(compared, learnt))
    return ServiceEffect(service, raw, observational, controls, offer, bands if _differ(bands) else {})


def _controls(compared: Comparison, learnt: Nuisances, seed: int, n_threads: int) -> Iterator[Control]:
    matrix, bound, y = compared.matrix, compared.bound, compared.y
    yield placebo_control(matrix, bound, y, seed=seed, n_threads=n_threads)
    tests = []
    if compared.referred is not None:
        tests.append(
            outcome_control(matrix, bound, compared.referred, learnt.propensity, seed=seed, n_threads=n_threads)
        )
    if compared.once is not None:
        free = bound == 0
        tests.append(treatment_control(matrix[free], compared.once[free], y[free], seed=seed, n_threads=n_threads))
    yield from (test for test in tests if test is not None)


def _raw_difference(bound: Ints, y: Ints) -> Estimate:
    rates = [y[bound == arm].mean() for arm in (0, 1)]
    variance = sum(rate * (1 - rate) / (bound == arm).sum() for arm, rate in enumerate(rates))
    value, reach = float(rates[1] - rates[0]), 1.96 * float(np.sqrt(variance))
    return Estimate(value, value - reach, value + reach)


def _read_offer(offers: pd.DataFrame) -> Offer | None:
    return estimate_offer(
        offers["churned"], offers["took"], offers["offered"], offers["campaign_id"], offers["customer_id"]
    )


def _bands_of_offer(offers: pd.DataFrame) -> Iterator[tuple[str, Estimate]]:
    for band, low, high in BANDS:
        found = _read_offer(offers[offers["coverage"].between(low, high)])
        if found is not None and found.late.value is not None:
            yield band, found.late


def _bands_of_comparison(compared: Comparison, learnt: Nuisances) -> Iterator[tuple[str, Estimate]]:
    for band, low, high in BANDS:
        inside = (compared.coverage >= low) & (compared.coverage <= high)
        bound = compared.bound[inside]
        if min(bound.sum(), (1 - bound).sum()) >= LEAST_ARM:
            yield band, effect_on_unbound(bound, compared.y[inside], Nuisances(*(part[inside] for part in learnt)))


def _differ(bands: dict[str, Estimate]) -> bool:
    """Whether all bands are there and differ beyond chance (Cochran's Q at 5 %), so that the data carry them."""
    if len(bands) < len(BANDS):
        return False
    values = np.array([band.value for band in bands.values()], dtype=np.float64)
    widths = np.array([_width(band) for band in bands.values()])
    weights = widths**-2.0
    mean = (weights * values).sum() / weights.sum()
    return bool((weights * (values - mean) ** 2).sum() > chi2.ppf(0.95, len(bands) - 1))


def _width(band: Estimate) -> float:
    return ((band.high or 0.0) - (band.low or 0.0)) / (2 * 1.959964)
