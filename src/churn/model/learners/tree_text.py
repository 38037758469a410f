"""Trees of any library as LightGBM's text: one form in which every learner is stored, read and explained.

A sum of binary trees on thresholds is the same function whoever grew it. Written in LightGBM's text form it needs
no pickle and no second reader, and SHAP values and reasons work for it as they stand.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from churn.model.trees import Matrix, as_stored, trees_from_text, trees_to_text

if TYPE_CHECKING:
    import lightgbm as lgb

LARGEST_THRESHOLD = 1e300
"""Stands for infinity: every number is at most this, and only a missing value is not."""
_MISSING_LEFT, _MISSING_RIGHT = 10, 8  # LightGBM's decision_type: a missing value is NaN, and goes left or right


class Tree(NamedTuple):
    """A binary tree of k splits and k + 1 leaves.

    Attributes
    ----------
    feature
        Column each split asks, shape (k,).
    threshold
        A value at most this goes left, shape (k,).
    missing_left
        Whether a missing value goes left, shape (k,).
    left, right
        What follows: a split by its number, or leaf number i as ``~i``; shape (k,). Split 0 is the root.
    value
        Of each leaf, in log-odds, shape (k + 1,).
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]


def split_tree(
    feature: int, edges: Sequence[float] | NDArray[np.float64], value: ArrayLike, missing_value: float
) -> Tree:
    """Build the tree of a step function of one column.

    Parameters
    ----------
    feature
        The column.
    edges
        Where the function steps, ascending; a value at an edge belongs below it.
    value
        Between the edges, one more than there are edges.
    missing_value
        Of a missing value.

    Examples
    --------
    >>> tree = split_tree(0, [5.0], [1.0, 2.0], 3.0)
    >>> tree.threshold.tolist(), tree.left.tolist(), tree.right.tolist(), tree.value.tolist()
    ([1e+300, 5.0], [1, -1], [-3, -2], [1.0, 2.0, 3.0])
    """
    steps = np.asarray(value, dtype=np.float64)
    n = len(steps)
    # the root parts missing values from all others; below it the edges are halved again and again
    splits: list[tuple[float, int, int]] = [(LARGEST_THRESHOLD, 1 if n > 1 else ~0, ~n)]
    _halve(splits, np.asarray(edges, dtype=np.float64), 0, n)
    threshold, left, right = (np.array(column) for column in zip(*splits, strict=True))
    return Tree(
        feature=np.full(len(splits), feature),
        threshold=threshold,
        missing_left=np.zeros(len(splits), dtype=bool),
        left=left,
        right=right,
        value=np.r_[steps, missing_value],
    )


def _halve(splits: list[tuple[float, int, int]], edges: NDArray[np.float64], first: int, end: int) -> int:
    """Add the splits that part leaves first to end - 1; the place of the upper one, or the leaf where it is alone."""
    if end - first == 1:
        return ~first
    middle = (first + end) // 2
    place = len(splits)
    splits.append((float(edges[middle - 1]), 0, 0))
    left = _halve(splits, edges, first, middle)
    right = _halve(splits, edges, middle, end)
    splits[place] = (splits[place][0], left, right)
    return place


def build_booster(trees: Sequence[Tree], matrix: Matrix, *, offset: float = 0.0) -> "lgb.Booster":
    """Make one booster of trees; its margin is their sum plus an offset.

    Parameters
    ----------
    trees
        Of any number of splits, also none.
    matrix
        Rows the trees were grown on, shape (n, number of features): SHAP values weigh branches by how many rows took
        them. A branch that no row took counts as one.
    offset
        In log-odds.

    Examples
    --------
    >>> booster = build_booster([split_tree(0, [5.0], [1.0, 2.0], 3.0)], np.array([[4.0], [6.0]]), offset=0.5)
    >>> booster.predict(np.array([[5.0], [5.1], [np.nan]]), raw_score=True).tolist()
    [1.5, 2.5, 3.5]
    """
    grown = [tree for tree in trees if len(tree.feature)] or [split_tree(0, [], [0.0], 0.0)]
    offset += sum(float(tree.value[0]) for tree in trees if not len(tree.feature))
    grown[0] = grown[0]._replace(value=grown[0].value + offset)
    n_features = matrix.shape[1]
    uncounted = trees_from_text(
        _render(grown, [np.ones(len(tree.value), dtype=np.int64) for tree in grown], n_features)
    )
    leaves = np.asarray(uncounted.predict(matrix, pred_leaf=True), dtype=np.int64).reshape(len(matrix), len(grown))
    counts = [np.maximum(np.bincount(leaves[:, at], minlength=len(tree.value)), 1) for at, tree in enumerate(grown)]
    return as_stored(trees_from_text(_render(grown, counts, n_features)))


