import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.errors import DataError
from churn.evaluation.judged import Judged


def _judged(**changed):
    """Return three rows of two customers, with what is `changed`."""
    columns = {
        "as_of": np.array(["2024-07-01", "2024-01-01", "2024-07-01"], dtype="datetime64[D]"),
        "customer_id": np.array(["A", "A", "B"], dtype=object),
        "churned": np.array([1, 0, 0]),
        "predicted": {"new": np.array([0.5, 0.0, 1.0]), "old": np.array([0.4, 0.1, 0.2])},
        "segments": pd.DataFrame({"tier": ["vip", "vip", None]}),
    }
    return Judged(**(columns | changed))


def test_models_keep_the_order_in_which_they_were_given():
    assert _judged().models == ("new", "old")


def test_snapshots_are_in_the_order_of_time_and_hold_each_row_once():
    found = _judged().snapshots()

    assert list(found) == [dt.date(2024, 1, 1), dt.date(2024, 7, 1)]
    assert [rows.tolist() for rows in found.values()] == [[False, True, False], [True, False, True]]


def test_a_flat_file_is_one_snapshot_without_a_date():
    undated = np.full(3, np.datetime64("NaT", "D"))

    found = _judged(as_of=undated, customer_id=np.array(["A", "C", "B"], dtype=object)).snapshots()

    assert {as_of: rows.tolist() for as_of, rows in found.items()} == {None: [True, True, True]}


def test_rows_of_a_customer_have_the_same_number():
    assert _judged().customers.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"churned": np.array([0, 1])}, r"unequal lengths \(as_of 3, customer_id 3, churned 2, predicted of new 3"),
        ({"predicted": {"new": np.array([0.5])}}, "predicted of new 1"),
        ({"segments": pd.DataFrame({"tier": ["vip"]})}, "segments 1"),
        ({"predicted": {}}, "3 rows of 0 models"),
        ({"as_of": np.array([], dtype="datetime64[D]")}, "0 rows of 2 models"),
        ({"churned": np.array([0, 2, 3])}, "churned: 2 outcomes are neither 0 nor 1"),
        ({"predicted": {"new": np.array([0.5, 1.5, np.nan])}}, r"predicted of new: 2 predictions are not in \[0, 1\]"),
        ({"customer_id": np.array(["A", "A", "A"], dtype=object)}, "customer_id: 1 rows repeat a customer and date"),
        (
            {"as_of": np.array(["2024-07-01", "NaT", "2024-07-01"], dtype="datetime64[D]")},
            "as_of: 1 of 3 rows have no date",
        ),
        ({"as_of": np.full(3, np.datetime64("NaT", "D"))}, "customer_id: 1 rows repeat a customer and date"),
    ],
    ids=[
        "outcomes are missing",
        "predictions are missing",
        "segments are missing",
        "no model",
        "no row",
        "a wrong outcome",
        "wrong probabilities",
        "a customer twice",
        "a date is missing",
        "a customer twice in a flat file",
    ],
)
def test_rows_that_cannot_be_judged_are_refused(changed, message):
    with pytest.raises(DataError, match=message):
        _judged(**changed)
