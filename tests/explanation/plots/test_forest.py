import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.image import imread

from binding_rows import CUSTODY, binding_row
from chinese_font import LANGUAGES, needs_chinese_font
from churn.errors import ExplanationError, OutputError
from churn.explanation.plots import fonts
from churn.explanation.plots.forest import headline, plot_bindings

UNKNOWN = binding_row("cash_sweep")


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
    monkeypatch.setattr(fonts, "list_fonts", lambda: iter([]))
    with pytest.raises(ExplanationError, match="fonts-wqy-microhei"):
        plot_bindings([CUSTODY], {}, tmp_path / "new" / "zh.png", "zh")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        plot_bindings([CUSTODY], {}, tmp_path / "file" / "x.png", "en")


def test_the_headline_is_the_estimate_the_verdict_rests_on():
    assert headline(CUSTODY) == (-0.092, -0.127, -0.057)
    assert headline(binding_row("cts", evidence="observational", effect_atu=-0.08, late=-0.3)) == (-0.08, None, None)
    assert headline(UNKNOWN) == (None, None, None)
