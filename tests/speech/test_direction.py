import pytest

from churn.speech.direction import isolate


@pytest.mark.parametrize("text", ["", "B001", "网点 一", "a<b>&", "𠮷野家 😀", "-5"])
def test_a_text_that_turns_nothing_stays_as_it_is(text):
    assert isolate(text) == text


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("\u202eB001", "\u202eB001"),
        ("\u202eB001\u202c", "\u202eB001\u202c"),
        ("عربى", "عربى"),
        ("a\u2067b", "a\u2067b\u2069"),
        ("of \u2068\u202eB\u2069 (3)", "of \u2068\u202eB\u2069 (3)"),
        ("cut \u2068\u202e", "cut \u2068\u202e\u2069"),
        ("a\u2069\u202eb", "a\u202eb"),
    ],
)
def test_a_text_that_turns_keeps_it_to_itself(text, inside):
    assert isolate(text) == f"\u2068{inside}\u2069"
    assert isolate(isolate(text)) == isolate(text)


def test_two_isolates_are_not_one():
    text = "\u2068a\u2069\u202eb\u2068c\u2069"
    assert isolate(text) == f"\u2068{text}\u2069"
