"""The effect of binding each service, by all the evidence: randomised offers, similar customers compared, tests."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import scipy

from churn.config import EffectSettings
from churn.estimates import UNKNOWN, Z_95, Estimate
from churn.evidence import Evidence
from churn.explanation.effects import comparison, observational, pooling
from churn.explanation.effects.comparison import ComparedCustomers
from churn.explanation.effects.observational import Control, Nuisances, Observational, Strength
from churn.explanation.effects.randomised import RandomisedOffer, estimate_offer
from churn.features.feature import Feature, find_services

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
    expected
        What is to be expected of binding it, by the offers of all services (`pooling`); None without an offer of it.
    bands
        The effect by products held, for the evidence that leads, where the bands differ beyond chance; else empty.
        Those of an offer are drawn towards each other as those of services are.
    strengths
        How strong the observed covariates are; empty where not asked for.
    n_eligible, n_bound
        Customers with an outcome who could have it, and who had it.
    overlap_share
        Share of the compared who were alike, where too few were for an estimate; else None.
    """

    service: str
    raw: Estimate = UNKNOWN
    observational: Observational | None = None
    controls: tuple[Control, ...] = ()
    offer: RandomisedOffer | None = None
    expected: Estimate = UNKNOWN
    bands: Mapping[str, Estimate] = field(default_factory=dict)
    strengths: tuple[Strength, ...] = ()
    n_eligible: int = 0
    n_bound: int = 0
    overlap_share: float | None = None


LARGEST_Z = 4.0
"""Standard errors by which the arms of an offer may differ in products held before it: one in 15,000 fair draws."""
_log = logging.getLogger(__name__)
OnService = Callable[[str], None]


def estimate_effects(
    evidence: Evidence,
    catalogue: Sequence[Feature],
    settings: EffectSettings,
    *,
    strengths: bool = False,
    seed: int = 0,
    on_service: OnService = lambda _: None,
) -> list[ServiceEffect]:
    """Estimate the effect of every service of the catalogue.

    Parameters
    ----------
    evidence
        Labelled customers, of a bank at a date whose horizon is complete; its history and its offers.
    catalogue
        What the customers' features are.
    strengths
        Also measure the observed covariates, which takes about as long again.
    on_service
        Told each service before its turn.
    """
    found = []
    for service in find_services(catalogue):
        on_service(service)
        compared = comparison.compare_customers(
            service, evidence.snapshot, evidence.history, catalogue, settings.settled_days
        )
        mine = evidence.offers[evidence.offers["service"] == service]
        effect = _estimate(service, compared, mine, settings, seed)
        if strengths and compared is not None:
            measured = observational.observed_strengths(compared, seed=seed)
            effect = replace(effect, strengths=tuple(measured))
        found.append(effect)
    return pool_effects(found)


def pool_effects(effects: Sequence[ServiceEffect]) -> list[ServiceEffect]:
    """Add to every service with a randomised offer what is to be expected of it, by the offers of all services."""
    late = {one.service: one.offer.late for one in effects if one.offer and None not in one.offer.late}
    expected = dict(zip(late, pooling.pool(list(late.values())), strict=True))
    return [
        replace(
            one,
            expected=expected.get(one.service, UNKNOWN),
            bands=dict(zip(one.bands, pooling.pool(list(one.bands.values())), strict=True)) if one.offer else one.bands,
        )
        for one in effects
    ]


def _estimate(
    service: str, compared: ComparedCustomers | None, offers: pd.DataFrame, settings: EffectSettings, seed: int
) -> ServiceEffect:
    offer, bands = None, {}
    if len(offers):
        offer = _read_offer(offers)
        bands = dict(_bands_of_offer(offers))
    effect = ServiceEffect(service, offer=offer)
    if compared is not None:
        effect = replace(effect, raw=compared.raw, n_eligible=compared.n_eligible, n_bound=compared.n_bound)
        if min(compared.bound.sum(), (1 - compared.bound).sum()) >= observational.LEAST_ARM:
            effect, of_records = _from_records(effect, compared, settings, seed)
            bands = bands if offer else of_records
    return replace(effect, bands=bands if _differ(bands) else {})


