import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from churn.config import CampaignSettings
from churn.evaluation.backtest import Judged
from churn.evaluation.comparison import compare_models
from churn.evaluation.metrics import METRICS, bootstrap_estimates, brier_score, ece, evaluate
from churn.evaluation.profit import campaign_profit, empc
from churn.evaluation.ranking import auc_difference, mean_auc

NAMES = [*(metric.__name__ for metric in METRICS), "empc", "campaign_profit"]
DATES = np.array(["2024-01-01", "2024-07-01", "2025-01-01"], dtype="datetime64[D]")


def _panel(seed=0, *, n_customers=150, n_snapshots=3, spread=(0.0, 1.0), decimals=16):
    """The same customers at several dates; a model a `spread`, the noise on its log-odds, named a, b, ..."""
    generator = np.random.default_rng(seed)
    log_odds = np.tile(generator.normal(-0.5, 1.2, n_customers), n_snapshots)
    churned = generator.random(len(log_odds)) < expit(log_odds)
    predicted = {
        name: np.round(expit(log_odds + generator.normal(scale=scale, size=len(log_odds))), decimals)
        for name, scale in zip("abcdefgh", spread, strict=False)
    }
    return _judged(churned, predicted, n_snapshots=n_snapshots)


def _judged(churned, predicted, *, n_snapshots=1):
    n = len(churned) // n_snapshots
    return Judged(
        np.repeat(DATES[:n_snapshots], n),
        np.tile(np.arange(n).astype(str).astype(object), n_snapshots),
        np.asarray(churned, dtype=np.int64),
        {model: np.asarray(p, dtype=np.float64) for model, p in predicted.items()},
        pd.DataFrame(index=range(len(churned))),
    )


def _test_of(found, metric):
    return next(test for test in found.tests if test.metric == metric)


def test_values_are_the_means_of_the_metrics_of_the_snapshots():
    judged = _panel(decimals=2)
    found = compare_models(judged, n_boot=2)

    metrics = {metric.__name__: metric for metric in METRICS} | {"empc": empc, "campaign_profit": campaign_profit}
    for model, estimates in found.models.items():
        assert list(estimates) == NAMES
        for name, metric in metrics.items():
            each = [metric(judged.churned[rows], judged.predicted[model][rows]) for rows in judged.snapshots().values()]
            assert estimates[name].value == pytest.approx(np.mean(each), rel=1e-12)


@pytest.mark.parametrize("decimals", [1, 16], ids=["ties", "no tie"])
def test_one_snapshot_has_the_estimates_of_evaluate(decimals):
    judged = _panel(n_snapshots=1, decimals=decimals)

    found = compare_models(judged, n_boot=30, seed=4).models["b"]

    alone = evaluate(judged.churned, judged.predicted["b"], n_boot=30, seed=4, groups=judged.customers)
    for metric in METRICS[1:]:
        assert found[metric.__name__] == pytest.approx(alone[metric.__name__], rel=1e-9)
    assert found["roc_auc"] == mean_auc(judged, "b").estimate


def test_a_customer_is_drawn_with_all_rows_at_all_dates_and_alike_for_all_models():
    judged = _panel(decimals=2)
    table = pd.DataFrame({"as_of": judged.as_of, "y": judged.churned, **judged.predicted})

    def slow(rows):
        drawn = [part for _, part in table.iloc[rows].groupby("as_of")]
        means = {model: np.mean([brier_score(part["y"], part[model]) for part in drawn]) for model in "ab"}
        return means | {"difference": means["b"] - means["a"]}

    expected = bootstrap_estimates(slow, len(table), n_boot=40, seed=2, groups=judged.customer_id.astype(int))
    found = compare_models(judged, n_boot=40, seed=2)

    assert found.models["a"]["brier_score"] == pytest.approx(expected["a"])
    assert found.models["b"]["brier_score"] == pytest.approx(expected["b"])
    assert _test_of(found, "brier_score")[1:6] == pytest.approx(("a", "b", *expected["difference"]))


def test_differences_of_models_that_err_together_are_known_better_than_the_models():
    judged = _panel(spread=(0.0, 0.2), n_customers=400)
    found = compare_models(judged, n_boot=100)
    test, alone = _test_of(found, "brier_score"), found.models["a"]["brier_score"]

    assert test.high - test.low < 0.3 * (alone.high - alone.low)


