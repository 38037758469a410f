"""VIPs nobody in their branch is responsible for, and how well each VIP is tied to us."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churn.actions.lists.facts import Facts
from churn.actions.lists.listing import Found, ManagerList, not_made, note_unknown, order
from churn.actions.lists.wording import GRADES, join_words, tell
from churn.actions.managers import manager_branches, stated_branches
from churn.explanation.reasons.amounts import Pair, percent
from churn.speech.catalogue import isolate
from churn.tables.contract import VIP_TIERS

# The one a manager can mend alone stands first; of two equally weak ones it is named.
RELATIONSHIPS = ("personal", "account", "contract")
_NAMES = {
    "personal": ("personal", "个人关系"),
    "account": ("account", "账户关系"),
    "contract": ("contract", "契约关系"),
}
_SOURCES = {"personal": "contacts", "account": "bindings", "contract": "transactions"}
_RESTS_ON = {
    "personal": ("familiarity_stage", "days_since_reached"),
    "account": ("product_coverage", "n_bound"),
    "contract": ("n_transactions_365d", "n_sticky_products"),
}


def find_unassigned_vips(facts: Facts) -> Found:
    """Find VIPs without a responsible manager, or with one of another branch.

    Platinum stands first, then the largest assets.
    """
    if lack := facts.lacks("customers.manager_id"):
        return not_made(lack)
    homes = find_homes(facts.customers, facts.settings.home_share, stated_branches(facts.config.plan))
    rows = _vips(facts).merge(homes, on="manager_id", how="left")
    alone = rows["manager_id"].isna()
    elsewhere = rows["manager_branch_id"].notna() & (rows["manager_branch_id"] != rows["branch_id"])
    rows = rows.assign(problem=np.where(alone, "no_manager", "other_branch"))[alone | elsewhere]
    rows = order(rows, {"tier_level": False, "aum_cny": False})
    return Found(tell(rows, lambda row: _why_unassigned(facts, row)), note_unknown(facts, {"pnl": "aum_cny"}))


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


def find_relationships(facts: Facts) -> Found:
    """Grade each VIP's account, contract and personal relationship: 0 none, 1 weak, 2 fair, 3 strong.

    The customer with the weakest relationship stands first, then the one with the weakest three, then platinum.
    """
    unknown = {source: _graded_columns(name) for name, source in _SOURCES.items() if source in facts.missing}
    if len(unknown) == len(RELATIONSHIPS):
        return not_made(facts.lacks(*unknown))
    rows = _graded(_vips(facts), facts)
    grades = rows[[f"{name}_grade" for name in RELATIONSHIPS]]
    lowest, total = grades.min(axis=1), grades.sum(axis=1)
    # The first of the lowest; a grade that is not known is none of them.
    weakest = np.asarray(RELATIONSHIPS, dtype=object)[grades.fillna(len(GRADES)).to_numpy().argmin(axis=1)]
    rows = rows.assign(weakest=weakest, lowest=lowest, total=total)
    rows = order(rows, {"lowest": True, "total": True, "tier_level": False, "aum_cny": False})
    if "pnl" in facts.missing:
        unknown = {**unknown, "pnl": "aum_cny"}
    return Found(tell(rows, lambda row: _why_relationships(facts, row)), note_unknown(facts, unknown))


def _vips(facts: Facts) -> pd.DataFrame:
    return facts.customers[facts.customers["tier"].isin(VIP_TIERS)]


def _graded_columns(name: str) -> str:
    # Products held, sticky or not, are known without the table that their relationship is graded by.
    own = [column for column in _RESTS_ON[name] if column not in ("product_coverage", "n_sticky_products")]
    return ", ".join([f"{name}_grade", *own])


def _graded(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    s = facts.settings
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
        if _SOURCES[name] not in facts.missing
        else np.full(len(rows), np.nan)
        for name, conditions in grades.items()
    }
    return rows.assign(**found)


def _why_unassigned(facts: Facts, row: Any) -> Pair:
    parts = [facts.tell("tier_level", row)]
    if row.problem == "no_manager":
        parts.append(facts.tell_value("is_managed", 0.0))
    else:
        parts.append(_elsewhere(row))
    parts += [facts.tell("aum_cny", row)] if row.aum_cny == row.aum_cny else []
    return join_words(parts)


def _elsewhere(row: Any) -> Pair:
    own, home = isolate(row.branch_id), isolate(row.manager_branch_id)
    if pd.isna(row.manager_branch_share):
        return (
            f"of branch {own}, the manager of branch {home}",
            f"客户属网点 {own}，客户经理属网点 {home}",
        )
    en, zh = percent(row.manager_branch_share)
    return (
        f"of branch {own}, while {en} of the manager's customers are of branch {home}",
        f"客户属网点 {own}，而客户经理名下 {zh} 的客户属网点 {home}",
    )


def _why_relationships(facts: Facts, row: Any) -> Pair:
    # The weakest is told first.
    names = sorted(RELATIONSHIPS, key=lambda name: (name != row.weakest, RELATIONSHIPS.index(name)))
    said = [_told(facts, row, name) for name in names if _SOURCES[name] not in facts.missing]
    return "; ".join(en for en, _ in said), "；".join(zh for _, zh in said)


def _told(facts: Facts, row: Any, name: str) -> Pair:
    grade = GRADES[int(getattr(row, f"{name}_grade"))]
    # Who was not reached within a year was not reached: said once.
    said_once = name == "personal" and not row.familiarity_stage
    features = _RESTS_ON[name][: 1 if said_once else None]
    en, zh = join_words([facts.tell(feature, row, raises=False) for feature in features])
    (en_name, zh_name), (en_grade, zh_grade) = _NAMES[name], grade
    return f"{en_name} relationship {en_grade}: {en}", f"{zh_name}{zh_grade}：{zh}"


UNASSIGNED_VIPS = ManagerList(
    "unassigned_vips",
    ("VIPs without a responsible manager in their branch", "无本网点专属客户经理的贵宾客户"),
    {
        "problem": "str",
        "manager_branch_id": "str",
        "manager_branch_share": "float64",
        "aum_cny": "float64",
        "churn_probability": "float64",
    },
    is_marketing=False,
    find=find_unassigned_vips,
)
RELATIONSHIP_GRADES = ManagerList(
    "relationships",
    ("VIPs by their three relationships, the weakest first", "贵宾客户三种关系（最弱者在前）"),
    {
        "weakest": "str",
        **{f"{name}_grade": "Int64" for name in RELATIONSHIPS},
        "days_since_reached": "Int64",
        "familiarity_stage": "Int64",
        "product_coverage": "Int64",
        "n_bound": "Int64",
        "n_transactions_365d": "Int64",
        "n_sticky_products": "Int64",
        "aum_cny": "float64",
        "churn_probability": "float64",
    },
    is_marketing=True,
    find=find_relationships,
)
