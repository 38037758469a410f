import re

import numpy as np
import pytest

from churn.errors import ModelError
from churn.model.learners.catalogue import fit_learners, is_installed
from churn.model.tree_check import check_trees
from churn.model.trees import TreeParameters, fit_trees, trees_from_text, trees_to_text

RANDOM = np.random.default_rng(3)
ROWS = np.where(RANDOM.random((300, 3)) < 0.1, np.nan, RANDOM.normal(size=(300, 3)))
Y = (np.nan_to_num(ROWS[:, 0]) + RANDOM.normal(size=300) > 0).astype(np.int64)
PARAMETERS = TreeParameters(num_leaves=4)


@pytest.fixture(scope="module")
def text():
    return trees_to_text(fit_trees(ROWS, Y, PARAMETERS, rounds=3))


def _changed(text, field, change):
    """Change a line of tree 1, and make the lengths in the head fit."""
    begin, end = text.index("Tree=1\n"), text.index("Tree=2\n")
    tree = re.sub(rf"^{field}=(.*)$", lambda line: f"{field}={change(line[1].split(' '))}", text[begin:end], flags=re.M)
    sizes = re.search(r"tree_sizes=(\d+) (\d+)", text)
    head = text[:begin].replace(sizes[0], f"tree_sizes={sizes[1]} {len(tree)}")
    return head + tree + text[end:]


def _first(value):
    return lambda values: " ".join([value, *values[1:]])


def _all(value):
    return lambda _: value


@pytest.mark.parametrize("learner", ["lightgbm", "scorecard", "histogram", "xgboost", "catboost"])
def test_trees_of_every_learner_alone_and_averaged_are_sound(learner):
    if not is_installed(learner):
        pytest.skip(f"{learner} is not installed")
    for names in ([learner], [learner, "lightgbm"]):
        booster = fit_learners(names, ROWS, Y, PARAMETERS, rounds=[3] * len(names))
        assert check_trees(trees_to_text(booster)) == 3


@pytest.mark.parametrize("monotone", [(), (0, 2)])
@pytest.mark.parametrize("num_leaves", [2, 4, 100])
def test_trees_of_any_size_are_sound(monotone, num_leaves):
    parameters = TreeParameters(num_leaves=num_leaves, min_child=1, monotone=monotone)
    assert check_trees(trees_to_text(fit_trees(ROWS, Y, parameters, rounds=5))) == 3


def test_a_split_that_parts_missing_values_from_all_others_is_sound():
    column = np.where(np.arange(600) % 3 == 2, np.nan, np.arange(600) % 3)
    text = trees_to_text(fit_trees(column[:, None], np.isnan(column), PARAMETERS, rounds=3))
    assert "threshold=inf" in text
    assert check_trees(text) == 1


def test_trees_that_learnt_nothing_are_sound():
    assert check_trees(trees_to_text(fit_trees(np.ones((60, 2)), np.arange(60) % 2, PARAMETERS, rounds=3))) == 2


def test_what_is_sound_is_read_by_lightgbm_as_it_stands(text):
    assert trees_to_text(trees_from_text(text)) == text


