"""Which files hold a table, how their first bytes say they are to be read, and whether a mapping fits the contract."""

import codecs
import datetime as dt
import math
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from churn import files
from churn.config import Config, TableSource
from churn.errors import ConfigError, DataError, meant
from churn.speech import Message, message
from churn.tables import cells, contract, encodings, packed
from churn.tables.layout import (
    REMARK,
    Layout,
    find_layout,
    has_backslashes,
    in_one_line,
    write_with_commas,
    write_with_doubled_marks,
)
from churn.tables.lines import Lines, read_lines

Form = Literal["csv", "parquet", "xlsx"]
FORMS: tuple[Form, ...] = ("csv", "parquet", "xlsx")
MOST_COLUMNS = 5_000
_CHUNK = 1 << 20
# Hidden files, what other programs leave beside the parts they write, and Excel's mark of an open workbook.
_NO_PARTS = (".", "_", "~$")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Source:
    """One file that holds rows of a table.

    `keys`: what the folders `key=value` say that it lies in, below the table's: a column and its value in every row.
    """

    table: str
    path: Path
    form: Form
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Its name, with those folders: parts in several may have one name."""
        return "/".join(self.path.parts[-1 - len(self.keys) :])


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
    if header and header[0].startswith("#") and (not there or header[0].lstrip("# ") in known):
        return REMARK
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
    notes
        What was assumed, or left out.
    doubtful
        Letters that may be others, for all that the bytes say.
    sheet
        The name of the sheet that is read.
    durations
        By the name of a column of durations in a Parquet file, how many of its units make a day.
    """

    names: list[str]
    delimiter: str
    lines: Lines
    zones: Mapping[int, str] = {}
    day_zero: dt.date | None = None
    notes: tuple[Message, ...] = ()
    doubtful: str = ""
    sheet: str | None = None
    durations: Mapping[str, float] = {}


@contextmanager
def as_readable(
    source: Source, mapping: TableSource, folder: Path, wanted: Collection[str] = (), keys: Collection[str] = ()
) -> Iterator[Readable]:
    """Give the file itself where DuckDB reads it as it is, else a UTF-8 CSV copy of it in `folder`.

    An Excel sheet is copied, and a CSV file that is packed, not UTF-8, begins with a byte-order mark or a header that
    is not one whole line, or has lines that would take others with them.

    Parameters
    ----------
    wanted
        Columns by which a workbook's sheet is chosen, where `mapping` names none.
    keys
        Columns of which each row has a value of its own.

    Raises
    ------
    DataError
        The bytes are of no encoding that is recognised, or may be of two; no whole sheet or packed file; an empty file,
        or one that names a column twice.
    """
    if source.form == "parquet":
        names, zones, durations, n_rows = _parquet_columns(source)
        _require_names(source, names)
        nameless = tuple(_tell_nameless(source, names))
        yield Readable(names, "", Lines(source.path, n_rows, {}), zones, notes=nameless, durations=durations)
        return
    notes: list[Message] = []
    day_zero = doubtful = sheet = None
    with tempfile.TemporaryDirectory(dir=folder) as copies:
        copy = Path(copies)
        if source.form == "xlsx":
            from churn.tables import sheets  # only here: openpyxl takes a tenth of a second

            path = copy / "sheet.csv"
            sheet, day_zero = sheets.write_sheet_as_csv(source.path, mapping.sheet, path, wanted)
            if sheet.is_assumed:
                notes.append(
                    message(
                        "{file}: read is the sheet {sheet}, which has the columns",
                        file=source.path.name,
                        sheet=sheet.name,
                    )
                )
        else:
            path = packed.unpack(source.path, copy / "unpacked.csv")
            encoding = encodings.find_encoding(source.path, mapping.encoding, section_of(source.table), path)
            doubtful = encoding.doubtful
            if encoding.is_assumed:
                notes.append(_tell_encoding(source, encoding.name))
            if _write_decoded(path, encoding.name, copy / "decoded.csv"):
                path = copy / "decoded.csv"
        if source.form == "csv" and has_backslashes(path):
            write_with_doubled_marks(path, copy / "doubled.csv")
            path = copy / "doubled.csv"
        layout = find_layout(source.path, path, keys)
        if layout.delimiter == " ":
            write_with_commas(layout, path, copy / "commas.csv")
            path, layout = copy / "commas.csv", Layout(layout.names, ",", 1, is_whole=True)
        _require_names(source, layout.names)
        notes += _tell_nameless(source, layout.names)
        lines = read_lines(path, layout, copy / "whole.csv", is_typed=source.form == "csv")
        yield Readable(
            layout.names,
            layout.delimiter,
            lines,
            day_zero=day_zero,
            notes=tuple(notes),
            doubtful=doubtful or "",
            sheet=sheet.name if sheet else None,
        )


def section_of(table: str) -> str:
    """Name the section of the configuration that describes a table, or the flat file."""
    return table if table == "flat" else f"tables.{table}"


def _tell_encoding(source: Source, encoding: str) -> Message:
    return message(
        "{file}: not UTF-8; read as {encoding} by its letters; if that is wrong, set encoding in [{section}]",
        file=source.path.name,
        encoding=encoding,
        section=section_of(source.table),
    )


def _tell_nameless(source: Source, names: Sequence[str]) -> list[Message]:
    places = [f"{place:,}" for place, name in enumerate(names, 1) if not name]
    if not places:
        return []
    return [
        message(
            "{file}: left out are columns without a heading: {places}", file=source.path.name, places=", ".join(places)
        )
    ]


