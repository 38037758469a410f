import numpy as np
import pytest
from matplotlib.image import imread

from binding_rows import CUSTODY, binding_row
from chinese_font import needs_chinese_font
from churn.config import Config
from churn.errors import ExplanationError
from churn.explanation.folder import service_names
from churn.explanation.plots.figures import draw_against_truth, draw_bindings
from churn.explanation.plots.forest import plot_bindings
from churn.explanation.tables import bindings_frame

TABLE = bindings_frame([CUSTODY, binding_row("cash_sweep")])
TRUTH = {"cts": {"atu": -0.1, "late": -0.12}, "cash_sweep": {"atu": -0.05}}


def points(axes):
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.get_lines() if line.get_marker() == "o"]


def test_the_figure_is_the_picture_that_is_written(tmp_path):
    names = {service: pair[0] for service, pair in service_names(Config()).items()}
    plot_bindings([CUSTODY, binding_row("cash_sweep")], names, tmp_path / "written.png", "en")

    draw_bindings(TABLE).savefig(tmp_path / "drawn.png", metadata={"Software": None})

    drawn, written = imread(tmp_path / "drawn.png"), imread(tmp_path / "written.png")
    assert drawn.shape == written.shape
    assert np.abs(drawn - written).mean() < 0.005  # laid out twice, lines move by a pixel


@needs_chinese_font
def test_names_and_verdicts_may_be_chinese():
    texts = [text.get_text() for text in draw_bindings(TABLE, language="zh").axes[0].texts]

    assert any("第三方存管" in text for text in texts)


def test_each_claim_is_held_against_its_own_truth():
    figure = draw_against_truth(TABLE, TRUTH)

    shap, raw, records, offers = map(points, figure.axes)
    assert shap == [pytest.approx((-10, -4.1))]
    assert raw == [pytest.approx((-10, -15.5))]
    assert records == [pytest.approx((-10, -8.1))]
    assert offers == [pytest.approx((-12, -9.2))]
    assert [axes.get_title(loc="left") for axes in figure.axes][3] == "randomised offers (n = 1)"


def test_without_a_row_or_a_truth_nothing_can_be_drawn():
    with pytest.raises(ExplanationError, match="no service to draw"):
        draw_bindings(TABLE.iloc[:0])
    with pytest.raises(ExplanationError, match="no service with a known effect"):
        draw_against_truth(TABLE, {})
