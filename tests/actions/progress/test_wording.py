import re

import pytest

from churn.actions.progress.wording import COUNTED, LEVELS, MEASURES, NOTES, UNITS


@pytest.mark.parametrize("words", [MEASURES, UNITS, COUNTED, LEVELS])
def test_everything_is_said_in_both_languages(words):
    for en, zh in words.values():
        assert re.fullmatch(r"[ -~]+", en)
        assert re.search("[一-鿿]", zh)


def test_every_measure_has_a_unit_and_says_what_is_counted():
    assert list(MEASURES) == list(UNITS) == list(COUNTED)


def test_titles_differ():
    assert len({en for en, _ in MEASURES.values()}) == len({zh for _, zh in MEASURES.values()}) == len(MEASURES)


def test_title_of_what_is_no_effect_of_contact_says_so_in_both_languages():
    en, zh = MEASURES["contacted_difference"]
    assert en == "Churn of those contacted less that of the others (no effect of contact)"
    assert zh.endswith("（非联系效果）")


def test_notes_are_sentences_without_a_full_stop_in_both_languages():
    for en, zh in NOTES:
        assert re.fullmatch(r"[A-Z][ -~]+[^.]", en)
        assert re.search("[一-鿿]", zh)
        assert not zh.endswith("。")
