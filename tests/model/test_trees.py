import lightgbm as lgb
import numpy as np
import pytest

from churn.model.trees import (
    TreeParameters,
    as_stored,
    cross_fit,
    fit_trees,
    parameters_to_json,
    predict_contributions,
    predict_margins,
    trees_from_text,
    trees_to_text,
)
from churn.threads import use_threads

PARAMETERS = TreeParameters()


def _rows(n=600, n_columns=6, seed=0):
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(n, n_columns))
    matrix[generator.random((n, n_columns)) < 0.1] = np.nan
    risk = np.nan_to_num(matrix[:, 0] * 1.5 + matrix[:, 1])
    return matrix, (generator.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)


@pytest.fixture(scope="module")
def rows():
    return _rows()


@pytest.fixture(scope="module")
def booster(rows):
    return fit_trees(*rows, PARAMETERS, rounds=30)


def test_as_many_trees_as_asked_for(booster):
    assert booster.num_trees() == 30


def test_margins_are_the_log_odds_of_lightgbms_probabilities(booster, rows):
    probability = booster.predict(rows[0])

    np.testing.assert_allclose(predict_margins(booster, rows[0]), np.log(probability / (1 - probability)), atol=1e-12)


def test_margins_rank_churners_above_others(booster, rows):
    margins = predict_margins(booster, rows[0])

    assert margins[rows[1] == 1].mean() > margins[rows[1] == 0].mean() + 1


def test_contributions_sum_to_the_margin_and_share_one_base_value(booster, rows):
    contributions = predict_contributions(booster, rows[0])

    assert contributions.shape == (600, 7)
    np.testing.assert_allclose(contributions.sum(axis=1), predict_margins(booster, rows[0]), atol=1e-10)
    assert np.ptp(contributions[:, -1]) == 0


def test_trees_do_not_depend_on_the_number_of_threads():
    # above 1,024 rows LightGBM divides its sums among threads
    matrix, y = _rows(n=5000, n_columns=20)

    texts = set()
    for n in (1, 2):
        with use_threads(n):
            texts.add(trees_to_text(fit_trees(matrix, y, PARAMETERS, rounds=10)))

    assert len(texts) == 1


def test_another_seed_grows_other_trees(rows):
    texts = {trees_to_text(fit_trees(*rows, PARAMETERS, rounds=5, seed=seed)) for seed in (0, 1)}

    assert len(texts) == 2


def test_text_gives_the_same_margins_to_the_last_bit(booster, rows):
    again = trees_from_text(trees_to_text(booster))

    np.testing.assert_array_equal(predict_margins(again, rows[0]), predict_margins(booster, rows[0]))
    assert trees_to_text(again) == trees_to_text(booster)


def test_freshly_trained_and_stored_margins_are_the_same(rows):
    trained = lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(rows[0], rows[1]), 10)

    np.testing.assert_array_equal(predict_margins(as_stored(trained), rows[0]), predict_margins(trained, rows[0]))


def test_text_names_neither_threads_nor_devices(booster):
    assert "num_threads" not in trees_to_text(booster)
    assert "gpu" not in trees_to_text(booster)


def test_no_row_gives_no_margin(booster):
    assert predict_margins(booster, np.empty((0, 6))).shape == (0,)


def test_lightgbm_is_silent(rows, capfd):
    matrix, y = rows
    fit_trees(matrix, y, PARAMETERS, rounds=3)
    fit_trees(np.zeros((60, 2)), y[:60], PARAMETERS, rounds=3)
    cross_fit(matrix, y, np.arange(600) % 3, PARAMETERS)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n", [6, 20, 60])
def test_leaves_shrink_so_that_few_rows_can_still_be_told_apart(n):
    matrix = np.arange(n, dtype=np.float64)[:, None]
    y = (matrix[:, 0] >= n / 2).astype(np.int64)

    margins = predict_margins(fit_trees(matrix, y, PARAMETERS, rounds=30), matrix)

    assert margins[0] < 0 < margins[-1]


def test_rows_are_read_by_trees_that_did_not_see_their_fold():
    # the one column is the row's own number and outcomes are coin tosses: only trees that saw a row know it
    generator = np.random.default_rng(5)
    matrix, y = np.arange(96, dtype=np.float64)[:, None], generator.integers(0, 2, 96)
    eager = TreeParameters(num_leaves=200, min_child=1, l2=0.0, learning_rate=0.3)

    seen = predict_margins(fit_trees(matrix, y, eager, rounds=50), matrix)
    fitted = cross_fit(matrix, y, np.arange(96) % 4, eager, rounds=50)

    assert np.mean((seen > 0) == y) > 0.95
    assert abs(np.mean((fitted.margins > 0) == y) - 0.5) < 0.2