def _require_names(source: Source, names: Sequence[str]) -> None:
    """Refuse columns that are too many, or of one name."""
    if len(names) > MOST_COLUMNS:
        raise DataError(
            f"{source.path}: has {len(names):,} columns; at most {MOST_COLUMNS:,} are read, drop the others"
        )
    repeated = [name for name, times in Counter(names).items() if times > 1 and name]
    if repeated:
        # Without a header the names are a customer's values: positions say as much.
        places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == repeated[0])
        raise DataError(f"{source.path}: columns {places} have the same name in the first line; rename all but one")


def _write_decoded(path: Path, encoding: str, copy: Path) -> bool:
    """Write a copy in UTF-8 with one kind of line end, where the file is not so already; say whether it was needed."""
    is_plain = codecs.lookup(encoding).name == "utf-8"
    # In two or four bytes a letter, line ends cannot be counted as bytes.
    mixed = encoding.startswith(("utf-16", "utf-32")) or _has_other_line_ends(path)
    if is_plain and not mixed:
        return False
    with (
        path.open("r", encoding=encoding, newline=None if mixed else "") as reader,
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
    there = [entry for entry in entries if entry.name in (name, f"{name}.zip") or _stem(entry) == name]
    if len(there) > 1:
        names = " and ".join(path.name for path in there)
        raise DataError(f"{folder}: table {name} is found twice, as {names}; remove one of them")
    return _files_of(name, there[0]) if there else []


def _stem(entry: Path) -> str | None:
    """Return a file's name without an ending of tables, or of packed CSV files; None where it has no such ending."""
    if entry.suffix.lower() in packed.ENDINGS:
        inner = Path(entry.stem)
        return inner.stem if inner.suffix.lower() == ".csv" else None
    return entry.stem if entry.suffix.lower().lstrip(".") in FORMS else None


def _files_of(name: str, path: Path) -> list[Source]:
    if not path.is_dir():
        return [source_of(name, path)]
    found = [replace(source_of(name, part), keys=keys) for part, keys in _parts(path)]
    if len({tuple(key for key, _ in source.keys) for source in found}) > 1:
        raise DataError(f"{path}: its folders key=value are nested in different ways; make them alike")
    if len({source.form for source in found}) > 1:
        raise DataError(f"{path}: table {name} is found twice, in parts of more than one form; remove the others")
    return found


def _parts(path: Path) -> list[tuple[Path, tuple[tuple[str, str], ...]]]:
    """Find the parts in a folder, or in folders `key=value` as Hive and Spark write them, each with keys and values."""
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith(_NO_PARTS))
    parts = [entry for entry in entries if _stem(entry) is not None and entry.is_file()]
    folders = [entry for entry in entries if "=" in entry.name and entry.is_dir()]
    missed = [entry.name for entry in entries if entry not in parts + folders and _looks_like_data(entry)]
    if parts and folders:
        raise DataError(f"{path}: holds parts and the folder {folders[0].name} beside them; remove one of both")
    if (parts or folders) and missed:
        raise DataError(
            f"{path}: holds {missed[0]}, which is not a .parquet, .csv or .xlsx part; remove it, or export it so"
        )
    if not parts and not folders:
        raise DataError(f"{path}: holds no .parquet, .csv or .xlsx parts; add them or remove the folder")
    return [(part, ()) for part in parts] + [
        (part, (_key_of(folder.name), *keys)) for folder in folders for part, keys in _parts(folder)
    ]


def _key_of(folder: str) -> tuple[str, str]:
    """Return the column and the value that a folder's name gives; empty where they had none.

    Examples
    --------
    >>> _key_of("tier=gold%2Fa"), _key_of("tier=__HIVE_DEFAULT_PARTITION__")
    (('tier', 'gold/a'), ('tier', ''))
    """
    key, _, value = map(unquote, folder.partition("="))
    return key, "" if value == "__HIVE_DEFAULT_PARTITION__" else value


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
    is_book = form == "csv" and path.is_file() and (files.begins_with(path, _OLD_OFFICE) or packed.is_workbook(path))
    return "xlsx" if is_book else form


_UNITS_PER_DAY = {"s": 86_400.0, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}


def _parquet_columns(source: Source) -> tuple[list[str], dict[int, str], dict[str, float], int]:
    """Return a file's column names, zones and units of a day (as `Readable` has them), and its number of rows."""
    try:
        with pq.ParquetFile(source.path) as file:
            zones = {place: zone for place, kind in enumerate(file.schema_arrow.types) if (zone := _zone(kind))}
            durations = {
                field.name: _UNITS_PER_DAY[field.type.unit]
                for field in file.schema_arrow
                if pa.types.is_duration(field.type)
            }
            names = [in_one_line(name) for name in file.schema_arrow.names]
            return names, zones, durations, file.metadata.num_rows
    except (OSError, ValueError) as error:
        raise DataError(f"{source.path}: is not a whole Parquet file; export it again") from error


def _zone(kind: pa.DataType) -> str | None:
    return kind.tz if pa.types.is_timestamp(kind) else None


def describe(sources: Sequence[Source]) -> str:
    """Name a table's files for a message: the file, or the folder and the number of its parts."""
    if len(sources) == 1:
        return str(sources[0].path)
    return f"{sources[0].path.parents[len(sources[0].keys)]} ({len(sources)} parts)"


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
