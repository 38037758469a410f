"""Managers' pages: what they are made of, and the facts of each collected from it, of the bank and of every branch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn.actions.progress.build import progress_table
from churn.config import Config, name_of
from churn.errors import DataError
from churn.evaluation.baselines import restate_baselines
from churn.explanation.bindings import BindingRow, service_names
from churn.features.feature import Feature
from churn.files import new_folder, require_replaceable, write_text
from churn.model.documents import BaselineRow
from churn.model.storage import StoredModel
from churn.report import acting, audience, facts, html
from churn.scores import STALE_DAYS, Scores, Told
from churn.speech import Language, Name, Said
from churn.tables.contract import VIP_TIERS

INDEX = "index.html"
"""The bank's page in a folder of pages."""
_GENERATOR = '<meta name="generator" content="churn">'
"""What every page holds, and a page of somebody's own does not."""
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


@dataclass(frozen=True, kw_only=True)
class Pages:
    """What managers' pages of one day are made of; the bank's page and every branch's come from the same.

    Attributes
    ----------
    customers
        Of `bank_audience` or `flat_audience`, everybody.
    scores
        Those they have.
    model
        That made the scores.
    explanation
        What it makes of features and services.
    config, catalogue
        The settings of the data, and what their features mean.
    acts
        Plan, lists and progress; None for a flat file.
    is_seen
        Whether the model learned from these very customers at this very date.
    """

    customers: pd.DataFrame
    scores: Scores
    model: StoredModel
    explanation: Explanation
    config: Config
    catalogue: tuple[Feature, ...]
    acts: acting.Acts | None
    is_seen: bool = False

    @property
    def branches(self) -> list[str]:
        """Branches of today's customers, sorted; none for a flat file."""
        return sorted(self.customers["branch_id"].dropna().unique()) if "branch_id" in self.customers else []

    @property
    def measures(self) -> pd.DataFrame | None:
        """Every measure of the bank, its branches and managers, as `progress_table` has them; None for a flat file."""
        return None if self.acts is None else progress_table(self.acts.progress)

    def facts(self, branch_id: str | None = None) -> facts.PageFacts:
        """Collect what the page of the bank says, or that of one branch.

        Parameters
        ----------
        branch_id
            Keeps the customers, managers and lists of one branch. What the model was judged on, what it makes of
            features, and the effects of bindings stay the bank's: one branch has too few customers to tell them.

        Raises
        ------
        DataError
            Nobody is a customer of that branch today.
        """
        require_customers(self.customers, self.scores.where, branch_id)
        return _collect(self, branch_id)

    def html(self, language: Language = "en", branch_id: str | None = None) -> str:
        """Render the page of the bank, or of one branch, as HTML that loads nothing; errors as for `facts`."""
        return html.render_page(self.facts(branch_id), language)

    def write(self, folder: Path | str, language: Language = "en") -> None:
        """Write the bank's page and one for each branch into a folder, whole or not at all.

        Ids may be any text, so that files are numbered: `branch-01.html` is of the first of `branches`.

        Raises
        ------
        OutputError
            As for `require_pages_place`.
        """
        digits = len(str(len(self.branches)))
        names = {f"branch-{number:0{digits}}.html": one for number, one in enumerate(self.branches, start=1)}
        earlier = _earlier_pages(Path(folder))
        with new_folder(Path(folder), mark=INDEX, names=earlier, is_ours=_is_page) as new:
            for name, branch_id in {INDEX: None, **names}.items():
                write_text(new / name, self.html(language, branch_id))


def require_pages_place(folder: Path) -> None:
    """Refuse, before any work, a folder that holds anything but earlier pages.

    Raises
    ------
    OutputError
        `folder` holds other files, or is none.
    """
    require_replaceable(folder, mark=INDEX, names=_earlier_pages(folder), is_ours=_is_page)


