"""The building blocks of every family: the few expressions that compute a feature, and the few forms that say it.

Dates are whole days, money whole cents.

Said are a count, a yes or no, a recency, a share, an amount, a level. A phrase is true of every value. The direction
changes the tone alone ("only 2 products held", "no contact for 75 days" against "last contact 75 days ago"), never the
fact. Texts name what they are filled with: `{n}` things, a `{span}` of time, a `{share}`, an `{amount}`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import Any, NamedTuple

import narwhals as nw

from churn.features.feature import COUNTED, Feature, Phrase
from churn.speech import Message, Money, Number, Said, Share, Span, message
from churn.timeline import Seen

# Counts and recencies look back a year at most, so that a snapshot early in the history and one late in it
# mean the same.
YEAR = 365
FEW = 2
"""Up to so many, a number that raises the risk is written as "only"."""
LONG_SILENCE = 30
"""From so many days on a silence that raises the risk is called one."""


def since(column: str, as_of: int | nw.Expr, days: int) -> nw.Expr:
    """Whether a day lies in `[as_of - days, as_of)`."""
    return (nw.col(column) >= as_of - days) & (nw.col(column) < as_of)


def count(condition: nw.Expr, name: str) -> nw.Expr:
    """Count the rows for which the condition is true."""
    return condition.cast(nw.Int64).sum().cast(nw.Int64).alias(name)


def total(condition: nw.Expr, value: nw.Expr, name: str) -> nw.Expr:
    """Sum the whole-number values of the rows for which the condition is true: exact in any order."""
    return nw.when(condition).then(value).otherwise(0).sum().cast(nw.Int64).alias(name)


def days_since(condition: nw.Expr, column: str, as_of: int | nw.Expr, name: str) -> nw.Expr:
    """Days from the latest day for which the condition is true to `as_of`; null where there is none."""
    return nw.when(condition).then(as_of - nw.col(column)).min().alias(name)


def ratio(numerator: nw.Expr, denominator: nw.Expr) -> nw.Expr:
    """Divide; null where the denominator is not above zero (an engine may raise on a division by zero)."""
    safe = nw.when(denominator > 0).then(denominator)
    return numerator.cast(nw.Float64) / safe.cast(nw.Float64)


def yuan(cents: nw.Expr) -> nw.Expr:
    """Cents to yuan."""
    return cents.cast(nw.Float64) / 100.0


def zero(column: str) -> nw.Expr:
    """Give a count or a sum, 0 of a customer without a row."""
    return nw.col(column).fill_null(0)


class Built(NamedTuple):
    """How a family is computed.

    Attributes
    ----------
    parts
        Lazy frames with the columns `seen.customer`, and at most one row of the same; all are joined to the
        customers, once.
    columns
        By the name of the feature, in the catalogue's order, an expression over what was joined; nulls where a
        customer has no row.
    """

    parts: Sequence[nw.LazyFrame[Any]]
    columns: Mapping[str, nw.Expr]


def per_customer(seen: Seen, table: str, aggregates: Sequence[nw.Expr], where: nw.Expr) -> nw.LazyFrame[Any]:
    """Aggregate a table's rows by customer and date."""
    return seen[table].filter(where).group_by(*seen.customer).agg(*aggregates)


def columns(features: Iterable[Feature], **made: nw.Expr) -> dict[str, nw.Expr]:
    """Give the columns of features: what is made, else the aggregate of the name, cents as yuan, 0 of what counts."""

    def of(feature: Feature) -> nw.Expr:
        if feature.unit == "yuan":
            return yuan(zero(feature.name))
        return zero(feature.name) if feature.unit in COUNTED else nw.col(feature.name)

    return {feature.name: made[feature.name] if feature.name in made else of(feature) for feature in features}


def fill(text: Message, **facts: Any) -> Message:
    """Put facts into a text."""
    return replace(text, facts={**text.facts, **facts})


def fill_number(text: Message, n: float) -> Message:
    """Put a whole number into a text, and let it choose between one and several."""
    return replace(text, facts={**text.facts, "n": Number(n)}, n=n)


def within(days: int, what: Message) -> Message:
    """Say in which window something happened."""
    if days == YEAR:
        return message("{what} in a year", what=what)
    return message("{what} in {days} days", what=what, days=days)


