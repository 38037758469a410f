import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.errors import ConfigError, DataError, ModelError
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.frame import Snapshot
from churn.model.recipe import (
    BindingColumns,
    Recipe,
    binding_columns,
    default_candidates,
    leave_out,
    parse_recipe,
    prepare,
    recipe_of,
)
from churn.model.trees import TreeParameters
from churn.training import train
from labelled import dated

NAMES = [feature.name for feature in catalogue(Config())]


def _with_bindings(as_of, **columns):
    features = pd.DataFrame(columns)
    return Snapshot(as_of, np.array(["C1", "C2"], dtype=object), features, None, None)


def test_every_column_that_a_binding_changes_is_held_or_left_out():
    found = binding_columns(NAMES, catalogue(Config()))

    services = list(Config().services)
    assert found.falling == (*(f"bound_{name}" for name in services), "n_bound", "share_bound")
    assert found.dropped == tuple(f"days_since_bound_{name}" for name in services)


def test_a_service_the_bank_added_is_held_too():
    own = {
        "products": {"loan": {"en": "loan", "zh": "贷款"}},
        "services": {"loan_x": {"product": "loan", "en": "x", "zh": "y"}},
    }
    config = Config.model_validate(own)

    found = binding_columns([feature.name for feature in catalogue(config)], catalogue(config))

    assert "bound_loan_x" in found.falling
    assert "days_since_bound_loan_x" in found.dropped


def test_positions_are_those_after_columns_were_left_out():
    first = _with_bindings(dt.date(2024, 1, 1), days_since_bound_cts=[1.0, 2.0], age=[3, 4], bound_cts=[1.0, 1.0])

    recipe = Recipe(parameters=TreeParameters(num_leaves=5), monotone=True)

    kept, prepared, held = prepare([first, first], recipe, catalogue(Config()))

    assert [list(snapshot.features.columns) for snapshot in kept] == [["age", "bound_cts"]] * 2
    assert prepared.parameters == TreeParameters(num_leaves=5, monotone=(1,))
    assert held == BindingColumns(("bound_cts",), ("days_since_bound_cts",))


def test_of_a_flat_file_what_the_configuration_names_is_held():
    snapshot = _with_bindings(None, card=[0, 1], bound_cts=[0, 1], app=[True, False])
    known = own_features(snapshot.features.columns, ["app", "card"])

    kept, prepared, _ = prepare([snapshot], Recipe(monotone=True), known)

    assert list(kept[0].features.columns) == ["card", "bound_cts", "app"]
    assert prepared.parameters.monotone == (0, 2)


def test_where_there_is_no_binding_there_is_an_error():
    with pytest.raises(DataError, match="hold no binding"):
        binding_columns(["age_years"], catalogue(Config()))
    with pytest.raises(ConfigError, match="names no column"):
        binding_columns(["age_years"], own_features(["age_years"]))


def _snapshot(day=1, **columns):
    frame = pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in columns.items()})
    ids = np.array([f"C{number}" for number in range(len(frame))], dtype=object)
    return Snapshot(dt.date(2024, 1, day), ids, frame, np.arange(len(frame)) % 2, None)


def test_names_say_the_learners_and_what_is_held():
    assert parse_recipe("histogram", seed=3) == Recipe(("histogram",), seed=3)
    assert parse_recipe("scorecard + lightgbm") == Recipe(("scorecard", "lightgbm"))
    assert parse_recipe("monotone", parameters=TreeParameters(num_leaves=5)) == Recipe(
        parameters=TreeParameters(num_leaves=5), monotone=True
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: parse_recipe("forest"), "'forest' is not a learner"),
        (lambda: parse_recipe("lightgbm+"), "'' is not a learner"),
        (lambda: Recipe(()), "no learner"),
        (lambda: Recipe(("scorecard",), monotone=True), "only lightgbm alone can be held monotone, not scorecard"),
    ],
)
def test_recipe_that_cannot_be_made_is_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_candidates_are_all_that_are_installed_and_monotone_where_there_are_bindings():
    assert default_candidates(has_bindings=True) == [
        "scorecard", "histogram", "lightgbm", "monotone", "catboost", "xgboost",
    ]  # fmt: skip
    assert "monotone" not in default_candidates(has_bindings=False)


