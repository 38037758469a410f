"""A full disk, a folder that cannot be written, too little memory: one clear error, the earlier output intact."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from churn.files import hash_file

AS_OF = "2025-01-01"
MEGABYTE = 1 << 20


@pytest.fixture
def scored(scores, tmp_path) -> Path:
    """Scores that were written before, in a folder of their own."""
    shutil.copytree(scores().parent, tmp_path / "out")
    return tmp_path / "out" / "scores.parquet"


def churn_within(limit: int, size: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process that may use no more than `size` bytes of a resource."""
    return subprocess.run(
        [sys.executable, "-m", "churn", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (size, size)),
    )


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hash_file(path) for path in sorted(folder.iterdir())}


def assert_one_error(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "free some" in errors[0] or "crashes the reader" in errors[0]


def test_no_room_for_temporary_files_leaves_earlier_scores_intact(bank, model, scored):
    before = contents(scored.parent)
    arguments = ("score", bank, "--model", model, "--as-of", AS_OF, "-o", scored)
    assert_one_error(churn_within(resource.RLIMIT_FSIZE, 20_000, *arguments))
    assert contents(scored.parent) == before


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_no_room_for_the_scores_leaves_earlier_ones_intact(bank, model, scored, name):
    # No file may grow: /dev/shm or another disk would do the same to the output alone.
    out = scored.with_name(name)
    if out != scored:
        shutil.copy(scored, out)
    before = contents(out.parent)
    arguments = ("score", bank, "--model", model, "--as-of", AS_OF, "-o", out)
    assert_one_error(churn_within(resource.RLIMIT_FSIZE, 1, *arguments))
    assert contents(out.parent) == before


def test_too_little_memory_leaves_earlier_scores_intact(bank, model, scored):
    """One error wherever Python hears of it; where a thread's own storage fails, the C library ends the process.

    Which of the two a limit meets differs from run to run by a few megabytes, so three are tried.
    """
    before = contents(scored.parent)
    arguments = ("score", bank, "--model", model, "--as-of", AS_OF, "-o", scored, "--threads", 1)
    clean = 0
    for size in (860, 880, 920):
        result = churn_within(resource.RLIMIT_AS, size * MEGABYTE, *arguments)
        if "thread-local data" not in result.stderr:  # the C library's last words
            assert_one_error(result)
            clean += 1
        assert contents(scored.parent) == before
    assert clean > 0


@pytest.mark.parametrize("place", ["/proc/nowhere/s.parquet", "file/s.parquet"])
def test_a_place_that_cannot_be_written_is_refused_before_any_work(run, bank, model, tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    result = run("score", bank, "--model", model, "--as-of", AS_OF, "-o", tmp_path / place)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
    assert "cannot be written" in result.err