def known(told: Callable[[float, bool], Said | None], missing: Said | None = None) -> Phrase:
    """Tell a value where there is one; `missing` where there is none, if that says something too."""
    return lambda value, raises: missing if isnan(value) else told(value, raises)


def happened(days: int, none: Message, some: Message) -> Phrase:
    """Tell how often something happened in a window of days.

    Examples
    --------
    >>> from churn.speech import counted, say
    >>> calls = happened(90, message("no calls"), counted("{n} call", "{n} calls", 1))
    >>> say(calls(1.0, True), "en"), say(calls(0.0, True), "en")
    ('1 call in 90 days', 'no calls in 90 days')
    """
    return known(lambda value, _: within(days, fill_number(some, value) if value else none))


def few(none: Message, some: Message, only: Message) -> Phrase:
    """Tell a number of things there are; one or two that raise the risk as "only".

    Examples
    --------
    >>> from churn.speech import counted, say
    >>> held = counted("{n} product held", "{n} products held", 1)
    >>> only = counted("only {n} product held", "only {n} products held", 1)
    >>> [say(few(message("no product held"), held, only)(2.0, raises), "en") for raises in (True, False)]
    ['only 2 products held', '2 products held']
    """
    return known(lambda n, raises: fill_number(only if raises and n <= FEW else some, n) if n else none)


def either(yes: Message, no: Message, unknown: Message | None = None) -> Phrase:
    """Tell whether something is so; `unknown` where a missing value says something too.

    Examples
    --------
    >>> from churn.speech import say
    >>> say(either(message("fund held"), message("fund not held"))(0.0, True), "en")
    'fund not held'
    """
    return known(lambda value, _: yes if value else no, unknown)


def ago(never: Message, last: Message, silence: Message | None = None) -> Phrase:
    """Tell a recency: a `silence` where it is long and raises the risk, else when it last was; missing is `never`.

    Examples
    --------
    >>> from churn.speech import say
    >>> texts = [message("no call within a year"), message("last call {span} ago"), message("no call for {span}")]
    >>> [say(ago(*texts)(value, True), "en") for value in (1.0, 75.0, float("nan"))]
    ['last call 1 day ago', 'no call for 75 days', 'no call within a year']
    """

    def tell(days: float, raises: bool) -> Said:
        return fill(silence if silence and raises and days >= LONG_SILENCE else last, span=Span(days))

    return known(tell, never)


def part(missing: Message, none: Message, every: Message, some: Message) -> Phrase:
    r"""Tell a share of one.

    Examples
    --------
    >>> from churn.speech import say
    >>> texts = [message("nothing"), message("none"), message("all"), message("{share} of them")]
    >>> [say(part(*texts)(value, True), "en") for value in (0.0, 0.4, float("nan"))]
    ['none', '40\u202f% of them', 'nothing']
    """
    ends: dict[float, Message] = {0: none, 1: every}
    return known(lambda value, _: ends.get(value) or fill(some, share=Share(value)), missing)


def signed(
    zero: Message,
    positive: Message,
    negative: Message,
    missing: Message | None = None,
    shown: Callable[[float], Money | Share] = Money,
) -> Phrase:
    """Tell an amount whose sign stands in words.

    Examples
    --------
    >>> from churn.speech import say
    >>> texts = message("no assets"), message("assets {amount}"), message("overdrawn by {amount}")
    >>> say(signed(*texts)(120_000.0, True), "en")
    'assets CNY 120,000'
    """

    def tell(value: float, raises: bool) -> Said:  # noqa: ARG001
        return fill(positive if value > 0 else negative, amount=shown(value)) if value else zero

    return known(tell, missing)


def level(*texts: Message) -> Phrase:
    """Tell one of a few levels, numbered from 0."""
    return known(lambda value, _: texts[int(value)])


def is_none(unit: str, value: float) -> bool:
    """Whether a value says that there is none: 0 of a number, and missing where nothing is there to measure.

    Examples
    --------
    >>> is_none("count", 0.0), is_none("days", float("nan")), is_none("count", float("nan"))
    (True, True, False)
    """
    return value == 0 or (isnan(value) and unit in ("days", "share", "ratio"))
