import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from churn.estimates import Estimate
from churn.evaluation.backtest import Judged
from churn.evaluation.ranking import clustered_auc
from churn.evaluation.segments import MAX_VALUES, evaluate_segments, name_failures
from churn.model.documents import Segment
from churn.speech import say


def _judged(churned, predicted, *, n_snapshots=1, **segments):
    n = len(churned) // n_snapshots
    dates = np.array(["2024-01-01", "2024-07-01", "2025-01-01", "2025-07-01"], dtype="datetime64[D]")
    return Judged(
        np.repeat(dates[:n_snapshots], n),
        np.tile(np.arange(n).astype(str).astype(object), n_snapshots),
        np.asarray(churned, dtype=np.int64),
        {"a": np.asarray(predicted, dtype=np.float64)},
        pd.DataFrame({name: np.array(values, dtype=object) for name, values in segments.items()}),
    )


def _calibrated(n, seed=0):
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(0.1, 0.7, n)
    return (generator.random(n) < predicted).astype(np.int64), predicted


def _one(churned, predicted, **options):
    """The one segment of rows that are all in it."""
    return evaluate_segments(_judged(churned, predicted, tier=["vip"] * len(churned), **options), "a")[0]


def _segment(**changed):
    columns = {
        "segmentation": "branch",
        "value": "12",
        "n": 1200,
        "churned": 300,
        "observed": Estimate(0.25, 0.226, 0.275),
        "predicted": 0.18,
        "difference": Estimate(-0.07, -0.09, -0.05),
        "roc_auc": Estimate(0.51, 0.48, 0.54),
        "p_value": 0.001,
        "verdict": "fails",
        "failures": ("calibration",),
    }
    return Segment(**(columns | changed))


def test_each_row_is_counted_once_in_each_segmentation():
    tier, branch = ["vip", "mass", "mass", None], ["1", "1", "2", "2"]

    found = evaluate_segments(_judged([1, 0, 1, 1], [0.2, 0.4, 0.6, 0.5], tier=tier, branch=branch), "a")

    assert [(one.segmentation, one.value, one.n, one.churned) for one in found] == [
        ("tier", "mass", 2, 1),
        ("tier", "vip", 1, 1),
        ("tier", None, 1, 1),
        ("branch", "1", 2, 1),
        ("branch", "2", 2, 2),
    ]
    assert found[0].predicted == pytest.approx(0.5)
    assert found[0].difference.value == pytest.approx(0)
    assert {one.verdict for one in found} == {"too_few"}


def test_a_segment_has_the_auc_of_its_rows():
    churned, predicted = _calibrated(400)
    inside = np.tile([True, False], 200)

    found = evaluate_segments(_judged(churned, predicted, tier=np.where(inside, "vip", "mass")), "a")[1]

    assert found.value == "vip"
    assert found.roc_auc == clustered_auc(churned[inside], predicted[inside]).estimate


@pytest.mark.parametrize("n_left", [0, 1, 37, 99, 100])
def test_observed_rate_of_customers_seen_once_has_wilsons_interval(n_left):
    found = _one(np.arange(100) < n_left, np.full(100, 0.4)).observed

    other = binomtest(n_left, 100).proportion_ci(method="wilson")
    assert found == pytest.approx((n_left / 100, other.low, other.high), abs=1e-12)


def test_customers_seen_four_times_alike_tell_no_more_than_once():
    churned, predicted = _calibrated(100)
    once = _one(churned, predicted)

    found = _one(np.tile(churned, 4), np.tile(predicted, 4), n_snapshots=4)

    assert found.observed == pytest.approx(once.observed)
    assert found.difference == pytest.approx(once.difference)
    assert found.roc_auc == pytest.approx(once.roc_auc)


