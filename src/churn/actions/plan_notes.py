"""What a reader of a plan should know of it, always (English, Chinese)."""

from churn.actions.managers import manager_branches, stated_branches
from churn.actions.today import Today
from churn.explanation.reasons.amounts import Pair

NO_MANAGER: Pair = (
    "The tables name no manager, so nobody is planned: fill customers.manager_id, or state branches in [plan.managers]",
    "数据表没有给出客户经理，因此未安排任何联系：请填写 customers.manager_id，或在 [plan.managers] 中指定网点",
)
_NO_CONTACTS: Pair = (
    (
        "Nobody knows who was reached: contacts has no row of the last year; whoever has no loss to hear of is"
        " introduced to, rest days are not kept, and whether a loss was told is not known"
    ),
    (
        "不知道联系过哪些客户：contacts 表没有近一年的记录；除亏损告知外一律从自我介绍开始，无法保证联系间隔，"
        "亏损是否告知过也无从得知"
    ),
)
_MANY = 0.1
"""More than this share of customers without a score is worth a note; some are new since the scores."""
_NO_ASSETS: Pair = (
    "Assets are not known: pnl has no values at the last month-end; a customer is worth the products held alone",
    "资产未知：pnl 表没有上月末的数据；客户价值仅按持有产品计算",
)
_NO_DAYS_OFF: Pair = (
    "No holidays and no weekend are configured ([plan] holidays, weekend): every day is a working day",
    "未设置节假日与周末（[plan] holidays、weekend）：每天均视为工作日",
)


def plan_notes(today: Today) -> tuple[Pair, ...]:
    """Note what a plan lacks, or takes for granted."""
    settings, customers = today.config.plan, today.customers
    branches = manager_branches(customers, stated_branches(settings))
    notes = [NO_MANAGER] if branches.empty else []
    if (n := int(customers["churn_probability"].isna().sum())) > _MANY * len(customers):
        notes.append(_not_scored(n, len(customers)))
    notes += [_NO_CONTACTS] if "contacts" in today.missing else []
    notes += [_NO_ASSETS] if customers["aum_cny"].isna().all() else []
    notes += [] if settings.holidays or settings.weekend else [_NO_DAYS_OFF]
    if unclear := int((branches["branch_share"] <= 0.5).sum()):
        notes.append(_no_majority(unclear))
    return tuple(notes)


def _not_scored(n: int, of: int) -> Pair:
    return (
        f"{n:,} of {of:,} customers are missing from the scores and left out: score these data (churn score)",
        f"{of:,} 位客户中有 {n:,} 位不在评分文件中，未列入计划：请对这批数据评分（churn score）",
    )


def _no_majority(n: int) -> Pair:
    who = "1 manager has" if n == 1 else f"{n:,} managers have"
    return (
        f"{who} no branch of more than half of their customers; the first of the largest is taken: [plan.managers]",
        f"{n:,} 位客户经理没有占其客户半数以上的网点，取客户最多的第一个；可在 [plan.managers] 指定",
    )
