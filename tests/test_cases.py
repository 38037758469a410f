"""Small inputs that once failed, each with a script that says what is right: those of a folder beside the project.

Each stands for a kind of fault that the tests of a module hold in their own words. Here the scripts themselves are run,
the quick ones always, all with `--every-bank`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from made_once import made_once

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
SCRIPTS = {str(script.parent.relative_to(CASES)): script for script in sorted(CASES.glob("*/*/run.sh"))}
QUICK = ("promises/01", "promises/03", "promises/14", "promises/25", "files/01")
"""A few seconds each."""
LONGEST_SECONDS = 900

pytestmark = pytest.mark.skipif(not SCRIPTS, reason="needs ../shared/cases: the scripts of inputs that failed")


def _run(arguments, folder, base):
    # What tests set for themselves, such as where runs are logged, would hold in the scripts too.
    own = ("PYTHONPATH", "CHURN_", "MLFLOW_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment["CHURN"] = str(Path(sys.executable).with_name("churn"))
    environment |= {"PY": sys.executable, "BASE": str(base / "base")}
    return subprocess.run(
        ["bash", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS
    )


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """Where the promises' scripts keep the bank and the model that they read."""
    library = CASES / "promises" / "lib.sh"
    return made_once(
        tmp_path_factory, "cases", lambda folder: _run(["-c", 'source "$1"', "-", str(library)], folder, folder)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_says_right(name, base, every_bank, tmp_path):
    if not every_bank and not name.startswith(QUICK):
        pytest.skip("a script of some time: --every-bank runs it")
    # Where a script asks whether `grep | cut` found anything, the pipe has to fail as grep does.
    options = ["-o", "pipefail"] if "13-tracking-password" in name else []
    run = _run([*options, str(SCRIPTS[name])], tmp_path, base)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
