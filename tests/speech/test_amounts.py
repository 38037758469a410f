import datetime as dt

import pytest

from churn.speech import Date, Number, Percent, Points, ShortMoney, say
from churn.speech.amounts import InUnit, PointsBetween


@pytest.mark.parametrize(
    ("yuan", "en", "zh"),
    [
        (None, "–", "–"),
        (0.2, "CNY 0", "0 元"),
        (950, "CNY 950", "950 元"),
        (9_999, "CNY 9,999", "1 万元"),
        (123_456, "CNY 123,456", "12.3 万元"),
        (90_900_000, "CNY 90.9 million", "9,090 万元"),
        (-2_500_000_000, "CNY −2.5 billion", "−25 亿元"),
        (999_400, "CNY 999,400", "99.9 万元"),
    ],
)
def test_amounts_in_tables_are_short(yuan, en, zh):
    assert (say(ShortMoney(yuan), "en"), say(ShortMoney(yuan), "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("amount", "en", "zh"),
    [
        (Percent(0.125), "12.5\u202f%", "12.5%"),
        (Percent(0.125, 0), "12\u202f%", "12%"),
        (Percent(None), "–", "–"),
        (Number(-1234.56, 1), "−1,234.6", "−1,234.6"),
        (Points(-0.05), "−5.0", "−5.0"),
        (Date(dt.date(2026, 1, 5)), "January 5, 2026", "2026年1月5日"),
        (Date(None), "–", "–"),
    ],
)
def test_numbers_shares_and_dates_are_written_as_the_language_has_them(amount, en, zh):
    assert (say(amount, "en"), say(amount, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ((-0.062, -0.081, -0.043), "−6.2 [−8.1, −4.3]"),
        ((0.0004, -0.01, 0.011), "0.0 [−1.0, +1.1]"),
        ((-0.0004, None, None), "0.0"),
        ((None, -0.1, 0.2), "[−10.0, +20.0]"),
        ((None, None, None), "–"),
    ],
)
def test_changes_are_points_with_a_true_minus(estimate, text):
    assert (say(PointsBetween(estimate), "en"), say(PointsBetween(estimate), "zh")) == (text, text)


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (-45210.3, "yuan", "CNY −45,210", "−45,210 元"),
        (0.0, "0/1", "no", "否"),
        (0.25, "share", "25\u202f%", "25%"),
        (None, "days", "none", "无"),
        (212.0, "days", "212 days", "212 天"),
        (None, "count", "missing", "缺失"),
        (None, None, "missing", "缺失"),
        (3.0, "count", "3", "3"),
        (-0.001, "ratio", "0\u202f%", "0%"),
        (-0.05, "ratio", "−5\u202f%", "−5%"),
        (0.823, "ratio", "82\u202f%", "82%"),
        ("Blue collar", None, "Blue collar", "Blue collar"),
    ],
)
def test_a_customers_value_is_written_with_its_unit(value, unit, english, chinese):
    assert (say(InUnit(value, unit), "en"), say(InUnit(value, unit), "zh")) == (english, chinese)
