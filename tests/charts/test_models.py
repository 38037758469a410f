import numpy as np
import pandas as pd
import pytest

from churn.charts import canvas
from churn.charts.models import (
    draw_baselines,
    draw_calibration,
    draw_comparison,
    draw_lift,
    draw_segments,
    draw_validity,
)
from churn.errors import DataError
from churn.evaluation.backtest import Judged
from churn.evaluation.comparison import compare_models
from churn.evaluation.segments import evaluate_segments
from churn.model.documents import BaselineRow, Baselines, IntervalFacts, RiskGroup

RED, GREY = "#a4161a", "#9aa5b1"


@pytest.fixture
def held_out():
    rng = np.random.default_rng(1)
    probability = np.round(rng.random(200), 1)  # eleven different predictions: many ties
    return (rng.random(200) < probability).astype(int), probability


@pytest.mark.parametrize("draw", [draw_calibration, draw_lift])
def test_the_same_rows_give_the_same_picture_and_others_another(draw, held_out, tmp_path):
    y_obs, y_pred = held_out

    canvas.save(draw(y_obs, y_pred, title="t"), tmp_path / "a.png")
    canvas.save(draw(list(y_obs), list(y_pred), title="t"), tmp_path / "b.png")
    canvas.save(draw(1 - y_obs, y_pred, title="t"), tmp_path / "c.png")

    first = (tmp_path / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert (tmp_path / "b.png").read_bytes() == first
    assert (tmp_path / "c.png").read_bytes() != first


def test_the_order_of_tied_rows_does_not_move_the_curve_of_churners_found(held_out, tmp_path):
    order = np.random.default_rng(2).permutation(200)

    canvas.save(draw_lift(*held_out, title="t"), tmp_path / "a.png")
    canvas.save(draw_lift(held_out[0][order], held_out[1][order], title="t"), tmp_path / "b.png")

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("draw", [draw_calibration, draw_lift])
def test_fewer_rows_than_groups_and_predictions_all_alike_are_drawn(draw, tmp_path):
    canvas.save(draw([0, 1, 1], [0.5, 0.5, 0.5], title="t"), tmp_path / "few.png")

    assert (tmp_path / "few.png").stat().st_size > 1000


def bucket(coverage, stated, predicted, n=40):
    observed, low, high = (0.6, 0.45, 0.74) if n else (None, None, None)
    known = {"observed": observed, "observed_low": low, "observed_high": high, "verdict": "agrees"}
    return BaselineRow(product_coverage=coverage, n=n, stated=stated, predicted=predicted, **known)


def test_what_is_not_stated_or_not_predicted_is_not_drawn_and_empty_buckets_are_left_out():
    buckets = Baselines([bucket(1, 0.62, None), bucket(2, None, 0.5), bucket(3, 0.42, 0.4, n=0)])

    axes = draw_baselines(buckets, title="t").axes[0]

    assert [bar.get_height() for bar in axes.patches] == [0.62]
    [predicted] = [line for line in axes.get_lines() if line.get_marker() == "D"]
    assert list(predicted.get_ydata()) == [0.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1\nn = 40", "2\nn = 40"]


def test_without_any_prediction_the_legend_speaks_of_none():
    axes = draw_baselines(Baselines([bucket(1, 0.62, None)]), title="t").axes[0]

    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["stated", "observed, 95\u202f% interval"]


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
    with pytest.raises(DataError, match="gini is not one of roc_auc"):
        draw_comparison(compare_models(judged, n_boot=2), metrics=["gini"], title="t")


def test_a_segment_that_fails_is_red_and_one_too_small_grey(judged):
    segments = evaluate_segments(judged, "high")
    figure = draw_segments(segments, title="t")

    labels = {label.get_text(): label.get_color() for label in figure.axes[0].get_yticklabels()}
    assert [one.verdict for one in segments] == ["fails", "too_few"]
    assert labels == {"tier gold  (220)": RED, "tier vip  (20)": GREY}


def test_only_groups_that_do_not_agree_are_hollow():
    groups = (
        RiskGroup(n=50, observed=0.1, probability=0.12, low=0.08, high=0.2, consistent=True),
        RiskGroup(n=50, observed=0.9, probability=0.5, low=0.4, high=0.6, consistent=False),
    )
    facts = IntervalFacts(share_consistent=0.5, mean_width=0.16, widening=0.0, groups=groups)
    axes = draw_validity(facts, title="t").axes[0]

    points = [line for line in axes.get_lines() if line.get_marker() == "o" and len(line.get_xdata())]
    assert [point.get_ydata()[0] for point in points] == [0.1, 0.9]
    assert [point.get_markerfacecolor() for point in points] == ["#1f4e79", "white"]
