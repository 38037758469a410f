import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from churn.evaluation.backtest import Judged
from churn.evaluation.metrics import roc_auc
from churn.evaluation.ranking import auc_components, auc_difference, clustered_auc, mean_auc

# Albumin, total protein, K-G score and whether surgery helped, of the patients in DeLong et al. 1988 for whom
# all are known: https://support.sas.com/documentation/cdl/en/statug/68162/HTML/default/statug_logistic_examples08.htm
PATIENTS = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
ALBUMIN, PROTEIN, SCORE, HELPED = np.array(PATIENTS.split(), dtype=np.float64).reshape(-1, 4).T


def _compared(judged, one, other):
    return auc_difference(mean_auc(judged, one), mean_auc(judged, other))


def _judged(churned, predicted, *, n_snapshots=1, customer_id=None):
    """Snapshots of equally many rows one after the other; each row its own customer by default."""
    n = len(churned) // n_snapshots
    dates = [np.datetime64(dt.date(2020 + number, 1, 1), "D") for number in range(n_snapshots)]
    owner = np.arange(len(churned)) if customer_id is None else customer_id
    return Judged(
        np.repeat(np.array(dates), n),
        np.asarray(owner).astype(str).astype(object),
        np.asarray(churned, dtype=np.int64),
        predicted,
        pd.DataFrame(index=range(len(churned))),
    )


def _kernel(y_obs, y_pred):
    """All pairs, a row a churner and a column a stayer: 1 where the churner is higher, a half where they are tied."""
    above = y_pred[y_obs == 1][:, None] - y_pred[y_obs == 0]
    return (above > 0) + (above == 0) / 2


def _obuchowski(y_obs, y_pred, owner):
    """Variance of Obuchowski 1997, as written there, from all pairs and sums over customers."""
    kernel = _kernel(y_obs, y_pred)
    m, n = kernel.shape
    area, customers = kernel.mean(), np.unique(owner)
    ill, well = owner[y_obs == 1], owner[y_obs == 0]
    of_ill = np.array([(kernel.mean(axis=1) - area)[ill == one].sum() for one in customers])
    of_well = np.array([(kernel.mean(axis=0) - area)[well == one].sum() for one in customers])
    i_10, i_01, i = len(np.unique(ill)), len(np.unique(well)), len(customers)
    s_10 = i_10 / ((i_10 - 1) * m) * np.sum(of_ill**2)
    s_01 = i_01 / ((i_01 - 1) * n) * np.sum(of_well**2)
    s_11 = i / (i - 1) * np.sum(of_ill * of_well)
    return s_10 / m + s_01 / n + 2 * s_11 / (m * n)


def _panel(seed, *, n_customers=100, n_snapshots=4):
    """Rows of two equally good models whose errors, like the outcomes, last from snapshot to snapshot."""
    generator = np.random.default_rng(seed)
    risk, one, other = (generator.normal(size=n_customers) for _ in range(3))
    noise = generator.normal(scale=0.3, size=(4, n_snapshots, n_customers))
    churned = (risk + noise[0] > 0.4).ravel()
    both = risk + noise[1]
    scores = {"one": norm.cdf(both + one + noise[2]).ravel(), "other": norm.cdf(both + other + noise[3]).ravel()}
    return churned, scores, np.tile(np.arange(n_customers), n_snapshots)


@pytest.mark.parametrize(
    ("test", "area", "error", "low", "high"),
    [(ALBUMIN, 0.7366, 0.0927, 0.5549, 0.9182), (PROTEIN, 0.6478, 0.1000, 0.4518, 0.8439),
     (10 - SCORE, 0.7258, 0.1028, 0.5243, 0.9273)],
    ids=["albumin", "total protein", "K-G score"],
)  # fmt: skip
def test_areas_of_the_ovarian_cancer_patients_are_those_published(test, area, error, low, high):
    found = clustered_auc(HELPED, test)

    assert found.estimate == pytest.approx((area, low, high), abs=5.1e-5)
    assert found.standard_error == pytest.approx(error, abs=5.1e-5)


@pytest.mark.parametrize(
    ("test", "difference", "error", "low", "high", "p_value"),
    [(ALBUMIN, 0.0108, 0.0953, -0.1761, 0.1976, 0.9102), (PROTEIN, -0.0780, 0.1046, -0.2830, 0.1271, 0.4561)],
    ids=["albumin", "total protein"],
)
def test_differences_to_the_score_of_the_patients_are_those_published(test, difference, error, low, high, p_value):
    scores = {"test": test / 10, "score": 1 - SCORE / 10}

    found = _compared(_judged(HELPED, scores), "test", "score")

    assert found == pytest.approx((difference, low, high, p_value, error), abs=5.1e-5)


