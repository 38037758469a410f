import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from churn.errors import OutputError
from churn.scratch import remove_left, scratch_folder

HOLD = (
    "from churn.scratch import scratch_folder\n"
    "with scratch_folder() as folder:\n"
    "    (folder / 'tables.duckdb').write_text('customers')\n"
    "    print(folder, flush=True)\n"
    "    input()\n"
)


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(temporary):
    words = [sys.executable, "-c", HOLD]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_is_its_users_own_and_gone_at_the_end(temporary):
    with scratch_folder() as folder:
        (folder / "tables.duckdb").write_text("customers")
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o077 == 0

    assert list(temporary.iterdir()) == []


def test_an_error_leaves_nothing(temporary):
    with pytest.raises(KeyboardInterrupt), scratch_folder():
        raise KeyboardInterrupt

    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next(holder, temporary):
    process, folder = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / "tables.duckdb").exists()

    with scratch_folder():
        assert not folder.exists()

    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_living_process_stays(holder):
    _, folder = holder

    remove_left()

    assert (folder / "tables.duckdb").exists()


def test_what_only_looks_like_one_stays(temporary):
    own = temporary / "churn-notes"
    own.mkdir()
    other = temporary / "elsewhere"
    other.write_text("kept")
    (temporary / "churn-link.lock").symlink_to(other)

    remove_left()

    assert own.exists()
    assert other.read_text() == "kept"


def test_a_place_whose_name_is_not_utf8_is_refused(temporary, monkeypatch):
    place = temporary / os.fsdecode(b"\xd2\xf8\xd0\xd0")
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    with pytest.raises(OutputError, match="not UTF-8; set TMPDIR"), scratch_folder():
        pass
