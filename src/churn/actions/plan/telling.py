"""What a plan says to a manager: why now, what to say first, what to offer next, and what to know of the plan."""

from collections.abc import Collection, Mapping
from math import isnan
from typing import Any, Literal

from churn.actions.managers import manager_branches, stated_branches
from churn.actions.today import Today
from churn.config import Config, name_of
from churn.features.catalogue import catalogue
from churn.scores import Told
from churn.speech import Message, Money, Number, Said, Share, counted, joined, message

Purpose = Literal["introduce", "invite", "familiarise", "configure", "loss_notice"]
STEPS: tuple[Purpose, ...] = ("introduce", "invite", "familiarise", "configure")
"""What comes next, by the relationship stage: not reached, spoken to, invited, met."""
RECORDED_AS: Mapping[Purpose, str] = {
    "introduce": "introduce",
    "invite": "invite",
    "familiarise": "care",
    "configure": "offer",
    "loss_notice": "loss_notice",
}
"""The purpose under which the contact goes into the table `contacts`."""
PURPOSE_WORDS: Mapping[str, Message] = {
    "introduce": message("introduce", context="purpose"),
    "invite": message("invite", context="purpose"),
    "familiarise": message("familiarise", context="purpose"),
    "configure": message("configure", context="purpose"),
    "loss_notice": message("loss notice", context="purpose"),
}
KIND_WORDS: Mapping[str, Message] = {
    "meeting": message("meeting", context="contact"),
    "call": message("call", context="contact"),
}

LEFT_OUT_WORDS: Mapping[str, Message] = {
    "not_scored": message("not in the scores"),
    "do_not_contact": message("refused contact"),
    "branch_without_manager": message("of a branch without a manager"),
    "resting": message("contacted a short time ago"),
    "held_out": message("in the random hold-out"),
}
"""Why customers cannot be contacted, in the order in which reasons are given."""

_ASSETS = "aum_cny"
_SAY: Mapping[tuple[Purpose, str], Message] = {
    ("introduce", "call"): message("Say who you are: your name, your branch, how to reach you. Offer nothing yet."),
    ("introduce", "meeting"): message(
        "Meet to introduce yourself: your name, your branch, how to reach you. Offer nothing yet."
    ),
    ("invite", "call"): message(
        "Say again who you are, then invite the customer to the branch or to an event. Offer nothing yet."
    ),
    ("invite", "meeting"): message("Invite the customer in person, to a talk or to an event. Offer nothing yet."),
    ("familiarise", "call"): message(
        "Become somebody the customer knows: ask how they are and what they need, and agree on a meeting. Offer nothing"
        " yet."
    ),
    ("familiarise", "meeting"): message(
        "Get to know each other: needs, plans, family. The meeting prepares the product. Offer nothing yet."
    ),
}
_LOSS_FIRST = message(
    "Explain the loss to the customer before they ask: how much, since when, what can be done. Offer nothing today."
)
_PROPOSED = message("VIP without a manager; this manager is proposed")
NO_MANAGER = message(
    "The tables name no manager, so nobody is planned: fill customers.manager_id, or state branches in [plan.managers]"
)
_NO_CONTACTS = message(
    "Past contacts are not known: contacts has no row of the last year; every customer without a loss to discuss starts"
    " with an introduction, rest days are not kept, and it is not known whether a loss was discussed"
)
_NO_ASSETS = message(
    "Assets are not known: pnl has no values at the last month-end; a customer is worth the products held alone"
)
_NO_DAYS_OFF = message(
    "No holidays and no weekend are configured ([plan] holidays, weekend): every day is a working day"
)
_MANY = 0.1
"""More than this share of customers without a score is worth a note; some are new since the scores."""


def why_now(
    contact: Any, reason: Said | None = None, *, names: Collection[str] = (), knows_contacts: bool = True
) -> Said:
    r"""Say why a customer is on today's plan; assets that the reason names are not said twice.

    Parameters
    ----------
    contact
        A row of the plan as a tuple of named values: `churn_probability`, `aum_cny`, `unrealised_pnl_cny` and
        `unrealised_return` (NaN where not known), `tells_loss` and `assignment`.
    reason
        Of `what_raises`.
    names
        The features that the reason names; none where the scores do not say.
    knows_contacts
        Whether the bank knows with whom a loss was discussed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from churn.speech import say
    >>> known = {"churn_probability": 0.42, "aum_cny": 120_000.0, "unrealised_pnl_cny": -7_000.0,
    ...          "unrealised_return": -0.14, "assignment": "own"}
    >>> say(why_now(SimpleNamespace(**known, tells_loss=False), "no contact for 75 days"), "en")
    'risk of leaving 42\u202f%, assets CNY 120,000: no contact for 75 days'
    >>> say(why_now(SimpleNamespace(**known, tells_loss=True)), "en")
    'unrealised loss CNY 7,000 (14\u202f%), not discussed yet; risk of leaving 42\u202f%, assets CNY 120,000'
    """
    risk = message("risk of leaving {risk}", risk=Share(contact.churn_probability))
    if contact.aum_cny > 0 and _ASSETS not in names:
        risk = message("risk of leaving {risk}, assets {assets}", **risk.facts, assets=Money(contact.aum_cny))
    why: Said = risk if reason is None else joined([risk, reason], "colon")
    loss = [_loss(contact, knows_contacts)] if contact.tells_loss else []
    proposed = [_PROPOSED] if contact.assignment == "proposed" else []
    return joined([*loss, why, *proposed], "semicolons")


