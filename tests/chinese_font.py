"""Which tests need a Chinese font: skipped at a desk that has none, never by `.ci/run`."""

import os

import pytest

from churn.charts.canvas import PACKAGE, find_chinese_font
from churn.errors import ExplanationError


def _is_missing() -> bool:
    try:
        find_chinese_font()
    except ExplanationError:
        return True
    return False


needs_chinese_font = pytest.mark.skipif(
    "REQUIRE_CHINESE_FONT" not in os.environ and _is_missing(), reason=f"no Chinese font: apt-get install {PACKAGE}"
)
LANGUAGES = ["en", pytest.param("zh", marks=needs_chinese_font)]
