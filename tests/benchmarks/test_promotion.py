"""The short form of the study: one small bank, few trees, and the rule by which the whole study is judged."""

from promotion import Pair, judge_pairs, study_bank

from churn.model.recipe import Recipe
from churn.model.trees import TreeParameters

EQUAL, BETTER = Pair(False, 0.0, True, 0.02), Pair(True, 0.001, True, 0.02)


def test_on_one_bank_the_refit_stays_out_and_the_whole_model_is_promoted():
    quick = Recipe(parameters=TreeParameters(learning_rate=0.2))
    pair = study_bank(5000, 48, seed=9, most=7, n_judged=2, recipe=quick)
    assert not pair.same_promoted
    assert abs(pair.same_gain) < 0.006
    assert pair.better_promoted
    assert pair.better_gain > 0.005


def test_two_false_promotions_in_twenty_are_allowed_and_three_are_not():
    assert judge_pairs([BETTER] * 2 + [EQUAL] * 18) == []
    assert judge_pairs([BETTER] * 3 + [EQUAL] * 17) == ["3 of 20 challengers that are no better were promoted"]


def test_two_missed_promotions_in_twenty_are_allowed_and_three_are_not():
    missed = Pair(False, 0.0, False, 0.01)
    assert judge_pairs([missed] * 2 + [EQUAL] * 18) == []
    assert judge_pairs([missed] * 3 + [EQUAL] * 17) == ["only 17 of 20 better challengers were promoted"]
