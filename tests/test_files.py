import hashlib
import json
import math
import os
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from churn import files
from churn.errors import OutputError
from churn.files import (
    finish_files,
    hash_file,
    locked,
    new_file,
    new_files,
    new_folder,
    render_json,
    require_replaceable,
    require_writable_file,
    write_json,
    write_text,
    written,
)


class StoppedError(Exception):
    """What ends a block half way."""


MODEL = {"mark": "SHA256SUMS", "names": ("a", "b", "sub", "new", "old", "half", "trees.txt")}


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def write_and(stop, new, inside):
    with new as temporary:
        inside(temporary).write_text("half")
        raise stop


def test_hash_is_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc\x00\r\n")
    assert hash_file(path) == hashlib.sha256(b"abc\x00\r\n").hexdigest()


def test_new_file_appears_whole_at_the_end_of_its_block(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    with new_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert everything(path.parent) == ["a.txt"]


@pytest.mark.parametrize("stop", [StoppedError, KeyboardInterrupt])
def test_block_that_fails_leaves_the_old_file_and_no_temporary(tmp_path, stop):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(stop):
        write_and(stop, new_file(path), lambda temporary: temporary)
    assert path.read_text() == "old"
    assert everything(tmp_path) == ["a.txt"]


def test_block_that_writes_nothing_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"), new_file(tmp_path / "a.txt"):
        pass
    assert everything(tmp_path) == []


def test_full_disk_is_an_output_error_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OutputError, match="No space left"), new_file(path):
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"


def test_file_below_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"), new_file(tmp_path / "a" / "b"):
        pass
    with pytest.raises(OutputError, match="cannot be written"):
        require_writable_file(tmp_path / "a" / "b")


def test_file_in_the_place_of_a_folder_is_refused(tmp_path):
    with pytest.raises(OutputError, match="is a folder"):
        require_writable_file(tmp_path)
    (tmp_path / "x").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "x", "new")
    assert everything(tmp_path) == ["x"]


def test_check_of_a_file_leaves_nothing_and_keeps_what_is_there(tmp_path):
    path = tmp_path / "new" / "a.txt"
    require_writable_file(path)
    assert everything(tmp_path) == []
    path.parent.mkdir()
    path.write_text("old")
    require_writable_file(path)
    assert path.read_text() == "old"


def test_new_folder_appears_whole_at_the_end_of_its_block(tmp_path):
    path = tmp_path / "deep" / "model"
    with new_folder(path, **MODEL) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "a").write_text("1")
        assert not path.exists()
    assert everything(tmp_path / "deep") == ["model", "model/sub", "model/sub/a"]


def test_folder_of_an_earlier_output_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "SHA256SUMS").write_text("")
    (path / "old").write_text("")
    with new_folder(path, **MODEL) as temporary:
        (temporary / "new").write_text("")
    assert everything(tmp_path) == ["model", "model/new"]


def test_failing_block_leaves_the_old_folder_and_no_temporary(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "SHA256SUMS").write_text("old")
    with pytest.raises(StoppedError):
        write_and(StoppedError, new_folder(path, **MODEL), lambda temporary: temporary / "half")
    assert everything(tmp_path) == ["model", "model/SHA256SUMS"]


def test_foreign_folder_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    (path / "a.jpg").write_text("dear")
    with pytest.raises(OutputError, match="holds other files"), new_folder(path, **MODEL):
        pytest.fail("the block must not be entered")
    with pytest.raises(OutputError, match="holds other files"):
        require_replaceable(path, **MODEL)
    assert everything(tmp_path) == ["photos", "photos/a.jpg"]


def test_mark_of_an_earlier_output_may_be_another_file(tmp_path):
    path = tmp_path / "plan"
    path.mkdir()
    (path / "plan.csv").write_text("old")
    with pytest.raises(OutputError):
        require_replaceable(path, **MODEL)
    with new_folder(path, mark="plan.csv", names=("lists",)) as temporary:
        (temporary / "plan.csv").write_text("new")
    assert (path / "plan.csv").read_text() == "new"


def test_empty_folder_is_replaced(tmp_path):
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model", **MODEL) as temporary:
        (temporary / "a").write_text("")
    assert everything(tmp_path / "model") == ["a"]


def test_file_and_link_in_the_place_of_a_folder_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        with pytest.raises(OutputError, match="not a folder"):
            require_replaceable(tmp_path / name, **MODEL)


def test_empty_folder_may_be_named_by_a_dot(tmp_path, monkeypatch):
    inside = tmp_path / "here"
    inside.mkdir()
    monkeypatch.chdir(inside)
    with new_folder(Path(), **MODEL) as temporary:
        (temporary / "a").write_text("")
    assert everything(tmp_path) == ["here", "here/a"]


def test_text_has_unix_line_ends_and_is_utf_8(tmp_path):
    write_text(tmp_path / "a", "城\nb\n")
    assert (tmp_path / "a").read_bytes() == "城\nb\n".encode()


