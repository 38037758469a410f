"""The words of every language: gettext catalogues, read once; English is what the sources say.

A bank's own texts inside them may be written in any direction, and turn nothing around them.
"""

import io
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from itertools import accumulate
from typing import Literal

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_OPENS = "\u2066\u2067\u2068"
_FIRST, _POP = "\u2068", "\u2069"
_TURNING = {"R", "AL", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI", "AN"}
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
    source = files("churn.speech") / "locales" / f"{language}.po"
    if not source.is_file():
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source.read_bytes()), locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def isolate(text: str) -> str:
    r"""Keep a text's direction to itself, where it has one of its own: it is put between U+2068 and U+2069.

    An override that is never closed (U+202E) would mirror the rest of the sentence; the closing mark ends it too
    (Unicode Standard Annex 9, https://www.unicode.org/reports/tr9/, X6a). What stands between them already stays so.

    Examples
    --------
    >>> isolate("B001"), isolate("\u202eB001") == "\u2068\u202eB001\u2069"
    ('B001', True)
    """
    if text.isascii() or not any(unicodedata.bidirectional(letter) in _TURNING for letter in text):
        return text
    return text if _is_isolate(text) else _FIRST + _balanced(text) + _POP


def _is_isolate(text: str) -> bool:
    """Whether what the first letter opens is closed by the last, and not before."""
    depths = list(accumulate((letter in _OPENS) - (letter == _POP) for letter in text))
    return text[0] == _FIRST and depths[-1] == 0 and all(depth > 0 for depth in depths[:-1])


def _balanced(text: str) -> str:
    """Close every isolate that a text opens, and leave out a close of one that it did not."""
    kept, depth = [], 0
    for letter in text:
        depth += letter in _OPENS
        if letter == _POP:
            if not depth:
                continue
            depth -= 1
        kept.append(letter)
    return "".join(kept) + _POP * depth
