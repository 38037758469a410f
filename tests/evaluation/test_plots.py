import numpy as np
import pytest

from churn.evaluation.plots import plot_calibration, plot_lift


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
