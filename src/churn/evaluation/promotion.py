"""Whether a challenger takes the champion's place: only when it ranks better beyond noise and is calibrated as well."""

from collections.abc import Sequence
from typing import NamedTuple

from churn.evaluation.comparison import Comparison, PairedTest

SIGNIFICANCE = 0.01
"""Of the two-sided test of ROC-AUC, corrected for how many challengers there are. Strict, for a change of champion
means validating another model, and the test knows the luck of who was a customer but not that of a seed."""
WORSE = 0.05
"""Of the two-sided test of calibration: a doubt is enough to leave things as they are."""
MOST_WORSE_ECE = 0.01
"""The challenger's calibration error may exceed the champion's by so much, if that is no more than noise."""
CHANCE = 0.5
"""ROC-AUC of a model that knows nothing."""
CALIBRATION = ("ece", "log_loss")


class Decision(NamedTuple):
    """What a comparison decides.

    Attributes
    ----------
    challenger
        The best of those that are not the champion, by ROC-AUC; None where there is no other.
    promote
        Whether it takes the champion's place.
    reason
        Why, in a sentence.
    """

    challenger: str | None
    promote: bool
    reason: str


def decide(comparison: Comparison, champion: str | None, challengers: Sequence[str]) -> Decision:
    """Decide whether the best challenger takes the champion's place.

    It must have the larger ROC-AUC with a p-value, times the number of challengers (Bonferroni, since the best of
    them is looked at), below `SIGNIFICANCE`; and its calibration must not be worse: neither its expected calibration
    error nor its log loss significantly, nor the former by more than `MOST_WORSE_ECE`. Without a champion the best
    challenger takes the empty place, if it surely ranks better than chance.

    Parameters
    ----------
    comparison
        Of the champion and all challengers, on the same customers.
    champion
        Its name in the comparison; None where there is none yet.
    challengers
        Names of those that may take its place.

    Raises
    ------
    ValueError
        No challenger.
    """
    best = max(challengers, key=lambda name: _value(comparison, name, "roc_auc"))
    if champion is None:
        return _decide_first(comparison, best, len(challengers))
    test = find_test(comparison, "roc_auc", best, champion)
    if test is None or test.better != best:
        return Decision(
            best, False, f"no challenger ranks better than the champion ({_aucs(comparison, best, champion)})"
        )
    p_value = 1.0 if test.p_value is None else min(1.0, test.p_value * len(challengers))
    gain = f"{_aucs(comparison, best, champion)}, p = {p_value:.3g} for {len(challengers)} challengers"
    if not p_value < SIGNIFICANCE:
        return Decision(best, False, f"{best} ranks better than the champion by no more than noise ({gain})")
    if worse := _worse_calibration(comparison, best, champion):
        return Decision(best, False, f"{best} ranks better ({gain}), but {worse}")
    return Decision(best, True, f"{best} ranks better beyond noise ({gain}) and is calibrated as well")


def _decide_first(comparison: Comparison, best: str, n_challengers: int) -> Decision:
    area = comparison.models[best]["roc_auc"]
    if area.low is None or not area.low > CHANCE:
        found = "undefined" if area.value is None or area.low is None else f"{area.value:.4f}, from {area.low:.4f} on"
        return Decision(
            best, False, f"there is no champion, and {best} does not surely rank better than chance ({found})"
        )
    return Decision(best, True, f"there was no champion, and {best} ranks best of {n_challengers}")


def _worse_calibration(comparison: Comparison, challenger: str, champion: str) -> str:
    for metric in CALIBRATION:
        test = find_test(comparison, metric, challenger, champion)
        if test is None or test.better != champion:
            continue
        values = f"{_value(comparison, challenger, metric):.4f} against {_value(comparison, champion, metric):.4f}"
        is_sure = test.p_value is not None and test.p_value < WORSE
        if is_sure or (metric == "ece" and test.difference > MOST_WORSE_ECE):
            return f"its {metric} is worse ({values})"
    return ""


def find_test(comparison: Comparison, metric: str, one: str, other: str) -> PairedTest | None:
    """Return the test of two models on a metric, whichever is better; None where there is none."""
    pair = {one, other}
    return next(
        (test for test in comparison.tests if test.metric == metric and {test.better, test.worse} == pair), None
    )


def _value(comparison: Comparison, model: str, metric: str) -> float:
    value = comparison.models[model][metric].value
    return float("-inf") if value is None else value


def _aucs(comparison: Comparison, challenger: str, champion: str) -> str:
    one, other = (_value(comparison, name, "roc_auc") for name in (challenger, champion))
    return f"ROC-AUC {one:.4f} against {other:.4f}"