def _loss(contact: Any, knows_contacts: bool) -> Message:
    told = message("not discussed yet") if knows_contacts else message("not known whether discussed")
    lost, share = Money(contact.unrealised_pnl_cny), Share(contact.unrealised_return)
    if isnan(contact.unrealised_return):
        return message("unrealised loss {lost}, {told}", lost=lost, told=told)
    return message("unrealised loss {lost} ({share}), {told}", lost=lost, share=share, told=told)


def what_raises(told: Told, meanings: Mapping[str, Said]) -> Said | None:
    """Say what raises a risk most: the story where scores are explained, else the feature; None where it is not known.

    Examples
    --------
    >>> from churn.speech import say
    >>> told = Told(features=("n_bound",))
    >>> say(what_raises(told, {"n_bound": "services bound"}), "en")
    'raised most by services bound'
    """
    if told.raises:
        return told.raises[0]
    known = meanings.get(told.features[0]) if told.features else None
    return None if known is None else message("raised most by {feature}", feature=known)


def feature_words(config: Config) -> Mapping[str, Said]:
    """Give the meaning of every feature, for scores without reasons in words."""
    return {feature.name: feature.meaning for feature in catalogue(config)}


def say_first(purpose: Purpose, kind: str, service: str | None, product: str | None, config: Config) -> Message:
    """Say what the contact begins with; a product is offered at the last step alone.

    Examples
    --------
    >>> from churn.speech import say
    >>> say(say_first("configure", "call", "fund_trading", None, Config()), "en")
    'Offer to bind fund trading.'
    """
    if purpose == "loss_notice":
        return _LOSS_FIRST
    if purpose != "configure":
        return _SAY[purpose, kind]
    if service:
        return message("Offer to bind {service}.", service=name_of(service, config.services))
    if product:
        return message("Suggest this product: {product}.", product=name_of(product, config.products))
    return message("Ask what the customer still needs, and suggest what fits.")


def offer_next(service: str | None, product: str | None, effect: float, config: Config) -> Said:
    """Say what to offer once the customer is known, and what it would change; empty where there is nothing to offer.

    Parameters
    ----------
    service, product
        Codes of a service to bind or a product to open.
    effect
        The claimed change of the churn probability; NaN where none is claimed.

    Examples
    --------
    >>> from churn.speech import say
    >>> say(offer_next("fund_trading", None, -0.083, Config()), "en")
    'bind fund trading: risk 8.3 points lower if bound (estimated)'
    >>> say(offer_next(None, "fund_plan", float("nan"), Config()), "en")
    'first: sign up for fund auto-invest'
    """
    if service and isnan(effect):
        return message("bind {service}: effect not known", service=name_of(service, config.services))
    if service:
        return message(
            "bind {service}: risk {points} points lower if bound (estimated)",
            service=name_of(service, config.services),
            points=Number(100 * abs(effect), 1),
        )
    return message("first: sign up for {product}", product=name_of(product, config.products)) if product else ""


def why_assigned(manager_id: str | None, n_vips: int | None, branch_id: str) -> Message:
    """Say why a manager is proposed for a VIP, or why none can be.

    Examples
    --------
    >>> from churn.speech import say
    >>> say(why_assigned("M1", 3, "N"), "en")
    'a VIP without a responsible manager; M1 has the fewest VIPs of branch N (3)'
    """
    if manager_id is None:
        return message("a VIP without a responsible manager; branch {branch} has no manager", branch=branch_id)
    return message(
        "a VIP without a responsible manager; {manager} has the fewest VIPs of branch {branch} ({n})",
        manager=manager_id,
        branch=branch_id,
        n=n_vips,
    )


def note_limits(today: Today) -> tuple[Message, ...]:
    """Note what a plan lacks, or takes for granted; sentences without a full stop."""
    settings, customers = today.config.plan, today.customers
    branches = manager_branches(customers, stated_branches(settings))
    notes = [NO_MANAGER] if branches.empty else []
    if (n := int(customers["churn_probability"].isna().sum())) > _MANY * len(customers):
        missing = message(
            "{n} of {of} customers are missing from the scores and left out: score these data (churn score)",
            n=n,
            of=len(customers),
        )
        notes.append(missing)
    notes += [] if today.knows_contacts else [_NO_CONTACTS]
    notes += [_NO_ASSETS] if customers["aum_cny"].isna().all() else []
    notes += [] if settings.holidays or settings.weekend else [_NO_DAYS_OFF]
    if unclear := int((branches["branch_share"] <= 0.5).sum()):
        notes.append(
            counted(
                "No branch has more than half of the customers of {n} manager. We took the largest; set it in"
                " [plan.managers]",
                "No branch has more than half of the customers of {n} managers. We took the largest; set it in"
                " [plan.managers]",
                unclear,
            )
        )
    return tuple(notes)
