import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import bootstrap

from churn.config import Config
from churn.errors import ModelError
from churn.explanation.shap import base_probability, explain_features, to_points
from churn.explanation.survey import (
    LEAST_GROUP,
    N_BOOT,
    NO_CONTRAST,
    ServiceColumns,
    contrast_shap,
    service_columns,
    shap_schema,
    survey_customers,
)
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.frame import Snapshot
from churn.model.calibration import Calibration
from churn.model.fitted import FittedModel
from churn.model.schema import learn_schema
from churn.model.trees import TreeParameters, fit_trees

N = 400
NAMES = ["product_coverage", "bound_cts", "days_since_bound_cts", "holds_cts"]
CTS = {"cts": ServiceColumns("bound_cts", ("bound_cts", "days_since_bound_cts"), "holds_cts")}


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    holds = rng.random(N) < 0.6
    bound = rng.random(N) < 0.5  # some without the product: bound, but not eligible
    days = np.where(bound, rng.integers(1, 2_000, N), np.nan)
    coverage = rng.integers(1, 7, N).astype(float)
    table = np.column_stack([coverage, bound, days, holds, rng.normal(size=N)]).astype(float)
    return pd.DataFrame(table, columns=[*NAMES, "not_of_the_model"])


@pytest.fixture(scope="module")
def model(features):
    rng = np.random.default_rng(1)
    margin = 0.5 - 0.4 * features["product_coverage"] - 0.8 * features["bound_cts"]
    y = (rng.random(N) < 1 / (1 + np.exp(-margin))).to_numpy().astype(int)
    schema = learn_schema(features[NAMES])
    booster = fit_trees(features[NAMES].to_numpy(), y, TreeParameters(), rounds=30)
    return FittedModel(schema, booster, Calibration("sigmoid", {"a": 0.9, "b": -0.1}))


def cut(features, *places):
    edges = [0, *places, len(features)]
    ids = np.array([f"C{place:04d}" for place in range(len(features))], dtype=object)
    for begin, end in pairwise(edges):
        part = features[begin:end].reset_index(drop=True)
        yield Snapshot(dt.date(2025, 1, 1), ids[begin:end], part, None, None)


def survey(features, model, *places, services=CTS, n_expected=N, on_part=lambda _: None):
    return survey_customers(cut(features, *places), model, services, n_expected=n_expected, on_part=on_part)


def test_importance_and_contrasts_do_not_depend_on_the_partitions(features, model):
    whole, parts = survey(features, model), survey(features, model, 1, 150, 399)

    assert parts.n == whole.n == N
    pd.testing.assert_frame_equal(parts.importance, whole.importance, rtol=1e-12)
    assert parts.seen == whole.seen


def test_importance_is_the_mean_size_of_contributions_the_largest_first(features, model):
    explained = explain_features(model, features)
    base, probability = base_probability(model, features, explained), model.predict(features).probability
    found = survey(features, model).importance.set_index("feature")

    expected = np.abs(explained.values).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(found.loc[NAMES, "mean_abs_log_odds"], expected, rtol=1e-12)
    points = np.abs(to_points(explained.values, base, probability)).mean(axis=0)
    np.testing.assert_allclose(found.loc[NAMES, "mean_abs_points"], points, rtol=1e-12)
    assert found["mean_abs_log_odds"].is_monotonic_decreasing
    assert set(found.index) == set(NAMES)


def test_a_contrast_adds_up_the_services_columns_among_those_who_hold_its_product(features, model):
    values = explain_features(model, features).values.astype(float)
    both = values[:, 1] + values[:, 2]
    eligible, bound = features["holds_cts"] == 1, features["bound_cts"] == 1
    seen = survey(features, model).seen["cts"]

    assert (seen.n_eligible, seen.n_bound) == (eligible.sum(), (eligible & bound).sum())
    assert seen.contrast.bound == pytest.approx(both[eligible & bound].mean())
    assert seen.contrast.unbound == pytest.approx(both[eligible & ~bound].mean())
    assert seen.contrast.log_odds < 0  # binding lowers the risk in these data
    assert seen.contrast.points.low < seen.contrast.points.value < seen.contrast.points.high < 0


@pytest.mark.parametrize(("bound", "n_bound"), [(0.0, 0), (1.0, 240)], ids=["nobody", "everybody"])
def test_a_service_nobody_or_everybody_has_no_contrast(features, model, bound, n_bound):
    held = features.assign(holds_cts=[1.0] * 240 + [0.0] * 160, bound_cts=bound)
    seen = survey(held, model).seen["cts"]

    assert (seen.n_eligible, seen.n_bound, seen.contrast) == (240, n_bound, NO_CONTRAST)


def test_a_service_the_model_does_not_know_is_counted_and_has_no_contrast(features, model):
    services = {"sweep": ServiceColumns("bound_sweep", (), "holds_sweep")}
    held = features.assign(holds_sweep=[1.0] * 100 + [0.0] * 300, bound_sweep=[1.0] * 40 + [0.0] * 360)
    seen = survey(held, model, 50, services=services).seen["sweep"]

    assert (seen.n_eligible, seen.n_bound, seen.contrast) == (100, 40, NO_CONTRAST)


