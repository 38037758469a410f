"""Compare two files of any kind that `churn` writes, and say how they differ. The values that may differ stand first.

Values are compared to the last bit: a float that moved by one unit in its last place differs, and so does -0.0 from
0.0. Files with equal bytes are equal; only files that differ are opened.
"""

import csv
import difflib
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

WIDTH = 160

# --- what may differ between two runs of the same code ------------------------------------------------------------

# Values of JSON under these names are durations.
DURATIONS = frozenset({"duration_seconds", "seconds"})
# In text of any kind, in this order.
PATTERNS = (
    (re.compile(r"(?<=contacts in )\d+\.\d(?= s$)", re.MULTILINE), "#"),  # churn plan says how long it took
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),  # when a champion was made
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "<id>"),  # MLflow's ids
)
# The last column of the table of churn compare is how long each model took.
SECONDS_COLUMN = re.compile(r"\bseconds ┃$", re.MULTILINE)
SECONDS_CELL = re.compile(r" *\d+\.\d │$", re.MULTILINE)
# A workbook's properties hold when it was made, a Parquet file's pandas metadata the versions that wrote it.
WORKBOOK_PROPERTIES = frozenset({"docProps/core.xml"})
PANDAS_VERSIONS = frozenset({"pandas_version", "creator"})


class Run(NamedTuple):
    """A run's own paths and hashes, and the names that replace them in its files.

    Attributes
    ----------
    places
        Absolute paths, longest first, and the name that replaces each.
    hashes
        SHA-256 of the run's own files, and each file's name: where one file differs, the checksums of it in others
        (SHA256SUMS, manifests) are still the same, as long as they are right.
    """

    places: Mapping[str, str] = {}
    hashes: Mapping[str, str] = {}

    def normalise(self, text: str) -> str:
        """Write the same for everything that may differ."""
        for place, word in self.places.items():
            text = text.replace(place, word)
        text = re.sub(r"\b[0-9a-f]{64}\b", lambda found: self.hashes.get(found[0], found[0]), text)
        if SECONDS_COLUMN.search(text):
            text = SECONDS_CELL.sub(" # │", text)
        for pattern, word in PATTERNS:
            text = pattern.sub(word, text)
        return text


def describe_run(root: Path, places: Mapping[Path, str]) -> Run:
    """Hash every file below `root`, and put the longest of `places` first."""
    hashes: dict[str, str] = {}
    for path in sorted(root.rglob("*"), key=lambda path: path.name):
        if path.is_file() and "mlruns" not in path.parts:
            hashes.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), f"<sha256 of {path.name}>")
    ordered = sorted(places.items(), key=lambda item: -len(str(item[0])))
    return Run({str(place): word for place, word in ordered}, hashes)


# --- any file -----------------------------------------------------------------------------------------------------


def differences(old: Path, new: Path, old_run: Run, new_run: Run) -> list[str]:
    """Say how two files differ, one line per difference; an empty list for equal files.

    Examples
    --------
    >>> differences(Path("a.csv"), Path("b.csv"), Run(), Run())  # doctest: +SKIP
    ['column churn_probability: 1 of 3 rows; largest difference 1e-17', '  row 2: 0.25 → 0.25000000000000006']
    """
    for path, only in ((old, "new"), (new, "old")):
        if not path.exists():
            return [f"only in {only}"]
    before, after = old.read_bytes(), new.read_bytes()
    if before == after:
        return []
    if old.suffix in BINARY:
        return BINARY[old.suffix](old, new)
    texts = _decode(before), _decode(after)
    if None in texts:
        return [f"bytes differ: {len(before):,} → {len(after):,}"]
    one, other = old_run.normalise(str(texts[0])), new_run.normalise(str(texts[1]))
    if one != other:
        return _compare_texts(old.name, one, other)
    # The same words in another encoding are another file.
    return [] if _encoding(before) == _encoding(after) else [f"{_encoding(before)} → {_encoding(after)}"]


def _compare_texts(name: str, old: str, new: str) -> list[str]:
    if name.endswith(".csv"):
        return compare_csv(old, new)
    is_json = name.endswith(".json") or (name == "stdout.txt" and old[:1] in "{[" and new[:1] in "{[")
    return compare_json(old, new) if is_json else compare_text(old, new)


def _encoding(content: bytes) -> str:
    if content.startswith(b"\xef\xbb\xbf"):
        return "UTF-8 with a byte order mark"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "GB18030"
    return "UTF-8"


