"""What managers do with scores, for Python."""

import datetime as dt
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from churn.actions import sheets
from churn.actions.lists.build import ALL_LISTS, Lists, build_lists, describe_lists
from churn.actions.lists.writing import write_lists
from churn.actions.managers import choose_day
from churn.actions.plan.build import DayPlan, build_plan
from churn.actions.plan.writing import summarise, write_json_plan, write_workbook
from churn.actions.progress.build import Progress, build_progress
from churn.actions.today import Today, read_today
from churn.data import Data, OnStep, say_nothing
from churn.files import new_folder, require_apart, require_replaceable
from churn.scores import Scores, as_scores
from churn.timeline import YEAR_DAYS, Date, as_date

MARK = "plan.json"
FILES = (
    "plan.csv",
    "plan.xlsx",
    "assignments.csv",
    "lists/lists.xlsx",
    *(f"lists/{one.name}.csv" for one in ALL_LISTS),
)


def require_plan_place(folder: Path) -> None:
    """Refuse, before any work, a folder that holds anything but an earlier plan.

    Raises
    ------
    OutputError
        `folder` holds other files, or is none.
    """
    require_replaceable(folder, mark=MARK, names=FILES, is_ours=_is_plan)


def _is_plan(text: str) -> bool:
    return '"lists_settings"' in text


class PlannedDay(NamedTuple):
    """A day's plan and lists, and the scores they were made of."""

    plan: DayPlan
    lists: Lists
    scores: Scores


def plan_day(data: Data, scores: Scores | pd.DataFrame | Path | str, date: Date | None = None) -> DayPlan:
    """Plan a day of all managers: `rows` has the meetings and calls, one a row (docs/plan.md).

    Parameters
    ----------
    data
        A bank's tables, open; their configuration says what a day holds and who may be contacted.
    scores
        Of `churn.score`, best with `explain`: without it no next binding is known. Or a file of them.
    date
        The day; by default the first working day on or after the scores' date.

    Raises
    ------
    DataError
        The scores cannot be used, or it is a flat file.
    TimeRangeError
        The date lies too far after the data end or before the scores, nobody works on it, or nobody is a customer at
        it.
    """
    return build_plan(_read(data, scores, date))


def lists(data: Data, scores: Scores | pd.DataFrame | Path | str | None, date: Date | None = None) -> Lists:
    """List whom to look after: a DataFrame for each list in `frames` (docs/plan.md).

    Parameters
    ----------
    data
        A bank's tables, open; their configuration sets the thresholds.
    scores
        As for `plan_day`; None where there are none, which the lists then say.
    date
        As for `plan_day`; needed without scores.

    Raises
    ------
    DataError, TimeRangeError
        As for `plan_day`.
    """
    return build_lists(_read(data, scores, date))


def progress(
    data: Data,
    scores: Scores | pd.DataFrame | Path | str | None,
    date: Date | None = None,
    *,
    horizon_days: int = YEAR_DAYS,
) -> Progress:
    """Measure whether the practice is kept up and whether it works (docs/progress.md).

    Parameters
    ----------
    data
        A bank's tables, open.
    scores
        As for `plan_day`; None where there are none: then churn is not predicted.
    date
        As for `plan_day`; needed without scores. Only what happened strictly before it counts.
    horizon_days
        In which customers are seen to leave, and over which products and bindings change.

    Raises
    ------
    DataError, TimeRangeError
        As for `plan_day`; or the horizon is shorter than one day.
    """
    return build_progress(_read(data, scores, date), horizon_days=horizon_days)


def write_plan(
    folder: Path | str,
    data: Data,
    scores: Scores | Path | str,
    date: Date | None = None,
    *,
    shown: sheets.Shown = "both",
    on_step: OnStep = say_nothing,
) -> PlannedDay:
    """Plan a day and list whom to look after, in a folder that appears whole or not at all.

    Parameters
    ----------
    folder
        May hold an earlier plan, which is replaced.
    data, date
        As for `plan_day`.
    scores
        A score file, or what `read_scores` read of one.
    shown
        Languages of the workbooks; the other files have both.
    on_step
        Told what begins next.

    Raises
    ------
    DataError, TimeRangeError
        As for `plan_day`.
    OutputError
        The folder holds something else, or lies in the data.
    """
    folder, known = Path(folder), as_scores(scores)
    require_plan_place(folder)
    require_apart([folder], [*data.paths, Path(known.where)])
    day = _choose(data, known, date)
    on_step(f"reading customers as of {day}")
    today = read_today(data, known, day, data.config)
    on_step(f"planning {day}")
    plan = build_plan(today)
    on_step("making the lists")
    made = PlannedDay(plan, build_lists(today), known)
    on_step("writing")
    _write(folder, made, _about(made, data), data, shown)
    return made


def _about(made: PlannedDay, data: Data) -> dict[str, Any]:
    seal, as_of = made.scores.seal, made.scores.as_of
    file = {
        "file": Path(made.scores.where).name,
        "sha256": seal and seal.sha256,
        "model_id": made.scores.model_id,
        "as_of": as_of.isoformat() if as_of else None,
    }
    return {
        **summarise(made.plan),
        "lists": describe_lists(made.lists),
        "scores": file,
        "settings": data.config.plan.model_dump(mode="json"),
        "lists_settings": data.config.lists.model_dump(mode="json"),
        **data.input_facts(),
    }


def _write(folder: Path, made: PlannedDay, about: dict[str, Any], data: Data, shown: sheets.Shown) -> None:
    with new_folder(folder, mark=MARK, names=FILES, is_ours=_is_plan) as new:
        sheets.write_csv(new / "plan.csv", made.plan.rows)
        sheets.write_csv(new / "assignments.csv", made.plan.assignments)
        write_workbook(new / "plan.xlsx", made.plan, data.config.plan, shown=shown)
        (new / "lists").mkdir()
        for name, rows in made.lists.frames.items():
            sheets.write_csv(new / "lists" / f"{name}.csv", rows)
        write_lists(new / "lists" / "lists.xlsx", made.lists, made.plan.date, data.config, shown=shown)
        write_json_plan(new / MARK, made.plan, about)


def _read(data: Data, scores: Scores | pd.DataFrame | Path | str | None, date: Date | None) -> Today:
    known = None if scores is None else as_scores(scores)
    return read_today(data, known, _choose(data, known, date), data.config)


def _choose(data: Data, scores: Scores | None, date: Date | None) -> dt.date:
    asked = None if date is None else as_date(date)
    return choose_day(asked, scores.as_of if scores else None, data.config.plan)
