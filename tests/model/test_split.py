import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.errors import DataError, TimeRangeError
from churn.frame import Snapshot
from churn.model.split import Folds, OutOfTime, customer_folds, outcomes, require_enough, stack, stratified_folds

MANY = [f"C{number:05d}" for number in range(10_000)]


def test_a_customer_is_in_the_same_fold_wherever_it_appears():
    folds = customer_folds([*MANY, *reversed(MANY)], 5, "a")

    np.testing.assert_array_equal(folds[:10_000], folds[10_000:][::-1])


def test_fold_depends_on_the_text_of_the_id_alone():
    assert customer_folds([7], 1000, "a") == customer_folds(["7"], 1000, "a")


def test_folds_are_about_equal_in_size():
    # each of 5 folds is Binomial(10,000, 0.2): mean 2,000, standard deviation 40
    sizes = np.bincount(customer_folds(MANY, 5, "a"), minlength=5)

    assert len(sizes) == 5
    assert np.all(np.abs(sizes - 2000) < 4 * 40)


def test_different_salts_give_unrelated_folds():
    # the chance to be in fold 0 of 4 twice is 1/16: mean 625, standard deviation 24
    both = (customer_folds(MANY, 4, "a") == 0) & (customer_folds(MANY, 4, "b") == 0)

    assert abs(both.sum() - 625) < 4 * 24


def test_no_customer_gives_no_fold():
    assert customer_folds([], 3, "a").shape == (0,)


def test_stratified_folds_share_out_each_class():
    y = np.array([0] * 20 + [1] * 10)

    folds = stratified_folds(y, 5, seed=3)

    np.testing.assert_array_equal(np.bincount(folds[:20]), [4] * 5)
    np.testing.assert_array_equal(np.bincount(folds[20:]), [2] * 5)


def test_same_seed_gives_the_same_stratified_folds_and_another_gives_others():
    y = np.array([0, 1] * 50)

    np.testing.assert_array_equal(stratified_folds(y, 5, seed=1), stratified_folds(y, 5, seed=1))
    assert np.any(stratified_folds(y, 5, seed=1) != stratified_folds(y, 5, seed=2))


IDS = np.array([f"C{number:03d}" for number in range(200)], dtype=object)
LABELS = np.arange(200) % 2


def _snapshot(as_of, ids=IDS, churned=LABELS):
    features = pd.DataFrame({"number": np.arange(len(ids)), "day": as_of.day if as_of else 0})
    return Snapshot(as_of, ids, features, churned, np.arange(len(ids)))


def _date(text):
    return dt.date.fromisoformat(text)


def test_a_label_complete_on_the_held_out_date_is_learnt_from():
    # 2024-01-01 + 31 days = 2024-02-01, and its window [01-01, 02-01) ends before that day
    snapshots = [_snapshot(_date("2024-01-01")), _snapshot(_date("2024-01-02")), _snapshot(_date("2024-02-01"))]

    split = OutOfTime(31).split(snapshots)

    assert split.out_of_time
    assert split.held_out is snapshots[-1]
    assert split.development.features["day"].unique().tolist() == [1]


def test_one_day_more_of_embargo_leaves_it_out():
    split = OutOfTime(32).split([_snapshot(_date("2024-01-01")), _snapshot(_date("2024-02-01"))])

    assert not split.out_of_time


def test_latest_marks_the_last_development_snapshot():
    dates = ["2024-01-01", "2024-01-02", "2024-03-01"]

    rows = OutOfTime(31).split([_snapshot(_date(date)) for date in dates]).development

    np.testing.assert_array_equal(rows.latest, rows.features["day"] == 2)


@pytest.mark.parametrize("dates", [["2024-01-01", "2024-01-02"], ["2024-01-02"]], ids=["earlier", "alone"])
def test_without_a_complete_earlier_label_nobody_is_on_both_sides(dates):
    split = OutOfTime(31).split([_snapshot(_date(date)) for date in dates])

    learnt, held_out = set(split.development.customer_id), set(split.held_out.customer_id)
    assert not split.out_of_time
    assert learnt.isdisjoint(held_out)
    assert learnt | held_out == set(IDS)
    assert 20 < len(held_out) < 80  # Binomial(200, 1/4): mean 50, standard deviation 6


def test_held_out_customers_keep_their_own_rows():
    held_out = OutOfTime(31).split([_snapshot(_date("2024-01-02"))]).held_out

    number = np.array([int(one[1:]) for one in held_out.customer_id])
    np.testing.assert_array_equal(held_out.features["number"], number)
    np.testing.assert_array_equal(held_out.product_coverage, number)
    np.testing.assert_array_equal(held_out.churned, number % 2)


def test_one_outcome_alone_among_the_held_out_is_refused():
    snapshots = [_snapshot(_date("2024-01-01")), _snapshot(_date("2024-03-01"), churned=np.zeros(200, dtype=int))]

    with pytest.raises(DataError, match="0 of 200 customers churned among the held-out rows of 2024-03-01"):
        OutOfTime(31).split(snapshots)


def test_one_outcome_alone_among_those_learnt_from_is_refused():
    snapshots = [_snapshot(_date("2024-01-01"), churned=np.ones(200, dtype=int)), _snapshot(_date("2024-03-01"))]

    with pytest.raises(DataError, match="200 of 200 customers churned among the rows to learn from"):
        OutOfTime(31).split(snapshots)


def test_snapshots_are_put_in_order_of_time():
    later, earlier = _snapshot(_date("2024-02-01")), _snapshot(_date("2024-01-01"))

    assert OutOfTime(31).order([later, earlier]) == [earlier, later]


