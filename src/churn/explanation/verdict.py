"""What may be said of a service: one rule, from evidence to verdict.

Randomised evidence leads wherever there is some. Its effect on those who took the offer up decides:

- interval below zero: cuts; above: raises;
- interval within what is not worth a manager's time, either way: no effect;
- else it cannot be told.

Records alone never give "cuts". They are believed only where enough customers are alike, and where at least one
negative control could be run, and no test on a question whose answer is "nothing" found something (the placebo alone,
being dealt at random, would find no hidden driver). Then the effect on those without the service decides, by its
interval where the bank states that whatever drives binding is in its data, else by its bounds under a hidden driver of
the declared strength:

- interval below zero, and bounds too or the bank's statement: suggests; the same above zero: raises;
- within what is not worthwhile: no effect;
- else it cannot be told.
"""

from typing import Literal, NamedTuple

from churn.config import EffectSettings
from churn.estimates import Estimate
from churn.explanation.effects.estimates import ServiceEffect
from churn.model.documents import Evidence, Verdict

Reason = Literal["clear", "no_evidence", "overlap", "control", "untested", "interval", "bounds"]
LEAST_OVERLAP = 0.5
"""Share of the customers who must have others like them in the other group."""


class Judgement(NamedTuple):
    """A verdict, the evidence it stands on, that evidence's estimate, and what kept a clearer one away."""

    verdict: Verdict
    evidence: Evidence
    effect: Estimate
    reason: Reason


def judge(effect: ServiceEffect, settings: EffectSettings) -> Judgement:
    """Apply the rule above to one service.

    Examples
    --------
    >>> from churn.explanation.effects.randomised import Offer
    >>> late = Estimate(-0.06, -0.09, -0.03)
    >>> offer = Offer(Estimate(-0.04, -0.06, -0.02), late, Estimate(0.6, 0.55, 0.65), 4000)
    >>> judge(ServiceEffect("cts", late, None, (), offer, {}), EffectSettings()).verdict
    'cuts'
    """
    if effect.offer is not None:
        return _judge_offer(effect.offer.late, settings.worthwhile)
    return _judge_records(effect, settings)


def _judge_offer(late: Estimate, worthwhile: float) -> Judgement:
    if late.low is None or late.high is None:
        return Judgement("cannot_tell", "randomised", late, "interval")
    if late.high < 0:
        return Judgement("cuts", "randomised", late, "clear")
    if late.low > 0:
        return Judgement("raises", "randomised", late, "clear")
    if -worthwhile < late.low and late.high < worthwhile:
        return Judgement("no_effect", "randomised", late, "clear")
    return Judgement("cannot_tell", "randomised", late, "interval")


def _judge_records(effect: ServiceEffect, settings: EffectSettings) -> Judgement:
    found = effect.observational
    if found is None or found.atu.low is None or found.atu.high is None:
        reason: Reason = "no_evidence" if effect.overlap_share is None else "overlap"
        return Judgement("cannot_tell", "none", Estimate(None, None, None), reason)
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
    """Judge records by an interval; bounds contain the estimate's own interval."""
    if high < 0:
        return "suggests"
    if low > 0:
        return "raises"
    return "no_effect" if -worthwhile < low and high < worthwhile else "cannot_tell"
