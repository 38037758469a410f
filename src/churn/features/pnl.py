"""P&L: what the customer's assets are worth, which way they go, and losses nobody has spoken about."""

from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features import expressions as e
from churn.features.feature import LOSS, TREND, Feature, Phrase
from churn.speech import Message, Number, Said, Share, Times, counted, message
from churn.timeline import Seen, month_ends_before

_TRENDS = (1, 3, 6, 12)
_MONTHS = 12
# Assets so many months ago, and what else is summed of a customer's month-ends.
_PAST = {months: f"aum_{months}m_ago" for months in _TRENDS}
_SUMS = ("aum", "deposits", "invested", "cost", "peak", "n_months_under_water_12m", *_PAST.values())
# A loss is followed back to the 13th month-end before the date at most.
_SINCE_LOSS_DAYS = 397
_PRESENT = "present loss"
_DRAWDOWN = "drawdown_12m"
ASSETS = "assets"
MANY_TIMES = 3.0
"""From so much on a change is written as a multiple, not in per cent."""
_NO_LOSS = message("no unrealised loss")
_NOT_SINCE_LOSS = message("not reached since the loss began")
_PROFIT_OR_LOSS = (message("no unrealised profit or loss"), message("unrealised profit {amount}"),
    message("unrealised loss {amount}"))  # fmt: skip


def pnl_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="pnl", tables=("pnl",))
    amount = partial(new, unit="yuan", story=ASSETS)
    trend = partial(new, story=TREND)
    loss = partial(new, story=LOSS)
    said = partial(loss, window_days=_SINCE_LOSS_DAYS, actionable=True, tables=("pnl", "contacts"), role="since_loss",
        topic="said since the loss")  # fmt: skip
    return (
        amount(name="aum_cny", meaning=message("assets under management at the last month-end"),
            phrase=e.signed(message("no assets at the last month-end"), message("assets {amount}"),
                message("assets minus {amount}")), implies=_all_of_one_kind),
        amount(name="deposits_cny", meaning=message("part of the assets without a cost basis (deposits)"),
            phrase=e.signed(message("no deposits"), message("deposits {amount}"), message("deposits minus {amount}"))),
        amount(name="investments_cny", meaning=message("part of the assets with a cost basis"),
            phrase=e.signed(message("no investments"), message("investments {amount}"),
                message("investments minus {amount}"))),
        loss(name="unrealised_pnl_cny", unit="yuan", meaning=message("unrealised profit or loss"), role="unrealised",
            topic=_PRESENT, phrase=e.signed(*_PROFIT_OR_LOSS)),
        loss(name="n_months_under_water_12m", unit="count", window_days=e.YEAR,
            meaning=message("month-ends with an unrealised loss, of 12"), phrase=e.known(_under_water)),
        *(
            trend(name=f"aum_growth_{months}m", unit="ratio", window_days=30 * months,
                meaning=counted("growth of assets over {n} month", "growth of assets over {n} months", months),
                topic="aum_growth", phrase=e.known(partial(_growth, months), _nothing_before(months)),
                implies=_fell if months == _MONTHS else None)
            for months in _TRENDS
        ),
        trend(name=_DRAWDOWN, unit="share", window_days=e.YEAR,
            meaning=message("fall of assets from their 12-month high"),
            phrase=e.known(_drawdown, message("no assets within a year"))),
        loss(name="unrealised_return", unit="ratio", meaning=message("unrealised profit or loss per yuan of cost"),
            role="unrealised", topic=_PRESENT, phrase=e.signed(*_PROFIT_OR_LOSS, message("no invested money"), Share)),
        loss(name="worst_return_12m", unit="ratio", window_days=e.YEAR,
            meaning=message("lowest unrealised return at 12 month-ends"),
            phrase=e.known(_worst, message("no invested money within a year")), implies=_no_loss),
        said(name="n_reached_since_loss", unit="count",
            meaning=message("contacts that reached the customer since the loss began"),
            phrase=_since_loss(_NOT_SINCE_LOSS,
                counted("reached once since the loss began", "reached {n} times since the loss began", 1))),
        said(name="n_loss_notices_since_loss", unit="count",
            meaning=message("loss notices that reached the customer since the loss began"),
            phrase=_since_loss(message("no loss notice since the loss began"),
                counted("one loss notice since the loss began", "{n} loss notices since the loss began", 1))),
        said(name="loss_without_contact", unit="0/1",
            meaning=message("an unrealised loss, and nobody reached the customer since it began"),
            phrase=e.either(_NOT_SINCE_LOSS, message("reached since the loss began"), _NO_LOSS)),
    )  # fmt: skip


