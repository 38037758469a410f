"""The effect of binding each service, by all the evidence there is: randomised offers, and alike customers compared."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import chi2

from churn.config import Config, EffectSettings, FlatFile
from churn.estimates import Z_95, Estimate
from churn.explanation.effects.comparison import Comparison, compare_customers, compare_flat_customers
from churn.explanation.effects.controls import Control, outcome_control, placebo_control, treatment_control
from churn.explanation.effects.observational import (
    LEAST_ARM,
    Nuisances,
    Observational,
    alike,
    effect_on_unbound,
    estimate_effect,
    fit_nuisances,
)
from churn.explanation.effects.randomised import Offer, estimate_offer
from churn.explanation.effects.strengths import Strength, observed_strengths
from churn.frame import Snapshot

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
        Churn of those who have it less churn of those who could and have not; None with fewer than 30 of either.
    observational
        None where too few are alike.
    controls
        Tests of it.
    offer
        Randomised evidence; None where there is none.
    bands
        The effect by products held, for the evidence that leads, where the bands differ beyond chance; else empty.
    strengths
        How strong the observed covariates are; empty where not asked for.
    n_eligible, n_bound
        Customers with an outcome who could have it, and who had it.
    overlap_share
        Share of the compared who were alike, where too few were for an estimate; else None.
    """

    service: str
    raw: Estimate
    observational: Observational | None
    controls: tuple[Control, ...]
    offer: Offer | None
    bands: dict[str, Estimate]
    strengths: tuple[Strength, ...] = ()
    n_eligible: int = 0
    n_bound: int = 0
    overlap_share: float | None = None


LARGEST_Z = 4.0
"""Standard errors by which the arms of an offer may differ in products held before it: one in 15,000 fair draws."""
_log = logging.getLogger(__name__)
OnService = Callable[[str], None]


def estimate_effects(
    snapshot: Snapshot,
    history: pd.DataFrame,
    offers: pd.DataFrame,
    config: Config,
    *,
    strengths: bool = False,
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
    strengths
        Also measure the observed covariates, which takes about as long again.
    on_service
        Told each service before its turn.
    """
    found = []
    for service in config.services:
        on_service(service)
        compared = compare_customers(service, snapshot, history, config)
        mine = offers[offers["service"] == service]
        effect = _estimate(service, compared, mine, config.effects, seed, n_threads)
        if strengths and compared is not None:
            measured = observed_strengths(compared, seed=seed, n_threads=n_threads)
            effect = replace(effect, strengths=tuple(measured))
        found.append(effect)
    return found


def estimate_flat_effects(
    snapshot: Snapshot, flat: FlatFile, settings: EffectSettings, *, seed: int = 0, n_threads: int = 0
) -> list[ServiceEffect]:
    """Estimate the effect of each binding column of a flat file, which holds no dates and no offers."""
    none = pd.DataFrame(columns=["service"])
    return [
        _estimate(name, compare_flat_customers(name, snapshot, flat), none, settings, seed, n_threads)
        for name in flat.bindings
    ]


def _estimate(
    service: str, compared: Comparison | None, offers: pd.DataFrame, settings: EffectSettings, seed: int, n_threads: int
) -> ServiceEffect:
    offer, bands = None, {}
    if len(offers):
        offer = _read_offer(offers)
        bands = dict(_bands_of_offer(offers))
    raw, observational = compared.raw if compared else Estimate(None, None, None), None
    controls: tuple[Control, ...] = ()
    overlap_share = None
    if compared is not None and min(compared.bound.sum(), (1 - compared.bound).sum()) >= LEAST_ARM:
        learnt = fit_nuisances(compared.matrix, compared.bound, compared.y, seed=seed, n_threads=n_threads)
        observational = estimate_effect(compared.bound, compared.y, learnt, cf_y=settings.cf_y, cf_d=settings.cf_d)
        if observational is None:
            overlap_share = float(alike(learnt).mean())
        else:
            kept, learnt = _keep_alike(compared, learnt)
            controls = tuple(_controls(kept, learnt, seed, n_threads))
            bands = bands if offer else dict(_bands_of_comparison(kept, learnt))
    return ServiceEffect(
        service,
        raw,
        observational,
        controls,
        offer,
        bands if _differ(bands) else {},
        n_eligible=compared.n_eligible if compared else 0,
        n_bound=compared.n_bound if compared else 0,
        overlap_share=overlap_share,
    )


def _keep_alike(compared: Comparison, learnt: Nuisances) -> tuple[Comparison, Nuisances]:
    """Leave out, for tests and bands too, whom the estimate leaves out."""
    keep = alike(learnt)
    kept = compared._replace(
        matrix=compared.matrix[keep],
        bound=compared.bound[keep],
        y=compared.y[keep],
        coverage=compared.coverage[keep],
        referred=None if compared.referred is None else compared.referred[keep],
        once=None if compared.once is None else compared.once[keep],
    )
    return kept, Nuisances(*(part[keep] for part in learnt))


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


def _read_offer(offers: pd.DataFrame) -> Offer | None:
    """Estimate, unless the arms differed before the offer by more than chance could make them."""
    took, offered, wave, who = (offers[name] for name in ("took", "offered", "wave", "customer_id"))
    before = estimate_offer(offers["coverage"], took, offered, wave, who)
    if before is not None and _z_score(before.itt) > LARGEST_Z:
        _log.warning(
            "campaigns: the arms of %s held different numbers of products before the offer; it was not random and is"
            " not used",
            offers["service"].iloc[0],
        )
        return None
    return estimate_offer(offers["churned"], took, offered, wave, who)


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


def _z_score(found: Estimate) -> float:
    width = _width(found)
    return abs(found.value or 0.0) / width if width > 0 else 0.0


def _width(band: Estimate) -> float:
    return ((band.high or 0.0) - (band.low or 0.0)) / (2 * Z_95)
