"""What is measured: what each measure is called, written and counted in, and what a reader must know of all."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from churn.speech import Message, message

Form = Literal["share", "points", "per_day", "mean", "yuan"]
"""How a value is written: a fraction of one, a difference of fractions, a number a day, a mean, an amount."""


class Measure(NamedTuple):
    """A measure.

    Attributes
    ----------
    title
        What it is called.
    form, unit
        How its value is written, and what it is counted in.
    counted
        What its `n` counts.
    """

    title: Message
    form: Form
    unit: Message
    counted: Message


_SHARE, _POINTS = message("share"), message("difference of shares")
_PER_DAY, _YUAN = message("per day"), message("yuan")
_PRODUCTS, _SERVICES = message("products"), message("services")
_PER_THOUSAND = message("per 1,000 customers")
_DAYS = message("managers' working days")
_CUSTOMERS = message("customers", context="counted")
_STAYED = message("customers then and now")
_OUTCOMES = message("customers with an outcome")
_STATED = message("customers with an outcome and a stated rate")

MEASURES: Mapping[str, Measure] = {
    "meetings_per_day": Measure(message("Meetings per manager per working day"), "per_day", _PER_DAY, _DAYS),
    "calls_per_day": Measure(message("Calls per manager per working day"), "per_day", _PER_DAY, _DAYS),
    "days_kept": Measure(message("Days on target"), "share", _SHARE, _DAYS),
    "vip_responsibility": Measure(
        message("VIPs with a responsible manager of their branch"), "share", _SHARE, message("VIPs")
    ),
    "losses_contacted": Measure(message("Losses discussed in time"), "share", _SHARE, message("losses that began")),
    "product_coverage": Measure(message("Products per customer"), "mean", _PRODUCTS, _CUSTOMERS),
    "product_coverage_change": Measure(message("Change in products per customer"), "mean", _PRODUCTS, _STAYED),
    "bindings_per_customer": Measure(message("Services bound per customer"), "mean", _SERVICES, _CUSTOMERS),
    "bindings_per_customer_change": Measure(
        message("Change in services bound per customer"), "mean", _SERVICES, _STAYED
    ),
    "potential_vips_seen": Measure(
        message("Potential VIPs among ordinary counter customers"),
        "share",
        _SHARE,
        message("ordinary customers at the counter"),
    ),
    "potential_vips_converted": Measure(
        message("Potential VIPs who became VIPs"), "share", _SHARE, message("potential VIPs seen then")
    ),
    "referrals": Measure(message("Referred customers per 1,000 customers per year"), "mean", _PER_THOUSAND, _CUSTOMERS),
    "referrals_change": Measure(
        message("Change in referred customers since the year before"), "mean", _PER_THOUSAND, _CUSTOMERS
    ),
    "churn_observed": Measure(message("Churn observed"), "share", _SHARE, _OUTCOMES),
    "churn_observed_where_stated": Measure(message("Churn observed, where a rate is stated"), "share", _SHARE, _STATED),
    "churn_stated": Measure(message("Churn stated, by products held"), "share", _SHARE, _STATED),
    "churn_predicted": Measure(
        message("Churn predicted for today's customers"), "share", _SHARE, message("customers with a score")
    ),
    "hold_out_difference": Measure(message("Hold-out churn minus everyone else's"), "points", _POINTS, _OUTCOMES),
    "value_kept": Measure(message("Value kept, from the hold-out"), "yuan", _YUAN, _OUTCOMES),
    "contacted_difference": Measure(
        message("Churn, contacted minus not contacted (not causal)"), "points", _POINTS, _OUTCOMES
    ),
    "offers_difference": Measure(
        message("Churn, offered at random minus not offered"),
        "points",
        _POINTS,
        message("customers of campaigns"),
    ),
}
"""Every measure, in the order in which they stand."""

NOTES: tuple[Message, ...] = (
    message(
        "Contacted customers differ from the others: managers call those they fear to lose. Whether more or fewer of"
        " them leave does not show what a contact does; only the hold-out and randomised offers do"
    ),
    message(
        "Every customer counts for today's branch and manager, whoever looked after them then; a manager's branch"
        " is the one of most of their customers"
    ),
    message(
        "Every interval is one of 95\u202f%: of 20 units in which nothing is unusual, about one lies outside by "
        "chance. Few customers, wide intervals; where nobody is counted there is no value"
    ),
    message("Predicted churn is for today's customers, observed churn for earlier ones. Do not subtract them"),
    message(
        "A contact counts for the manager who made it; managers without a customer today, and without a branch in the"
        " configuration, are not counted"
    ),
    message("Changes in products and bindings count customers who stayed, not those who left"),
)
"""What holds of every bank."""
