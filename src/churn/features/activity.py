"""Activity: what the customer does, where, and whether it fades."""

from typing import Any

import narwhals as nw

from churn.config import LARGE_COUNTER_CNY, Config
from churn.features.expressions import YEAR, count, days_since, per_customer, ratio, since, total, yuan, zero_where_null
from churn.features.feature import Family, Feature
from churn.timeline import Tables

_CHANNELS = {"counter": "柜面", "atm": " ATM ", "online": "网银", "mobile": "手机银行"}
_NAMES = {"atm": "ATM"}
# Part of what a feature means, so that no setting of a bank moves it.
_LARGE_CENTS = LARGE_COUNTER_CNY * 100


def activity_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    f: Family = "activity"
    t = ("transactions",)
    return (
        *(
            Feature(
                f"n_transactions_{days}d",
                f,
                "count",
                days,
                f"transactions in {days} days",
                f"{days} 天内交易笔数",
                False,
                t,
            )
            for days in (30, 90, YEAR)
        ),
        *(
            Feature(
                f"n_{channel}_{days}d",
                f,
                "count",
                days,
                f"{_NAMES.get(channel, channel)} transactions in {days} days",
                f"{days} 天内{zh}交易笔数",
                False,
                t,
            )
            for channel, zh in _CHANNELS.items()
            for days in (90, YEAR)
        ),
        Feature(
            "n_large_ordinary_365d",
            f,
            "count",
            YEAR,
            "counter transactions of CNY 100,000 or more on an ordinary ticket",
            "普通号柜面 10 万元及以上大额交易笔数",
            True,
            t,
        ),
        Feature("turnover_cny_90d", f, "yuan", 90, "amount moved in 90 days", "90 天内交易金额", False, t),
        Feature("turnover_cny_365d", f, "yuan", YEAR, "amount moved in 365 days", "365 天内交易金额", False, t),
        Feature("net_flow_cny_90d", f, "yuan", 90, "sum of signed amounts in 90 days", "90 天内净流入金额", False, t),
        Feature(
            "share_digital_365d", f, "share", YEAR, "share of transactions online or mobile", "线上交易比例", True, t
        ),
        Feature(
            "activity_pace_365d",
            f,
            "ratio",
            YEAR,
            "pace of transactions in 90 days against the 275 before (1 = unchanged)",
            "近 90 天交易频率与此前 275 天之比（1 为不变）",
            False,
            t,
        ),
        Feature(
            "days_since_transaction", f, "days", YEAR, "days since the last transaction", "距上次交易天数", False, t
        ),
    )


def amount_moved() -> nw.Expr:
    """Give the size of a transaction, in or out, in cents."""
    return nw.when(nw.col("amount") < 0).then(-nw.col("amount")).otherwise(nw.col("amount"))


def is_large_ordinary(cents: int) -> nw.Expr:
    """Mark transactions of at least so many cents, in or out, at the counter on an ordinary ticket.

    Such a transaction is a sign of a future VIP.

    Examples
    --------
    >>> import pandas as pd
    >>> tickets = ["ordinary", None, "ordinary"]
    >>> channels = ["counter", "counter", "online"]
    >>> rows = pd.DataFrame({"channel": channels, "queue_ticket": tickets, "amount": [-5, 5, 5]})
    >>> nw.from_native(rows).select(large=is_large_ordinary(5)).to_native()["large"].tolist()
    [True, False, False]
    """
    ordinary = (nw.col("queue_ticket") == nw.lit("ordinary")).fill_null(False)
    return (nw.col("channel") == nw.lit("counter")) & ordinary & (amount_moved() >= cents)


def build_activity(tables: Tables, who: nw.LazyFrame[Any], as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Build the family for the customers `who`: `customer_id` and a column a feature."""
    recent = since("transacted_on", as_of, 90)
    anywhere = since("transacted_on", as_of, YEAR)
    aggregates = [
        *(count(since("transacted_on", as_of, days), f"n_transactions_{days}d") for days in (30, 90, YEAR)),
        *(
            count((nw.col("channel") == nw.lit(channel)) & since("transacted_on", as_of, days), f"n_{channel}_{days}d")
            for channel in _CHANNELS
            for days in (90, YEAR)
        ),
        count(is_large_ordinary(_LARGE_CENTS), "n_large_ordinary_365d"),
        total(recent, amount_moved(), "turnover_cny_90d"),
        total(anywhere, amount_moved(), "turnover_cny_365d"),
        total(recent, nw.col("amount"), "net_flow_cny_90d"),
    ]
    last = days_since(anywhere, "transacted_on", as_of, "days_since_transaction")
    frame = per_customer(tables, "transactions", who, [*aggregates, last], anywhere)
    names = [feature.name for feature in activity_features(config)]
    frame = zero_where_null(frame, names[: len(aggregates)])
    return frame.with_columns(
        *(yuan(name).alias(name) for name in names if "_cny_" in name),
        ratio(nw.col("n_online_365d") + nw.col("n_mobile_365d"), nw.col("n_transactions_365d"), "share_digital_365d"),
        ratio(
            nw.col("n_transactions_90d") * (YEAR - 90),
            (nw.col("n_transactions_365d") - nw.col("n_transactions_90d")) * 90,
            "activity_pace_365d",
        ),
    ).select("customer_id", *names)
