"""The short form of the study; `python benchmarks/leaks.py` is the long one."""

import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from churn.evaluation.leaks import Leak

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "leaks.py"


def test_in_one_bank_no_honest_feature_is_named_and_every_plain_leak_is(capsys):
    study = runpy.run_path(str(SCRIPT))
    code = study["main"](["--quick", "--customers", "4000"])
    assert code == 0, capsys.readouterr().out


def test_an_honest_feature_named_or_a_leak_missed_fails(capsys):
    study = runpy.run_path(str(SCRIPT))
    found = {column: Counter(alone=2) for column in study["MUST"]}
    assert study["report"]({"calm": [[], []]}, found) == 0
    assert study["report"]({"calm": [[], [Leak("age", "alone", 0.96, "")]]}, found) == 1
    assert study["report"]({"calm": [[], []]}, found | {("flipped", 0.0): Counter({"alone": 1, "–": 1})}) == 1
    assert "FAILS: flipped 0 is not named in every bank" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "expected"),
    [("flipped", [0, 1, 1, 0]), ("leavers only", [1, np.nan, np.nan, 1])],
)
def test_planted_columns_are_what_they_are_said_to_be(what, expected):
    plant = runpy.run_path(str(SCRIPT))["plant"]
    made = plant(what, 1.0)(np.array([1, 0, 0, 1]), np.random.default_rng(0), False)
    np.testing.assert_array_equal(made, expected)


def test_what_is_gone_tells_nothing_at_the_later_date():
    plant = runpy.run_path(str(SCRIPT))["plant"]
    y = np.tile([0, 1], 2000)
    then, later = (plant("gone", 1.0)(y, np.random.default_rng(0), is_later) for is_later in (False, True))
    assert np.corrcoef(y, then)[0, 1] > 0.4
    assert abs(np.corrcoef(y, later)[0, 1]) < 0.05
