"""Words of the codes that facts hold, and how each figure is written."""

from collections.abc import Mapping

from churn.actions.plan.telling import KIND_WORDS, LEFT_OUT_WORDS, PURPOSE_WORDS
from churn.actions.progress.measures import MEASURES
from churn.actions.today import TIER_WORDS
from churn.report.facts import Headline, MeasuredValue
from churn.speech import Message, Number, Percent, Points, Said, ShortMoney, joined, message

TRAITS: Mapping[str, Message] = {
    "coverage": message("Products held"),
    "tier": message("Tier"),
    "stage": message("Relationship stage"),
    "contact": message("Last contact"),
    "investment": message("Investments"),
    "branch": message("Branch"),
    "manager": message("Responsible manager"),
}
_CODED: Mapping[str, Mapping[str, Said]] = {
    "tier": TIER_WORDS,
    "stage": {
        "not_reached": message("not reached within a year"),
        "spoken_to": message("spoken to"),
        "invited": message("invited"),
        "met": message("met"),
    },
    "contact": {
        "within_30_days": message("within 30 days"),
        "within_90_days": message("31 to 90 days ago"),
        "within_a_year": message("91 to 365 days ago"),
        "longer_ago": message("longer ago, or never"),
    },
    "investment": {
        "no_investment": message("none, or not known"),
        "not_losing": message("not losing"),
        "losing": message("losing a little"),
        "losing_much": message("losing much"),
    },
}
"""Groups whose names are codes, by trait; those of the other traits are a bank's ids, or numbers."""
BANDS = {"high": message("high risk"), "medium": message("medium risk"), "low": message("low risk")}
CODES: Mapping[str, Mapping[str, Said]] = {
    "headlines": {
        "customers": message("customers scored"),
        "expected_leavers": message("expected to leave"),
        "high_risk": message("at high risk"),
        "at_risk_cny": message("of value expected to leave"),
        "product_coverage": message("products per customer"),
        "vips_at_risk": message("gold and platinum at high risk"),
    },
    "left_out": LEFT_OUT_WORDS,
    "unnamed": {
        **{name: LEFT_OUT_WORDS[name] for name in ("do_not_contact", "held_out")},
        "gone": message("have left, as the file says"),
    },
    "assignments": {"proposed": message("manager proposed"), "branch": message("no responsible manager")},
    "tiers": TIER_WORDS,
    "kinds": KIND_WORDS,
    "purposes": PURPOSE_WORDS,
    "cannot": {
        "flat_plan": message(
            "This page cannot show a plan or lists: one file names no manager and no branch. Give the bank's tables."
        ),
        "flat_time": message(
            "This page cannot show whether the practice works: one file has no dates, so no change can be seen."
        ),
        "seen": message(
            "This page cannot show how sure the risks are: the model learned from these very customers at this very"
            " date, so that their risks are closer to what happened than those of others would be. Score a file or a"
            " date that it has not seen."
        ),
        "perhaps_seen": message(
            "This page cannot show whether the model has seen these customers, since a file has no date. Where it"
            " learned from some of them, their risks are closer to what happened than those of others would be."
        ),
        "old_scores": message("This page cannot show what happened since the scores (over 31 days old): score again."),
        "values": message("This page cannot show how much money is at risk: the data hold no assets (table pnl)."),
        "coverage": message("This page cannot show churn by products held: the data do not say how many are held."),
        "bindings": message("This page cannot show anything about bindings: the data name no service to bind."),
        "effects": message("This page cannot show what a binding would change: these data show it for no service."),
    },
}
"""Words of every other code, by what it is a code of."""
_BANK_S = ("tiers", "kinds", "purposes")
"""Codes that tables hold; one without words stands for itself."""

MEASURE_COLUMNS = (
    "meetings_per_day", "calls_per_day", "vip_responsibility", "losses_contacted", "product_coverage",
    "potential_vips_converted", "referrals", "churn_observed", "churn_predicted",
)  # fmt: skip
"""Measures that stand side by side for every branch or manager; the others are the whole's alone."""


def word(code: str | None, kind: str) -> Said:
    """Give the words of a code; a dash where there is none.

    Raises
    ------
    KeyError
        It is one of ours, and has none.
    """
    if code is None:
        return Number(None)
    return CODES[kind].get(code, code) if kind in _BANK_S else CODES[kind][code]


def group_name(trait: str, code: str | None) -> Said:
    """Name the group a code stands for; an id or a string of the bank stands for itself."""
    if code is None:
        return message("nobody") if trait == "manager" else message("not known")
    return _CODED.get(trait, {}).get(code, code)


def headline_figure(headline: Headline) -> Said:
    """Give a headline's number in its unit."""
    if headline.unit == "yuan":
        return ShortMoney(headline.value)
    return Number(headline.value, 2 if headline.unit == "mean" else 0)


def measure_figure(value: float | None, measure: str) -> Said:
    r"""Give a number of a measure in its unit.

    Examples
    --------
    >>> from churn.speech import say
    >>> say(measure_figure(0.5, "days_kept"), "en"), say(measure_figure(0.5, "referrals"), "en")
    ('50\u202f%', '0.50')
    """
    if value is None:
        return Number(None)
    form = MEASURES[measure].form
    if form == "share":
        return Percent(value, 0 if value >= 0.0995 or value == 0 else 1)
    if form == "points":
        return message("{points} points", points=Points(value))
    return ShortMoney(value) if form == "yuan" else Number(value, 2 if abs(value) < 10 else 1)


def measure_interval(one: MeasuredValue | None, measure: str) -> Said:
    """Give both ends of a measure's interval, the unit of points once; nothing where it has none."""
    if one is None or one.low is None or one.high is None:
        return ""
    low = Points(one.low) if MEASURES[measure].form == "points" else measure_figure(one.low, measure)
    return joined((low, measure_figure(one.high, measure)), "range")


def is_missed(one: MeasuredValue | None) -> bool:
    """Whether even the upper end of the interval stays under the target."""
    return one is not None and one.target is not None and one.high is not None and one.high < one.target
