"""Which files hold a table, how their first bytes say they are to be read, and whether a mapping fits the contract."""

import codecs
import csv
import datetime as dt
import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from churn import files
from churn.config import Config, TableSource
from churn.errors import ConfigError, DataError, meant
from churn.tables import cells, contract
from churn.tables.lines import Lines, read_lines

Form = Literal["csv", "parquet", "xlsx"]
FORMS: tuple[Form, ...] = ("csv", "parquet", "xlsx")
DELIMITERS = ",;\t|"
MOST_COLUMNS = 5_000
_CHUNK = 1 << 20
# Hidden files, what other programs leave beside the parts they write, and Excel's mark of an open workbook.
_NO_PARTS = (".", "_", "~$")
_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Source:
    """One file that holds rows of a table."""

    table: str
    path: Path
    form: Form


def find_sources(folder: Path, tables: Mapping[str, contract.Table], config: Config) -> dict[str, list[Source]]:
    """Find the files of every table in `folder`; a table without files is left out.

    Raises
    ------
    DataError
        No such folder, a required table missing, a table found in two forms, or a configured file missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder that holds the bank's tables")
    found = {name: _find_table(folder, name, config.tables.get(name, TableSource())) for name in tables}
    missing = [name for name in contract.REQUIRED_TABLES if not found[name]]
    if missing:
        here = ", ".join(sorted(entry.name for entry in folder.iterdir())[:12]) or "nothing"
        raise DataError(
            f"{folder}: required table {missing[0]} is missing (looked for {missing[0]}.parquet, .csv, .xlsx"
            f" or a folder of that name; found {here}); add it, or name its file in the configuration"
        )
    return {name: sources for name, sources in found.items() if sources}


def list_columns(header: Sequence[str], known: Collection[str]) -> str:
    """List the known names of a header for a message and count the others: they may be a customer's values.

    Examples
    --------
    >>> list_columns(["customer_id", "tier", "x", "y"], ["customer_id", "tier", "opened_on"])
    'the file has customer_id, tier and 2 others'
    """
    there = [name for name in header if name in set(known)]
    if not there:
        return "its first line has none of the column names (is there a header, and no title above it?)"
    n_others = len(header) - len(there)
    others = f" and {n_others:,} other{'s' if n_others > 1 else ''}" if n_others else ""
    return f"the file has {', '.join(there[:30])}{', …' if len(there) > 30 else ''}{others}"


class Readable(NamedTuple):
    """A file as DuckDB reads it.

    Attributes
    ----------
    names, delimiter
        Of its columns, and between them; of Parquet, none.
    lines
        The file, or a UTF-8 CSV copy, and how many rows it has to give.
    zones
        By the place of a column of moments in time, the zone it is written in.
    day_zero
        Of a sheet, the day that 0 stands for in a date's place.
    """

    names: list[str]
    delimiter: str
    lines: Lines
    zones: Mapping[int, str] = {}
    day_zero: dt.date | None = None


@contextmanager
def as_readable(source: Source, mapping: TableSource, folder: Path) -> Iterator[Readable]:
    """Give the file itself where DuckDB reads it as it is, else a UTF-8 CSV copy of it in `folder`.

    An Excel sheet is copied, and a CSV file that is not UTF-8, begins with a byte-order mark or a header of several
    lines, or has lines that would take others with them. Without an encoding in `mapping` the bytes decide: UTF-8 where
    all of them are, else GB18030, which Chinese core systems export and which contains GBK and GB2312.

    Raises
    ------
    DataError
        The bytes are not of that encoding, or of neither (the message gives the byte's position); no whole sheet; an
        empty file, or one that names a column twice.
    """
    if source.form == "parquet":
        names, zones, n_rows = _parquet_columns(source)
        _require_names(source, names)
        yield Readable(names, "", Lines(source.path, n_rows, {}), zones)
        return
    path, day_zero = folder / "readable.csv", None
    if source.form == "xlsx":
        from churn.tables import sheets  # only here: openpyxl takes a tenth of a second

        day_zero = sheets.write_sheet_as_csv(source.path, mapping.sheet, path)
    elif not _write_decoded(source.path, mapping.encoding, path):
        path = source.path
    names, delimiter, n_before = _csv_columns(source, path)
    _require_names(source, names)
    lines = read_lines(path, delimiter, names, folder / "whole.csv", n_before, is_typed=source.form == "csv")
    yield Readable(names, delimiter, lines, day_zero=day_zero)
    for copy in {path, lines.path} - {source.path}:
        copy.unlink()


def _require_names(source: Source, names: Sequence[str]) -> None:
    """Refuse columns that are too many, or of one name."""
    if len(names) > MOST_COLUMNS:
        raise DataError(
            f"{source.path}: has {len(names):,} columns; at most {MOST_COLUMNS:,} are read, drop the others"
        )
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        # Without a header the names are a customer's values: positions say as much.
        places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == repeated[0])
        what = "the same name" if repeated[0] else "no name"
        raise DataError(f"{source.path}: columns {places} have {what} in the first line; rename all but one")


def _write_decoded(path: Path, encoding: str | None, copy: Path) -> bool:
    """Write a copy in UTF-8 with one kind of line end, where the file is not so already; say whether it was needed."""
    marked = files.begins_with(path, codecs.BOM_UTF8)
    if encoding is None:
        encoding = "utf-8" if _broken_at(path, "utf-8") is None else "gb18030"
    _require_decodable(path, encoding)
    mixed = _has_other_line_ends(path)
    if codecs.lookup(encoding).name == "utf-8" and not marked and not mixed:
        return False
    with (
        path.open("r", encoding="utf-8-sig" if marked else encoding, newline=None if mixed else "") as reader,
        copy.open("w", encoding="utf-8", newline="") as writer,
    ):
        while chunk := reader.read(_CHUNK):
            writer.write(chunk)
    return True


def _has_other_line_ends(path: Path) -> bool:
    """Whether the line ends of a file are not all those of Windows, or all those of Unix."""
    windows = unix = mac = 0
    before = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            both = chunk.count(b"\r\n") + (before.endswith(b"\r") and chunk.startswith(b"\n"))
            windows += both
            unix += chunk.count(b"\n") - both
            mac += chunk.count(b"\r") - both
            before = chunk
    return mac > 0 or (windows > 0 and unix > 0)


def _find_table(folder: Path, name: str, source: TableSource) -> list[Source]:
    if source.file is not None:
        path = folder / source.file
        if not path.exists():
            raise DataError(f"{path}: no such file; fix tables.{name}.file in the configuration")
        return _files_of(name, path)
    # Windows writes endings in capitals too.
    entries = [entry for entry in sorted(folder.iterdir()) if entry.exists()]
    there = [entry for entry in entries if entry.name == name or (entry.stem == name and _has_ending(entry))]
    if len(there) > 1:
        names = " and ".join(path.name for path in there)
        raise DataError(f"{folder}: table {name} is found twice, as {names}; remove one of them")
    return _files_of(name, there[0]) if there else []


def _has_ending(entry: Path) -> bool:
    return entry.suffix.lower().lstrip(".") in FORMS


def _files_of(name: str, path: Path) -> list[Source]:
    if not path.is_dir():
        return [source_of(name, path)]
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith(_NO_PARTS))
    parts = [entry for entry in entries if _has_ending(entry) and entry.is_file()]
    missed = [entry.name for entry in entries if entry not in parts and _looks_like_data(entry)]
    if parts and missed:
        raise DataError(
            f"{path}: holds {missed[0]}, which is not a .parquet, .csv or .xlsx part; remove it, or export it so"
        )
    forms = {_form_of(part) for part in parts}
    if not parts:
        raise DataError(f"{path}: holds no .parquet, .csv or .xlsx parts; add them or remove the folder")
    if len(forms) > 1:
        raise DataError(f"{path}: table {name} is found twice, in parts of more than one form; remove the others")
    return [source_of(name, part) for part in parts]


def _looks_like_data(entry: Path) -> bool:
    """Whether an entry beside a table's parts may hold rows: a folder, or a part under a name with more behind it."""
    return entry.is_dir() or any(f".{form}" in entry.name.lower() for form in FORMS)


def source_of(table: str, path: Path) -> Source:
    """Return the source for one file; its ending decides the form.

    Raises
    ------
    DataError
        It is not a file that ends: a device or a pipe would be read for ever. Its path is not UTF-8.
    """
    if not files.is_utf8(path):
        raise DataError(f"{path}: the name is not UTF-8; rename the file or folder")
    if not path.is_file():
        raise DataError(f"{path}: is not a regular file; give a file")
    return Source(table, path, _form_of(path))


def _form_of(path: Path) -> Form:
    endings: dict[str, Form] = {".parquet": "parquet", ".pq": "parquet", ".xlsx": "xlsx"}
    form = endings.get(path.suffix.lower(), "csv")
    # A workbook that was renamed rather than exported is still one.
    return "xlsx" if form == "csv" and path.is_file() and files.begins_with(path, _ZIP, _OLD_OFFICE) else form


def _parquet_columns(source: Source) -> tuple[list[str], dict[int, str], int]:
    """Return a file's column names, the zones of its moments by their column's place, and its number of rows."""
    try:
        with pq.ParquetFile(source.path) as file:
            zones = {place: zone for place, kind in enumerate(file.schema_arrow.types) if (zone := _zone(kind))}
            return [_in_one_line(name) for name in file.schema_arrow.names], zones, file.metadata.num_rows
    except (OSError, ValueError) as error:
        raise DataError(f"{source.path}: is not a whole Parquet file; export it again") from error


def _csv_columns(source: Source, text_path: Path) -> tuple[list[str], str, int]:
    """Return a file's column names, the delimiter their line uses most, and how many lines they take."""
    with text_path.open("r", encoding="utf-8", newline="") as reader:
        line, n_before = reader.readline(_CHUNK), 1
        # Excel can be told the delimiter so.
        told = re.fullmatch(r"sep=(.)\s*", line)
        if told:
            line, n_before = reader.readline(_CHUNK), 2
        # A name may have a line break in it, where it stands in quotation marks.
        while line.count('"') % 2 and len(line) < _CHUNK and (more := reader.readline(_CHUNK)):
            line, n_before = line + more, n_before + 1
    if not line.strip():
        raise DataError(f"{source.path}: {_without_header(text_path)} the column names")
    if len(line) >= _CHUNK:
        raise DataError(f"{source.path}: the first line is longer than {_CHUNK:,} letters; it needs column names there")
    delimiter = told[1] if told else max(DELIMITERS, key=line.count)
    try:
        names = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise DataError(f"{source.path}: the first line cannot be split into column names; export it again") from error
    return [_in_one_line(name) for name in names], delimiter, n_before


def _zone(kind: pa.DataType) -> str | None:
    return kind.tz if pa.types.is_timestamp(kind) else None


def _in_one_line(name: str) -> str:
    return re.sub(r"\s*[\r\n]+\s*", " ", name).strip()


def _without_header(text_path: Path) -> str:
    with text_path.open("rb") as stream:
        is_blank = all(not line.strip(b' \t\r\n,;|"') for line in stream)
    if is_blank:
        return "is empty; it needs a first line with"
    return "its first line is blank; remove the blank lines above"


def _require_decodable(path: Path, encoding: str) -> None:
    try:
        "".encode(encoding)  # refuses codecs that are not of text, such as hex
        position = _broken_at(path, encoding)
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"{path}: encoding {encoding} is not known; name another in the configuration") from error
    if position is not None:
        raise DataError(
            f"{path}: byte {position} is not {encoding} text;"
            " export the file as UTF-8 or GB18030, or name its encoding in the configuration"
        )


