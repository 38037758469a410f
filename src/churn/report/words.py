"""The page's words in one language, and how it writes numbers, amounts and dates.

English is what the sources say; the other languages are gettext catalogues under `locales/`.
"""

import datetime as dt
import io
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Literal

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from churn.explanation.captions import format_points, format_yuan
from churn.explanation.reasons.amounts import Pair

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
NOTHING = "—"
"""What stands where something is not known."""


@dataclass(frozen=True)
class Words:
    """How a page speaks.

    Attributes
    ----------
    language
        Of the page.
    catalogue
        Its messages.
    """

    language: Language
    catalogue: NullTranslations

    def say(self, message: str, **facts: object) -> str:
        """Translate a message and put facts into its braces."""
        return self.catalogue.gettext(message).format(**facts) if facts else self.catalogue.gettext(message)

    def pick(self, pair: Pair) -> str:
        """Choose from (English, Chinese)."""
        return pair[LANGUAGES.index(self.language)]

    def percent(self, share: float | None, digits: int = 1) -> str:
        """Write a share in [0, 1] as per cent."""
        if share is None:
            return NOTHING
        return f"{100 * share:.{digits}f}{' ' if self.language == 'en' else ''}%"

    def points(self, change: float | None) -> str:
        """Write a change of a probability in percentage points, with its sign."""
        return format_points(change)

    def number(self, value: float | None, digits: int = 0) -> str:
        """Write a number with grouped digits."""
        return NOTHING if value is None else f"{value:,.{digits}f}".replace("-", "−")

    def yuan(self, value: float | None) -> str:
        """Write an amount as short as it may be: thousands and millions, or 万 and 亿."""
        if value is None:
            return NOTHING
        if abs(value) < 0.5:
            return self.say("CNY {amount}", amount=f"0{_gap(self.language)}")
        short = _three_digits(value, self.language)
        return self.say("CNY {amount}", amount=short)

    def date(self, date: dt.date | None) -> str:
        """Write a date in full."""
        return NOTHING if date is None else format_date(date, "long", locale=self.language)


def _three_digits(value: float, language: Language) -> str:
    """Write an amount with about three digits and its unit."""
    steps = ((1e9, "bn"), (1e6, "m"), (1e3, "k")) if language == "en" else ((1e8, "亿"), (1e4, "万"))
    gap = _gap(language)
    for size, unit in steps:
        if abs(value) >= size * 0.9995:
            scaled = value / size
            digits = 0 if abs(scaled) >= 100 else 1
            return f"{scaled:,.{digits}f}".removesuffix(".0").replace("-", "−") + gap + unit
    return format_yuan(value, language) + gap


def _gap(language: Language) -> str:
    """Give what stands between a number and its unit behind it."""
    return "" if language == "en" else " "


@cache
def read_words(language: Language) -> Words:
    """Read the catalogue of a language; English needs none.

    Examples
    --------
    >>> read_words("zh").percent(0.62), read_words("en").percent(0.62), read_words("zh").yuan(123_456)
    ('62.0%', '62.0 %', '12.3 万元')
    """
    if language == "en":
        return Words("en", NullTranslations())
    source = files("churn.report") / "locales" / language / "LC_MESSAGES" / "churn.po"
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source.read_bytes()), locale=language))
    compiled.seek(0)
    return Words(language, GNUTranslations(compiled))
