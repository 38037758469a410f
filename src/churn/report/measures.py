"""How the measures of progress are written: each in its own unit, with its interval."""

from typing import Literal

from churn.actions.progress.wording import UNITS
from churn.report.facts import Unit
from churn.report.facts_working import Measured
from churn.report.words import NOTHING, Words

Form = Literal["share", "points", "mean", "yuan"]
_FORMS: dict[str, Form] = {"share": "share", "difference of shares": "points", "yuan": "yuan"}
MEASURE_COLUMNS = (
    "meetings_per_day", "calls_per_day", "vip_responsibility", "losses_contacted", "product_coverage",
    "potential_vips_converted", "referrals", "churn_observed", "churn_predicted",
)  # fmt: skip
"""Measures that stand side by side for every branch or manager; the others are the whole's alone."""


def format_measured(one: Measured | None, measure: str, words: Words) -> str:
    """Write a measure's value.

    Examples
    --------
    >>> from churn.report.words import read_words
    >>> format_measured(Measured(0.5, 0.4, 0.6, 10, None), "days_kept", read_words("en"))
    '50 %'
    """
    if one is None or one.value is None:
        return NOTHING
    return _write(one.value, measure, words)


def format_range(one: Measured | None, measure: str, words: Words) -> str:
    """Write a measure's interval; nothing where there is none."""
    if one is None or one.low is None or one.high is None:
        return ""
    return f"{_write(one.low, measure, words)} – {_write(one.high, measure, words)}"


def format_target(one: Measured, measure: str, words: Words) -> str:
    """Write a measure's target; nothing where there is none."""
    return "" if one.target is None else _write(one.target, measure, words)


def is_missed(one: Measured | None) -> bool:
    """Whether even the upper end of the interval stays under the target."""
    return one is not None and one.target is not None and one.high is not None and one.high < one.target


def format_value(value: float, unit: Unit, words: Words) -> str:
    """Write a headline's number."""
    if unit == "yuan":
        return words.yuan(value)
    if unit == "share":
        return words.percent(value)
    return words.number(value, 2 if unit == "mean" else 0)


def _write(value: float, measure: str, words: Words) -> str:
    form = _FORMS.get(UNITS[measure][0], "mean")
    if form == "share":
        return words.percent(value, 0 if value >= 0.0995 or value == 0 else 1)
    if form == "points":
        return words.say("{points} points", points=words.points(value))
    return words.yuan(value) if form == "yuan" else words.number(value, 2 if abs(value) < 10 else 1)
