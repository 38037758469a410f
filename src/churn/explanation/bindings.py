"""The bindings table: SHAP, the raw difference and the estimated effect of every service, side by side."""

from dataclasses import dataclass
from typing import Literal

Evidence = Literal["randomised", "observational", "none"]
Verdict = Literal["cuts", "suggests", "no_effect", "raises", "cannot_tell"]


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
        Share of the eligible whose chance to have bound it is neither near 0 nor near 1.
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
