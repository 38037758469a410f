import datetime as dt

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from churn.errors import DataError
from churn.evaluation.observed import bin_words, feature_rates, observed_rates
from churn.frame import Snapshot


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
