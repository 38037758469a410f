"""Whether a challenger takes the champion's place: only when it ranks better beyond noise and is calibrated as well."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from churn.evaluation.backtest import Backtest
from churn.evaluation.comparison import Comparison, PairedTest
from churn.model.recipe import Recipe
from churn.speech import Message, Number, joined, message

SIGNIFICANCE = 0.01
"""Of the two-sided test of ROC-AUC, corrected for how many challengers there are. Strict, for a change of champion
means validating another model, and the test knows the luck of who was a customer but not that of a seed."""
WORSE = 0.05
"""Of the two-sided test of calibration: a doubt is enough to leave things as they are."""
MOST_WORSE_ECE = 0.01
"""The challenger's calibration error may exceed the champion's by so much, if that is no more than noise."""
CHANCE = 0.5
"""ROC-AUC of a model that knows nothing."""
CALIBRATION = {"ece": message("ECE"), "log_loss": message("log loss")}


class Decision(NamedTuple):
    """The decision of a comparison.

    Attributes
    ----------
    challenger
        The best of those that are not the champion, by ROC-AUC; None where there is no other.
    promote
        Whether it takes the champion's place.
    reason
        Why.
    """

    challenger: str | None
    promote: bool
    reason: Message


def decide(comparison: Comparison, found: Backtest, champion: str | None = None) -> Decision:
    """Decide whether the best challenger takes the champion's place.

    A challenger whose parameters were tuned on a judged snapshot is none, for it was chosen by what judges it; and
    nobody takes the place where a feature knows too much. The challenger must have the larger ROC-AUC with a p-value,
    times the number of challengers (Bonferroni, since the best of them is looked at), below `SIGNIFICANCE`; and its
    calibration must not be worse: neither its expected calibration error nor its log loss significantly, nor the former
    by more than `MOST_WORSE_ECE`. Without a champion the best challenger takes the empty place, if it surely ranks
    better than chance.

    Parameters
    ----------
    comparison
        Of all recipes, on the judged customers.
    found
        The backtest of the recipes, and which features know too much.
    champion
        Name of the recipe that has the place; None where it is empty. All others are challengers.
    """
    own = tuned_on_judged(found)
    challengers = [name for name in found.recipes if name not in own and name != champion]
    if not challengers:
        return Decision(
            None, False, message("every challenger was tuned on the data that judge it; compare on later snapshots")
        )
    decision = _decide(comparison, champion, challengers)
    if found.leaks and decision.promote:
        names = joined([leak.feature for leak in found.leaks], "list")
        reason = message("{reason}; but {features} may know the outcome", reason=decision.reason, features=names)
        return decision._replace(promote=False, reason=reason)
    return decision


def tuned_on_judged(found: Backtest) -> dict[str, list[str]]:
    """Name the recipes whose parameters were chosen by what judges them, each with these snapshots, or folds."""
    judged = [str(date) for date in found.judged.snapshots() if date]
    own = {name: judged_by_its_own(recipe, judged) for name, recipe in found.recipes.items()}
    return {name: splits for name, splits in own.items() if splits}


def judged_by_its_own(recipe: Recipe, judged: Sequence[str]) -> list[str]:
    """Return the judged snapshots by which a recipe's parameters were chosen; of a flat file, its folds.

    Examples
    --------
    >>> judged_by_its_own(Recipe(tuned_on=("2024-07-03", "2024-10-02")), ["2024-10-02", "2025-01-01"])
    ['2024-10-02']
    """
    return [split for split in recipe.tuned_on if not judged or split in judged]


def _decide(comparison: Comparison, champion: str | None, challengers: Sequence[str]) -> Decision:
    areas_of = {name: comparison.models[name]["roc_auc"].value for name in challengers}
    best = max(challengers, key=lambda name: (areas_of[name] is not None, areas_of[name] or 0.0))
    if champion is None:
        return _decide_first(comparison, best, len(challengers))
    test = find_test(comparison, "roc_auc", best, champion)
    areas = message("ROC-AUC {one} against {other}", **_values(comparison, "roc_auc", best, champion))
    if test is None or test.better != best:
        return Decision(best, False, message("no challenger ranks better than the champion ({areas})", areas=areas))
    n = len(challengers)
    p_value = 1.0 if test.p_value is None else min(1.0, test.p_value * n)
    gain = message("{areas}, p = {p_value} for {n} challengers", areas=areas, p_value=f"{p_value:.3g}", n=n)
    facts: dict[str, Any] = {"challenger": best, "gain": gain}
    if not p_value < SIGNIFICANCE:
        reason = message("{challenger} ranks better than the champion by no more than noise ({gain})", **facts)
        return Decision(best, False, reason)
    if worse := _worse_calibration(comparison, best, champion):
        return Decision(best, False, message("{challenger} ranks better ({gain}), but {worse}", worse=worse, **facts))
    reason = message("{challenger} ranks better beyond noise ({gain}) and is calibrated as well", **facts)
    return Decision(best, True, reason)


def _decide_first(comparison: Comparison, best: str, n_challengers: int) -> Decision:
    area = comparison.models[best]["roc_auc"]
    if area.low is not None and area.low > CHANCE:
        reason = message("there was no champion, and {challenger} ranks best of {n}", challenger=best, n=n_challengers)
        return Decision(best, True, reason)
    found = message("undefined")
    if area.low is not None:
        found = message("{area}, from {low} on", area=Number(area.value, digits=4), low=Number(area.low, digits=4))
    reason = message(
        "there is no champion, and {challenger} does not surely rank better than chance ({found})",
        challenger=best,
        found=found,
    )
    return Decision(best, False, reason)


def _worse_calibration(comparison: Comparison, challenger: str, champion: str) -> Message | None:
    for metric, name in CALIBRATION.items():
        test = find_test(comparison, metric, challenger, champion)
        if test is None or test.better != champion:
            continue
        is_sure = test.p_value is not None and test.p_value < WORSE
        if is_sure or (metric == "ece" and test.difference > MOST_WORSE_ECE):
            values = _values(comparison, metric, challenger, champion)
            return message("its {metric} is worse ({one} against {other})", metric=name, **values)
    return None


def find_test(comparison: Comparison, metric: str, one: str, other: str) -> PairedTest | None:
    """Return the test of two models on a metric, whichever is better; None where there is none."""
    pair = {one, other}
    return next(
        (test for test in comparison.tests if test.metric == metric and {test.better, test.worse} == pair), None
    )


def _values(comparison: Comparison, metric: str, one: str, other: str) -> dict[str, Any]:
    found = (comparison.models[name][metric].value for name in (one, other))
    return dict(zip(("one", "other"), (Number(value, digits=4) for value in found), strict=True))
