import re
from typing import get_args

from churn.actions.progress.measures import MEASURES, NOTES, Form
from churn.speech import LANGUAGES, say


def test_titles_differ_in_every_language():
    for language in LANGUAGES:
        assert len({say(one.title, language) for one in MEASURES.values()}) == len(MEASURES)


def test_every_measure_is_written_in_a_form_that_fits_its_unit():
    units = {form: {one.unit.text for one in MEASURES.values() if one.form == form} for form in get_args(Form)}
    assert units == {
        "share": {"share"},
        "points": {"difference of shares"},
        "per_day": {"per day"},
        "mean": {"products", "services", "per 1,000 customers"},
        "yuan": {"yuan"},
    }


def test_title_of_what_is_no_effect_of_contact_says_so():
    title = MEASURES["contacted_difference"].title
    assert say(title, "en") == "Churn, contacted minus not contacted (not causal)"
    assert say(title, "zh").endswith("（非联系效果）")


def test_notes_are_sentences_without_a_full_stop():
    for note in NOTES:
        assert re.fullmatch(r"[A-Z][ -~\u202f]+[^.]", say(note, "en"))
        assert not say(note, "zh").endswith("。")
