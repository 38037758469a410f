"""Every number of a tree text is checked before LightGBM reads any.

LightGBM's reader trusts its text: a column that does not exist makes it write beyond its memory, a branch that leads
back never ends, and a length that is wrong ends the process. Therefore a text must have exactly the form that
`churn.model.trees.trees_to_text` gives: these lines in this order, no categorical and no linear splits. Whatever
LightGBM could read beside it is refused. See docs/decisions/0012-one-form-of-trees.md.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.errors import ModelError

LARGEST_VALUE = 1e6
"""Of a leaf or a split in log-odds, above or below zero: far beyond any risk, and sums of such stay finite."""
_LARGEST_DOUBLE = float(np.finfo(np.float64).max)
MOST_LEVELS = 500
MOST_STEPS = 500_000_000
"""Of SHAP values for one customer: leaves times the square of levels, over all trees; about half a second."""

_WHOLE = r"-?(?:0|[1-9]\d{0,9})"
_NUMBER = r"-?\d{1,17}(?:\.\d{1,21})?(?:e[+-]\d{2,3})?"
_RANGE = rf"none|\[{_NUMBER}:{_NUMBER}\]"
_HEAD = re.compile(
    r"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=(?P<last>\d{1,9})\n"
    r"objective=binary sigmoid:1\nfeature_names=(?P<names>.*)\n(?:monotone_constraints=(?P<signs>.*)\n)?"
    r"feature_infos=(?P<ranges>.*)\ntree_sizes=(?P<sizes>.*)"
)
_TAIL = re.compile(r"\nfeature_importances:\n(?:f\d{1,9}=\d{1,10}\n)*\npandas_categorical:null\n")


def _listed(one: str) -> "re.Pattern[str]":
    return re.compile(rf"(?:(?:{one})(?: (?:{one}))*+)?")


_WHOLES, _NUMBERS, _THRESHOLDS = (_listed(one) for one in (_WHOLE, _NUMBER, f"{_NUMBER}|inf"))
_RANGES, _SIGNS = (_listed(one) for one in (_RANGE, "-?1|0"))
_FIELDS = {
    "num_leaves": _WHOLES,
    "num_cat": _WHOLES,
    "split_feature": _WHOLES,
    "split_gain": _NUMBERS,
    "threshold": _THRESHOLDS,
    "decision_type": _WHOLES,
    "left_child": _WHOLES,
    "right_child": _WHOLES,
    "leaf_value": _NUMBERS,
    "leaf_weight": _NUMBERS,
    "leaf_count": _WHOLES,
    "internal_value": _NUMBERS,
    "internal_weight": _NUMBERS,
    "internal_count": _WHOLES,
    "is_linear": _WHOLES,
    "shrinkage": _NUMBERS,
}
"""The lines of a tree, and what each lists."""
_DECISIONS = 2 | 8
"""Bits of a split on a threshold: whether a missing value goes left (2), and whether NaN is one or counts as 0 (8)."""

Fields = dict[str, NDArray[Any]]


def check_trees(text: str) -> int:
    """Check a tree text, and return how many columns its trees take.

    Raises
    ------
    ModelError
        The text was cut or is not of this form; a number is not finite or not within its bounds; a tree is not a
        tree; its values would be too large, or SHAP values of it would take too long.

    Examples
    --------
    >>> from churn.model.trees import TreeParameters, fit_trees, trees_to_text
    >>> rows = np.array([[0.0, 5.0], [1.0, 5.0]] * 30)
    >>> text = trees_to_text(fit_trees(rows, rows[:, 0], TreeParameters(), rounds=3))
    >>> check_trees(text)
    2
    >>> check_trees(text.replace("split_feature=0", "split_feature=9"))
    Traceback (most recent call last):
    churn.errors.ModelError: Tree=1, split_feature: is not within 0 and 1
    """
    head, _, rest = text.partition("\n\n")
    body, end, tail = rest.partition("end of trees\n")
    if not end or not text.isascii():
        raise ModelError("is not a whole tree text")
    n_features, sizes = _read_head(head)
    if sum(sizes) != len(body):
        raise ModelError("its trees are not as long as its head says")
    if not _TAIL.fullmatch(tail):
        raise ModelError("what follows the trees is not in the form of this version")
    begin = steps = 0
    for number, size in enumerate(sizes):
        tree = _read_tree(body[begin : begin + size], number)
        _require_bounds(tree, number, n_features)
        steps += len(tree["leaf_value"]) * _count_levels(tree, number) ** 2
        begin += size
    if steps > MOST_STEPS:
        raise ModelError("its trees are too many and too deep to be explained in a reasonable time")
    return n_features


def _read_head(head: str) -> tuple[int, list[int]]:
    """Number of columns, and length of each tree's text."""
    found = _HEAD.fullmatch(head)
    if not found:
        raise ModelError("its head is not in the form of this version")
    n_features = int(found["last"]) + 1
    lists = {name: found[name] for name in ("names", "signs", "ranges") if found[name] is not None}
    for name, value in lists.items():
        if value.count(" ") != n_features - 1:
            raise ModelError(f"its head does not list {name} of {n_features} columns")
    if found["names"] != " ".join(f"f{number}" for number in range(n_features)):
        raise ModelError("its head does not name the columns in their order")
    ends = np.array(re.findall(_NUMBER, found["ranges"]), dtype=np.float64)
    sound = _RANGES.fullmatch(found["ranges"]) and np.isfinite(ends).all()
    if not (sound and _SIGNS.fullmatch(found["signs"] or "")):
        raise ModelError("its head does not give the range and the direction of each column")
    if not found["sizes"] or not _WHOLES.fullmatch(found["sizes"]) or "-" in found["sizes"]:
        raise ModelError("its head does not give the length of each tree")
    return n_features, [int(size) for size in found["sizes"].split(" ")]


