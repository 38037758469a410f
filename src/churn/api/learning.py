"""Models made of labelled snapshots, and held against each other."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from churn.data import OnStep, Snapshots, say_nothing
from churn.evaluation import backtest as backtests
from churn.evaluation.backtest import N_JUDGED, Backtest
from churn.evaluation.leaks import Leak
from churn.evidence import Evidence
from churn.explanation.effects.estimates import estimate_effects
from churn.explanation.next_best import build_advice
from churn.model.documents import Effects
from churn.model.recipe import Recipe, parse_recipe
from churn.model.storage import StoredModel
from churn.threads import use_threads
from churn.training import train_flat, train_on_snapshots

_log = logging.getLogger(__name__)


def train(
    snapshots: Snapshots,
    recipe: Recipe | str | None = None,
    *,
    with_effects: bool = True,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
    on_leak: Callable[[Leak], None] | None = None,
) -> StoredModel:
    """Train, calibrate and judge a model, and estimate what binding each service does: what `churn train` writes.

    How rows are held out and chosen by is said at `churn.training.train_on_snapshots` and `train_flat`.

    Parameters
    ----------
    snapshots
        Of `build_snapshots`.
    recipe
        What grows the model, or its name as `churn train --learner` takes it; LightGBM by default.
    with_effects
        Also estimate what binding each service does, for `score(..., explain=True)` to name the next one by; it takes
        longer than the rest.
    n_threads
        All of the machine's by default; no result depends on it.
    on_step
        Told what begins next.
    on_leak
        Told of each feature that knows too much; by default a warning is logged.

    Raises
    ------
    DataError, TimeRangeError, ConfigError, ModelError
        As for `train_on_snapshots` and `train_flat`.
    """
    chosen = parse_recipe(recipe) if isinstance(recipe, str) else recipe or Recipe()
    common: dict[str, Any] = {
        "config": snapshots.config,
        "horizon_days": snapshots.horizon_days,
        "recipe": chosen,
        "n_threads": n_threads,
        "facts": snapshots.facts,
        "on_step": on_step,
        "on_leak": on_leak or (lambda leak: _log.warning("%s", leak.sentence)),
    }
    is_file = snapshots.config.flat is not None
    stored = train_flat(snapshots[0], **common) if is_file else train_on_snapshots(snapshots.dated, **common)
    if not with_effects or snapshots.evidence is None:
        return stored
    on_step("estimating what binding each service does")
    with use_threads(n_threads):
        return replace(stored, effects=_advice(snapshots, snapshots.evidence, chosen.seed))


def backtest(
    snapshots: Snapshots,
    recipes: Mapping[str, Recipe] | Sequence[str],
    *,
    n_judged: int = N_JUDGED,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
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
    n_threads, on_step
        As for `train`.

    Raises
    ------
    TimeRangeError, DataError, ModelError, ConfigError
        As for `churn.evaluation.backtest.backtest`.
    """
    named = recipes if isinstance(recipes, Mapping) else {name: parse_recipe(name, seed=seed) for name in recipes}
    config, threads = snapshots.config, n_threads or 0
    if config.flat is not None:
        return backtests.backtest_flat(
            snapshots[0], named, config=config, seed=seed, n_threads=threads, on_step=on_step
        )
    return backtests.backtest(
        snapshots.dated, named, horizon_days=snapshots.horizon_days, config=config, n_judged=n_judged,
        n_threads=threads, on_step=on_step,
    )  # fmt: skip


def _advice(snapshots: Snapshots, evidence: Evidence, seed: int) -> Effects:
    """Say what may be claimed of binding each service, from the latest outcomes and all offers."""
    settings = snapshots.config.effects
    effects = estimate_effects(evidence, snapshots.catalogue, settings, seed=seed)
    return Effects(as_of=snapshots[-1].as_of, services=build_advice(effects, settings))
