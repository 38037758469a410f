from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.errors import ModelError
from churn.model.anchoring import Anchoring
from churn.model.calibration import Calibration, fit_intervals
from churn.model.fitted import FittedModel
from churn.model.schema import encode, learn_schema
from churn.model.trees import TreeParameters, fit_trees, predict_margins


@pytest.fixture(scope="module")
def features():
    generator = np.random.default_rng(0)
    return pd.DataFrame({"age": generator.normal(50, 10, 200), "tier": generator.choice(["gold", "ordinary"], 200)})


@pytest.fixture(scope="module")
def model(features):
    schema = learn_schema(features)
    y = ((features["age"] > 50) ^ (features["tier"] == "gold")).to_numpy(dtype=np.int64)
    booster = fit_trees(encode(features, schema).matrix, y, TreeParameters(), rounds=20)
    return FittedModel(schema, booster, Calibration("sigmoid", {"a": 0.5, "b": -1.0}))


def test_probability_is_the_calibrated_margin(model, features):
    found = model.predict(features)

    np.testing.assert_array_equal(found.margin, predict_margins(model.booster, encode(features, model.schema).matrix))
    np.testing.assert_allclose(found.probability, 1 / (1 + np.exp(1 - 0.5 * found.margin)))


def test_columns_in_another_order_give_the_same_bits(model, features):
    np.testing.assert_array_equal(
        model.predict(features[["tier", "age"]]).probability, model.predict(features).probability
    )


def test_rows_in_chunks_give_the_same_bits(model, features):
    whole = model.predict(features).probability
    parts = [model.predict(features[start : start + 70]).probability for start in (0, 70, 140)]

    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_an_unseen_category_is_counted_and_scored_as_missing(model, features):
    jade = model.predict(features.assign(tier="jade"))
    missing = model.predict(features.assign(tier=None))

    assert jade.unseen == {"tier": 200}
    assert missing.unseen == {}
    np.testing.assert_array_equal(jade.probability, missing.probability)


def test_a_missing_column_is_refused(model, features):
    with pytest.raises(ModelError, match="1 of the model's 2 columns missing: tier"):
        model.predict(features[["age"]])
    with pytest.raises(ModelError, match="1 of the model's 2 columns missing: tier"):
        model.contributions(features[["age"]])


def test_contributions_have_a_column_a_feature_and_sum_to_the_margin(model, features):
    contributions = model.contributions(features)

    assert contributions.shape == (200, 3)
    np.testing.assert_allclose(contributions.sum(axis=1), model.predict(features).margin, atol=1e-12)


def test_a_model_without_intervals_has_none(model, features):
    found = model.predict(features)

    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


@pytest.fixture(scope="module")
def with_intervals(model, features):
    # outcomes at odds with the calibration, so that the probability often lies outside [p0, p1]
    left = (np.random.default_rng(1).random(200) < 0.25).astype(np.int64)
    return replace(model, intervals=fit_intervals(model.predict(features).margin, left))


def test_an_interval_is_the_hull_of_both_steps_and_the_probability(with_intervals, features):
    found = with_intervals.predict(features)
    low, high = with_intervals.intervals.apply(found.margin)

    np.testing.assert_array_equal(found.low, np.minimum(low, found.probability))
    np.testing.assert_array_equal(found.high, np.maximum(high, found.probability))
    assert 0 < np.mean(found.low == found.probability) < 1


def test_anchoring_shifts_both_ends_as_it_shifts_the_probability(with_intervals, features):
    anchored = replace(with_intervals, anchoring=Anchoring("age", (0.0, 0.0, 0.0, 0.0, 1.5)))
    before, after = with_intervals.predict(features), anchored.predict(features)

    assert (after.low <= after.probability).all()
    assert (after.probability <= after.high).all()
    for one, other in ((before.low, after.low), (before.high, after.high), (before.probability, after.probability)):
        inside = (one > 0) & (one < 1)
        odds = other[inside] / (1 - other[inside]) * (1 - one[inside]) / one[inside]
        np.testing.assert_allclose(odds, np.exp(1.5))
