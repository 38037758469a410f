"""What columns, codes and lists are called on a sheet, always (English, Chinese)."""

from collections.abc import Mapping
from typing import Any

from churn.actions.lists.wording import AGE_BAND_NAMES, GRADES
from churn.actions.plan_words import TIER_WORDS
from churn.config import Config
from churn.explanation.reasons.amounts import Pair

TABS: Mapping[str, Pair] = {
    "unassigned_vips": ("VIPs, no manager", "待分配贵宾"),
    "loss_alerts": ("Losses", "亏损提醒"),
    "potential_vips": ("Potential VIPs", "潜在贵宾"),
    "upgrades": ("Upgrades", "升级候选"),
    "referrers": ("Referrers", "潜在转介绍"),
    "circles": ("Circles", "转介绍圈子"),
    "thinly_bound": ("Thinly bound", "绑定薄弱"),
    "relationships": ("Relationships", "三种关系"),
    "never_bound": ("Never bound", "从未绑定"),
}
"""A list's sheet: short enough for Excel in both languages together."""
HEADINGS: Mapping[str, Pair] = {
    "account_grade": ("Account relationship", "账户关系"),
    "age_band": ("Age", "年龄段"),
    "aum_at_risk_cny": ("Assets × risk, CNY", "资产×流失风险（元）"),
    "aum_cny": ("Assets, CNY", "资产（元）"),
    "aum_growth_3m": ("Growth of assets in 3 months", "近 3 个月资产增长"),
    "branch_id": ("Branch", "网点"),
    "churn_probability": ("Risk", "流失风险"),
    "circle": ("Circle", "圈子"),
    "circle_size": ("Size of circle", "圈子人数"),
    "contract_grade": ("Contract relationship", "契约关系"),
    "customer_id": ("Customer", "客户号"),
    "days_held": ("Days held", "持有天数"),
    "days_since_large": ("Days since large transaction", "距大额交易天数"),
    "days_since_reached": ("Days since reached", "距上次联系上天数"),
    "days_since_word": ("Days since word", "距上次告知或关怀天数"),
    "do_not_contact": ("Refused contact", "拒绝联系"),
    "familiarity_stage": ("How far we got", "熟悉程度"),
    "floor_cny": ("Floor of next tier, CNY", "升级门槛（元）"),
    "gap_cny": ("Missing, CNY", "差额（元）"),
    "investments_cny": ("Investments, CNY", "投资市值（元）"),
    "largest_cny": ("Largest, CNY", "最大一笔（元）"),
    "manager_branch_id": ("Manager's branch", "客户经理所属网点"),
    "manager_branch_share": ("Share of manager's customers there", "经理客户在该网点占比"),
    "manager_id": ("Manager", "客户经理"),
    "n_bound": ("Services bound", "绑定服务数"),
    "n_large_transactions": ("Large transactions", "大额交易笔数"),
    "n_reached_365d": ("Reached in a year", "一年内联系上次数"),
    "n_referred": ("Customers brought", "曾转介绍人数"),
    "n_signs": ("Signs of 5", "满足信号数（共 5 项）"),
    "n_sticky_products": ("Sticky products", "黏性产品数"),
    "n_transactions_365d": ("Transactions in a year", "一年内交易笔数"),
    "next_tier": ("Next tier", "目标等级"),
    "personal_grade": ("Personal relationship", "个人关系"),
    "problem": ("Problem", "问题"),
    "product": ("Product", "产品"),
    "product_coverage": ("Products held", "持有产品数"),
    "rank": ("No.", "序号"),
    "risk_band": ("Risk band", "风险档"),
    "service": ("Service", "服务"),
    "sum_large_cny": ("Sum of large, CNY", "大额合计（元）"),
    "tenure_days": ("Days a customer", "成为客户天数"),
    "tier": ("Tier", "等级"),
    "unrealised_pnl_cny": ("Unrealised profit or loss, CNY", "浮动盈亏（元）"),
    "unrealised_return": ("Unrealised return", "浮动收益率"),
    "weakest": ("Weakest", "最弱关系"),
    "why": ("Why", "理由"),
}

_RELATIONSHIPS: Mapping[str, Pair] = {
    "personal": ("personal", "个人关系"),
    "account": ("account", "账户关系"),
    "contract": ("contract", "契约关系"),
}
_PROBLEMS: Mapping[str, Pair] = {
    "no_manager": ("no manager", "无客户经理"),
    "other_branch": ("manager of another branch", "客户经理属其他网点"),
}
_RISKS: Mapping[str, Pair] = {"low": ("low", "低"), "medium": ("medium", "中"), "high": ("high", "高")}
_AGES: Mapping[str, Pair] = {band: (band, zh) for band, zh in AGE_BAND_NAMES.items()}
_STAGES: Mapping[int, Pair] = dict(
    enumerate((("not reached", "未联系上"), ("spoken to", "已联系上"), ("invited", "已邀约"), ("met", "已面谈")))
)
_GRADES: Mapping[int, Pair] = dict(enumerate(GRADES))
_REFUSED: Mapping[bool, Pair] = {True: ("yes", "是"), False: ("", "")}


def code_words(config: Config) -> Mapping[str, Mapping[Any, Pair]]:
    """Give, for each column of codes, what each code is called; products and services as the bank's catalogue says.

    Examples
    --------
    >>> words = code_words(Config())
    >>> words["next_tier"]["gold"], words["service"]["fund_trading"]
    (('gold', '金卡'), ('fund trading', '基金交易'))
    """
    return {
        "tier": TIER_WORDS,
        "next_tier": TIER_WORDS,
        "problem": _PROBLEMS,
        "weakest": _RELATIONSHIPS,
        **{f"{name}_grade": _GRADES for name in _RELATIONSHIPS},
        "familiarity_stage": _STAGES,
        "age_band": _AGES,
        "risk_band": _RISKS,
        "do_not_contact": _REFUSED,
        "product": {name: (product.en, product.zh) for name, product in config.products.items()},
        "service": {name: (service.en, service.zh) for name, service in config.services.items()},
    }
