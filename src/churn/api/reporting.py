"""What a page for managers is made of, gathered once; every branch's page comes from the same."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churn import csv_files
from churn.actions.lists.build import build_lists
from churn.actions.plan import build_plan
from churn.actions.progress.build import build_progress
from churn.actions.today import Today, read_today
from churn.api.answers import estimate_data_effects, survey_data
from churn.api.explaining import ABOUT, MARK
from churn.config import Config
from churn.data import Data, OnStep, say_nothing
from churn.errors import DataError, TimeRangeError
from churn.explanation.bindings import unflatten
from churn.explanation.effects.estimates import ServiceEffect
from churn.model.storage import StoredModel
from churn.report.acting import Acts
from churn.report.audience import bank_audience, flat_audience
from churn.report.facts import PageFacts
from churn.report.summary import Explanation, build_summary
from churn.scores import Scores
from churn.scoring import companions


@dataclass(frozen=True)
class Gathered:
    """Everything that pages of one day say.

    Attributes
    ----------
    customers
        Of `bank_audience` or `flat_audience`.
    scores
        Those they have.
    stored
        The model that made them.
    explained
        What it makes of features and services.
    config
        The settings of the data.
    acts
        Plan, lists and progress; None for a flat file.
    is_seen
        Whether the model learned from these very customers at this very date.
    """

    customers: pd.DataFrame
    scores: Scores
    stored: StoredModel
    explained: Explanation
    config: Config
    acts: Acts | None
    is_seen: bool

    @property
    def branches(self) -> list[str]:
        """Branches of today's customers, sorted; none for a flat file."""
        return sorted(self.customers["branch_id"].dropna().unique()) if "branch_id" in self.customers else []


def gather_page(
    data: Data,
    stored: StoredModel,
    scores: Scores,
    explained: Explanation | None = None,
    *,
    outcomes: Data | None = None,
    date: dt.date | None = None,
    branch_id: str | None = None,
    seed: int = 0,
    on_step: OnStep = say_nothing,
) -> Gathered:
    """Gather what pages say, of a bank at a date or of a flat file.

    Parameters
    ----------
    data
        Of `open_data`, held against the model and the date of the scores.
    scores
        Of `read_scores`.
    explained
        What was found before; found now when None, which takes longest.
    outcomes
        A flat file again, opened with its label: who in it has left, and what effects are estimated from. Rows without
        an outcome are not in it.
    date
        The day to plan; needed for a bank.
    branch_id
        A branch that is asked for later; that nobody is a customer of it is said before the long work.

    Raises
    ------
    DataError
        The scores are of another model, nobody in them is a customer of these data, or of that branch.
    """
    _require_same_model(companions(Path(scores.where))[0], stored, f"{scores.where}: was scored by")
    customers, today = _customers(data, outcomes, stored, scores, date, on_step)
    _require_customers(customers, scores.where, branch_id)
    if explained is None:
        explained = explain_data(data, stored, scores.as_of, outcomes=outcomes, seed=seed, on_step=on_step)
    return Gathered(
        customers=customers,
        scores=scores,
        stored=stored,
        explained=explained,
        config=data.config,
        acts=None if today is None else _act(today, stored.manifest.horizon_days, on_step),
        is_seen=_is_seen(data, stored, scores.as_of),
    )


def _customers(
    data: Data,
    outcomes: Data | None,
    stored: StoredModel,
    scores: Scores,
    date: dt.date | None,
    on_step: OnStep,
) -> tuple[pd.DataFrame, Today | None]:
    """Give the customers of a page, and of a bank the day they are read for."""
    thresholds = stored.manifest.thresholds
    if not data.is_dated:
        on_step("reading customers")
        gone = _gone(outcomes)
        snapshots, settings = data.partitions(None), data.config.plan
        return flat_audience(snapshots, scores.frame, thresholds, settings, gone), None
    assert date is not None
    on_step(f"reading customers as of {date}")
    today = read_today(data, scores, date, data.config)
    return bank_audience(today, thresholds), today


