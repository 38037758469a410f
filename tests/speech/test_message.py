import datetime as dt
from gettext import NullTranslations

import pytest

from churn.speech import Money, Name, Share, counted, joined, message, say, use_catalogues


class Nonsense(NullTranslations):
    def gettext(self, message: str) -> str:
        return "bla"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "blas {n}"


def test_facts_are_said_in_the_language_of_the_sentence() -> None:
    said = message("risk of leaving {risk}, assets {assets}", risk=Share(0.42), assets=Money(120_000))
    assert say(said, "en") == "risk of leaving 42\u202f%, assets CNY 120,000"
    assert "12 万元" in say(said, "zh")


def test_a_banks_names_are_picked_by_language_and_keep_their_direction() -> None:
    assert say(message("branch {name}", name=Name("North", "北")), "zh").endswith("北")
    assert say(Name("\u202eN", "N"), "en") == "\u2068\u202eN\u2069"


@pytest.mark.parametrize(("n", "text"), [(1, "1 day"), (2, "2 days"), (0, "0 days"), (1234, "1,234 days")])
def test_the_number_chooses_singular_or_plural(n: int, text: str) -> None:
    assert say(counted("{n} day", "{n} days", n), "en") == text


def test_things_in_a_row_are_joined_as_the_language_joins_them() -> None:
    assert say(joined([message("a"), "b", 3]), "en") == "a, b, 3"
    assert say(joined(["a", "b"], "and"), "en") == "a and b"
    assert say(joined(["a", "b"]), "zh") == "a，b"
    assert say(joined([]), "en") == ""


def test_dates_are_written_as_they_are_in_files() -> None:
    assert say(message("until {day}", day=dt.date(2026, 1, 31)), "en") == "until 2026-01-31"


def test_every_word_can_be_replaced() -> None:
    with use_catalogues({"en": Nonsense()}):
        assert say(message("a {x}", x=1), "en") == "bla"
        assert say(counted("{n} day", "{n} days", 3), "en") == "blas 3"
    assert say(message("a {x}", x=1), "en") == "a 1"
