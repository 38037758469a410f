import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from churn.errors import DataError, ModelError
from churn.model.anchoring import (
    Anchoring,
    anchoring_from_json,
    anchoring_to_json,
    fit_anchoring,
    target_rates,
)
from churn.model.fitted import FittedModel, model_id
from churn.model.schema import encode, learn_schema
from churn.model.storage import StoredModel, read_model, write_model
from churn.model.trees import TreeParameters, fit_trees
from churn.segments import BUCKETS, bucket_positions
from documents import make_manifest

STATED = {"1": 0.62, "3": 0.42, "5+": 0.12}


def _population(n=4000, seed=0):
    """Probabilities that fall with the number of products and spread widely, and those numbers, 0 to 8."""
    generator = np.random.default_rng(seed)
    coverage = generator.integers(0, 9, n)
    return expit(generator.normal(-0.5 * coverage, 1.5)), coverage


def _means(probability, coverage):
    last = probability[coverage >= 5].mean()
    return [*(probability[coverage == n].mean() for n in (1, 2, 3, 4)), last]


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_of_a_stated_bucket_becomes_the_stated_rate(seed):
    probability, coverage = _population(seed=seed)
    assert abs(_means(probability, coverage)[0] - 0.62) > 0.1

    after = fit_anchoring(probability, coverage, STATED).anchoring.apply(probability, coverage)

    found = _means(after, coverage)
    assert [found[0], found[2], found[4]] == pytest.approx([0.62, 0.42, 0.12], abs=1e-9)


def test_two_and_four_products_come_between_their_neighbours():
    # half-way in log-odds: of ln(.62/.38) and ln(.42/.58) 0.0834, of ln(.42/.58) and ln(.12/.88) -1.1576
    probability, coverage = _population()

    after = fit_anchoring(probability, coverage, STATED).anchoring.apply(probability, coverage)

    assert _means(after, coverage)[1::2] == pytest.approx([0.52084, 0.23911], abs=1e-5)


def test_two_buckets_between_stand_at_a_third_and_two_thirds_of_the_way():
    targets = target_rates({"1": 0.8, "4": 0.2})

    # log-odds ln 4, and 1/3 of the way down to -ln 4: ln 4 / 3
    assert targets[:4] == pytest.approx([0.8, expit(np.log(4) / 3), expit(-np.log(4) / 3), 0.2])
    assert targets[4] is None


@pytest.mark.parametrize("seed", range(5))
def test_the_order_inside_a_bucket_is_unchanged(seed):
    probability, coverage = _population(seed=seed)

    after = fit_anchoring(probability, coverage, STATED).anchoring.apply(probability, coverage)

    for at in range(5):
        members = bucket_positions(coverage) == at
        np.testing.assert_array_equal(np.argsort(after[members]), np.argsort(probability[members]))


def test_everyone_of_a_bucket_moves_by_the_same_log_odds():
    probability, coverage = _population()
    anchoring = fit_anchoring(probability, coverage, STATED).anchoring

    moved = logit(anchoring.apply(probability, coverage)) - logit(probability)

    for at, shift in enumerate(anchoring.shifts):
        np.testing.assert_allclose(moved[bucket_positions(coverage) == at], shift, atol=1e-6)


@pytest.mark.parametrize("unknown", [0, -1, 0.5, float("nan")])
def test_coverage_zero_or_unknown_keeps_its_bits_and_decides_nothing(unknown):
    probability, coverage = _population()
    more_p, more = np.append(probability, [0.1, 0.9]), np.append(coverage.astype(float), [unknown, unknown])

    fit = fit_anchoring(more_p, more, STATED)

    assert fit.anchoring == fit_anchoring(probability, coverage, STATED).anchoring
    np.testing.assert_array_equal(fit.anchoring.apply([0.1, 0.9, 0.3], [unknown] * 3), [0.1, 0.9, 0.3])


def test_probabilities_already_at_the_stated_rates_stay():
    fit = fit_anchoring([0.62, 0.42, 0.12], [1, 3, 5], STATED)

    assert [fit.anchoring.shifts[at] for at in (0, 2, 4)] == pytest.approx([0, 0, 0], abs=1e-9)


def test_alike_probabilities_move_by_the_difference_of_log_odds():
    # log-odds of 1/5 are -ln 4, of 1/2 nil
    assert fit_anchoring([0.2, 0.2], [1, 1], {"1": 0.5}).anchoring.shifts[0] == pytest.approx(np.log(4))