def test_json_keeps_order_and_chinese(tmp_path):
    write_json(tmp_path / "a", {"b": "城", "a": [1, None]})
    text = (tmp_path / "a").read_text(encoding="utf-8")
    assert text.index('"b": "城"') < text.index('"a"')
    assert json.loads(text) == {"b": "城", "a": [1, None]}
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_cannot_say_is_refused_and_nothing_is_written(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        render_json({"a": value})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a", {"a": value})
    assert everything(tmp_path) == []


PART = ".s.parquet.1-0000000a.part"


def begun_change(folder, names=("s.parquet", "s.quarantine.csv", "s.manifest.json"), renamed=0):
    """Old files, and a change of them whose process was killed after its moment, `renamed` of them in place."""
    (folder / PART).mkdir()
    for name in names:
        (folder / name).write_text("old")
        (folder / PART / name).write_text("new")
    (folder / ".s.parquet.journal").write_text(json.dumps({"from": PART, "files": names}))
    for name in names[:renamed]:
        (folder / PART / name).replace(folder / name)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_that_belong_together_change_together(tmp_path):
    one, other = tmp_path / "deep" / "a", tmp_path / "deep" / "b"
    with new_files([one, other]) as temporaries:
        for temporary in temporaries:
            temporary.write_text("new")
        assert not one.exists()
        assert not other.exists()
    assert contents(tmp_path / "deep") == {"a": "new", "b": "new"}


@pytest.mark.parametrize("stop", [StoppedError, KeyboardInterrupt])
def test_block_of_several_files_that_fails_changes_none_of_them(tmp_path, stop):
    (tmp_path / "a").write_text("old")
    with pytest.raises(stop):
        write_and(stop, new_files([tmp_path / "a", tmp_path / "b"]), lambda temporaries: temporaries[0])
    assert contents(tmp_path) == {"a": "old"}


@pytest.mark.parametrize("renamed", [0, 1, 2, 3])
def test_change_that_was_killed_after_its_moment_is_finished_by_whoever_comes_next(tmp_path, renamed):
    begun_change(tmp_path, renamed=renamed)
    finish_files(tmp_path / "s.parquet")
    assert contents(tmp_path) == dict.fromkeys(("s.parquet", "s.quarantine.csv", "s.manifest.json"), "new")


def test_change_that_was_killed_is_finished_before_the_next_one(tmp_path):
    begun_change(tmp_path, renamed=1)
    with new_files([tmp_path / "s.parquet"]) as (temporary,):
        temporary.write_text("newer")
    assert contents(tmp_path) == {"s.parquet": "newer", "s.quarantine.csv": "new", "s.manifest.json": "new"}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"from": "../x", "files": ["a"]}', '{"from": ".a.part", "files": ["b/c"]}', "{", "[" * 99999]
)
def test_damaged_journal_is_refused_and_renames_nothing(tmp_path, text):
    (tmp_path / ".a.journal").write_text(text)
    with pytest.raises(OutputError, match="is damaged"):
        finish_files(tmp_path / "a")
    assert everything(tmp_path) == [".a.journal"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_files_take_their_places_waits_until_they_have(tmp_path, number, monkeypatch):
    path, found = tmp_path / "a", []
    before = signal.signal(number, lambda *_: found.append(path.read_text()))
    real = files.locked

    @contextmanager
    def stopped(folder):
        with real(folder):
            os.kill(os.getpid(), number)
            yield

    monkeypatch.setattr(files, "locked", stopped)
    try:
        with new_files([path]) as (temporary,):
            temporary.write_text("new")
    finally:
        signal.signal(number, before)
    assert found == ["new"]


def test_folder_that_another_process_changes_is_waited_for(tmp_path):
    order = []

    def hold():
        with locked(tmp_path):
            order.append("other")
            entered.set()
            time.sleep(0.3)
            order.append("other ends")

    entered = threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    entered.wait()
    with locked(tmp_path):
        order.append("this")
    other.join()
    assert order == ["other", "other ends", "this"]


def test_folder_that_another_process_holds_too_long_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.1)
    with locked(tmp_path), pytest.raises(OutputError, match="another command has been writing there"), locked(tmp_path):
        pass


def test_what_was_written_is_known_but_for_what_is_part_of_it(tmp_path):
    already = written()
    with new_folder(tmp_path / "a", **MODEL) as temporary:
        write_text(temporary / "b", "x")
    write_text(tmp_path / "c", "x")
    with pytest.raises(StoppedError):
        write_and(StoppedError, new_file(tmp_path / "d"), lambda one: one)
    assert written()[len(already) :] == (tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize(
    ("mine", "named"), [("lists/notes.txt", "lists/notes.txt"), ("lists/old/a.csv", "lists/old/a.csv"), ("x", "x")]
)
def test_file_of_somebodys_own_below_an_earlier_output_is_kept(tmp_path, mine, named):
    path = tmp_path / "plan"
    with new_folder(path, mark="plan.json", names=("lists/*.csv",)) as new:
        (new / "lists").mkdir()
        for name in ("plan.json", "lists/a.csv"):
            (new / name).write_text("old")
    (path / mine).parent.mkdir(exist_ok=True)
    (path / mine).write_text("mine")
    with pytest.raises(OutputError, match=named), new_folder(path, mark="plan.json", names=("lists/a.csv",)):
        pytest.fail("the block must not be entered")
    assert (path / mine).read_text() == "mine"


def test_file_put_into_an_earlier_output_meanwhile_is_kept(tmp_path):
    path = tmp_path / "plan"
    path.mkdir()
    (path / "plan.json").write_text("old")

    def write_meanwhile():
        with new_folder(path, mark="plan.json", names=()) as new:
            (new / "plan.json").write_text("new")
            (path / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match=r"mine\.txt among them"):
        write_meanwhile()
    assert contents(path) == {"plan.json": "old", "mine.txt": "mine"}


def test_folder_whose_mark_is_somebodys_own_is_kept(tmp_path):
    (tmp_path / "index.html").write_text("my page")
    with pytest.raises(OutputError, match=r"its index\.html is not of an earlier output"):
        require_replaceable(tmp_path, mark="index.html", names=(), is_ours=lambda text: "churn" in text)
