"""Who is likely to bring somebody, and which of them share enough for an event of their own."""

from typing import Any

import numpy as np
import pandas as pd

from churn.actions.lists import listing
from churn.actions.lists.listing import AGE_WORDS, Found, ListBasis, ManagerList
from churn.segments import age_bands
from churn.speech import Message, Said, counted, joined, message

# Each sign and what it is known from; how long somebody has been a customer is always known.
SIGNS = {"brought": "referrals", "gains": "pnl", "reached": "contacts", "low_risk": "scores.risk_band", "loyal": ""}
_CIRCLE = ["branch_id", "age_band", "product"]


def find_referrers(basis: ListBasis) -> Found:
    """Find satisfied customers: enough of five signs, no unrealised loss and no high risk.

    The signs: brought somebody before, an unrealised profit, reached by us within a year, low risk, long a customer.
    Who shows most of them stands first, then who brought most, then the longest a customer.
    """
    unknown = [source for source in SIGNS.values() if source in basis.today.missing]
    if len(SIGNS) - len(unknown) < basis.settings.referrer_signs:
        return Found(None, basis.today.lacks(*unknown))
    rows = listing.order(_likely(basis), {"n_signs": False, "n_referred": False, "tenure_days": False})
    columns = {
        "referrals": "n_referred",
        "pnl": "unrealised_return",
        "contacts": "n_reached_365d",
        "scores.risk_band": "risk_band",
        "scores": "churn_probability",
    }
    return Found(rows, listing.note_unknown(basis, columns))


def find_circles(basis: ListBasis) -> Found:
    """Group likely referrers of one branch and age band who hold the same product; one row per customer and circle.

    A product that most customers hold is nothing to share. The largest circle stands first; its size counts those who
    may be invited.
    """
    likely = find_referrers(basis)
    lack = basis.today.lacks("customers.birth_year")
    if likely.rows is None or lack:
        return Found(None, [*(likely.notes if likely.rows is None else ()), *lack])
    rows = _number(_members(likely.rows, basis), basis.settings.circle_size)
    return Found(rows, [message("A customer in several groups is listed in each")])


def _likely(basis: ListBasis) -> pd.DataFrame:
    s, rows = basis.settings, basis.customers
    signs = {
        "brought": rows["n_referred"] > 0,
        "gains": rows["unrealised_pnl_cny"] > 0,
        "reached": rows["n_reached_365d"] > 0,
        "low_risk": rows["risk_band"] == "low",
        "loyal": rows["tenure_days"] >= s.loyal_days,
    }
    # Unknown counts as neither.
    signs = {name: sign.fillna(False).astype(bool) for name, sign in signs.items()}
    objects = (rows["unrealised_pnl_cny"] < 0) | (rows["risk_band"] == "high").fillna(False)
    rows = rows.assign(**signs, n_signs=np.sum(list(signs.values()), axis=0))
    return rows[(rows["n_signs"] >= s.referrer_signs) & ~objects]


def _members(likely: pd.DataFrame, basis: ListBasis) -> pd.DataFrame:
    """Return a row per likely referrer of known age and product held, of those that not most customers hold."""
    held = basis.holdings()[["customer_id", "product"]]
    share = held["product"].value_counts() / len(basis.customers)
    special = share.index[share <= basis.settings.common_share]
    rows = likely.assign(age_band=age_bands(likely["age_years"].to_numpy(dtype=np.float64)), place=range(len(likely)))
    rows = rows[rows["age_band"].notna()].astype({"age_band": "str"})
    return rows.merge(held[held["product"].isin(special)], on="customer_id")


def _number(members: pd.DataFrame, circle_size: int) -> pd.DataFrame:
    """Keep circles of enough who may be invited, number them from 1, the largest first, and sort by them."""
    sizes = members[listing.may_be_offered(members)].groupby(_CIRCLE).size().rename("circle_size").reset_index()
    sizes = sizes[sizes["circle_size"] >= circle_size]
    sizes = sizes.sort_values(["circle_size", *_CIRCLE], ascending=[False, True, True, True])
    circles = sizes.assign(circle=range(1, len(sizes) + 1))
    return members.merge(circles, on=_CIRCLE).sort_values(["circle", "place"], ignore_index=True)


def _why_likely(basis: ListBasis, row: Any) -> Said:
    told = {
        "brought": _brought(row),
        "gains": basis.tell("unrealised_pnl_cny", row, raises=False),
        "reached": basis.tell("n_reached_365d", row, raises=False),
        "low_risk": message("low risk of leaving"),
        "loyal": basis.tell("tenure_days", row, raises=False),
    }
    return joined(said for sign, said in told.items() if getattr(row, sign))


def _brought(row: Any) -> Message:
    n = int(row.n_referred) if row.brought else 0
    return counted("referred {n} customer before", "referred {n} customers before", n)


def _why_circle(basis: ListBasis, row: Any) -> Message:
    return message(
        "{n} likely referrers of branch {branch}, aged {ages}, hold {product}; this one: {why}",
        n=int(row.circle_size),
        branch=row.branch_id,
        ages=AGE_WORDS[row.age_band],
        product=basis.today.config.products[row.product].name,
        why=_why_likely(basis, row),
    )


REFERRERS = ManagerList(
    name="referrers",
    title=message("Likely referrers"),
    tab=message("Referrers"),
    columns=("n_signs", "n_referred", "unrealised_pnl_cny", "n_reached_365d", "tenure_days", "risk_band",
             "churn_probability"),
    find=find_referrers,
    why=_why_likely,
)  # fmt: skip
CIRCLES = ManagerList(
    name="circles",
    title=message("Groups of likely referrers"),
    tab=message("Referrer groups"),
    columns=("circle", "circle_size", "age_band", "product", "n_signs", "n_referred"),
    find=find_circles,
    why=_why_circle,
)