@pytest.mark.parametrize(
    ("field", "change", "says"),
    [
        ("num_leaves", _first("1000000000"), "num_leaves: is not within 4 and 4"),
        ("num_leaves", _first("-1"), "num_leaves: is not within 4 and 4"),
        ("num_cat", _first("1"), "num_cat: is not within 0 and 0"),
        ("is_linear", _first("1"), "is_linear: is not within 0 and 0"),
        ("split_feature", _first("3"), "split_feature: is not within 0 and 2"),
        ("split_feature", _first("-1"), "split_feature: is not within 0 and 2"),
        ("split_feature", _first("4294967296"), "split_feature: is not within 0 and 2"),
        ("split_feature", _first("99999999999999999999"), "split_feature: is not there, or is not a list of numbers"),
        ("split_feature", _all("0 0 0 0"), "split_feature: lists 4 numbers in a tree of 4 leaves"),
        ("threshold", _first("nan"), "threshold: is not there, or is not a list of numbers"),
        ("threshold", _first("-1e+999"), "threshold: is not within"),
        ("threshold", _first("0x10"), "threshold: is not there, or is not a list of numbers"),
        ("decision_type", _first("1"), "decision_type: is not that of a split on a threshold"),
        ("decision_type", _first("4"), "decision_type: is not that of a split on a threshold"),
        ("decision_type", _first("255"), "decision_type: is not within"),
        ("left_child", _first("0"), "left_child and right_child: do not form a tree"),
        ("left_child", _first("-3"), "left_child and right_child: do not form a tree"),
        ("left_child", _first("3"), "left_child: is not within -4 and 2"),
        ("right_child", _first("-5"), "right_child: is not within -4 and 2"),
        ("leaf_value", _first("inf"), "leaf_value: is not there, or is not a list of numbers"),
        ("leaf_value", _first("1e+300"), "leaf_value: is not within -1000000 and 1000000"),
        ("leaf_value", _all(""), "num_leaves: is not within 0 and 0"),
        ("leaf_count", _first("0"), "leaf_count: is not within 1"),
        ("leaf_count", _first("7"), "internal_count: is not the sum of the counts"),
        ("internal_count", _first("0"), "internal_count: is not within 1"),
        ("shrinkage", _first("1 1"), "shrinkage: lists 2 numbers"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_by_tree_and_line(text, field, change, says):
    with pytest.raises(ModelError, match="^Tree=1, .*" + re.escape(says)):
        check_trees(_changed(text, field, change))


def test_splits_that_only_lead_to_each_other_are_refused(text):
    changed = text
    # 1 stands below 2, and 2 below 1: each has one split above it, and none is reached from the first
    lines = {"left_child": "-1 2 1", "right_child": "-2 -3 -4", "leaf_count": "1 1 1 1", "internal_count": "2 2 2"}
    for field, value in lines.items():
        changed = _changed(changed, field, _all(value))

    with pytest.raises(ModelError, match=r"is not the sum of the counts"):
        check_trees(changed)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("tree\n", "trees\n", "its head is not in the form"),
        ("num_class=1", "num_class=2", "its head is not in the form"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "its head is not in the form"),
        ("objective=binary sigmoid:1", "objective=evil", "its head is not in the form"),
        ("objective=binary sigmoid:1", "objective=binary sigmoid:1\naverage_output", "its head is not in the form"),
        ("max_feature_idx=2", "max_feature_idx=3", "does not list names of 4 columns"),
        ("max_feature_idx=2", "max_feature_idx=999999999", "does not list names of 1000000000 columns"),
        ("feature_names=f0 f1 f2", "feature_names=f0 f2 f1", "does not name the columns in their order"),
        ("feature_infos=[", "feature_infos=", "does not give the range"),
        ("feature_infos=[-", "feature_infos=[-" + "9" * 400, "does not give the range"),
        ("feature_infos=", "monotone_constraints=-1 0\nfeature_infos=", "does not list signs of 3 columns"),
        ("feature_infos=", "monotone_constraints=-1 0 9\nfeature_infos=", "does not give the range and the direction"),
        ("tree_sizes=", "tree_sizes=-5 ", "does not give the length of each tree"),
        ("tree_sizes=", "tree_sizes=1 ", "not as long as its head says"),
        ("Tree=1\n", "Tree=0\n", "Tree=1: does not have the lines of a tree"),
        ("Tree=1\n", "tree=1\n", "Tree=1: does not have the lines of a tree"),
        ("num_cat", "num_dog", "Tree=0, num_cat: is not there"),
        ("end of trees\n", "end of tree\n", "is not a whole tree text"),
        ("\nfeature_importances:", "\nparameters:\n[boosting: gbdt]\nend of parameters", "what follows the trees"),
        ("pandas_categorical:null", "pandas_categorical:[[1]]", "what follows the trees"),
        ("shrinkage=0.08", "shrinkage=٠.08", "is not a whole tree text"),
    ],
)
def test_a_text_of_another_form_is_refused(text, old, new, says):
    assert old in text
    with pytest.raises(ModelError, match=re.escape(says)):
        check_trees(text.replace(old, new, 1))


def test_a_range_that_is_not_finite_is_refused(text):
    with pytest.raises(ModelError, match="does not give the range"):
        check_trees(re.sub(r"feature_infos=\[[^:]*", "feature_infos=[-1e+999", text))


def _chain(n_splits):
    """Render a text of one tree in which every split but the last has one split and one leaf below it."""
    ones, counts = " ".join(["1"] * n_splits), range(n_splits + 1, 1, -1)
    lists = {
        "num_leaves": str(n_splits + 1),
        "num_cat": "0",
        "split_feature": " ".join(["0"] * n_splits),
        "split_gain": ones,
        "threshold": ones,
        "decision_type": " ".join(["2"] * n_splits),
        "left_child": " ".join(str(~leaf) for leaf in range(n_splits)),
        "right_child": " ".join([*map(str, range(1, n_splits)), str(~n_splits)]),
        "leaf_value": ones + " 1",
        "leaf_weight": ones + " 1",
        "leaf_count": ones + " 1",
        "internal_value": ones,
        "internal_weight": ones,
        "internal_count": " ".join(map(str, counts)),
        "is_linear": "0",
        "shrinkage": "1",
    }
    tree = "Tree=0\n" + "".join(f"{name}={value}\n" for name, value in lists.items()) + "\n\n"
    return (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\n"
        "objective=binary sigmoid:1\nfeature_names=f0\nfeature_infos=none\n"
        f"tree_sizes={len(tree)}\n\n{tree}end of trees\n\nfeature_importances:\n\npandas_categorical:null\n"
    )


def test_a_tree_too_deep_to_be_explained_is_refused():
    assert check_trees(_chain(500)) == 1
    with pytest.raises(ModelError, match="Tree=0: has more than 500 levels"):
        check_trees(_chain(501))
