import numpy as np
import pytest

from churn.errors import OutputError
from churn.scoring import EXPLAINED, SCHEMA, raising_features, require_form, risk_bands


def test_reasons_are_the_largest_contributions_above_zero_in_order():
    contributions = np.array([[0.2, -0.9, 0.5, 0.1], [0.0, -0.1, 0.3, -0.2], [-1.0, -1.0, -1.0, -1.0]])
    found = [ranked.to_pylist() for ranked in raising_features(contributions, ["a", "b", "c", "d"])]
    assert found == [["c", "c", None], ["a", None, None], ["d", None, None]]


def test_equal_contributions_go_to_the_feature_that_stands_first():
    found = raising_features(np.array([[0.5, 0.5, 0.5, 0.5]]), ["a", "b", "c", "d"])
    assert [ranked.to_pylist() for ranked in found] == [["a"], ["b"], ["c"]]


def test_a_model_of_two_features_gives_an_empty_third_reason():
    found = raising_features(np.array([[0.1, 0.2]]), ["a", "b"])
    assert [ranked.to_pylist() for ranked in found] == [["b"], ["a"], [None]]


def test_a_probability_on_a_threshold_belongs_to_the_band_above():
    bands = risk_bands(np.array([0.0999, 0.1, 0.3999, 0.4]), {"low": 0.1, "high": 0.4})
    assert bands == ["low", "medium", "medium", "high"]


@pytest.mark.parametrize("name", ["scores", "scores.xlsx", "scores.parquet.gz"])
def test_another_form_than_parquet_and_csv_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"ends in \.parquet or \.csv"):
        require_form(tmp_path / name)


def test_columns_of_the_scores_are_those_of_the_contract_in_order():
    assert SCHEMA.names == [
        *("customer_id", "as_of", "churn_probability", "risk_band", "product_coverage"),
        *("reason_1", "reason_2", "reason_3", "probability_low", "probability_high"),
    ]


def test_columns_of_an_explanation_follow_those_of_the_scores_and_repeat_none():
    assert EXPLAINED.names[:3] == ["next_binding", "next_binding_effect", "next_product"]
    assert EXPLAINED.names[3:] == [
        *("raises_1_en", "raises_1_zh", "raises_2_en", "raises_2_zh", "raises_3_en", "raises_3_zh"),
        *("holds_1_en", "holds_1_zh", "holds_2_en", "holds_2_zh"),
    ]
    assert not set(EXPLAINED.names) & set(SCHEMA.names)
    assert str(EXPLAINED.field("next_binding_effect").type) == "double"
