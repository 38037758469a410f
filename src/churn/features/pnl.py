"""P&L: what the customer's assets are worth, which way they go, and losses nobody has spoken about."""

from functools import partial
from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features.expressions import YEAR, count, ratio, total, yuan, zero_where_null
from churn.features.feature import LOSS, TREND, Feature
from churn.speech import counted, message
from churn.timeline import Tables, month_ends_before

_TRENDS = (1, 3, 6, 12)
_MONTHS = 12
# A loss is followed back to the 13th month-end before the date at most.
_SINCE_LOSS_DAYS = 397
_PRESENT = "present loss"


def pnl_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="pnl", tables=("pnl",))
    amount = partial(new, unit="yuan", story="assets")
    trend = partial(new, story=TREND)
    loss = partial(new, story=LOSS)
    said = partial(
        loss,
        window_days=_SINCE_LOSS_DAYS,
        actionable=True,
        tables=("pnl", "contacts"),
        role="since_loss",
        topic="said since the loss",
    )
    return (
        amount(name="aum_cny", meaning=message("assets under management at the last month-end")),
        amount(name="deposits_cny", meaning=message("part of the assets without a cost basis (deposits)")),
        amount(name="investments_cny", meaning=message("part of the assets with a cost basis")),
        loss(
            name="unrealised_pnl_cny",
            unit="yuan",
            meaning=message("unrealised profit or loss"),
            role="unrealised",
            topic=_PRESENT,
        ),
        loss(
            name="n_months_under_water_12m",
            unit="count",
            window_days=YEAR,
            meaning=message("month-ends with an unrealised loss, of 12"),
        ),
        *(
            trend(
                name=f"aum_growth_{months}m",
                unit="ratio",
                window_days=30 * months,
                meaning=counted("growth of assets over {n} month", "growth of assets over {n} months", months),
                topic="aum_growth",
            )
            for months in _TRENDS
        ),
        trend(
            name="drawdown_12m",
            unit="share",
            window_days=YEAR,
            meaning=message("fall of assets from their highest month-end of 12"),
        ),
        loss(
            name="unrealised_return",
            unit="ratio",
            meaning=message("unrealised profit or loss per yuan of cost"),
            role="unrealised",
            topic=_PRESENT,
        ),
        loss(
            name="worst_return_12m",
            unit="ratio",
            window_days=YEAR,
            meaning=message("lowest unrealised return at 12 month-ends"),
        ),
        said(
            name="n_reached_since_loss",
            unit="count",
            meaning=message("contacts that reached the customer since the loss began"),
        ),
        said(
            name="n_loss_notices_since_loss",
            unit="count",
            meaning=message("loss notices that reached the customer since the loss began"),
        ),
        said(
            name="loss_without_contact",
            unit="0/1",
            meaning=message("an unrealised loss, and nobody reached the customer since it began"),
        ),
    )


def build_pnl(tables: Tables, who: nw.LazyFrame[Any], as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Build the family for the customers `who`: `customer_id` and a column a feature whose tables are there."""
    ends = month_ends_before(as_of, _MONTHS + 1)
    sums = _monthly(tables, ends).group_by("customer_id").agg(*_aggregates(ends))
    frame = who.join(sums, on="customer_id", how="left")
    frame = zero_where_null(
        frame, ["aum", "deposits", "invested", "cost", "peak", "n_months_under_water_12m", *_past_names()]
    )
    frame = frame.with_columns(
        (nw.col("invested") - nw.col("cost")).alias("unrealised"),
        ratio(nw.col("invested") - nw.col("cost"), nw.col("cost"), "unrealised_return"),
        ratio(nw.col("peak") - nw.col("aum"), nw.col("peak"), "drawdown_12m"),
        *(
            ratio(nw.col("aum") - nw.col(past), nw.col(past), f"aum_growth_{months}m")
            for months, past in zip(_TRENDS, _past_names(), strict=True)
        ),
    ).with_columns(
        yuan("aum").alias("aum_cny"),
        yuan("deposits").alias("deposits_cny"),
        yuan("invested").alias("investments_cny"),
        yuan("unrealised").alias("unrealised_pnl_cny"),
    )
    if "contacts" in tables:
        frame = _with_contacts(frame, tables, as_of, ends)
    available = set(frame.collect_schema().names())
    names = [feature.name for feature in pnl_features(config) if feature.name in available]
    return frame.select("customer_id", *names)


def _monthly(tables: Tables, ends: list[int]) -> nw.LazyFrame[Any]:
    """One row a customer and month-end: value, the part with a cost basis, and that cost, in cents."""
    has_cost = ~nw.col("cost_basis").is_null()
    return (
        tables["pnl"]
        .filter(nw.col("month").is_in(ends))
        .group_by("customer_id", "month")
        .agg(
            nw.col("market_value").sum().cast(nw.Int64).alias("value"),
            total(has_cost, nw.col("market_value"), "invested"),
            total(has_cost, nw.col("cost_basis"), "cost"),
        )
        .with_columns(ratio(nw.col("invested") - nw.col("cost"), nw.col("cost"), "return"))
    )


def _aggregates(ends: list[int]) -> list[nw.Expr]:
    now = nw.col("month") == ends[0]
    in_year = nw.col("month") > ends[_MONTHS]
    under_water = nw.col("invested") < nw.col("cost")
    return [
        total(now, nw.col("value"), "aum"),
        total(now, nw.col("value") - nw.col("invested"), "deposits"),
        total(now, nw.col("invested"), "invested"),
        total(now, nw.col("cost"), "cost"),
        *(
            total(nw.col("month") == ends[months], nw.col("value"), past)
            for months, past in zip(_TRENDS, _past_names(), strict=True)
        ),
        nw.when(in_year).then(nw.col("value")).max().alias("peak"),
        count(in_year & under_water, "n_months_under_water_12m"),
        nw.when(in_year).then(nw.col("return")).min().alias("worst_return_12m"),
        *(total((nw.col("month") == end) & under_water, nw.lit(1), f"under_water_{end}") for end in ends),
    ]


def _past_names() -> list[str]:
    return [f"aum_{months}m_ago" for months in _TRENDS]


def _with_contacts(frame: nw.LazyFrame[Any], tables: Tables, as_of: int, ends: list[int]) -> nw.LazyFrame[Any]:
    """Add what was said since the present loss began: after the last month-end without one, or the earliest."""
    loss_after = nw.lit(ends[-1])
    for end in reversed(ends):
        loss_after = nw.when(nw.col(f"under_water_{end}") > 0).then(loss_after).otherwise(nw.lit(end))
    frame = frame.with_columns(loss_after.alias("loss_after"))
    losing = frame.filter(nw.col("unrealised") < 0).select("customer_id", "loss_after")
    reached = tables["contacts"].filter((nw.col("contacted_on") < as_of) & nw.col("reached"))
    said = (
        reached.join(losing, on="customer_id", how="inner")
        .filter(nw.col("contacted_on") > nw.col("loss_after"))
        .group_by("customer_id")
        .agg(
            count(nw.col("reached"), "n_reached_since_loss"),
            count(nw.col("purpose") == nw.lit("loss_notice"), "n_loss_notices_since_loss"),
        )
    )
    frame = frame.join(said, on="customer_id", how="left")
    frame = zero_where_null(frame, ["n_reached_since_loss", "n_loss_notices_since_loss"])
    silent = (nw.col("unrealised") < 0) & (nw.col("n_reached_since_loss") == 0)
    return frame.with_columns(silent.cast(nw.Int64).alias("loss_without_contact"))
