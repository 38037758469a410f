"""Pages for managers, made of open data, a model and its scores."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churn import csv_files, errors, threads, timeline
from churn.actions.lists.build import build_lists
from churn.actions.managers import choose_day
from churn.actions.plan.build import build_plan
from churn.actions.progress.build import build_progress
from churn.actions.today import Today, read_today
from churn.api import explaining
from churn.api.explaining import ABOUT, MARK
from churn.data import Data, OnStep, open_file, say_nothing
from churn.explanation.bindings import unflatten
from churn.explanation.effects import ServiceEffect
from churn.model.storage import StoredModel
from churn.report import acting, audience
from churn.report.pages import Explanation, Pages, require_customers
from churn.scores import Scores, as_scores


def page(
    data: Data,
    model: StoredModel,
    scores: Scores | pd.DataFrame | str | Path,
    explained: Explanation | str | Path | None = None,
    *,
    date: timeline.Date | None = None,
    branch_id: str | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
) -> Pages:
    """Gather what pages for managers say: customers at risk, why, today's plan, and whether it works.

    Parameters
    ----------
    data
        Open. Rows of a flat file without an outcome are on the page where it was opened with `labels="unread"`; who has
        left is told by its label all the same.
    model
        That made the scores.
    scores
        Of `score`, or a score file; best explained.
    explained
        Folder of `churn explain`, of this model and the date of the scores; found out again when None, which takes
        longest.
    date
        The day to plan; the scores' date, or the next working day, when None. A flat file has none.
    branch_id
        A branch that is asked for later; that nobody is a customer of it is said before the long work.
    seed
        Of effects that are found out again: same seed, same page.
    n_threads
        All cores when None; no result depends on it.
    on_step
        Told what begins next.

    Returns
    -------
    Pages
        `html(language, branch_id)` renders one, `write(folder)` all; `facts(branch_id)` gives what one says.

    Raises
    ------
    DataError, ConfigError
        The model is not of such data; scores or folder are of another model or date or cannot be read; nobody in the
        scores is a customer of these data, or of that branch.
    TimeRangeError
        A date for a flat file, or one before the scores, on no working day, or too far after the data end.
    """
    known = as_scores(scores)
    data.require_model(model, known.as_of)
    day = _choose_day(data, date, known)
    _require_same_model(known.model_id, model, f"{known.where}: was scored by")
    found = read_explanation(Path(explained), model, known.as_of) if isinstance(explained, (str, Path)) else explained
    with threads.use_threads(n_threads), _with_outcomes(data, model) as outcomes:
        on_step(f"reading customers as of {day}" if day else "reading customers")
        today = read_today(data, known, day, data.config) if day else None
        customers = _customers(data, outcomes, today, known, model)
        require_customers(customers, known.where, branch_id)
        return Pages(
            customers=customers,
            scores=known,
            model=model,
            explanation=found or _explain(data, outcomes, model, known.as_of, seed, on_step),
            config=data.config,
            catalogue=data.catalogue,
            acts=_act(today, model, on_step) if today else None,
            is_seen=_is_seen(data, model, known.as_of),
        )


def _choose_day(data: Data, date: timeline.Date | None, scores: Scores) -> dt.date | None:
    asked = None if date is None else timeline.as_date(date)
    if data.is_dated:
        return choose_day(asked, scores.as_of, data.config.plan)
    if asked is not None:
        raise errors.TimeRangeError("--date: a flat file has no time; leave --date out")
    return None


@contextmanager
def _with_outcomes(data: Data, model: StoredModel) -> Iterator[Data]:
    """Give data that tell who left: of a file whose label was not read, the same file, opened again."""
    if data.is_dated or data.has_outcomes:
        yield data
        return
    with open_file(data.paths[0], data.config, model=model, labels="if there") as outcomes:
        if outcomes.file_facts() != data.file_facts():
            raise errors.DataError(f"{data.paths[0]}: was replaced while the page was made; try again")
        yield outcomes


def _customers(data: Data, outcomes: Data, today: Today | None, scores: Scores, model: StoredModel) -> pd.DataFrame:
    thresholds, settings = model.manifest.thresholds, data.config.plan
    if today is not None:
        return audience.bank_audience(today, thresholds)
    return audience.flat_audience(data.partitions(None), scores.frame, thresholds, settings, _gone(outcomes))


def _act(today: Today, model: StoredModel, on_step: OnStep) -> acting.Acts:
    on_step(f"planning {today.date}")
    plan = build_plan(today)
    on_step("making the lists")
    lists = build_lists(today)
    on_step("measuring whether it works")
    progress = build_progress(today, horizon_days=model.manifest.horizon_days)
    return acting.Acts(plan, lists, progress)


def _explain(
    data: Data, outcomes: Data, model: StoredModel, as_of: dt.date | None, seed: int, on_step: OnStep
) -> Explanation:
    """Find what a model makes of features and services, as `churn explain` does.

    Without bindings, or without an outcome to see their effects by, no service is judged.
    """
    effects: list[ServiceEffect] = []
    if outcomes.has_bindings and outcomes.has_outcomes:
        try:
            effects, _ = explaining.estimate_data_effects(outcomes, model, as_of, seed=seed, on_step=on_step)
        except errors.TimeRangeError:
            on_step("no outcome is complete, so that no effect of a binding can be shown")
    on_step("explaining every customer")
    rows, importance = explaining.survey_data(data, data.partitions(as_of), model, effects)
    return Explanation(bindings=tuple(rows), importance=importance)


def read_explanation(folder: Path, model: StoredModel, as_of: dt.date | None) -> Explanation:
    """Read what `churn explain` wrote of a model at a date.

    Raises
    ------
    DataError
        The folder is not one of these, or is of another model or date.
    """
    refusal = f"{folder}: is not what churn explain wrote; give such a folder, or leave it out"
    try:
        found = _read_json(folder / MARK)
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # half a character can stand in JSON, and in no page
        rows = tuple(unflatten(row) for row in found)
        importance = _read_importance(folder / "importance.csv")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise errors.DataError(refusal) from error
    if not isinstance(found, list):
        raise errors.DataError(refusal)
    about = _read_about(folder, refusal)
    _require_same_model(about.get("model_id"), model, f"{folder}: explains")
    theirs, ours = about.get("as_of"), as_of.isoformat() if as_of else None
    if "as_of" in about and theirs != ours:
        raise errors.DataError(f"{folder}: explains {theirs}, and the scores are of {ours}; explain that date")
    return Explanation(bindings=rows, importance=importance)


def _gone(outcomes: Data) -> list[str]:
    """List the customers of whom a file's label says that they have left."""
    if not outcomes.has_outcomes:
        return []
    found = outcomes.labelled(None, 0)
    return [str(name) for name in found.customer_id[found.churned == 1]]


