import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.actions.plan_scores import read_scores
from churn.errors import DataError, MissingColumnError, OutputError

AS_OF = dt.date(2026, 1, 5)


def scores(**columns):
    plain = {"customer_id": ["007", "A"], "as_of": [AS_OF, AS_OF], "churn_probability": [0.25, 0.5]}
    return pd.DataFrame(plain | columns)


def written(tmp_path, table, suffix):
    path = tmp_path / f"scores{suffix}"
    if suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


EXPLAINED = {
    "next_binding": ["cts", None],
    "next_binding_effect": [-0.1, None],
    "next_product": [None, "fund"],
    "raises_1_en": ["no call", None],
    "raises_1_zh": ["无电话", None],
}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_both_forms_give_the_same_ids_as_texts_and_empty_cells_as_none(tmp_path, suffix):
    found = read_scores(written(tmp_path, scores(**EXPLAINED), suffix))
    assert found.as_of == AS_OF
    assert found.is_explained
    assert found.frame["customer_id"].tolist() == ["007", "A"]
    assert found.frame["next_binding"].tolist() == ["cts", None]
    assert found.frame["next_product"].tolist() == [None, "fund"]
    assert found.frame["raises_1_zh"].tolist() == ["无电话", None]
    assert np.isnan(found.frame["next_binding_effect"][1])


def test_scores_without_explanations_have_the_same_columns_and_no_effect(tmp_path):
    plain, explained = (read_scores(written(tmp_path, table, ".parquet")) for table in (scores(), scores(**EXPLAINED)))
    assert not plain.is_explained
    assert sorted(plain.frame.columns) == sorted(explained.frame.columns)
    assert plain.frame["next_binding_effect"].isna().all()


def test_scores_of_a_flat_file_have_no_date(tmp_path):
    for suffix in (".parquet", ".csv"):
        assert read_scores(written(tmp_path, scores(as_of=[None, None]), suffix)).as_of is None


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"customer_id": ["A", "A"]}, "a customer twice"),
        ({"customer_id": ["A", None]}, "customer_id: empty"),
        ({"churn_probability": [0.5, 1.5]}, "not a number from 0 to 1"),
        ({"churn_probability": [0.5, None]}, r"not a number from 0 to 1; score again \(1 rows, among them 2\)"),
        ({"churn_probability": ["x", "y"]}, "is no number"),
        ({"as_of": [AS_OF, AS_OF + dt.timedelta(days=1)]}, "2 dates"),
        ({"as_of": ["soon", "soon"]}, "not a date"),
        ({"next_binding_effect": [-2.0, 0.0]}, "from -1 to 1"),
    ],
)
def test_what_no_scoring_wrote_is_refused_in_one_line(tmp_path, columns, said):
    with pytest.raises(DataError, match=said) as error:
        read_scores(written(tmp_path, scores(**columns), ".parquet"))
    assert "\n" not in str(error.value)


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(MissingColumnError, match="churn_probability is missing"):
        read_scores(written(tmp_path, scores().drop(columns="churn_probability"), ".parquet"))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_of_another_kind_is_refused(tmp_path, suffix):
    path = tmp_path / f"scores{suffix}"
    path.write_bytes(b'"\x00\xff,\n1,2,3\n"')
    with pytest.raises(DataError):
        read_scores(path)


def test_no_file_and_no_known_ending_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_scores(tmp_path / "scores.csv")
    with pytest.raises(OutputError, match="ends in"):
        read_scores(tmp_path / "scores.txt")
