"""The files of one scoring: scores, manifest and quarantine, what they are called, and what shows that they are whole.

Scores carry the id of their model and a checksum of themselves: a Parquet file in its own metadata, any file in the
manifest beside it. Whoever reads scores checks both.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from churn import files
from churn.errors import DataError, OutputError

FORMS = (".parquet", ".csv")
MODEL_ID, PAGES_SHA256 = b"churn.model_id", b"churn.pages_sha256"
"""Keys of a Parquet file's metadata; the checksum is of all that lies before the metadata."""
_ENTRY = "scores"
"""Of the manifest: `file` and `sha256` of the scores it was written with."""
_CHUNK = 1 << 20
_TAIL = 8
"""Bytes behind the metadata of a Parquet file: their length, and the letters PAR1."""
_TRIES = 5
_AGAIN = "score again"
Stamp = tuple[int, int, int]


class Seal(NamedTuple):
    """What a file of scores was found to be.

    Attributes
    ----------
    sha256
        Of its bytes, 64 lower-case hexadecimal digits.
    stamp
        Tells it from a file that takes its place.
    model_id
        Of the model that made it; None where neither the file nor a manifest says it.
    """

    sha256: str
    stamp: Stamp
    model_id: str | None


def companions(path: Path) -> tuple[Path, Path]:
    """Return the manifest and the quarantine to write beside a scores file.

    They are named after the file without its ending, or, where those of the other form stand there, with it.
    """
    manifest = path.with_suffix(".manifest.json")
    own = path.with_name(f"{path.name}.manifest.json")
    if own.exists() or _is_of_other_form(manifest, path):
        return own, path.with_name(f"{path.name}.quarantine.csv")
    return manifest, path.with_suffix(".quarantine.csv")


def require_form(path: Path) -> None:
    """Refuse a scores file whose ending names no form.

    Raises
    ------
    OutputError
        The ending is neither `.parquet` nor `.csv`.
    """
    if path.suffix not in FORMS:
        raise OutputError(f"{path}: give a name that ends in {' or '.join(FORMS)}")


def describe_scores(path: Path, written: Path) -> dict[str, dict[str, str]]:
    """Return what the manifest says of the scores it is written with; `written` is where they are until they appear."""
    return {_ENTRY: {"file": path.name, "sha256": files.hash_file(written)}}


def seal_parquet(writer: pq.ParquetWriter, path: Path, model_id: str) -> None:
    """Write the model's id and the checksum into the metadata of a Parquet file that is about to be closed."""
    writer.add_key_value_metadata({MODEL_ID: model_id, PAGES_SHA256: files.hash_file(path)})


def check_files(path: Path) -> Seal:
    """Check that scores are whole, and those that the manifest beside them was written with; a stopped change is ended.

    Scores that neither carry a checksum nor have a manifest are taken as they are: a bank may have made them.

    Raises
    ------
    DataError
        They were changed, cut short or replaced, or the manifest cannot be read, or is of other scores.
    OutputError
        A change that was stopped cannot be ended.
    """
    for left in reversed(range(_TRIES)):
        files.finish_files(path)
        before = _stamps(path)
        try:
            return _check(path)
        except (DataError, FileNotFoundError):
            if not left or _stamps(path) == before:  # else they changed meanwhile, and belong together again
                raise
    raise AssertionError("the last try returns or raises")


def require_same(path: Path, stamp: Stamp) -> None:
    """Refuse scores that are not those that were checked.

    Raises
    ------
    DataError
        Another file has taken their place, or they were changed.
    """
    if _stamp(path) != stamp:
        raise DataError(f"{path}: was replaced while it was read; try again")


def _check(path: Path) -> Seal:
    with path.open("rb") as stream:
        metadata = _metadata(stream) if path.suffix == ".parquet" else {}
        whole, pages = _digests(stream)
        stamp = _stamp(path)
    if PAGES_SHA256 in metadata and metadata[PAGES_SHA256].decode("ascii", "replace") != pages:
        raise DataError(f"{path}: was changed or cut short after it was written; {_AGAIN}")
    model_id = metadata[MODEL_ID].decode("utf-8", "replace") if MODEL_ID in metadata else None
    manifest, said = _read_manifest(path)
    if said is None:
        return Seal(whole, stamp, model_id)
    if _ENTRY in said and _sha256(said) != whole:
        raise DataError(f"{path}: is not the file that {manifest.name} was written with; {_AGAIN}")
    if model_id is not None and said["model_id"] != model_id:
        raise DataError(f"{path}: was scored by another model ({model_id}) than {manifest.name} says; {_AGAIN}")
    return Seal(whole, stamp, said["model_id"])


def _read_manifest(path: Path) -> tuple[Path, Mapping[str, Any] | None]:
    """Return the manifest of a scores file, and what it says; None where there is none."""
    manifest, _ = companions(path)
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return manifest, None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{manifest}: cannot be read, so that nothing tells whose scores these are; {_AGAIN}"
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("model_id"), str):
        raise DataError(f"{manifest}: is not the manifest of scores; {_AGAIN}")
    return manifest, found


def _is_of_other_form(manifest: Path, path: Path) -> bool:
    """Whether a manifest says that it was written with scores of the other form, which are there."""
    try:
        form = Path(json.loads(manifest.read_text(encoding="utf-8"))[_ENTRY]["file"]).suffix
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False
    return form in FORMS and form != path.suffix and path.with_suffix(form).exists()


def _sha256(manifest: Mapping[str, Any]) -> Any:
    entry = manifest[_ENTRY]
    return entry.get("sha256") if isinstance(entry, dict) else None


def _metadata(stream: BinaryIO) -> Mapping[bytes, bytes]:
    """Read the keys of a Parquet file's metadata; none of one that cannot be read, which its reader says."""
    try:
        return pq.read_metadata(stream).metadata or {}
    except (pa.ArrowException, OSError):
        return {}


def _digests(stream: BinaryIO) -> tuple[str, str]:
    """Return the SHA-256 of a file, and of what lies before a Parquet file's metadata."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _TAIL))
    end = max(0, size - _TAIL - int.from_bytes(stream.read(4), "little"))
    stream.seek(0)
    digest, done = hashlib.sha256(), 0
    pages = digest.copy()
    while chunk := stream.read(min(_CHUNK, end - done) if done < end else _CHUNK):
        digest.update(chunk)
        done += len(chunk)
        if done == end:
            pages = digest.copy()
    return digest.hexdigest(), pages.hexdigest()


def _stamp(path: Path) -> Stamp:
    try:
        facts = path.stat()
    except OSError:
        return 0, 0, 0
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def _stamps(path: Path) -> tuple[Stamp, Stamp]:
    return _stamp(path), _stamp(companions(path)[0])
