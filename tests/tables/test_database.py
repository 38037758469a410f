import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from churn.errors import DataError
from churn.tables import database
from churn.tables.database import run_apart


def about() -> str:
    return "here.csv"


def add(a: int, b: int) -> int:
    return a + b


def refuse() -> None:
    raise DataError("there.csv: is empty")


def crash() -> None:
    os.abort()


def fill() -> None:
    raise MemoryError


def test_a_value_comes_back():
    assert run_apart(about, 0, add, 2, b=3) == 5


def test_an_error_comes_back_as_it_was_raised():
    with pytest.raises(DataError, match=r"^there\.csv: is empty$"):
        run_apart(about, 0, refuse)


def test_a_crash_is_one_error_and_the_next_call_works():
    with pytest.raises(DataError, match=r"^here\.csv: a file there crashes the reader"):
        run_apart(about, 0, crash)
    assert run_apart(about, 0, add, 1, 1) == 2


def test_too_little_memory_is_one_error():
    with pytest.raises(DataError, match=r"^here\.csv: is too large for the memory"):
        run_apart(about, 0, fill)


def test_what_does_not_end_is_stopped_and_the_next_call_works(monkeypatch):
    monkeypatch.setattr(database, "LEAST_SECONDS", 0.5)
    with pytest.raises(DataError, match=r"^here\.csv: was not read within"):
        run_apart(about, 0, time.sleep, 600)
    monkeypatch.setattr(database, "LEAST_SECONDS", 60)
    assert run_apart(about, 0, add, 1, 1) == 2


def test_a_reader_ends_with_its_command(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_database import tell_and_sleep\n"
        "from churn.tables.database import run_apart\n"
        "run_apart(str, 0, tell_and_sleep, sys.argv[2])\n"
    )
    told = tmp_path / "reader"
    command = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(told)])
    while not told.exists() or not told.read_text():
        assert command.poll() is None
        time.sleep(0.01)
    reader = Path("/proc") / told.read_text()
    assert reader.exists()
    command.kill()
    command.wait()

    until = time.monotonic() + 5
    while reader.exists() and "\nState:\tZ" not in (reader / "status").read_text() and time.monotonic() < until:
        time.sleep(0.01)
    assert time.monotonic() < until


def tell_and_sleep(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


BLOCKED = """\
import signal
from churn.tables.database import run_apart
if __name__ == "__main__":
    print(*sorted(run_apart(lambda: "x", 1, signal.pthread_sigmask, signal.SIG_BLOCK, [])))
"""


def test_the_first_reader_of_a_command_hears_no_ctrl_c(tmp_path):
    """Its parent ends it; a reader that is interrupted while it starts would print a traceback."""
    script = tmp_path / "read.py"
    script.write_text(BLOCKED)
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1", "2"]
