"""Which features tell the same story.

Correlated features share a risk that TreeSHAP divides among them by chance, so that a reader would be told the same
thing three times, each time as less than it is. The rule:

- A feature belongs to one story, by its name or else by its family. Families are cut where their parts speak of
  different things: products held and products lately opened or closed; bindings and unbindings; losses, the size of
  assets, and where assets go.
- A story may take features of another family that speak of the same: the net flow of money joins the trend of
  assets, loss notices join the losses. Transactions by whatever channel are one story.
- All services together are one story: "not bound" eight times is one fact about a customer, told by the services
  that weigh most.
- Where a customer has an unrealised loss, and losses and contact both raise the risk, they are one story: a loss
  nobody speaks about. `churn.explanation.reasons.telling` does that customer by customer.
- A feature the catalogue does not know, as all of a flat file, is a story of its own.

Within a story a topic says once what several features say: the same count in another window, a service bound and how
long it has been.
"""

import re
from collections.abc import Mapping, Sequence

from churn.features.feature import Feature

LOSS, CONTACT = "loss", "contact"
_LOSSES = "unrealised_return unrealised_pnl_cny worst_return_12m n_months_under_water_12m loss_without_contact"
_NAMED: Mapping[str, str] = {
    name: story
    for story, names in {
        LOSS: f"{_LOSSES} n_reached_since_loss n_loss_notices_since_loss n_loss_notice_90d n_loss_notice_365d",
        "assets": "aum_cny deposits_cny investments_cny",
        "asset_trend": "aum_growth_1m aum_growth_3m aum_growth_6m aum_growth_12m drawdown_12m net_flow_cny_90d",
        "changes": "n_opened_90d n_opened_365d days_since_opening n_closed_90d n_closed_365d days_since_closing",
        "unbinding": "n_unbound_90d n_unbound_365d days_since_unbinding",
        "age": "age_years",
        "tier": "tier_level is_managed days_since_state_change",
    }.items()
    for name in names.split()
}
_OF_FAMILY: Mapping[str, str] = {
    "coverage": "products",
    "bindings": "bindings",
    "contacts": CONTACT,
    "pnl": "assets",
    "activity": "activity",
    "relationship": "relationship",
}
_TOPICS: Mapping[str, str] = {
    name: topic
    for topic, names in {
        "said since the loss": "loss_without_contact n_reached_since_loss n_loss_notices_since_loss",
        "present loss": "unrealised_return unrealised_pnl_cny",
        "reached": "n_reached_365d familiarity_stage days_since_reached days_since_contact reached_share_365d",
        "n_meetings": "days_since_meeting",
        "n_bound": "share_bound",
        "n_unbound": "days_since_unbinding",
        "n_opened": "days_since_opening",
        "n_closed": "days_since_closing",
        "n_transactions": "days_since_transaction activity_pace_365d",
        "product_coverage": "n_holdings",
    }.items()
    for name in names.split()
}
_WINDOW = re.compile(r"_\d+[dm]$")


def find_stories(names: Sequence[str], catalogue: Sequence[Feature]) -> list[str]:
    """Give the story of each feature, in the order given.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> find_stories(["bound_cts", "worst_return_12m", "Total_Trans_Ct"], catalogue(Config()))
    ['bindings', 'loss', 'feature Total_Trans_Ct']
    """
    family = {feature.name: feature.family for feature in catalogue}
    return [_NAMED.get(name, _OF_FAMILY[family[name]]) if name in family else f"feature {name}" for name in names]


def find_topic(name: str) -> str:
    """Name what a feature speaks of, the same for features of which one is enough.

    Examples
    --------
    >>> find_topic("n_calls_30d") == find_topic("n_calls_365d"), find_topic("days_since_bound_cts")
    (True, 'bound_cts')
    """
    return _TOPICS.get(name) or _WINDOW.sub("", name).removeprefix("days_since_")
