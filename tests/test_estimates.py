import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.rates import confint_poisson

from churn.estimates import (
    Estimate,
    Interval,
    clustered_error,
    clustered_mean,
    clustered_share,
    difference,
    mean,
    rate,
    share,
    share_of,
    stratified_difference,
)

COUNTS = [(0, 1), (1, 1), (0, 30), (3, 10), (29, 30), (30, 30), (412, 1_000), (7, 1_000_000)]


@pytest.mark.parametrize(("count", "n"), COUNTS)
def test_share_has_the_wilson_interval_of_statsmodels(count, n):
    found = share([count], [n])
    assert (found.low[0], found.high[0]) == pytest.approx(proportion_confint(count, n, method="wilson"), abs=1e-12)
    assert found.value[0] == count / n


@pytest.mark.parametrize(("count", "n"), COUNTS)
def test_rate_has_the_exact_interval_of_statsmodels(count, n):
    found = rate([count], [n])
    assert (found.low[0], found.high[0]) == pytest.approx(confint_poisson(count, n, method="exact-c"), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_mean_has_students_interval_of_scipy(seed):
    values = np.random.default_rng(seed).integers(-3, 9, 12)
    found = mean([12], [values.sum()], [(values**2).sum()])
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low[0], found.high[0]) == pytest.approx((expected.low, expected.high), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_difference_of_shares_is_newcombes_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    n1, n0 = rng.integers(1, 80, 2)
    a, b = rng.integers(0, n1 + 1), rng.integers(0, n0 + 1)
    found = difference(share([a], [n1]), share([b], [n0]))
    expected = confint_proportions_2indep(a, n1, b, n0, method="newcomb", compare="diff", correction=False)
    assert (found.low[0], found.high[0]) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_clustered_mean_has_the_interval_of_a_regression_on_a_constant(seed):
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 6, 80)
    values = rng.poisson(1 + cluster)
    frame = pd.DataFrame({"cluster": cluster, "n": 1, "total": values, "squares": values**2})
    sums = frame.groupby("cluster").sum()
    found = clustered_mean(sums["n"], sums["total"], sums["squares"], np.zeros(len(sums), dtype=int), 1)
    fit = sm.OLS(values, np.ones(80)).fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)
    assert found.value[0] == pytest.approx(values.mean())
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(fit.conf_int()[0]), rel=1e-9)


