"""From rows to a fitted, calibrated model: what is chosen on development rows, and the refit that keeps the choice."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.model import calibration, fitted, schema
from churn.model.learners.catalogue import CrossFits, cross_fit_learners, fit_learners
from churn.model.recipe import Recipe
from churn.model.split import Rows, Split, customer_folds

Floats = NDArray[np.float64]
CUSTOMER_FOLDS = 4
"""Folds of customers for early stopping and calibration; each more costs one more fit of all snapshots."""


class Developed(NamedTuple):
    """The choices made on the rows learnt from, and the predictions of such a model for those held out.

    Attributes
    ----------
    rounds
        Of each learner.
    calibration
        The method, and the log loss of each.
    probability, low, high
        Of the rows held out, shape (n,); NaN for the ends of a model without intervals.
    margins
        Of rows that judge each other, each by trees that did not see it, shape (n,); None where those that judge are
        not learnt from.
    """

    rounds: tuple[int, ...]
    calibration: "calibration.CalibrationChoice"
    probability: Floats
    low: Floats
    high: Floats
    margins: Floats | None = None


def develop(split: Split, recipe: Recipe) -> Developed:
    """Choose on margins of trees that saw none of the customer's rows, of any date; then predict the rows held out.

    Parameters
    ----------
    split
        The latest snapshot of its development rows is calibrated on.
    recipe
        As from `churn.model.recipe.prepare`.
    """
    rows = split.development
    folds = customer_folds(rows.customer_id, CUSTOMER_FOLDS, "development") if split.folds is None else split.folds
    rounds, margins = _cross_fit(rows, folds, recipe)
    at, y, groups = margins[rows.latest], rows.churned[rows.latest], folds[rows.latest]
    choice = calibration.choose_calibration(at, y, groups)
    if split.folds is not None:
        probability = calibration.cross_fit_probabilities(choice.method, at, y, groups)
        low, high = calibration.cross_fit_intervals(at, y, groups, probability)
        return Developed(rounds, choice, probability, low=low, high=high, margins=margins)
    found = _assemble(rows, margins, rounds, choice.method, recipe).predict(split.held_out.features)
    return Developed(rounds, choice, found.probability, low=found.low, high=found.high)


def refit(rows: Rows, developed: Developed, recipe: Recipe) -> fitted.FittedModel:
    """Fit all rows given as chosen, and calibrate on the latest by trees that did not see the customer."""
    rounds, method = developed.rounds, developed.calibration.method
    if developed.margins is not None:
        return _assemble(rows, developed.margins, rounds, method, recipe)
    folds = customer_folds(rows.customer_id, CUSTOMER_FOLDS, "recalibration")
    _, margins = _cross_fit(rows, folds, recipe, rounds)
    return _assemble(rows, margins, rounds, _refit_method(method), recipe)


def _refit_method(chosen: calibration.Method) -> calibration.Method:
    """Return what calibrates the refitted trees: the chosen method, or sigmoid where that was none.

    None has nothing to fit, and the refitted trees are not those it was chosen for: grown on more rows in the same
    number of rounds they are less sure of themselves (docs/decisions/0004-recalibration.md has the measurement).
    """
    return "sigmoid" if chosen == "none" else chosen


def _cross_fit(
    rows: Rows, folds: NDArray[np.int64], recipe: Recipe, rounds: tuple[int, ...] | None = None
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
    )


def _assemble(
    rows: Rows, margins: Floats, rounds: tuple[int, ...], method: calibration.Method, recipe: Recipe
) -> fitted.FittedModel:
    trees = fit_learners(
        recipe.learners, _matrix(rows), rows.churned, recipe.parameters, rounds=rounds, seed=recipe.seed
    )
    margins, churned = margins[rows.latest], rows.churned[rows.latest]
    return fitted.FittedModel(
        schema.learn_schema(rows.features),
        trees,
        calibration.fit_calibration(method, margins, churned),
        recipe.parameters,
        intervals=calibration.fit_intervals(margins, churned),
        learners=recipe.learners,
    )


def _matrix(rows: Rows) -> NDArray[np.float64]:
    return schema.encode(rows.features, schema.learn_schema(rows.features)).matrix