def test_candidates_that_are_not_installed_are_not_named(monkeypatch):
    monkeypatch.setattr("churn.model.learners.catalogue.find_spec", lambda _: None)
    assert default_candidates(has_bindings=False) == ["scorecard", "histogram", "lightgbm"]


def test_only_the_features_named_are_kept_in_the_order_of_the_frame():
    given = _snapshot(a=[1, 2], b=[3, 4], c=[5, 6])
    [kept], recipe, held = prepare([given], Recipe(only=("c", "a")), ())
    assert list(kept.features) == ["a", "c"]
    assert list(given.features) == ["a", "b", "c"]
    assert (recipe.only, held) == (("c", "a"), None)


def test_feature_that_the_tables_do_not_give_is_named():
    with pytest.raises(ModelError, match=r"features\.x: not among the 1 features of these tables"):
        prepare([_snapshot(a=[1, 2])], Recipe(only=("a", "x")), ())


def test_monotone_recipe_finds_its_columns_after_others_are_left_out():
    given = _snapshot(age=[1, 2], bound_cts=[0, 1], days_since_bound_cts=[np.nan, 5], n_bound=[0, 1])
    [kept], recipe, held = prepare([given], Recipe(monotone=True, only=("bound_cts", "n_bound")), catalogue(Config()))
    assert list(kept.features) == ["bound_cts", "n_bound"]
    assert recipe.parameters.monotone == (0, 1)
    assert held.dropped == ()


def test_monotone_recipe_without_a_binding_is_refused():
    with pytest.raises((ConfigError, DataError), match="hold no binding"):
        prepare([_snapshot(age=[1, 2])], Recipe(monotone=True), catalogue(Config()))


def _many(as_of):
    rng = np.random.default_rng(as_of.toordinal())
    frame = pd.DataFrame({"bound_cts": rng.integers(0, 2, 400).astype(float), "age": rng.normal(size=400)})
    churned = (rng.random(400) < 1 / (1 + np.exp(frame["bound_cts"] - frame["age"]))).astype(np.int64).to_numpy()
    ids = np.array([f"C{number:03d}" for number in range(400)], dtype=object)
    return Snapshot(as_of, ids, frame, churned, None)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(parameters=TreeParameters(num_leaves=4, max_rounds=50), monotone=True, seed=5),
        Recipe(("scorecard", "lightgbm"), TreeParameters(max_rounds=50), only=("age",)),
        Recipe(("histogram",), seed=2),
    ],
    ids=["monotone", "mean", "histogram"],
)
def test_recipe_of_a_stored_model_makes_the_same_model_again(recipe):
    snapshots = [_many(dt.date(2023, 1, 1)), _many(dt.date(2024, 1, 1))]
    first = train(dated(snapshots, 90), recipe)
    again = recipe_of(first.model, first.manifest)
    second = train(dated(snapshots, 90), again)
    assert second.manifest.model_id == first.manifest.model_id


THERE = ["product_coverage", "bound_cts", "n_bound", "own"]


def test_families_and_features_are_left_out_by_name():
    assert leave_out(Recipe(), ["bindings", "own"], THERE, Config()).only == ("product_coverage",)
    assert leave_out(Recipe(), ["n_bound"], THERE, Config()).only == ("product_coverage", "bound_cts", "own")


def test_nothing_left_out_leaves_the_recipe_as_it_is():
    assert leave_out(Recipe(seed=3), [], THERE, Config()) == Recipe(seed=3)


def test_family_whose_table_is_missing_can_be_left_out_all_the_same():
    assert leave_out(Recipe(), ["pnl"], THERE, Config()).only == tuple(THERE)


@pytest.mark.parametrize(
    ("without", "says"),
    [(["binding"], "--without binding: is neither a family"), (["bindings", "coverage", "own"], "leaves no feature")],
)
def test_name_that_is_nothing_and_leaving_out_everything_are_refused(without, says):
    with pytest.raises(ConfigError, match=says):
        leave_out(Recipe(), without, THERE, Config())
