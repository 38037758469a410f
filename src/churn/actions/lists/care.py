"""Whom to look after: VIPs without a manager, customers who lose money, VIPs by how well they are tied to us."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churn.actions.lists import listing
from churn.actions.lists.listing import GRADES, Found, ListBasis, ManagerList
from churn.actions.managers import manager_branches, stated_branches
from churn.actions.value import is_felt_loss
from churn.speech import Message, Money, Said, Share, Span, joined, message

RELATIONSHIPS: Mapping[str, Message] = {
    "personal": message("personal", context="relationship"),
    "account": message("account", context="relationship"),
    "contract": message("contract", context="relationship"),
}
"""The one a manager can improve alone stands first; of two equally weak ones it is named."""
_IN_FULL = {
    "personal": message("personal relationship"),
    "account": message("account relationship"),
    "contract": message("contract relationship"),
}
_SOURCES = {"personal": "contacts", "account": "bindings", "contract": "transactions"}
_RESTS_ON = {
    "personal": ("familiarity_stage", "days_since_reached"),
    "account": ("product_coverage", "n_bound"),
    "contract": ("n_transactions_365d", "n_sticky_products"),
}


def find_unassigned_vips(basis: ListBasis) -> Found:
    """Find VIPs without a responsible manager, or with one of another branch.

    Platinum stands first, then the largest assets.
    """
    if lack := basis.today.lacks("customers.manager_id"):
        return Found(None, lack)
    homes = find_homes(basis.customers, basis.settings.home_share, stated_branches(basis.today.config.plan))
    rows = _vips(basis).merge(homes, on="manager_id", how="left")
    alone = rows["manager_id"].isna()
    elsewhere = rows["manager_branch_id"].notna() & (rows["manager_branch_id"] != rows["branch_id"])
    rows = rows.assign(problem=np.where(alone, "no_manager", "other_branch"))[alone | elsewhere]
    rows = listing.order(rows, {"tier_level": False, "aum_cny": False})
    return Found(rows, listing.note_unknown(basis, {"pnl": "aum_cny"}))


def find_homes(customers: pd.DataFrame, home_share: float, stated: Mapping[str, str]) -> pd.DataFrame:
    """Return managers' branches as far as they are shown: stated, or of more than `home_share` of their customers.

    They are those of the plan (`manager_branches`). Of a manager without such a branch nobody can be said to belong to
    another one.

    Returns
    -------
    DataFrame
        `manager_id`, each once, `manager_branch_id`, and `manager_branch_share`, the part of the manager's customers
        that shows it, NaN where it is stated. Without a manager of whom neither is known.

    Examples
    --------
    >>> customers = pd.DataFrame({"manager_id": ["M1", "M1", "M1", "M2"], "branch_id": ["N", "S", "N", "S"]})
    >>> find_homes(customers, 0.5, {"M2": "N"}).values.tolist()
    [['M1', 'N', 0.6666666666666666], ['M2', 'N', nan]]
    """
    homes = manager_branches(customers, stated).rename(columns=lambda name: name.replace("branch", "manager_branch"))
    return homes[homes["manager_branch_share"].isna() | (homes["manager_branch_share"] > home_share)]


def _vips(basis: ListBasis) -> pd.DataFrame:
    return basis.customers[basis.customers["is_vip"]]


def _why_unassigned(basis: ListBasis, row: Any) -> Said:
    nobody = basis.features["is_managed"].tell(0.0)
    problem = nobody if row.problem == "no_manager" else _elsewhere(row)
    assets = [] if pd.isna(row.aum_cny) else [basis.tell("aum_cny", row)]
    return joined([basis.tell("tier_level", row), problem, *assets])


def _elsewhere(row: Any) -> Message:
    own, home = row.branch_id, row.manager_branch_id
    if pd.isna(row.manager_branch_share):
        return message("of branch {own}, the manager of branch {home}", own=own, home=home)
    return message(
        "of branch {own}, while {share} of the manager's customers are of branch {home}",
        own=own,
        home=home,
        share=Share(row.manager_branch_share),
    )


def find_loss_alerts(basis: ListBasis) -> Found:
    """Find customers with an unrealised loss, at the last month-end, of a share of the cost or of an amount.

    Both are those of the plan (`loss_return` and `loss_cny` of the configuration's section `plan`).

    Those who heard nothing about it lately stand first, then the largest loss in yuan.
    """
    if lack := basis.today.lacks("pnl"):
        return Found(None, lack)
    rows = basis.customers[is_felt_loss(basis.customers, basis.today.config.plan)]
    rows = rows.assign(was_told=rows["days_since_word"] <= basis.settings.quiet_days)
    rows = listing.order(rows, {"was_told": True, "unrealised_pnl_cny": True})
    return Found(rows, listing.note_unknown(basis, {"contacts": "days_since_word, days_since_reached"}))


def _why_loss(basis: ListBasis, row: Any) -> Said:
    word = [_word(row.days_since_word)] if basis.today.knows_contacts else []
    if pd.isna(row.unrealised_return):  # what cost nothing, or less, has no return
        return joined([basis.tell("unrealised_pnl_cny", row), *word])
    loss, size = basis.tell("unrealised_return", row), Money(row.unrealised_pnl_cny)
    return joined([message("{loss} ({size})", loss=loss, size=size), *word])


def _word(days: float) -> Message:
    if pd.isna(days):
        return message("no service contact yet")
    return message("last service contact {span} ago", span=Span(days))


def find_relationships(basis: ListBasis) -> Found:
    """Grade each VIP's account, contract and personal relationship: 0 none, 1 weak, 2 fair, 3 strong.

    The customer with the weakest relationship stands first, then the one with the weakest three, then platinum.
    """
    missing = basis.today.missing
    unknown = {source: _graded_columns(name) for name, source in _SOURCES.items() if source in missing}
    if len(unknown) == len(RELATIONSHIPS):
        return Found(None, basis.today.lacks(*unknown))
    rows = _graded(_vips(basis), basis)
    grades = rows[[f"{name}_grade" for name in RELATIONSHIPS]]
    lowest, total = grades.min(axis=1), grades.sum(axis=1)
    # The first of the lowest; a grade that is not known is none of them.
    names = np.asarray(list(RELATIONSHIPS), dtype=object)
    weakest = names[grades.fillna(len(GRADES)).to_numpy().argmin(axis=1)]
    rows = rows.assign(weakest=weakest, lowest=lowest, total=total)
    rows = listing.order(rows, {"lowest": True, "total": True, "tier_level": False, "aum_cny": False})
    if "pnl" in missing:
        unknown = {**unknown, "pnl": "aum_cny"}
    return Found(rows, listing.note_unknown(basis, unknown))


def _graded_columns(name: str) -> str:
    # Products held, sticky or not, are known without the table that their relationship is graded by.
    own = [column for column in _RESTS_ON[name] if column not in ("product_coverage", "n_sticky_products")]
    return ", ".join([f"{name}_grade", *own])


def _graded(rows: pd.DataFrame, basis: ListBasis) -> pd.DataFrame:
    s = basis.settings
    products, services = rows["product_coverage"], rows["n_bound"]
    stage, reached = rows["familiarity_stage"], rows["days_since_reached"]
    busy, tied = rows["n_transactions_365d"] >= s.busy_transactions, rows["n_sticky_products"] > 0
    account = [
        (products >= s.strong_products) & (services >= s.strong_services),
        (products >= s.fair_products) & (services >= s.fair_services),
        products > 0,
    ]
    contract = [busy & tied, busy | tied, rows["n_transactions_365d"] > 0]
    fresh = reached <= s.fresh_days
    personal = [(stage == 3) & fresh, (stage >= 2) | fresh, stage >= 1]
    grades = {"account": account, "contract": contract, "personal": personal}
    found = {
        f"{name}_grade": np.select(conditions, [3.0, 2.0, 1.0], 0.0)
        if _SOURCES[name] not in basis.today.missing
        else np.full(len(rows), np.nan)
        for name, conditions in grades.items()
    }
    return rows.assign(**found)


def _why_relationships(basis: ListBasis, row: Any) -> Said:
    # The weakest is told first.
    names = [row.weakest, *(name for name in RELATIONSHIPS if name != row.weakest)]
    known = [name for name in names if _SOURCES[name] not in basis.today.missing]
    return joined([_graded_words(basis, row, name) for name in known], "semicolons")


def _graded_words(basis: ListBasis, row: Any, name: str) -> Message:
    # Who was not reached within a year was not reached: said once.
    said_once = name == "personal" and not row.familiarity_stage
    features = _RESTS_ON[name][: 1 if said_once else None]
    return message(
        "{relationship} {grade}: {facts}",
        relationship=_IN_FULL[name],
        grade=GRADES[int(getattr(row, f"{name}_grade"))],
        facts=joined([basis.tell(feature, row, raises=False) for feature in features]),
    )


UNASSIGNED_VIPS = ManagerList(
    name="unassigned_vips",
    title=message("VIPs without a responsible manager in their branch"),
    tab=message("VIPs, no manager"),
    columns=("problem", "manager_branch_id", "manager_branch_share", "aum_cny", "churn_probability"),
    is_marketing=False,
    find=find_unassigned_vips,
    why=_why_unassigned,
)
LOSS_ALERTS = ManagerList(
    name="loss_alerts",
    title=message("Customers whose investments lose money"),
    tab=message("Losses"),
    columns=("unrealised_pnl_cny", "unrealised_return", "investments_cny", "days_since_word", "days_since_reached",
             "churn_probability"),
    is_marketing=False,
    find=find_loss_alerts,
    why=_why_loss,
)  # fmt: skip
RELATIONSHIP_GRADES = ManagerList(
    name="relationships",
    title=message("VIPs by their three relationships, the weakest first"),
    tab=message("Relationships"),
    columns=("weakest", *(f"{name}_grade" for name in RELATIONSHIPS), "days_since_reached", "familiarity_stage",
             "product_coverage", "n_bound", "n_transactions_365d", "n_sticky_products", "aum_cny", "churn_probability"),
    find=find_relationships,
    why=_why_relationships,
)  # fmt: skip
