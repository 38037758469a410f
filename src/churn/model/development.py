"""From rows to a fitted, calibrated model: what is chosen on development rows, and the refit that keeps the choice."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.model.calibration import (
    CalibrationChoice,
    Method,
    choose_calibration,
    cross_fit_probabilities,
    fit_calibration,
    fit_intervals,
)
from churn.model.fitted import FittedModel
from churn.model.folds import customer_folds
from churn.model.learners.catalogue import CrossFits, cross_fit_learners, fit_learners
from churn.model.recipe import Recipe
from churn.model.schema import encode, learn_schema
from churn.model.split import Rows

CUSTOMER_FOLDS = 4
"""Folds of customers for early stopping and calibration; each more costs one more fit of all snapshots."""


class Chosen(NamedTuple):
    """What is chosen on development rows and kept for the stored model.

    Attributes
    ----------
    rounds
        Of each learner.
    calibration
        The method, and the log loss of each.
    """

    rounds: tuple[int, ...]
    calibration: CalibrationChoice


class FoldFit(NamedTuple):
    """Choices by folds, and what the folds say of the rows: out-of-fold margins and probabilities, shape (n,)."""

    chosen: Chosen
    margins: NDArray[np.float64]
    probability: NDArray[np.float64]


def develop(rows: Rows, recipe: Recipe, n_threads: int = 0) -> tuple[FittedModel, Chosen]:
    """Choose on margins of trees that saw none of the customer's rows, of any date; then fit all rows given.

    Parameters
    ----------
    rows
        Of which the latest snapshot's are calibrated on.
    recipe
        As from `churn.model.recipe.prepare`.
    n_threads
        At most; 0 takes what the machine has. No result depends on it.
    """
    folds = customer_folds(rows.customer_id, CUSTOMER_FOLDS, "development")
    fitted = _cross_fit(rows, folds, recipe, n_threads)
    latest = rows.latest
    chosen = Chosen(fitted.rounds, choose_calibration(fitted.margins[latest], rows.churned[latest], folds[latest]))
    return _assemble(rows, fitted.margins, chosen.rounds, chosen.calibration.method, recipe, n_threads), chosen


def refit(rows: Rows, chosen: Chosen, recipe: Recipe, n_threads: int = 0) -> FittedModel:
    """Fit all rows given as chosen, and calibrate on the latest by trees that did not see the customer."""
    folds = customer_folds(rows.customer_id, CUSTOMER_FOLDS, "recalibration")
    fitted = _cross_fit(rows, folds, recipe, n_threads, chosen.rounds)
    return _assemble(rows, fitted.margins, chosen.rounds, _refit_method(chosen), recipe, n_threads)


def fit_folds(rows: Rows, folds: NDArray[np.int64], recipe: Recipe, n_threads: int = 0) -> FoldFit:
    """Choose by the folds of rows without time."""
    fitted = _cross_fit(rows, folds, recipe, n_threads)
    chosen = Chosen(fitted.rounds, choose_calibration(fitted.margins, rows.churned, folds))
    method = chosen.calibration.method
    return FoldFit(chosen, fitted.margins, cross_fit_probabilities(method, fitted.margins, rows.churned, folds))


def fit_as_chosen(rows: Rows, found: FoldFit, recipe: Recipe, n_threads: int = 0) -> FittedModel:
    """Fit all rows as chosen by their folds."""
    return _assemble(rows, found.margins, found.chosen.rounds, found.chosen.calibration.method, recipe, n_threads)


def _refit_method(chosen: Chosen) -> Method:
    """Return what calibrates the refitted trees: the chosen method, or sigmoid where that was none.

    None has nothing to fit, and the refitted trees are not those it was chosen for: grown on more rows in the same
    number of rounds they are less sure of themselves (docs/decisions/0004-recalibration.md has the measurement).
    """
    return "sigmoid" if chosen.calibration.method == "none" else chosen.calibration.method


def _cross_fit(
    rows: Rows, folds: NDArray[np.int64], recipe: Recipe, n_threads: int, rounds: tuple[int, ...] | None = None
) -> CrossFits:
    return cross_fit_learners(
        recipe.learners,
        _matrix(rows),
        rows.churned,
        folds,
        recipe.parameters,
        scored=rows.latest,
        rounds=rounds,
        seed=recipe.seed,
        n_threads=n_threads,
    )


def _assemble(
    rows: Rows,
    margins: NDArray[np.float64],
    rounds: tuple[int, ...],
    method: Method,
    recipe: Recipe,
    n_threads: int,
) -> FittedModel:
    trees = fit_learners(
        recipe.learners,
        _matrix(rows),
        rows.churned,
        recipe.parameters,
        rounds=rounds,
        seed=recipe.seed,
        n_threads=n_threads,
    )
    margins, churned = margins[rows.latest], rows.churned[rows.latest]
    return FittedModel(
        learn_schema(rows.features),
        trees,
        fit_calibration(method, margins, churned),
        recipe.parameters,
        intervals=fit_intervals(margins, churned),
        learners=recipe.learners,
    )


def _matrix(rows: Rows) -> NDArray[np.float64]:
    return encode(rows.features, learn_schema(rows.features)).matrix
