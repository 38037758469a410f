"""A bank's own texts inside sentences: they may be written in any direction, and turn nothing around them."""

import unicodedata

_OPENS = "\u2066\u2067\u2068"
_FIRST, _POP = "\u2068", "\u2069"
_TURNING = {"R", "AL", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI", "AN"}


def isolate(text: str) -> str:
    r"""Keep a text's direction to itself, where it has one of its own: it is put between U+2068 and U+2069.

    An override that is never closed (U+202E) would mirror the rest of the sentence; the closing mark ends it too
    (Unicode Standard Annex 9, https://www.unicode.org/reports/tr9/, X6a).

    Examples
    --------
    >>> isolate("B001"), isolate("\u202eB001") == "\u2068\u202eB001\u2069"
    ('B001', True)
    """
    if text.isascii() or not any(unicodedata.bidirectional(letter) in _TURNING for letter in text):
        return text
    return _FIRST + _balanced(text) + _POP


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