def test_group_of_one_cluster_has_that_clusters_own_interval():
    together = clustered_mean([4, 0, 2], [6, 0, 5], [10, 0, 13], [0, 0, 1], 3)
    alone = mean([4, 2, 0], [6, 5, 0], [10, 13, 0])
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    kept = clustered_share([4, 0, 2], [1, 0, 2], [0, 0, 1], 3)
    for one, other in zip(kept, share([1, 2, 0], [4, 2, 0]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_clusters_that_agree_in_all_days_count_as_one_value_each():
    found = clustered_share([20, 20, 20], [0, 0, 0], [0, 0, 0], 1)
    expected = share([0], [3])
    assert (found.value[0], found.low[0], found.high[0]) == (0.0, 0.0, pytest.approx(expected.high[0]))


def test_clusters_widen_a_share_and_never_narrow_it():
    n = np.full(10, 22)
    alike = clustered_share(n, [22, 0] * 5, [0] * 10, 1)
    apart = clustered_share(n, [11] * 10, [0] * 10, 1)
    plain = share([110], [220])
    assert alike.high[0] - alike.low[0] > 2 * (plain.high[0] - plain.low[0])
    assert (apart.low[0], apart.high[0]) == pytest.approx((plain.low[0], plain.high[0]))


def test_nobody_counted_is_no_value_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [
            share([0], [0]),
            mean([0], [0], [0]),
            rate([0], [0]),
            difference(share([1], [2]), share([0], [0])),
            clustered_mean([0], [0], [0], [0], 1),
            clustered_share([0], [0], [0], 1),
            stratified_difference(np.array([[5, 1, 0, 0]]), [0], 1),
            stratified_difference(np.empty((0, 4)), [], 1),
        ]
    assert all(np.isnan(part).all() for found in results for part in found)


def test_single_value_has_a_mean_and_no_interval():
    found = mean([1], [4], [16])
    assert found.value[0] == 4
    assert np.isnan([found.low[0], found.high[0]]).all()


def test_stratified_difference_equals_one_worked_out_by_hand():
    # strata (treated, left, others, left): RD = (10·50 − 20·50)/100 + (4·20 − 4·40)/60 over 50·50/100 + 40·20/60
    tables = np.array([[50, 10, 50, 20], [40, 4, 20, 4]])
    weight = 25 + 40 / 3
    value = (-5 - 4 / 3) / weight
    # P and Q of the docstring, stratum by stratum
    p = (2500 * 20 - 2500 * 10) / 10_000 + (1600 * 4 - 400 * 4 + 800 * (20 - 40) / 2) / 3600
    q = (10 * 30 + 20 * 40) / 200 + (4 * 16 + 4 * 36) / 120
    reach = stats.norm.ppf(0.975) * np.sqrt(value * p + q) / weight
    found = stratified_difference(tables, [0, 0], 1)
    assert [part[0] for part in found] == pytest.approx([value, value - reach, value + reach], rel=1e-12)


def test_one_stratum_is_the_plain_difference_and_one_of_a_single_arm_adds_nothing():
    plain = stratified_difference(np.array([[40, 10, 60, 30]]), [0], 1)
    more = stratified_difference(np.array([[40, 10, 60, 30], [7, 7, 0, 0], [0, 0, 9, 3]]), [0, 0, 0], 1)
    assert plain.value[0] == pytest.approx(10 / 40 - 30 / 60)
    assert [part[0] for part in more] == pytest.approx([part[0] for part in plain])


@pytest.mark.parametrize(("a", "b"), [(0, 0), (8, 8), (8, 0)])
def test_arms_that_all_stay_or_all_leave_have_newcombes_interval(a, b):
    found = stratified_difference(np.array([[4, a / 2, 4, b / 2], [4, a / 2, 4, b / 2], [9, 9, 0, 0]]), [0] * 3, 1)
    expected = difference(share([a], [8]), share([b], [8]))
    assert [part[0] for part in found] == pytest.approx([part[0] for part in expected])
    assert found.high[0] - found.low[0] > 0.3


@pytest.mark.parametrize("stratum_size", [2, 200])
def test_stratified_interval_covers_the_truth_with_many_small_and_few_large_strata(stratum_size):
    rng = np.random.default_rng(stratum_size)
    n_strata, covered = 400 // stratum_size * 2, 0
    for _ in range(600):
        base = rng.uniform(0.2, 0.6, n_strata)
        n1 = np.full(n_strata, stratum_size // 2)
        a, b = rng.binomial(n1, base - 0.1), rng.binomial(n1, base)
        found = stratified_difference(np.stack([n1, a, n1, b], axis=1), np.zeros(n_strata, dtype=int), 1)
        covered += found.low[0] <= -0.1 <= found.high[0]
    # 95 %, give or take three standard errors of 600 draws
    assert 0.923 <= covered / 600 <= 0.977


def test_difference_of_rates_covers_the_truth():
    rng = np.random.default_rng(3)
    first, second = rng.poisson(30, 4_000), rng.poisson(18, 4_000)
    found = difference(rate(first, [1]), rate(second, [1]))
    covered = np.mean((found.low <= 12) & (found.high >= 12))
    # exact intervals cover at least 95 %
    assert 0.945 <= covered <= 0.985


@pytest.mark.parametrize("n_managers", [4, 30])
def test_share_of_days_kept_covers_that_of_managers_who_differ(n_managers):
    rng, covered = np.random.default_rng(n_managers), 0
    for _ in range(800):
        own = rng.beta(2, 3, n_managers)
        days = np.full(n_managers, 22)
        found = clustered_share(days, rng.binomial(days, own), np.zeros(n_managers, dtype=int), 1)
        covered += found.low[0] <= 0.4 <= found.high[0]
    assert 0.927 <= covered / 800 <= 0.995


def test_times_leaves_the_order_of_the_ends():
    found = Interval(*np.array([[-0.1], [-0.3], [0.2]])).times([10.0])
    assert [part[0] for part in found] == pytest.approx([-1.0, -3.0, 2.0])


def test_share_has_the_bits_of_scipys_wilson_interval():
    for n in (*range(1, 41), 97, 193, 300):
        found = share(np.arange(n + 1), n)
        for k in range(n + 1):
            expected = stats.binomtest(k, n).proportion_ci(method="wilson")
            assert (found.value[k], found.low[k], found.high[k]) == (k / n, expected.low, expected.high)
            assert share_of(k, n) == (k / n, expected.low, expected.high)


def test_share_of_nobody_is_not_known():
    assert share_of(0, 0) == Estimate(None, None, None)


def test_error_of_clusters_of_one_is_the_plain_one_and_one_cluster_has_none():
    values = np.array([1.0, 4.0, 2.0, 7.0])
    assert clustered_error(values, np.arange(4)) == pytest.approx(stats.sem(values))
    assert clustered_error(values, np.zeros(4)) is None
