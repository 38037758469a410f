"""What is to be said, as a value: an English text with facts in it, put into words only when somebody reads it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from churn.speech.amounts import Amount
from churn.speech.catalogue import Language, isolate, look_up


class Name(NamedTuple):
    """What a bank's configuration calls something, in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class Message:
    """A text of the catalogue and the facts it names.

    Attributes
    ----------
    text
        English, with facts in braces: the key of the catalogue.
    facts
        By name: amounts, dates, names, strings of a bank, other messages.
    several, n
        The English plural, and the number that chooses it: `text` stands for exactly 1.
    context
        Tells apart texts that only English writes alike.
    """

    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    several: str | None = None
    n: float = 1
    context: str = ""


@dataclass(frozen=True)
class Joined:
    """Several things said in a row."""

    parts: tuple[Any, ...]
    by: str


Said = Message | Joined | Name | Amount | str | int | dt.date
"""Whatever `say` puts into words."""


def message(text: str, /, *, context: str = "", **facts: Any) -> Message:
    """Make a message; `text` is found by the extraction of the catalogue, so it is written here as it stands."""
    return Message(text, facts, context=context)


def counted(text: str, several: str, n: float, /, *, context: str = "", **facts: Any) -> Message:
    """Make a message about a number of things: `text` where `n` is 1, `several` otherwise; both may name `{n}`."""
    return Message(text, {"n": n, **facts}, several, n, context)


By = Literal["words", "list", "and", "both", "or", "semicolons", "colon", "range", "sentences", "lines"]
_JOINTS: Mapping[str, Message] = {
    "words": message("{one}, {other}"),
    "list": message("{one}, {other}", context="list"),
    "and": message("{one} and {other}", context="reasons"),
    "both": message("{one} and {other}", context="list"),
    "or": message("{one} or {other}"),
    "semicolons": message("{one}; {other}"),
    "colon": message("{one}: {other}"),
    "range": message("{one} to {other}"),
    "sentences": message("{one} {other}", context="sentences"),
    "lines": message("{one}\n{other}"),
}


def joined(parts: Iterable[Any], by: By = "words") -> Joined:
    """Say things in a row.

    With commas, between "words" or between the names of a "list"; with "and", of reasons or of "both" of a list; with
    "or", semicolons, a colon; as a range, as sentences, or as lines.
    """
    return Joined(tuple(parts), by)


def say(value: Any, language: Language) -> str:
    r"""Put a value into words.

    Numbers are written with thousands separated, dates as 2026-01-31, a bank's own strings so that their direction
    stays theirs.

    Examples
    --------
    >>> from churn.speech import Share, counted, joined, message, say
    >>> say(message("risk of leaving {risk}", risk=Share(0.42)), "en")
    'risk of leaving 42\u202f%'
    >>> say(counted("{n} customer", "{n} customers", 1234), "en")
    '1,234 customers'
    >>> say(joined(["A", "B"]), "en")
    'A, B'
    """
    match value:
        case Message():
            template = look_up(value.text, language, several=value.several, n=value.n, context=value.context)
            return template.format(**{name: say(fact, language) for name, fact in value.facts.items()})
        case Joined():
            return _join([say(part, language) for part in value.parts], _JOINTS[value.by], language)
        case Amount():
            return value.said(language)
        case (str(en), str(zh)):
            return isolate(zh if language == "zh" else en)
        case str():
            return isolate(value)
        case dt.date():
            return value.isoformat()
    return f"{value:,}"


def _join(parts: list[str], joint: Message, language: Language) -> str:
    template = look_up(joint.text, language, context=joint.context)
    text = parts[0] if parts else ""
    for part in parts[1:]:
        text = template.format(one=text, other=part)
    return text
