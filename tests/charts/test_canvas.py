from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.font_manager import findfont, fontManager
from rich.cells import cell_len

from chinese_font import needs_chinese_font
from churn.charts import canvas
from churn.charts.canvas import LATIN, drawable, find_chinese_font, lettering, wrap
from churn.errors import ExplanationError

LATIN_ONLY = Path(findfont(LATIN))


def no_chinese_font():
    yield LATIN_ONLY


@needs_chinese_font
def test_a_font_is_found_that_matplotlib_did_not_know(monkeypatch):
    monkeypatch.setattr(fontManager, "ttflist", [entry for entry in fontManager.ttflist if "DejaVu" in entry.name])
    with lettering("zh"):
        chinese, latin = mpl.rcParams["font.family"]
        assert Path(findfont(chinese)) == find_chinese_font()
        assert latin == LATIN


@needs_chinese_font
def test_fonts_that_cannot_be_opened_or_draw_no_chinese_are_passed_over(tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    found = find_chinese_font()
    assert find_chinese_font([broken, LATIN_ONLY, tmp_path / "gone.ttf", found]) == found


def test_a_missing_font_is_one_line_that_names_the_package(monkeypatch):
    monkeypatch.setattr(canvas, "list_fonts", no_chinese_font)
    message = "fonts: none on this machine can draw Chinese; apt-get install fonts-wqy-microhei"
    with pytest.raises(ExplanationError, match=message), lettering("zh"):
        pass


def test_an_english_plot_needs_a_chinese_font_only_for_chinese_names(monkeypatch):
    monkeypatch.setattr(canvas, "list_fonts", no_chinese_font)
    with lettering("en", ["third-party custody", "Café …"]):
        assert mpl.rcParams["font.family"] == [LATIN]
    with pytest.raises(ExplanationError, match="fonts-wqy-microhei"), lettering("en", ["fund", "第三方存管"]):
        pass


@needs_chinese_font
def test_latin_letters_of_an_english_plot_stay_the_same_beside_chinese_names():
    with lettering("en", ["第三方存管"]):
        assert mpl.rcParams["font.family"][0] == LATIN


def test_a_users_settings_do_not_reach_a_plot_and_are_there_again_after_it():
    with mpl.rc_context({"font.size": 31.0, "axes.unicode_minus": False, "text.parse_math": True}):
        with lettering("en"):
            assert mpl.rcParams["font.size"] == mpl.rcParamsDefault["font.size"]
            assert mpl.rcParams["axes.unicode_minus"]
            assert not mpl.rcParams["text.parse_math"]
        assert mpl.rcParams["font.size"] == 31.0


@needs_chinese_font
def test_what_no_font_has_becomes_a_question_mark():
    with lettering("zh"):
        assert drawable("存管\n−6.2 \U0001f9e7\x07") == "存管 −6.2 ??"


@needs_chinese_font
def test_debians_fonts_are_tried_first_and_each_is_a_file():
    assert next(canvas.list_fonts()) in canvas.DEBIAN_FONTS


def test_marks_of_direction_leave_no_trace_in_a_picture():
    with lettering("en"):
        assert drawable("\u2068funds\u2069") == "funds"


@pytest.mark.parametrize(
    "text", ["days since the last contact of any kind", "持有对应产品的服务数（不论是否已绑定）" * 3, "x" * 90]
)
def test_no_line_is_wider_than_asked_and_no_more_lines_are_made(text):
    lines = wrap(text, 15, lines=3).split("\n")
    assert len(lines) <= 3
    assert all(0 < cell_len(line) <= 17 for line in lines)  # a closing mark may hang over


def test_a_closing_mark_begins_no_line():
    assert wrap("服务数（不论是否已绑定）", 12, lines=9).split("\n")[1][0] not in "）"


def test_a_text_that_fits_stays_as_it_is():
    assert wrap("fund trading", 12) == "fund trading"
