import pandas as pd
import pytest
from rich.cells import cell_len

from churn.explanation.captions import CAPTIONS, EVIDENCE, VERDICTS, format_interval, format_value, wrap


def test_every_caption_stands_in_both_languages():
    for table in (CAPTIONS, VERDICTS, EVIDENCE):
        for english, chinese in table.values():
            assert english.isascii() or set(english) & set("←→")
            assert any("一" <= character <= "鿿" for character in chinese)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ((-0.062, -0.081, -0.043), "−6.2 [−8.1, −4.3]"),
        ((0.0004, -0.01, 0.011), "0.0 [−1.0, +1.1]"),
        ((-0.0004, None, None), "0.0"),
        ((None, -0.1, 0.2), "[−10.0, +20.0]"),
        ((None, None, None), "—"),
    ],
)
def test_changes_are_points_with_a_true_minus(estimate, text):
    assert format_interval(*estimate) == text


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (-45210.3, "yuan", "CNY −45,210", "−45,210 元"),
        (0.0, "0/1", "no", "否"),
        (0.25, "share", "25 %", "25 %"),
        (float("nan"), "days", "none", "无"),
        (float("nan"), "count", "missing", "缺失"),
        (pd.NA, None, "missing", "缺失"),
        (3.0, "count", "3", "3"),
        (0.823, "ratio", "0.82", "0.82"),
        ("Blue collar", None, "Blue collar", "Blue collar"),
    ],
)
def test_a_customers_value_is_written_with_its_unit(value, unit, english, chinese):
    assert (format_value(value, unit, "en"), format_value(value, unit, "zh")) == (english, chinese)


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
