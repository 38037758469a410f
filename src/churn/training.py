"""The composition: snapshots -> a fitted, calibrated, judged model, ready to be stored. It touches no file."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.config import Config
from churn.estimates import Estimate
from churn.evaluation.backtest import judge_snapshot
from churn.evaluation.baselines import build_baselines
from churn.evaluation.leaks import Leak, find_leaks
from churn.evaluation.metrics import bootstrap_estimates, evaluate, roc_auc
from churn.evaluation.segments import evaluate_segments, name_failures
from churn.evaluation.validity import assess_intervals, learn_widening
from churn.features.catalogue import catalogue
from churn.features.feature import Feature
from churn.frame import Snapshot
from churn.model.calibration import cross_fit_intervals
from churn.model.card import render_card
from churn.model.development import Chosen, develop, fit_as_chosen, fit_folds, refit
from churn.model.documents import HeldOutFacts, Metrics, MonotoneFacts
from churn.model.fitted import FittedModel
from churn.model.folds import stratified_folds
from churn.model.monotone import BindingColumns
from churn.model.recipe import Recipe, prepare
from churn.model.split import Rows, Split, date_of, in_order, outcomes, require_enough, split_snapshots, stack
from churn.model.storage import StoredModel, build_manifest

FLAT_FOLDS = 5

OnStep = Callable[[str], None]
OnLeak = Callable[[Leak], None]


class _Run(NamedTuple):
    """What stays the same through a training."""

    horizon_days: int
    config: Config
    recipe: Recipe
    n_threads: int
    held: BindingColumns | None = None
    """Columns held monotone, and those left out for it."""
    free_auc: float = float("nan")
    """Held-out ROC-AUC without that."""


class _Judged(NamedTuple):
    """Outcomes and predictions of rows that the judged model did not see."""

    snapshot: Snapshot
    probability: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    metrics: dict[str, Estimate]
    out_of_time: bool


def train_on_snapshots(
    snapshots: Sequence[Snapshot],
    *,
    horizon_days: int,
    config: Config,
    recipe: Recipe | None = None,
    n_threads: int | None = None,
    facts: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    on_leak: OnLeak | None = None,
) -> StoredModel:
    """Train, calibrate and judge a model on dated snapshots, then refit it on all of them.

    The last snapshot T judges a model of the development snapshots, those whose labels were complete at T:
    S + horizon_days + embargo_days <= T. Where there is none, earlier snapshots serve (or T itself), with a quarter
    of the customers held out by a hash of their id, and ``metrics.out_of_time`` is false. Rounds and calibration
    method are chosen on the latest development snapshot, by trees that saw none of a customer's rows of any date.
    The model given back is refitted on all snapshots with these rounds, and recalibrated on T in the same way.

    Parameters
    ----------
    snapshots
        With outcomes, each date once, in any order.
    horizon_days
        Days after the as-of date within which leaving counts, at least 1.
    config
        Its embargo and stated baselines are used.
    recipe
        What grows the model; LightGBM by default. Same recipe and snapshots, same model, on any number of threads.
        Where it is monotone, the manifest says what that cost in held-out ROC-AUC.
    n_threads
        All of the machine's by default.
    facts
        JSON values to keep in the manifest beside its own, such as hashes of the data.
    on_step
        Told what begins next, in a few words.
    on_leak
        Told of each feature that knows too much, before anything is fitted; training then goes on.

    Raises
    ------
    DataError
        No snapshot, a snapshot without outcomes, fewer than 50 rows or 10 of an outcome, or one outcome alone among
        the rows learnt from or judged by.
    TimeRangeError
        A snapshot without a date, or two of one date.
    """
    given = recipe or Recipe()
    run = _Run(horizon_days, config, given, n_threads or 0)
    tell = on_step or _say_nothing
    span_days = horizon_days + config.training.embargo_days
    free = split_snapshots(_enough(in_order(snapshots)), span_days)
    tell("looking for features that know too much")
    _tell_leaks(on_leak, free.development, free.held_out, catalogue(config))
    ordered, prepared, held = prepare(in_order(snapshots), given, config)
    if held is not None:
        tell("choosing and judging without the constraint")
        auc = _held_out_auc(develop(free.development, replace(given, monotone=False), run.n_threads)[0], free, run)
        run = run._replace(held=held, free_auc=auc)
    run = run._replace(recipe=prepared)
    everything, split = stack(ordered), split_snapshots(ordered, span_days)
    tell("choosing rounds and calibration")
    candidate, chosen = develop(split.development, prepared, run.n_threads)
    tell("judging on the held-out snapshot")
    judged = _judge(candidate, split, run)
    tell("refitting on all snapshots")
    model = _widened(refit(everything, chosen, prepared, run.n_threads), judged)
    return _stored(model, chosen, judged, everything, [date_of(snapshot) for snapshot in ordered], run, facts)


def train_flat(
    snapshot: Snapshot,
    *,
    config: Config,
    horizon_days: int = 365,
    recipe: Recipe | None = None,
    n_threads: int | None = None,
    facts: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    on_leak: OnLeak | None = None,
) -> StoredModel:
    """Train, calibrate and judge a model on a flat file, which has no time, by five stratified folds.

    The folds choose the rounds and the calibration method and give the metrics: ROC-AUC is the mean of the folds',
    the others are out of fold, with calibration cross-fitted. That one number of rounds is chosen on the rows it is
    judged by; with thousands of rows this flatters ROC-AUC by less than its interval shows. Then all rows are fitted.

    Parameters
    ----------
    snapshot
        With outcomes; its `as_of` is not used.
    config, recipe, n_threads, facts, on_step, on_leak
        As for `train_on_snapshots`.
    horizon_days
        What the file's label covers; stated baselines are converted to it.

    Raises
    ------
    DataError
        No outcomes, or fewer than 50 rows or 10 of an outcome.
    ConfigError
        A monotone recipe, and the configuration names no binding.
    """
    given = recipe or Recipe()
    run = _Run(horizon_days, config, given, n_threads or 0)
    tell = on_step or _say_nothing
    rows = stack(_enough([snapshot]))
    tell("looking for features that know too much")
    _tell_leaks(on_leak, rows, None, ())
    folds = stratified_folds(rows.churned, FLAT_FOLDS, given.seed)
    [snapshot], prepared, held = prepare([snapshot], given, config)
    if held is not None:
        tell("choosing and judging without the constraint")
        free = fit_folds(rows, folds, replace(given, monotone=False), run.n_threads).probability
        run = run._replace(held=held, free_auc=_mean_fold_auc(rows.churned, free, folds))
    rows, run = stack([snapshot]), run._replace(recipe=prepared)
    tell("choosing rounds and calibration, and judging, by five folds")
    found = fit_folds(rows, folds, prepared, run.n_threads)
    metrics = _fold_metrics(rows.churned, found.probability, folds, given.seed)
    low, high = cross_fit_intervals(found.margins, rows.churned, folds, found.probability)
    judged = _Judged(snapshot, found.probability, low, high, metrics, out_of_time=False)
    tell("refitting on all rows")
    model = fit_as_chosen(rows, found, prepared, run.n_threads)
    return _stored(model, found.chosen, judged, rows, [], run, facts)


def _enough(snapshots: list[Snapshot]) -> list[Snapshot]:
    require_enough(stack(snapshots).churned)
    return snapshots


def _tell_leaks(on_leak: OnLeak | None, development: Rows, held_out: Snapshot | None, known: Sequence[Feature]) -> None:
    if on_leak is not None:
        for leak in find_leaks(development, held_out, known):
            on_leak(leak)


def _judge(model: FittedModel, split: Split, run: _Run) -> _Judged:
    snapshot = split.held_out
    found = model.predict(snapshot.features, n_threads=run.n_threads)
    metrics = evaluate(outcomes(snapshot), found.probability, seed=run.recipe.seed)
    return _Judged(snapshot, found.probability, found.low, found.high, metrics, split.out_of_time)


def _widened(model: FittedModel, judged: _Judged) -> FittedModel:
    """Draw the stored intervals apart by what a later date taught (docs/decisions/0010-intervals.md)."""
    by = _widening(judged)
    return replace(model, intervals=model.intervals.widened(by)) if model.intervals else model


def _widening(judged: _Judged) -> float:
    return learn_widening(outcomes(judged.snapshot), judged.probability) if judged.out_of_time else 0.0


def _held_out_auc(model: FittedModel, split: Split, run: _Run) -> float:
    probability = model.predict(split.held_out.features, n_threads=run.n_threads).probability
    return roc_auc(outcomes(split.held_out), probability)


def _fold_metrics(
    y: NDArray[np.int64], p: NDArray[np.float64], folds: NDArray[np.int64], seed: int
) -> dict[str, Estimate]:
    def drawn(rows: NDArray[np.int64]) -> dict[str, float]:
        return {"roc_auc": _mean_fold_auc(y[rows], p[rows], folds[rows])}

    return evaluate(y, p, seed=seed) | bootstrap_estimates(drawn, len(y), seed=seed)


def _mean_fold_auc(y: NDArray[np.int64], p: NDArray[np.float64], folds: NDArray[np.int64]) -> float:
    return float(np.mean([roc_auc(y[folds == fold], p[folds == fold]) for fold in range(FLAT_FOLDS)]))


def _stored(
    model: FittedModel,
    chosen: Chosen,
    judged: _Judged,
    rows: Rows,
    dates: list[dt.date],
    run: _Run,
    facts: Mapping[str, Any] | None,
) -> StoredModel:
    snapshot, churned = judged.snapshot, outcomes(judged.snapshot)
    coverage = snapshot.product_coverage
    baselines = build_baselines(
        coverage,
        churned,
        judged.probability,
        stated=run.config.baselines.stated,
        horizon_days=run.horizon_days,
    )
    segments = evaluate_segments(judge_snapshot(snapshot, {"model": judged.probability}), "model")
    held_out = HeldOutFacts(
        as_of=snapshot.as_of if dates else None,
        rows=len(churned),
        churned=int(churned.sum()),
        churn_rate=int(churned.sum()) / len(churned),
        without_coverage=len(churned) if coverage is None else int(np.sum(~(coverage >= 1))),
        segments=tuple(segments),
        failures=tuple(name_failures(segments)),
    )
    intervals = assess_intervals(churned, judged.probability, judged.low, judged.high, widening=_widening(judged))
    manifest = build_manifest(
        model,
        horizon_days=run.horizon_days,
        snapshots=dates,
        churned=rows.churned,
        rounds=model.booster.num_trees(),
        choice=chosen.calibration,
        held_out=held_out,
        out_of_time=judged.out_of_time,
        intervals=intervals,
        seed=run.recipe.seed,
        monotone=_monotone(judged, run),
        facts={**(facts or {}), **({"tuned_on": run.recipe.tuned_on} if run.recipe.tuned_on else {})},
    )
    metrics = Metrics(**judged.metrics, out_of_time=judged.out_of_time)
    return StoredModel(
        model=model,
        manifest=manifest,
        metrics=metrics,
        baselines=baselines,
        card=render_card(manifest, metrics, baselines),
        held_out=(churned, judged.probability),
    )


def _monotone(judged: _Judged, run: _Run) -> MonotoneFacts | None:
    auc = judged.metrics["roc_auc"].value
    if run.held is None or auc is None:
        return None
    return MonotoneFacts(
        falling=run.held.falling, dropped=run.held.dropped, roc_auc=auc, roc_auc_unconstrained=run.free_auc
    )


def _say_nothing(step: str) -> None:
    del step
