from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.errors import OutputError
from churn.features.feature import own_features
from churn.frame import Snapshot
from churn.model.calibration import fit_intervals
from churn.model.documents import Advice, Effects, Thresholds
from churn.model.fitted import FittedModel
from churn.model.schema import encode, learn_schema
from churn.model.storage import StoredModel
from churn.model.trees import TreeParameters, fit_trees
from churn.score_files import require_form
from churn.scoring import EXPLAINED, SCHEMA, raising_features, risk_bands, score_snapshot
from documents import make_manifest


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
    bands = risk_bands(np.array([0.0999, 0.1, 0.3999, 0.4]), Thresholds(low=0.1, high=0.4))
    assert bands == ["low", "medium", "medium", "high"]


@pytest.mark.parametrize("name", ["scores", "scores.xlsx", "scores.parquet.gz"])
def test_another_form_than_parquet_and_csv_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"ends in \.parquet or \.csv"):
        require_form(tmp_path / name)


@pytest.fixture(scope="module")
def scored():
    """Customers, and a model of them without intervals."""
    features = pd.DataFrame({"age": np.arange(80) % 31, "products": np.arange(80) % 7})
    y = (features["age"] > 15).to_numpy(dtype=np.int64)
    schema = learn_schema(features)
    model = FittedModel(schema, fit_trees(encode(features, schema).matrix, y, TreeParameters(), rounds=5))
    ids = np.array([f"C{number:02d}" for number in range(80)], dtype=object)
    return Snapshot(None, ids, features, y, None), StoredModel(
        model, make_manifest(thresholds={"high": 0.6, "low": 0.3})
    )


def test_scores_hold_the_interval_around_each_probability(scored):
    snapshot, stored = scored
    margins = stored.model.predict(snapshot.features).margin
    with_intervals = replace(stored, model=replace(stored.model, intervals=fit_intervals(margins, snapshot.churned)))
    table, _ = score_snapshot(snapshot, with_intervals)
    low, p, high = (table[name].to_numpy() for name in ("probability_low", "churn_probability", "probability_high"))

    assert (low <= p).all()
    assert (p <= high).all()
    assert (low < high).all()


def test_a_model_without_intervals_leaves_their_columns_empty(scored):
    table, _ = score_snapshot(*scored)

    assert table["probability_low"].null_count == table["probability_high"].null_count == 80
    assert table["churn_probability"].null_count == 0


def test_a_claimed_effect_is_that_of_its_shift_and_has_its_interval(scored):
    snapshot, stored = scored
    known = own_features(snapshot.features.columns, ["products"])
    probability = score_snapshot(snapshot, stored)[0]["churn_probability"].to_numpy()
    claim = Advice(
        service="products", verdict="cuts", evidence="randomised", effect=-0.1, low=-0.2, high=-0.05, bands={},
        shifts={"all": (-0.5, -0.9, -0.2)},
    )  # fmt: skip
    stored = replace(stored, effects=Effects(as_of=None, services=(claim,)))
    table = score_snapshot(snapshot, stored, explain=known)[0].to_pandas()
    named = table["next_binding"].notna()

    assert 0 < named.sum() < len(table)
    names = ["next_binding_effect", "next_binding_effect_low", "next_binding_effect_high"]
    for name, shift in zip(names, claim.shifts["all"], strict=True):
        odds = probability / (1 - probability) * np.exp(shift)
        np.testing.assert_allclose(table.loc[named, name], (odds / (1 + odds) - probability)[named], rtol=1e-9)
        assert table.loc[~named, name].isna().all()
    assert set(table.loc[named, "next_binding_basis"]) == {"randomised"}
    assert table.loc[~named, "next_binding_basis"].isna().all()


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
        *("raises_1_features", "raises_2_features", "raises_3_features"),
        *("next_binding_effect_low", "next_binding_effect_high", "next_binding_basis"),
    ]
    assert not set(EXPLAINED.names) & set(SCHEMA.names)
    assert str(EXPLAINED.field("next_binding_effect").type) == "double"
