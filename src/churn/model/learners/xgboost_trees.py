"""XGBoost, where it is installed."""

import json
from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from churn.model.learners.tree_text import Tree, build_booster
from churn.model.trees import Matrix, fit_threads


def fit_xgboost(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> lgb.Booster:
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
    trees = [_read(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
    return build_booster(trees, matrix, offset=float(logit(base)))


def _read(tree: Mapping[str, Any]) -> Tree:
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
