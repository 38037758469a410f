import datetime as dt
import json
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from churn.errors import DataError
from churn.evaluation.baselines import bin_words, build_baselines, feature_rates, observed_rates
from churn.frame import Snapshot

STATED = {"1": 0.62, "3": 0.42, "5+": 0.12}


def _rows(coverage, n, n_churned):
    """Coverage, outcomes and predictions of n customers of one coverage, n_churned of whom left."""
    return [coverage] * n, [1] * n_churned + [0] * (n - n_churned), [0.5] * n


def _build(*groups, **options):
    coverage, churned, y_pred = (list(chain.from_iterable(part)) for part in zip(*groups, strict=True))
    return build_baselines(coverage, churned, y_pred, stated=STATED, **options)


def test_customers_are_put_in_their_bucket_and_five_and_more_together():
    found = _build(_rows(1, 1, 0), _rows(2, 2, 0), _rows(4, 3, 0), _rows(5, 4, 0), _rows(9, 5, 0))

    assert [(row.product_coverage, row.n) for row in found] == [(1, 1), (2, 2), (3, 0), (4, 3), ("5+", 9)]


def test_every_name_of_the_document_is_there_with_its_value():
    # Wilson, 40 of 100: centre (40 + 1.92073) / 103.84146, half-width 1.95996 sqrt(24 + 0.96036) / 103.84146
    found = _build(_rows(1, 100, 40))[0]

    assert list(found.to_json()) == [
        "product_coverage",
        "n",
        "stated",
        "observed",
        "observed_low",
        "observed_high",
        "predicted",
        "verdict",
    ]
    assert found.stated == pytest.approx(0.62)
    assert found.observed == 0.4
    assert found.observed_low == pytest.approx(0.40370 - 0.09430, abs=1e-4)
    assert found.observed_high == pytest.approx(0.40370 + 0.09430, abs=1e-4)
    assert found.predicted == 0.5
    assert found.verdict == "departs"


def test_an_interval_that_holds_the_stated_rate_agrees():
    assert _build(_rows(1, 100, 60))[0].verdict == "agrees"


def test_half_a_per_cent_of_rounding_is_allowed_and_no_more():
    # of 1,000,000 the interval is 0.1 % wide to either side
    verdicts = [_build(_rows(3, 1_000_000, n))[2].verdict for n in (416_500, 412_500, 423_500, 427_500)]

    assert verdicts == ["agrees", "departs", "agrees", "departs"]


def test_below_thirty_customers_there_is_no_verdict():
    assert _build(_rows(1, 29, 0))[0].verdict == "too_few"
    assert _build(_rows(1, 30, 0))[0].verdict == "departs"


def test_where_nothing_is_stated_the_observed_rate_is_still_shown():
    found = _build(_rows(2, 100, 50))[1]

    assert (found.stated, found.observed, found.verdict) == (None, 0.5, "not_stated")


def test_an_empty_bucket_has_nulls():
    found = _build(_rows(1, 50, 25))[2]

    assert found.to_json() == {
        "product_coverage": 3,
        "n": 0,
        "stated": pytest.approx(0.42),
        "observed": None,
        "observed_low": None,
        "observed_high": None,
        "predicted": None,
        "verdict": "too_few",
    }


@pytest.mark.parametrize("unknown", [0, -1, float("nan")])
def test_coverage_zero_or_unknown_is_in_no_bucket(unknown):
    found = _build(_rows(unknown, 7, 3), _rows(1, 50, 25))

    assert sum(row.n for row in found) == 50


def test_without_any_coverage_everyone_is_in_no_bucket():
    found = build_baselines(None, [0, 1], [0.5, 0.5], stated=STATED)

    assert [row.n for row in found] == [0] * 5


def test_stated_rates_are_converted_to_the_horizon_before_they_are_compared():
    # 0.62 a year is 1 - 0.38 ** (73 / 365) = 0.1759 in 73 days
    found = _build(_rows(1, 1000, 176), horizon_days=73)[0]

    assert found.stated == pytest.approx(0.1759, abs=1e-4)
    assert found.verdict == "agrees"


def test_the_document_is_json():
    document = _build(_rows(1, 100, 40)).to_json()

    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_arrays_give_what_lists_give():
    lists = _rows(1, 100, 40)

    assert build_baselines(*map(np.array, lists), stated=STATED) == build_baselines(*lists, stated=STATED)


