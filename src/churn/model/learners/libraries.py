"""Trees grown by other libraries: scikit-learn's histograms; XGBoost and CatBoost, where they are installed."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from churn.model.learners.tree_text import Tree, build_booster
from churn.model.trees import Matrix, fit_threads
from churn.scratch import scratch_folder

if TYPE_CHECKING:
    import lightgbm as lgb


def fit_histogram(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> "lgb.Booster":
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
    trees = [_read_histogram(predictor.nodes) for [predictor] in model._predictors]
    return build_booster(trees, matrix, offset=float(model._baseline_prediction.item()))


def _read_histogram(nodes: NDArray[Any]) -> Tree:
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


def fit_xgboost(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> "lgb.Booster":
    """Grow trees by XGBoost, of about the size of `TreeParameters`; parameters as for `fit_histogram`.

    XGBoost reads numbers in single precision. The thresholds written are those at which rounding to it changes sides,
    so that its trees decide alike on double precision.
    """
    import xgboost

    settings = {
        "objective": "binary:logistic",
        "eta": 0.08,
        "max_depth": 3,
        "min_child_weight": 5,
        "subsample": 0.8,
        "colsample_bytree": 0.6,
        "lambda": 5.0,
        "tree_method": "hist",
        "seed": seed,
        "nthread": fit_threads(matrix) or None,
        "verbosity": 0,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    grown = xgboost.train(given, xgboost.DMatrix(matrix, label=np.asarray(y)), num_boost_round=rounds)
    learner = json.loads(bytes(grown.save_raw("json")))["learner"]
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    trees = [_read_xgboost(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
    return build_booster(trees, matrix, offset=float(logit(base)))


def _read_xgboost(tree: Mapping[str, Any]) -> Tree:
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    is_leaf = left == -1
    place = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    return Tree(
        feature=np.array(tree["split_indices"])[~is_leaf],
        threshold=largest_below(conditions[~is_leaf]),
        missing_left=np.array(tree["default_left"]).astype(bool)[~is_leaf],
        left=place[left[~is_leaf]],
        right=place[right[~is_leaf]],
        value=conditions[is_leaf].astype(np.float64),
    )


def largest_below(limit: NDArray[np.float32]) -> NDArray[np.float64]:
    """Largest number that is less than a limit once rounded to single precision, shape as `limit`.

    Examples
    --------
    >>> at = largest_below(np.float32([0.1]))
    >>> np.float32(at) < np.float32(0.1), np.float32(np.nextafter(at, 1)) < np.float32(0.1)
    (array([ True]), array([False]))
    """
    return last_rounded_to(np.nextafter(limit, np.float32(-np.inf)))


def last_rounded_to(value: NDArray[np.float32]) -> NDArray[np.float64]:
    """Largest number that single precision rounds to `value`, shape as `value`.

    Examples
    --------
    >>> at = last_rounded_to(np.float32([0.1]))
    >>> np.float32(at) == np.float32(0.1), np.float32(np.nextafter(at, 1)) == np.float32(0.1)
    (array([ True]), array([False]))
    """
    above = np.nextafter(value, np.float32(np.inf)).astype(np.float64)
    middle = (value.astype(np.float64) + above) / 2
    # exactly half way, the even of both is taken
    return np.where(middle.astype(np.float32) == value, middle, np.nextafter(middle, -np.inf))


def fit_catboost(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> "lgb.Booster":
    """Grow symmetric trees by CatBoost, ordered boosting and all; parameters as for `fit_histogram`.

    CatBoost reads numbers in single precision; thresholds are written as for XGBoost.
    """
    import catboost

    model = catboost.CatBoostClassifier(
        iterations=rounds,
        learning_rate=0.06,
        depth=5,
        random_seed=seed,
        thread_count=fit_threads(matrix) or -1,
        allow_writing_files=False,
        verbose=False,
    )
    model.fit(matrix, np.asarray(y))
    with scratch_folder() as folder:
        path = folder / "trees.json"
        model.save_model(str(path), format="json")
        document = json.loads(path.read_text(encoding="utf-8"))
    scale, [bias] = document["scale_and_bias"]
    treatment = {
        one["feature_index"]: one["nan_value_treatment"] for one in document["features_info"]["float_features"]
    }
    trees = [_read_catboost(tree, treatment, scale) for tree in document["oblivious_trees"]]
    return build_booster(trees, matrix, offset=float(bias))


def _read_catboost(tree: Mapping[str, Any], treatment: Mapping[int, str], scale: float) -> Tree:
    """Unfold a symmetric tree, which asks one question a level: level i decides bit i of the leaf's number."""
    questions = tree["splits"][::-1]  # the last decides the highest bit: asked first, leaves stay in order
    depth = len(questions)
    split = np.arange(2**depth - 1)
    level = np.floor(np.log2(split + 1)).astype(np.int64)
    asked = [questions[at] for at in level]
    child = 2 * split + 1
    last = level == depth - 1
    return Tree(
        feature=np.array([one["float_feature_index"] for one in asked], dtype=np.int64),
        threshold=last_rounded_to(np.array([one["border"] for one in asked], dtype=np.float32)),
        missing_left=np.array([treatment[one["float_feature_index"]] != "AsTrue" for one in asked], dtype=bool),
        left=np.where(last, ~(child - len(split)), child),
        right=np.where(last, ~(child + 1 - len(split)), child + 1),
        value=np.array(tree["leaf_values"]) * scale,
    )
