"""Contacts: who spoke to the customer, how, what for, and whether the customer was reached."""

from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features.expressions import YEAR, count, days_since, per_customer, ratio, since, zero_where_null
from churn.features.feature import Family, Feature
from churn.timeline import Tables

_CHANNELS = {"call": ("calls", "电话"), "meeting": ("meetings", "面谈"), "message": ("messages", "消息")}
_PURPOSES = {
    "introduce": ("introductions", "自我介绍"),
    "invite": ("invitations", "邀约"),
    "care": ("care contacts", "关怀"),
    "after_sales": ("after-sales contacts", "售后"),
    "loss_notice": ("loss notices", "亏损告知"),
    "offer": ("product offers", "产品推介"),
    "event": ("event contacts", "活动"),
}
_WINDOWS = (30, 90, YEAR)
_PURPOSE_WINDOWS = (90, YEAR)


def contacts_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    f: Family = "contacts"
    t = ("contacts",)
    return (
        *(
            Feature(f"n_{en}_{days}d", f, "count", days, f"{en} in {days} days", f"{days} 天内{zh}次数", True, t)
            for en, zh in _CHANNELS.values()
            for days in _WINDOWS
        ),
        *(
            Feature(
                f"n_{purpose}_{days}d",
                f,
                "count",
                days,
                f"{en} in {days} days",
                f"{days} 天内{zh}次数",
                True,
                t,
            )
            for purpose, (en, zh) in _PURPOSES.items()
            for days in _PURPOSE_WINDOWS
        ),
        Feature(
            "n_reached_365d",
            f,
            "count",
            YEAR,
            "contacts that reached the customer in 365 days",
            "365 天内联系到次数",
            True,
            t,
        ),
        Feature(
            "familiarity_stage",
            f,
            "level",
            YEAR,
            "furthest we got within a year: 0 not reached, 1 spoken to, 2 invited, 3 met",
            "一年内熟悉程度：0 未联系到，1 已联系到，2 已邀约，3 已面谈",
            True,
            t,
        ),
        Feature(
            "reached_share_365d",
            f,
            "share",
            YEAR,
            "share of contacts that reached the customer",
            "联系到比例",
            False,
            t,
        ),
        Feature("days_since_contact", f, "days", YEAR, "days since the last contact", "距上次联系天数", True, t),
        Feature(
            "days_since_reached",
            f,
            "days",
            YEAR,
            "days since we last reached the customer",
            "距上次联系到天数",
            True,
            t,
        ),
        Feature("days_since_meeting", f, "days", YEAR, "days since the last meeting", "距上次面谈天数", True, t),
    )


def build_contacts(tables: Tables, who: nw.LazyFrame[Any], as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Build the family for the customers `who`: `customer_id` and a column a feature."""
    counts = [
        *(
            count((nw.col("channel") == nw.lit(channel)) & since("contacted_on", as_of, days), f"n_{en}_{days}d")
            for channel, (en, _) in _CHANNELS.items()
            for days in _WINDOWS
        ),
        *(
            count((nw.col("purpose") == nw.lit(purpose)) & since("contacted_on", as_of, days), f"n_{purpose}_{days}d")
            for purpose in _PURPOSES
            for days in _PURPOSE_WINDOWS
        ),
        count(nw.col("reached"), "n_reached_365d"),
        _familiarity(),
    ]
    others = [
        count(nw.col("reached") | ~nw.col("reached"), "n_contacts"),
        days_since(nw.col("contacted_on") < as_of, "contacted_on", as_of, "days_since_contact"),
        days_since(nw.col("reached"), "contacted_on", as_of, "days_since_reached"),
        days_since(_met(), "contacted_on", as_of, "days_since_meeting"),
    ]
    frame = per_customer(tables, "contacts", who, [*counts, *others], since("contacted_on", as_of, YEAR))
    names = [feature.name for feature in contacts_features(config)]
    frame = zero_where_null(frame, names[: len(counts)])
    return frame.with_columns(ratio(nw.col("n_reached_365d"), nw.col("n_contacts"), "reached_share_365d")).select(
        "customer_id", *names
    )


def _met() -> nw.Expr:
    return nw.col("reached") & (nw.col("channel") == nw.lit("meeting"))


def _familiarity() -> nw.Expr:
    """Speak, invite, meet: the furthest step that reached the customer; who is spoken to at all is introduced."""
    invited = nw.col("reached") & (nw.col("purpose") == nw.lit("invite"))
    introduced = nw.col("reached")
    stage = nw.when(_met()).then(3).when(invited).then(2).when(introduced).then(1).otherwise(0)
    return stage.max().cast(nw.Int64).alias("familiarity_stage")
