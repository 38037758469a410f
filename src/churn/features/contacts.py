"""Contacts: who spoke to the customer, how, what for, and whether the customer was reached."""

from functools import partial
from math import isnan
from typing import NamedTuple

import narwhals as nw

from churn.config import Config
from churn.features import expressions as e
from churn.features.feature import CONTACT, LOSS, Feature
from churn.speech import Message, counted, message
from churn.timeline import Seen


class _Counted(NamedTuple):
    """A thing that is counted: its part of a feature's name, what it is called, none of it, and some."""

    stem: str
    called: Message
    none: Message
    some: Message


_CHANNELS = {
    "call": _Counted("n_calls", message("calls", context="feature"), message("no calls"),
        counted("{n} call", "{n} calls", 1)),
    "meeting": _Counted("n_meetings", message("meetings", context="feature"), message("no meetings"),
        counted("{n} meeting", "{n} meetings", 1)),
    "message": _Counted("n_messages", message("messages", context="feature"), message("no messages"),
        counted("{n} message", "{n} messages", 1)),
}  # fmt: skip
_PURPOSES = {
    "introduce": _Counted("n_introduce", message("introductions", context="feature"), message("no introductions"),
        counted("{n} introduction", "{n} introductions", 1)),
    "invite": _Counted("n_invite", message("invitations", context="feature"), message("no invitations"),
        counted("{n} invitation", "{n} invitations", 1)),
    "care": _Counted("n_care", message("care contacts", context="feature"), message("no care contacts"),
        counted("{n} care contact", "{n} care contacts", 1)),
    "after_sales": _Counted("n_after_sales", message("after-sales contacts", context="feature"),
        message("no after-sales contacts"), counted("{n} after-sales contact", "{n} after-sales contacts", 1)),
    "loss_notice": _Counted("n_loss_notice", message("loss notices", context="feature"), message("no loss notices"),
        counted("{n} loss notice", "{n} loss notices", 1)),
    "offer": _Counted("n_offer", message("product offers", context="feature"), message("no product offers"),
        counted("{n} product offer", "{n} product offers", 1)),
    "event": _Counted("n_event", message("event contacts", context="feature"), message("no contacts about events"),
        counted("{n} contact about an event", "{n} contacts about events", 1)),
}  # fmt: skip
_WINDOWS = (30, 90, e.YEAR)
_PURPOSE_WINDOWS = (90, e.YEAR)
_COUNTED = (
    *(("channel", channel, one, days) for channel, one in _CHANNELS.items() for days in _WINDOWS),
    *(("purpose", purpose, one, days) for purpose, one in _PURPOSES.items() for days in _PURPOSE_WINDOWS),
)
_REACHED = "reached"
_NO_CONTACT = message("no contact within a year")
_NOT_REACHED = message("not reached within a year")
_REACHED_TIMES = counted("reached once in a year", "reached {n} times in a year", 1)
_REACHED_ONLY = counted("reached only once in a year", "reached only {n} times in a year", 1)


def contacts_features(config: Config) -> tuple[Feature, ...]:  # noqa: ARG001 (one signature for all families)
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="contacts", story=CONTACT, tables=("contacts",), actionable=True)
    last = partial(new, unit="days", window_days=e.YEAR)
    return (
        *(
            new(name=f"{one.stem}_{days}d", unit="count", window_days=days,
                meaning=message("{what} in {days} days", what=one.called, days=days),
                story=LOSS if one is _PURPOSES["loss_notice"] else CONTACT, topic=one.stem,
                phrase=e.happened(days, one.none, one.some))
            for _, _, one, days in _COUNTED
        ),
        new(name="n_reached_365d", unit="count", window_days=e.YEAR,
            meaning=message("contacts that reached the customer in 365 days"), topic=_REACHED,
            phrase=e.few(_NOT_REACHED, _REACHED_TIMES, _REACHED_ONLY)),
        new(name="familiarity_stage", unit="level", window_days=e.YEAR,
            meaning=message("relationship stage within a year: 0 not reached, 1 spoken to, 2 invited, 3 met"),
            topic=_REACHED,
            phrase=e.level(_NOT_REACHED, message("reached within a year, neither invited nor met"),
                message("reached and invited within a year, not met"), message("met within a year"))),
        new(name="reached_share_365d", unit="share", window_days=e.YEAR,
            meaning=message("share of contacts that reached the customer"), actionable=False, topic=_REACHED,
            phrase=e.part(_NO_CONTACT, message("no contact of a year reached the customer"),
                message("every contact of a year reached the customer"),
                message("{share} of a year's contacts reached the customer")), implies=_no_contact),
        last(name="days_since_contact", meaning=message("days since the last contact"), topic=_REACHED,
            phrase=e.ago(_NO_CONTACT, message("last contact {span} ago"), message("no contact for {span}")),
            implies=_no_contact),
        last(name="days_since_reached", meaning=message("days since we last reached the customer"), topic=_REACHED,
            phrase=e.ago(_NOT_REACHED, message("last reached {span} ago"), message("not reached for {span}"))),
        last(name="days_since_meeting", meaning=message("days since the last meeting"), topic="n_meetings",
            phrase=e.ago(message("not met within a year"), message("last met {span} ago"),
                message("not met for {span}"))),
    )  # fmt: skip


def _no_contact(value: float, other: Feature, its: float) -> bool:
    """Where there was no contact at all, there was none of any kind."""
    return isnan(value) and other.story == CONTACT and e.is_none(other.unit, its)


def build_contacts(seen: Seen, config: Config) -> e.Built:
    """Say how the family is computed."""
    as_of = seen.as_of
    counts = [
        *(
            e.count((nw.col(column) == nw.lit(kind)) & e.since("contacted_on", as_of, days), f"{one.stem}_{days}d")
            for column, kind, one, days in _COUNTED
        ),
        e.count(nw.col("reached"), "n_reached_365d"),
        _familiarity(),
    ]
    others = [
        e.count(nw.col("reached") | ~nw.col("reached"), "n_contacts"),
        e.days_since(nw.col("contacted_on") < as_of, "contacted_on", as_of, "days_since_contact"),
        e.days_since(nw.col("reached"), "contacted_on", as_of, "days_since_reached"),
        e.days_since(_met(), "contacted_on", as_of, "days_since_meeting"),
    ]
    part = e.per_customer(seen, "contacts", [*counts, *others], e.since("contacted_on", as_of, e.YEAR))
    share = e.ratio(e.zero("n_reached_365d"), nw.col("n_contacts"))
    return e.Built([part], e.columns(contacts_features(config), reached_share_365d=share))


def _met() -> nw.Expr:
    return nw.col("reached") & (nw.col("channel") == nw.lit("meeting"))


def _familiarity() -> nw.Expr:
    """Speak, invite, meet: the furthest step that reached the customer; who is spoken to at all is introduced."""
    invited = nw.col("reached") & (nw.col("purpose") == nw.lit("invite"))
    introduced = nw.col("reached")
    stage = nw.when(_met()).then(3).when(invited).then(2).when(introduced).then(1).otherwise(0)
    return stage.max().cast(nw.Int64).alias("familiarity_stage")
