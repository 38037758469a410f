import numpy as np
import pytest
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingClassifier

from churn.errors import ModelError
from churn.evaluation.metrics import roc_auc
from churn.model.learners.catalogue import (
    LEARNERS,
    cross_fit_learners,
    fit_learners,
    is_installed,
    require_installed,
)
from churn.model.trees import TreeParameters, cross_fit, fit_trees, predict_margins, trees_to_text
from churn.threads import use_threads

NAMES = ["lightgbm", *LEARNERS]
FEW = TreeParameters(max_rounds=60, patience=10)


@pytest.fixture(scope="module")
def rows():
    """1,200 rows of which a known log-odds says who leaves; missing values, texts as codes, huge and equal numbers."""
    rng = np.random.default_rng(0)
    matrix = np.column_stack(
        [rng.normal(size=1200), rng.integers(0, 4, 1200), rng.lognormal(12, 3, 1200), np.full(1200, np.nan)]
    )
    matrix[::9, 0] = np.nan
    margin = np.nan_to_num(matrix[:, 0], nan=1.0) + np.where(matrix[:, 1] == 2, 1.5, -0.5)
    return matrix, (rng.random(1200) < 1 / (1 + np.exp(-margin))).astype(int), margin


def _fit(name, matrix, y, rounds=30, seed=0):
    return fit_learners([name], matrix, y, FEW, rounds=[rounds], seed=seed)


@pytest.mark.parametrize("name", NAMES)
def test_every_learner_finds_what_is_there(rows, name):
    matrix, y, margin = rows
    found = predict_margins(_fit(name, matrix[:800], y[:800]), matrix[800:])
    best = roc_auc(y[800:], margin[800:])
    assert best - 0.04 < roc_auc(y[800:], found) < best + 0.02


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_and_rows_give_the_same_trees_on_any_number_of_threads(rows, name):
    matrix, y, _ = rows
    texts = set()
    for n in (1, 2):
        with use_threads(n):
            texts.add(trees_to_text(_fit(name, matrix, y, seed=3)))
    assert len(texts) == 1


@pytest.mark.parametrize("name", ["lightgbm", "histogram", "catboost", "xgboost"])
def test_another_seed_gives_other_trees(rows, name):
    matrix, y, _ = rows
    assert trees_to_text(_fit(name, matrix, y, seed=1)) != trees_to_text(_fit(name, matrix, y, seed=2))


def test_trees_of_scikit_learn_say_what_it_says(rows):
    matrix, y, _ = rows
    reference = HistGradientBoostingClassifier(
        learning_rate=0.08,
        max_iter=30,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=5.0,
        max_features=0.6,
        early_stopping=False,
        random_state=5,
    ).fit(matrix[:, :3], y)
    found = predict_margins(_fit("histogram", matrix[:, :3], y, seed=5), matrix[:, :3])
    assert found == pytest.approx(reference.decision_function(matrix[:, :3]), abs=1e-12)


def test_trees_of_xgboost_say_what_it_says(rows):
    xgboost = pytest.importorskip("xgboost")
    matrix, y, _ = rows
    # to the row, on the very numbers where its trees part, one step to either side, and where there is none
    grown = _fit("xgboost", matrix, y)
    asked = _around_thresholds(grown, matrix)
    settings = {
        "objective": "binary:logistic", "eta": 0.08, "max_depth": 3, "min_child_weight": 5, "subsample": 0.8,
        "colsample_bytree": 0.6, "lambda": 5.0, "tree_method": "hist", "seed": 0, "nthread": 1, "verbosity": 0,
    }  # fmt: skip
    reference = xgboost.train(settings, xgboost.DMatrix(matrix, label=y), num_boost_round=30)
    expected = reference.predict(xgboost.DMatrix(asked), output_margin=True)
    assert predict_margins(grown, asked) == pytest.approx(expected, abs=2e-6)


def test_trees_of_catboost_say_what_it_says(rows):
    catboost = pytest.importorskip("catboost")
    matrix, y, _ = rows
    grown = _fit("catboost", matrix, y)
    asked = _around_thresholds(grown, matrix)
    reference = catboost.CatBoostClassifier(
        iterations=30, learning_rate=0.06, depth=5, random_seed=0, thread_count=1, allow_writing_files=False,
        verbose=False,
    )  # fmt: skip
    expected = reference.fit(matrix, y).predict(asked, prediction_type="RawFormulaVal")
    assert predict_margins(grown, asked) == pytest.approx(expected, abs=1e-9)


