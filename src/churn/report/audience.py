"""The customers a page is about: scored, valued, and in the groups that risk is shown by."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.actions.today import Today, in_hold_out
from churn.config import PlanSettings
from churn.frame import Snapshot
from churn.model.documents import Thresholds
from churn.report.facts import Group, Segmentation
from churn.scoring import risk_bands
from churn.segments import coverage_groups, flat_segments

GROUPED_BY = ("coverage", "tier", "stage", "contact", "investment", "branch", "manager")
"""Traits of a bank's customers, each the column `by_<trait>`."""
OWN = "by_own_"
"""What columns of a flat file's own groups begin with."""
_ORDER: Mapping[str, tuple[str, ...]] = {
    "tier": ("ordinary", "gold", "platinum"),
    "stage": ("not_reached", "spoken_to", "invited", "met"),
    "contact": ("within_30_days", "within_90_days", "within_a_year", "longer_ago"),
    "investment": ("no_investment", "not_losing", "losing", "losing_much"),
}
"""Groups of a trait, in their own order."""
MOST_GROUPS = 12
"""Of one trait; branches and managers may be thousands, and those that risk most are shown."""
_BY_RISK = ("branch", "manager")
_CONTACT_DAYS = (30, 90, 365)
Floats = NDArray[np.float64]
Words = NDArray[np.object_]


def bank_audience(today: Today, thresholds: Thresholds) -> pd.DataFrame:
    """Give today's customers who are scored, one row each, sorted by `customer_id`.

    Parameters
    ----------
    thresholds
        Of the model's manifest: from where on a risk is high, and under what it is low.

    Returns
    -------
    DataFrame
        `Today.customers`, with `value_cny` NaN where no customer's assets are known, `at_risk_cny`, `risk_band` by the
        thresholds, `unnamed` (why a page may not send anybody to the customer: `do_not_contact`, `held_out`, or
        nothing), and a column `by_<trait>` for each of `GROUPED_BY`, missing where not known.
    """
    customers = today.customers[today.customers["churn_probability"].notna()].reset_index(drop=True)
    knows = customers["aum_cny"].notna().any()
    value = customers["value_cny"].to_numpy() if knows else np.full(len(customers), np.nan)
    customers = _valued(customers, value, thresholds)
    conditions = [customers["do_not_contact"], customers["is_held_out"]]
    return customers.assign(
        unnamed=np.select(conditions, ["do_not_contact", "held_out"], "").astype(object),
        by_coverage=coverage_groups(customers["product_coverage"].to_numpy(dtype=np.float64)),
        by_tier=customers["tier"],
        by_stage=np.array(_ORDER["stage"], dtype=object)[customers["familiarity_stage"].fillna(0).astype(int)],
        by_contact=_contact(customers["days_since_contact"].to_numpy(dtype=np.float64)),
        by_investment=_investment(customers, today.config.plan.loss_return),
        by_branch=customers["branch_id"],
        by_manager=customers["manager_id"],
    )


def flat_audience(
    snapshots: Iterable[Snapshot],
    scores: pd.DataFrame,
    thresholds: Thresholds,
    settings: PlanSettings,
    gone: Collection[str] = (),
) -> pd.DataFrame:
    """Join the customers of a flat file with their scores; groups are its products held and its own categories.

    Parameters
    ----------
    settings
        Who is in the random hold-out.
    gone
        Customers of whom the file's label says that they have left.

    Returns
    -------
    DataFrame
        `customer_id`, `product_coverage`, `churn_probability`, `risk_band`, `value_cny` and `at_risk_cny` (NaN),
        `unnamed` (`gone`, `held_out`, or nothing), `by_coverage` where it is known, and `by_own_<column>`.
    """
    parts = [_flat_part(snapshot) for snapshot in snapshots]
    known = scores[["customer_id", "churn_probability"]]
    customers = pd.concat(parts, ignore_index=True).merge(known, on="customer_id", how="inner", validate="one_to_one")
    has_left, held_out = customers["customer_id"].isin(list(gone)), in_hold_out(customers["customer_id"], settings)
    left = np.select([has_left, held_out], ["gone", "held_out"], "").astype(object)
    return _valued(customers, np.full(len(customers), np.nan), thresholds).assign(unnamed=left)


def _flat_part(snapshot: Snapshot) -> pd.DataFrame:
    coverage = snapshot.product_coverage
    part = pd.DataFrame({"customer_id": pd.Series(snapshot.customer_id, dtype=object)})
    part["product_coverage"] = np.nan if coverage is None else coverage
    own = flat_segments(snapshot.features, None).rename(columns=lambda name: OWN + name)
    if coverage is not None:
        part["by_coverage"] = coverage_groups(coverage)
    return pd.concat([part, own], axis=1)


def _valued(customers: pd.DataFrame, value: Floats, thresholds: Thresholds) -> pd.DataFrame:
    probability = customers["churn_probability"].to_numpy(dtype=np.float64)
    bands = pd.Series(risk_bands(probability, thresholds), dtype=object, index=customers.index)
    return customers.assign(risk_band=bands, value_cny=value, at_risk_cny=value * probability)


def _contact(days: Floats) -> Words:
    """Group days since the last contact; one that is not known lies more than a year back."""
    place = np.searchsorted(_CONTACT_DAYS, days)
    return np.array(_ORDER["contact"], dtype=object)[np.where(np.isnan(days), len(_CONTACT_DAYS), place)]


def _investment(customers: pd.DataFrame, felt: float) -> Words:
    gain = customers["unrealised_pnl_cny"].to_numpy(dtype=np.float64)
    returned = customers["unrealised_return"].to_numpy(dtype=np.float64)
    conditions = [np.isnan(returned), returned <= -felt, gain < 0]
    return np.select(conditions, ["no_investment", "losing_much", "losing"], "not_losing").astype(object)


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
    name, at_risk = None if pd.isna(code) else str(code), None if pd.isna(row["at_risk"]) else float(row["at_risk"])
    return Group(name, int(row["n"]), int(row["n_high"]), float(row["predicted"]), at_risk)


def _in_order(groups: list[Group], key: str) -> list[Group]:
    """Put groups in their own order, branches and managers by what they risk; unknown last."""
    known = [group for group in groups if group.code is not None]
    if key in _ORDER:
        known.sort(key=lambda group: _ORDER[key].index(str(group.code)))
    elif key in _BY_RISK:
        known.sort(key=lambda group: (-(group.at_risk_cny or 0.0), -group.predicted, str(group.code)))
    return known + [group for group in groups if group.code is None]