def test_cross_fitted_margins_are_those_of_a_model_fitted_by_hand(rows):
    # without draws, and with few distinct values, so that a part of the rows has the bins of the whole
    matrix, y = np.clip(np.round(np.nan_to_num(rows[0])), -2, 2), rows[1]
    plain = TreeParameters(subsample=1.0, colsample=1.0)
    folds = np.arange(600) % 3

    fitted = cross_fit(matrix, y, folds, plain, rounds=10)

    for fold in range(3):
        by_hand = fit_trees(matrix[folds != fold], y[folds != fold], plain, rounds=10)
        expected = predict_margins(by_hand, matrix[folds == fold])
        np.testing.assert_allclose(fitted.margins[folds == fold], expected, atol=1e-9)


def test_rounds_are_where_the_mean_held_out_loss_is_least(rows):
    matrix, y = rows
    folds = np.arange(600) % 3

    def loss(rounds):
        return np.mean(np.logaddexp(0, -(2 * y - 1) * cross_fit(matrix, y, folds, PARAMETERS, rounds=rounds).margins))

    best = cross_fit(matrix, y, folds, PARAMETERS).rounds

    assert 1 < best < 2000
    assert loss(best) < min(loss(best - 1), loss(best + 1), loss(best + 30))


def test_only_rows_asked_for_are_read(rows):
    asked = np.arange(600) >= 300

    margins = cross_fit(*rows, np.arange(600) % 3, PARAMETERS, scored=asked, rounds=3).margins

    np.testing.assert_array_equal(np.isfinite(margins), asked)


def test_rows_not_asked_for_still_teach(rows):
    matrix, y = rows
    asked = np.arange(600) >= 300
    folds = np.arange(600) % 3

    whole = cross_fit(matrix, y, folds, PARAMETERS, rounds=3).margins
    part = cross_fit(matrix, y, folds, PARAMETERS, scored=asked, rounds=3).margins

    np.testing.assert_array_equal(part[asked], whole[asked])


def test_parameters_become_json_by_name():
    assert TreeParameters(**parameters_to_json(TreeParameters(num_leaves=3))) == TreeParameters(num_leaves=3)
    assert "monotone" not in parameters_to_json(TreeParameters())


def test_monotone_columns_are_kept_in_json():
    kept = parameters_to_json(TreeParameters(monotone=(0, 2)))

    assert kept["monotone"] == [0, 2]
    assert TreeParameters(**kept) == TreeParameters(monotone=(0, 2))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_rise_of_a_monotone_column_never_raises_a_margin(rows, seed):
    # the first column raises the risk, and only where the second is high: free trees learn it, held ones must not
    matrix = np.column_stack([(rows[0][:, 0] > 0).astype(float), rows[0][:, 1:]])
    high = matrix.copy()
    low, high[:, 0] = matrix.copy(), 1.0
    low[:, 0] = 0.0
    held = fit_trees(matrix, rows[1], TreeParameters(monotone=(0,)), rounds=60, seed=seed)
    free = fit_trees(matrix, rows[1], PARAMETERS, rounds=60, seed=seed)

    assert (predict_margins(held, high) <= predict_margins(held, low)).all()
    assert (predict_margins(free, high) > predict_margins(free, low)).mean() > 0.9


def test_several_monotone_columns_may_rise_together(rows):
    matrix, y = np.round(np.nan_to_num(rows[0])), rows[1]
    held = fit_trees(matrix, y, TreeParameters(monotone=(0, 1, 2)), rounds=60)

    risen = matrix + np.array([1.0, 2.0, 0.5, 0.0, 0.0, 0.0])

    assert (predict_margins(held, risen) <= predict_margins(held, matrix)).all()


def test_cross_fitted_trees_are_held_too(rows):
    matrix, y = np.nan_to_num(rows[0]), rows[1]

    free = cross_fit(matrix, y, np.arange(600) % 3, PARAMETERS, rounds=20).margins
    held = cross_fit(matrix, y, np.arange(600) % 3, TreeParameters(monotone=(0, 1)), rounds=20).margins

    def gap(margins):
        return margins[y == 1].mean() - margins[y == 0].mean()

    # without the two columns that raise the risk nothing is left to learn
    assert gap(free) > 0.3
    assert abs(gap(held)) < 0.1