def test_every_two_models_are_tested_on_every_metric():
    found = compare_models(_panel(spread=(0, 0.3, 1)), n_boot=5)

    tested = [(test.metric, frozenset((test.better, test.worse))) for test in found.tests]
    pairs = [frozenset("ab"), frozenset("ac"), frozenset("bc")]
    assert tested == [(name, pair) for name in NAMES for pair in pairs]


@pytest.mark.parametrize("order", ["good first", "good last"])
@pytest.mark.parametrize("metric", NAMES)
def test_the_better_model_is_named_on_every_metric(metric, order):
    generator = np.random.default_rng(0)
    log_odds = generator.normal(-0.5, 1.2, 600)
    churned = generator.random(600) < expit(log_odds)
    models = {"good": expit(log_odds), "bad": expit(1.8 * (log_odds + generator.normal(scale=1.5, size=600)) - 1)}
    ordered = models if order == "good first" else dict(reversed(models.items()))

    test = _test_of(compare_models(_judged(churned, ordered), n_boot=60), metric)

    assert (test.better, test.worse) == ("good", "bad")
    assert 0 < test.low < test.difference < test.high
    assert test.p_value < 0.04


@pytest.mark.parametrize(("scale", "distance"), [(0.5, 1.0), (2.0, 0.5)], ids=["too timid", "too extreme"])
def test_a_slope_is_as_bad_as_it_is_far_from_1(scale, distance):
    # 0.25 and 0.75 are right: scaled log-odds have slope 1 / scale
    churned, right = np.tile([0, 0, 0, 1, 0, 1, 1, 1], 30), np.tile([0.25] * 4 + [0.75] * 4, 30)

    found = compare_models(_judged(churned, {"scaled": expit(scale * logit(right)), "right": right}), n_boot=40)

    test = _test_of(found, "calibration_slope")
    assert (test.better, test.worse, test.difference) == ("right", "scaled", pytest.approx(distance))


def test_an_intercept_is_as_bad_as_it_is_far_from_0():
    churned, right = np.tile([0, 1], 100), np.full(200, 0.5)
    models = {"high": expit(np.full(200, 0.5)), "low": expit(np.full(200, -0.4)), "right": right}

    found = compare_models(_judged(churned, models), n_boot=20)

    tests = {
        (test.better, test.worse): test.difference for test in found.tests if test.metric == "calibration_intercept"
    }
    assert tests == pytest.approx({("low", "high"): 0.1, ("right", "high"): 0.5, ("right", "low"): 0.4})


def test_a_model_does_not_differ_from_itself():
    judged = _panel()

    found = compare_models(_judged(judged.churned, dict.fromkeys("ab", judged.predicted["b"]), n_snapshots=3), n_boot=9)

    assert {test[1:] for test in found.tests} == {("a", "b", 0.0, 0.0, 0.0, 1.0)}


def test_test_of_roc_auc_is_delongs():
    judged = _panel()

    test = _test_of(compare_models(judged, n_boot=2), "roc_auc")
    expected = auc_difference(mean_auc(judged, "a"), mean_auc(judged, "b"))

    assert test[1:] == ("a", "b", expected.difference, expected.low, expected.high, expected.p_value)


def test_p_value_counts_draws_on_the_rarer_side_of_no_difference():
    # 0.5 everywhere against 0.6: (0.25 - 0.16) a churner better, (0.36 - 0.25) a stayer worse, 30 churners of 50
    churned = np.repeat([0, 1], [20, 30])
    generator, n_rarer = np.random.default_rng(3), 0
    for _ in range(99):
        drawn = churned[generator.integers(50, size=50)]
        n_rarer += np.mean(np.where(drawn == 1, 0.09, -0.11)) <= 0

    found = compare_models(_judged(churned, {"six": np.full(50, 0.6), "five": np.full(50, 0.5)}), n_boot=99, seed=3)

    assert 0 < n_rarer < 50
    assert _test_of(found, "brier_score").better == "six"
    assert _test_of(found, "brier_score").p_value == pytest.approx(2 * (n_rarer + 1) / 100)


