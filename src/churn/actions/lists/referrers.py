"""Who is likely to bring somebody, and which of them share enough for an event of their own."""

from typing import Any

import numpy as np
import pandas as pd

from churn.actions.lists.facts import Facts, open_holdings
from churn.actions.lists.listing import Found, ManagerList, may_be_offered, not_made, note_unknown, order
from churn.actions.lists.wording import AGE_BAND_NAMES, join_words, tell
from churn.explanation.reasons.amounts import Pair
from churn.segments import age_bands
from churn.speech.catalogue import isolate

# Each sign and what it is known from; how long somebody has been a customer is always known.
SIGNS = {"brought": "referrals", "gains": "pnl", "reached": "contacts", "low_risk": "scores.risk_band", "loyal": ""}
_CIRCLE = ["branch_id", "age_band", "product"]


def find_referrers(facts: Facts) -> Found:
    """Find satisfied customers: enough of five signs, no unrealised loss and no high risk.

    The signs: brought somebody before, an unrealised profit, reached by us within a year, low risk, long a customer.
    Who shows most of them stands first, then who brought most, then the longest a customer.
    """
    unknown = [source for source in SIGNS.values() if source in facts.missing]
    if len(SIGNS) - len(unknown) < facts.settings.referrer_signs:
        return not_made(facts.lacks(*unknown))
    rows = order(_likely(facts), {"n_signs": False, "n_referred": False, "tenure_days": False})
    columns = {
        "referrals": "n_referred",
        "pnl": "unrealised_return",
        "contacts": "n_reached_365d",
        "scores.risk_band": "risk_band",
        "scores": "churn_probability",
    }
    return Found(tell(rows, lambda row: _why_likely(facts, row)), note_unknown(facts, columns))


def find_circles(facts: Facts) -> Found:
    """Group likely referrers of one branch and age band who hold the same product; one row a customer and circle.

    A product that most customers hold is nothing to share. The largest circle stands first; its size counts those who
    may be invited.
    """
    likely = find_referrers(facts)
    lack = facts.lacks("customers.birth_year")
    if likely.rows is None or lack:
        return not_made([*(likely.notes if likely.rows is None else ()), *lack])
    rows = _number(_members(likely.rows, facts), facts.settings.circle_size)
    note = (
        "Who is in several circles stands in each",
        "同一客户可属多个圈子",
    )
    return Found(tell(rows, lambda row: _why_circle(facts, row)), (note,))


def _likely(facts: Facts) -> pd.DataFrame:
    s, rows = facts.settings, facts.customers
    signs = {
        "brought": rows["n_referred"] > 0,
        "gains": rows["unrealised_pnl_cny"] > 0,
        "reached": rows["n_reached_365d"] > 0,
        "low_risk": rows["risk_band"] == "low",
        "loyal": rows["tenure_days"] >= s.loyal_days,
    }
    # What is not known is no sign, and no objection either.
    signs = {name: sign.fillna(False).astype(bool) for name, sign in signs.items()}
    objects = (rows["unrealised_pnl_cny"] < 0) | (rows["risk_band"] == "high").fillna(False)
    rows = rows.assign(**signs, n_signs=np.sum(list(signs.values()), axis=0))
    return rows[(rows["n_signs"] >= s.referrer_signs) & ~objects]


def _members(likely: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Return a row a likely referrer of known age and product held, of those that not most customers hold."""
    held = open_holdings(facts)[["customer_id", "product"]]
    share = held["product"].value_counts() / len(facts.customers)
    special = share.index[share <= facts.settings.common_share]
    rows = likely.assign(age_band=age_bands(likely["age_years"].to_numpy(dtype=np.float64)), place=range(len(likely)))
    rows = rows[rows["age_band"].notna()].astype({"age_band": "str"})
    return rows.merge(held[held["product"].isin(special)], on="customer_id")


def _number(members: pd.DataFrame, circle_size: int) -> pd.DataFrame:
    """Keep circles of enough who may be invited, number them from 1, the largest first, and sort by them."""
    sizes = members[may_be_offered(members)].groupby(_CIRCLE).size().rename("circle_size").reset_index()
    sizes = sizes[sizes["circle_size"] >= circle_size]
    sizes = sizes.sort_values(["circle_size", *_CIRCLE], ascending=[False, True, True, True])
    circles = sizes.assign(circle=range(1, len(sizes) + 1))
    return members.merge(circles, on=_CIRCLE).sort_values(["circle", "place"], ignore_index=True)


def _why_likely(facts: Facts, row: Any) -> Pair:
    n = int(row.n_referred) if row.brought else 0
    told = {
        "brought": (f"brought {n:,} customer{'s' * (n > 1)} before", f"曾转介绍 {n:,} 位客户"),
        "gains": facts.tell("unrealised_pnl_cny", row, raises=False),
        "reached": facts.tell("n_reached_365d", row, raises=False),
        "low_risk": ("low risk of leaving", "流失风险低"),
        "loyal": facts.tell("tenure_days", row, raises=False),
    }
    return join_words(words for sign, words in told.items() if getattr(row, sign))


def _why_circle(facts: Facts, row: Any) -> Pair:
    product, branch = facts.config.products[row.product], isolate(row.branch_id)
    en = (
        f"{row.circle_size} likely referrers of branch {branch}, aged {row.age_band}, hold {isolate(product.en)};"
        f" this one: {row.why_en}"
    )
    zh = (
        f"网点 {branch}、{AGE_BAND_NAMES[row.age_band]}、持有{isolate(product.zh)}的潜在转介绍客户"
        f"共 {row.circle_size} 位；本客户：{row.why_zh}"
    )
    return en, zh


REFERRERS = ManagerList(
    "referrers",
    ("Likely referrers", "潜在转介绍客户"),
    {
        "n_signs": "Int64",
        "n_referred": "Int64",
        "unrealised_pnl_cny": "float64",
        "n_reached_365d": "Int64",
        "tenure_days": "Int64",
        "risk_band": "str",
        "churn_probability": "float64",
    },
    is_marketing=True,
    find=find_referrers,
)
CIRCLES = ManagerList(
    "circles",
    ("Likely referrers by what they share", "潜在转介绍客户圈子"),
    {
        "circle": "Int64",
        "circle_size": "Int64",
        "age_band": "str",
        "product": "str",
        "n_signs": "Int64",
        "n_referred": "Int64",
    },
    is_marketing=True,
    find=find_circles,
)
