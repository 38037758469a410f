"""Who is at risk, by group."""

from typing import Any

import pandas as pd

from churn.report.audience import GROUPED_BY, OWN
from churn.report.facts import Group, Segmentation

MOST_GROUPS = 12
"""Of one trait; branches and managers may be thousands, and those that risk most are shown."""
_BY_RISK = ("branch", "manager")
_ORDER: dict[str, tuple[str, ...]] = {
    "tier": ("ordinary", "gold", "platinum"),
    "stage": ("not_reached", "spoken_to", "invited", "met"),
    "contact": ("within_30_days", "within_90_days", "within_a_year", "longer_ago"),
    "investment": ("no_investment", "not_losing", "losing", "losing_much"),
}


def summarise_groups(customers: pd.DataFrame, branch_id: str | None = None) -> tuple[Segmentation, ...]:
    """Count and average customers by each trait.

    Parameters
    ----------
    customers
        Of `bank_audience` or `flat_audience`.
    branch_id
        The page's branch: then by manager and not by branch.

    Returns
    -------
    tuple of Segmentation
        Without a trait that puts everybody into one group.
    """
    left_out = "manager" if branch_id is None else "branch"
    traits = [(name, f"by_{name}", False) for name in GROUPED_BY if name != left_out]
    traits += [(str(name).removeprefix(OWN), str(name), True) for name in customers if str(name).startswith(OWN)]
    found = [_segmentation(customers, *trait) for trait in traits if trait[1] in customers]
    return tuple(one for one in found if len(one.groups) > 1)


def _segmentation(customers: pd.DataFrame, key: str, column: str, is_own: bool) -> Segmentation:
    grouped = customers.groupby(customers[column].astype(object), dropna=False, sort=True)
    counted = grouped.agg(
        n=("customer_id", "size"),
        predicted=("churn_probability", "mean"),
        n_high=("risk_band", lambda band: int((band == "high").sum())),
        at_risk=("at_risk_cny", lambda values: values.sum(min_count=1)),
    )
    groups = [_group(code, row) for code, row in zip(counted.index, counted.to_dict("records"), strict=True)]
    shown = _in_order(groups, "" if is_own else key)[:MOST_GROUPS]
    return Segmentation(key, is_own, tuple(shown), len(groups) - len(shown))


def _group(code: Any, row: dict[Any, Any]) -> Group:
    at_risk = None if pd.isna(row["at_risk"]) else float(row["at_risk"])
    return Group(
        None if pd.isna(code) else str(code), int(row["n"]), int(row["n_high"]), float(row["predicted"]), at_risk
    )


def _in_order(groups: list[Group], key: str) -> list[Group]:
    """Put groups in their own order, branches and managers by what they risk; unknown last."""
    known = [group for group in groups if group.code is not None]
    if key in _ORDER:
        known.sort(key=lambda group: _ORDER[key].index(str(group.code)))
    elif key in _BY_RISK:
        known.sort(key=lambda group: (-(group.at_risk_cny or 0.0), -group.predicted, str(group.code)))
    return known + [group for group in groups if group.code is None]