def _broken_at(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return read + error.start
            if not chunk:
                return None
            read += len(chunk)


def describe(sources: Sequence[Source]) -> str:
    """Name a table's files for a message: the file, or the folder and the number of its parts."""
    if len(sources) == 1:
        return str(sources[0].path)
    return f"{sources[0].path.parent} ({len(sources)} parts)"


_PARTS = ("columns", "dates", "values", "constants")


def require_mapping(config: Config, tables: Mapping[str, contract.Table]) -> None:
    """Refuse a mapping that names what the contract does not have: the column would be missing without a word.

    Raises
    ------
    ConfigError
        A table, column or coded value that the contract does not know, or one source column for two of the contract.
    """
    for name, source in config.tables.items():
        problem = _problem(name, source, tables)
        if problem:
            raise ConfigError(f"{config.prefix}tables.{problem}")


def _problem(name: str, source: TableSource, tables: Mapping[str, contract.Table]) -> str | None:
    if name not in tables:
        return f"{name}: is not a table{meant(name, tables)}; the tables are {', '.join(tables)}"
    table = tables[name]
    # One after the other: the later ones take the columns for known.
    problem = _unknown_columns(table, source) or _shared_column(table, source) or _wrong_value(table, source)
    return f"{name}.{problem}" if problem else None


def _unknown_columns(table: contract.Table, source: TableSource) -> str | None:
    known = [column.name for column in table.columns]
    for part in _PARTS:
        for column in getattr(source, part):
            if column not in known:
                nearest = meant(column, known)
                return f"{part}.{column}: is not a column{nearest}; those of {table.name} are {', '.join(known)}"
    return None


def _shared_column(table: contract.Table, source: TableSource) -> str | None:
    read = [column.name for column in table.columns if column.name not in source.constants]
    names = Counter(source.columns.get(column, column) for column in read)
    for column in source.columns:
        if column in read and names[source.columns[column]] > 1:
            others = [one for one in read if one != column and source.columns.get(one, one) == source.columns[column]]
            return (
                f"columns.{column}: its source column is that of {others[0]} too;"
                " name another for one of them, or give one in constants"
            )
    return None


def _wrong_value(table: contract.Table, source: TableSource) -> str | None:
    for name, values in source.values.items():
        for theirs, ours in values.items():
            if ours and (wanted := _wanted(table[name], ours, source.dates.get(name))):
                return f"values.{name}.{theirs}: must be {wanted}, or empty"
    for name, constant in source.constants.items():
        value = source.values.get(name, {}).get(constant, constant)
        if not value:
            return f"constants.{name}: is empty; leave it out"
        if wanted := _wanted(table[name], value, source.dates.get(name)):
            return f"constants.{name}: must be {wanted}"
    return None


def _wanted(column: contract.TableColumn, value: str, form: str | None) -> str | None:
    """Say what a value would have to be; None where it is so."""
    match column.kind:
        case "code" if column.values is not None and value not in column.values:
            return "one of " + ", ".join(column.values)
        case "flag" if value.lower() not in (*cells.TRUE_WORDS, *cells.FALSE_WORDS):
            return "true or false"
        case "date" if not _is_date(value, form or "%Y-%m-%d"):
            return f"a date of the form {form or '%Y-%m-%d'}"
        case "money" | "number" | "integer" if not _is_number(value, whole=column.kind == "integer"):
            return "a whole number" if column.kind == "integer" else "a number"
    return None


def _is_date(value: str, form: str) -> bool:
    try:
        dt.datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def _is_number(value: str, *, whole: bool) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return math.isfinite(number) and (not whole or number.is_integer())
