"""The composition: snapshots -> a fitted, calibrated, judged model, ready to be stored. It touches no file."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from churn.data import OnStep, Snapshots, say_nothing
from churn.estimates import Estimate
from churn.evaluation import backtest, leaks, validity
from churn.evaluation.baselines import build_baselines
from churn.evaluation.metrics import bootstrap_estimates, evaluate, roc_auc
from churn.evaluation.segments import evaluate_segments, name_failures
from churn.model import development, documents, fitted, storage
from churn.model.card import render_card
from churn.model.recipe import BindingColumns, Recipe, prepare
from churn.model.split import Rows, Split, outcomes, require_enough, stack
from churn.speech import say

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def train(
    snapshots: Snapshots,
    recipe: Recipe | None = None,
    *,
    on_step: OnStep = say_nothing,
    on_leak: backtest.OnLeak = lambda _: None,
) -> storage.StoredModel:
    """Train, calibrate and judge a model on labelled snapshots, then refit it on all of them.

    How it is judged is said by `snapshots.judging`. Out of time, the last snapshot T judges a model of the development
    snapshots, those whose labels were complete at T: S + horizon_days + embargo_days <= T. Where there is none, earlier
    snapshots serve (or T itself), with a quarter of the customers held out by a hash of their id, and
    ``metrics.out_of_time`` is false. Rounds and calibration method are chosen on the latest development snapshot, by
    trees that saw none of a customer's rows of any date. The model given back is refitted on all snapshots with these
    rounds, and recalibrated on T in the same way.

    By folds, for a flat file, which has no time: they choose the rounds and the calibration method and give the
    metrics. ROC-AUC is the mean of the folds', the others are out of fold, with calibration cross-fitted. That one
    number of rounds is chosen on the rows it is judged by; with thousands of rows this flatters ROC-AUC by less than
    its interval shows. Then all rows are fitted.

    Parameters
    ----------
    snapshots
        Their facts are kept in the manifest beside its own.
    recipe
        How the model is made; LightGBM by default. Same recipe and snapshots, same model, on any number of threads.
        Where it is monotone, the manifest says what that cost in held-out ROC-AUC.
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
        A snapshot without a date among dated ones, or two of one date.
    ConfigError
        A monotone recipe for a flat file, and the configuration names no binding.
    """
    given, judging = recipe or Recipe(), snapshots.judging
    ordered = judging.order(snapshots.dated)
    require_enough(stack(ordered).churned)
    free = judging.split(ordered, given.seed)
    on_step("looking for leaks")
    for leak in leaks.find_leaks(free.development, free.unseen, snapshots.catalogue):
        on_leak(leak)
    kept, prepared, held = prepare(ordered, given, snapshots.catalogue)
    free_auc = float("nan")
    if held is not None:
        on_step("choosing and judging without the constraint")
        p = development.develop(free, replace(given, monotone=False)).probability
        free_auc = _mean_auc(outcomes(free.held_out), p, free.folds)
    split = judging.split(kept, given.seed)
    on_step(judging.steps.develop)
    developed = development.develop(split, prepared)
    if judging.steps.judge:
        on_step(judging.steps.judge)
    estimates = _estimates(developed.probability, split, given.seed)
    on_step(judging.steps.refit)
    rows = stack(kept)
    model = development.refit(rows, developed, prepared)
    if model.intervals:  # drawn apart by what a later date taught (docs/decisions/0010-intervals.md)
        model = replace(model, intervals=model.intervals.widened(_widening(split, developed)))
    monotone = _monotone(held, estimates["roc_auc"], free_auc)
    manifest = _manifest(model, rows, split, developed, recipe=given, snapshots=snapshots, monotone=monotone)
    metrics = documents.Metrics(**estimates, out_of_time=split.out_of_time)
    held_out = (outcomes(split.held_out), developed.probability)
    baselines = build_baselines(
        split.held_out.product_coverage,
        *held_out,
        stated=snapshots.config.baselines.stated,
        horizon_days=snapshots.horizon_days,
    )
    card = render_card(manifest, metrics, baselines)
    return storage.StoredModel(
        model=model, manifest=manifest, metrics=metrics, baselines=baselines, card=card, held_out=held_out
    )


def _mean_auc(y: Ints, p: Floats, folds: Ints | None) -> float:
    """ROC-AUC; where rows judge each other, the mean of the folds'."""
    if folds is None:
        return roc_auc(y, p)
    return float(np.mean([roc_auc(y[folds == fold], p[folds == fold]) for fold in np.unique(folds)]))


def _estimates(p: Floats, split: Split, seed: int) -> dict[str, Estimate]:
    y, folds = outcomes(split.held_out), split.folds
    found = evaluate(y, p, seed=seed)
    if folds is None:
        return found

    def drawn(rows: Ints) -> dict[str, float]:
        return {"roc_auc": _mean_auc(y[rows], p[rows], folds[rows])}

    return found | bootstrap_estimates(drawn, len(y), seed=seed)


def _widening(split: Split, developed: development.Developed) -> float:
    return validity.learn_widening(outcomes(split.held_out), developed.probability) if split.out_of_time else 0.0


def _monotone(held: BindingColumns | None, area: Estimate, free_auc: float) -> documents.MonotoneFacts | None:
    if held is None or area.value is None:
        return None
    return documents.MonotoneFacts(
        falling=held.falling, dropped=held.dropped, roc_auc=area.value, roc_auc_unconstrained=free_auc
    )


def _manifest(
    model: fitted.FittedModel,
    rows: Rows,
    split: Split,
    developed: development.Developed,
    *,
    recipe: Recipe,
    snapshots: Snapshots,
    monotone: documents.MonotoneFacts | None,
) -> documents.Manifest:
    churned, p = outcomes(split.held_out), developed.probability
    coverage = split.held_out.product_coverage
    segments = evaluate_segments(backtest.judge_snapshots([split.held_out], {"model": p}), "model")
    held_out = documents.HeldOutFacts(
        as_of=split.held_out.as_of,
        rows=len(churned),
        churned=int(churned.sum()),
        churn_rate=int(churned.sum()) / len(churned),
        without_coverage=len(churned) if coverage is None else int(np.sum(~(coverage >= 1))),
        segments=tuple(segments),
        failures=tuple(say(one, "en") for one in name_failures(segments)),
    )
    given = {
        "horizon_days": snapshots.horizon_days,
        "snapshots": sorted(one.as_of for one in snapshots if one.as_of),
        "rounds": model.booster.num_trees(),
        "out_of_time": split.out_of_time,
        "intervals": validity.assess_intervals(
            churned, p, developed.low, developed.high, widening=_widening(split, developed)
        ),
        "seed": recipe.seed,
        "monotone": monotone,
        "tuned_on": recipe.tuned_on or None,
    }
    return storage.build_manifest(model, rows.churned, developed.calibration, held_out, **{**snapshots.facts, **given})
