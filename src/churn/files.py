"""The one way a file comes to be: written in a folder beside its final place (`churn.parts`), then renamed.

A reader, or a process killed half way, sees the old file or the new one and nothing between. Files that belong together
change at one moment: the one at which a journal appears beside them that names them all. Whoever comes next finishes
what it says. Changes of a folder's entries by two processes at a time come one after the other.
"""

import ctypes
import fcntl
import fnmatch
import hashlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from churn.errors import OutputError
from churn.parts import PART, is_part, journal_path, part_folder, read_journal, remove_left

CHECKSUMS = "SHA256SUMS"
LOCK_SECONDS = 60
"""How long to wait for another process that changes the same folder; it holds it for moments."""
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_written: list[Path] = []


def written() -> tuple[Path, ...]:
    """Return the files and folders that this process has put in their places, in that order."""
    return tuple(_written)


def begins_with(path: Path, *marks: bytes) -> bool:
    """Whether a file begins with one of some bytes."""
    with path.open("rb") as stream:
        return stream.read(max(map(len, marks))).startswith(marks)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 lower-case hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a temporary path; when the block ends well, it becomes `path`.

    Raises
    ------
    OutputError
        The folder cannot be made or written, or the disk is full.
    """
    finish_files(path)
    with _as_output_error(path), part_folder(path) as part:
        temporary = part / path.name
        yield temporary
        _sync(temporary)
        with _uninterrupted():
            temporary.replace(path)
            _note(path)


@contextmanager
def new_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Give temporary paths for `paths`, which lie in one folder; when the block ends well, all change at one moment.

    A process that is killed just after that moment may leave some of them in their old places: `finish_files` of the
    first of them puts the rest where they belong.

    Raises
    ------
    OutputError
        As for `new_file`; then none of them changes.
    """
    finish_files(paths[0])
    with _as_output_error(paths[0]), part_folder(paths[0]) as part:
        temporaries = [part / path.name for path in paths]
        yield temporaries
        for temporary in temporaries:
            _sync(temporary)
        with _uninterrupted(), locked(part.parent):
            _finish(journal_path(paths[0]))
            _begin(part, paths)
            _finish(journal_path(paths[0]))
            _note(paths[0])


def finish_files(path: Path) -> None:
    """Finish a change of files that was stopped after its moment; `path` is the first of them.

    Raises
    ------
    OutputError
        It cannot be finished: the folder cannot be written, or the journal is damaged.
    """
    journal = journal_path(path)
    if journal.exists():
        with _as_output_error(path), _uninterrupted(), locked(journal.parent):
            _finish(journal)
            remove_left(journal.parent)


@contextmanager
def new_folder(
    path: Path, *, mark: str, names: Collection[str], is_ours: Callable[[str], bool] | None = None
) -> Iterator[Path]:
    """Give a temporary folder; when the block ends well, it becomes `path`.

    An existing folder is replaced only when it is empty, or is an earlier output: a file of somebody's own is never
    deleted.

    Parameters
    ----------
    mark
        A file that every such output holds.
    names
        All else that may be in it: paths below the folder, in which `*` stands for anything; that of a folder stands
        for whatever is in it.
    is_ours
        Whether the text of the mark is that of such an output; by default it always is.

    Raises
    ------
    OutputError
        `path` is a file, a folder with other content, or cannot be written.
    """
    require_replaceable(path, mark=mark, names=names, is_ours=is_ours)
    given, path = path, path.absolute()  # "." cannot be renamed
    finish_files(path)
    with _as_output_error(path), part_folder(path) as part:
        temporary = part / path.name
        temporary.mkdir()
        yield temporary
        for one in sorted(temporary.rglob("*")):
            if one.is_file():
                _sync(one)
        with _uninterrupted(), locked(path.parent):
            # Once more: what was put there meanwhile is somebody's own too.
            require_replaceable(path, mark=mark, names=names, is_ours=is_ours)
            _swap(temporary, path)
            _note(given)


