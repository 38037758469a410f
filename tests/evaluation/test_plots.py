import numpy as np
import pytest

from churn.evaluation.plots import draw_baselines, plot_calibration, plot_lift


@pytest.fixture
def held_out():
    draw = np.random.default_rng(1)
    probability = np.round(draw.random(200), 1)  # eleven different predictions: many ties
    return (draw.random(200) < probability).astype(int), probability


@pytest.mark.parametrize("plot", [plot_calibration, plot_lift])
def test_the_same_rows_give_the_same_picture_and_others_another(plot, held_out, tmp_path):
    y_obs, y_pred = held_out

    plot(y_obs, y_pred, tmp_path / "a.png", title="t")
    plot(list(y_obs), list(y_pred), tmp_path / "b.png", title="t")
    plot(1 - y_obs, y_pred, tmp_path / "c.png", title="t")

    first = (tmp_path / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert (tmp_path / "b.png").read_bytes() == first
    assert (tmp_path / "c.png").read_bytes() != first


def test_the_order_of_tied_rows_does_not_move_the_curve_of_churners_found(held_out, tmp_path):
    order = np.random.default_rng(2).permutation(200)

    plot_lift(*held_out, tmp_path / "a.png", title="t")
    plot_lift(held_out[0][order], held_out[1][order], tmp_path / "b.png", title="t")

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("plot", [plot_calibration, plot_lift])
def test_fewer_rows_than_groups_and_predictions_all_alike_are_drawn(plot, tmp_path):
    plot([0, 1, 1], [0.5, 0.5, 0.5], tmp_path / "few.png", title="t")

    assert (tmp_path / "few.png").stat().st_size > 1000


def bucket(coverage, stated, predicted, n=40):
    known = {"observed": 0.6, "observed_low": 0.45, "observed_high": 0.74} if n else {}
    return {"product_coverage": coverage, "n": n, "stated": stated, "predicted": predicted, **known}


def test_what_is_not_stated_or_not_predicted_is_not_drawn_and_empty_buckets_are_left_out():
    buckets = [bucket(1, 0.62, None), bucket(2, None, 0.5), bucket(3, 0.42, 0.4, n=0)]

    axes = draw_baselines(buckets, title="t").axes[0]

    assert [bar.get_height() for bar in axes.patches] == [0.62]
    [predicted] = [line for line in axes.get_lines() if line.get_marker() == "D"]
    assert list(predicted.get_ydata()) == [0.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1\nn = 40", "2\nn = 40"]


def test_without_any_prediction_the_legend_speaks_of_none():
    axes = draw_baselines([bucket(1, 0.62, None)], title="t").axes[0]

    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["stated", "observed, 95 % interval"]
