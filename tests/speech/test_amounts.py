import datetime as dt

import pytest

from churn.speech import Date, Number, Percent, Points, ShortMoney, say


@pytest.mark.parametrize(
    ("yuan", "en", "zh"),
    [
        (None, "—", "—"),
        (0.2, "CNY 0", "0 元"),
        (950, "CNY 950", "950 元"),
        (9_999, "CNY 10k", "1 万元"),
        (123_456, "CNY 123k", "12.3 万元"),
        (90_900_000, "CNY 90.9m", "9,090 万元"),
        (-2_500_000_000, "CNY −2.5bn", "−25 亿元"),
    ],
)
def test_amounts_in_tables_are_short(yuan, en, zh):
    assert (say(ShortMoney(yuan), "en"), say(ShortMoney(yuan), "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("amount", "en", "zh"),
    [
        (Percent(0.125), "12.5 %", "12.5%"),
        (Percent(0.125, 0), "12 %", "12%"),
        (Percent(None), "—", "—"),
        (Number(-1234.56, 1), "−1,234.6", "−1,234.6"),
        (Points(-0.05), "−5.0", "−5.0"),
        (Date(dt.date(2026, 1, 5)), "January 5, 2026", "2026年1月5日"),
        (Date(None), "—", "—"),
    ],
)
def test_numbers_shares_and_dates_are_written_as_the_language_has_them(amount, en, zh):
    assert (say(amount, "en"), say(amount, "zh")) == (en, zh)
