import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.image import imread

from binding_rows import CUSTODY, binding_row
from chinese_font import LANGUAGES, needs_chinese_font
from churn.charts import canvas
from churn.charts.bindings import draw_against_truth, draw_bindings, plot_bindings
from churn.config import Config
from churn.errors import ExplanationError, OutputError
from churn.explanation.bindings import bindings_frame, service_names

UNKNOWN = binding_row("cash_sweep")
TABLE = bindings_frame([CUSTODY, binding_row("cash_sweep")])
TRUTH = {"cts": {"atu": -0.1, "late": -0.12}, "cash_sweep": {"atu": -0.05}}


def draw(path, rows, names, language="en"):
    plot_bindings(rows, names, path, language)
    return imread(path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_that_is_known_puts_more_ink_on_paper(tmp_path, language):
    full = draw(tmp_path / "full.png", [CUSTODY], {}, language)
    empty = draw(tmp_path / "empty.png", [binding_row("cts")], {}, language)
    assert (full < 0.9).any(axis=2).sum() > (empty < 0.9).any(axis=2).sum() > 1000


@needs_chinese_font
def test_two_chinese_names_of_one_length_look_different(tmp_path):
    one = draw(tmp_path / "one.png", [UNKNOWN], {"cash_sweep": "资金归集"}, "zh")
    other = draw(tmp_path / "other.png", [UNKNOWN], {"cash_sweep": "手机银行"}, "zh")
    assert one.shape == other.shape
    assert not np.array_equal(one, other)


@needs_chinese_font
def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_bindings([CUSTODY, UNKNOWN], {}, tmp_path / name, "zh")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert plt.get_fignums() == []


def test_a_service_more_makes_the_picture_taller(tmp_path):
    two = draw(tmp_path / "two.png", [CUSTODY, UNKNOWN], {})
    eight = draw(tmp_path / "eight.png", [CUSTODY, UNKNOWN] * 4, {})
    assert eight.shape[0] > 2 * two.shape[0]
    assert eight.shape[1] == two.shape[1]


def test_a_very_wide_interval_does_not_squeeze_the_others(tmp_path):
    wide = binding_row("fund_trading", late=-0.05, late_low=-0.9, late_high=0.8, evidence="randomised")
    narrow = binding_row("fund_trading", late=-0.05, late_low=-0.2, late_high=0.2, evidence="randomised")
    cut = draw(tmp_path / "cut.png", [CUSTODY, wide], {})
    whole = draw(tmp_path / "whole.png", [CUSTODY, narrow], {})

    # the first block, without the columns of words, is drawn on nearly the same scale
    def width(image):
        block = image[120:260, 350:1300, :3]
        return np.ptp(np.nonzero((block[..., 2] - block[..., 0] > 0.2).any(axis=0))[0])

    assert width(cut) > 0.6 * width(whole)


def test_formulas_and_long_names_are_drawn_as_text(tmp_path):
    names = {"cts": r"US$ \frac{1} $ and a name that goes on and on and on and on \U0001f9e7", "cash_sweep": "x" * 80}
    assert draw(tmp_path / "odd.png", [CUSTODY, UNKNOWN], names).shape[1] == 1650


def test_no_service_is_one_clear_error(tmp_path):
    with pytest.raises(ExplanationError, match="no service to draw"):
        plot_bindings([], {}, tmp_path / "none.png", "en")


def test_without_a_chinese_font_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "list_fonts", lambda: iter([]))
    with pytest.raises(ExplanationError, match="fonts-wqy-microhei"):
        plot_bindings([CUSTODY], {}, tmp_path / "new" / "zh.png", "zh")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        plot_bindings([CUSTODY], {}, tmp_path / "file" / "x.png", "en")


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
