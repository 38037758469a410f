"""The short form of the corpus; `python benchmarks/hostile.py` is the long one."""

import hostile
import numpy as np
import pytest
from hostile_banks import CHINESE, ONE_FILE, PLAIN, N
from hostile_cases import MUTATIONS, SINGLE, Case, Count, Made, cases, each_kind


def test_hostile_files_leave_no_traceback_no_half_output_no_lost_row_and_no_leak(capsys):
    code = hostile.main(["--quick"])
    assert code == 0, capsys.readouterr().out


def test_the_short_form_has_each_single_case_and_each_kind_of_mutation():
    names = [case.name for case in each_kind()]
    assert names[: len(SINGLE)] == [case.name for case in SINGLE]
    assert [name.partition(" ")[2] for name in names[len(SINGLE) :]] == list(dict(MUTATIONS))
    assert {name.partition(" ")[0] for name in names[len(SINGLE) :]} == {"plain", "chinese", "flat"}


def test_the_corpus_has_at_least_500_cases_of_many_kinds():
    names = [case.name for case in cases(600)]
    assert len(names) == 600
    assert len(set(names)) >= 35


@pytest.mark.parametrize(("style", "table"), [(PLAIN, "holdings"), (CHINESE, "pnl"), (ONE_FILE, "flat")])
@pytest.mark.parametrize("expected", [Count(N + 1), Count(N - 1), Count(N, N - 1)])
def test_one_row_more_or_less_than_expected_is_seen(tmp_path, style, table, expected):
    def make(place, random):
        place.write()
        return Made({table: expected})

    (wrong,) = hostile.judge(Case("a lost row", make, style, is_slow=True), tmp_path, np.random.default_rng(0), None)
    assert wrong.startswith(f"lost rows: {table} has")


def test_a_row_lost_from_a_table_nobody_touched_is_seen(tmp_path):
    def make(place, random):
        place.write()
        place.write_text("pnl", place.text("pnl", place.rows("pnl")[:-1]))
        return Made({"contacts": Count(N, N)})

    (wrong,) = hostile.judge(Case("a lost row", make, is_slow=True), tmp_path, np.random.default_rng(0), None)
    assert wrong.startswith("lost rows: pnl has")