def test_stated_rates_are_those_of_a_year_and_converted_to_the_horizon():
    probability, coverage = _population()

    after = fit_anchoring(probability, coverage, STATED, horizon_days=73).anchoring.apply(probability, coverage)

    # a fifth of a year: 1 - .38^(1/5)
    assert _means(after, coverage)[0] == pytest.approx(1 - 0.38**0.2, abs=1e-9)


def test_outside_the_stated_buckets_the_shift_is_that_of_the_nearest():
    probability, coverage = _population()

    fit = fit_anchoring(probability, coverage, {"2": 0.5, "3": 0.4})

    shifts = fit.anchoring.shifts
    assert (shifts[0], shifts[3], shifts[4]) == (shifts[1], shifts[2], shifts[2])
    assert shifts[1] != shifts[2]
    assert [row.basis for row in fit.buckets] == ["neighbour", "stated", "stated", "neighbour", "neighbour"]
    assert [row.taken_from for row in fit.buckets] == [2, None, None, 3, 3]


def test_an_empty_bucket_takes_the_shift_of_its_neighbour_of_fewer_products():
    probability, coverage = _population()
    there = coverage != 3

    fit = fit_anchoring(probability[there], coverage[there], STATED)

    assert fit.buckets[2].to_json() == {
        "product_coverage": 3,
        "n": 0,
        "target": pytest.approx(0.42),
        "basis": "neighbour",
        "taken_from": 2,
        "shift": fit.anchoring.shifts[1],
        "predicted_before": None,
        "predicted": None,
    }


def test_a_bucket_says_what_was_done_to_it():
    fit = fit_anchoring([0.2, 0.2, 0.5], [1, 1, 4], {"1": 0.5, "5+": 0.2})

    assert [row.product_coverage for row in fit.buckets] == list(BUCKETS)
    assert tuple(vars(fit.buckets[0]).values()) == (
        1,
        2,
        0.5,
        "stated",
        None,
        pytest.approx(np.log(4)),
        0.2,
        pytest.approx(0.5),
    )
    assert fit.buckets[3].basis == "between"
    # three quarters of the way from nil to ln(1/4)
    assert fit.buckets[3].target == pytest.approx(expit(-0.75 * np.log(4)))
    assert fit.buckets[3].predicted == pytest.approx(expit(-0.75 * np.log(4)))


@pytest.mark.parametrize(("coverage", "stated"), [([2, 3], {"1": 0.5}), ([0, 0], STATED), ([], STATED), ([1, 2], {})])
def test_without_anybody_to_anchor_on_it_is_refused(coverage, stated):
    with pytest.raises(DataError, match="nobody holds a number of products"):
        fit_anchoring([0.5] * len(coverage), coverage, stated)


@given(
    st.lists(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), min_size=1, max_size=30),
    st.floats(0.01, 0.99),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_probabilities_reach_any_rate_in_order_certain_ones_included(probability, rate):
    anchoring = fit_anchoring(probability, [3] * len(probability), {"3": rate}).anchoring

    after = anchoring.apply(probability, [3] * len(probability))

    assert np.all((after >= 0) & (after <= 1))
    assert after.mean() == pytest.approx(rate, abs=1e-6)
    assert np.all(np.diff(after[np.argsort(probability, kind="stable")]) >= 0)


def test_a_few_certain_customers_do_not_carry_the_rest_away():
    fit = fit_anchoring([0.0, 1.0, *[0.4] * 98], [3] * 100, {"3": 0.4})

    # the two certain ones stay: of 100, the others must give 39, that is 39/98 each
    assert fit.anchoring.shifts[2] == pytest.approx(logit(39 / 98) - logit(0.4), abs=1e-9)


def test_it_comes_back_from_json_bit_for_bit():
    anchoring = fit_anchoring(*_population(), STATED, feature="产品数").anchoring

    assert anchoring_from_json(json.loads(json.dumps(anchoring_to_json(anchoring)))) == anchoring