def _decode(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def shorten(text: str) -> str:
    """Cut a line that is too long to read.

    Examples
    --------
    >>> len(shorten("x" * 1000))
    160
    """
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


# --- text ---------------------------------------------------------------------------------------------------------


def compare_text(old: str, new: str) -> list[str]:
    r"""Compare two texts as a unified diff, long lines (of HTML and SVG) broken at tags and commas.

    Examples
    --------
    >>> compare_text("a\nb\n", "a\nc\n")
    ['@@ -1,2 +1,2 @@', ' a', '-b', '+c']
    """
    if old.split("\n") != new.split("\n") and old.splitlines() == new.splitlines():
        return ["other ends of lines"]
    lines, others = old.split("\n"), new.split("\n")
    whole = {line for line in lines if len(line) > WIDTH} & set(others)
    diff = list(difflib.unified_diff(_pieces(lines, whole), _pieces(others, whole), n=1, lineterm=""))[2:]
    return [shorten(line.rstrip("\n")) for line in diff if line.strip()]


def _pieces(lines: Sequence[str], whole: set[str]) -> list[str]:
    """Break long lines that are not in both texts."""
    pieces: list[str] = []
    for line in lines:
        if len(line) <= WIDTH or line in whole:
            pieces.append(line)
        else:
            pieces.extend(piece for piece in re.split(r"(?<=>)|(?=<)|(?<=,)|(?<=\. )|(?<=。)", line) if piece)
    return pieces[:-1] if pieces and not pieces[-1] else pieces


# --- JSON ---------------------------------------------------------------------------------------------------------


def compare_json(old: str, new: str) -> list[str]:
    """Name every value that differs by its path.

    Examples
    --------
    >>> compare_json('{"a": [1, 2], "seconds": 3}', '{"a": [1, 2.0], "seconds": 4}')
    ['a[1]: 2 → 2.0']
    """
    try:
        before, after = json.loads(old), json.loads(new)
    except ValueError:
        return compare_text(old, new)
    found = list(_compare_values("", _without_durations(before), _without_durations(after)))
    if found or _printed(before) == _printed(after):
        return found
    return ["same values, in another order"]


def _printed(value: Any) -> str:
    return json.dumps(_without_durations(value))


def _without_durations(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "#" if key in DURATIONS else _without_durations(part) for key, part in value.items()}
    return [_without_durations(part) for part in value] if isinstance(value, list) else value


def _compare_values(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            where = f"{path}.{key}" if path else key
            if key not in new or key not in old:
                yield f"{where}: only in {'new' if key in new else 'old'}"
            else:
                yield from _compare_values(where, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{path}: {len(old)} → {len(new)} entries"
        for number, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from _compare_values(f"{path}[{number}]", one, other)
    elif repr(old) != repr(new):
        yield _changed(path, old, new)


def _changed(where: str, old: Any, new: Any) -> str:
    if isinstance(old, str) and isinstance(new, str) and len(old) + len(new) > WIDTH - len(where):
        at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        start = max(at - 20, 0)
        old, new = ("…" * (start > 0) + text[start : at + 40] for text in (old, new))
    return shorten(f"{where}: {old!r} → {new!r}")


# --- tables -------------------------------------------------------------------------------------------------------

SHOWN_ROWS = 3


def compare_csv(old: str, new: str) -> list[str]:
    r"""Compare two CSV files cell by cell, as strings; row 1 is the first after the header.

    Examples
    --------
    >>> compare_csv("id,p\na,0.5\n", "id,p\na,0.25\n")
    ['column p: 1 of 1 rows; largest difference 0.25', "  row 1: '0.5' → '0.25'"]
    """
    (header, *rows), (other_header, *others) = (list(csv.reader(io.StringIO(text))) or [[]] for text in (old, new))
    found = _compare_names("columns", header, other_header)
    if len(rows) != len(others):
        found.append(f"rows: {len(rows):,} → {len(others):,}")
    if any(len(row) != len(header) for row in rows) or any(len(row) != len(other_header) for row in others):
        return [*found, *compare_text(old, new)]
    for name in header:
        if name in other_header:
            pair = [row[header.index(name)] for row in rows], [row[other_header.index(name)] for row in others]
            found += _compare_columns(name, *pair)
    return found or ["same cells, in other bytes: ends of lines or quotation marks"]


def _compare_names(what: str, old: Sequence[str], new: Sequence[str]) -> list[str]:
    if list(old) == list(new):
        return []
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    if not gone and not come:
        return [f"{what}: another order"]
    return [
        shorten(f"{what} only in {side}: {', '.join(names)}") for side, names in (("old", gone), ("new", come)) if names
    ]


def _compare_columns(name: str, old: Sequence[Any], new: Sequence[Any]) -> list[str]:
    """Compare the rows that both columns have."""
    rows = [row for row, (one, other) in enumerate(zip(old, new, strict=False)) if _bits(one) != _bits(other)]
    if not rows:
        return []
    largest = _largest_difference([old[row] for row in rows], [new[row] for row in rows])
    head = f"column {name}: {len(rows):,} of {min(len(old), len(new)):,} rows"
    head += "" if largest is None else f"; largest difference {largest:g}"
    return [head, *(_changed(f"  row {row + 1}", old[row], new[row]) for row in rows[:SHOWN_ROWS])]


def _bits(value: Any) -> Any:
    """Return a value that is equal only for values of one type that are the same to the last bit."""
    return repr(value)


def _largest_difference(old: Sequence[Any], new: Sequence[Any]) -> float | None:
    """Return the largest absolute difference of the pairs of numbers; None where there is none."""
    gaps = []
    for one, other in zip(old, new, strict=True):
        try:
            gaps.append(abs(float(one) - float(other)))
        except (TypeError, ValueError):
            continue
    finite = [gap for gap in gaps if np.isfinite(gap)]
    return max(finite) if finite else None


def compare_parquet(old: Path, new: Path) -> list[str]:
    """Compare two Parquet files: schema, metadata, values of each column, and how rows lie in groups."""
    one, other = pq.read_table(old), pq.read_table(new)
    found = _compare_names("columns", one.column_names, other.column_names)
    if one.num_rows != other.num_rows:
        found.append(f"rows: {one.num_rows:,} → {other.num_rows:,}")
    for name in one.column_names:
        if name not in other.column_names:
            continue
        if one.schema.field(name).type != other.schema.field(name).type:
            found.append(f"column {name}: {one.schema.field(name).type} → {other.schema.field(name).type}")
        found += _compare_arrays(name, one[name], other[name])
    found += _compare_values("metadata", _metadata(one.schema), _metadata(other.schema))
    return found or list(_compare_values("layout", _layout(old), _layout(new)))


def _compare_arrays(name: str, old: pa.ChunkedArray, new: pa.ChunkedArray) -> list[str]:
    # repr tells a null from a NaN and gives every float its own shortest form, so that no bit is lost.
    return _compare_columns(name, old.to_pylist(), new.to_pylist())


def _metadata(schema: pa.Schema) -> dict[str, Any]:
    texts = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    if "pandas" in texts:
        document = json.loads(texts["pandas"])
        return texts | {"pandas": {key: part for key, part in document.items() if key not in PANDAS_VERSIONS}}
    return texts


def _layout(path: Path) -> dict[str, Any]:
    facts = pq.read_metadata(path)
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return {
        "created_by": facts.created_by,
        "rows of groups": [group.num_rows for group in groups],
        "compression": sorted({column.compression for column in columns}),
        "bytes": path.stat().st_size,
    }


# --- workbooks and pictures ---------------------------------------------------------------------------------------


def compare_workbooks(old: Path, new: Path) -> list[str]:
    """Compare two workbooks cell by cell; where all cells are equal, name the parts that are not (forms, widths)."""
    sheets = [_read_cells(path) for path in (old, new)]
    found = _compare_names("sheets", list(sheets[0]), list(sheets[1]))
    for name in sheets[0]:
        if name in sheets[1]:
            one, other = sheets[0][name], sheets[1][name]
            for cell in [*one, *(cell for cell in other if cell not in one)]:
                if repr(one.get(cell)) != repr(other.get(cell)):
                    found.append(_changed(f"{name}!{cell}", one.get(cell), other.get(cell)))
    if found:
        return found
    parts = [_read_parts(path) for path in (old, new)]
    names = [name for name in {**parts[0], **parts[1]} if parts[0].get(name) != parts[1].get(name)]
    return [f"same cells, but {name} differs" for name in names if name not in WORKBOOK_PROPERTIES]


def _read_cells(path: Path) -> dict[str, dict[str, Any]]:
    book = openpyxl.load_workbook(path)
    return {
        sheet.title: {
            cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None
        }
        for sheet in book.worksheets
    }


def _read_parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def compare_pictures(old: Path, new: Path) -> list[str]:
    """Compare two PNG files by their pixels; the rest of the file, such as its metadata, does not matter."""
    pictures = [np.asarray(Image.open(path).convert("RGBA")) for path in (old, new)]
    if pictures[0].shape != pictures[1].shape:
        sizes = [f"{picture.shape[1]}×{picture.shape[0]}" for picture in pictures]
        return [f"pixels: {sizes[0]} → {sizes[1]}"]
    differ = (pictures[0] != pictures[1]).any(axis=2)
    return [f"pixels: {int(differ.sum()):,} of {differ.size:,} differ"] if differ.any() else []


BINARY = {".parquet": compare_parquet, ".xlsx": compare_workbooks, ".png": compare_pictures}
