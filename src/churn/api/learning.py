"""Models made of labelled snapshots, and held against each other."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from churn import data, threads, training
from churn.api import baselines
from churn.evaluation import backtest as backtests
from churn.evaluation import leaks
from churn.evaluation.backtest import Backtest, OnLeak
from churn.evidence import Evidence
from churn.explanation.effects import estimate_effects
from churn.explanation.next_best import build_advice
from churn.model import documents, split, storage
from churn.model.recipe import Recipe, leave_out, parse_recipe

_log = logging.getLogger(__name__)


def warn_of_leak(leak: leaks.Leak) -> None:
    """Log a feature that knows too much."""
    _log.warning("%s", leak.sentence)


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
            stored = replace(stored, effects=_advice(snapshots, snapshots.evidence, chosen.seed))
        return stored if anchor is None else baselines.anchor(stored, anchor, snapshots[-1].as_of)


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


def _advice(snapshots: data.Snapshots, evidence: Evidence, seed: int) -> documents.Effects:
    """Say what may be claimed of binding each service, from the latest outcomes and all offers."""
    settings = snapshots.config.effects
    effects = estimate_effects(evidence, snapshots.catalogue, settings, seed=seed)
    return documents.Effects(as_of=snapshots[-1].as_of, services=build_advice(effects, settings))
