"""Numbers as people write them: amounts, shares, spans of time, dates; each a value that is written in a language.

Rounding never says more than is so: what is not nothing is not written as 0, and what is not whole not as 100 %.
"""

import datetime as dt
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from babel.dates import format_date

from churn.speech.catalogue import Language, isolate, look_up

NOTHING = "–"
"""What stands where something is not known."""
_YEAR = 365.25
_LONG = 730
"""From so many days on a span is told in years."""
_STEP = re.compile(r"(\d+):(\S+)")


class Amount(ABC):
    """A number that knows how it is written."""

    @abstractmethod
    def said(self, language: Language) -> str:
        """Write it in a language."""


@dataclass(frozen=True)
class Share(Amount):
    r"""The size of a share of one in running text, its sign left out.

    Examples
    --------
    >>> [Share(x).said("en") for x in (0.14, -0.0042, 0.0001, 0.998)]
    ['14\u202f%', '0.4\u202f%', 'under 0.1\u202f%', '99.8\u202f%']
    """

    value: float

    def said(self, language: Language) -> str:
        """Write it in a language."""
        size = 100 * abs(self.value)
        if 0 < size < 0.05:
            return look_up("under 0.1\u202f%", language)
        if 99.95 <= size < 100:
            return look_up("over 99.9\u202f%", language)
        text = f"{size:.1f}" if 0 < size < 0.95 or 99.5 <= size < 100 else f"{size:,.0f}"
        return look_up("{share}\u202f%", language).format(share=text)


@dataclass(frozen=True)
class Percent(Amount):
    """A share of one in a table, with its sign; None where not known."""

    value: float | None
    digits: int = 1

    def said(self, language: Language) -> str:
        """Write it in a language."""
        if self.value is None:
            return NOTHING
        text = f"{100 * self.value:.{self.digits}f}"
        text = text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")
        return look_up("{share}\u202f%", language).format(share=text)


@dataclass(frozen=True)
class Points(Amount):
    """A difference of shares in percentage points, with its sign; None where not known.

    Examples
    --------
    >>> [Points(x).said("en") for x in (-0.052, 0.1, 0.0001, None)]
    ['−5.2', '+10.0', '0.0', '–']
    """

    value: float | None

    def said(self, language: Language) -> str:  # noqa: ARG002 (alike in every language)
        """Write it in a language."""
        if self.value is None:
            return NOTHING
        text = f"{100 * self.value:+.1f}"
        return "0.0" if float(text) == 0 else text.replace("-", "−")


@dataclass(frozen=True)
class PointsBetween(Amount):
    """A difference of shares in percentage points with its interval: of value, low and high what is known.

    Examples
    --------
    >>> PointsBetween((-0.062, -0.081, -0.043)).said("en"), PointsBetween((None, -0.1, 0.02)).said("en")
    ('−6.2 [−8.1, −4.3]', '[−10.0, +2.0]')
    """

    estimate: tuple[float | None, float | None, float | None]

    def said(self, language: Language) -> str:
        """Write it in a language."""
        value, low, high = (Points(part).said(language) for part in self.estimate)
        if None in self.estimate[1:]:
            return value
        return f"[{low}, {high}]" if self.estimate[0] is None else f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Number(Amount):
    """A number with so many digits behind the point; None where not known."""

    value: float | None
    digits: int = 0

    def said(self, language: Language) -> str:  # noqa: ARG002 (alike in every language)
        """Write it in a language."""
        return NOTHING if self.value is None else f"{self.value:,.{self.digits}f}".replace("-", "−")


@dataclass(frozen=True)
class Plain(Amount):
    """A number of unknown meaning as it stands, at most four digits behind the point.

    Examples
    --------
    >>> [Plain(x).said("en") for x in (42.0, 12691.51, 0.00012345)]
    ['42', '12691.51', '0.000123']
    """

    value: float

    def said(self, language: Language) -> str:  # noqa: ARG002 (alike in every language)
        """Write it in a language."""
        if self.value and abs(self.value) < 0.001:
            return np.format_float_positional(self.value, precision=3, fractional=False, trim="-")
        return np.format_float_positional(self.value, precision=4, trim="-")


@dataclass(frozen=True)
class Times(Amount):
    """How many times as much.

    Examples
    --------
    >>> Times(4.23).said("en"), Times(120.4).said("en")
    ('4.2', '120')
    """

    value: float

    def said(self, language: Language) -> str:  # noqa: ARG002 (alike in every language)
        """Write it in a language."""
        return f"{self.value:.1f}".removesuffix(".0") if self.value < 10 else f"{self.value:,.0f}"


@dataclass(frozen=True)
class Span(Amount):
    """A number of days; from two years on in years.

    Examples
    --------
    >>> [Span(days).said("en") for days in (1, 75, 1200, 2192)]
    ['1 day', '75 days', '3.3 years', '6 years']
    """

    days: float

    def said(self, language: Language) -> str:
        """Write it in a language."""
        whole = round(self.days)
        if whole < _LONG:
            return look_up("{n} day", language, several="{n} days", n=whole).format(n=f"{whole:,}")
        years = f"{self.days / _YEAR:.1f}".removesuffix(".0")
        return look_up("{years} years", language, context="span").format(years=years)


