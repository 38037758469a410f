import pytest

from churn.actions.plan.telling import PURPOSE_WORDS
from churn.actions.progress.measures import MEASURES
from churn.report.audience import GROUPED_BY
from churn.report.facts import Headline, MeasuredValue
from churn.report.wording import MEASURE_COLUMNS, TRAITS, group_name, headline_figure, is_missed, measure_figure, word
from churn.speech import message, say


@pytest.mark.parametrize(
    ("trait", "code", "en", "zh"),
    [
        ("tier", "gold", "gold", "金卡"),
        ("tier", "diamond", "diamond", "diamond"),
        ("stage", "met", "met", "已面谈"),
        ("branch", "met", "met", "met"),
        ("contact", "met", "met", "met"),
        ("coverage", "5+", "5+", "5+"),
        ("", "gold", "gold", "gold"),
        ("contact", None, "not known", "不详"),
        ("manager", None, "nobody", "无"),
    ],
)
def test_codes_have_words_and_strings_of_a_bank_stand_for_themselves(trait, code, en, zh):
    name = group_name(trait, code)
    assert (say(name, "en"), say(name, "zh")) == (en, zh)


def test_every_trait_has_words():
    assert set(TRAITS) == set(GROUPED_BY)


def test_purposes_kinds_and_tiers_are_those_of_the_plan():
    assert [word(name, "purposes") for name in PURPOSE_WORDS] == list(PURPOSE_WORDS.values())
    assert (say(word("meeting", "kinds"), "zh"), say(word("platinum", "tiers"), "zh")) == ("面谈", "白金卡")
    assert (word("visit", "kinds"), say(word(None, "tiers"), "zh")) == ("visit", "–")


def test_a_code_of_ours_without_words_is_an_error():
    with pytest.raises(KeyError):
        word("unheard_of", "cannot")


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [
        ("days_kept", 0.605, "60\u202f%"),
        ("days_kept", 1.0, "100\u202f%"),
        ("churn_observed", 0.042, "4.2\u202f%"),
        ("churn_observed", 0.0, "0\u202f%"),
        ("offers_difference", -0.046, "−4.6 points"),
        ("offers_difference", 0.002, "+0.2 points"),
        ("calls_per_day", 12.34, "12.3"),
        ("calls_per_day", 9.0, "9.00"),
        ("value_kept", 1_250_000.0, "CNY 1.2 million"),
        ("referrals", None, "–"),
    ],
)
def test_each_measure_is_written_in_its_unit(measure, value, expected):
    assert say(measure_figure(value, measure), "en") == expected


@pytest.mark.parametrize(
    ("value", "high", "target", "missed"),
    [(4.0, 4.9, 5.0, True), (4.0, 5.0, 5.0, False), (4.0, 4.9, None, False), (4.0, None, 5.0, False)],
)
def test_a_target_is_missed_where_even_the_upper_end_is_below(value, high, target, missed):
    assert is_missed(MeasuredValue(value, 3.0, high, 10, target)) is missed
    assert not is_missed(None)


def test_the_columns_are_measures():
    assert set(MEASURE_COLUMNS) <= set(MEASURES)


def test_headlines_are_whole_numbers_amounts_or_means():
    heads = [("number", 1559.3), ("mean", 3.237), ("yuan", 2e6)]
    found = [say(headline_figure(Headline("x", value, unit)), "en") for unit, value in heads]
    assert found == ["1,559", "3.24", "CNY 2 million"]


def test_a_fact_that_looks_like_a_placeholder_stays_as_it_is():
    assert say(message("{n} more with less at risk", n="{x}%s"), "en") == "{x}%s more with less at risk"