@pytest.mark.parametrize("decimals", [1, 2, 16], ids=["many ties", "some ties", "no tie"])
@pytest.mark.parametrize("seed", range(5))
def test_components_equal_those_of_all_pairs(seed, decimals):
    generator = np.random.default_rng(seed)
    y_pred = np.round(generator.beta(1, 2, 80), decimals)
    y_obs = (generator.random(80) < y_pred).astype(np.int64)
    kernel = _kernel(y_obs, y_pred)
    n_1, n_0 = kernel.shape

    found = auc_components(y_obs, y_pred)

    assert found.value == pytest.approx(roc_auc(y_obs, y_pred), rel=1e-12)
    variance = kernel.mean(axis=1).var(ddof=1) / n_1 + kernel.mean(axis=0).var(ddof=1) / n_0
    assert np.sum(found.components**2) == pytest.approx(variance, rel=1e-9)
    assert found.components[y_obs == 1].sum() == pytest.approx(0, abs=1e-12)
    assert found.components[y_obs == 0].sum() == pytest.approx(0, abs=1e-12)


def test_five_rows_by_hand():
    # churners 0.4 and 0.8 win 2.5 and 3 of 3 pairs: 5/6 and 1, mean 11/12; stayers lose 1, 1 and 3/4 of their pairs
    found = auc_components([0, 0, 0, 1, 1], [0.1, 0.2, 0.4, 0.4, 0.8])

    assert found.value == pytest.approx(11 / 12)
    assert found.components == pytest.approx(
        [1 / 12 / 6**0.5, 1 / 12 / 6**0.5, -1 / 6 / 6**0.5, -1 / 12 / 2**0.5, 1 / 12 / 2**0.5]
    )


@pytest.mark.parametrize("seed", range(3))
def test_standard_error_of_customers_with_several_rows_is_obuchowskis(seed):
    generator = np.random.default_rng(seed)
    owner = np.sort(generator.integers(60, size=200))
    risk = generator.normal(size=60)[owner]
    y_obs = (risk + generator.normal(size=200) > 0.5).astype(np.int64)
    y_pred = np.round(risk + generator.normal(size=200), 1)

    found = clustered_auc(y_obs, y_pred, owner)

    # only the factor of the products of a customer's churned and stayed rows differs, 60/59 in the paper
    assert found.standard_error == pytest.approx(np.sqrt(_obuchowski(y_obs, y_pred, owner)), rel=2e-3)
    assert found.standard_error > 1.1 * clustered_auc(y_obs, y_pred).standard_error


def test_standard_error_of_customers_with_rows_of_one_outcome_is_obuchowskis_to_the_last_digit():
    generator = np.random.default_rng(0)
    owner = np.repeat(np.arange(50), 3)
    y_obs = np.repeat(generator.integers(2, size=50), 3)
    y_pred = y_obs + np.repeat(generator.normal(size=50), 3) + generator.normal(size=150)

    found = clustered_auc(y_obs, y_pred, owner)

    assert found.standard_error == pytest.approx(np.sqrt(_obuchowski(y_obs, y_pred, owner)), rel=1e-9)


def test_the_same_rows_at_several_dates_tell_no_more_than_once():
    generator = np.random.default_rng(0)
    y_pred = generator.random(200)
    y_obs = generator.random(200) < y_pred
    once = mean_auc(_judged(y_obs, {"a": y_pred}), "a")
    rows = np.tile(y_obs, 3), {"a": np.tile(y_pred, 3)}

    same = mean_auc(_judged(*rows, n_snapshots=3, customer_id=np.tile(np.arange(200), 3)), "a")
    others = mean_auc(_judged(*rows, n_snapshots=3), "a")

    assert same.estimate == pytest.approx(once.estimate)
    assert others.standard_error == pytest.approx(once.standard_error / np.sqrt(3))


def test_each_snapshot_is_ranked_by_itself():
    # the second snapshot is predicted higher on the whole, which is no error of ranking
    judged = _judged([0, 0, 1, 1] * 2, {"a": np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.9, 0.7, 0.8])}, n_snapshots=2)

    assert mean_auc(judged, "a").estimate.value == pytest.approx((1 + 0.5) / 2)


