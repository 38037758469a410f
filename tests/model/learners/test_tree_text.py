import numpy as np
import pytest

from churn.model.learners.tree_text import LARGEST_THRESHOLD, Tree, average_boosters, build_booster, split_tree
from churn.model.trees import TreeParameters, fit_trees, predict_contributions, predict_margins, trees_to_text

ROWS = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan]])


def test_step_function_has_each_value_between_its_edges_and_one_for_missing_values():
    tree = split_tree(0, [1.0, 2.0, 3.0], [10.0, 20.0, 30.0, 40.0], 50.0)
    asked = np.array([[-9.0], [1.0], [1.0001], [2.0], [3.0], [3.1], [1e299], [-np.inf], [np.nan]])
    margins = predict_margins(build_booster([tree], ROWS), asked)
    assert margins.tolist() == [10, 10, 20, 20, 30, 40, 40, 10, 50]


def test_step_function_without_edges_tells_missing_values_alone():
    booster = build_booster([split_tree(0, [], [1.0], 2.0)], ROWS)
    assert predict_margins(booster, ROWS).tolist() == [1, 1, 1, 1, 2]


def test_missing_values_go_where_the_tree_says():
    trees = [
        Tree(np.array([0]), np.array([2.5]), np.array([side]), np.array([~0]), np.array([~1]), np.array([1.0, 2.0]))
        for side in (True, False)
    ]
    margins = [predict_margins(build_booster([tree], ROWS), ROWS).tolist() for tree in trees]
    assert margins == [[1, 1, 2, 2, 1], [1, 1, 2, 2, 2]]


def test_infinite_threshold_parts_numbers_from_missing_values():
    tree = Tree(
        np.array([0]), np.array([np.inf]), np.array([False]), np.array([~0]), np.array([~1]), np.array([1.0, 2.0])
    )
    booster = build_booster([tree], ROWS)
    assert predict_margins(booster, np.array([[LARGEST_THRESHOLD], [np.nan]])).tolist() == [1, 2]


def test_offset_and_trees_without_a_split_add_to_every_row():
    nothing = np.array([], dtype=np.int64)
    leaf = Tree(nothing, nothing.astype(float), nothing.astype(bool), nothing, nothing, np.array([0.25]))
    alone = build_booster([leaf], ROWS, offset=0.5)
    beside = build_booster([leaf, split_tree(0, [2.0], [1.0, 2.0], 3.0)], ROWS, offset=0.5)
    assert predict_margins(alone, ROWS).tolist() == [0.75] * 5
    assert predict_margins(beside, ROWS).tolist() == [1.75, 1.75, 2.75, 2.75, 3.75]


def test_contributions_weigh_branches_by_the_rows_that_took_them():
    # three rows of four at or below 3: the base value is the mean over the rows
    booster = build_booster([split_tree(0, [3.0], [0.0, 4.0], 0.0)], ROWS[:4])
    contributions = predict_contributions(booster, np.array([[1.0], [4.0]]))
    # the branch for missing values counts as one row that was not there: of five
    assert contributions[:, -1] == pytest.approx([4 / 5, 4 / 5])
    assert contributions.sum(axis=1) == pytest.approx([0.0, 4.0])


def test_mean_of_boosters_has_the_mean_margin_and_the_mean_contributions():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, 3))
    matrix[::7, 1] = np.nan
    y = (matrix[:, 0] + rng.normal(size=400) > 0).astype(int)
    boosters = [fit_trees(matrix, y, TreeParameters(num_leaves=n), rounds=n, seed=n) for n in (4, 8)]
    boosters.append(build_booster([split_tree(2, [0.0], [-1.0, 1.0], 0.0)], matrix))
    mean = average_boosters(boosters)
    assert mean.num_trees() == 4 + 8 + 1
    for read in (predict_margins, predict_contributions):
        expected = np.mean([read(booster, matrix) for booster in boosters], axis=0)
        assert read(mean, matrix) == pytest.approx(expected, abs=1e-12)


def test_one_booster_is_its_own_mean():
    booster = build_booster([split_tree(0, [2.0], [1.0, 2.0], 3.0)], ROWS)
    assert trees_to_text(average_boosters([booster])) == trees_to_text(booster)