def test_of_a_flat_file_whoever_has_a_0_or_a_1_could_bind(features, model):
    services = {"bound_cts": ServiceColumns("bound_cts", ("bound_cts",), None)}
    some_missing = features.assign(bound_cts=[np.nan] * 100 + [1.0] * 120 + [0.0] * 180)
    seen = survey(some_missing, model, services=services).seen["bound_cts"]

    assert (seen.n_eligible, seen.n_bound) == (300, 120)


def test_the_sample_is_spread_over_the_file_whatever_the_partitions(features, model, monkeypatch):
    monkeypatch.setattr("churn.explanation.survey.SAMPLE", 40)
    whole, parts = survey(features, model), survey(features, model, 7, 203)

    every_tenth = features[NAMES][::10].reset_index(drop=True)
    pd.testing.assert_frame_equal(whole.sample_features, every_tenth)
    pd.testing.assert_frame_equal(parts.sample_features, every_tenth)
    np.testing.assert_array_equal(whole.sample.values, explain_features(model, every_tenth).values)
    np.testing.assert_array_equal(parts.sample.values, whole.sample.values)


def test_a_small_file_is_its_own_sample(features, model):
    assert len(survey(features, model, n_expected=N).sample_features) == N


def test_every_partition_is_handed_on_with_ids_values_and_the_base_value(features, model):
    tables = []
    survey(features, model, 150, on_part=tables.append)
    table = pa.concat_tables(tables)

    assert [len(part) for part in tables] == [150, 250]
    assert table.schema == shap_schema(NAMES)
    assert table.schema.names == ["customer_id", *NAMES, "base_value"]
    assert {str(table.schema.field(name).type) for name in NAMES} == {"float"}
    assert table["customer_id"].to_pylist() == [f"C{place:04d}" for place in range(N)]
    sums = sum(table[name].to_numpy() for name in [*NAMES, "base_value"])
    np.testing.assert_allclose(sums, model.predict(features).margin, atol=1e-4)


def test_columns_that_are_missing_are_a_model_error(features, model):
    with pytest.raises(ModelError, match="missing: product_coverage"):
        survey(features.drop(columns="product_coverage"), model)


def test_services_are_found_among_a_models_features():
    names = ["bound_cts", "days_since_bound_cts", "bound_cash_sweep", "bound_nothing"]
    found = service_columns(catalogue(Config()), names)

    assert list(found) == list(Config().services)
    assert found["cts"] == ServiceColumns("bound_cts", ("bound_cts", "days_since_bound_cts"), "holds_cts")
    assert found["cash_sweep"] == ServiceColumns("bound_cash_sweep", ("bound_cash_sweep",), "holds_cash_sweep")
    assert found["fund_trading"] == ServiceColumns("bound_fund_trading", (), "holds_fund")


def test_bindings_of_a_flat_file_are_found_under_their_own_names():
    known = own_features(["age", "app", "card"], ["app", "card"])

    assert service_columns(known, ["age", "app"]) == {
        "app": ServiceColumns("app", ("app",), None),
        "card": ServiceColumns("card", (), None),
    }


def test_a_contrast_by_hand():
    bound = np.arange(20) < 10
    log_odds = np.where(bound, -0.6, 0.2)
    points = np.where(bound, np.tile([-0.1, -0.3], 10), 0.05)  # means -0.2 and 0.05
    found = contrast_shap(log_odds, points, bound)

    assert (found.bound, found.unbound) == (pytest.approx(-0.6), pytest.approx(0.2))
    assert found.log_odds == pytest.approx(-0.8)
    assert found.points.value == pytest.approx(-0.25)


def test_the_interval_holds_the_difference_and_is_the_bootstrap_of_another_library():
    rng = np.random.default_rng(0)
    points, bound = rng.normal(0, 0.1, 400), np.arange(400) < 150
    points[bound] -= 0.05
    found = contrast_shap(points, points, bound).points

    def difference(one, other, axis=-1):
        return one.mean(axis=axis) - other.mean(axis=axis)

    theirs = bootstrap((points[bound], points[~bound]), difference, method="percentile", n_resamples=2_000, rng=rng)
    assert found.low < found.value < found.high
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    # So many resamples know the end of an interval to about a tenth of its width.
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.15 * width)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.15 * width)
    assert N_BOOT == 200


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values, bound = np.random.default_rng(0).normal(size=60), np.arange(60) < 30
    one, same, other = (contrast_shap(values, values, bound, seed=seed) for seed in (1, 1, 2))

    assert one == same
    assert one.points.value == other.points.value
    assert one.points.low != other.points.low


@pytest.mark.parametrize("n_bound", [0, LEAST_GROUP - 1, 100 - LEAST_GROUP + 1, 100])
def test_a_tiny_group_has_no_contrast(n_bound):
    bound = np.arange(100) < n_bound

    assert contrast_shap(np.ones(100), np.ones(100), bound) == NO_CONTRAST


@pytest.mark.parametrize("n_bound", [LEAST_GROUP, 100 - LEAST_GROUP])
def test_the_least_group_has_a_contrast(n_bound):
    assert contrast_shap(np.ones(100), np.ones(100), np.arange(100) < n_bound).log_odds == 0


def test_features_called_like_the_columns_beside_them_have_a_name_of_their_own():
    names = ["customer_id", "base_value", "base_value (feature)", "age"]
    found = shap_schema(names).names
    assert len(set(found)) == len(found) == len(names) + 2
    assert (found[0], found[-1], found[1]) == ("customer_id", "base_value", "customer_id (feature)")
    assert found[2] == "base_value (feature) (feature)"
