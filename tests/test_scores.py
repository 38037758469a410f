import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.errors import DataError, MissingColumnError, OutputError
from churn.scores import Told, check_scores, read_scores

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
    assert found.frame["next_binding"].fillna("").tolist() == ["cts", ""]
    assert found.frame["next_product"].fillna("").tolist() == ["", "fund"]
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
        ({"churn_probability": ["x", "y"]}, "is not a number"),
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


PLAIN = {"reason_1": ["n_bound", ""], "reason_2": ["unheard_of", ""]}
TOLD = {
    "customer_id": ["A", "B"],
    "reason_1": ["n_bound", None],
    "raises_1_en": ["no service bound", None],
    "raises_1_zh": ["未绑定任何服务", None],
    "holds_1_en": ["aged 44", None],
    "holds_1_zh": ["44 岁", None],
    "next_binding": ["cts", None],
    "next_product": [None, "fund"],
    "next_binding_effect": [-0.1, None],
    "probability_low": [0.2, 0.3],
    "probability_high": [0.4, 0.5],
}


@pytest.fixture(params=[".csv", ".parquet", "table"])
def take(request, tmp_path):
    """Take scores, as a file of either form or as a table."""

    def taken(table):
        return check_scores(table) if request.param == "table" else read_scores(written(tmp_path, table, request.param))

    return taken


def test_explained_scores_tell_reasons_and_the_next_step(take):
    told = take(scores(**TOLD)).told(["A", "B"])
    assert told["A"] == Told(
        raises=(("no service bound", "未绑定任何服务"),),
        holds=(("aged 44", "44 岁"),),
        features=("n_bound",),
        binding="cts",
        product=None,
        effect=-0.1,
        low=0.2,
        high=0.4,
    )
    nothing = {"raises": (), "holds": (), "features": (), "binding": None, "effect": None}
    assert told["B"] == Told(**nothing, product="fund", low=0.3, high=0.5)


def test_scores_without_reasons_in_words_tell_the_features(take):
    told = take(scores(**PLAIN)).told(["007", "nobody"])
    assert list(told) == ["007"]
    assert told["007"].raises == ()
    assert told["007"].features == ("n_bound", "unheard_of")
    assert told["007"].binding is told["007"].low is None


def test_a_column_that_is_no_number_is_refused_without_its_values(take):
    known = take(scores(**TOLD | {"probability_low": ["secret", "0.1"]}))
    with pytest.raises(DataError, match="column probability_low is not a number") as error:
        known.told(["A"])
    assert "secret" not in str(error.value)


def test_numbers_of_a_csv_may_begin_as_whole_ones(tmp_path):
    path = tmp_path / "scores.csv"
    rows = "".join(f"C{number},2026-01-05,{number % 2}\n" for number in range(200_000))
    path.write_text(f"customer_id,as_of,churn_probability\n{rows}last,2026-01-05,0.5\n")
    assert read_scores(path).frame["churn_probability"].iloc[-1] == 0.5


def test_an_id_that_looks_like_nothing_is_one(take):
    assert take(scores(customer_id=["NA", "null"])).frame["customer_id"].tolist() == ["NA", "null"]


def test_an_id_that_a_spreadsheet_would_run_is_read_and_asked_for_as_it_is(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("customer_id,as_of,churn_probability,reason_1\n'=1+1,2026-01-05,0.5,'=f\n''x,2026-01-05,0.5,g\n")
    found = read_scores(path)
    assert found.frame["customer_id"].tolist() == ["=1+1", "''x"]
    assert found.told(["=1+1"])["=1+1"].features == ("=f",)
