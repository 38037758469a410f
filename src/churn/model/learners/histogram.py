"""scikit-learn's histogram gradient boosting."""

from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from churn.model.learners.tree_text import Tree, build_booster
from churn.model.trees import Matrix, fit_threads


def fit_histogram(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> lgb.Booster:
    """Grow trees as LightGBM's defaults of `TreeParameters` do, by another library.

    Parameters
    ----------
    matrix
        Shape (n, number of features), NaN where missing.
    y
        0 or 1, shape (n,), both there.
    rounds
        Trees.
    seed
        Draws the columns of each split.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # scoring does without
    from threadpoolctl import threadpool_limits

    # a column without any number cannot be cut into bins
    filled = np.where(np.isfinite(matrix).any(axis=0), matrix, 0.0)
    model = HistGradientBoostingClassifier(
        learning_rate=0.08,
        max_iter=rounds,
        max_leaf_nodes=8,
        min_samples_leaf=min(30, max(1, len(matrix) // 20)),
        l2_regularization=5.0,
        max_features=0.6,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(fit_threads(matrix) or None, user_api="openmp"):
        model.fit(filled, y)
    # scikit-learn shows its trees nowhere else; tests hold what is read against its own predictions
    trees = [_read(predictor.nodes) for [predictor] in model._predictors]
    return build_booster(trees, matrix, offset=float(model._baseline_prediction.item()))


def _read(nodes: NDArray[Any]) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    place = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
    splits = nodes[~is_leaf]
    return Tree(
        feature=splits["feature_idx"].astype(np.int64),
        threshold=splits["num_threshold"],
        missing_left=splits["missing_go_to_left"].astype(bool),
        left=place[splits["left"]],
        right=place[splits["right"]],
        value=nodes["value"][is_leaf],
    )
