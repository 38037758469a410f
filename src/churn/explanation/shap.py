"""SHAP values of whole files: exact, additive in every row, by whichever library is fastest for the size.

Path-dependent TreeSHAP (Lundberg et al. 2020, https://doi.org/10.1038/s42256-019-0138-9) in log-odds of churn before
calibration. LightGBM's own code takes about a millisecond per row, whatever their number; woodelf shares work between
rows (Nadel and Wettenstein 2026, https://doi.org/10.1609/aaai.v40i29.39630), which pays from a few thousand on.

In points of calibrated probability contribution i = φᵢ · (p − p₀) / Σφ, zero where Σφ = 0, so that they sum exactly to
the prediction less the base rate. Calibration bends the scale on which SHAP values add up; every feature is given the
same share of the distance in probability as it has of the distance in log-odds.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn import threads
from churn.model.fitted import FittedModel
from churn.model.schema import encode
from churn.model.trees import predict_contributions, predict_margins, trees_from_text, trees_to_text

if TYPE_CHECKING:
    import lightgbm as lgb

Matrix = NDArray[np.float64]
Floats = NDArray[np.float64]

FEW_ROWS = 3_000
"""Below so many rows LightGBM is faster."""
CHUNK_ROWS = 50_000
"""Rows explained at a time, whatever the number of processes, so that this does not change a bit.

Another cut would: woodelf chooses its way by the number of rows, and the ways differ in the seventh digit.
"""
POOL_ROWS = 75_000
"""From so many rows on a second process pays for its start."""
LARGEST_GAP = 1e-4
"""How far the sum of a row's contributions may lie from its margin, in log-odds."""
_log = logging.getLogger(__name__)


class Contributions(NamedTuple):
    """The contribution of each feature to the log-odds of churn before calibration.

    Attributes
    ----------
    values
        float32, shape (n, number of features); positive raises the risk.
    base_value
        The base they add to: `values.sum(axis=1) + base_value` is the margin, within 1e-4.
    """

    values: NDArray[np.float32]
    base_value: float


def explain_features(model: FittedModel, features: pd.DataFrame) -> Contributions:
    """Explain each row; columns are found by name.

    Raises
    ------
    ModelError
        A column is missing, is there twice, or was numeric in training and holds strings now.
    """
    return explain_matrix(model.booster, encode(features, model.schema).matrix)


def explain_matrix(booster: "lgb.Booster", matrix: Matrix) -> Contributions:
    """Explain each row of a matrix, in as many processes as `churn.threads` allows; the result does not depend on it.

    Parameters
    ----------
    booster
        The trees.
    matrix
        Shape (n, number of features), NaN where missing; n may be 0.

    Examples
    --------
    >>> from churn.model.trees import TreeParameters, fit_trees
    >>> rows = np.array([[0.0, 5.0], [1.0, 5.0]] * 30)
    >>> booster = fit_trees(rows, rows[:, 0], TreeParameters(), rounds=3)
    >>> explained = explain_matrix(booster, rows[:2])
    >>> explained.values.round(2), round(explained.base_value, 2)
    (array([[-0.1 ,  0.  ],
           [ 0.08,  0.  ]], dtype=float32), 0.01)
    """
    base_value = float(predict_contributions(booster, np.zeros((1, booster.num_feature())))[0, -1])
    values = np.empty((len(matrix), booster.num_feature()), dtype=np.float32)
    begin = n_wrong = 0
    for block in _explain_chunks(booster, matrix):
        # Checked chunk by chunk, while other processes go on: LightGBM copies what it reads.
        here = slice(begin, begin + len(block))
        values[here], wrong = _mend(booster, matrix[here], block, base_value)
        begin, n_wrong = here.stop, n_wrong + wrong
    if n_wrong:
        _log.warning("fast SHAP values of %d of %d rows did not add up; LightGBM's own stand in", n_wrong, len(matrix))
    return Contributions(values, base_value)


