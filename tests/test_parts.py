import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from churn import files
from churn.files import finish_files, new_file, new_files, new_folder, require_writable_file, write_text
from churn.parts import part_folder, remove_left

HOLD = """\
import sys
from pathlib import Path
from churn.parts import part_folder
with part_folder(Path(sys.argv[1])) as part:
    (part / "half").write_text("customers")
    (part / "folder").mkdir()
    print(part, flush=True)
    input()
"""


@pytest.fixture
def holder(tmp_path):
    words = [sys.executable, "-c", HOLD, str(tmp_path / "s.csv")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def killed(folder, name, pid=1):
    """What a process left that was killed while it wrote."""
    part = folder / f".{name}.{pid}-0000000a.part"
    part.mkdir()
    (part / ".churn-lock").touch()
    (part / name).write_text("half")
    return part


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_part_is_its_users_own_and_gone_at_the_end(tmp_path):
    with part_folder(tmp_path / "new" / "s.csv") as part:
        (part / "folder").mkdir()
        (part / "folder" / "half").write_text("customers")
        assert part.parent == tmp_path / "new"
        assert part.stat().st_mode & 0o077 == 0
    assert names(tmp_path / "new") == []


def test_the_part_of_a_killed_process_is_removed_by_the_next(holder, tmp_path):
    process, part = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert names(part) == [".churn-lock", "folder", "half"]

    write_text(tmp_path / "other.csv", "new")

    assert names(tmp_path) == ["other.csv"]


def test_the_part_of_a_living_process_stays(holder, tmp_path):
    _, part = holder

    remove_left(tmp_path)

    assert names(part) == [".churn-lock", "folder", "half"]


def write_file(path):
    with new_file(path) as temporary:
        temporary.write_text("new")


def write_files(path):
    with new_files([path]) as (temporary,):
        temporary.write_text("new")


def write_folder(path):
    with new_folder(path, mark="a", names=()) as temporary:
        (temporary / "a").write_text("new")


@pytest.mark.parametrize("write", [write_file, write_files, write_folder, require_writable_file])
def test_whatever_writes_removes_what_is_left_of_any_output(tmp_path, write):
    for name in ("s.csv", "a\nb", "other"):
        killed(tmp_path, name)
    (tmp_path / ".empty.1-0000000b.part").mkdir()

    write(tmp_path / "s.csv")

    assert set(names(tmp_path)) <= {"s.csv"}


@pytest.mark.parametrize("name", [".part", "s.part", ".s.1-0000000a", ".s.1-xyz.part", ".s.csv.1-0000000a.part.bak"])
def test_what_only_looks_like_a_part_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / ".file.1-0000000a.part").write_text("mine")
    (tmp_path / ".link.1-0000000a.part").symlink_to(tmp_path / name)

    remove_left(tmp_path)

    assert len(names(tmp_path)) == 3


def test_what_a_journal_names_is_kept_until_it_is_in_its_place(tmp_path):
    part = killed(tmp_path, "s.csv")
    (tmp_path / ".s.csv.journal").write_text(json.dumps({"from": part.name, "files": ["s.csv"]}))

    write_text(tmp_path / "other.csv", "new")
    assert names(part) == [".churn-lock", "s.csv"]
    finish_files(tmp_path / "s.csv")

    assert names(tmp_path) == ["other.csv", "s.csv"]
    assert (tmp_path / "s.csv").read_text() == "half"


def test_a_file_is_newer_than_a_change_that_was_stopped_before_it(tmp_path):
    part = killed(tmp_path, "s.csv")
    (tmp_path / ".s.csv.journal").write_text(json.dumps({"from": part.name, "files": ["s.csv"]}))

    write_text(tmp_path / "s.csv", "newer")
    finish_files(tmp_path / "s.csv")

    assert (tmp_path / "s.csv").read_text() == "newer"


class KilledError(BaseException):
    """Ends a process half way."""


@pytest.mark.parametrize("n_renames", [0, 1, 2])
def test_a_folder_is_replaced_where_the_system_cannot_exchange(tmp_path, monkeypatch, n_renames):
    path = tmp_path / "model"
    path.mkdir()
    (path / "a").write_text("old")
    done = []

    def stopped(real):
        def rename(self, target):
            if self.name == "model":
                if len(done) == n_renames:
                    raise KilledError
                done.append(target)
            return real(self, target)

        return rename

    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    with monkeypatch.context() as patch:
        for name in ("rename", "replace"):
            patch.setattr(type(path), name, stopped(getattr(type(path), name)))
        try:
            write_folder(path)
        except KilledError:
            assert len(done) == n_renames < 2

    finish_files(path)

    assert names(tmp_path) == ["model"]
    assert (path / "a").read_text() == "new"
