"""The short form of the study; `python benchmarks/later_year.py` is the long one."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "later_year.py"


def test_one_bank_is_told_nearly_as_well_as_the_oracle_tells_it(capsys):
    study = runpy.run_path(str(SCRIPT))
    code = study["main"](["--quick"])
    assert code == 0, capsys.readouterr().out
