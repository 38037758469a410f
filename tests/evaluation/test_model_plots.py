import numpy as np
import pandas as pd
import pytest

from churn.errors import DataError
from churn.evaluation.comparison import compare_models
from churn.evaluation.judged import Judged
from churn.evaluation.model_plots import draw_comparison, draw_segments, draw_validity
from churn.evaluation.segments import evaluate_segments
from churn.evaluation.validity import RiskGroup, Validity

RED, GREY = "#a4161a", "#9aa5b1"


@pytest.fixture(scope="module")
def judged():
    churned = np.array([0, 0, 0, 1] * 60)
    return Judged(
        as_of=np.full(240, np.datetime64("2024-01-01", "D")),
        customer_id=np.arange(240).astype(str).astype(object),
        churned=churned,
        predicted={"good": 0.15 + 0.4 * churned, "high": np.repeat([0.5, 0.6], 120)},
        segments=pd.DataFrame({"tier": ["gold"] * 220 + ["vip"] * 20}),
    )


def test_every_model_stands_on_every_metric_at_its_value(judged):
    comparison = compare_models(judged, n_boot=30)
    figure = draw_comparison(comparison, metrics=["brier_score", "calibration_intercept"], title="t")

    assert [axes.get_title().split("\n") for axes in figure.axes] == [
        ["brier score", "← better"],
        ["calibration intercept", "best at 0"],
    ]
    points = [line.get_xdata()[0] for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert points == [comparison.models[name]["brier_score"].value for name in ("good", "high")]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["good", "high"]


def test_a_metric_that_was_not_computed_is_refused(judged):
    with pytest.raises(DataError, match="gini is none of roc_auc"):
        draw_comparison(compare_models(judged, n_boot=2), metrics=["gini"], title="t")


def test_a_segment_that_fails_is_red_and_one_too_small_grey(judged):
    segments = evaluate_segments(judged, "high")
    figure = draw_segments(segments, title="t")

    labels = {label.get_text(): label.get_color() for label in figure.axes[0].get_yticklabels()}
    assert [one.verdict for one in segments] == ["fails", "too_few"]
    assert labels == {"tier gold  (220)": RED, "tier vip  (20)": GREY}


def test_only_groups_that_do_not_agree_are_hollow():
    groups = (RiskGroup(50, 0.1, 0.12, 0.08, 0.2, True), RiskGroup(50, 0.9, 0.5, 0.4, 0.6, False))
    axes = draw_validity(Validity(groups, 0.5, 0.16), title="t").axes[0]

    points = [line for line in axes.get_lines() if line.get_marker() == "o" and len(line.get_xdata())]
    assert [point.get_ydata()[0] for point in points] == [0.1, 0.9]
    assert [point.get_markerfacecolor() for point in points] == ["#1f4e79", "white"]
