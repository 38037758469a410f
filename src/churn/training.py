"""The composition: snapshots -> a fitted, calibrated, judged model, ready to be stored. It touches no file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.config import Config
from churn.evaluation.baselines import build_baselines
from churn.evaluation.intervals import Estimate, bootstrap_estimates, evaluate
from churn.evaluation.metrics import roc_auc
from churn.frame import Snapshot
from churn.model.calibration import (
    CalibrationChoice,
    Method,
    choose_calibration,
    cross_fit_probabilities,
    fit_calibration,
)
from churn.model.card import render_card
from churn.model.fitted import FittedModel
from churn.model.folds import customer_folds, stratified_folds
from churn.model.manifest import HeldOut, build_manifest
from churn.model.monotone import BindingColumns, hold_monotone, monotone_facts
from churn.model.schema import encode, learn_schema
from churn.model.split import Rows, Split, date_of, in_order, outcomes, require_enough, split_snapshots, stack
from churn.model.storage import StoredModel
from churn.model.trees import CrossFit, TreeParameters, cross_fit, fit_trees

CUSTOMER_FOLDS = 4
"""Folds of customers for early stopping and calibration; each more costs one more fit of all snapshots."""
FLAT_FOLDS = 5

OnStep = Callable[[str], None]


class _Run(NamedTuple):
    """What stays the same through a training."""

    horizon_days: int
    config: Config
    parameters: TreeParameters
    seed: int
    n_threads: int
    held: BindingColumns | None = None
    """Columns held monotone, and those left out for it."""
    free_auc: float = float("nan")
    """Held-out ROC-AUC without that."""


class _Chosen(NamedTuple):
    """What is chosen on development rows and kept for the stored model."""

    rounds: int
    calibration: CalibrationChoice


class _Judged(NamedTuple):
    """Outcomes and predictions of rows that the judged model did not see."""

    snapshot: Snapshot
    probability: NDArray[np.float64]
    metrics: dict[str, Estimate]
    out_of_time: bool


def train_on_snapshots(
    snapshots: Sequence[Snapshot],
    *,
    horizon_days: int,
    config: Config,
    seed: int = 0,
    n_threads: int | None = None,
    parameters: TreeParameters | None = None,
    monotone: bool = False,
    facts: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
) -> StoredModel:
    """Train, calibrate and judge a model on dated snapshots, then refit it on all of them.

    The last snapshot T judges a model of the development snapshots, those whose labels were complete at T:
    S + horizon_days + embargo_days <= T. Where there is none, earlier snapshots serve (or T itself), with a quarter
    of the customers held out by a hash of their id, and ``metrics["out_of_time"]`` is false. Rounds and calibration
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
    seed
        Same seed and snapshots, same model, on any number of threads.
    n_threads
        All of the machine's by default.
    parameters
        How trees are grown.
    monotone
        Let a binding only lower the risk; the manifest then says what that cost in held-out ROC-AUC.
    facts
        JSON values to keep in the manifest beside its own, such as hashes of the data.
    on_step
        Told what begins next, in a few words.

    Raises
    ------
    DataError
        No snapshot, a snapshot without outcomes, fewer than 50 rows or 10 of an outcome, or one outcome alone among
        the rows learnt from or judged by.
    TimeRangeError
        A snapshot without a date, or two of one date.
    """
    ordered = in_order(snapshots)
    run = _Run(horizon_days, config, parameters or TreeParameters(), seed, n_threads or 0)
    tell = on_step or _say_nothing
    require_enough(stack(ordered).churned)
    span_days = horizon_days + config.training.embargo_days
    if monotone:
        free = split_snapshots(ordered, span_days)
        ordered, parameters, held = hold_monotone(ordered, config, run.parameters)
        tell("choosing and judging without the constraint")
        auc = _held_out_auc(_develop(free.development, run)[0], free, run)
        run = run._replace(parameters=parameters, held=held, free_auc=auc)
    everything = stack(ordered)
    split = split_snapshots(ordered, span_days)
    tell("choosing rounds and calibration")
    candidate, chosen = _develop(split.development, run)
    tell("judging on the held-out snapshot")
    judged = _judge(candidate, split, run)
    tell("refitting on all snapshots")
    model = _refit(everything, chosen, run)
    return _stored(
        model, chosen, judged, everything, [date_of(snapshot).isoformat() for snapshot in ordered], run, facts
    )


def train_flat(
    snapshot: Snapshot,
    *,
    config: Config,
    horizon_days: int = 365,
    seed: int = 0,
    n_threads: int | None = None,
    parameters: TreeParameters | None = None,
    monotone: bool = False,
    facts: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
) -> StoredModel:
    """Train, calibrate and judge a model on a flat file, which has no time, by five stratified folds.

    The folds choose the rounds and the calibration method and give the metrics: ROC-AUC is the mean of the folds',
    the others are out of fold, with calibration cross-fitted. That one number of rounds is chosen on the rows it is
    judged by; with thousands of rows this flatters ROC-AUC by less than its interval shows. Then all rows are fitted.

    Parameters
    ----------
    snapshot
        With outcomes; its `as_of` is not used.
    config, seed, n_threads, parameters, monotone, facts, on_step
        As for `train_on_snapshots`.
    horizon_days
        What the file's label covers; stated baselines are converted to it.

    Raises
    ------
    DataError
        No outcomes, or fewer than 50 rows or 10 of an outcome.
    ConfigError
        `monotone`, and the configuration names no binding.
    """
    run = _Run(horizon_days, config, parameters or TreeParameters(), seed, n_threads or 0)
    tell = on_step or _say_nothing
    rows = stack([snapshot])
    require_enough(rows.churned)
    folds = stratified_folds(rows.churned, FLAT_FOLDS, seed)
    if monotone:
        [snapshot], parameters, held = hold_monotone([snapshot], config, run.parameters)
        tell("choosing and judging without the constraint")
        free = _fit_folds(rows, folds, run)[2]
        run = run._replace(parameters=parameters, held=held, free_auc=_mean_fold_auc(rows.churned, free, folds))
        rows = stack([snapshot])
    tell("choosing rounds and calibration, and judging, by five folds")
    fitted, chosen, probability = _fit_folds(rows, folds, run)
    method = chosen.calibration.method
    judged = _Judged(snapshot, probability, _fold_metrics(rows.churned, probability, folds, seed), out_of_time=False)
    tell("refitting on all rows")
    model = _assemble(rows, fitted.margins, chosen.rounds, method, run)
    return _stored(model, chosen, judged, rows, [], run, facts)


def _fit_folds(rows: Rows, folds: NDArray[np.int64], run: _Run) -> tuple[CrossFit, _Chosen, NDArray[np.float64]]:
    """Choose by folds; the probabilities are out of fold."""
    fitted = cross_fit(_matrix(rows), rows.churned, folds, run.parameters, seed=run.seed, n_threads=run.n_threads)
    chosen = _Chosen(fitted.rounds, choose_calibration(fitted.margins, rows.churned, folds))
    method = chosen.calibration.method
    return fitted, chosen, cross_fit_probabilities(method, fitted.margins, rows.churned, folds)


def _develop(rows: Rows, run: _Run) -> tuple[FittedModel, _Chosen]:
    """Choose on margins of trees that saw none of the customer's rows, of any date; then fit all rows given."""
    folds = customer_folds(rows.customer_id, CUSTOMER_FOLDS, "development")
    fitted = cross_fit(
        _matrix(rows), rows.churned, folds, run.parameters, scored=rows.latest, seed=run.seed, n_threads=run.n_threads
    )
    latest = rows.latest
    chosen = _Chosen(fitted.rounds, choose_calibration(fitted.margins[latest], rows.churned[latest], folds[latest]))
    return _assemble(rows, fitted.margins, chosen.rounds, chosen.calibration.method, run), chosen