def _act(today: Today, horizon_days: int, on_step: OnStep) -> Acts:
    on_step(f"planning {today.date}")
    plan = build_plan(today)
    on_step("listing whom to look after")
    lists = build_lists(today)
    on_step("measuring whether it works")
    progress = build_progress(today, horizon_days=horizon_days)
    return Acts(plan, lists, progress)


def summarise(gathered: Gathered, branch_id: str | None = None) -> PageFacts:
    """Collect what the page of the bank, or of one branch, says.

    Raises
    ------
    DataError
        Nobody is a customer of that branch today.
    """
    _require_customers(gathered.customers, gathered.scores.where, branch_id)
    return build_summary(
        gathered.customers,
        gathered.scores,
        gathered.stored,
        gathered.explained,
        gathered.config,
        acts=gathered.acts,
        is_seen=gathered.is_seen,
        branch_id=branch_id,
    )


def explain_data(
    data: Data,
    stored: StoredModel,
    as_of: dt.date | None,
    *,
    outcomes: Data | None = None,
    seed: int = 0,
    on_step: OnStep = say_nothing,
) -> Explanation:
    """Find what a model makes of features and services, as `churn explain` does; go through its customers once.

    Without bindings, or without an outcome to see their effects by, no service is judged.
    """
    effects: list[ServiceEffect] = []
    judged = outcomes or data
    if judged.has_bindings and judged.has_outcomes:
        try:
            effects, _ = estimate_data_effects(judged, stored, as_of, seed=seed, on_step=on_step)
        except TimeRangeError:
            on_step("no outcome is complete, so that no effect of a binding can be told")
    on_step("explaining every customer")
    rows, importance = survey_data(data, data.partitions(as_of), stored, effects)
    return Explanation(tuple(rows), importance)


def read_explained(folder: Path, stored: StoredModel, as_of: dt.date | None) -> Explanation:
    """Read what `churn explain` wrote of a model at a date.

    Raises
    ------
    DataError
        The folder is none of these, or is of another model or date.
    """
    refusal = f"{folder}: is not what churn explain wrote; give such a folder, or leave it out"
    try:
        found = _read_json(folder / MARK)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # half a character can stand in JSON, and in no page
        rows = tuple(unflatten(row) for row in found)
        importance = pd.read_csv(folder / "importance.csv", encoding="utf-8-sig")[["feature", "mean_abs_points"]]
        importance["feature"] = importance["feature"].map(csv_files.unguard_text)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(refusal) from error
    if not isinstance(found, list):
        raise DataError(refusal)
    _require_same_model(folder / ABOUT, stored, f"{folder}: explains")
    _require_same_date(folder / ABOUT, as_of, folder)
    return Explanation(rows, importance)


def _gone(outcomes: Data | None) -> list[str]:
    """List the customers of whom a file's label says that they have left."""
    if outcomes is None or not outcomes.has_outcomes:
        return []
    found = outcomes.labelled(None, 0)
    return [str(name) for name in found.customer_id[found.churned == 1]]


def _is_seen(data: Data, stored: StoredModel, scored_on: dt.date | None) -> bool:
    manifest = stored.manifest
    same_files = {file.sha256 for file in manifest.inputs} == {file["sha256"] for file in data.file_facts()}
    return same_files and (scored_on is None or scored_on in manifest.snapshots)


def _require_same_model(document: Path, stored: StoredModel, what: str) -> None:
    """Refuse what is of another model, where the document beside it says so."""
    try:
        theirs = _read_json(document)["model_id"]
    except (OSError, ValueError, TypeError, KeyError):
        return
    ours = stored.manifest.model_id
    if theirs != ours:
        raise DataError(f"{what} another model ({theirs}) than the one given ({ours}); give that one, or do it again")


def _require_same_date(document: Path, as_of: dt.date | None, folder: Path) -> None:
    try:
        theirs = _read_json(document)["as_of"]
    except (OSError, ValueError, TypeError, KeyError):
        return
    ours = as_of.isoformat() if as_of else None
    if theirs != ours:
        raise DataError(f"{folder}: explains {theirs}, and the scores are of {ours}; explain that date")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _require_customers(customers: pd.DataFrame, where: str, branch_id: str | None) -> None:
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
