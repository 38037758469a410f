import datetime as dt
import re
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

import churn.report
from churn.report.words import LANGUAGES, read_words

PACKAGE = Path(churn.report.__file__).parent
OPTIONS = {
    "templates/**.j2": dict.fromkeys(("trimmed", "trim_blocks", "lstrip_blocks", "newstyle_gettext"), "true"),
}
KEYWORDS = {**DEFAULT_KEYWORDS, "say": None}


def messages():
    found = extract_from_dir(
        PACKAGE, [("**.py", "python"), ("templates/**.j2", "jinja2")], options_map=OPTIONS, keywords=KEYWORDS
    )
    return {message if isinstance(message, str) else message[0] for *_, message, _, _ in found}


def catalogue(language):
    with (PACKAGE / "locales" / language / "LC_MESSAGES" / "churn.po").open("rb") as stream:
        return {entry.id: entry for entry in read_po(stream, locale=language) if entry.id}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_message_is_translated_and_no_translation_is_left_over(language):
    entries = catalogue(language)
    assert messages() - set(entries) == set()
    assert set(entries) - messages() == set()
    assert [entry.id for entry in entries.values() if not entry.string or entry.fuzzy] == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_a_translation_has_the_facts_of_its_message(language):
    def facts(text):
        return sorted(re.findall(r"%\(\w+\)s|\{\w+\}|%%", text))

    assert {entry.id for entry in catalogue(language).values() if facts(entry.id) != facts(entry.string)} == set()


def test_a_chinese_message_is_chinese():
    for entry in catalogue("zh").values():
        if entry.id != "CNY {amount}":
            assert re.search("[\u4e00-\u9fff]", entry.string.replace("{", "")), entry.id


@pytest.mark.parametrize(
    ("yuan", "en", "zh"),
    [
        (None, "—", "—"),
        (0.2, "CNY 0", "0 元"),
        (950, "CNY 950", "950 元"),
        (9_999, "CNY 10k", "1 万元"),
        (123_456, "CNY 123k", "12.3 万元"),
        (90_900_000, "CNY 90.9m", "9,090 万元"),
        (-2_500_000_000, "CNY −2.5bn", "−25 亿元"),
    ],
)
def test_amounts_are_short(yuan, en, zh):
    assert (read_words("en").yuan(yuan), read_words("zh").yuan(yuan)) == (en, zh)


def test_numbers_shares_and_dates_are_written_as_the_language_has_them():
    english, chinese = read_words("en"), read_words("zh")
    assert (english.percent(0.125), chinese.percent(0.125), english.percent(None)) == ("12.5 %", "12.5%", "—")
    assert (english.number(-1234.56, 1), english.points(-0.05)) == ("−1,234.6", "−5.0")
    day = dt.date(2026, 1, 5)
    assert (english.date(day), chinese.date(day), english.date(None)) == ("January 5, 2026", "2026年1月5日", "—")


def test_a_fact_that_looks_like_a_placeholder_stays_as_it_is():
    assert read_words("en").say("{n} more with less at risk", n="{x}%s") == "{x}%s more with less at risk"
