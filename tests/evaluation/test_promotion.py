from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.estimates import Estimate
from churn.evaluation.backtest import Backtest, Judged
from churn.evaluation.comparison import Comparison, PairedTest
from churn.evaluation.leaks import Leak
from churn.evaluation.promotion import decide
from churn.model.recipe import Recipe
from churn.speech import message, say


def comparison(values, *tests):
    """Models by name to (ROC-AUC, ECE, log loss); tests are (metric, better, worse, difference, p)."""
    models = {
        name: {
            metric: Estimate(value, None, None)
            for metric, value in zip(("roc_auc", "ece", "log_loss"), row, strict=True)
        }
        for name, row in values.items()
    }
    paired = [PairedTest(metric, better, worse, gap, None, None, p) for metric, better, worse, gap, p in tests]
    return Comparison(models, paired, 4, 0)


def made(*names, leaks=(), **tuned):
    """A backtest of recipes of these names, judged on one date; some were tuned on dates."""
    judged = Judged(
        as_of=np.array(["2024-07-03", "2024-07-03"], dtype="datetime64[D]"),
        customer_id=np.array(["A", "B"], dtype=object),
        churned=np.array([0, 1]),
        predicted={name: np.array([0.2, 0.3]) for name in names},
        segments=pd.DataFrame(index=range(2)),
    )
    recipes = {name: Recipe(tuned_on=tuned.get(name, ())) for name in names}
    return Backtest(recipes, judged, dict.fromkeys(names, 1.0), leaks)


def two(p_auc=0.001, ece=("new", 0.0, 1.0), log_loss=("new", 0.0, 1.0), better="new"):
    worse = "old" if better == "new" else "new"
    other = {"new": "old", "old": "new"}
    return comparison(
        {"old": (0.80, 0.02, 0.52), "new": (0.81 if better == "new" else 0.79, 0.02, 0.51)},
        ("roc_auc", better, worse, 0.01, p_auc),
        ("ece", ece[0], other[ece[0]], ece[1], ece[2]),
        ("log_loss", log_loss[0], other[log_loss[0]], log_loss[1], log_loss[2]),
    )


def test_challenger_that_ranks_better_beyond_noise_is_promoted():
    decision = decide(two(), made("old", "new"), "old")
    assert (decision.challenger, decision.promote) == ("new", True)
    assert say(decision.reason, "en") == (
        "new ranks better beyond noise (ROC-AUC 0.8100 against 0.8000, p = 0.001 for 1 challengers) and is calibrated"
        " as well"
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (two(p_auc=0.03), "by no more than noise"),
        (two(p_auc=None), "by no more than noise"),
        (two(better="old"), "no challenger ranks better than the champion"),
        (two(ece=("old", 0.002, 0.01)), "but its ECE is worse"),
        (two(ece=("old", 0.011, 0.5)), "but its ECE is worse"),
        (two(log_loss=("old", 0.001, 0.02)), "but its log loss is worse"),
    ],
    ids=["noise", "undefined", "worse", "calibration surely worse", "calibration much worse", "log loss"],
)
def test_champion_stays(found, why):
    decision = decide(found, made("old", "new"), "old")
    assert not decision.promote
    assert why in say(decision.reason, "en")


@pytest.mark.parametrize("found", [two(ece=("old", 0.009, 0.5)), two(log_loss=("old", 0.02, 0.2))])
def test_calibration_that_is_worse_by_no_more_than_noise_is_as_good(found):
    assert decide(found, made("old", "new"), "old").promote


def test_best_of_several_must_pass_for_all_of_them():
    values = {"old": (0.80, 0.02, 0.52), "a": (0.81, 0.02, 0.51), "b": (0.805, 0.02, 0.51), "c": (0.7, 0.02, 0.51)}
    tests = [("roc_auc", "a", "old", 0.01, 0.004), ("roc_auc", "b", "old", 0.005, 0.001)]
    found = comparison(values, *tests)
    # 0.004 is below 0.01 alone, and 0.012 is not
    assert decide(found, made("old", "a"), "old").promote
    assert not decide(found, made("old", "a", "b", "c"), "old").promote


@pytest.mark.parametrize(("low", "promoted"), [(0.51, True), (0.5, False), (None, False)])
def test_best_challenger_takes_an_empty_place_if_it_surely_ranks_better_than_chance(low, promoted):
    found = comparison({"a": (0.7, 0.02, 0.5), "b": (0.8, 0.3, 0.9)})
    models = {**found.models, "b": {**found.models["b"], "roc_auc": Estimate(0.8, low, 0.9)}}
    decision = decide(replace(found, models=models), made("a", "b"))
    assert (decision.challenger, decision.promote) == ("b", promoted)
    assert ("there was no champion" in decision.reason.text) == promoted
    assert ("does not surely rank better than chance" in decision.reason.text) != promoted


def test_model_without_a_roc_auc_is_not_the_best():
    found = comparison({"a": (None, 0.02, 0.5), "b": (0.6, 0.02, 0.5)})
    assert decide(found, made("a", "b")).challenger == "b"


def test_challenger_tuned_on_what_judges_it_is_none():
    decision = decide(two(), made("old", "new", new=("2024-07-03",)), "old")
    assert (decision.challenger, decision.promote) == (None, False)
    assert "tuned on the data that judge it" in decision.reason.text
    assert decide(two(), made("old", "new", new=("2023-01-04",)), "old").promote


def test_champion_may_have_been_tuned_on_what_judges_it():
    assert decide(two(), made("old", "new", old=("2024-07-03",)), "old").promote


def test_nobody_is_promoted_where_a_feature_knows_too_much():
    leak = Leak("letter_sent", "alone", 1.0, message("yes"))
    decision = decide(two(), made("old", "new", leaks=[leak]), "old")
    assert (decision.challenger, decision.promote) == ("new", False)
    assert say(decision.reason, "en").endswith("; but letter_sent may know the outcome")
