import pytest

from churn.actions.plan_words import PURPOSE_WORDS
from churn.report.audience import GROUPED_BY
from churn.report.labels import TRAITS, group_label, kind_label, purpose_label, tier_label
from churn.report.words import read_words

EN, ZH = read_words("en"), read_words("zh")


@pytest.mark.parametrize(
    ("key", "code", "en", "zh"),
    [
        ("tier", "gold", "gold", "金卡"),
        ("tier", "diamond", "diamond", "diamond"),
        ("stage", "met", "met", "已面谈"),
        ("branch", "met", "met", "met"),
        ("coverage", "5+", "5+", "5+"),
        ("", "gold", "gold", "gold"),
        ("contact", None, "not known", "不详"),
        ("manager", None, "nobody", "无"),
    ],
)
def test_codes_have_words_and_texts_of_a_bank_stand_for_themselves(key, code, en, zh):
    assert (group_label(key, code, EN), group_label(key, code, ZH)) == (en, zh)


def test_every_trait_has_words():
    assert set(TRAITS) == set(GROUPED_BY)


def test_purposes_and_kinds_are_those_of_the_plan():
    assert [purpose_label(name, EN) for name in PURPOSE_WORDS] == [pair[0] for pair in PURPOSE_WORDS.values()]
    assert (kind_label("meeting", ZH), kind_label("visit", ZH)) == ("面谈", "visit")
    assert purpose_label("other", ZH) == "other"
    assert (tier_label(None, EN), tier_label("platinum", ZH)) == ("—", "白金卡")
