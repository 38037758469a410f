"""The short form of the study; `python benchmarks/anchoring.py` is the long one."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "anchoring.py"


def test_anchoring_helps_and_harms_where_the_documentation_says(capsys, every_bank):
    study = runpy.run_path(str(SCRIPT))
    code = study["main"](["--seeds", "1", "--customers", "6000"] if every_bank else ["--quick"])
    out = capsys.readouterr().out
    assert code == 0, out
    assert out.count("holds: ") == 6
