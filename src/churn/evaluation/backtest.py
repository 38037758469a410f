"""Backtest: every recipe makes a model of what was known at a date, and is judged by what came after it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.data import OnStep, Snapshots, say_nothing
from churn.evaluation.judged import Judged
from churn.evaluation.leaks import Leak, find_leaks
from churn.frame import Snapshot
from churn.model.development import develop
from churn.model.recipe import Recipe, prepare
from churn.model.split import N_JUDGED, outcomes

OnLeak = Callable[[Leak], None]


class Backtest(NamedTuple):
    """What recipes made of the judged snapshots.

    Attributes
    ----------
    recipes
        By the name each is reported under.
    judged
        Outcomes and probabilities.
    seconds
        Spent on each recipe, by its name.
    leaks
        Features that know too much, by what the last judged snapshot shows.
    """

    recipes: Mapping[str, Recipe]
    judged: Judged
    seconds: Mapping[str, float]
    leaks: Sequence[Leak] = ()


def backtest(
    snapshots: Snapshots,
    recipes: Mapping[str, Recipe],
    *,
    n_judged: int = N_JUDGED,
    seed: int = 0,
    on_step: OnStep = say_nothing,
    on_leak: OnLeak = lambda _: None,
) -> Backtest:
    """Judge recipes on the last snapshots, each by models of outcomes that were complete at its date.

    At a judged snapshot T a recipe learns from the snapshots S with S + horizon_days + embargo_days <= T, chooses
    rounds and calibration on them, and predicts T. No model sees anything of T or of what was not yet known at T; only
    parameters that were tuned on T (`Recipe.tuned_on`) were chosen by it. A flat file, which has no time, is judged by
    the same stratified folds for all, with calibration cross-fitted.

    Parameters
    ----------
    snapshots
        Their configuration names the services where a recipe is monotone.
    recipes
        By the name under which each is reported.
    n_judged
        Snapshots to judge at most, the latest.
    seed
        Of the folds, where folds judge.
    on_step
        Told what begins next.
    on_leak
        Told, before anything is fitted, of each feature that knows too much.

    Raises
    ------
    TimeRangeError
        Among dated snapshots one without a date, two of one date, or none that lies a horizon after another.
    DataError, ModelError, ConfigError
        As for `churn.training.train`.
    """
    judging = snapshots.judging
    ordered = judging.order(snapshots.dated)
    splits = judging.rolling(ordered, n_judged, seed)
    on_step("looking for features that know too much")
    leaks = find_leaks(splits[-1].development, splits[-1].unseen, snapshots.catalogue)
    for leak in leaks:
        on_leak(leak)
    predicted, seconds = {}, {}
    for name, recipe in recipes.items():
        begun = time.perf_counter()
        kept, prepared, _ = prepare(ordered, recipe, snapshots.catalogue)
        parts = []
        for split in judging.rolling(kept, n_judged, seed):
            on_step(f"{name}: {split.held_out.as_of}" if split.held_out.as_of else name)
            parts.append(develop(split, prepared).probability)
        predicted[name] = np.concatenate(parts)
        seconds[name] = time.perf_counter() - begun
    return Backtest(dict(recipes), _judged([split.held_out for split in splits], predicted), seconds, leaks)


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
