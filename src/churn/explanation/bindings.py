"""The bindings table: SHAP, the raw difference and the estimated effect of every service, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from churn.config import Config, EffectSettings
from churn.estimates import Estimate
from churn.explanation.contrast import Contrast
from churn.explanation.effects.estimates import ServiceEffect
from churn.explanation.verdict import Judgement, judge
from churn.explanation.verdict_words import verdict_words
from churn.model.documents import Evidence, Verdict

NOTHING = Estimate(None, None, None)
_ORDER: Mapping[Verdict, int] = {"cuts": 0, "suggests": 1, "no_effect": 2, "cannot_tell": 3, "raises": 4}


@dataclass(frozen=True)
class BindingRow:
    """One service among the customers who could bind it.

    Differences and effects are changes of the churn probability within the horizon, in [-1, 1], negative = less
    churn; None where not known. Intervals are of 95 %.

    Attributes
    ----------
    service
        Its name in the catalogue.
    n_eligible, n_bound
        Customers with its product open, and those of them who bound it.
    shap_bound, shap_unbound
        Mean SHAP value of its columns in log-odds, of those who bound it and of those who did not.
    shap_contrast_log_odds
        Their difference.
    shap_contrast_points, shap_low, shap_high
        The same in calibrated probability, and its bootstrap interval.
    raw_difference, raw_low, raw_high
        Churn of those who bound it less churn of those who did not.
    effect_att, effect_att_low, effect_att_high
        Observational estimate for those who have it.
    effect_atu, effect_atu_low, effect_atu_high
        Observational estimate for those who do not have it yet.
    bound_low, bound_high
        Bounds of `effect_atu`, its interval included, under a hidden driver of the declared strength.
    itt, itt_low, itt_high
        Randomised offers: effect of being offered the service.
    late, late_low, late_high
        Randomised offers: effect of binding on those who took the offer up within 31 days.
    n_offered
        Customers in randomised offers whose horizon is complete.
    evidence
        Which of the two drives the verdict.
    robustness_value
        Strength, as a share of residual variance, a hidden driver needs to explain `effect_atu` away, in [0, 1].
    overlap_share
        Share of the settled eligible whose chance to have bound it is neither near 0 nor near 1.
    controls_passed
        Whether the placebo and the negative controls found nothing; None where none could be run.
    verdict, text_en, text_zh
        What a manager may take from it.
    """

    service: str
    n_eligible: int
    n_bound: int
    shap_bound: float | None
    shap_unbound: float | None
    shap_contrast_log_odds: float | None
    shap_contrast_points: float | None
    shap_low: float | None
    shap_high: float | None
    raw_difference: float | None
    raw_low: float | None
    raw_high: float | None
    effect_att: float | None
    effect_att_low: float | None
    effect_att_high: float | None
    effect_atu: float | None
    effect_atu_low: float | None
    effect_atu_high: float | None
    bound_low: float | None
    bound_high: float | None
    itt: float | None
    itt_low: float | None
    itt_high: float | None
    late: float | None
    late_low: float | None
    late_high: float | None
    n_offered: int
    evidence: Evidence
    robustness_value: float | None
    overlap_share: float | None
    controls_passed: bool | None
    verdict: Verdict
    text_en: str
    text_zh: str


@dataclass(frozen=True)
class Seen:
    """What was seen of a service in the file explained: who could bind it, who did, and its SHAP contrast."""

    n_eligible: int
    n_bound: int
    contrast: Contrast


def service_names(config: Config) -> dict[str, tuple[str, str]]:
    """Return English and Chinese names by service; a flat file's columns stand under their own."""
    if config.flat is not None:
        return {name: (name, name) for name in config.flat.bindings}
    return {name: (service.en, service.zh) for name, service in config.services.items()}


def build_bindings(
    effects: Sequence[ServiceEffect],
    seen: Mapping[str, Seen],
    names: Mapping[str, tuple[str, str]],
    settings: EffectSettings,
) -> list[BindingRow]:
    """Put everything known of each service side by side, ranked by what binding would do.

    First what cuts, by the size of the effect, then what may, then what does nothing, then what cannot be told (by
    the estimate all the same), last what raises.

    Parameters
    ----------
    effects
        One a service.
    seen
        By service.
    names
        English and Chinese name by service.
    """
    judged = [(effect, judge(effect, settings)) for effect in effects]
    rows = [_row(effect, judgement, seen[effect.service], names, settings) for effect, judgement in judged]
    return [row for _, row in sorted(zip(judged, rows, strict=True), key=lambda pair: _rank(pair[0][1]))]


def _rank(judgement: Judgement) -> tuple[int, float]:
    value = judgement.effect.value
    return _ORDER[judgement.verdict], np.inf if value is None else value


def _row(
    effect: ServiceEffect,
    judged: Judgement,
    seen: Seen,
    names: Mapping[str, tuple[str, str]],
    settings: EffectSettings,
) -> BindingRow:
    found, offer = effect.observational, effect.offer
    att, atu = (found.att, found.atu) if found else (NOTHING, NOTHING)
    itt, late = (offer.itt, offer.late) if offer else (NOTHING, NOTHING)
    shap = seen.contrast
    en, zh = verdict_words(effect, judged, settings, names[effect.service])
    return BindingRow(
        service=effect.service,
        n_eligible=seen.n_eligible,
        n_bound=seen.n_bound,
        shap_bound=shap.bound,
        shap_unbound=shap.unbound,
        shap_contrast_log_odds=shap.log_odds,
        shap_contrast_points=shap.points.value,
        shap_low=shap.points.low,
        shap_high=shap.points.high,
        raw_difference=effect.raw.value,
        raw_low=effect.raw.low,
        raw_high=effect.raw.high,
        effect_att=att.value,
        effect_att_low=att.low,
        effect_att_high=att.high,
        effect_atu=atu.value,
        effect_atu_low=atu.low,
        effect_atu_high=atu.high,
        bound_low=found.bound_low if found else None,
        bound_high=found.bound_high if found else None,
        itt=itt.value,
        itt_low=itt.low,
        itt_high=itt.high,
        late=late.value,
        late_low=late.low,
        late_high=late.high,
        n_offered=offer.n if offer else 0,
        evidence=judged.evidence,
        robustness_value=found.robustness_value if found else None,
        overlap_share=found.overlap_share if found else None,
        controls_passed=all(control.passed for control in effect.controls) if effect.controls else None,
        verdict=judged.verdict,
        text_en=en,
        text_zh=zh,
    )
