"""The few forms phrases take: a number of things, a yes or no, a recency, a share, an amount."""

from collections.abc import Callable
from functools import partial
from math import isnan

from churn.explanation.reasons.amounts import Pair, money, percent, span

Phrase = Callable[[float, bool], Pair]
"""From a value (NaN where missing) and whether it raises the risk to (English, Chinese)."""
Counted = tuple[str, str, str, str]
"""One, several, the Chinese noun and its measure word."""

FEW = 2
"""Up to so many, a number that raises the risk is told as "only"."""
LONG_SILENCE = 30
"""From so many days on a silence that raises the risk is told as one."""
YEAR = 365


def count(words: Counted, days: int, value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell how often something happened in a window of days.

    Examples
    --------
    >>> count(("call", "calls", "电话", "次"), 90, 2.0, True), count(("call", "calls", "电话", "次"), 365, 0.0, True)
    (('2 calls in 90 days', '90 天内电话 2 次'), ('no calls in a year', '一年内无电话'))
    """
    one, several, zh, measure = words
    en_window, zh_window = ("a year", "一年内") if days == YEAR else (f"{days} days", f"{days} 天内")
    gap = " " if zh[0].isascii() else ""
    if not value:
        return f"no {several} in {en_window}", f"{zh_window}无{gap}{zh}"
    number = f"{value:,.0f}"
    return f"{number} {one if value == 1 else several} in {en_window}", f"{zh_window}{gap}{zh} {number} {measure}"


def few(words: Counted, none: Pair, value: float, raises: bool) -> Pair:
    """Tell a number of things there are; one or two that raise the risk as "only".

    Examples
    --------
    >>> words, none = ("product held", "products held", "持有产品", "种"), ("no product held", "未持有产品")
    >>> few(words, none, 2.0, True), few(words, none, 2.0, False)
    (('only 2 products held', '持有产品仅 2 种'), ('2 products held', '持有产品 2 种'))
    """
    one, several, zh, measure = words
    if not value:
        return none
    only = raises and value <= FEW
    en = f"{'only ' if only else ''}{value:,.0f} {one if value == 1 else several}"
    return en, f"{zh}{'仅 ' if only else ' '}{value:,.0f} {measure}"


def yes_no(yes: Pair, no: Pair, unknown: Pair | None = None) -> Phrase:
    """Make a phrase of two; a missing value is `unknown`, or no.

    Examples
    --------
    >>> yes_no(("fund held", "持有基金"), ("fund not held", "未持有基金"))(0.0, True)
    ('fund not held', '未持有基金')
    """

    def say(value: float, raises: bool) -> Pair:  # noqa: ARG001
        if isnan(value):
            return unknown or no
        return yes if value else no

    return say


def ago(never: Pair, silence: Pair, last: Pair, value: float, raises: bool) -> Pair:
    """Tell a recency: as a silence where it is long and raises the risk, else as when it last was.

    Examples
    --------
    >>> words = (("no call within a year", ""), ("no call for {}", ""), ("last call {} ago", ""))
    >>> ago(*words, 75.0, True)[0], ago(*words, 75.0, False)[0], ago(*words, float("nan"), True)[0]
    ('no call for 75 days', 'last call 75 days ago', 'no call within a year')
    """
    if isnan(value):
        return never
    en, zh = span(value)
    words = silence if raises and value >= LONG_SILENCE else last
    return words[0].format(en), words[1].format(zh)


def event(never: Pair, last: Pair) -> Phrase:
    """Make the phrase of a recency that is no silence: how long ago it was.

    Examples
    --------
    >>> event(("nothing opened", "未开立"), ("opened {} ago", "{}前开立"))(75.0, True)
    ('opened 75 days ago', '75 天前开立')
    """
    return partial(ago, never, last, last)


def share(missing: Pair, none: Pair, every: Pair, some: Pair) -> Phrase:
    """Make the phrase of a share of one.

    Examples
    --------
    >>> share(("-", "-"), ("none", "无"), ("all", "全部"), ("{} of them", "其中 {}"))(0.4, True)
    ('40 % of them', '其中 40%')
    """

    def say(value: float, raises: bool) -> Pair:  # noqa: ARG001
        if isnan(value):
            return missing
        if value in (0, 1):
            return every if value else none
        en, zh = percent(value)
        return some[0].format(en), some[1].format(zh)

    return say


def signed(zero: Pair, positive: Pair, negative: Pair, missing: Pair, show: Callable[[float], Pair]) -> Phrase:
    """Make the phrase of a number whose sign is told in words.

    Examples
    --------
    >>> say = signed(("even", "持平"), ("profit {}", "盈利 {}"), ("loss {}", "亏损 {}"), ("-", "-"), percent)
    >>> say(-0.14, True), say(0.05, True)
    (('loss 14 %', '亏损 14%'), ('profit 5 %', '盈利 5%'))
    """

    def say(value: float, raises: bool) -> Pair:  # noqa: ARG001
        if isnan(value):
            return missing
        if not value:
            return zero
        en, zh = show(value)
        words = positive if value > 0 else negative
        return words[0].format(en), words[1].format(zh)

    return say


def yuan(zero: Pair, positive: Pair, negative: Pair) -> Phrase:
    """Make the phrase of an amount in yuan.

    Examples
    --------
    >>> yuan(("no assets", "无资产"), ("assets {}", "资产 {}"), ("overdrawn by {}", "透支 {}"))(120_000.0, True)
    ('assets CNY 120,000', '资产 12 万元')
    """
    return signed(zero, positive, negative, ("amount not known", "金额不详"), money)


def level(words: tuple[Pair, ...], value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell one of a few levels, numbered from 0.

    Examples
    --------
    >>> level((("ordinary", "普通"), ("gold", "金卡")), 1.0, True)
    ('gold', '金卡')
    """
    return words[int(value)]