def test_difference_has_the_standard_error_of_sums_over_customers():
    generator = np.random.default_rng(0)
    risk = np.tile(generator.uniform(0.1, 0.7, 120), 3)
    churned = np.tile(generator.random(120) < 0.4, 3)
    found = _one(churned, risk, n_snapshots=3).difference

    fit = sm.OLS(risk - churned, np.ones(360)).fit()
    clustered = fit.get_robustcov_results(cov_type="cluster", groups=np.tile(np.arange(120), 3), df_correction=True)
    # statsmodels scales the variance by (n - 1) / (n - 1) x G / (G - 1), one parameter being fitted
    assert found.value == pytest.approx(float(np.mean(risk - churned)))
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(clustered.bse[0], rel=1e-6)


def test_fewer_than_ten_leavers_or_ten_stayers_are_too_few():
    verdicts = [_one(np.arange(100) < n_left, np.full(100, 0.9)).verdict for n_left in (9, 10, 90, 91)]

    assert verdicts == ["too_few", "fails", "fails", "too_few"]


def test_customers_are_counted_and_not_their_rows():
    # nine customers left, at each of three dates
    found = _one(np.tile(np.arange(100) < 9, 3), np.full(300, 0.9), n_snapshots=3)

    assert (found.churned, found.verdict, found.p_value, found.failures) == (27, "too_few", None, ())


def test_a_difference_of_five_points_is_needed_however_certain():
    churned = np.tile([0, 0, 0, 0, 1], 20_000)
    found = [_one(churned, np.where(churned == 1, p + 0.01, p - 0.0025)) for p in (0.249, 0.251, 0.151, 0.149)]

    assert [one.failures for one in found] == [(), ("calibration",), (), ("calibration",)]
    assert max(one.p_value for one in found) < 1e-9


def test_a_difference_that_may_be_noise_is_no_failure():
    # 12 of 40 against 40 %: 10 points, with a standard error of 7
    found = _one(np.arange(40) < 12, np.where(np.arange(40) < 12, 0.5, 0.3571428571))

    assert found.difference.value == pytest.approx(0.1)
    assert 0.05 < found.p_value < 0.2
    assert found.verdict == "holds"


def test_p_values_are_corrected_by_holm_for_the_segments_that_are_enough():
    churned, predicted = _calibrated(2000)
    branch = np.repeat([f"{number:02}" for number in range(16)], 125)
    shifted = np.clip(predicted + np.repeat(np.linspace(0, 0.12, 16), 125), 0, 1)
    tiny = np.where(np.arange(2000) < 3, "few", "many")

    found = evaluate_segments(_judged(churned, shifted, branch=branch, size=tiny), "a")
    alone = [_one(churned[rows], shifted[rows]).p_value for rows in (branch == value for value in np.unique(branch))]
    alone.append(_one(churned[tiny == "many"], shifted[tiny == "many"]).p_value)

    corrected = [one.p_value for one in found if one.value != "few"]
    assert corrected == pytest.approx(multipletests(alone, method="holm")[1], rel=1e-9)
    assert [one.p_value for one in found if one.value == "few"] == [None]


def test_predictions_that_are_all_the_same_are_no_ranking():
    assert _one(np.arange(100) < 90, np.full(100, 0.9)).failures == ("ranking",)


def test_a_ranking_fails_where_its_whole_interval_is_below_the_floor():
    generator = np.random.default_rng(0)
    churned = np.tile([0, 1], 2000)
    unrelated, some = generator.random(4000), generator.random(4000) + 0.3 * churned

    assert _one(churned, 0.4 + 0.2 * unrelated).failures == ("ranking",)
    assert _one(churned, 0.4 + 0.15 * some).failures == ()
    assert _one(churned[:60], 0.4 + 0.2 * unrelated[:60]).failures == ()


def test_both_can_fail():
    generator = np.random.default_rng(0)

    found = _one(np.tile([0, 1], 2000), 0.2 * generator.random(4000))

    assert found.failures == ("calibration", "ranking")
    assert found.verdict == "fails"


