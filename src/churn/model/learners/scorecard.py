"""The logistic scorecard that banks know: weight of evidence by bin, then logistic regression.

The honest baseline: additive, no interaction, every customer's points can be added up by hand. Siddiqi 2006, Credit
Risk Scorecards, chapter 6.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from churn.model.learners.tree_text import build_booster, split_tree
from churn.model.trees import Matrix

if TYPE_CHECKING:
    import lightgbm as lgb

N_BINS = 10
SMOOTHING = 20.0
"""Rows of the average churn rate added to each bin, so that a small bin claims little."""
STRENGTH = 0.1
"""Inverse of the penalty on the squared coefficients of the weights of evidence."""
_MISSING = -1


def fit_scorecard(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> "lgb.Booster":
    """Fit a scorecard; there is nothing random in it, and nothing that grows.

    Each column is cut at its deciles (a column of at most 20 values between any two of them); a bin's weight of
    evidence is the log of its odds over the odds of all, each with `SMOOTHING` average rows added. Missing values are
    a bin of their own.

    Parameters
    ----------
    matrix
        Shape (n, number of features), NaN where missing.
    y
        0 or 1, shape (n,), both there.
    rounds, seed
        Not used: a scorecard is fitted whole.

    Examples
    --------
    >>> rows = np.array([[0.0], [1.0], [np.nan]] * 40)
    >>> card = fit_scorecard(rows, np.array([0, 1, 1] * 40), rounds=1, seed=0)
    >>> card.predict(rows[:3]).round(2)
    array([0.11, 0.94, 0.94])
    """
    from sklearn.linear_model import LogisticRegression  # scoring does without

    del rounds, seed
    target = np.asarray(y, dtype=np.float64)
    edges = [_edges(column) for column in matrix.T]
    weights = [_weights(_bins(column, cut), len(cut) + 1, target) for column, cut in zip(matrix.T, edges, strict=True)]
    evidence = np.column_stack(
        [weight[_bins(column, cut)] for column, cut, weight in zip(matrix.T, edges, weights, strict=True)]
    )
    fitted = LogisticRegression(C=STRENGTH, solver="newton-cholesky", max_iter=100).fit(evidence, target)
    points = [
        split_tree(at, cut, coefficient * weight[:-1], float(coefficient * weight[_MISSING]))
        for at, (cut, weight, coefficient) in enumerate(zip(edges, weights, fitted.coef_[0], strict=True))
    ]
    return build_booster(
        [tree for tree in points if np.ptp(tree.value) > 0], matrix, offset=float(fitted.intercept_[0])
    )


def _edges(column: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.unique(column[np.isfinite(column)])
    if len(values) <= 2 * N_BINS:
        return (values[1:] + values[:-1]) / 2
    return np.unique(np.nanquantile(column, np.linspace(0, 1, N_BINS + 1)[1:-1], method="lower"))


def _bins(column: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bin of each value, the last one for missing values."""
    return np.where(np.isnan(column), len(edges) + 1, np.searchsorted(edges, column, side="left"))


def _weights(bins: NDArray[np.int64], missing: int, y: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = y.mean()
    churned = np.bincount(bins, y, missing + 1) + SMOOTHING * rate
    stayed = np.bincount(bins, 1 - y, missing + 1) + SMOOTHING * (1 - rate)
    return np.asarray(np.log(churned / stayed) - np.log(rate / (1 - rate)))
