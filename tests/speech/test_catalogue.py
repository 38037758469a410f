"""The catalogues hold every message of the sources and of the templates, and nothing else."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import churn
from churn.speech import LANGUAGES
from churn.speech.catalogue import isolate

PACKAGE = Path(churn.__file__).parent
LOCALES = PACKAGE / "speech" / "locales"
TEMPLATES = dict.fromkeys(("trimmed", "trim_blocks", "lstrip_blocks", "newstyle_gettext"), "true")
OTHERS = [language for language in LANGUAGES if language != "en"]
KEYWORDS = {"message": 1, "counted": 2, "look_up": 1}
"""Functions whose first texts are messages, and how many of them."""
FACT = re.compile(r"%\(\w+\)s|\{\w+\}|%%")

WITHOUT_WORDS = {
    ("list", "{one} and {other}"), ("reasons", "{one} and {other}"), ("", "{one} to {other}"),
    ("", "%(low)s to %(high)s"),
}  # fmt: skip
"""Messages whose Chinese is punctuation alone."""

Key = tuple[str, ...]
"""Context, English, and its plural where it has one."""


def spoken(path: Path) -> Iterator[Key]:
    """Give the messages of a source file that are written where they are made."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        given = {one.arg: one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)}
        texts = [part.value for part in node.args[: KEYWORDS.get(name, 0)] if isinstance(part, ast.Constant)]
        if name == "_steps" and isinstance(node.args[0], ast.Constant):
            yield "steps", str(node.args[0].value)
        elif texts and isinstance(texts[0], str):
            several = (given["several"],) if "several" in given else ()
            yield given.get("context", ""), *texts, *several


@cache
def messages() -> frozenset[Key]:
    found = {key for path in PACKAGE.rglob("*.py") for key in spoken(path)}
    templates = extract_from_dir(PACKAGE, [("**.j2", "jinja2")], options_map={"**.j2": TEMPLATES})
    return frozenset(found) | {("", *((text,) if isinstance(text, str) else text)) for _, _, text, _, _ in templates}


def entries(language: str) -> Iterator[tuple[Key, tuple[str, ...], bool]]:
    """Give key, words and whether they are doubtful, of every entry."""
    with (LOCALES / f"{language}.po").open("rb") as stream:
        for entry in read_po(stream, locale=language):
            if entry.id:
                key, words = ((part,) if isinstance(part, str) else tuple(part) for part in (entry.id, entry.string))
                yield (entry.context or "", *key), words, entry.fuzzy


def test_what_is_said_is_found():
    assert ("", "{n} day", "{n} days") in messages()
    assert ("list", "{one} and {other}") in messages()
    assert ("steps", "1000000:million 1000000000:billion") in messages()
    assert ("", "Today's plan") in messages()


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_and_no_translation_is_left_over(language):
    translated = {key for key, _, _ in entries(language)}
    assert messages() - translated == set()
    assert translated - messages() == set()
    assert [key for key, words, is_doubtful in entries(language) if not all(words) or is_doubtful] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_facts_of_its_message(language):
    found = {key[-1]: {*FACT.findall(key[-1])} for key, _, _ in entries(language)}
    said = {key[-1]: {fact for text in words for fact in FACT.findall(text)} for key, words, _ in entries(language)}
    assert {key for key in found if found[key] != said[key]} == set()


def test_a_chinese_message_is_chinese():
    for (context, text, *_), words, _ in entries("zh"):
        if re.search("[A-Za-z]{2}", FACT.sub("", text)) and (context, text) not in WITHOUT_WORDS:
            assert all(re.search("[\u4e00-\u9fff]", one) for one in words), text


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
