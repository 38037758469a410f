"""Training, backtests, and the search for LightGBM's parameters, for Python."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from churn import data, files, threads, training
from churn.api import answers
from churn.evaluation import backtest as backtests
from churn.evaluation import leaks
from churn.evaluation.backtest import Backtest, OnLeak
from churn.evidence import Evidence
from churn.explanation.effects import estimate_effects
from churn.explanation.next_best import add_shifts, build_advice
from churn.model import documents, split, storage
from churn.model.recipe import Recipe, leave_out, parse_recipe
from churn.speech import say
from churn.tracking import runs
from churn.tracking.place import studies_path
from churn.tuning.search import Tuned, conclude, search
from churn.tuning.study import SPACE, open_study, read_trials

MOST_TUNED = 12
"""Snapshots to tune on: four to judge trials on, of which the last is kept apart, and the eight before them."""
_log = logging.getLogger(__name__)


def warn_of_leak(leak: leaks.Leak) -> None:
    """Log a leak: a feature that knows the outcome, or what came after the as-of date."""
    _log.warning("%s", say(leak.said, "en"))


def train(
    snapshots: data.Snapshots,
    recipe: Recipe | str | None = None,
    *,
    without: Sequence[str] = (),
    with_effects: bool = True,
    anchor: data.Data | None = None,
    n_threads: int | None = None,
    on_step: data.OnStep = data.say_nothing,
    on_leak: OnLeak = warn_of_leak,
) -> storage.StoredModel:
    """Train, calibrate and judge a model, and estimate what binding each service does: what `churn train` writes.

    How rows are held out and chosen by is said at `churn.training.train`.

    Parameters
    ----------
    snapshots
        Of `build_snapshots`.
    recipe
        What grows the model, or its name as `churn train --learner` takes it; LightGBM by default.
    without
        Names of features, and of families of features, to leave out.
    with_effects
        Also estimate what binding each service does, for `score(..., explain=True)` to name the next one by; it takes
        longer than the rest.
    anchor
        Open data, on whose customers at the latest snapshot the model is anchored in the end; see `churn.anchor`.
    n_threads
        All of the machine's by default; no result depends on it.
    on_step
        Told what begins next.
    on_leak
        Told of each feature that knows too much; by default a warning is logged.

    Raises
    ------
    DataError, TimeRangeError, ConfigError, ModelError
        As for `churn.training.train`.
    """
    chosen = parse_recipe(recipe) if isinstance(recipe, str) else recipe or Recipe()
    if anchor is not None:
        _ = anchor.coverage_column  # refused now if not known, and not after the training
    with threads.use_threads(n_threads):
        kept = leave_out(chosen, without, list(map(str, snapshots[0].features)), snapshots.config)
        stored = training.train(snapshots, kept, on_step=on_step, on_leak=on_leak)
        if with_effects and snapshots.evidence is not None:
            on_step("estimating what binding each service does")
            stored = replace(stored, effects=_advice(snapshots, snapshots.evidence, stored, chosen.seed))
        return stored if anchor is None else answers.anchor(stored, anchor, snapshots[-1].as_of)


def backtest(
    snapshots: data.Snapshots,
    recipes: Mapping[str, Recipe] | Sequence[str],
    *,
    n_judged: int = split.N_JUDGED,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: data.OnStep = data.say_nothing,
    on_leak: OnLeak = warn_of_leak,
) -> Backtest:
    """Judge recipes on the last snapshots, each by models of what was known at its date; of a file, by five folds.

    Parameters
    ----------
    snapshots
        Of `build_snapshots`.
    recipes
        By the name each is reported under; or names alone, as `churn compare --candidate` takes them.
    n_judged
        Snapshots to judge at most, the latest.
    seed
        Of recipes given by name, and of a file's folds.
    n_threads, on_step, on_leak
        As for `train`.

    Raises
    ------
    TimeRangeError, DataError, ModelError, ConfigError
        As for `churn.evaluation.backtest.backtest`.
    """
    named = recipes if isinstance(recipes, Mapping) else {name: parse_recipe(name, seed=seed) for name in recipes}
    with threads.use_threads(n_threads):
        return backtests.backtest(snapshots, named, n_judged=n_judged, seed=seed, on_step=on_step, on_leak=on_leak)


def _advice(snapshots: data.Snapshots, evidence: Evidence, stored: storage.StoredModel, seed: int) -> documents.Effects:
    """Say what may be claimed of binding each service, from the latest outcomes and all offers."""
    settings, features = snapshots.config.effects, evidence.snapshot.features
    effects = estimate_effects(evidence, snapshots.catalogue, settings, seed=seed)
    probability = stored.model.predict(features).probability
    advice = add_shifts(build_advice(effects, settings), effects, features, probability, snapshots.catalogue)
    return documents.Effects(as_of=snapshots[-1].as_of, services=advice)


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
    on_leak: OnLeak = warn_of_leak,
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


def write_tuned(path: Path | str, tuned: Tuned) -> None:
    """Write what a search found, for `churn train --parameters`; whole, or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    files.write_json(Path(path), tuned.document())


def log_tuning(tuned: Tuned, snapshots: data.Snapshots, *, on_step: data.OnStep = data.say_nothing) -> str:
    """Log a search as a run of MLflow with a child run per trial; return the run's id.

    Parameters
    ----------
    tuned
        Of `tune`.
    snapshots
        That it was tuned on.
    on_step
        Told what begins next.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    inputs = {name: snapshots.facts[name] for name in ("inputs", "row_counts")}
    return runs.log_study(tuned.document(), inputs, on_step=on_step)


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
