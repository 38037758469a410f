"""Parameters of LightGBM that suit the data, looked for in trials that are kept, and whether they gained anything."""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from churn import data, files, threads
from churn.api.learning import warn_of_leak
from churn.evaluation import backtest, leaks
from churn.model.recipe import Recipe
from churn.tracking.place import studies_path
from churn.tuning.search import search
from churn.tuning.study import SPACE, open_study, read_trials
from churn.tuning.verdict import Tuned, conclude


class Study(NamedTuple):
    """Where trials are kept.

    Attributes
    ----------
    name
        Of the study, in the file.
    database
        SQLite file.
    facts
        What the losses of trials depend on; of long ones a digest.
    """

    name: str
    database: Path
    facts: Mapping[str, str]


def place_study(snapshots: data.Snapshots, name: str | None = None, *, seed: int = 0) -> Study:
    """Say where trials of these snapshots are kept: in mlruns/ below here, or beside MLflow's own database.

    Parameters
    ----------
    snapshots
        To be tuned on.
    name
        By default it follows from data and settings, so that the same call goes on with the same study.
    seed
        Of the search.
    """
    facts = _facts(snapshots, seed)
    return Study(name or f"tune-{_digest(facts)[:10]}", studies_path(), facts)


def tune(
    snapshots: data.Snapshots,
    *,
    trials: int = 30,
    minutes: float | None = None,
    study: Study | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: data.OnStep = data.say_nothing,
    on_leak: backtest.OnLeak = warn_of_leak,
) -> Tuned:
    """Look for parameters of LightGBM that suit snapshots, and say whether they gained anything.

    Parameters are judged by the mean log loss over earlier snapshots, each by a model of what was known at its date.
    The latest snapshot takes no part: in the end it judges the best parameters against the defaults. Of a flat file
    five folds of the rows judge, and a fifth of them is kept apart. `churn.tuning.search.search` has the method.

    Parameters
    ----------
    snapshots
        Of `build_snapshots`; of a bank some more than the eight it gives by default are useful.
    trials
        In the study, with those of earlier calls; at least 1.
    minutes
        After which no trial begins.
    study
        Of `place_study`, which is the default.
    seed
        Same seed and snapshots, same trials, however often the search was stopped.
    n_threads, on_step, on_leak
        As for `train`.

    Raises
    ------
    TimeRangeError, DataError
        There is too little history, or too few rows or outcomes.
    TrackingError
        The study's file cannot be used, or the study was begun with other facts.
    """
    apart = snapshots.judging.keep_apart(snapshots.dated, seed)
    last = apart.splits[-1]
    for leak in leaks.find_leaks(last.development, last.unseen, snapshots.catalogue):
        on_leak(leak)
    kept, recipe = study or place_study(snapshots, seed=seed), Recipe(seed=seed)
    facts = {"name": kept.name, "kept_in": str(kept.database), **kept.facts}
    seconds = None if minutes is None else 60 * minutes
    with threads.use_threads(n_threads), open_study(kept.database, kept.name, kept.facts) as opened:
        if there := sum(trial.state != "failed" for trial in read_trials(opened)):
            on_step(f"going on with study {kept.name}, which holds {there} trials")
        search(opened, apart, recipe, n_trials=trials, seconds=seconds, on_step=on_step)
        on_step("judging the best parameters against the defaults, on what no trial saw")
        return conclude(read_trials(opened), apart, recipe, facts)


def _facts(snapshots: data.Snapshots, seed: int) -> dict[str, str]:
    dates = [str(one.as_of) for one in snapshots if one.as_of]
    time = {
        "horizon": f"{snapshots.horizon_days} days",
        "dates": ", ".join(dates),
        "data end": str(snapshots.facts.get("data_end")),
    }
    return {
        "data": _digest([[fact["table"], fact["sha256"]] for fact in snapshots.facts["inputs"]]),
        "configuration": _digest(snapshots.config.model_dump(mode="json")),
        "seed": str(seed),
        "ranges": _digest({name: list(one) for name, one in SPACE.items()}),
        "software": f"churn {version('churn')}, lightgbm {version('lightgbm')}, optuna {version('optuna')}",
        **(time if dates else {}),
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(files.render_json(value).encode()).hexdigest()[:16]