def base_probability(model: FittedModel, features: pd.DataFrame, explained: Contributions) -> Floats:
    """Return p₀: the calibrated base value, in [0, 1], shape (n,).

    The same for everybody, but where the model is anchored: then it is the anchored base value of the customer's own
    coverage, so that no feature is charged with what the bank stated.
    """
    base = model.calibration.apply(np.full(len(features), explained.base_value))
    if model.anchoring is None:
        return base
    return model.anchoring.apply(base, features[model.anchoring.feature].to_numpy(dtype=np.float64))


def to_points(values: NDArray[np.float32], base: Floats, probability: Floats) -> Floats:
    """Turn SHAP values into changes of probability.

    Parameters
    ----------
    values
        SHAP values in log-odds, shape (n, k).
    base, probability
        p₀ and p, shape (n,).

    Returns
    -------
    NDArray[np.float64]
        Shape (n, k); a row sums to `probability - base`, but for one in which Σφ = 0.

    Examples
    --------
    >>> to_points(np.array([[1.0, -0.5]], dtype=np.float32), np.array([0.3]), np.array([0.4])).round(2)
    array([[ 0.2, -0.1]])
    """
    exact = values.astype(np.float64)
    total = exact.sum(axis=1)
    scale = np.divide(probability - base, total, out=np.zeros_like(total), where=total != 0)
    points: Floats = exact * scale[:, None]
    return points


def _mend(
    booster: "lgb.Booster", matrix: Matrix, values: NDArray[np.float32], base_value: float
) -> tuple[NDArray[np.float32], int]:
    """Give LightGBM's values in place of those of rows that do not add up, and the number of such rows."""
    with threads.use_threads(1):  # other processes explain the next chunks meanwhile
        margins = predict_margins(booster, matrix)
    wrong = ~(np.abs(values.sum(axis=1, dtype=np.float64) + base_value - margins) <= LARGEST_GAP)
    if wrong.any():
        values = values.copy()
        values[wrong] = _explain_slowly(booster, matrix[wrong])
    return values, int(wrong.sum())


def _explain_chunks(booster: "lgb.Booster", matrix: Matrix) -> Iterator[NDArray[np.float32]]:
    """Yield the values of consecutive rows; NaN where the fast way failed."""
    if len(matrix) < FEW_ROWS:
        yield _explain_slowly(booster, matrix)
        return
    from sklearn.utils.parallel import Parallel, delayed

    text = trees_to_text(booster)
    chunks = [matrix[begin : begin + CHUNK_ROWS] for begin in range(0, len(matrix), CHUNK_ROWS)]
    n_jobs = (threads.n_threads() or -1) if len(matrix) >= POOL_ROWS else 1
    # max_nbytes: chunks go through a pipe, since shared memory would keep them all until the end.
    with Parallel(n_jobs=n_jobs, return_as="generator", max_nbytes=None) as pool:
        with threads.unstopped_children():
            blocks = pool(delayed(_explain_fast)(text, chunk) for chunk in chunks)
        yield from blocks


def _explain_slowly(booster: "lgb.Booster", matrix: Matrix) -> NDArray[np.float32]:
    if not len(matrix):
        return np.empty((0, booster.num_feature()), dtype=np.float32)
    return predict_contributions(booster, matrix)[:, :-1].astype(np.float32)


def _explain_fast(text: str, matrix: Matrix) -> NDArray[np.float32]:
    """Explain by woodelf; NaN where it cannot, so that the check of the sums sends the rows to LightGBM."""
    frame = pd.DataFrame(matrix, columns=_names(matrix.shape[1]))
    try:
        values = _explainer(text).shap_values(frame, verbose=False)
    except Exception:  # of a library that refuses some trees: whatever it is, LightGBM reads them all
        return np.full(matrix.shape, np.nan, dtype=np.float32)
    return np.asarray(values, dtype=np.float32)


@lru_cache(maxsize=1)
def _explainer(text: str) -> Any:
    from woodelf import WoodelfExplainer  # only here: small files do without

    return WoodelfExplainer(trees_from_text(text), feature_perturbation="tree_path_dependent")


def _names(n: int) -> list[str]:
    return [f"f{number}" for number in range(n)]
