import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn import timeline
from churn.config import Config, FlatFile
from churn.data import build_frame, check, open_bank, open_data, open_file, opened
from churn.errors import DataError, TimeRangeError
from churn.model.fitted import FittedModel
from churn.model.schema import encode, learn_schema
from churn.model.storage import StoredModel
from churn.model.trees import TreeParameters, fit_trees
from conftest import CUSTOMERS, HOLDINGS
from documents import make_manifest
from other_bank import make_tables, write_tables

AS_OF = dt.date(2023, 7, 15)
FLAT = FlatFile(id="id", label="left", churned="Yes", coverage="n")


def test_snapshot_is_sorted_and_carries_the_features_of_the_frame(open_other):
    bank = open_other(1)
    snapshot, frame = bank.labelled(AS_OF, 180), build_frame(bank, AS_OF)
    assert snapshot.as_of == AS_OF
    assert snapshot.customer_id.tolist() == sorted(snapshot.customer_id)
    assert frame["as_of"].tolist() == [AS_OF] * len(frame)
    pd.testing.assert_frame_equal(snapshot.features, frame.drop(columns=["customer_id", "as_of"]), check_exact=True)
    assert snapshot.product_coverage.tolist() == frame["product_coverage"].tolist()
    assert set(snapshot.churned) == {0, 1}