def _read_tree(text: str, number: int) -> Fields:
    first, *lines = text.split("\n")
    if first != f"Tree={number}" or len(lines) != len(_FIELDS) + 3 or lines[-3:] != ["", "", ""]:
        raise ModelError(f"Tree={number}: does not have the lines of a tree")
    found = {}
    for line, (name, form) in zip(lines, _FIELDS.items(), strict=False):
        given, _, value = line.partition("=")
        if given != name or not form.fullmatch(value):
            raise ModelError(f"Tree={number}, {name}: is not there, or is not a list of numbers")
        found[name] = np.array(value.split(), dtype=np.int64 if form is _WHOLES else np.float64)
    return found


def _require_bounds(tree: Fields, number: int, n_features: int) -> None:
    """Refuse a list of another length, and a number out of its bounds."""
    n_leaves = len(tree["leaf_value"])
    bounds: dict[str, tuple[float, float]] = {
        "num_leaves": (n_leaves, n_leaves),
        "num_cat": (0, 0),
        "split_feature": (0, n_features - 1),
        "threshold": (-_LARGEST_DOUBLE, np.inf),  # of a split that parts missing values from all others
        "decision_type": (0, _DECISIONS),
        "left_child": (-n_leaves, n_leaves - 2),
        "right_child": (-n_leaves, n_leaves - 2),
        "leaf_value": (-LARGEST_VALUE, LARGEST_VALUE),
        "leaf_count": (1, 2**31 - 1),
        "internal_value": (-LARGEST_VALUE, LARGEST_VALUE),
        "internal_count": (1, 2**31 - 1),
        "is_linear": (0, 0),
    }
    for name, values in tree.items():
        if len(values) not in _lengths(name, n_leaves):
            raise ModelError(f"Tree={number}, {name}: lists {len(values)} numbers in a tree of {n_leaves} leaves")
        low, high = bounds.get(name, (-_LARGEST_DOUBLE, _LARGEST_DOUBLE))
        if not np.all((values >= low) & (values <= high)):
            raise ModelError(f"Tree={number}, {name}: is not within {low:.15g} and {high:.15g}")
    if np.any(tree["decision_type"] & ~_DECISIONS):
        raise ModelError(f"Tree={number}, decision_type: is not that of a split on a threshold")


def _lengths(name: str, n_leaves: int) -> tuple[int, ...]:
    if name in ("num_leaves", "num_cat", "is_linear", "shrinkage"):
        return (1,)
    if name.startswith("leaf_"):
        # LightGBM leaves weight and count out where there is but one leaf
        return (n_leaves,) if n_leaves > 1 or name == "leaf_value" else (0, 1)
    return (n_leaves - 1,)


def _count_levels(tree: Fields, number: int) -> int:
    """Levels of splits; refuse what is not one tree, and rows that do not add up."""
    left, right, inner = tree["left_child"], tree["right_child"], tree["internal_count"]
    n_leaves, n_splits = len(tree["leaf_value"]), len(left)
    below = np.sort(np.concatenate([left, right]))
    wrong = ModelError(f"Tree={number}, left_child and right_child: do not form a tree")
    # leaves are -1 and down, split 0 is the root: all others stand below one split each
    if n_splits and not np.array_equal(below, np.r_[-n_leaves:0, 1:n_splits]):
        raise wrong
    counts = np.concatenate([inner, tree["leaf_count"][::-1]])  # leaf i is at ~i
    if not np.array_equal(counts[left] + counts[right], inner):
        raise ModelError(f"Tree={number}, internal_count: is not the sum of the counts below each split")
    levels = reached = 0
    level = np.arange(min(n_splits, 1))
    while len(level) and levels <= MOST_LEVELS:
        levels, reached = levels + 1, reached + len(level)
        level = np.concatenate([left[level], right[level]])
        level = level[level >= 0]
    if levels > MOST_LEVELS:
        raise ModelError(f"Tree={number}: has more than {MOST_LEVELS} levels")
    if reached != n_splits:
        raise wrong
    return levels
