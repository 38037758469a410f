"""The short form of the corpus; `python benchmarks/hostile.py` is the long one."""

import hostile
from hostile_cases import SINGLE, cases


def test_hostile_files_leave_no_traceback_no_half_output_no_lost_row_and_no_leak(capsys):
    # The single cases, and each kind of mutation about twice.
    code = hostile.main(["--cases", str(len(SINGLE) + 40)])
    assert code == 0, capsys.readouterr().out


def test_the_corpus_has_at_least_500_cases_of_many_kinds():
    names = [case.name for case in cases(600)]
    assert len(names) == 600
    assert len(set(names)) >= 35
