"""Customers whose investments lose money, and how long they have heard nothing from us."""

from typing import Any

import pandas as pd

from churn.actions.lists.facts import Facts
from churn.actions.lists.listing import Found, ManagerList, not_made, note_unknown, order
from churn.actions.lists.wording import join_words, tell
from churn.actions.plan_losses import is_felt_loss
from churn.explanation.reasons.amounts import Pair, money, span


def find_loss_alerts(facts: Facts) -> Found:
    """Find customers with an unrealised loss, at the last month-end, of a share of the cost or of an amount.

    Both are those of the plan (`loss_return` and `loss_cny` of the configuration's section `plan`).

    Those who heard nothing about it lately stand first, then the largest loss in yuan.
    """
    if lack := facts.lacks("pnl"):
        return not_made(lack)
    rows = facts.customers[is_felt_loss(facts.customers, facts.config.plan)]
    rows = rows.assign(was_told=rows["days_since_word"] <= facts.settings.quiet_days)
    rows = order(rows, {"was_told": True, "unrealised_pnl_cny": True})
    unknown = {"contacts": "days_since_word, days_since_reached"}
    return Found(tell(rows, lambda row: _why(facts, row)), note_unknown(facts, unknown))


def _why(facts: Facts, row: Any) -> Pair:
    return join_words([_loss(facts, row), *([] if "contacts" in facts.missing else [_word(row.days_since_word)])])


def _loss(facts: Facts, row: Any) -> Pair:
    if pd.isna(row.unrealised_return):  # what cost nothing, or less, has no return
        return facts.tell("unrealised_pnl_cny", row)
    (en, zh), (en_size, zh_size) = facts.tell("unrealised_return", row), money(row.unrealised_pnl_cny)
    return f"{en} ({en_size})", f"{zh}（{zh_size}）"


def _word(days: float) -> Pair:
    if pd.isna(days):
        return "never a word from us about losses or after-sales", "从未有亏损告知、售后或关怀联系"
    en, zh = span(days)
    return f"last word from us {en} ago", f"距上次亏损告知、售后或关怀 {zh}"


LOSS_ALERTS = ManagerList(
    "loss_alerts",
    ("Customers whose investments lose money", "投资亏损提醒"),
    {
        "unrealised_pnl_cny": "float64",
        "unrealised_return": "float64",
        "investments_cny": "float64",
        "days_since_word": "Int64",
        "days_since_reached": "Int64",
        "churn_probability": "float64",
    },
    is_marketing=False,
    find=find_loss_alerts,
)