def test_no_p_value_is_0():
    found = compare_models(_panel(spread=(0.0, 5.0)), n_boot=19)

    assert _test_of(found, "log_loss").p_value == pytest.approx(2 / 20)


def test_noise_of_the_draws_is_no_difference_in_calibration():
    # a's ECE is noise alone, b's is 0.2; resampling enlarges the former by about as much again, and the latter hardly
    generator = np.random.default_rng(0)
    risk = generator.uniform(0.2, 0.7, 400)
    churned = generator.random(400) < risk
    judged = _judged(churned, {"a": risk, "b": risk + 0.2})
    test = _test_of(compare_models(judged, n_boot=200), "ece")

    assert test.difference == pytest.approx(ece(churned, risk + 0.2) - ece(churned, risk))
    assert test.low + test.high == pytest.approx(2 * test.difference, abs=0.2 * (test.high - test.low))


def test_equally_good_models_are_rarely_told_apart():
    n_rejected = dict.fromkeys(NAMES, 0)
    for seed in range(60):
        found = compare_models(_panel(seed, n_customers=80, n_snapshots=1, spread=(0.7, 0.7)), n_boot=39, seed=seed)
        for test in found.tests:
            n_rejected[test.metric] += test.p_value <= 0.05

    assert max(n_rejected.values()) <= 9  # binomial, 60 at 5 %: more than 9 once in 1,000


def test_a_snapshot_of_one_outcome_counts_for_what_one_outcome_defines():
    churned = np.concatenate([np.tile([0, 0, 1, 1], 25), np.zeros(100)])
    judged = _judged(churned, {"a": np.tile([0.1, 0.4, 0.35, 0.8], 50)}, n_snapshots=2)

    found = compare_models(judged, n_boot=5)

    assert (found.n_snapshots, found.n_one_class) == (2, 1)
    assert found.models["a"]["roc_auc"].value == 0.75
    assert found.models["a"]["top_decile_lift"].value == pytest.approx(2)
    # 0.01 + 0.16 + 0.4225 + 0.04, and 0.01 + 0.16 + 0.1225 + 0.64, each a fourth
    assert found.models["a"]["brier_score"].value == pytest.approx((0.6325 + 0.9325) / 8)


def test_a_model_without_a_slope_is_not_tested_on_it():
    judged = _panel()
    constant = np.where(judged.as_of == DATES[0], 0.4, judged.predicted["b"])

    found = compare_models(_judged(judged.churned, {**judged.predicted, "c": constant}, n_snapshots=3), n_boot=5)

    assert found.models["c"]["calibration_slope"] == (None, None, None)
    assert [test[:3] for test in found.tests if test.metric == "calibration_slope"] == [("calibration_slope", "a", "b")]


def test_one_outcome_alone_gives_nulls_and_keeps_the_rest():
    found = compare_models(_judged([0, 0, 0], {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.2, 0.2]}), n_boot=5)

    assert found.models["a"]["roc_auc"] == (None, None, None)
    assert {test.metric for test in found.tests} == {"log_loss", "brier_score", "ece", "empc", "campaign_profit"}


def test_what_a_campaign_costs_and_gains_is_passed_on():
    judged = _panel(n_snapshots=1)
    dear = CampaignSettings(customer_value=500, incentive=100, contact_cost=20, alpha=4, beta=4)

    found = compare_models(judged, campaign=dear, n_boot=2).models["b"]

    rows = judged.churned, judged.predicted["b"]
    assert found["empc"].value == pytest.approx(empc(*rows, dear))
    assert found["campaign_profit"].value == pytest.approx(campaign_profit(*rows, dear))
    assert found != compare_models(judged, n_boot=2).models["b"]


def test_same_seed_same_document_and_another_seed_another():
    judged = _panel()

    first, again = (compare_models(judged, n_boot=9, seed=1).document() for _ in range(2))

    assert first == again
    assert first != compare_models(judged, n_boot=9, seed=2).document()


def test_the_document_is_json_of_the_form_that_is_promised():
    document = compare_models(_panel(), n_boot=5).document()

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document) == ["models", "tests"]
    assert list(document["models"]["a"]["ece"]) == ["value", "low", "high"]
    assert list(document["tests"][0]) == ["metric", "better", "worse", "difference", "low", "high", "p_value"]