def _since_loss(none: Message, some: Message) -> Phrase:
    """Tell how often since the present loss began; missing stands for no loss."""
    return e.known(lambda n, _: e.fill_number(some, n) if n else none, _NO_LOSS)


def _under_water(value: float, raises: bool) -> Said:  # noqa: ARG001
    if not value:
        return message("no month-end with an unrealised loss within a year")
    return message("an unrealised loss at {n} of 12 month-ends", n=Number(value))


def _nothing_before(n: int) -> Said:
    return counted("no assets {n} month before to compare with", "no assets {n} months before to compare with", n)


def _growth(months: int, value: float, raises: bool) -> Said:  # noqa: ARG001
    """Tell how assets grew or shrank, as a fraction of what they were."""
    if not value:
        return counted("assets unchanged in {n} month", "assets unchanged in {n} months", months)
    if value >= MANY_TIMES:
        return counted(
            "assets grew to {times} times those {n} month before",
            "assets grew to {times} times those {n} months before",
            months,
            times=Times(1 + value),
        )
    grew = counted("assets grew by {share} in {n} month", "assets grew by {share} in {n} months", months)
    shrank = counted("assets shrank by {share} in {n} month", "assets shrank by {share} in {n} months", months)
    return e.fill(grew if value > 0 else shrank, share=Share(value))


def _drawdown(value: float, raises: bool) -> Said:  # noqa: ARG001
    if not value:
        return message("assets at their 12-month high")
    return message("assets {share} below their 12-month high", share=Share(value))


def _worst(value: float, raises: bool) -> Said:  # noqa: ARG001
    if value >= 0:
        return message("no unrealised loss at 12 month-ends")
    return message("unrealised loss of up to {share} within a year", share=Share(value))


def _all_of_one_kind(value: float, other: Feature, its: float) -> bool:
    """All assets are deposits, or all are invested: written in whole yuan, both would say the same amount."""
    return other.story == ASSETS and value >= 0.5 and its >= 0.5 and round(value) == round(its)


def _fell(value: float, other: Feature, its: float) -> bool:
    """Assets shrank from a value one month before the twelve whose highest is named: the two would contradict."""
    return value < 0 and other.name == _DRAWDOWN and not isnan(its)


def _no_loss(value: float, other: Feature, its: float) -> bool:
    """No loss within a year is none today; no investment within a year is none today."""
    if isnan(value):
        return other.name == "unrealised_return" and isnan(its)
    return value >= 0 and other.role == "since_loss" and isnan(its)


def build_pnl(seen: Seen, config: Config) -> e.Built:
    """Say how the family is computed, as far as its tables are there."""
    ends = [seen.by_date(partial(_month_end, n)) for n in range(_MONTHS + 1)]
    sums = _monthly(seen, ends).group_by(*seen.customer).agg(*_aggregates())
    parts = [sums.select(*seen.customer, *_SUMS, "worst_return_12m")]
    aum, invested, cost, peak = (e.zero(name) for name in ("aum", "invested", "cost", "peak"))
    made = {
        "aum_cny": e.yuan(aum),
        "deposits_cny": e.yuan(e.zero("deposits")),
        "investments_cny": e.yuan(invested),
        "unrealised_pnl_cny": e.yuan(invested - cost),
        "unrealised_return": e.ratio(invested - cost, cost),
        _DRAWDOWN: e.ratio(peak - aum, peak),
        **{f"aum_growth_{months}m": e.ratio(aum - e.zero(past), e.zero(past)) for months, past in _PAST.items()},
    }
    if "contacts" in seen:
        parts.append(_said_since_loss(sums, seen, ends))
        silent = (invested - cost < 0) & (e.zero("n_reached_since_loss") == 0)
        made["loss_without_contact"] = silent.cast(nw.Int64)
    features = [feature for feature in pnl_features(config) if all(table in seen for table in feature.tables)]
    return e.Built(parts, e.columns(features, **made))


