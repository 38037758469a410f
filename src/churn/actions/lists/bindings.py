"""Good customers whom little ties to us, and products held whose service was never bound."""

from typing import Any

import narwhals as nw
import pandas as pd

from churn.actions.lists.facts import Facts, open_holdings
from churn.actions.lists.listing import Found, ManagerList, not_made, note_unknown, order
from churn.actions.lists.wording import join_words, tell
from churn.actions.today import to_pandas
from churn.explanation.reasons.amounts import Pair, percent, span
from churn.speech.catalogue import isolate
from churn.tables.contract import VIP_TIERS


def find_thinly_bound(facts: Facts) -> Found:
    """Find VIPs and customers of large assets who hold few products or have few services bound.

    The largest assets at risk (assets times churn probability) stand first, then the largest assets.
    """
    s, customers = facts.settings, facts.customers
    good = customers["tier"].isin(VIP_TIERS) | (customers["aum_cny"] >= s.valuable_cny)
    thin = (customers["product_coverage"] <= s.thin_products) | (customers["n_bound"] <= s.thin_services)
    rows = customers[good & thin]
    rows = rows.assign(aum_at_risk_cny=(rows["aum_cny"] * rows["churn_probability"]).round(2))
    rows = order(rows, {"aum_at_risk_cny": False, "aum_cny": False, "product_coverage": True})
    unknown = {"pnl": "aum_cny, aum_at_risk_cny", "bindings": "n_bound", "scores": "churn_probability, aum_at_risk_cny"}
    return Found(tell(rows, lambda row: _why_thin(facts, row)), note_unknown(facts, unknown))


def find_never_bound(facts: Facts) -> Found:
    """Find products held whose service was never bound, not even once; one row a customer and service.

    The largest churn probability stands first, then the longest held.
    """
    if lack := facts.lacks("bindings"):
        return not_made(lack)
    services = pd.DataFrame(
        [(name, service.product) for name, service in facts.config.services.items()], columns=["service", "product"]
    ).astype("str")
    possible = open_holdings(facts).merge(services, on="product")
    ever = facts.tables["bindings"].filter(nw.col("bound_on") < facts.day).select("customer_id", "service").unique()
    bound = to_pandas(ever).assign(was_bound=True)
    possible = possible.merge(bound, on=["customer_id", "service"], how="left")
    never = possible[possible["was_bound"].isna()]
    rows = facts.customers.merge(never, on="customer_id")
    rows = rows.assign(days_held=facts.day - rows["opened_on"])
    rows = order(rows, {"churn_probability": False, "days_held": False, "customer_id": True, "service": True})
    return Found(tell(rows, lambda row: _why_never(facts, row)), note_unknown(facts, {"scores": "churn_probability"}))


def _why_thin(facts: Facts, row: Any) -> Pair:
    parts = [facts.tell("tier_level", row)] if row.tier in VIP_TIERS else []
    parts += [facts.tell("aum_cny", row)] if not pd.isna(row.aum_cny) else []
    parts.append(facts.tell("product_coverage", row))
    parts += [facts.tell("n_bound", row)] if not pd.isna(row.n_bound) else []
    return join_words([*parts, *_risk(row)])


def _why_never(facts: Facts, row: Any) -> Pair:
    product, service = facts.config.products[row.product], facts.config.services[row.service]
    en, zh = span(row.days_held)
    held = f"{isolate(product.en)} held for {en}", f"持有{isolate(product.zh)} {zh}"
    never = f"{isolate(service.en)} never bound", f"从未绑定{isolate(service.zh)}"
    return join_words([held, never, *_risk(row)])


def _risk(row: Any) -> list[Pair]:
    if pd.isna(row.churn_probability):
        return []
    en, zh = percent(row.churn_probability)
    return [(f"churn probability {en}", f"流失概率 {zh}")]


THINLY_BOUND = ManagerList(
    "thinly_bound",
    ("Good customers whom little ties to us", "绑定薄弱的优质客户"),
    {
        "aum_cny": "float64",
        "aum_at_risk_cny": "float64",
        "product_coverage": "Int64",
        "n_bound": "Int64",
        "churn_probability": "float64",
    },
    is_marketing=True,
    find=find_thinly_bound,
)
NEVER_BOUND = ManagerList(
    "never_bound",
    ("Products held whose service was never bound", "持有产品但从未绑定的客户"),
    {"product": "str", "service": "str", "days_held": "Int64", "churn_probability": "float64"},
    is_marketing=True,
    find=find_never_bound,
)