def test_a_snapshot_with_one_outcome_is_left_out_and_counted():
    judged = _judged([0, 0, 1, 1, 0, 0, 0, 0], {"a": np.arange(8) / 8}, n_snapshots=2)

    found = mean_auc(judged, "a")

    assert found.estimate.value == 1
    assert found.n_left_out == 1


def test_without_both_outcomes_nothing_is_defined():
    judged = _judged([0, 0, 0], {"a": np.array([0.1, 0.2, 0.3]), "b": np.array([0.3, 0.2, 0.1])})

    assert mean_auc(judged, "a").estimate == (None, None, None)
    assert mean_auc(judged, "a").n_left_out == 1
    assert _compared(judged, "a", "b") == (None, None, None, None, None)


def test_one_churner_gives_a_value_and_no_interval():
    judged = _judged([0, 0, 1], {"a": np.array([0.1, 0.3, 0.2]), "b": np.array([0.3, 0.2, 0.1])})

    assert mean_auc(judged, "a").estimate == (0.5, None, None)
    assert _compared(judged, "a", "b") == (0.5, None, None, None, None)


def test_two_models_that_rank_alike_do_not_differ():
    y_pred = np.linspace(0.1, 0.9, 20)
    judged = _judged([0, 1] * 10, {"a": y_pred, "b": y_pred**2})

    assert _compared(judged, "a", "b") == (0, 0, 0, 1, 0)


def test_a_perfect_and_a_constant_model_differ_without_a_p_value():
    judged = _judged([0, 0, 1, 1], {"a": np.array([0.1, 0.2, 0.3, 0.4]), "b": np.full(4, 0.5)})

    assert _compared(judged, "a", "b") == (0.5, 0.5, 0.5, None, 0)


def test_no_p_value_is_0():
    y_obs = np.repeat([0, 1], 50_000)
    generator = np.random.default_rng(0)
    good, bad = y_obs + generator.normal(scale=0.3, size=100_000), generator.normal(size=100_000)

    assert 0 < auc_difference(clustered_auc(y_obs, good), clustered_auc(y_obs, bad)).p_value < 1e-300


def test_interval_stays_within_0_and_1():
    found = clustered_auc([0, 0, 0, 1, 1], [0.1, 0.2, 0.4, 0.4, 0.8])

    assert found.estimate.high == 1


def test_swapping_the_models_swaps_the_difference():
    churned, scores, owner = _panel(0)
    judged = _judged(churned, scores, n_snapshots=4, customer_id=owner)
    forth, back = _compared(judged, "one", "other"), _compared(judged, "other", "one")

    assert (back.difference, back.low, back.high) == pytest.approx((-forth.difference, -forth.high, -forth.low))
    assert back.p_value == pytest.approx(forth.p_value)


def test_equally_good_models_differ_in_one_test_of_twenty_and_in_more_if_customers_are_taken_for_others():
    n_rejected, n_rejected_apart = 0, 0
    for seed in range(400):
        churned, scores, owner = _panel(seed)
        together = _judged(churned, scores, n_snapshots=4, customer_id=owner)
        n_rejected += _compared(together, "one", "other").p_value < 0.05
        n_rejected_apart += _compared(_judged(churned, scores, n_snapshots=4), "one", "other").p_value < 0.05

    # binomial, 400 at 5 %: 20 give or take three standard deviations of 4.4
    assert 7 <= n_rejected <= 33
    assert n_rejected_apart > 60


def test_interval_holds_the_true_area_in_95_of_100():
    # scores of churners lie 1 higher, standard deviation 1: the true area is P(N(1, 2) > 0)
    truth, n_held = norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(400):
        generator = np.random.default_rng(seed)
        churned = np.tile(generator.random(100) < 0.3, 3)
        lasting = np.tile(generator.normal(scale=0.8, size=100), 3)
        score = churned + lasting + generator.normal(scale=0.6, size=300)
        owner = np.tile(np.arange(100), 3)
        judged = _judged(churned, {"a": norm.cdf(score)}, n_snapshots=3, customer_id=owner)
        estimate = mean_auc(judged, "a").estimate
        n_held += estimate.low <= truth <= estimate.high

    # 380 give or take three standard deviations of 4.4, and somewhat fewer: the normal interval of 30 churners is short
    assert 360 <= n_held <= 394
