import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from churn.errors import ModelError
from churn.model.schema import Schema, encode, learn_schema
from churn.tables.contract import LEAST_SHARED

SCHEMA = Schema(("age", "tier", "vip"), {"tier": ("gold", "ordinary")})
FEATURES = pd.DataFrame({"age": [30, 41], "tier": ["ordinary", "gold"], "vip": [True, False]})


def test_numbers_and_booleans_are_numeric_and_texts_categorical():
    assert learn_schema(pd.concat([FEATURES] * LEAST_SHARED)) == SCHEMA


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        (pd.Series(["b", "a", "b"]), ("a", "b")),
        (pd.Series(["b", None, "a"], dtype=object), ("a", "b")),
        (pd.Series(pd.Categorical(["b", "a", "b"], categories=["b", "a", "never"])), ("a", "b")),
        (pd.Series(pd.Categorical([2, 10, 2])), ("10", "2")),
        (pd.Series([1, "a", None], dtype=object), ("1", "a")),
    ],
    ids=["texts", "texts with a null", "categories", "categories of numbers", "mixed"],
)
def test_levels_are_the_values_present_as_sorted_texts(column, levels):
    rows = column.repeat(LEAST_SHARED)
    assert learn_schema(rows.to_frame("x")).levels == {"x": levels}


def test_a_value_of_fewer_than_five_rows_is_no_level_and_counts_as_missing():
    frame = pd.DataFrame({"city": ["Bern"] * 5 + ["Chur"] * 4 + [None]})
    schema = learn_schema(frame)

    assert schema.levels == {"city": ("Bern",)}
    encoded = encode(frame, schema)
    assert np.isnan(encoded.matrix[:, 0]).tolist() == [False] * 5 + [True] * 5
    assert encoded.unseen == {"city": 4}


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None, 3], dtype=object),
        pd.Series([None, None, None], dtype=object),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
    ],
    ids=["numbers among objects", "nulls alone", "nullable integers", "nullable booleans"],
)
def test_numeric_columns_have_no_levels_and_nulls_become_missing(column):
    schema = learn_schema(column.to_frame("x"))

    assert schema.levels == {}
    np.testing.assert_array_equal(np.isnan(encode(column.to_frame("x"), schema).matrix[:, 0]), column.isna())


def test_dates_are_refused_by_name():
    dates = pd.DataFrame({"opened_on": pd.to_datetime(["2024-01-01"])})

    with pytest.raises(ModelError, match=r"features\.opened_on: holds datetime64"):
        learn_schema(dates)


def test_a_name_there_twice_is_refused():
    twice = pd.DataFrame([[1, 2]], columns=["age", "age"])

    with pytest.raises(ModelError, match="age there more than once"):
        learn_schema(twice)
    with pytest.raises(ModelError, match="age there more than once"):
        encode(twice, Schema(("age",), {}))


def test_no_column_is_refused():
    with pytest.raises(ModelError, match="no column is left"):
        learn_schema(pd.DataFrame(index=[0, 1]))


def test_categories_become_the_position_of_their_level():
    encoded = encode(FEATURES, SCHEMA)

    np.testing.assert_array_equal(encoded.matrix, [[30, 1, 1], [41, 0, 0]])
    assert encoded.matrix.dtype == np.float64
    assert encoded.unseen == {}


def test_columns_are_found_by_name_in_any_order():
    np.testing.assert_array_equal(
        encode(FEATURES[["vip", "tier", "age"]], SCHEMA).matrix, encode(FEATURES, SCHEMA).matrix
    )


def test_columns_the_schema_does_not_name_are_counted_and_ignored():
    encoded = encode(FEATURES.assign(note="x", more=1), SCHEMA)

    np.testing.assert_array_equal(encoded.matrix, encode(FEATURES, SCHEMA).matrix)


def test_unseen_categories_are_counted_and_become_missing():
    features = pd.DataFrame(
        {"age": [1, 2, 3, 4], "tier": ["jade", "gold", None, "onyx"], "vip": [True, True, True, True]}
    )

    encoded = encode(features, SCHEMA)

    assert encoded.unseen == {"tier": 2}
    np.testing.assert_array_equal(encoded.matrix[:, 1], [np.nan, 0, np.nan, np.nan])


def test_missing_columns_are_listed_on_one_line_with_those_that_are_there_instead():
    renamed = FEATURES.rename(columns={"age": "years", "vip": "VIP"})

    with pytest.raises(ModelError) as caught:
        encode(renamed, SCHEMA)

    assert "2 of the model's 3 columns missing: age, vip" in str(caught.value)
    assert "not known to the model: years, VIP" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_long_list_of_missing_columns_is_cut():
    schema = Schema(tuple(f"f{number}" for number in range(15)), {})

    with pytest.raises(ModelError, match="f9 and 5 more; not known to the model: none"):
        encode(pd.DataFrame({"f0": [1]})[[]], schema)


@pytest.mark.parametrize("values", [["1", "2"], ["x", None]])
def test_text_in_a_numeric_column_is_refused_without_its_values(values):
    with pytest.raises(ModelError, match=r"features\.age: numbers in training, strings now") as caught:
        encode(FEATURES.assign(age=values), SCHEMA)
    assert "x" not in str(caught.value).removeprefix("features.age: numbers in training, strings now").split(";")[0]


def test_a_numeric_column_may_be_wholly_null():
    assert np.isnan(encode(FEATURES.assign(age=pd.Series([None, None], dtype="str")), SCHEMA).matrix[:, 0]).all()


def test_no_row_gives_an_empty_matrix():
    assert encode(FEATURES[:0], SCHEMA).matrix.shape == (0, 3)


def test_json_gives_the_schema_back():
    assert TypeAdapter(Schema).validate_python(json.loads(json.dumps(asdict(SCHEMA)))) == SCHEMA
