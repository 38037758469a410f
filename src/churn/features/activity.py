"""Activity: what the customer does, where, and whether it fades."""

from functools import partial
from math import isnan

import narwhals as nw

from churn.config import Config
from churn.config.actions import LARGE_COUNTER_CNY
from churn.features import expressions as e
from churn.features.feature import TREND, Feature, Phrase
from churn.speech import Money, Said, Share, Times, counted, message
from churn.timeline import Seen

# What is counted, by channel: what it is called, none of it, and some.
_CHANNELS = {
    "counter": (message("counter transactions", context="feature"), message("no counter transactions"),
        counted("{n} counter transaction", "{n} counter transactions", 1)),
    "atm": (message("ATM transactions", context="feature"), message("no ATM transactions"),
        counted("{n} ATM transaction", "{n} ATM transactions", 1)),
    "online": (message("online transactions", context="feature"), message("no online-banking transactions"),
        counted("{n} online-banking transaction", "{n} online-banking transactions", 1)),
    "mobile": (message("mobile transactions", context="feature"), message("no mobile-banking transactions"),
        counted("{n} mobile-banking transaction", "{n} mobile-banking transactions", 1)),
}  # fmt: skip
# The service that alone makes transactions through a channel possible.
_THROUGH = {"online": ("online_banking",), "mobile": ("mobile_banking",)}
# Part of what a feature means, so that no setting of a bank moves it.
_LARGE_CENTS = LARGE_COUNTER_CNY * 100
MANY_TIMES = 3.0
"""From so many times on a pace is written as a multiple, not in per cent."""
_NO_TRANSACTIONS = message("no transactions within a year")


def activity_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="activity", tables=("transactions",))
    moved = partial(new, unit="yuan", topic="turnover")
    return (
        *(
            new(name=f"n_transactions_{days}d", unit="count", window_days=days,
                meaning=message("{what} in {days} days", what=message("transactions", context="feature"), days=days),
                topic="n_transactions",
                phrase=e.happened(days, message("no transactions"), counted("{n} transaction", "{n} transactions", 1)),
                implies=partial(_no_transactions, "count") if days == e.YEAR else None)
            for days in (30, 90, e.YEAR)
        ),
        *(
            new(name=f"n_{channel}_{days}d", unit="count", window_days=days,
                meaning=message("{what} in {days} days", what=what, days=days),
                consequence_of=_THROUGH.get(channel, ()), topic=f"n_{channel}", phrase=e.happened(days, none, some))
            for channel, (what, none, some) in _CHANNELS.items()
            for days in (90, e.YEAR)
        ),
        new(name="n_large_ordinary_365d", unit="count", window_days=e.YEAR,
            meaning=message("counter transactions of CNY 100,000 or more on an ordinary ticket"), actionable=True,
            phrase=e.happened(e.YEAR, message("no large counter transactions on an ordinary ticket"),
                counted("{n} large counter transaction on an ordinary ticket",
                    "{n} large counter transactions on an ordinary ticket", 1))),
        moved(name="turnover_cny_90d", window_days=90, meaning=message("amount moved in 90 days"),
            phrase=_moved(90)),
        moved(name="turnover_cny_365d", window_days=e.YEAR, meaning=message("amount moved in 365 days"),
            phrase=_moved(e.YEAR)),
        new(name="net_flow_cny_90d", unit="yuan", window_days=90, meaning=message("sum of signed amounts in 90 days"),
            story=TREND,
            phrase=e.signed(message("no net flow in 90 days"), message("net inflow {amount} in 90 days"),
                message("net outflow {amount} in 90 days"))),
        new(name="share_digital_365d", unit="share", window_days=e.YEAR,
            meaning=message("share of transactions online or mobile"), actionable=True,
            consequence_of=tuple(service for services in _THROUGH.values() for service in services),
            phrase=e.part(_NO_TRANSACTIONS, message("no transaction online or mobile in a year"),
                message("all transactions online or mobile"), message("{share} of transactions online or mobile")),
            implies=_nothing_digital),
        new(name="activity_pace_365d", unit="ratio", window_days=e.YEAR,
            meaning=message("pace of transactions in 90 days against the 275 before (1 = unchanged)"),
            topic="n_transactions",
            phrase=e.known(_pace, message("no transactions in the 275 days before the last 90"))),
        new(name="days_since_transaction", unit="days", window_days=e.YEAR,
            meaning=message("days since the last transaction"), topic="n_transactions",
            phrase=e.ago(_NO_TRANSACTIONS, message("last transaction {span} ago"),
                message("no transaction for {span}")), implies=partial(_no_transactions, "days")),
    )  # fmt: skip


def _moved(days: int) -> Phrase:
    some, none = message("{amount} moved"), message("no money moved")
    return e.known(lambda value, _: e.within(days, e.fill(some, amount=Money(value)) if value else none))


def _pace(value: float, raises: bool) -> Said:  # noqa: ARG001
    """Tell the pace of transactions in 90 days against the 275 before."""
    if value == 1:
        return message("transactions as frequent as before")
    if not value:
        return message("no transactions in the last 90 days, after some before")
    if value > MANY_TIMES:
        return message("transactions {times} times as frequent as before", times=Times(value))
    share = Share(value - 1)
    if value < 1:
        return message("transactions {share} less frequent than before", share=share)
    return message("transactions {share} more frequent than before", share=share)


def _no_transactions(unit: str, value: float, other: Feature, its: float) -> bool:
    """Where there was no transaction at all, there was none of any kind."""
    return e.is_none(unit, value) and other.story == "activity" and e.is_none(other.unit, its)


def _nothing_digital(value: float, other: Feature, its: float) -> bool:
    """Where nothing was online or mobile, there was nothing of either; missing, there was no transaction at all."""
    none = _no_transactions("share", value, other, its)
    return none and (isnan(value) or other.topic in ("n_online", "n_mobile"))


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


def build_activity(seen: Seen, config: Config) -> e.Built:
    """Say how the family is computed."""
    as_of = seen.as_of
    recent = e.since("transacted_on", as_of, 90)
    anywhere = e.since("transacted_on", as_of, e.YEAR)
    aggregates = [
        *(e.count(e.since("transacted_on", as_of, days), f"n_transactions_{days}d") for days in (30, 90, e.YEAR)),
        *(
            e.count(
                (nw.col("channel") == nw.lit(channel)) & e.since("transacted_on", as_of, days), f"n_{channel}_{days}d"
            )
            for channel in _CHANNELS
            for days in (90, e.YEAR)
        ),
        e.count(is_large_ordinary(_LARGE_CENTS), "n_large_ordinary_365d"),
        e.total(recent, amount_moved(), "turnover_cny_90d"),
        e.total(anywhere, amount_moved(), "turnover_cny_365d"),
        e.total(recent, nw.col("amount"), "net_flow_cny_90d"),
    ]
    last = e.days_since(anywhere, "transacted_on", as_of, "days_since_transaction")
    part = e.per_customer(seen, "transactions", [*aggregates, last], anywhere)
    in_90_days, in_a_year = e.zero("n_transactions_90d"), e.zero("n_transactions_365d")
    return e.Built(
        [part],
        e.columns(
            activity_features(config),
            share_digital_365d=e.ratio(e.zero("n_online_365d") + e.zero("n_mobile_365d"), in_a_year),
            activity_pace_365d=e.ratio(in_90_days * (e.YEAR - 90), (in_a_year - in_90_days) * 90),
        ),
    )
