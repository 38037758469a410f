import pytest

from churn.actions.progress.wording import MEASURES
from churn.report.facts_working import Measured
from churn.report.measures import (
    MEASURE_COLUMNS,
    format_measured,
    format_range,
    format_target,
    format_value,
    is_missed,
)
from churn.report.words import read_words

WORDS = read_words("en")


def measured(value=None, low=None, high=None, target=None):
    return Measured(value, low, high, 10, target)


@pytest.mark.parametrize(
    ("measure", "one", "expected"),
    [
        ("days_kept", measured(0.5, 0.4, 0.605, 1.0), ("50 %", "40 % – 60 %", "100 %")),
        ("churn_observed", measured(0.042, 0.01, 0.09), ("4.2 %", "1.0 % – 9.0 %", "")),
        ("offers_difference", measured(-0.046, -0.071, 0.002), ("−4.6 points", "−7.1 points – +0.2 points", "")),
        ("calls_per_day", measured(12.34, 9.0, 15.0, 20.0), ("12.3", "9.00 – 15.0", "20.0")),
        ("value_kept", measured(1_250_000.0), ("CNY 1.2m", "", "")),
        ("referrals", measured(), ("—", "", "")),
    ],
)
def test_each_measure_is_written_in_its_unit(measure, one, expected):
    written = (
        format_measured(one, measure, WORDS),
        format_range(one, measure, WORDS),
        format_target(one, measure, WORDS),
    )
    assert written == expected


@pytest.mark.parametrize(
    ("one", "missed"),
    [
        (None, False),
        (measured(4.0, 3.0, 4.9, 5.0), True),
        (measured(4.0, 3.0, 5.0, 5.0), False),
        (measured(4.0, 3.0, 4.9), False),
        (measured(4.0, target=5.0), False),
    ],
)
def test_a_target_is_missed_where_even_the_upper_end_is_below(one, missed):
    assert is_missed(one) is missed


def test_the_columns_are_measures():
    assert set(MEASURE_COLUMNS) <= set(MEASURES)


def test_headlines_are_whole_numbers_amounts_or_means():
    found = [format_value(*one, WORDS) for one in ((1559.3, "number"), (3.237, "mean"), (0.4, "share"), (2e6, "yuan"))]
    assert found == ["1,559", "3.24", "40.0 %", "CNY 2m"]