def _around_thresholds(booster, matrix):
    """Rows on, just above and just below each threshold, in double precision, and with missing values."""
    table = booster.trees_to_dataframe().dropna(subset=["threshold"])
    rows = []
    for at, threshold in zip(table["split_feature"].str[1:].astype(int), table["threshold"], strict=True):
        for value in (threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf), np.nan):
            row = matrix[len(rows) % len(matrix)].copy()
            row[at] = value
            rows.append(row)
    return np.array(rows)


def test_mean_of_learners_is_that_of_their_margins(rows):
    matrix, y, _ = rows
    together = fit_learners(["scorecard", "lightgbm"], matrix, y, FEW, rounds=[1, 20])
    apart = [_fit("scorecard", matrix, y), _fit("lightgbm", matrix, y, rounds=20)]
    expected = np.mean([predict_margins(booster, matrix) for booster in apart], axis=0)
    assert predict_margins(together, matrix) == pytest.approx(expected, abs=1e-12)


def test_lightgbm_is_cross_fitted_by_its_own_function(rows):
    matrix, y, _ = rows
    folds = np.arange(len(y)) % 3
    found = cross_fit_learners(["lightgbm"], matrix, y, folds, FEW, seed=2)
    own = cross_fit(matrix, y, folds, FEW, seed=2)
    assert found.rounds == (own.rounds,)
    assert found.margins.tolist() == own.margins.tolist()


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_margins_of_a_fold_come_from_trees_that_did_not_see_it(rows, name):
    matrix, y, _ = rows
    folds = np.arange(len(y)) % 3
    found = cross_fit_learners([name], matrix, y, folds, FEW, rounds=[20])
    alone = fit_learners([name], matrix[folds != 1], y[folds != 1], FEW, rounds=[20])
    assert found.margins[folds == 1] == pytest.approx(predict_margins(alone, matrix[folds == 1]), abs=1e-9)


def test_rounds_are_those_with_the_least_held_out_loss(rows):
    matrix, y, _ = rows
    folds = np.arange(len(y)) % 3
    found = cross_fit_learners(["histogram"], matrix, y, folds, FEW)
    [rounds] = found.rounds

    def loss(n):
        margins = cross_fit_learners(["histogram"], matrix, y, folds, FEW, rounds=[n]).margins
        return np.mean(np.logaddexp(0, margins) - y * margins)

    assert 10 <= rounds < 200
    assert loss(rounds) <= min(loss(max(10, rounds - 10)), loss(rounds + 10), loss(200)) + 1e-12


def test_only_the_rows_asked_for_are_read(rows):
    matrix, y, _ = rows
    folds, scored = np.arange(len(y)) % 3, np.arange(len(y)) >= 600
    found = cross_fit_learners(["scorecard", "histogram"], matrix, y, folds, FEW, scored=scored)
    assert np.isfinite(found.margins).tolist() == scored.tolist()


def test_margins_without_a_churner_in_a_bin_are_finite():
    x = np.r_[np.zeros(100), np.ones(100)]
    for name in NAMES:
        margins = predict_margins(_fit(name, x[:, None], x), x[:, None])
        assert np.isfinite(margins).all()
        assert roc_auc(x, margins) == 1.0
        assert np.abs(margins).max() < logit(0.9999)


def test_learner_that_nobody_knows_is_refused_with_those_that_are():
    with pytest.raises(ModelError, match="'forest' is not a learner; give one of lightgbm, scorecard"):
        is_installed("forest")


def test_learner_whose_package_is_missing_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr("churn.model.learners.catalogue.find_spec", lambda _: None)
    require_installed(["lightgbm", "scorecard", "histogram"])
    with pytest.raises(ModelError, match=r"learner catboost: is not installed; pip install 'churn\[catboost\]'"):
        require_installed(["catboost"])


def test_boosting_of_a_few_rounds_is_that_of_fit_trees(rows):
    matrix, y, _ = rows
    assert trees_to_text(_fit("lightgbm", matrix, y, rounds=5)) == trees_to_text(fit_trees(matrix, y, FEW, rounds=5))