def average_boosters(boosters: Sequence["lgb.Booster"]) -> "lgb.Booster":
    """Make one booster whose margin is the mean of several boosters' margins; they take the same columns.

    Examples
    --------
    >>> rows = np.array([[4.0], [6.0]])
    >>> both = [build_booster([split_tree(0, [5.0], values, 0.0)], rows) for values in ([1.0, 2.0], [3.0, 8.0])]
    >>> average_boosters(both).predict(rows, raw_score=True).tolist()
    [2.0, 5.0]
    """
    if len(boosters) == 1:
        return boosters[0]
    bodies = [_scaled(tree, 1 / len(boosters)) for booster in boosters for tree in _tree_texts(booster)]
    return as_stored(trees_from_text(_whole(bodies, boosters[0].num_feature())))


def _tree_texts(booster: "lgb.Booster") -> list[str]:
    body = trees_to_text(booster).partition("\nTree=0\n")[2].partition("end of trees\n")[0]
    return [part.partition("\n")[2] if number else part for number, part in enumerate(body.split("\nTree="))]


def _scaled(text: str, factor: float) -> str:
    lines = []
    for line in text.strip().splitlines():
        name, _, values = line.partition("=")
        if name in ("leaf_value", "internal_value"):
            line = f"{name}=" + " ".join(repr(float(value) * factor) for value in values.split())
        lines.append(line)
    return "\n".join(lines)


def _render(trees: Sequence[Tree], counts: Sequence[NDArray[np.int64]], n_features: int) -> str:
    return _whole([_render_tree(tree, count) for tree, count in zip(trees, counts, strict=True)], n_features)


def _render_tree(tree: Tree, count: NDArray[np.int64]) -> str:
    inner, mean = _inner_sums(tree, count)
    fields: dict[str, Any] = {
        "num_leaves": [len(tree.value)],
        "num_cat": [0],
        "split_feature": tree.feature,
        "split_gain": np.zeros(len(tree.feature)),
        "threshold": np.clip(tree.threshold, -LARGEST_THRESHOLD, LARGEST_THRESHOLD),
        "decision_type": np.where(tree.missing_left, _MISSING_LEFT, _MISSING_RIGHT),
        "left_child": tree.left,
        "right_child": tree.right,
        "leaf_value": tree.value,
        "leaf_weight": count,
        "leaf_count": count,
        "internal_value": mean,
        "internal_weight": inner,
        "internal_count": inner,
        "is_linear": [0],
        "shrinkage": [1],
    }
    return "\n".join(f"{name}={' '.join(map(repr, np.asarray(values).tolist()))}" for name, values in fields.items())


def _inner_sums(tree: Tree, count: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows below each split, and the mean value of their leaves."""
    rows = np.zeros(len(tree.feature), dtype=np.int64)
    total = np.zeros(len(tree.feature))
    for split in _deepest_first(tree):
        for child in (int(tree.left[split]), int(tree.right[split])):
            rows[split] += rows[child] if child >= 0 else count[~child]
            total[split] += total[child] if child >= 0 else count[~child] * tree.value[~child]
    return rows, total / rows


def _deepest_first(tree: Tree) -> list[int]:
    order = [0]
    for split in order:  # grows while it is walked: every split stands after the one above it
        order.extend(int(child) for child in (tree.left[split], tree.right[split]) if child >= 0)
    return order[::-1]


def _whole(bodies: Sequence[str], n_features: int) -> str:
    texts = [f"Tree={number}\n{body}\n\n\n" for number, body in enumerate(bodies)]
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={n_features - 1}",
        "objective=binary sigmoid:1",
        "feature_names=" + " ".join(f"f{number}" for number in range(n_features)),
        "feature_infos=" + " ".join(["none"] * n_features),
        "tree_sizes=" + " ".join(str(len(text)) for text in texts),
    ]
    return (
        "\n".join(chain(head, ["", "".join(texts)]))
        + "end of trees\n\nfeature_importances:\n\npandas_categorical:null\n"
    )
