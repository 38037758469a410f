"""Words of the codes that facts hold: traits and groups, headlines, bands, purposes."""

from churn.actions.plan_words import KIND_WORDS, PURPOSE_WORDS, TIER_WORDS
from churn.report.words import NOTHING, Words


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


TRAITS = {
    "coverage": _("Products held"),
    "tier": _("Tier"),
    "stage": _("How far we got with the customer"),
    "contact": _("Last contact"),
    "investment": _("Investments"),
    "branch": _("Branch"),
    "manager": _("Responsible manager"),
}
GROUPS = {
    "not_reached": _("not reached within a year"),
    "spoken_to": _("spoken to"),
    "invited": _("invited"),
    "met": _("met"),
    "within_30_days": _("within 30 days"),
    "within_90_days": _("31 to 90 days ago"),
    "within_a_year": _("91 to 365 days ago"),
    "longer_ago": _("longer ago, or never"),
    "no_investment": _("none, or not known"),
    "not_losing": _("not losing"),
    "losing": _("losing a little"),
    "losing_much": _("losing much"),
}
_CODED = ("stage", "contact", "investment")
"""Traits whose groups are codes; those of the others are a bank's ids, or numbers."""
HEADLINES = {
    "customers": _("customers scored"),
    "expected_leavers": _("expected to leave"),
    "high_risk": _("at high risk"),
    "at_risk_cny": _("of value expected to leave"),
    "product_coverage": _("products a customer"),
    "vips_at_risk": _("gold and platinum at high risk"),
}
BANDS = {"high": _("high risk"), "medium": _("medium risk"), "low": _("low risk")}
LEFT_OUT = {
    "not_scored": _("not in the scores"),
    "do_not_contact": _("refused contact"),
    "branch_without_manager": _("of a branch without a manager"),
    "resting": _("contacted a short time ago"),
    "held_out": _("in the random hold-out"),
}
UNNAMED = {
    "do_not_contact": _("refused contact"),
    "held_out": _("in the random hold-out"),
    "gone": _("have left, as the file says"),
}
ASSIGNMENTS = {"own": "", "proposed": _("manager proposed"), "branch": _("nobody's customer")}
CANNOT = {
    "flat_plan": _(
        "No plan, no lists: one file of customers names no manager and no branch. Give the bank's tables for them."
    ),
    "flat_time": _(
        "Not whether the practice works: one file has no dates, so that neither contacts nor a change can be seen."
    ),
    "seen": _(
        "Not how sure the risks are: the model learned from these very customers at this very date, so that their risks"
        " stand closer to what happened than those of others would. Score a file or a date that it has not seen."
    ),
    "perhaps_seen": _(
        "Not whether the model has seen these customers, since a file has no date. Where it learned from some of them,"
        " their risks stand closer to what happened than those of others would."
    ),
    "old_scores": _("Not what has happened since the scores, which are more than 31 days old: score again."),
    "values": _("Not how much money is at risk: the data do not tell what customers hold (table pnl)."),
    "coverage": _("Nothing by products held: the data do not tell how many a customer holds."),
    "bindings": _("Nothing about bindings: the data name no service that is bound or not."),
    "effects": _("Not what binding a service would change: these data cannot tell it of any service."),
}


def group_label(key: str, code: str | None, words: Words) -> str:
    """Say which group a code stands for; an id or a text of the bank stands for itself."""
    if code is None:
        return words.say("nobody") if key == "manager" else words.say("not known")
    if key == "tier" and code in TIER_WORDS:
        return words.pick(TIER_WORDS[code])
    return words.say(GROUPS[code]) if key in _CODED and code in GROUPS else code


def tier_label(tier: str | None, words: Words) -> str:
    """Say a tier."""
    return NOTHING if tier is None else group_label("tier", tier, words)


def purpose_label(purpose: str, words: Words) -> str:
    """Say what a contact is for."""
    return next((words.pick(pair) for name, pair in PURPOSE_WORDS.items() if name == purpose), purpose)


def kind_label(kind: str, words: Words) -> str:
    """Say meeting or call."""
    return words.pick(KIND_WORDS[kind]) if kind in KIND_WORDS else kind