def _is_seen(data: Data, model: StoredModel, scored_on: dt.date | None) -> bool:
    manifest = model.manifest
    same_files = {file.sha256 for file in manifest.inputs} == {file["sha256"] for file in data.file_facts()}
    return same_files and (scored_on is None or scored_on in manifest.snapshots)


def _require_same_model(theirs: str | None, model: StoredModel, what: str) -> None:
    """Refuse what is of another model, where that is known."""
    ours = model.manifest.model_id
    if theirs is not None and theirs != ours:
        raise errors.DataError(
            f"{what} another model ({theirs}) than the one given ({ours}); give that one, or do it again"
        )


def _read_importance(path: Path) -> pd.DataFrame:
    # A feature may be called NA, which pandas would take for a missing value.
    kinds: dict[str, Any] = {"feature": "str", "mean_abs_points": "float64"}
    found = pd.read_csv(path, encoding="utf-8-sig", usecols=list(kinds), dtype=kinds, keep_default_na=False)
    if not np.isfinite(found["mean_abs_points"]).all():
        raise ValueError("not an importance")
    return found.assign(feature=found["feature"].map(csv_files.unguard_text))


def _read_about(folder: Path, refusal: str) -> dict[str, Any]:
    """Read whom an explanation is of; nothing of one that was written before this was kept."""
    try:
        found = _read_json(folder / ABOUT)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise errors.DataError(refusal) from error
    if not isinstance(found, dict) or not isinstance(found.get("model_id"), str):
        raise errors.DataError(refusal)
    return found


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
