"""Backtest: every recipe makes a model of what was known at a date, and is judged by what came after it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config
from churn.evaluation.judged import Judged
from churn.evaluation.leaks import Leak, find_leaks
from churn.features.catalogue import catalogue
from churn.frame import Snapshot
from churn.model.development import develop, fit_folds
from churn.model.folds import stratified_folds
from churn.model.recipe import Recipe, prepare
from churn.model.split import Split, in_order, outcomes, rolling_splits, stack

N_JUDGED = 4
FLAT_FOLDS = 5
OnStep = Callable[[str], None]
OnLeak = Callable[[Leak], None]


class Backtest(NamedTuple):
    """What recipes made of the judged snapshots.

    Attributes
    ----------
    judged
        Outcomes and probabilities.
    seconds
        Spent on each recipe, by its name.
    """

    judged: Judged
    seconds: Mapping[str, float]


def backtest(
    snapshots: Sequence[Snapshot],
    recipes: Mapping[str, Recipe],
    *,
    horizon_days: int,
    config: Config,
    n_judged: int = N_JUDGED,
    n_threads: int = 0,
    on_step: OnStep = lambda _: None,
    on_leak: OnLeak = lambda _: None,
) -> Backtest:
    """Judge recipes on the last snapshots, each by models of outcomes that were complete at its date.

    At a judged snapshot T a recipe learns from the snapshots S with S + horizon_days + embargo_days <= T, chooses
    rounds and calibration on them, and predicts T. No model sees anything of T or of what was not yet known at T; only
    parameters that were tuned on T (`Recipe.tuned_on`) were chosen by it.

    Parameters
    ----------
    snapshots
        With outcomes, each date once, in any order.
    recipes
        By the name under which each is reported.
    horizon_days
        Days after the as-of date within which leaving counts.
    config
        Its embargo is used, and its services where a recipe is monotone.
    n_judged
        Snapshots to judge at most, the latest.
    n_threads
        At most; 0 takes what the machine has. No result depends on it.
    on_step
        Told what begins next.
    on_leak
        Told, before anything is fitted, of each feature that knows too much by what the last judged snapshot shows.

    Raises
    ------
    TimeRangeError
        A snapshot without a date, two of one date, or none that lies a horizon after another.
    DataError, ModelError, ConfigError
        As for `churn.training.train_on_snapshots`.
    """
    ordered = in_order(snapshots)
    days_apart = horizon_days + config.training.embargo_days
    splits = rolling_splits(ordered, days_apart, n_judged)
    held_out = [split.held_out for split in splits]
    on_step("looking for features that know too much")
    for leak in find_leaks(splits[-1].development, held_out[-1], catalogue(config)):
        on_leak(leak)
    predicted, seconds = {}, {}
    for name, recipe in recipes.items():
        begun = time.perf_counter()
        kept, prepared, _ = prepare(ordered, recipe, config)
        parts = []
        for split in rolling_splits(kept, days_apart, n_judged):
            on_step(f"{name}: {split.held_out.as_of}")
            parts.append(_predict(split, prepared, n_threads))
        predicted[name] = np.concatenate(parts)
        seconds[name] = time.perf_counter() - begun
    return Backtest(_judged(held_out, predicted), seconds)


def backtest_flat(
    snapshot: Snapshot,
    recipes: Mapping[str, Recipe],
    *,
    config: Config,
    seed: int = 0,
    n_threads: int = 0,
    on_step: OnStep = lambda _: None,
    on_leak: OnLeak = lambda _: None,
) -> Backtest:
    """Judge recipes on a flat file, which has no time, by the same five stratified folds; calibration is cross-fitted.

    Parameters
    ----------
    snapshot
        With outcomes; its date is not used.
    seed
        Of the folds.
    recipes, config, n_threads, on_step, on_leak
        As for `backtest`.

    Raises
    ------
    DataError, ModelError, ConfigError
        As for `churn.training.train_flat`.
    """
    folds = stratified_folds(outcomes(snapshot), FLAT_FOLDS, seed)
    on_step("looking for features that know too much")
    for leak in find_leaks(stack([snapshot])):
        on_leak(leak)
    predicted, seconds = {}, {}
    for name, recipe in recipes.items():
        on_step(name)
        begun = time.perf_counter()
        [kept], prepared, _ = prepare([snapshot], recipe, config)
        predicted[name] = fit_folds(stack([kept]), folds, prepared, n_threads).probability
        seconds[name] = time.perf_counter() - begun
    return Backtest(_judged([snapshot], predicted), seconds)


def judge_snapshot(snapshot: Snapshot, predicted: Mapping[str, NDArray[np.float64]]) -> Judged:
    """Put what models predicted of one snapshot beside its outcomes.

    Parameters
    ----------
    snapshot
        With outcomes, n rows.
    predicted
        Probabilities by the model's name, each of shape (n,).
    """
    return _judged([snapshot], dict(predicted))


def _predict(split: Split, recipe: Recipe, n_threads: int) -> NDArray[np.float64]:
    model, _ = develop(split.development, recipe, n_threads)
    return model.predict(split.held_out.features, n_threads=n_threads).probability


def _judged(snapshots: Sequence[Snapshot], predicted: Mapping[str, NDArray[np.float64]]) -> Judged:
    return Judged(
        as_of=np.concatenate(list(_dates(snapshots))),
        customer_id=np.concatenate([snapshot.customer_id for snapshot in snapshots]),
        churned=np.concatenate([outcomes(snapshot) for snapshot in snapshots]),
        predicted=predicted,
        segments=pd.concat([_segments(snapshot) for snapshot in snapshots], ignore_index=True),
    )


def _dates(snapshots: Sequence[Snapshot]) -> Iterator[NDArray[np.datetime64]]:
    for snapshot in snapshots:
        date = np.datetime64("NaT" if snapshot.as_of is None else snapshot.as_of.isoformat(), "D")
        yield np.full(len(snapshot.customer_id), date)


def _segments(snapshot: Snapshot) -> pd.DataFrame:
    if snapshot.segments is None:
        return pd.DataFrame(index=range(len(snapshot.customer_id)))
    return snapshot.segments