def _month_end(n: int, day: int) -> int:
    """Give the last month-end before a day and `n` months."""
    return month_ends_before(day, n + 1)[-1]


def _monthly(seen: Seen, ends: Sequence[int | nw.Expr]) -> nw.LazyFrame[Any]:
    """One row per customer, date and month-end: value, the part with a cost basis, that cost, and how long ago.

    In cents; `months_ago` is 0 at the last month-end before the date, and 12 at the earliest that is looked at.
    """
    months_ago = nw.sum_horizontal(*((nw.col("month") < end).cast(nw.Int64) for end in ends))
    has_cost = ~nw.col("cost_basis").is_null()
    return (
        seen["pnl"]
        .filter((nw.col("month") >= ends[-1]) & (nw.col("month") < seen.as_of))
        .group_by(*seen.customer, "month")
        .agg(
            nw.col("market_value").sum().cast(nw.Int64).alias("value"),
            e.total(has_cost, nw.col("market_value"), "invested"),
            e.total(has_cost, nw.col("cost_basis"), "cost"),
        )
        .with_columns(
            e.ratio(nw.col("invested") - nw.col("cost"), nw.col("cost")).alias("return"),
            months_ago.alias("months_ago"),
        )
    )


def _aggregates() -> list[nw.Expr]:
    ago = nw.col("months_ago")
    now, in_year = ago == 0, ago < _MONTHS
    under_water = nw.col("invested") < nw.col("cost")
    return [
        e.total(now, nw.col("value"), "aum"),
        e.total(now, nw.col("value") - nw.col("invested"), "deposits"),
        e.total(now, nw.col("invested"), "invested"),
        e.total(now, nw.col("cost"), "cost"),
        *(e.total(ago == months, nw.col("value"), past) for months, past in _PAST.items()),
        nw.when(in_year).then(nw.col("value")).max().alias("peak"),
        e.count(in_year & under_water, "n_months_under_water_12m"),
        nw.when(in_year).then(nw.col("return")).min().alias("worst_return_12m"),
        *(e.total((ago == n) & under_water, nw.lit(1), f"under_water_{n}") for n in range(_MONTHS + 1)),
    ]


def _said_since_loss(sums: nw.LazyFrame[Any], seen: Seen, ends: Sequence[int | nw.Expr]) -> nw.LazyFrame[Any]:
    """What was said since the present loss began: after the last month-end without one, or the earliest."""
    loss_after: Any = ends[-1]
    for n, end in reversed(list(enumerate(ends))):
        loss_after = nw.when(nw.col(f"under_water_{n}") > 0).then(loss_after).otherwise(end)
    losing = sums.filter(nw.col("invested") < nw.col("cost")).select(*seen.customer, loss_after.alias("loss_after"))
    reached = seen["contacts"].filter((nw.col("contacted_on") < seen.as_of) & nw.col("reached"))
    return (
        reached.join(losing, on=seen.customer, how="inner")
        .filter(nw.col("contacted_on") > nw.col("loss_after"))
        .group_by(*seen.customer)
        .agg(
            e.count(nw.col("reached"), "n_reached_since_loss"),
            e.count(nw.col("purpose") == nw.lit("loss_notice"), "n_loss_notices_since_loss"),
        )
    )
