"""A page's facts, collected: from today's customers, their scores, the plan, the lists, and what was measured."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churn.actions.plan_words import feature_words
from churn.config import Config
from churn.evaluation.baselines import restate_baselines
from churn.explanation.bindings import BindingRow, service_names
from churn.model.documents import BaselineRow
from churn.model.storage import StoredModel
from churn.report import acting, audience, facts
from churn.scores import Scores, Told
from churn.tables.contract import VIP_TIERS

STALE_DAYS = 31
"""Scores older than this are said to be old."""
MOST_CUSTOMERS = 25
"""Customers at risk that a page names."""
MOST_DRIVERS = 12
N_BINS = 25
"""Of the histogram of probabilities: four points each."""


@dataclass(frozen=True)
class Explanation:
    """What a model was found to make of its features and of each service.

    Attributes
    ----------
    bindings
        Of `build_bindings`; empty where the data have none.
    importance
        `feature`, `mean_abs_points`, the largest first.
    """

    bindings: tuple[BindingRow, ...]
    importance: pd.DataFrame


def build_summary(
    customers: pd.DataFrame,
    scores: Scores,
    stored: StoredModel,
    explained: Explanation,
    config: Config,
    *,
    acts: acting.Acts | None,
    is_seen: bool = False,
    branch_id: str | None = None,
) -> facts.PageFacts:
    """Collect what a page says, of the bank or of one branch.

    Parameters
    ----------
    customers
        Of `bank_audience` or `flat_audience`, everybody.
    scores
        Those they have.
    acts
        None for a flat file.
    is_seen
        Whether the model learned from these very customers at this very date.
    branch_id
        Keeps the customers, managers and lists of one branch. What the model was judged on, what it makes of features,
        and the effects of bindings stay the bank's: one branch has too few customers to tell them.
    """
    scored_on = scores.as_of
    all_mine = customers if branch_id is None else customers[customers["branch_id"] == branch_id]
    mine = all_mine[all_mine["unnamed"] != "gone"]
    named = _most_at_risk(mine)
    told = scores.told(named["customer_id"].tolist())
    day = None if acts is None else acting.summarise_day(acts.plan, branch_id)
    return facts.PageFacts(
        about=_about(stored, mine, scored_on, day.date if day else scored_on, branch_id, is_flat=acts is None),
        headlines=tuple(_headlines(mine)),
        baselines=_baselines(stored, mine, config, is_seen=is_seen),
        bins=tuple(_bins(mine)),
        segmentations=audience.summarise_groups(mine, branch_id),
        drivers=tuple(_drivers(explained.importance, config)),
        bindings=explained.bindings,
        binding_names=dict(service_names(config)),
        customers=tuple(_customer(row, told, config) for row in named.to_dict("records")),
        unnamed=_unnamed(all_mine),
        day=day,
        lists=() if acts is None else acting.summarise_lists(acts.lists, branch_id),
        working=None if acts is None else acting.summarise_working(acts.progress, branch_id),
        cannot=tuple(_cannot(customers, explained, acts, is_seen=is_seen, is_old=_is_old(day, scored_on))),
    )


def _about(
    stored: StoredModel,
    customers: pd.DataFrame,
    scored_on: dt.date | None,
    date: dt.date | None,
    branch_id: str | None,
    *,
    is_flat: bool,
) -> facts.About:
    manifest, auc = stored.manifest, stored.metrics.roc_auc
    return facts.About(
        branch_id=branch_id,
        date=date,
        scored_on=scored_on,
        horizon_days=manifest.horizon_days,
        model_id=manifest.model_id,
        held_out=manifest.as_of,
        is_out_of_time=manifest.out_of_time,
        roc_auc=(auc.value, auc.low, auc.high) if auc.value is not None else None,
        n_scored=len(customers),
        is_flat=is_flat,
    )


def _headlines(customers: pd.DataFrame) -> list[facts.Headline]:
    risk = customers["churn_probability"]
    found = [
        facts.Headline("customers", len(customers), "number"),
        facts.Headline("expected_leavers", float(risk.sum()), "number"),
        facts.Headline("high_risk", int((customers["risk_band"] == "high").sum()), "number"),
    ]
    if (at_risk := _total(customers["at_risk_cny"])) is not None:
        found.append(facts.Headline("at_risk_cny", at_risk, "yuan"))
    if customers["product_coverage"].notna().any():
        found.append(facts.Headline("product_coverage", float(customers["product_coverage"].mean()), "mean"))
    if "tier" in customers:
        vips = customers["tier"].isin(VIP_TIERS)
        found.append(facts.Headline("vips_at_risk", int((vips & (customers["risk_band"] == "high")).sum()), "number"))
    return found


def _total(values: "pd.Series[float]") -> float | None:
    return float(values.sum()) if values.notna().any() else None


def _baselines(
    stored: StoredModel, customers: pd.DataFrame, config: Config, *, is_seen: bool
) -> tuple[facts.Bucket, ...]:
    """Put beside what was seen where the model was judged what is predicted today; nothing where nobody is in it.

    Risks that the model has seen the outcome of are no prediction.
    """
    if "by_coverage" not in customers:
        return ()
    judged = restate_baselines(
        stored.baselines, stated=config.baselines.stated, horizon_days=stored.manifest.horizon_days
    )
    known = customers.iloc[:0] if is_seen else customers
    today = {str(name): part["churn_probability"] for name, part in known.groupby("by_coverage")}
    return tuple(_bucket(bucket, today.get(str(bucket.product_coverage))) for bucket in judged)


def _bucket(judged: BaselineRow, today: "pd.Series[float] | None") -> facts.Bucket:
    return facts.Bucket(
        coverage=str(judged.product_coverage),
        n=judged.n,
        stated=judged.stated,
        observed=judged.observed,
        observed_low=judged.observed_low,
        observed_high=judged.observed_high,
        predicted=judged.predicted,
        n_now=0 if today is None else len(today),
        now=None if today is None else float(today.mean()),
    )


def _bins(customers: pd.DataFrame) -> list[facts.Bin]:
    risk = customers["churn_probability"].to_numpy(dtype=np.float64)
    place = np.minimum((risk * N_BINS).astype(int), N_BINS - 1)
    counted = pd.DataFrame({"place": place, "band": customers["risk_band"].to_numpy()}).value_counts(sort=False)
    sizes = counted.sort_index().reset_index(name="n").to_dict("records")
    return [facts.Bin(row["place"] / N_BINS, (row["place"] + 1) / N_BINS, row["band"], row["n"]) for row in sizes]


def _drivers(importance: pd.DataFrame, config: Config) -> list[facts.Driver]:
    meanings = feature_words(config)
    largest = importance.nlargest(MOST_DRIVERS, "mean_abs_points")
    return [
        facts.Driver(meanings.get(str(name), (str(name), str(name))), float(points))
        for name, points in zip(largest["feature"], largest["mean_abs_points"], strict=True)
        if points > 0
    ]


def _most_at_risk(customers: pd.DataFrame) -> pd.DataFrame:
    """Take the customers who would take most away; by their risk alone where values are not known.

    Nobody is sent by a score to who refused contact, is in the random hold-out, or has left already.
    """
    by = ["at_risk_cny", "churn_probability", "customer_id"]
    named = customers[customers["unnamed"] == ""]
    return named.sort_values(by, ascending=[False, False, True], na_position="last").head(MOST_CUSTOMERS)


def _unnamed(customers: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    counted = customers.loc[customers["unnamed"] != "", "unnamed"].value_counts().sort_index()
    return tuple((str(code), int(n)) for code, n in counted.items())


def _customer(row: Mapping[Any, Any], told: Mapping[str, Told], config: Config) -> facts.Customer:
    says, meanings = told[row["customer_id"]], feature_words(config)
    return facts.Customer(
        customer_id=row["customer_id"],
        branch_id=_text(row.get("branch_id")),
        manager_id=_text(row.get("manager_id")),
        tier=_text(row.get("tier")),
        probability=row["churn_probability"],
        low=says.low,
        high=says.high,
        value_cny=None if np.isnan(row["value_cny"]) else row["value_cny"],
        raises=says.raises or tuple(meanings.get(name, (name, name)) for name in says.features),
        holds=says.holds,
        next_step=_step(says, config),
        binds=says.binding is not None,
        next_effect=says.effect if says.binding else None,
    )


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _step(says: Told, config: Config) -> facts.Text | None:
    if says.binding:
        return service_names(config).get(says.binding, (says.binding, says.binding))
    if says.product:
        product = config.products.get(says.product)
        return (product.en, product.zh) if product else (says.product, says.product)
    return None


def _is_old(day: facts.Day | None, scored_on: dt.date | None) -> bool:
    return day is not None and scored_on is not None and (day.date - scored_on).days > STALE_DAYS


def _cannot(
    customers: pd.DataFrame, explained: Explanation, acts: acting.Acts | None, *, is_seen: bool, is_old: bool
) -> Sequence[str]:
    """Name what the page cannot say."""
    lacking = {
        "flat_plan": acts is None,
        "flat_time": acts is None,
        "seen": is_seen,
        "perhaps_seen": acts is None and not is_seen,
        "old_scores": is_old,
        "values": customers["value_cny"].isna().all(),
        "coverage": "by_coverage" not in customers,
        "bindings": not explained.bindings,
        "effects": bool(explained.bindings) and all(row.verdict == "cannot_tell" for row in explained.bindings),
    }
    return [name for name, lacks in lacking.items() if lacks]
