import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churn.evaluation.bins import Cut, as_numbers, bin_codes, cut_column, is_date, is_number, judge_bins, rank_auc

NO_EDGE = np.empty(0)


def test_values_below_on_and_above_each_edge_are_bins_of_their_own_and_missing_is_the_last():
    column = pd.Series([-2.0, 0.0, 0.5, 3.0, 9.0, None, np.inf])

    assert bin_codes(column, Cut(np.array([0.0, 3.0]), None, 6)).tolist() == [0, 1, 2, 3, 4, 5, 4]


def test_a_value_that_many_share_has_a_bin_of_its_own_though_it_is_the_least():
    column = pd.Series([0.0] * 900 + list(range(1, 101)))
    codes = bin_codes(column, cut_column(column))

    assert len(set(codes[:900])) == 1
    assert codes[0] not in codes[900:]


def test_numbers_without_ties_fall_into_twenty_bins_of_equal_size():
    column = pd.Series(np.random.default_rng(0).permutation(2000))
    sizes = np.bincount(bin_codes(column, cut_column(column)))

    # an edge is a value, and that value's row is a bin of its own
    assert (sizes[0::2] + np.append(sizes[1::2], 0)[: len(sizes[0::2])] == 100).sum() >= 19


def test_texts_are_cut_by_level_and_rare_ones_share_a_bin():
    column = pd.Series(["gold"] * 40 + ["basic"] * 30 + ["jade"] * 29 + ["odd", None])
    cut = cut_column(column)

    assert cut == (pytest.approx([]), ("gold", "basic"), 4)
    assert bin_codes(pd.Series(["basic", "jade", "never seen", None, "gold"]), cut).tolist() == [1, 2, 2, 3, 0]


def test_categories_and_a_thousand_texts_are_cut_too():
    ids = pd.Series([f"C{number}" for number in range(1000)])

    assert cut_column(ids).n_bins == 2
    assert cut_column(pd.Series(["a", "b"] * 40, dtype="category")).levels == ("a", "b")


@pytest.mark.parametrize(
    ("values", "number", "date"),
    [
        ([1, 2], True, False),
        ([True, False], True, False),
        ([1.5, None], True, False),
        (pd.array([1, None], dtype="Int64"), True, False),
        (pd.Series([1, None], dtype=object), True, False),
        ([Decimal("1.5"), None], True, False),
        ([None, None], True, False),
        (["a", None], False, False),
        (pd.Series(["a", 1], dtype=object), False, False),
        (pd.Categorical([1, 2]), False, False),
        ([dt.date(2024, 1, 1), None], True, True),
        (pd.to_datetime(["2024-01-01", None]), True, True),
        (pd.to_datetime(["2024-01-01", None], utc=True), True, True),
    ],
)
def test_what_counts_as_a_number_and_as_a_date(values, number, date):
    column = pd.Series(values)

    assert (is_number(column), is_date(column)) == (number, date)
    assert not number or as_numbers(column).shape == (2,)


def test_dates_are_days_since_1970():
    for column in (
        pd.Series([dt.date(1970, 1, 3), None]),
        pd.Series(pd.to_datetime(["1970-01-03", None])),
        pd.Series(pd.to_datetime(["1970-01-03", None], utc=True)),
        pd.Series(pd.to_datetime(["1970-01-03 08:00", None]).tz_localize("Asia/Shanghai")),
    ):
        np.testing.assert_array_equal(as_numbers(column), [2.0, np.nan])


@pytest.mark.parametrize("seed", range(5))
def test_rank_auc_is_that_of_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    codes, y = generator.integers(0, 6, 200), generator.integers(0, 2, 200)
    rates = generator.random(6).round(1)

    assert rank_auc(codes, y, rates) == pytest.approx(roc_auc_score(y, rates[codes]))


def test_out_of_fold_rates_of_pure_noise_rank_no_better_than_chance():
    found = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        codes, y, folds = generator.integers(0, 40, 600), generator.integers(0, 2, 600), generator.integers(0, 5, 600)
        found.append(judge_bins(codes, y, folds, 40).auc)

    assert np.mean(found) == pytest.approx(0.5, abs=3 * np.std(found) / np.sqrt(60))


def test_out_of_fold_rates_by_hand():
    # fold 0 is judged by fold 1: bin 0 has 1 of 2, bin 1 has 2 of 2, pooled with 10 rows of 0.625
    codes = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    y = np.array([0, 1, 1, 0, 0, 1, 1, 1])
    found = judge_bins(codes, y, np.array([0, 0, 0, 0, 1, 1, 1, 1]), 2)

    odds = 0.625 / 0.375
    expected = [[(1 + 6.25) / (1 + 3.75) / odds, (2 + 6.25) / 3.75 / odds], [7.25 / 4.75 / odds, 7.25 / 4.75 / odds]]
    np.testing.assert_allclose(np.exp(found.log_odds), expected)
    assert found.auc == pytest.approx(
        (2 + 1.5) / (4 + 3)
    )  # fold 0: of 4 pairs 1 won, 2 tied; fold 1: 3 pairs, all tied
    assert found.rows.tolist() == [4, 4]
    assert found.churned.tolist() == [2, 3]