def test_no_snapshot_two_of_one_date_and_one_without_a_date_are_refused():
    one = _snapshot(_date("2024-01-01"))

    with pytest.raises(DataError, match="no snapshot"):
        OutOfTime(31).order([])
    with pytest.raises(TimeRangeError, match="two snapshots of one date"):
        OutOfTime(31).order([one, one])
    with pytest.raises(TimeRangeError, match="without a date"):
        OutOfTime(31).order([_snapshot(None)])


def test_snapshots_with_other_features_are_refused():
    other = Snapshot(None, IDS, pd.DataFrame({"other": np.arange(200)}), LABELS, None)

    with pytest.raises(DataError, match="differ in their features"):
        stack([_snapshot(None), other])


def test_a_snapshot_without_outcomes_is_refused():
    with pytest.raises(DataError, match="without outcomes"):
        outcomes(_snapshot(None, churned=None))


@pytest.mark.parametrize(("stayed", "churned"), [(39, 10), (100, 9), (9, 100), (50, 0)])
def test_too_few_rows_or_of_an_outcome_are_refused(stayed, churned):
    with pytest.raises(
        DataError, match=f"{stayed + churned} rows, {churned} of them churned; a model needs at least 50"
    ):
        require_enough(np.repeat([0, 1], [stayed, churned]))


def test_fifty_rows_with_ten_of_an_outcome_are_enough():
    require_enough(np.repeat([0, 1], [40, 10]))
    require_enough(np.repeat([0, 1], [10, 40]))


def _day(day, n=100):
    ids, y = np.arange(n).astype(str).astype(object), np.arange(n) % 2
    return Snapshot(pd.Timestamp(2024, 1, day).date(), ids, pd.DataFrame({"day": np.full(n, day)}), y, None)


def _flat(n, n_churned):
    ids, y = np.arange(n).astype(str).astype(object), (np.arange(n) < n_churned).astype(np.int64)
    return Snapshot(None, ids, pd.DataFrame({"row": np.arange(n)}), y, None)


def _days(split):
    return sorted(set(split.development.features["day"])), split.held_out.as_of.day


def test_each_date_is_judged_by_what_was_complete_then_and_the_last_takes_no_part():
    apart = OutOfTime(15).keep_apart([_day(day) for day in (31, 1, 9, 16, 24)])
    assert [_days(split) for split in apart.splits] == [([1], 16), ([1, 9], 24)]
    assert _days(apart.final) == ([1, 9, 16], 31)
    assert list(apart.names) == ["2024-01-16", "2024-01-24"]
    assert apart.final.out_of_time


def test_of_many_dates_the_last_four_before_the_final_one_are_judged():
    apart = OutOfTime(1).keep_apart([_day(day) for day in range(1, 11)])
    assert [split.held_out.as_of.day for split in apart.splits] == [6, 7, 8, 9]


@pytest.mark.parametrize("given", [[1], [1, 31], [1, 10, 31]])
def test_a_history_too_short_to_judge_before_the_final_date_is_refused(given):
    with pytest.raises(TimeRangeError, match=r"before the last snapshot \(2024-01-\d\d\), which is kept apart"):
        OutOfTime(15).keep_apart([_day(day) for day in given])


def test_too_few_rows_to_learn_from_are_refused():
    with pytest.raises(DataError, match="40 rows"):
        OutOfTime(15).keep_apart([_day(day, n=40) for day in (1, 16, 31)])


def test_rows_kept_apart_are_in_no_fold_and_all_others_are_held_out_once():
    apart = Folds().keep_apart([_flat(500, 100)], seed=3)
    kept = set(apart.final.held_out.customer_id)
    held_out = [customer for split in apart.splits for customer in split.held_out.customer_id]
    assert len(kept) == 100
    assert apart.final.held_out.churned.sum() == 20
    assert sorted([*kept, *held_out]) == sorted(map(str, range(500)))
    for split in apart.splits:
        learnt = set(split.development.customer_id)
        assert not learnt & kept
        assert not learnt & set(split.held_out.customer_id)
        assert len(learnt) == 320
        assert split.held_out.churned.sum() == 16
    assert set(apart.final.development.customer_id) == set(held_out)
    assert not apart.final.out_of_time


def test_rows_keep_their_own_features_and_outcomes():
    apart = Folds().keep_apart([_flat(500, 100)])
    for split in [*apart.splits, apart.final]:
        number = split.held_out.customer_id.astype(int)
        assert split.held_out.features["row"].tolist() == number.tolist()
        assert split.held_out.churned.tolist() == (number < 100).astype(int).tolist()


def test_another_seed_keeps_other_rows_apart():
    one, other = (Folds().keep_apart([_flat(500, 100)], seed).final.held_out.customer_id for seed in (0, 1))
    assert set(one) != set(other)


def test_a_flat_file_whose_folds_would_be_too_small_is_refused():
    # of 12 churners 3 are kept apart, and 2 held out
    with pytest.raises(DataError, match="7 of them churned"):
        Folds().keep_apart([_flat(500, 12)])


def test_rows_without_time_judge_each_other_once():
    snapshot = _flat(500, 100)

    [split] = Folds(5).rolling([snapshot])

    assert split.held_out is snapshot
    assert split.unseen is None
    assert not split.out_of_time
    assert len(split.development.churned) == 500
    assert np.bincount(split.folds, snapshot.churned).tolist() == [20] * 5


def test_folds_judge_one_snapshot():
    with pytest.raises(DataError, match="one snapshot, not 2"):
        Folds().split([_flat(500, 100), _flat(500, 100)])
