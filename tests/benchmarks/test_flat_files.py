"""The short form of the study; `python benchmarks/flat_files.py` is the long one."""

import flat_files
import numpy as np
import pandas as pd
import pytest


@pytest.mark.parametrize("name", ["german", "indian"])
def test_a_file_as_people_write_it_costs_no_ranking(name, tmp_path):
    judged = flat_files.judge(name, tmp_path, n_trained=1_500, n_scored=6_000)
    assert judged.holds, judged


def test_there_are_25_shapes_that_write_what_they_mean():
    assert len(flat_files.SHAPES) == 25
    values = pd.Series([1234567.5, -0.25, np.nan])
    assert flat_files.german(values) == ["1.234.567,50", "-0,25", ""]
    assert flat_files.indian(values.iloc[:1]) == ["₹12,34,567.50"]
    assert flat_files.accounting(pd.Series([-1234.0])) == ["(1,234)"]


def test_who_stays_behind_or_is_lost_fails():
    assert flat_files.Judged(0.799, 0.803, 10, 10).holds
    assert not flat_files.Judged(0.799, 0.8041, 10, 10).holds
    assert not flat_files.Judged(0.9, 0.8, 9, 10).holds