@dataclass(frozen=True)
class Money(Amount):
    """The size of an amount in yuan in running text, its sign left out; Chinese counts in 万 and 亿.

    Examples
    --------
    >>> [Money(x).said("en") for x in (-123_456.7, 10_800_000, 0.4)]
    ['CNY 123,457', 'CNY 10.8 million', 'under CNY 1']
    >>> [Money(x).said("zh") for x in (-123_456.7, 10_800_000, 0.4)]
    ['12.3 万元', '1,080 万元', '不到 1 元']
    """

    yuan: float

    def said(self, language: Language) -> str:
        """Write it in a language."""
        size = abs(self.yuan)
        return look_up("under CNY 1", language) if 0 < size < 0.5 else _in_full(size, language)


@dataclass(frozen=True)
class ShortMoney(Amount):
    """An amount in yuan in a table or a headline, with its sign; None where not known.

    From a million on, or 10,000 in Chinese, to one digit behind the point below 100 and to whole ones above.

    Examples
    --------
    >>> [ShortMoney(x).said("en") for x in (1_234_567.0, -980.0, None)]
    ['CNY 1.2 million', 'CNY −980', '–']
    """

    yuan: float | None

    def said(self, language: Language) -> str:
        """Write it in a language."""
        if self.yuan is None:
            return NOTHING
        value = 0.0 if abs(self.yuan) < 0.5 else self.yuan
        for size, word in reversed(_money_steps(language)):
            if abs(value) >= size * 0.9995:
                scaled = value / size
                digits = 0 if abs(scaled) >= 100 else 1
                return _yuan(f"{scaled:,.{digits}f}".removesuffix(".0"), word, language)
        return _yuan(f"{value:,.0f}", "", language)


@dataclass(frozen=True)
class ShortNumber(Amount):
    """A round number as short as an axis needs it, without what it counts.

    Examples
    --------
    >>> ShortNumber(1e6).said("en"), ShortNumber(1e6).said("zh"), ShortNumber(-1000.0).said("zh")
    ('1m', '100万', '−1,000')
    """

    value: float

    def said(self, language: Language) -> str:
        """Write it in a language."""
        # TRANSLATORS: from which number on numbers on an axis are written with which word
        steps = _steps("1000:k 1000000:m 1000000000:bn", language)
        size, word = next(((size, word) for size, word in reversed(steps) if abs(self.value) >= size), (1, ""))
        return f"{self.value / size:,.0f}{word}".replace("-", "−")


@dataclass(frozen=True)
class InUnit(Amount):
    r"""A customer's own value in the unit of its feature; None where missing, or where no event is to count days from.

    Examples
    --------
    >>> [InUnit(*given).said("en") for given in ((1.0, "0/1"), (212.0, "days"), (None, "yuan"), (0.128, "share"))]
    ['yes', '212 days', 'missing', '13\u202f%']
    """

    value: float | str | None
    unit: str | None

    def said(self, language: Language) -> str:
        """Write it in a language."""
        if self.value is None:
            text = look_up("none", language) if self.unit == "days" else look_up("missing", language)
        elif isinstance(self.value, str):
            text = isolate(self.value)
        elif self.unit == "0/1" and self.value in {0, 1}:
            text = look_up("yes", language) if self.value else look_up("no", language)
        elif self.unit in ("share", "ratio"):
            text = Percent(self.value, digits=0).said(language)
        else:
            text = self._with_unit(float(self.value), language)
        return text

    def _with_unit(self, value: float, language: Language) -> str:
        text = f"{value:,.0f}" if self.unit == "yuan" or value == round(value) else f"{value:,.2f}"
        text = "0.00" if text == "-0.00" else text.replace("-", "−")
        templates = {
            "days": look_up("{value} days", language, context="value"),
            "years": look_up("{value} years", language, context="value"),
            "yuan": look_up("CNY {value}", language, context="value"),
        }
        return templates.get(self.unit or "", "{value}").format(value=text)


@dataclass(frozen=True)
class Date(Amount):
    """A day written out; None where not known."""

    date: dt.date | None

    def said(self, language: Language) -> str:
        """Write it in a language."""
        return NOTHING if self.date is None else format_date(self.date, "long", locale=language)


def _in_full(size: float, language: Language) -> str:
    steps = _money_steps(language)
    whole = round(size)
    reached = [at for at, (least, _) in enumerate(steps) if whole >= least]
    if not reached:
        return _yuan(f"{whole:,}", "", language)
    at = reached[-1]
    least, word = steps[at]
    scaled = size / least
    if at + 1 == len(steps):
        return _yuan(f"{scaled:,.2f}".rstrip("0").rstrip("."), word, language)
    # what would round up to the next step stays below it
    most = steps[at + 1][0] / least - 0.1
    text = f"{min(scaled, most):,.1f}".removesuffix(".0") if scaled < 1_000 else f"{scaled:,.0f}"
    return _yuan(text, word, language)


def _yuan(amount: str, word: str, language: Language) -> str:
    amount = amount.replace("-", "−")
    if word:
        return look_up("CNY {amount} {word}", language).format(amount=amount, word=word)
    return look_up("CNY {amount}", language).format(amount=amount)


def _money_steps(language: Language) -> list[tuple[int, str]]:
    # TRANSLATORS: from which amount on amounts are written with which word
    return _steps("1000000:million 1000000000:billion", language)


def _steps(text: str, language: Language) -> list[tuple[int, str]]:
    return [(int(least), word) for least, word in _STEP.findall(look_up(text, language, context="steps"))]