def _earlier_pages(folder: Path) -> list[str]:
    """List the files of branches that an earlier run wrote there, by name and by what is in them."""
    found = [path for path in folder.glob("branch-*.html") if re.fullmatch(r"branch-[0-9]+\.html", path.name)]
    return [path.name for path in found if _is_page(path.read_text(encoding="utf-8", errors="replace"))]


def _is_page(text: str) -> bool:
    return _GENERATOR in text


def require_customers(customers: pd.DataFrame, where: str, branch_id: str | None = None) -> None:
    """Refuse scores of nobody, and a branch of nobody.

    Raises
    ------
    DataError
        No customer has a score, or none of that branch has.
    """
    if customers.empty:
        raise DataError(f"{where}: nobody in it is a customer of these data; score these data")
    if branch_id is None:
        return
    if "branch_id" not in customers:
        raise DataError("--branch: a flat file names no branch; leave --branch out")
    branches = customers["branch_id"]
    if not (branches == branch_id).any():
        raise DataError(
            f"--branch: nobody scored is a customer of that branch; there are {branches.nunique():,} branches,"
            " check the id in customers.branch_id"
        )


def _collect(pages: Pages, branch_id: str | None) -> facts.PageFacts:
    everybody, config, acts, found = pages.customers, pages.config, pages.acts, pages.explanation
    all_mine = everybody if branch_id is None else everybody[everybody["branch_id"] == branch_id]
    mine = all_mine[all_mine["unnamed"] != "gone"]
    named = _most_at_risk(mine)
    told = pages.scores.told(named["customer_id"].tolist())
    day = None if acts is None else acting.summarise_day(acts.plan, branch_id)
    meanings = {feature.name: feature.meaning for feature in pages.catalogue if feature.family}
    return facts.PageFacts(
        about=_about(pages, mine, day, branch_id),
        headlines=tuple(_headlines(mine)),
        baselines=_baselines(pages, mine),
        bins=tuple(_bins(mine)),
        segmentations=audience.summarise_groups(mine, branch_id),
        drivers=tuple(_drivers(found.importance, meanings)),
        bindings=found.bindings,
        binding_names=dict(service_names(config)),
        customers=tuple(_customer(row, told[row["customer_id"]], meanings, config) for row in named.to_dict("records")),
        unnamed=_unnamed(all_mine),
        day=day,
        lists=() if acts is None else acting.summarise_lists(acts.lists, branch_id),
        working=None if acts is None else acting.summarise_working(acts.progress, branch_id),
        cannot=tuple(_cannot(pages, day)),
    )


def _about(pages: Pages, customers: pd.DataFrame, day: facts.Day | None, branch_id: str | None) -> facts.About:
    manifest, auc, scored_on = pages.model.manifest, pages.model.metrics.roc_auc, pages.scores.as_of
    return facts.About(
        branch_id=branch_id,
        date=day.date if day else scored_on,
        scored_on=scored_on,
        horizon_days=manifest.horizon_days,
        model_id=manifest.model_id,
        held_out=manifest.as_of,
        is_out_of_time=manifest.out_of_time,
        roc_auc=(auc.value, auc.low, auc.high) if auc.value is not None else None,
        n_scored=len(customers),
        is_flat=pages.acts is None,
    )


def _headlines(customers: pd.DataFrame) -> list[facts.Headline]:
    risk = customers["churn_probability"]
    found = [
        facts.Headline("customers", len(customers), "number"),
        facts.Headline("expected_leavers", float(risk.sum()), "number"),
        facts.Headline("high_risk", int((customers["risk_band"] == "high").sum()), "number"),
    ]
    if customers["at_risk_cny"].notna().any():
        found.append(facts.Headline("at_risk_cny", float(customers["at_risk_cny"].sum()), "yuan"))
    if customers["product_coverage"].notna().any():
        found.append(facts.Headline("product_coverage", float(customers["product_coverage"].mean()), "mean"))
    if "tier" in customers:
        vips = customers["tier"].isin(VIP_TIERS)
        found.append(facts.Headline("vips_at_risk", int((vips & (customers["risk_band"] == "high")).sum()), "number"))
    return found