def test_who_has_no_known_outcome_is_predicted_and_not_observed():
    found = build_baselines([1] * 60, [1] * 20 + [0] * 20 + [float("nan")] * 20, [0.2] * 40 + [0.5] * 20, stated=STATED)

    assert found[0].n == 60
    assert found[0].observed == 0.5
    assert found[0].predicted == pytest.approx(0.3)


def test_without_any_known_outcome_there_is_no_verdict():
    found = build_baselines([1] * 60, [float("nan")] * 60, [0.2] * 60, stated=STATED)[0]

    assert (found.observed, found.observed_low, found.verdict) == (None, None, "too_few")


def snapshot(churned, as_of=dt.date(2025, 1, 1), segments=None, **features):
    n = len(churned)
    return Snapshot(
        as_of,
        np.array([f"C{number}" for number in range(n)], dtype=object),
        pd.DataFrame(features, index=range(n)),
        np.array(churned),
        None,
        None if segments is None else pd.DataFrame(segments, dtype=object),
    )


def test_each_group_is_counted_at_each_date_and_who_is_in_none_is_left_out():
    first = snapshot([1, 0, 1, 0], dt.date(2024, 1, 1), {"tier": ["vip", "gold", "vip", None]})
    second = snapshot([1, 0, 0, 0], dt.date(2025, 1, 1), {"tier": ["gold", "gold", "gold", "vip"]})

    rates = observed_rates([first, second], by="tier")

    assert rates[["as_of", "value", "n", "churned", "observed"]].values.tolist() == [
        [dt.date(2024, 1, 1), "gold", 1, 0, 0.0],
        [dt.date(2024, 1, 1), "vip", 2, 2, 1.0],
        [dt.date(2025, 1, 1), "gold", 3, 1, 1 / 3],
        [dt.date(2025, 1, 1), "vip", 1, 0, 0.0],
    ]


def test_intervals_are_those_of_another_library():
    rates = observed_rates([snapshot([1] * 7 + [0] * 33, segments={"coverage": ["1"] * 40})])

    assert rates[["low", "high"]].values[0] == pytest.approx(proportion_confint(7, 40, method="wilson"))


def test_a_segmentation_that_is_not_there_is_refused_by_naming_those_that_are():
    with pytest.raises(DataError, match=r"segments\.branch: not known .* one of tier"):
        observed_rates([snapshot([1, 0], segments={"tier": ["a", "b"]})], by="branch")
    with pytest.raises(DataError, match="one of none"):
        observed_rates([snapshot([1, 0])])


def test_few_values_are_each_a_bin_and_missing_comes_last():
    rates = feature_rates(snapshot([1, 0, 1, 1, 0], n=[2.0, 0.0, 2.0, np.nan, 0.5]), "n")

    assert rates[["value", "n", "churned"]].values.tolist() == [
        ["0", 1, 0],
        ["0.5", 1, 0],
        ["2", 2, 2],
        ["missing", 1, 1],
    ]


def test_many_values_are_cut_into_bins_that_hold_everybody_once():
    values = np.random.default_rng(0).normal(size=1000)
    rates = feature_rates(snapshot((values > 0).astype(int), x=values), "x", n_bins=4)

    assert rates["n"].tolist() == [250] * 4
    assert rates["churned"].sum() == (values > 0).sum()
    assert rates["observed"].is_monotonic_increasing


def test_a_value_that_fills_several_bins_is_one():
    values = np.concatenate([np.zeros(800), np.arange(1, 201)])
    rates = feature_rates(snapshot([0] * 1000, x=values), "x", n_bins=5)

    assert rates["value"].tolist() == ["0", "1 to\n200"]
    assert rates["n"].tolist() == [800, 200]


def test_large_numbers_are_shortened_in_words():
    rates = feature_rates(snapshot([0, 1, 0, 1], x=[0.25, 12.0, 3400.0, 2_500_000.0]), "x")

    assert bin_words(rates) == ["0.25\n(1)", "12\n(1)", "3.4k\n(1)", "2.5m\n(1)"]


def test_a_feature_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"features\.y: not among the 1 features"):
        feature_rates(snapshot([1, 0], x=[1.0, 2.0]), "y")