def require_replaceable(
    path: Path, *, mark: str, names: Collection[str], is_ours: Callable[[str], bool] | None = None
) -> None:
    """Refuse, before any work is done, a `path` that `new_folder` would refuse at its end."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise OutputError(f"{path}: not a folder; give the name of a new folder")
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not (path / mark).is_file():
        why = f"no {mark} in it"
    elif is_ours is not None and not is_ours((path / mark).read_text(encoding="utf-8", errors="replace")):
        why = f"its {mark} is not of an earlier output"
    elif others := [name for name in _entries(path) if name != mark and not _is_among(name, names)]:
        why = f"{others[0]} among them"
    else:
        return
    raise OutputError(f"{path}: holds other files ({why}); give a new folder, or empty this one yourself")


def _entries(folder: Path) -> list[str]:
    """List what lies below a folder, files and empty folders, by path from there."""
    found = []
    for where, folders, names in os.walk(folder):
        here = Path(where).relative_to(folder)
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        found += [(here / name).as_posix() for name in (*names, *links)]
        if not folders and not names and here.parts:
            found.append(here.as_posix())
    return sorted(found)


def _is_among(name: str, names: Collection[str]) -> bool:
    return any(name == one or name.startswith(f"{one}/") or fnmatch.fnmatchcase(name, one) for one in names)


def require_apart(outputs: Collection[Path], inputs: Collection[Path]) -> None:
    """Refuse an output that is one of the inputs, or lies in a folder that is one.

    Raises
    ------
    OutputError
        With the output and the input it would harm.
    """
    for output in outputs:
        where = output.resolve()
        for taken in (path.resolve() for path in inputs):
            if where == taken or (taken.is_dir() and taken in where.parents):
                raise OutputError(f"{output}: would write over the input {taken.name}; give another place")


def is_utf8(path: Path) -> bool:
    r"""Whether a path is the same bytes for every library: some take its name as UTF-8, others as the machine has it.

    Examples
    --------
    >>> is_utf8(Path("bank")), is_utf8(Path("\udcd2\udcf8"))
    (True, False)
    """
    try:
        return str(path).encode() == os.fsencode(path)
    except UnicodeEncodeError:
        return False


def require_writable_file(path: Path) -> None:
    """Refuse, before any work is done, a `path` that `new_file` would refuse at its end; leave nothing behind."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file")
    with _as_output_error(path):
        there = next(folder for folder in path.absolute().parents if folder.exists())
        with part_folder(there / path.name):
            pass


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON that a person can read, keys in the order given, whole or not at all."""
    write_text(path, render_json(value))


def render_json(value: Any) -> str:
    """Render JSON with two blanks of indent; NaN and infinity are refused, as JSON has neither."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _begin(part: Path, paths: Sequence[Path]) -> None:
    """Write the journal that says what is in `part` belongs in the places of `paths`: from here on, it does."""
    journal = journal_path(paths[0])
    draft = part / journal.name
    text = render_json({"from": part.name, "files": [path.name for path in paths]})
    draft.write_text(text, encoding="utf-8", errors="surrogateescape")
    _sync(draft)
    draft.replace(journal)


def _finish(journal: Path) -> None:
    """Rename what a journal names, if there is one; whoever calls it has the lock of the folder."""
    try:
        found = read_journal(journal)
    except ValueError as error:
        raise OutputError(f"{journal}: is damaged; remove it, and write the output again") from error
    if found is None:
        return
    for new, path in ((found.part / name, journal.with_name(name)) for name in found.names):
        if new.exists():  # else it is in its place already
            if path.is_dir() and not path.is_symlink():  # which nothing can replace in one step
                path.rename(new.with_name(f"{new.name}{PART}"))
            new.replace(path)
    journal.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from changing entries of a folder; those who only read need no lock.

    The lock is the folder's own, so that it leaves no file behind, and ends with the process.

    Raises
    ------
    OutputError
        Another process has held it for `LOCK_SECONDS`.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # what cannot be opened says so where it is written
        yield
        return
    try:
        _acquire(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, folder: Path) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise OutputError(
                    f"{folder}: another command has been writing there for {LOCK_SECONDS} seconds; try again later"
                ) from error
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return
        else:
            return


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a signal that ends the process wait until the block has ended; only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = {one: signal.signal(one, lambda number, _: caught.append(number)) for one in _STOPS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)
        for number in caught[:1]:
            signal.raise_signal(number)


def _note(path: Path) -> None:
    """Remember what was written, but for what is part of something that is still to appear, or soon gone."""
    above = path.absolute().parents
    passing = any(map(is_part, above))
    temporary = Path(tempfile.gettempdir())
    passing = passing or any(one.parent == temporary and one.name.startswith("churn-") for one in above)
    if not passing:
        _written.append(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(new: Path, path: Path) -> None:
    """Put a folder in the place of `path`, in one step where the system can; what was there ends beside `new`."""
    if not path.exists():
        new.rename(path)
    elif not _exchange(new, path):
        _begin(new.parent, [path])
        _finish(journal_path(path))


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two entries of a Linux file system in one step; say whether that was possible."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


@contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{path}: cannot be written ({reason}); give another place or free some space") from error
