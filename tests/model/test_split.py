import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.errors import DataError, TimeRangeError
from churn.frame import Snapshot
from churn.model.split import in_order, outcomes, require_enough, split_snapshots, stack

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

    split = split_snapshots(snapshots, days_apart=31)

    assert split.out_of_time
    assert split.held_out is snapshots[-1]
    assert split.development.features["day"].unique().tolist() == [1]


def test_one_day_more_of_embargo_leaves_it_out():
    split = split_snapshots([_snapshot(_date("2024-01-01")), _snapshot(_date("2024-02-01"))], days_apart=32)

    assert not split.out_of_time


def test_latest_marks_the_last_development_snapshot():
    dates = ["2024-01-01", "2024-01-02", "2024-03-01"]

    rows = split_snapshots([_snapshot(_date(date)) for date in dates], days_apart=31).development

    np.testing.assert_array_equal(rows.latest, rows.features["day"] == 2)


@pytest.mark.parametrize("dates", [["2024-01-01", "2024-01-02"], ["2024-01-02"]], ids=["earlier", "alone"])
def test_without_a_complete_earlier_label_nobody_is_on_both_sides(dates):
    split = split_snapshots([_snapshot(_date(date)) for date in dates], days_apart=31)

    learnt, held_out = set(split.development.customer_id), set(split.held_out.customer_id)
    assert not split.out_of_time
    assert learnt.isdisjoint(held_out)
    assert learnt | held_out == set(IDS)
    assert 20 < len(held_out) < 80  # Binomial(200, 1/4): mean 50, standard deviation 6


def test_held_out_customers_keep_their_own_rows():
    held_out = split_snapshots([_snapshot(_date("2024-01-02"))], days_apart=31).held_out

    number = np.array([int(one[1:]) for one in held_out.customer_id])
    np.testing.assert_array_equal(held_out.features["number"], number)
    np.testing.assert_array_equal(held_out.product_coverage, number)
    np.testing.assert_array_equal(held_out.churned, number % 2)


def test_one_outcome_alone_among_the_held_out_is_refused():
    snapshots = [_snapshot(_date("2024-01-01")), _snapshot(_date("2024-03-01"), churned=np.zeros(200, dtype=int))]

    with pytest.raises(DataError, match="0 of 200 customers churned among the held-out rows of 2024-03-01"):
        split_snapshots(snapshots, days_apart=31)


def test_one_outcome_alone_among_those_learnt_from_is_refused():
    snapshots = [_snapshot(_date("2024-01-01"), churned=np.ones(200, dtype=int)), _snapshot(_date("2024-03-01"))]

    with pytest.raises(DataError, match="200 of 200 customers churned among the rows to learn from"):
        split_snapshots(snapshots, days_apart=31)


def test_snapshots_are_put_in_order_of_time():
    later, earlier = _snapshot(_date("2024-02-01")), _snapshot(_date("2024-01-01"))

    assert in_order([later, earlier]) == [earlier, later]


def test_no_snapshot_two_of_one_date_and_one_without_a_date_are_refused():
    one = _snapshot(_date("2024-01-01"))

    with pytest.raises(DataError, match="no snapshot"):
        in_order([])
    with pytest.raises(TimeRangeError, match="two snapshots of one date"):
        in_order([one, one])
    with pytest.raises(TimeRangeError, match="without a date"):
        in_order([_snapshot(None)])


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
