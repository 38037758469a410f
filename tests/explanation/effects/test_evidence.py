import datetime as dt

import pytest

from churn.errors import TimeRangeError
from churn.explanation.effects.evidence import evidence_date, gather_evidence
from churn.frame import build_snapshot
from churn.tables.bank import open_bank

LABELS = """\
customer_id,as_of,churned
A,2020-06-01,0
B,2020-06-01,1
A,2020-08-01,0
A,2020-09-01,1
"""
BINDINGS = """\
customer_id,service,bound_on,unbound_on
B,cts,2020-03-01,2020-03-19
"""
DATA_END = dt.date(2020, 12, 31)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2021-01-31", "2020-10-03"),  # 90 days from it end with 2020-12-31
        ("2020-10-04", "2020-10-03"),
        ("2020-10-03", "2020-10-03"),
        ("2020-06-15", "2020-06-15"),
    ],
)
def test_date_is_the_last_whose_outcome_is_complete(make_folder, as_of, expected):
    with open_bank(make_folder(), data_end=DATA_END, n_threads=1) as bank:
        assert evidence_date(bank, dt.date.fromisoformat(as_of), 90).isoformat() == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2020-12-31", "2020-09-01"),
        ("2020-09-01", "2020-09-01"),
        ("2020-08-31", "2020-08-01"),  # 31 days before the last: labels may lie close together
        ("2020-07-31", "2020-06-01"),
    ],
)
def test_with_labels_of_the_bank_it_is_the_last_labelled_date(make_folder, as_of, expected):
    with open_bank(make_folder(labels=LABELS), data_end=DATA_END, n_threads=1) as bank:
        assert evidence_date(bank, dt.date.fromisoformat(as_of), 90).isoformat() == expected


def test_date_before_every_label_is_refused(make_folder):
    with (
        open_bank(make_folder(labels=LABELS), data_end=DATA_END, n_threads=1) as bank,
        pytest.raises(TimeRangeError, match="--as-of 2020-05-31: the labels table holds no outcome up to that date"),
    ):
        evidence_date(bank, dt.date(2020, 5, 31), 90)


def test_history_has_the_rows_of_the_snapshot_in_its_order(make_folder):
    """A customer without any binding is there too."""
    with open_bank(make_folder(bindings=BINDINGS), data_end=DATA_END, n_threads=1) as bank:
        snapshot = build_snapshot(bank, dt.date(2020, 4, 1), 90)
        evidence = gather_evidence(bank, snapshot, 90)
    assert evidence.snapshot is snapshot
    assert evidence.history["customer_id"].tolist() == snapshot.customer_id.tolist() == ["A", "B"]
    assert evidence.history["unbound_days_cts"].isna().tolist() == [True, False]
    assert evidence.history["unbound_days_cts"][1] == 13  # 2020-03-19 to 2020-04-01
    assert evidence.history["held_days_fund"][0] == 31  # 2020-03-01 to 2020-04-01
    assert evidence.offers.empty