def _baselines(pages: Pages, customers: pd.DataFrame) -> tuple[facts.Bucket, ...]:
    """Put beside what was seen where the model was judged what is predicted today; nothing where nobody is in it.

    Risks that the model has seen the outcome of are not predictions.
    """
    if "by_coverage" not in customers:
        return ()
    model, stated = pages.model, pages.config.baselines.stated
    judged = restate_baselines(model.baselines, stated=stated, horizon_days=model.manifest.horizon_days)
    known = customers.iloc[:0] if pages.is_seen else customers
    today = {str(name): part["churn_probability"] for name, part in known.groupby("by_coverage")}
    return tuple(_bucket(bucket, today.get(str(bucket.product_coverage))) for bucket in judged)


def _bucket(judged: BaselineRow, today: "pd.Series[float] | None") -> facts.Bucket:
    known = {
        name: getattr(judged, name)
        for name in ("n", "stated", "observed", "observed_low", "observed_high", "predicted")
    }
    n_now, now = (0, None) if today is None else (len(today), float(today.mean()))
    return facts.Bucket(coverage=str(judged.product_coverage), **known, n_now=n_now, now=now)


def _bins(customers: pd.DataFrame) -> list[facts.Bin]:
    risk = customers["churn_probability"].to_numpy(dtype=np.float64)
    place = np.minimum((risk * N_BINS).astype(int), N_BINS - 1)
    counted = pd.DataFrame({"place": place, "band": customers["risk_band"].to_numpy()}).value_counts(sort=False)
    sizes = counted.sort_index().reset_index(name="n").to_dict("records")
    return [facts.Bin(row["place"] / N_BINS, (row["place"] + 1) / N_BINS, row["band"], row["n"]) for row in sizes]


def _drivers(importance: pd.DataFrame, meanings: Mapping[str, Said]) -> list[facts.Driver]:
    largest = importance.nlargest(MOST_DRIVERS, "mean_abs_points")
    return [
        facts.Driver(meanings.get(str(name), Name(str(name), str(name))), float(points))
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


def _customer(row: Mapping[Any, Any], says: Told, meanings: Mapping[str, Said], config: Config) -> facts.Customer:
    return facts.Customer(
        customer_id=row["customer_id"],
        branch_id=_text(row.get("branch_id")),
        manager_id=_text(row.get("manager_id")),
        tier=_text(row.get("tier")),
        probability=row["churn_probability"],
        low=says.low,
        high=says.high,
        value_cny=None if np.isnan(row["value_cny"]) else row["value_cny"],
        raises=says.raises or tuple(meanings.get(name, Name(name, name)) for name in says.features),
        holds=says.holds,
        next_step=_step(says, config),
        binds=says.binding is not None,
        next_effect=says.effect if says.binding else None,
    )


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _step(says: Told, config: Config) -> Name | None:
    if says.binding:
        return service_names(config).get(says.binding, Name(says.binding, says.binding))
    return name_of(says.product, config.products) if says.product else None


def _cannot(pages: Pages, day: facts.Day | None) -> Sequence[str]:
    """Name what the page cannot say."""
    is_flat, customers, explained = pages.acts is None, pages.customers, pages.explanation
    scored_on = pages.scores.as_of
    lacking = {
        "flat_plan": is_flat,
        "flat_time": is_flat,
        "seen": pages.is_seen,
        "perhaps_seen": is_flat and not pages.is_seen,
        "old_scores": bool(day and scored_on and (day.date - scored_on).days > STALE_DAYS),
        "values": customers["value_cny"].isna().all(),
        "coverage": "by_coverage" not in customers,
        "bindings": not explained.bindings,
        "effects": bool(explained.bindings) and all(row.verdict == "cannot_tell" for row in explained.bindings),
    }
    return [name for name, lacks in lacking.items() if lacks]