@pytest.mark.parametrize(
    "value",
    [
        {"shifts": dict.fromkeys(["1", "2", "3", "4", "5+"], 0.0)},
        {"feature": "n", "shifts": dict.fromkeys(["1", "2", "3", "4"], 0.0)},
        {"feature": "n", "shifts": dict.fromkeys(["1", "2", "3", "4", "5+", "6"], 0.0)},
        {"feature": "n", "shifts": dict.fromkeys(["1", "2", "3", "4", "5+"], float("inf"))},
        {"feature": "n", "shifts": None},
    ],
    ids=["no feature", "a bucket short", "a bucket too many", "not finite", "no shifts"],
)
def test_json_of_another_form_is_refused(value):
    with pytest.raises((KeyError, TypeError, ValueError)):
        anchoring_from_json(value)


def test_the_anchoring_applied_is_a_value_and_changes_no_argument():
    probability, coverage = _population()
    before = probability.copy()

    Anchoring("n", (1.0,) * 5).apply(probability, coverage)

    np.testing.assert_array_equal(probability, before)


@pytest.fixture(scope="module")
def people():
    """Customers with a coverage that is sometimes unknown, and a fitted model of them."""
    generator = np.random.default_rng(1)
    features = pd.DataFrame({"age": generator.normal(50, 10, 300), "n": generator.integers(0, 7, 300).astype(float)})
    features.loc[:20, "n"] = np.nan
    features["tier"] = generator.choice(["gold", "ordinary"], 300)
    schema = learn_schema(features)
    y = (generator.random(300) < 0.3).astype(np.int64)
    return features, FittedModel(schema, fit_trees(encode(features, schema).matrix, y, TreeParameters(), rounds=20))


def _anchored(people):
    features, model = people
    anchoring = fit_anchoring(model.predict(features).probability, features["n"], STATED, feature="n").anchoring
    return replace(model, anchoring=anchoring)


def test_a_model_finds_the_coverage_among_its_own_columns(people):
    features, model = people

    before, after = model.predict(features), _anchored(people).predict(features[["tier", "n", "age"]])

    assert after.probability[features["n"] == 1].mean() == pytest.approx(0.62, abs=1e-9)
    unknown = ~(features["n"] >= 1).to_numpy()
    assert unknown.sum() > 21
    np.testing.assert_array_equal(after.probability[unknown], before.probability[unknown])
    np.testing.assert_array_equal(after.margin, before.margin)


@pytest.mark.parametrize("feature", ["tier", "products"])
def test_a_model_refuses_an_anchoring_on_a_text_or_on_what_it_does_not_take(people, feature):
    with pytest.raises(ModelError, match=f"{feature!r} is not a numeric column of the model"):
        replace(people[1], anchoring=Anchoring(feature, (0.0,) * 5))


def test_an_anchored_model_is_stored_and_named_apart(people, tmp_path):
    features, model = people
    anchored = _anchored(people)
    write_model(tmp_path / "m", StoredModel(anchored, make_manifest()))

    again = read_model(tmp_path / "m").model

    assert again.anchoring == anchored.anchoring
    np.testing.assert_array_equal(again.predict(features).probability, anchored.predict(features).probability)
    assert model_id(again) == model_id(anchored) != model_id(model)


def test_a_folder_of_a_model_that_is_not_anchored_names_no_anchoring(people, tmp_path):
    write_model(tmp_path / "m", StoredModel(people[1], make_manifest()))

    assert "anchoring" not in json.loads((tmp_path / "m" / "model.json").read_text())
    assert read_model(tmp_path / "m").model.anchoring is None


@pytest.mark.parametrize(
    ("anchoring", "says"),
    [({"feature": "n", "shifts": {}}, "is not a model document"), ({"feature": "tier"}, "not a numeric column")],
    ids=["no shifts", "a text"],
)
def test_a_stored_anchoring_that_does_not_fit_is_refused_with_its_file(people, tmp_path, anchoring, says):
    write_model(tmp_path / "m", StoredModel(_anchored(people), make_manifest()))
    path = tmp_path / "m" / "model.json"
    document = json.loads(path.read_text())
    document["anchoring"] |= anchoring
    path.write_text(json.dumps(document))
    sums = (tmp_path / "m" / "SHA256SUMS").read_text().splitlines()
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    lines = [f"{new}  model.json" if line.endswith("  model.json") else line for line in sums]
    (tmp_path / "m" / "SHA256SUMS").write_text("\n".join(lines) + "\n")

    with pytest.raises(ModelError, match=rf"model\.json: .*{says}"):
        read_model(tmp_path / "m")
