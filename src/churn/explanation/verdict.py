"""The verdict on a service: one rule, from evidence to verdict, and the verdict in words a manager understands.

Randomised evidence leads wherever there is some. What is to be expected of those who took the offer up, by the offers
of all services (`churn.explanation.effects.pooling`), decides:

- interval below zero: cuts; above: raises;
- interval within what is not worth a manager's time, either way: no effect;
- else the data cannot say.

Records alone never give "cuts". They are believed only where enough customers are alike, and where at least one
negative control could be run, and no test on a question whose answer is "nothing" found something (the placebo alone,
being dealt at random, would find no hidden driver). Then the effect on those without the service decides, by its
interval where the bank states that whatever drives binding is in its data, else by its bounds under a hidden driver of
the declared strength:

- interval below zero, and bounds too or the bank's statement: suggests; the same above zero: raises;
- within what is not worthwhile: no effect;
- else the data cannot say.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from churn.config import EffectSettings
from churn.estimates import UNKNOWN, Estimate
from churn.explanation.effects import ServiceEffect
from churn.model.documents import Evidence, Verdict
from churn.speech import Message, Number, Percent, Plain, Points, Said, counted, joined, message

Obstacle = Literal["clear", "no_evidence", "overlap", "control", "untested", "interval", "bounds"]
LEAST_OVERLAP = 0.5
"""Share of the customers who must have others like them in the other group."""
VERDICTS: Mapping[Verdict, Message] = {
    "cuts": message("cuts churn"),
    "suggests": message("may cut churn: try it out"),
    "no_effect": message("no effect found"),
    "raises": message("raises churn"),
    "cannot_tell": message("these data cannot say"),
}
EVIDENCE: Mapping[Evidence, Message] = {
    "randomised": message("randomised offers"),
    "observational": message("records alone"),
    "none": message("none"),
}
_CONTROLS = {
    "placebo": message("placebo service assigned at random"),
    "outcome": message("customers who referred others"),
    "treatment": message("customers who unbound it long ago"),
}


class Judgement(NamedTuple):
    """A verdict, the evidence it stands on, that evidence's estimate, and what kept a clearer one away."""

    verdict: Verdict
    evidence: Evidence
    effect: Estimate
    obstacle: Obstacle


def judge(effect: ServiceEffect, settings: EffectSettings) -> Judgement:
    """Apply the rule above to one service.

    Examples
    --------
    >>> from churn.explanation.effects import pool_effects
    >>> from churn.explanation.effects.randomised import RandomisedOffer
    >>> late = Estimate(-0.06, -0.09, -0.03)
    >>> offer = RandomisedOffer(Estimate(-0.04, -0.06, -0.02), late, Estimate(0.6, 0.55, 0.65), 4000)
    >>> (effect,) = pool_effects([ServiceEffect("cts", late, offer=offer)])
    >>> judge(effect, EffectSettings()).verdict
    'cuts'
    """
    if effect.offer is not None:
        return _judge_offer(effect.expected, settings.worthwhile)
    return _judge_records(effect, settings)


def explain_verdict(effect: ServiceEffect, judged: Judgement, settings: EffectSettings, name: Said) -> Said:
    """Say a judgement of the service of that name in words.

    Examples
    --------
    >>> from churn.model.documents import Evidence, Verdict
    >>> from churn.speech import say
    >>> nothing = ServiceEffect("cts")
    >>> say(explain_verdict(nothing, judge(nothing, EffectSettings()), EffectSettings(), "CTS"), "en")
    'CTS: these data cannot say whether binding would lower churn: nobody could bind it.'
    """
    finding: Said
    if judged.verdict == "cannot_tell":
        why = _why(effect, judged, settings)
        finding = _however(
            effect.raw, message("these data cannot say whether binding would lower churn: {why}.", why=why)
        )
    elif judged.verdict == "no_effect":
        text = message(
            "the effect of binding is too small to matter (between {ends} points).", ends=_ends(judged.effect)
        )
        finding = _given(_however(effect.raw, text), judged, settings)
    elif judged.evidence == "randomised":
        finding = _from_offers(judged)
    else:
        finding = _given(_from_records(effect, judged), judged, settings)
    return message("{service}: {finding}", service=name, finding=finding)


def _judge_offer(expected: Estimate, worthwhile: float) -> Judgement:
    if expected.low is None or expected.high is None:
        return Judgement("cannot_tell", "randomised", expected, "interval")
    found = _by_interval(expected.low, expected.high, worthwhile)
    verdict: Verdict = "cuts" if found == "suggests" else found
    return Judgement(verdict, "randomised", expected, "interval" if found == "cannot_tell" else "clear")


