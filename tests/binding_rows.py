"""Rows of the bindings table made up for tests of what is drawn and written."""

from typing import Any

from churn.explanation.bindings import FIELDS, BindingRow, unflatten

_NEEDED = {
    "n_eligible": 8123,
    "n_bound": 4121,
    "n_offered": 0,
    "evidence": "none",
    "verdict": "cannot_tell",
    "text_en": "Cannot tell.",
    "text_zh": "无法判断。",
}


def binding_row(service: str, **known: Any) -> BindingRow:
    """Make a row of columns of the flat table; everything not given is not known."""
    return unflatten(dict.fromkeys(FIELDS) | {"service": service} | _NEEDED | known)


CUSTODY = binding_row(
    "cts",
    shap_contrast_points=-0.041,
    shap_low=-0.045,
    shap_high=-0.037,
    raw_difference=-0.155,
    raw_low=-0.175,
    raw_high=-0.135,
    effect_atu=-0.081,
    effect_atu_low=-0.099,
    effect_atu_high=-0.063,
    bound_low=-0.149,
    bound_high=-0.013,
    late=-0.092,
    late_low=-0.127,
    late_high=-0.057,
    expected_effect=-0.086,
    expected_low=-0.119,
    expected_high=-0.053,
    n_offered=2400,
    evidence="randomised",
    robustness_value=0.12,
    overlap_share=0.93,
    controls_passed=True,
    verdict="cuts",
)
"""Everything that is drawn is known."""
