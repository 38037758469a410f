"""A bank's own texts inside sentences: they may be written in any direction, and turn nothing around them."""

import unicodedata
from itertools import accumulate

_OPENS = "\u2066\u2067\u2068"
_FIRST, _POP = "\u2068", "\u2069"
_TURNING = {"R", "AL", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI", "AN"}


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
