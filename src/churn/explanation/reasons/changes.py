"""Phrases for what changes: assets, returns, losses and what was said since, the pace of transactions."""

from math import isnan

from churn.explanation.reasons.amounts import Pair, percent, times

NO_LOSS = ("no unrealised loss", "无浮亏")
MANY_TIMES = 3.0
"""From so much on a change is told as a multiple, not in per cent."""


def since_loss(zero: Pair, words: tuple[str, str, str], value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell how often since the present loss began; NaN stands for no loss.

    Examples
    --------
    >>> since_loss(("not reached", "未联系上"), ("reached once", "reached {} times", "联系上 {} 次"), 2.0, True)
    ('reached 2 times since the loss began', '浮亏以来联系上 2 次')
    """
    if isnan(value):
        return NO_LOSS
    if not value:
        return zero
    once, several, zh = words
    number = f"{value:,.0f}"
    en = once if value == 1 else several.format(number)
    return f"{en} since the loss began", f"浮亏以来{zh.format(number)}"


def growth(months: int, value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell how assets grew or shrank, as a fraction of what they were.

    Examples
    --------
    >>> growth(3, -0.05, True), growth(12, 4.0, True)[0]
    (('assets shrank by 5 % in 3 months', '资产 3 个月减少 5%'), 'assets grew to 5 times those 12 months before')
    """
    span = f"{months} month{'s' * (months > 1)}"
    if isnan(value):
        return f"no assets {span} before to compare with", f"{months} 个月前无资产可比"
    if not value:
        return f"assets unchanged in {span}", f"资产 {months} 个月未变"
    if value >= MANY_TIMES:
        size = times(1 + value)
        return f"assets grew to {size} times those {span} before", f"资产增至 {months} 个月前的 {size} 倍"
    en, zh = percent(value)
    en_verb, zh_verb = ("grew", "增长") if value > 0 else ("shrank", "减少")
    return f"assets {en_verb} by {en} in {span}", f"资产 {months} 个月{zh_verb} {zh}"


def drawdown(value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell how far assets lie under their peak.

    Examples
    --------
    >>> drawdown(0.3, True)
    ('assets 30 % below their 12-month high', '资产较 12 个月高点回落 30%')
    """
    if isnan(value):
        return "no assets within a year", "一年内无资产"
    if not value:
        return "assets at their 12-month high", "资产处于 12 个月高点"
    en, zh = percent(value)
    return f"assets {en} below their 12-month high", f"资产较 12 个月高点回落 {zh}"


def worst(value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell the lowest return of a year.

    Examples
    --------
    >>> worst(-0.2, True), worst(0.01, True)[0]
    (('unrealised loss of up to 20 % within a year', '近 12 个月最大浮亏 20%'), 'no unrealised loss at 12 month-ends')
    """
    if isnan(value):
        return "no invested money within a year", "一年内无投资本金"
    if value >= 0:
        return "no unrealised loss at 12 month-ends", "近 12 个月末均无浮亏"
    en, zh = percent(value)
    return f"unrealised loss of up to {en} within a year", f"近 12 个月最大浮亏 {zh}"


def under_water(value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell at how many month-ends there was a loss.

    Examples
    --------
    >>> under_water(8.0, True)
    ('an unrealised loss at 8 of 12 month-ends', '近 12 个月末有 8 个月浮亏')
    """
    if not value:
        return "no month-end with an unrealised loss within a year", "近 12 个月末均无浮亏"
    return f"an unrealised loss at {value:.0f} of 12 month-ends", f"近 12 个月末有 {value:.0f} 个月浮亏"


def pace(value: float, raises: bool) -> Pair:  # noqa: ARG001
    """Tell the pace of transactions in 90 days against the 275 before.

    Examples
    --------
    >>> pace(0.4, True)
    ('transactions 60 % less frequent than before', '交易频率较此前下降 60%')
    """
    if isnan(value):
        return "no transactions in the 275 days before the last 90", "近 90 天之前的 275 天无交易"
    if value == 1:
        return "transactions as frequent as before", "交易频率与此前相同"
    if not value:
        return "no transactions in the last 90 days, after some before", "近 90 天停止交易"
    if value > MANY_TIMES:
        return f"transactions {times(value)} times as frequent as before", f"交易频率为此前的 {times(value)} 倍"
    en, zh = percent(value - 1)
    if value < 1:
        return f"transactions {en} less frequent than before", f"交易频率较此前下降 {zh}"
    return f"transactions {en} more frequent than before", f"交易频率较此前上升 {zh}"
