import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from churn.model.calibration import Calibration
from churn.model.estimator import ChurnModel


@parametrize_with_checks([ChurnModel(n_jobs=1), ChurnModel(n_jobs=1, monotone=(0,))], legacy=True)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def _rows(n=400, seed=0):
    generator = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": generator.normal(50, 10, n),
            "tier": generator.choice(["gold", "ordinary", "platinum"], n),
            "vip": generator.random(n) < 0.3,
        }
    )
    X.loc[::17, "age"] = np.nan
    risk = (X["age"].fillna(50) - 50) / 5 + np.where(X["tier"] == "gold", -2.0, 1.0)
    return X, (generator.random(n) < 1 / (1 + np.exp(-risk))).to_numpy(dtype=np.int64)


@pytest.fixture(scope="module")
def rows():
    return _rows()


@pytest.fixture(scope="module")
def model(rows):
    return ChurnModel().fit(*rows)


def test_texts_booleans_and_missing_values_are_learnt_from(model):
    X, y = _rows(seed=1)

    # the true risk itself reaches 0.87 here
    assert model.score(X, y) > 0.7


def test_probabilities_are_the_calibrated_ones_of_the_fitted_model(model, rows):
    np.testing.assert_array_equal(model.predict_proba(rows[0])[:, 1], model.fitted_.predict(rows[0]).probability)


def test_decision_function_is_the_log_odds_of_the_probability(model, rows):
    probability = model.predict_proba(rows[0])[:, 1]

    np.testing.assert_allclose(model.decision_function(rows[0]), np.log(probability / (1 - probability)))


def test_the_class_predicted_is_the_likelier_one(model, rows):
    np.testing.assert_array_equal(model.predict(rows[0]), model.predict_proba(rows[0]).argmax(axis=1))


def test_classes_may_be_texts_and_the_second_in_order_is_predicted(rows):
    X, y = rows
    named = np.where(y == 1, "left", "here")

    model = ChurnModel().fit(X, named)

    assert model.classes_.tolist() == ["here", "left"]
    np.testing.assert_array_equal(model.predict_proba(X), ChurnModel().fit(X, y).predict_proba(X))
    assert set(model.predict(X)) == {"here", "left"}


def test_contributions_sum_to_the_margin(model, rows):
    contributions = model.contributions(rows[0])

    assert contributions.shape == (400, 4)
    np.testing.assert_allclose(contributions.sum(axis=1), model.fitted_.predict(rows[0]).margin, atol=1e-10)


def test_columns_in_another_order_are_refused_as_scikit_learn_wants(model, rows):
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(rows[0][["vip", "tier", "age"]])


def test_an_array_is_refused_where_texts_were_learnt(model):
    with pytest.warns(UserWarning, match="valid feature names"), pytest.raises(ValueError, match="give a DataFrame"):
        model.predict(np.zeros((2, 3)))


def test_arrays_and_frames_of_the_same_numbers_give_the_same_probabilities(rows):
    X = rows[0][["age"]]

    framed, plain = ChurnModel().fit(X, rows[1]), ChurnModel().fit(X.to_numpy(), rows[1])

    np.testing.assert_array_equal(framed.predict_proba(X), plain.predict_proba(X.to_numpy()))


def test_a_clone_fitted_to_the_same_rows_is_the_same_model(model, rows):
    np.testing.assert_array_equal(clone(model).fit(*rows).predict_proba(rows[0]), model.predict_proba(rows[0]))


def test_it_works_in_a_pipeline_under_cross_validation(rows):
    scaled = ColumnTransformer(
        [("scale", StandardScaler(), ["age"])], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")

    scores = cross_validate(make_pipeline(scaled, ChurnModel()), *rows, cv=3, scoring="roc_auc")["test_score"]

    assert scores.shape == (3,)
    assert scores.mean() > 0.75


def test_parameters_reach_the_trees(rows):
    model = ChurnModel(num_leaves=2, max_rounds=7, calibration="beta").fit(*rows)

    assert model.fitted_.parameters.num_leaves == 2
    assert model.fitted_.booster.num_trees() <= 7
    assert model.fitted_.calibration.method == "beta"


def test_fewer_members_than_folds_still_give_a_calibrated_model():
    X = np.arange(30, dtype=np.float64)[:, None]
    y = (X[:, 0] >= 27).astype(np.int64)

    model = ChurnModel(calibration="sigmoid").fit(X, y)

    assert model.fitted_.calibration.method == "sigmoid"
    assert model.predict_proba(X)[-1, 1] > model.predict_proba(X)[0, 1]


def test_one_member_of_a_class_gives_fixed_rounds_without_calibration():
    X = np.arange(30, dtype=np.float64)[:, None]

    model = ChurnModel().fit(X, (X[:, 0] == 29).astype(np.int64))

    # LightGBM leaves a tree out whose drawn rows hold no churner
    assert 25 < model.fitted_.booster.num_trees() <= 50
    assert model.fitted_.calibration == Calibration()


@pytest.mark.parametrize(
    ("y", "message"), [([1] * 30, "one class only"), ([0, 1, 2] * 10, "Only binary"), ([0.5] * 30, "Unknown label")]
)
def test_anything_but_two_classes_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        ChurnModel().fit(pd.DataFrame({"x": range(30)}), y)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ChurnModel().fit(pd.DataFrame({"x": range(30)}), [0, 1] * 10)


def test_an_unknown_calibration_is_refused(rows):
    with pytest.raises(ValueError, match="'platt' is not known"):
        ChurnModel(calibration="platt").fit(*rows)


def test_a_classifier_of_fitted_parts_predicts_as_they_do(model, rows):
    again = ChurnModel.from_fitted(model.fitted_, n_jobs=1)

    np.testing.assert_array_equal(again.predict_proba(rows[0]), model.predict_proba(rows[0]))
    assert again.feature_names_in_.tolist() == ["age", "tier", "vip"]
    assert again.classes_.tolist() == [0, 1]
    assert clone(again).get_params() == again.get_params()


def test_a_monotone_column_may_be_named_or_counted(rows):
    X, y = rows
    named, counted = ChurnModel(monotone=("age",)).fit(X, y), ChurnModel(monotone=[0]).fit(X, y)
    older = X.assign(age=X["age"].fillna(50) + 10)

    np.testing.assert_array_equal(named.predict_proba(X), counted.predict_proba(X))
    assert named.fitted_.parameters.monotone == (0,)
    younger = X.assign(age=X["age"].fillna(50))
    assert (named.predict_proba(older)[:, 1] <= named.predict_proba(younger)[:, 1]).all()


@pytest.mark.parametrize("column", ["tier", "jade", 3, -1])
def test_only_numeric_columns_can_be_monotone(rows, column):
    with pytest.raises(ValueError, match="not one of the 2 numeric columns"):
        ChurnModel(monotone=(column,)).fit(*rows)
