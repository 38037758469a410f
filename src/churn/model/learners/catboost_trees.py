"""CatBoost, where it is installed."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from churn.model.learners.tree_text import Tree, build_booster
from churn.model.learners.xgboost_trees import last_rounded_to
from churn.model.trees import Matrix, fit_threads


def fit_catboost(matrix: Matrix, y: NDArray[Any], *, rounds: int, seed: int) -> lgb.Booster:
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
    with tempfile.TemporaryDirectory(prefix="churn-") as folder:
        path = Path(folder) / "trees.json"
        model.save_model(str(path), format="json")
        document = json.loads(path.read_text(encoding="utf-8"))
    scale, [bias] = document["scale_and_bias"]
    treatment = {
        one["feature_index"]: one["nan_value_treatment"] for one in document["features_info"]["float_features"]
    }
    trees = [_read(tree, treatment, scale) for tree in document["oblivious_trees"]]
    return build_booster(trees, matrix, offset=float(bias))


def _read(tree: Mapping[str, Any], treatment: Mapping[int, str], scale: float) -> Tree:
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