def test_partitions_hold_everyone_once_with_the_same_bits(open_other, monkeypatch):
    bank = open_other(2)
    (whole,) = bank.partitions(AS_OF)
    monkeypatch.setattr(opened, "PARTITION_SIZE", 7)
    parts = list(bank.partitions(AS_OF))
    assert len(parts) == 6
    assert all(part.churned is None for part in parts)
    assert np.concatenate([part.customer_id for part in parts]).tolist() == whole.customer_id.tolist()
    together = pd.concat([part.features for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(together, whole.features, check_exact=True)


def test_snapshot_is_the_same_on_one_and_two_threads(tmp_path):
    folder = write_tables(make_tables(30, 6), tmp_path / "bank")
    found = []
    for n_threads in (1, 2):
        with open_bank(folder, n_threads=n_threads) as bank:
            found.append(bank.labelled(AS_OF, 180))
    assert found[0].churned.tolist() == found[1].churned.tolist()
    pd.testing.assert_frame_equal(found[0].features, found[1].features, check_exact=True)


DATES = [dt.date(2023, 4, 1), dt.date(2023, 9, 15), dt.date(2024, 2, 29)]


def _values_end_early(tables):
    """Silent attrition is known at the first date alone."""
    return tables | {"pnl": tables["pnl"][tables["pnl"]["month"] < "2024-01-31"]}


def _own_labels(tables):
    of = tables["customers"][["customer_id"]]
    rows = [of.iloc[n % 2 :: 2].assign(as_of=pd.Timestamp(date), churned=n % 2) for n, date in enumerate(DATES)]
    return tables | {"labels": pd.concat(rows)}


@pytest.mark.parametrize("change", [dict, _values_end_early, _own_labels])
def test_dates_asked_for_together_give_the_same_bits_as_each_alone(tmp_path, monkeypatch, change):
    with open_bank(write_tables(change(make_tables(50, 5)), tmp_path / "bank", "parquet"), n_threads=1) as bank:
        monkeypatch.setattr(timeline, "ROWS_AT_ONCE", 2 * bank.n_customers)  # two dates, and one
        together = bank.snapshots(DATES, 180, with_evidence=False)
        alone = [bank.labelled(date, 180) for date in DATES]
    assert [one.as_of for one in together] == DATES
    assert len({one.churned.sum() for one in alone}) > 1
    for found, expected in zip(together, alone, strict=True):
        assert found.customer_id.tolist() == expected.customer_id.tolist()
        assert found.churned.tolist() == expected.churned.tolist()
        assert found.product_coverage.tolist() == expected.product_coverage.tolist()
        pd.testing.assert_frame_equal(found.features, expected.features, check_exact=True)
        pd.testing.assert_frame_equal(found.segments, expected.segments)


@pytest.mark.parametrize("build", [build_frame, lambda bank, as_of: list(bank.partitions(as_of))])
def test_date_without_customers_or_data_is_refused(make_folder, build):
    with open_bank(make_folder()) as bank:
        with pytest.raises(TimeRangeError, match="nobody is a customer"):
            build(bank, dt.date(2020, 1, 10))
        with pytest.raises(TimeRangeError, match="the last that fits is 2020-04-01"):
            build(bank, dt.date(2020, 4, 2))
        build(bank, dt.date(2020, 4, 1))


def test_coverage_counts_distinct_products_open(make_folder):
    holdings = HOLDINGS + "H4,A,fund,,2020-02-01,\nH5,A,cts,,2020-02-01,2020-02-28\n"
    with open_bank(make_folder(holdings=holdings)) as bank:
        (snapshot,) = bank.partitions(dt.date(2020, 3, 2))
    assert snapshot.customer_id.tolist() == ["A", "B"]
    assert snapshot.product_coverage.tolist() == [2, 1]


def test_customers_left_out_for_their_row_are_in_no_snapshot(make_folder):
    customers = CUSTOMERS + "C,N,,2020-01-01,,,dragon\n"
    with open_bank(make_folder(customers=customers, holdings=HOLDINGS + "H4,C,fund,,2020-02-01,\n")) as bank:
        assert build_frame(bank, dt.date(2020, 3, 2))["customer_id"].tolist() == ["A", "B"]


def flat_file(tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text("id,left,n,city\nc,No,2,x\na,Yes,,y\nb,No,3,\n")
    return path


def test_customers_of_a_file_have_no_time(tmp_path):
    with open_file(flat_file(tmp_path), Config(flat=FLAT)) as table:
        snapshot = table.labelled(None, 0)
    assert snapshot.as_of is None
    assert snapshot.customer_id.tolist() == ["a", "b", "c"]
    assert snapshot.churned.tolist() == [1, 0, 0]
    assert np.nan_to_num(snapshot.product_coverage, nan=-1).tolist() == [-1, 3, 2]
    assert list(snapshot.features.columns) == ["n", "city"]
    assert snapshot.features["n"].isna().tolist() == [True, False, False]


def test_flat_file_without_label_and_coverage_is_scored_in_partitions(tmp_path, monkeypatch):
    monkeypatch.setattr(opened, "PARTITION_SIZE", 2)
    flat = FlatFile(id="id", label="left", churned="Yes")
    with open_file(flat_file(tmp_path), Config(flat=flat), labels="unread") as table:
        parts = list(table.partitions(None))
    assert [part.customer_id.tolist() for part in parts] == [["a", "b"], ["c"]]
    assert all(part.churned is None and part.product_coverage is None for part in parts)


@pytest.mark.parametrize(("classes", "known"), [(["", "2"], False), (["", "1"], True)])
def test_classes_are_known_where_an_account_opened_before_is_of_class_1(make_folder, classes, known):
    rows = [f"H{at},A,debit_card,{found},2020-01-10" for at, found in enumerate(classes)]
    holdings = "\n".join(["holding_id,customer_id,product,account_class,opened_on", *rows, ""])
    with open_bank(make_folder(holdings=holdings), n_threads=1) as bank:
        assert bank.classes_known(dt.date(2020, 1, 11)) is known
        assert bank.classes_known(dt.date(2020, 1, 10)) is False


@pytest.fixture
def flat_model(tmp_path):
    """A model of the file's columns, as it is stored."""
    with open_file(flat_file(tmp_path), Config(flat=FLAT)) as file:
        features, churned = file.labelled(None, 0).features, file.labelled(None, 0).churned
    schema = learn_schema(features)
    fitted = FittedModel(
        schema=schema,
        booster=fit_trees(encode(features, schema).matrix, churned, TreeParameters(), rounds=1),
    )
    return StoredModel(fitted, make_manifest(flat=FLAT.model_dump(mode="json")))


def test_all_sections_of_a_files_configuration_hold_where_it_is_scored(tmp_path, flat_model):
    config = Config.model_validate({"effects": {"worthwhile": 0.2}, "plan": {"calls": 3}})
    with open_data(flat_file(tmp_path), config, flat_model, use="score", labels="unread") as file:
        assert file.config.flat == FLAT
        assert file.config.effects.worthwhile == 0.2
        assert file.config.plan.calls == 3


def test_outcomes_where_they_are_known_leave_nobody_out(tmp_path, flat_model):
    path = tmp_path / "some.csv"
    path.write_text("id,left,n,city\nc,No,2,x\na,Yes,,y\nb,,3,\nd,#N/A,1,x\n")
    with open_data(path, model=flat_model) as file:
        assert [list(part.customer_id) for part in file.partitions(None)] == [["a", "b", "c", "d"]]
        assert file.labelled(None, 0).customer_id.tolist() == ["a", "c"]
        assert file.labelled(None, 0).churned.tolist() == [1, 0]
        assert file.is_ok
    with open_data(path, model=flat_model, labels="needed") as file:
        assert [part.customer_id.tolist() for part in file.partitions(None)] == [["a", "c"]]


def test_a_column_of_too_many_values_is_no_outcome_where_it_may_be_missing(tmp_path, flat_model):
    path = tmp_path / "odd.csv"
    path.write_text("id,left,n,city\n" + "".join(f"{n},{n},1,x\n" for n in range(30)))
    with open_data(path, model=flat_model) as file:
        assert not file.has_outcomes
        assert file.n_customers == 30


def test_what_a_file_cannot_tell_is_said(tmp_path):
    with open_file(flat_file(tmp_path), Config(flat=FLAT)) as file:
        with pytest.raises(DataError, match=r"flat\.csv: a flat file names no manager; give the folder"):
            file.tables("names no manager")
        for ask in (lambda: file.data_end, lambda: file.labelled(AS_OF, 365), lambda: next(file.partitions(AS_OF))):
            with pytest.raises(TimeRangeError, match="a flat file has no time"):
                ask()
        assert not file.has("holdings")
        assert file.lost_features == {}


def test_the_features_of_a_file_are_its_own_columns_and_its_bindings_are_services(tmp_path):
    flat = FLAT.model_copy(update={"bindings": ("n",)})
    with open_file(flat_file(tmp_path), Config(flat=flat)) as file:
        assert [(one.name, one.service) for one in file.catalogue] == [("n", "n"), ("city", None)]


def test_a_description_of_a_file_says_nothing_of_tables(make_folder):
    with open_bank(make_folder(), Config(flat=FLAT)) as bank:
        assert bank.config.flat is None
        assert bank.is_dated


def test_a_rule_that_is_broken_is_told_in_words(make_folder):
    with open_bank(make_folder(customers=CUSTOMERS.replace("gold", "jade", 1))) as bank:
        (row,) = check(bank).query("severity == 'error' and table == 'customers'").to_dict("records")
    assert (row["column"], row["rule"], row["count"], row["rows"]) == ("tier", "unknown_value", 1, (1,))
    assert row["means_en"] == "a code that is not known"