def test_the_largest_values_are_told_one_by_one_and_the_rest_together():
    # branch k has k + 1 rows; of 25, those with 1 to 5 rows are the rest; two more are not known
    branch = [f"{k:02}" for k in range(25) for _ in range(k + 1)] + [None] * 2
    n = len(branch)

    found = evaluate_segments(_judged(np.zeros(n), np.full(n, 0.2), branch=branch), "a")

    assert [one.value for one in found] == [*(f"{k:02}" for k in range(5, 25)), "other", None]
    assert [one.n for one in found] == [*range(6, 26), 1 + 2 + 3 + 4 + 5, 2]


def test_twenty_values_are_all_told():
    branch = [f"{k:02}" for k in range(MAX_VALUES)]

    found = evaluate_segments(_judged(np.zeros(20), np.full(20, 0.2), branch=branch), "a")

    assert [one.value for one in found] == branch


def test_of_equally_large_values_the_first_by_name_are_told():
    branch = [f"{k:02}" for k in reversed(range(23))]

    found = evaluate_segments(_judged(np.zeros(23), np.full(23, 0.2), branch=branch), "a")

    assert [one.value for one in found] == [*(f"{k:02}" for k in range(20)), "other"]


def test_without_any_known_value_there_is_one_segment():
    found = evaluate_segments(_judged([0, 1], [0.2, 0.3], tier=[None, None]), "a")

    assert [(one.value, one.n) for one in found] == [(None, 2)]


def test_without_segmentations_there_is_nothing():
    judged = Judged(
        np.full(1, np.datetime64("NaT", "D")),
        np.array(["A"], dtype=object),
        np.array([1]),
        {"a": np.array([0.5])},
        pd.DataFrame(index=range(1)),
    )

    assert evaluate_segments(judged, "a") == []


def test_one_customer_has_no_interval():
    found = _one([1], [0.3])

    assert found.difference == (pytest.approx(-0.7), None, None)
    assert found.roc_auc == (None, None, None)
    assert found.observed.low == pytest.approx(binomtest(1, 1).proportion_ci(method="wilson").low)


def test_the_index_of_the_segments_means_nothing():
    judged = _judged([0, 1, 1], [0.2, 0.3, 0.4], tier=["b", "a", "a"])
    other = Judged(
        judged.as_of, judged.customer_id, judged.churned, judged.predicted, judged.segments.set_axis([7, 7, 2])
    )

    assert evaluate_segments(other, "a") == evaluate_segments(judged, "a")


def test_a_calibrated_model_fails_somewhere_in_one_bank_of_twenty():
    n_failed = 0
    for seed in range(100):
        churned, predicted = _calibrated(1500, seed)
        branch = np.random.default_rng(1000 + seed).integers(10, size=1500).astype(str)
        found = evaluate_segments(_judged(churned, predicted, branch=branch), "a")
        n_failed += any("calibration" in one.failures for one in found)

    assert 1 <= n_failed <= 12  # binomial, 100 at 5 %: more than 12 once in 700


def test_failures_are_named_with_their_size():
    failures = name_failures([
        _segment(),
        _segment(value=None, failures=("ranking",)),
        _segment(segmentation="tier", value="vip", predicted=0.32, difference=Estimate(0.07, 0.05, 0.09),
                 failures=("calibration", "ranking")),
        _segment(failures=(), verdict="holds"),
    ])  # fmt: skip

    assert [say(one, "en") for one in failures] == [
        "branch 12 (n = 1,200): 18.0\u202f% predicted and 25.0\u202f% observed, 7.0 points too low (5.0 to 9.0).",
        "branch not known (n = 1,200): hardly ranked, ROC-AUC 0.51 (0.48 to 0.54).",
        (
            "tier vip (n = 1,200): 32.0\u202f% predicted and 25.0\u202f% observed, 7.0 points too high (5.0 to 9.0);"
            " hardly ranked, ROC-AUC 0.51 (0.48 to 0.54)."
        ),
    ]


def test_the_document_is_json():
    churned, predicted = _calibrated(100)
    found = _one(churned, predicted).to_json()

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found["roc_auc"]) == ["value", "low", "high"]
    assert found["value"] == "vip"
