"""The one way a file comes to be: written beside its final place, then renamed.

A reader, or a process killed half way, sees the old file or the new one and nothing between.
"""

import ctypes
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from churn.errors import OutputError

CHECKSUMS = "SHA256SUMS"


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
    """Give a temporary path beside `path`; when the block ends well, it becomes `path`.

    Raises
    ------
    OutputError
        The folder cannot be made or written, or the disk is full.
    """
    temporary = _beside(path)
    try:
        with _as_output_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _sync(temporary)
            temporary.replace(path)
    finally:
        with suppress(OSError):  # where nothing could be made, nothing is there to remove
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, mark: str, names: Collection[str]) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends well, it becomes `path`.

    An existing folder is replaced only when it is empty, or holds the file `mark` of an earlier output and nothing
    but entries of these `names` beside it: a folder of somebody's own is never deleted.

    Raises
    ------
    OutputError
        `path` is a file, a folder with other content, or cannot be written.
    """
    require_replaceable(path, mark=mark, names=names)
    path = path.absolute()  # "." cannot be renamed
    temporary = _beside(path)
    try:
        with _as_output_error(path):
            temporary.mkdir(parents=True)
            yield temporary
            for part in sorted(temporary.rglob("*")):
                if part.is_file():
                    _sync(part)
            _swap(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_replaceable(path: Path, *, mark: str, names: Collection[str]) -> None:
    """Refuse, before any work is done, a `path` that `new_folder` would refuse at its end."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise OutputError(f"{path}: not a folder; give the name of a new folder")
    there = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    others = [name for name in there if name != mark and name not in names]
    if there and (others or mark not in there):
        why = f"no {mark} in it" if mark not in there else f"{others[0]} among them"
        raise OutputError(f"{path}: holds other files ({why}); give a new folder, or empty this one yourself")


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


def require_writable_file(path: Path) -> None:
    """Refuse, before any work is done, a `path` that `new_file` would refuse at its end; leave nothing behind."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file")
    with _as_output_error(path):
        there = next(folder for folder in path.absolute().parents if folder.exists())
        probe = _beside(there / path.name)
        probe.touch()
        probe.unlink()


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


def _beside(path: Path) -> Path:
    path = path.absolute()  # "." has no name
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`, in one step where the system can: what was there ends under `new`'s name."""
    if not path.exists():
        new.rename(path)
    elif not _exchange(new, path):
        old = _beside(path)
        path.rename(old)
        new.rename(path)
        shutil.rmtree(old)


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
