"""The words of every language: gettext catalogues, read once; English is what the sources say."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_in_use: dict[Language, NullTranslations] = {}


def look_up(text: str, language: Language, *, several: str | None = None, n: float = 1, context: str = "") -> str:
    """Find a text's words in a language; where the catalogue has none, the English text itself.

    `several` is the English plural, taken for any `n` but 1; `context` tells apart texts that are the same in English
    alone.
    """
    words = translations(language)
    whole = 1 if n == 1 else 2
    if several is not None:
        return words.npgettext(context, text, several, whole) if context else words.ngettext(text, several, whole)
    return words.pgettext(context, text) if context else words.gettext(text)


def translations(language: Language) -> NullTranslations:
    """Give the catalogue of a language, for templates."""
    return _in_use.get(language) or _read(language)


@contextmanager
def use_catalogues(catalogues: Mapping[Language, NullTranslations]) -> Iterator[None]:
    """Say everything in these words until the block ends: for tests that no decision hangs on a word."""
    before = dict(_in_use)
    _in_use.update(catalogues)
    try:
        yield
    finally:
        _in_use.clear()
        _in_use.update(before)


@cache
def _read(language: Language) -> NullTranslations:
    folder = files("churn.speech") / "locales" / language
    if not folder.is_dir():
        return NullTranslations()
    whole = Catalog(locale=language)
    for part in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if part.name.endswith(".po"):
            for entry in read_po(io.BytesIO(part.read_bytes()), locale=language):
                if entry.id:
                    whole.add(entry.id, entry.string, context=entry.context)
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)