def _judge_records(effect: ServiceEffect, settings: EffectSettings) -> Judgement:
    found = effect.observational
    if found is None or found.atu.low is None or found.atu.high is None:
        return Judgement("cannot_tell", "none", UNKNOWN, "no_evidence" if effect.overlap_share is None else "overlap")
    if found.overlap_share < LEAST_OVERLAP:
        return Judgement("cannot_tell", "observational", found.atu, "overlap")
    if not all(control.passed for control in effect.controls):
        return Judgement("cannot_tell", "observational", found.atu, "control")
    measured = settings.assume_measured
    low, high = (found.atu.low, found.atu.high) if measured else (found.bound_low, found.bound_high)
    verdict: Verdict = _by_interval(low, high, settings.worthwhile)
    if verdict != "cannot_tell":
        if all(control.kind == "placebo" for control in effect.controls):
            return Judgement("cannot_tell", "observational", found.atu, "untested")
        return Judgement(verdict, "observational", found.atu, "clear")
    unclear = found.atu.low <= 0 <= found.atu.high
    return Judgement("cannot_tell", "observational", found.atu, "interval" if unclear else "bounds")


def _by_interval(low: float, high: float, worthwhile: float) -> Verdict:
    """Judge by an interval, as records are; bounds contain the estimate's own interval."""
    if high < 0:
        return "suggests"
    if low > 0:
        return "raises"
    return "no_effect" if -worthwhile < low and high < worthwhile else "cannot_tell"


def _from_offers(judged: Judgement) -> Message:
    facts: dict[str, Any] = {"size": _size(judged.effect.value), "ends": _ends(judged.effect)}
    if judged.verdict == "raises":
        return message("binding it raises churn by about {size} points (randomised offers; between {ends}).", **facts)
    return message("binding it cuts churn by about {size} points (randomised offers; between {ends}).", **facts)


def _from_records(effect: ServiceEffect, judged: Judgement) -> Message:
    strength = Percent(effect.observational.robustness_value if effect.observational else 0.0)
    facts: dict[str, Any] = {"size": _size(judged.effect.value), "strength": strength}
    if judged.verdict == "raises":
        return message(
            "the data point to about {size} points more churn; a hidden driver as strong as {strength} of what is"
            " unexplained in both binding and churn would explain it away.", **facts,
        )  # fmt: skip
    return message(
        "the data point to about {size} points less churn; a hidden driver as strong as {strength} of what is"
        " unexplained in both binding and churn would explain it away.", **facts,
    )  # fmt: skip


def _given(finding: Said, judged: Judgement, settings: EffectSettings) -> Said:
    """Add what a finding from records rests on, where that is the bank's word."""
    if judged.evidence != "observational" or not settings.assume_measured:
        return finding
    given = message("This rests on the bank's statement that whatever drives binding is in its data.")
    return joined([finding, given], "sentences")


def _however(raw: Estimate, finding: Message) -> Message:
    """Begin with what the raw numbers seem to promise, where they do."""
    if raw.high is None or raw.high >= 0:
        return finding
    return message("goes with lower churn (by {size} points), but {finding}", size=_size(raw.value), finding=finding)


def _why(effect: ServiceEffect, judged: Judgement, settings: EffectSettings) -> Message:
    """Say why the data cannot say."""
    if judged.obstacle == "no_evidence":
        return _too_few(effect)
    if judged.obstacle == "overlap":
        return message("those who have it are unlike those who have not")
    if judged.obstacle == "untested":
        return message("no test of the comparison could be run (too few referrals and unbindings)")
    if judged.obstacle == "control":
        failed = joined([_CONTROLS[control.kind] for control in effect.controls if not control.passed], "both")
        return message("the same comparison finds an effect where there is none ({tests})", tests=failed)
    if judged.obstacle == "bounds" and effect.observational is not None:
        bounds = Estimate(None, effect.observational.bound_low, effect.observational.bound_high)
        return message(
            "a hidden driver of the declared strength ({cf_y}, {cf_d}) leaves everything between {ends} points"
            " possible",
            cf_y=Plain(settings.cf_y),
            cf_d=Plain(settings.cf_d),
            ends=_ends(bounds),
        )
    if judged.effect.low is None:
        return message("too few customers accepted the offer")
    return message("the effect lies anywhere between {ends} points", ends=_ends(judged.effect))


def _too_few(effect: ServiceEffect) -> Message:
    """Say which group is too small."""
    n_bound, n_not = effect.n_bound, effect.n_eligible - effect.n_bound
    if effect.n_eligible == 0:
        return message("nobody could bind it")
    if n_bound == 0:
        return message("nobody has bound it")
    if n_not == 0:
        return message("everybody who could has bound it")
    if n_bound < n_not:
        return counted("only {n} customer has it", "only {n} customers have it", n_bound)
    return counted("only {n} customer lacks it", "only {n} customers lack it", n_not)


def _size(value: float | None) -> Number:
    points = abs(100 * (value or 0.0))
    return Number(points, digits=1 if points < 1 else 0)


def _ends(estimate: Estimate) -> Message:
    low, high = Points(estimate.low or 0.0), Points(estimate.high or 0.0)
    return message("{low} and {high}", context="interval", low=low, high=high)
