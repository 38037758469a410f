import numpy as np
import pandas as pd
import pytest

from churn.errors import DataError, TimeRangeError
from churn.frame import Snapshot
from churn.tuning.plan import plan_flat, plan_snapshots


def dated(day, n=100):
    ids, y = np.arange(n).astype(str).astype(object), np.arange(n) % 2
    return Snapshot(pd.Timestamp(2024, 1, day).date(), ids, pd.DataFrame({"day": np.full(n, day)}), y, None)


def flat(n, n_churned):
    ids, y = np.arange(n).astype(str).astype(object), (np.arange(n) < n_churned).astype(np.int64)
    return Snapshot(None, ids, pd.DataFrame({"row": np.arange(n)}), y, None)


def days(split):
    return sorted(set(split.development.features["day"])), split.held_out.as_of.day


def test_each_date_is_judged_by_what_was_complete_then_and_the_last_takes_no_part():
    plan = plan_snapshots([dated(day) for day in (31, 1, 9, 16, 24)], days_apart=15)
    assert [days(split) for split in plan.splits] == [([1], 16), ([1, 9], 24)]
    assert days(plan.final) == ([1, 9, 16], 31)
    assert list(plan.names) == ["2024-01-16", "2024-01-24"]
    assert plan.out_of_time


def test_of_many_dates_the_last_four_before_the_final_one_are_judged():
    plan = plan_snapshots([dated(day) for day in range(1, 11)], days_apart=1)
    assert [split.held_out.as_of.day for split in plan.splits] == [6, 7, 8, 9]


@pytest.mark.parametrize("given", [[1], [1, 31], [1, 10, 31]])
def test_a_history_too_short_to_judge_before_the_final_date_is_refused(given):
    with pytest.raises(TimeRangeError, match=r"before the last snapshot \(2024-01-\d\d\), which is kept apart"):
        plan_snapshots([dated(day) for day in given], days_apart=15)


def test_too_few_rows_to_learn_from_are_refused():
    with pytest.raises(DataError, match="40 rows"):
        plan_snapshots([dated(day, n=40) for day in (1, 16, 31)], days_apart=15)


def test_rows_kept_apart_are_in_no_fold_and_all_others_are_held_out_once():
    plan = plan_flat(flat(500, 100), seed=3)
    apart = set(plan.final.held_out.customer_id)
    held_out = [customer for split in plan.splits for customer in split.held_out.customer_id]
    assert len(apart) == 100
    assert plan.final.held_out.churned.sum() == 20
    assert sorted([*apart, *held_out]) == sorted(map(str, range(500)))
    for split in plan.splits:
        learnt = set(split.development.customer_id)
        assert not learnt & apart
        assert not learnt & set(split.held_out.customer_id)
        assert len(learnt) == 320
        assert split.held_out.churned.sum() == 16
    assert set(plan.final.development.customer_id) == set(held_out)
    assert not plan.out_of_time


def test_rows_keep_their_own_features_and_outcomes():
    plan = plan_flat(flat(500, 100))
    for split in [*plan.splits, plan.final]:
        number = split.held_out.customer_id.astype(int)
        assert split.held_out.features["row"].tolist() == number.tolist()
        assert split.held_out.churned.tolist() == (number < 100).astype(int).tolist()


def test_another_seed_keeps_other_rows_apart():
    one, other = (plan_flat(flat(500, 100), seed).final.held_out.customer_id for seed in (0, 1))
    assert set(one) != set(other)


def test_a_flat_file_whose_folds_would_be_too_small_is_refused():
    # of 12 churners 3 are kept apart, and 2 held out
    with pytest.raises(DataError, match="7 of them churned"):
        plan_flat(flat(500, 12))
