"""Folders for temporary files, gone when they are not needed; the next command removes those of a killed one.

Beside each folder lies a lock file that its process holds: a lock that can be taken belongs to nobody alive.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from churn import files
from churn.errors import OutputError

_PREFIX, _LOCK = "churn-", ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder of its own, which only this user can read; it is gone when the block ends.

    Raises
    ------
    OutputError
        The path of the folder for temporary files is not UTF-8.
    """
    remove_left()
    place = Path(tempfile.gettempdir())
    if not files.is_utf8(place):
        raise OutputError(f"{place}: the folder for temporary files has a name that is not UTF-8; set TMPDIR")
    lock, held = _make_lock()
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():  # else the next command tries again
            lock.unlink(missing_ok=True)
        os.close(held)


@contextmanager
def temporary_files() -> Iterator[None]:
    """Keep what libraries write for a moment in such a folder: of a killed process the next command removes it.

    Without a place for temporary files only what needs one fails.
    """
    with ExitStack() as stack:
        with suppress(OSError, OutputError):
            folder = stack.enter_context(scratch_folder())
            stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = str(folder)
        yield


def remove_left() -> None:
    """Remove the folders of this user's processes that were killed."""
    with suppress(OSError):  # no folder for temporary files at all
        for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*{_LOCK}"):
            with suppress(OSError):  # somebody else's, gone meanwhile, or of a process that lives
                _remove_one(lock)


def _make_lock() -> tuple[Path, int]:
    """Make a lock file and hold it; another process may have taken it for a dead one's before it was held."""
    while True:
        held, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_LOCK)
        with suppress(OSError):  # a file system without locks, where nothing is taken for left
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(held).st_nlink:
            return Path(name), held
        os.close(held)


def _remove_one(lock: Path) -> None:
    taken = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if os.fstat(taken).st_uid == os.getuid():
            fcntl.flock(taken, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = lock.with_suffix("")
            if folder.exists():
                shutil.rmtree(folder)
            lock.unlink()
    finally:
        os.close(taken)
