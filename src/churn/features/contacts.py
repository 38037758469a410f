"""Contacts: who spoke to the customer, how, what for, and whether the customer was reached."""

from functools import partial
from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features.expressions import YEAR, count, days_since, per_customer, ratio, since, zero_where_null
from churn.features.feature import CONTACT, LOSS, Feature
from churn.speech import message
from churn.timeline import Tables

# By channel or purpose, in the plural, as a feature's name has them; and what they are called.
_CHANNELS = {
    "call": ("calls", message("calls", context="feature")),
    "meeting": ("meetings", message("meetings", context="feature")),
    "message": ("messages", message("messages", context="feature")),
}
_PURPOSES = {
    "introduce": message("introductions", context="feature"),
    "invite": message("invitations", context="feature"),
    "care": message("care contacts", context="feature"),
    "after_sales": message("after-sales contacts", context="feature"),
    "loss_notice": message("loss notices", context="feature"),
    "offer": message("product offers", context="feature"),
    "event": message("event contacts", context="feature"),
}
_WINDOWS = (30, 90, YEAR)
_PURPOSE_WINDOWS = (90, YEAR)
_REACHED = "reached"


def contacts_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="contacts", story=CONTACT, tables=("contacts",), actionable=True)
    last = partial(new, unit="days", window_days=YEAR)
    return (
        *(
            new(
                name=f"n_{plural}_{days}d",
                unit="count",
                window_days=days,
                meaning=message("{what} in {days} days", what=what, days=days),
                topic=f"n_{plural}",
            )
            for plural, what in _CHANNELS.values()
            for days in _WINDOWS
        ),
        *(
            new(
                name=f"n_{purpose}_{days}d",
                unit="count",
                window_days=days,
                meaning=message("{what} in {days} days", what=what, days=days),
                story=LOSS if purpose == "loss_notice" else CONTACT,
                topic=f"n_{purpose}",
            )
            for purpose, what in _PURPOSES.items()
            for days in _PURPOSE_WINDOWS
        ),
        new(
            name="n_reached_365d",
            unit="count",
            window_days=YEAR,
            meaning=message("contacts that reached the customer in 365 days"),
            topic=_REACHED,
        ),
        new(
            name="familiarity_stage",
            unit="level",
            window_days=YEAR,
            meaning=message("furthest we got within a year: 0 not reached, 1 spoken to, 2 invited, 3 met"),
            topic=_REACHED,
        ),
        new(
            name="reached_share_365d",
            unit="share",
            window_days=YEAR,
            meaning=message("share of contacts that reached the customer"),
            actionable=False,
            topic=_REACHED,
        ),
        last(name="days_since_contact", meaning=message("days since the last contact"), topic=_REACHED),
        last(name="days_since_reached", meaning=message("days since we last reached the customer"), topic=_REACHED),
        last(name="days_since_meeting", meaning=message("days since the last meeting"), topic="n_meetings"),
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
