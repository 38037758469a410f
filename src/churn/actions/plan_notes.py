"""What a reader of a plan should know of it, always (English, Chinese)."""

import pandas as pd

from churn.actions.plan_managers import manager_branches, stated_branches
from churn.config import PlanSettings
from churn.explanation.reasons.amounts import Pair

_NO_ASSETS: Pair = (
    "Assets are not known: pnl has no values at the last month-end; a customer is worth the products held alone",
    "资产未知：pnl 表没有上月末的数据；客户价值仅按持有产品计算",
)
_NO_DAYS_OFF: Pair = (
    "No holidays and no weekend are configured ([plan] holidays, weekend): every day is a working day",
    "未设置节假日与周末（[plan] holidays、weekend）：每天均视为工作日",
)


def plan_notes(people: pd.DataFrame, settings: PlanSettings) -> tuple[Pair, ...]:
    """Note what a plan lacks, or takes for granted.

    Parameters
    ----------
    people
        Of `read_people`.

    Examples
    --------
    >>> people = pd.DataFrame({"manager_id": ["M1", "M1"], "branch_id": ["N", "S"], "aum_cny": [1.0, 2.0]})
    >>> [en for en, _ in plan_notes(people, PlanSettings(weekend=("sunday",)))]
    ['1 manager has no branch of more than half of their customers; the first of the largest is taken: [plan.managers]']
    """
    notes = []
    if people["aum_cny"].isna().all():
        notes.append(_NO_ASSETS)
    if not (settings.holidays or settings.weekend):
        notes.append(_NO_DAYS_OFF)
    branches = manager_branches(people, stated_branches(settings))
    if unclear := int((branches["branch_share"] <= 0.5).sum()):
        notes.append(_no_majority(unclear))
    return tuple(notes)


def _no_majority(n: int) -> Pair:
    who = "1 manager has" if n == 1 else f"{n:,} managers have"
    return (
        f"{who} no branch of more than half of their customers; the first of the largest is taken: [plan.managers]",
        f"{n:,} 位客户经理没有占其客户半数以上的网点，取客户最多的第一个；可在 [plan.managers] 指定",
    )