def _from_records(
    effect: ServiceEffect, compared: ComparedCustomers, settings: EffectSettings, seed: int
) -> tuple[ServiceEffect, dict[str, Estimate]]:
    """Add what records say and how far they can be believed; give the effect by products held, too."""
    bound, y = compared.bound, compared.y
    learnt = observational.fit_nuisances(compared.matrix, bound, y, seed=seed)
    found = observational.estimate_effect(bound, y, learnt, cf_y=settings.cf_y, cf_d=settings.cf_d)
    # Tests and bands leave out, too, whom the estimate leaves out.
    keep = observational.alike(learnt)
    if found is None:
        return replace(effect, overlap_share=float(keep.mean())), {}
    kept, learnt = compared.of(keep), learnt.of(keep)
    tests = tuple(_controls(kept, learnt, seed))
    bands = {} if effect.offer else dict(_bands_of_comparison(kept, learnt))
    return replace(effect, observational=found, controls=tests), bands


def _controls(compared: ComparedCustomers, learnt: Nuisances, seed: int) -> Iterator[Control]:
    matrix, bound, y = compared.matrix, compared.bound, compared.y
    yield observational.placebo_control(matrix, bound, y, seed=seed)
    tests = []
    if compared.referred is not None:
        tests.append(observational.outcome_control(matrix, bound, compared.referred, learnt.propensity, seed=seed))
    if compared.once is not None:
        free = bound == 0
        tests.append(observational.treatment_control(matrix[free], compared.once[free], y[free], seed=seed))
    yield from (test for test in tests if test is not None)


def _read_offer(offers: pd.DataFrame) -> RandomisedOffer | None:
    """Estimate; where some were called and offered nothing, the effect on takers against these."""
    offered, called = offers["offered"] == 1, offers["called"] == 1
    found = _compare_arms(offers[~called])
    against_call = _compare_arms(offers[offered | called]) if called.any() else None
    if against_call is None:
        return found
    itt, n = (found.itt, found.n) if found else (UNKNOWN, 0)
    n_called = int((called & offers["wave"].isin(offers["wave"][offered])).sum())
    return RandomisedOffer(itt, against_call.late, against_call.uptake, max(n + n_called, against_call.n), True)


def _compare_arms(offers: pd.DataFrame) -> RandomisedOffer | None:
    """Compare those offered with the others, unless they differed before by more than chance could make them."""
    if offers.empty:
        return None
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


def _bands_of_comparison(compared: ComparedCustomers, learnt: Nuisances) -> Iterator[tuple[str, Estimate]]:
    for band, low, high in BANDS:
        inside = (compared.coverage >= low) & (compared.coverage <= high)
        bound = compared.bound[inside]
        if min(bound.sum(), (1 - bound).sum()) >= observational.LEAST_ARM:
            yield band, observational.effect_on_unbound(bound, compared.y[inside], learnt.of(inside))


def _differ(bands: dict[str, Estimate]) -> bool:
    """Whether all bands are there and differ beyond chance (Cochran's Q at 5 %), so that the data carry them."""
    if len(bands) < len(BANDS):
        return False
    values = np.array([band.value for band in bands.values()], dtype=np.float64)
    widths = np.array([_width(band) for band in bands.values()])
    weights = widths**-2.0
    mean = (weights * values).sum() / weights.sum()
    return bool((weights * (values - mean) ** 2).sum() > scipy.stats.chi2.ppf(0.95, len(bands) - 1))


def _z_score(found: Estimate) -> float:
    width = _width(found)
    return abs(found.value or 0.0) / width if width > 0 else 0.0


def _width(band: Estimate) -> float:
    return ((band.high or 0.0) - (band.low or 0.0)) / (2 * Z_95)
