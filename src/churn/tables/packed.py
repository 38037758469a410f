"""Packed files: what their first bytes say they are, and what is in them."""

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from churn import files
from churn.errors import DataError

ENDINGS = (".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip")
ZIP = b"PK\x03\x04"
_CHUNK = 1 << 20
# Of text a packer makes a tenth to a fiftieth. What grows beyond this is no table; and half of the disk stays free.
_MOST_TIMES, _ALWAYS = 250, 1 << 30
_BZIP2 = tuple(b"BZh%d1AY&SY" % level for level in range(1, 10))
_OPENERS: Mapping[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": lambda path: pa.input_stream(str(path), compression="zstd"),
    **dict.fromkeys(_BZIP2, bz2.open),
}
_BROKEN = (EOFError, OSError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def is_packed(path: Path) -> bool:
    """Whether a file's first bytes are those of a packed one."""
    return files.begins_with(path, ZIP, *_OPENERS)


def is_workbook(path: Path) -> bool:
    """Whether a file is an Excel workbook by its first bytes, which are those of a ZIP archive; or a broken one."""
    if not files.begins_with(path, ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except zipfile.BadZipFile:
        return path.suffix.lower() != ".zip"


def unpack(path: Path, copy: Path) -> Path:
    """Unpack a file into `copy` and return that; a file that is not packed is returned itself.

    Raises
    ------
    DataError
        It is damaged or cut short, holds no file or several, or takes too much space.
    """
    if not is_packed(path):
        return path
    limit = min(shutil.disk_usage(copy.parent).free // 2, max(_ALWAYS, _MOST_TIMES * path.stat().st_size))
    n_bytes = 0
    with copy.open("wb") as writer, _opened(path) as stream:
        for chunk in _chunks(path, stream):
            n_bytes += len(chunk)
            if n_bytes > limit:
                raise DataError(f"{path}: takes over {limit:,} bytes when unpacked; unpack it yourself, or free space")
            writer.write(chunk)
    if files.begins_with(copy, *_OPENERS):
        raise DataError(f"{path}: is packed twice; unpack it first")
    if files.begins_with(copy, ZIP, b"PAR1"):
        raise DataError(f"{path}: holds a packed file that is not a CSV file; unpack it first")
    return copy


def _chunks(path: Path, stream: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := stream.read(_CHUNK):
            yield chunk
    except _BROKEN as error:
        raise DataError(f"{path}: is packed, and damaged or cut short; export it again") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if files.begins_with(path, ZIP):
        with _as_data_error(path), zipfile.ZipFile(path) as archive:
            yield archive.open(_only_file(path, archive))
        return
    with path.open("rb") as stream:
        start = stream.read(16)
    opener = next(opener for mark, opener in _OPENERS.items() if start.startswith(mark))
    with opener(path) as unpacked:
        yield unpacked


@contextmanager
def _as_data_error(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except RuntimeError as error:
        raise DataError(f"{path}: is a ZIP archive with a password; unpack it first") from error
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path}: is not a whole ZIP archive; pack it again, or give the file itself") from error


def _only_file(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    # macOS adds a folder with what it knows of each file.
    held = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(held) != 1:
        raise DataError(f"{path}: is a ZIP archive of {len(held)} files; unpack it, and give the file of the table")
    return held[0]
