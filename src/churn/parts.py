"""Folders beside an output, in which it comes to be; the next command that writes there removes those of a killed one.

In each lies a lock file that its process holds: a lock that can be taken belongs to nobody alive. What a journal names
is kept, for it is already an output (`churn.files`).
"""

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

PART = ".part"
_LOCK = ".churn-lock"
_NAME = re.compile(rf"\.(.+)\.[0-9]+-[0-9a-f]{{8}}{re.escape(PART)}", re.DOTALL)


class Journal(NamedTuple):
    """A change that has begun: the folder that holds the new files, and the names that they are to have beside it."""

    part: Path
    names: tuple[str, ...]


@contextmanager
def part_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside `path`, which only this user can read; it is gone when the block ends.

    Raises
    ------
    OSError
        It cannot be made.
    """
    path = path.absolute()  # "." has no name
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left(path.parent)
    part, held = _make(path)
    try:
        yield part
    finally:
        with suppress(OSError):  # else the next command tries again
            if not _is_begun(part):
                _remove(part)
        os.close(held)


def remove_left(folder: Path) -> None:
    """Remove from a folder what processes left there that were killed while they wrote."""
    with suppress(OSError):  # a folder that cannot be listed
        for entry in list(os.scandir(folder)):
            if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):  # somebody else's, gone meanwhile, or of a process that lives
                    _remove_one(Path(entry.path))


def is_part(path: Path) -> bool:
    """Whether a path is that of such a folder."""
    return bool(_NAME.fullmatch(path.name))


def journal_path(path: Path) -> Path:
    """Return where the journal of a change of `path` lies, or of several files of which it is the first."""
    path = path.absolute()
    return path.with_name(f".{path.name}.journal")


def read_journal(journal: Path) -> Journal | None:
    """Read a journal; None where there is none.

    Raises
    ------
    ValueError
        It is damaged.
    """
    try:
        found = json.loads(journal.read_text(encoding="utf-8", errors="surrogateescape"))
        part, *names = (_entry(name) for name in (found["from"], *found["files"]))
    except FileNotFoundError:
        return None
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("not a journal") from error
    return Journal(journal.with_name(part), tuple(names))


def _entry(name: str) -> str:
    if not name or name in (".", "..") or "/" in name:
        raise ValueError("not an entry of the journal's folder")
    return name


def _make(path: Path) -> tuple[Path, int]:
    """Make a folder and hold its lock; another process may have taken it for a dead one's before it was held."""
    while True:
        part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{PART}")
        part.mkdir(mode=0o700)
        with suppress(FileNotFoundError):
            held = os.open(part / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            with suppress(OSError):  # a file system without locks, where nothing is taken for left
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(held).st_nlink:
                return part, held
            os.close(held)


def _remove_one(part: Path) -> None:
    try:
        taken = os.open(part / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        part.rmdir()  # killed before it was held; of one that lives, its process makes another
        return
    try:
        fcntl.flock(taken, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_begun(part):
            _remove(part)
    finally:
        os.close(taken)


def _is_begun(part: Path) -> bool:
    """Whether a journal says that what is in a folder belongs beside it."""
    found = _NAME.fullmatch(part.name)
    with suppress(ValueError):
        journal = read_journal(journal_path(part.with_name(found[1]))) if found else None
        return journal is not None and journal.part == part
    return False


def _remove(part: Path) -> None:
    """Remove a folder, its lock last: without one, what is left of it would belong to nobody."""
    for entry in part.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _LOCK:
            entry.unlink()
    (part / _LOCK).unlink()
    part.rmdir()
