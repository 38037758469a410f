"""Signals, streams that take nothing more, and texts that steer a terminal or a printer of tables."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from churn.cli import console
from churn.cli.main import cli
from churn.errors import DataError
from hostile_texts import HOSTILE

FULL = Path("/dev/full")
STOPPED = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.fixture
def command(monkeypatch):
    """Let every command do something else."""

    def set_work(work):
        monkeypatch.setattr(cli, "invoke", lambda _: work())

    return set_work


def raise_own(error: Exception, number: int) -> None:
    """Turn what a signal raises into an error of its own, as some libraries do."""
    with suppress(BaseException):
        os.kill(os.getpid(), number)
    raise error


@pytest.mark.parametrize(("number", "code"), STOPPED)
def test_a_signal_is_its_exit_code(run, command, number, code):
    command(lambda: os.kill(os.getpid(), number))

    result = run("check", "bank")

    assert result.code == code
    assert len(result.err.splitlines()) <= 1


@pytest.mark.parametrize(("number", "code"), STOPPED)
@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), DataError("x.csv: is damaged"), OSError(4, "x")])
def test_a_signal_that_a_library_turned_into_another_error_is_a_stop(run, command, number, code, error):
    command(lambda: raise_own(error, number))

    result = run("check", "bank")

    assert (result.code, len(result.err.splitlines())) == (code, 1)
    assert result.err.startswith("stopped;")


@pytest.mark.parametrize(("number", "code"), STOPPED)
def test_a_signal_in_the_callback_of_a_library_is_not_lost(run, command, number, code):
    def work():
        # what is raised in there, Python can raise nowhere
        ctypes.PYFUNCTYPE(None)(lambda: os.kill(os.getpid(), number))()
        time.sleep(30)

    command(work)
    begun = time.monotonic()

    result = run("check", "bank")

    assert (result.code, len(result.err.splitlines())) == (code, int(number == signal.SIGINT))
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(("number", "code"), STOPPED)
def test_a_signal_that_a_library_kept_to_itself_is_a_stop_at_the_end(run, command, number, code):
    def work():
        with suppress(BaseException):
            os.kill(os.getpid(), number)
        return 0

    command(work)

    assert run("check", "bank").code == code


def test_signals_do_what_they_did_when_a_command_is_over(run, command):
    before = [signal.getsignal(number) for number, _ in STOPPED]
    command(lambda: 0)

    assert run("check", "bank").code == 0
    assert [signal.getsignal(number) for number, _ in STOPPED] == before


@pytest.mark.parametrize("number", [number for number, _ in STOPPED])
def test_a_signal_after_the_end_of_a_command_changes_nothing(number):
    late = f"import atexit, os; atexit.register(os.kill, os.getpid(), {int(number)})"
    words = [sys.executable, "-c", f"{late}; from churn.cli.main import main; main()", "--version"]

    ended = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_killed_command_leaves_no_words(make_folder):
    with tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "churn", "check", str(make_folder())]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        others: list[str] = []
        while len(others) < 2 and process.poll() is None:
            others = children.read_text().split()
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert others
        while any(Path(f"/proc/{other}").exists() for other in others):
            time.sleep(0.01)
        errors.seek(0)
        assert errors.read() == b""


def test_what_a_library_writes_for_a_moment_is_gone_after_the_command(run, command, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command(lambda: Path(tempfile.mkstemp()[1]).write_text("C1") and 0)

    assert run("check", "bank").code == 0
    assert (list(tmp_path.iterdir()), tempfile.tempdir) == ([], str(tmp_path))


def test_a_mistake_of_ours_is_no_stop(command):
    command(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        cli.invoke(None)


@pytest.mark.skipif(not FULL.exists(), reason="no full device here")
@pytest.mark.parametrize(
    ("words", "stream", "code"),
    [
        (["features", "--catalogue"], "stdout", 2),
        (["features", "--catalogue", "--json"], "stdout", 2),
        (["features", "--catalogue"], "stderr", 0),
        (["check", "nowhere"], "stderr", 2),
    ],
)
def test_a_full_stream_is_never_the_answer_no(words, stream, code):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with FULL.open("w") as full:
        found = subprocess.run([sys.executable, "-m", "churn", *words], text=True, **{**streams, stream: full})

    assert found.returncode == code
    if stream == "stdout":
        assert len(found.stderr.splitlines()) == 1
        assert "(No space left on device); free some space" in found.stderr


def test_a_reader_that_has_seen_enough_is_no_answer():
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "churn", "features", "--catalogue"]
    found = subprocess.run(words, text=True, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("text", [*HOSTILE, "[/old]", "amount [/CNY]", "[bold]x", "\\[x]"])
def test_any_text_is_printed_as_it_is(capsys, text):
    console.print_table(text, [text], [[text]])
    console.note(text)
    console.echo(text)
    captured = capsys.readouterr()

    shown = captured.out + captured.err
    assert not any((ord(sign) < 32 and sign not in "\n\t") or 0x7F <= ord(sign) < 0xA0 for sign in shown)
    if text.startswith("["):
        assert shown.count(text) >= 4


def test_json_holds_every_text_and_steers_no_terminal(capsys):
    texts = [*HOSTILE, "\x9b2J", "\x1b[2J", os.fsdecode(b"\xff")]
    console.print_json(texts)
    shown = capsys.readouterr().out

    assert json.loads(shown) == texts
    assert not set("\x1b\x9b") & set(shown)


@pytest.mark.parametrize("words", [["check"], ["score", "bank", "--model", "m", "--as-of", "2025-01-01", "-o"]])
def test_a_path_that_is_not_utf8_is_refused(run, words):
    result = run(*words, os.fsdecode(b"s\xff"))

    assert result.code == 2
    assert "s\\xff: the name is not UTF-8; rename the file or folder" in result.err


def test_a_part_that_is_not_utf8_is_refused(run, bank, tmp_path):
    for path in bank.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "contacts.parquet").unlink()
    parts = tmp_path / "contacts"
    parts.mkdir()
    (parts / os.fsdecode(b"\xd2\xf8.parquet")).symlink_to(bank / "contacts.parquet")

    result = run("check", tmp_path)

    assert result.code == 2
    assert "contacts/\\xd2\\xf8.parquet: the name is not UTF-8" in result.err