def _refit(rows: Rows, chosen: _Chosen, run: _Run) -> FittedModel:
    """Fit all rows given as chosen, and calibrate on the latest by trees that did not see the customer."""
    folds = customer_folds(rows.customer_id, CUSTOMER_FOLDS, "recalibration")
    fitted = cross_fit(
        _matrix(rows),
        rows.churned,
        folds,
        run.parameters,
        scored=rows.latest,
        rounds=chosen.rounds,
        seed=run.seed,
        n_threads=run.n_threads,
    )
    return _assemble(rows, fitted.margins, chosen.rounds, _refit_method(chosen), run)


def _refit_method(chosen: _Chosen) -> Method:
    """Return what calibrates the refitted trees: the chosen method, or sigmoid where that was none.

    None has nothing to fit, and the refitted trees are not those it was chosen for: grown on more rows in the same
    number of rounds they are less sure of themselves (docs/decisions/0004-recalibration.md has the measurement).
    """
    return "sigmoid" if chosen.calibration.method == "none" else chosen.calibration.method


def _assemble(rows: Rows, margins: NDArray[np.float64], rounds: int, method: Method, run: _Run) -> FittedModel:
    trees = fit_trees(
        _matrix(rows), rows.churned, run.parameters, rounds=rounds, seed=run.seed, n_threads=run.n_threads
    )
    calibration = fit_calibration(method, margins[rows.latest], rows.churned[rows.latest])
    return FittedModel(learn_schema(rows.features), trees, calibration, run.parameters)


def _matrix(rows: Rows) -> NDArray[np.float64]:
    return encode(rows.features, learn_schema(rows.features)).matrix


def _judge(model: FittedModel, split: Split, run: _Run) -> _Judged:
    snapshot = split.held_out
    probability = model.predict(snapshot.features, n_threads=run.n_threads).probability
    metrics = evaluate(outcomes(snapshot), probability, seed=run.seed)
    return _Judged(snapshot, probability, metrics, split.out_of_time)


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
    chosen: _Chosen,
    judged: _Judged,
    rows: Rows,
    dates: list[str],
    run: _Run,
    facts: Mapping[str, Any] | None,
) -> StoredModel:
    snapshot, churned = judged.snapshot, outcomes(judged.snapshot)
    found = build_baselines(
        snapshot.product_coverage,
        churned,
        judged.probability,
        stated=run.config.baselines.stated,
        horizon_days=run.horizon_days,
    )
    as_of = date_of(snapshot).isoformat() if dates else None
    held_out = HeldOut(as_of, len(churned), int(churned.sum()), found.n_without_coverage, judged.out_of_time)
    auc = judged.metrics["roc_auc"].value
    manifest = build_manifest(
        model,
        horizon_days=run.horizon_days,
        snapshots=dates,
        churned=rows.churned,
        rounds=chosen.rounds,
        choice=chosen.calibration,
        held_out=held_out,
        seed=run.seed,
        monotone=monotone_facts(run.held, constrained=auc, free=run.free_auc) if run.held and auc is not None else None,
        facts=facts,
    )
    estimates = {name: estimate._asdict() for name, estimate in judged.metrics.items()}
    metrics = {**estimates, "out_of_time": judged.out_of_time}
    card = render_card(manifest, metrics, found.buckets)
    return StoredModel(model, manifest, metrics, found.buckets, card)


def _say_nothing(step: str) -> None:
    del step
