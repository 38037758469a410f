"""From a bank's files to typed rows in a DuckDB file on disk: the only reader of raw tables.

A raw table holds the contract's columns, `source_file` (position of the file in the table's list), `source_row`
(1 for the first row after the header) and `rule`, the first rule the row alone breaks, as `column:rule`. A CSV row
that cannot be split into the header's cells is there too, empty, with the rule `:broken_row`, or `:lines_in_quotes`
where a quotation mark took the lines after it into the same row.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from churn import errors, files
from churn.config import MISSING, TableSource
from churn.speech import Message
from churn.tables import cells, contract, database
from churn.tables.cells import Cell, Reading, quote_name, quote_text
from churn.tables.lines import LONGEST_LINE
from churn.tables.sources import Readable, Source, as_readable, describe, list_columns, section_of
from churn.tables.survey import OTHER_COUNTRIES, survey_numbers

WIDE = 200
TOTAL_LINE = "total_line"
_NUMERIC = ("money", "integer", "number")
# Blanks and colons around or inside the word do not count; some systems close a list with how many there are.
_AROUND = r"[\s\x{00a0}\x{3000}:：]+"
_COUNTED = r"共[0-9０-９,，]+[条笔户行个人]+(记录|数据|客户)?"
_SQL_TYPES = {"id": "VARCHAR", "code": "VARCHAR", "text": "VARCHAR", "flag": "BOOLEAN", "number": "DOUBLE"}


Stamp = tuple[int, int, int, int]
FileFact = dict[str, str | int]


@dataclass(frozen=True)
class RawTable:
    """The result of reading a table's files.

    `ignored_columns`: how many columns of the files the contract does not name. `columns`: the contract's that
    are there. `facts`: each file as it was read: table, name, bytes, sha256. `notes`: what was assumed, or left out.
    """

    table: contract.Table
    sources: Sequence[Source]
    ignored_columns: int
    columns: frozenset[str]
    facts: tuple[FileFact, ...]
    notes: tuple[Message, ...] = ()


def raw_name(table: str) -> str:
    """Return the name of a table's raw rows in the database."""
    return f"raw_{table}"


def load_table(
    connection: duckdb.DuckDBPyConnection,
    table: contract.Table,
    sources: Sequence[Source],
    mapping: TableSource,
    scratch: Path,
    readings: Mapping[str, Reading] | None = None,
) -> RawTable:
    """Read a table's files into `raw_<table>`.

    Parameters
    ----------
    readings
        By the name of a column, how its cells are to be understood, where that is known; else by the mapping, and
        where cells are not as programs write numbers, by all of the column's.

    Raises
    ------
    DataError
        A file that cannot be read at all, or parts that differ in their columns.
    MissingColumnError
        A required column is not in a file; the message lists the columns that are.
    """
    _create_raw(connection, table)
    headers: list[list[str]] = []
    facts: list[FileFact] = []
    notes: list[Message] = []
    wanted, keys = _looked_for(table, mapping)
    for position, source in enumerate(sources):
        database.say_reading(scratch, source.path)
        before = stamp(source.path)
        with as_readable(source, mapping, scratch, wanted, keys) as readable:
            header = readable.names
            keys_of = {key: value for key, value in source.keys if key not in header}
            headers.append([*header, *keys_of])
            notes += readable.notes
            scan, names = _with_constants(scan_source(source, readable), header, mapping, keys_of)
            found = _match_columns(table, names, mapping, source)
            if len(header) > WIDE:
                database.disable_optimizers(connection, is_wide=True)
            with as_data_error(source):
                types = column_types(connection, scan)
                _require_sure_ids(connection, scan, found, readable, source)
                how = dict(readings or {}) or {
                    column.name: Reading(
                        mapping.dates.get(column.name),
                        readable.zones.get(-1 if index is None else index, "UTC"),
                        mapping.decimal,
                        day_zero=readable.day_zero,
                    )
                    for column, index in found.items()
                }
                insert = (
                    f"INSERT INTO {raw_name(table.name)} SELECT * EXCLUDE (source_row, rule), {position}, source_row,"
                    " rule FROM ({rows})"
                )
                connection.execute(insert.format(rows=_typed_rows(found, mapping, scan, types, how)))
                texts = {} if readings else _number_texts(found, types, mapping)
                if texts and (
                    readable.delimiter in OTHER_COUNTRIES or _has_unread_numbers(connection, table.name, position)
                ):
                    told, section = mapping.decimal, f"tables.{table.name}"
                    numbers = survey_numbers(connection, scan, texts, source.path, readable.delimiter, told, section)
                    how |= {name: how[name]._replace(decimal=one.decimal) for name, one in numbers.items()}
                    connection.execute(f"DELETE FROM {raw_name(table.name)} WHERE source_file = {position}")
                    connection.execute(insert.format(rows=_typed_rows(found, mapping, scan, types, how)))
                if source.form != "parquet":
                    _add_rejected(connection, raw_name(table.name), position, readable, mapping.totals)
            _require_all(connection, raw_name(table.name), position, source, readable.lines.n_rows)
        digest = files.hash_file(source.path)
        require_unchanged(source.path, before)
        facts.append({"table": table.name, "file": source.name, "bytes": before[0], "sha256": digest})
    if len({frozenset(header) for header in headers}) > 1:
        raise errors.DataError(
            f"{describe(sources)}: the parts of table {table.name} differ in their columns; make them equal"
        )
    known = {mapping.columns.get(column.name, column.name) for column in table.columns}
    present = {column.name for column in table.columns if mapping.columns.get(column.name, column.name) in headers[0]}
    present |= mapping.constants.keys()
    n_ignored = len(set(headers[0]) - known - {""})
    return RawTable(table, sources, n_ignored, frozenset(present), tuple(facts), tuple(notes))


def _looked_for(table: contract.Table, mapping: TableSource) -> tuple[list[str], list[str]]:
    """Return the names that a file must have for a table, and that of its key, where one column is the key."""
    required = [column.name for column in table.columns if column.required and column.name not in mapping.constants]
    key = table.key if len(table.key) == 1 else ()
    wanted, keys = ([mapping.columns.get(name, name) for name in names] for names in (required, key))
    return wanted, keys


def _require_sure_ids(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    found: Mapping[contract.TableColumn, int | None],
    readable: Readable,
    source: Source,
) -> None:
    """Refuse ids with letters that another encoding reads otherwise: they would not be the bank's."""
    if not readable.doubtful:
        return
    types = column_types(connection, scan)
    for column, index in found.items():
        if column.kind != "id" or index is None or types[index][1] != "VARCHAR":
            continue
        doubtful = f"regexp_matches({quote_name(types[index][0])}, {quote_text(f'[{readable.doubtful}]')})"
        (n_doubtful,) = database.fetch_row(connection, f"SELECT count(*) FROM {scan} WHERE {doubtful}")
        if n_doubtful:
            name = readable.names[index] if index < len(readable.names) else column.name
            raise errors.DataError(
                f"{source.path}: column {name} has {n_doubtful:,} ids whose letters windows-1252 and windows-1250 read"
                f" differently; say which holds as encoding in [{section_of(source.table)}]"
            )


def stamp(path: Path) -> Stamp:
    """Return a file's size, time of change, and what tells it from another file put in its place."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns


def require_unchanged(path: Path, before: Stamp) -> None:
    """Refuse a file that is not as it was.

    Raises
    ------
    DataError
        Its stamp differs, or it is gone.
    """
    if not path.exists() or stamp(path) != before:
        raise errors.DataError(f"{path}: changed while it was read; wait until it is written, then try again")


def _create_raw(connection: duckdb.DuckDBPyConnection, table: contract.Table) -> None:
    columns = ", ".join(f"{quote_name(c.name)} {_SQL_TYPES.get(c.kind, 'BIGINT')}" for c in table.columns)
    connection.execute(
        f"CREATE TABLE {raw_name(table.name)} ({columns}, source_file INTEGER, source_row BIGINT, rule VARCHAR)"
    )


def _match_columns(
    table: contract.Table, header: Sequence[str], mapping: TableSource, source: Source
) -> dict[contract.TableColumn, int | None]:
    found: dict[contract.TableColumn, int | None] = {}
    for column in table.columns:
        name = mapping.columns.get(column.name, column.name)
        if name not in header and (column.required or column.name in mapping.columns):
            known = [mapping.columns.get(other.name, other.name) for other in table.columns]
            asked = name if name == column.name else f"{name} (for {column.name})"
            raise errors.MissingColumnError(
                f"{source.path}: column {asked} of table {table.name} is missing; {list_columns(header, known)};"
                f" add it or name it under [tables.{table.name}.columns] in the configuration"
            )
        found[column] = header.index(name) if name in header else None
    return found


def scan_source(source: Source, readable: Readable) -> str:
    """SQL that scans a file: CSV as texts named c0, c1, …, rows that do not split set aside; Parquet as it is."""
    # A path is a path: what DuckDB would take for a pattern stands for itself in brackets.
    path = quote_text(re.sub(r"([*?\[])", r"[\1]", str(readable.lines.path)))
    if source.form == "parquet":
        scan = f"read_parquet({path}, hive_partitioning=false)"
        # DuckDB takes durations for numbers of whatever unit the writer chose.
        days = [f"{quote_name(name)} / {n:.1f} AS {quote_name(name)}" for name, n in readable.durations.items()]
        return f"(SELECT * REPLACE ({', '.join(days)}) FROM {scan})" if days else scan
    columns = ", ".join(f"{quote_text(f'c{i}')}: 'VARCHAR'" for i in range(len(readable.names)))
    return (
        f"read_csv({path}, columns={{{columns}}}, auto_detect=false, header=true, quote='\"',"
        f" escape='\"', delim={quote_text(readable.delimiter)}, store_rejects=true, rejects_limit=0,"
        f" hive_partitioning=false,"
        f" max_line_size={LONGEST_LINE})"
    )


def _with_constants(
    scan: str, header: Sequence[str], mapping: TableSource, keys: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Add what folders say and the configured constants to a scan, as columns the file does not have.

    Gives the names of all its columns, too.
    """
    constants = {mapping.columns.get(name, name): value for name, value in mapping.constants.items()} | dict(keys)
    missing = {name: value for name, value in constants.items() if name not in header}
    if not missing:
        return scan, list(header)
    added = ", ".join(
        f"{quote_text(value)} AS {quote_name(f'constant {n}')}" for n, value in enumerate(missing.values())
    )
    return f"(SELECT *, {added} FROM {scan})", [*header, *missing]


def column_types(connection: duckdb.DuckDBPyConnection, scan: str) -> list[tuple[str, str]]:
    """Return the names and DuckDB types a scan gives."""
    return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]


@contextmanager
def as_data_error(source: Source) -> Iterator[None]:
    """Turn what DuckDB says of a file into one line; its own message repeats cells of the file."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error).lower()
        if "could not write" in said or "no space" in said:
            raise errors.OutputError(
                "the folder for temporary files is full or cannot be written; free some space, or set TMPDIR"
            ) from error
        if isinstance(error, duckdb.OutOfMemoryException) or "allocate" in said or "out of memory" in said:
            raise errors.DataError(
                f"{source.path}: is too large for the memory at hand; free some memory and try again"
            ) from error
        raise errors.DataError(
            f"{source.path}: cannot be read as {source.form}, it is damaged or cut short; export it again"
        ) from error


def _typed_rows(
    found: Mapping[contract.TableColumn, int | None],
    mapping: TableSource,
    scan: str,
    types: Sequence[tuple[str, str]],
    readings: Mapping[str, Reading],
) -> str:
    """SQL for a scan's rows in the contract's terms: cells to texts, contents, values, and the rule they break.

    Each step is a query of its own that the next one names: written out, a value would repeat its text a dozen times,
    and most of the time of a small table would go into understanding the query.
    """
    # Numbered first of all: what stands between may hand on rows in another order.
    texts = ["row_number() OVER () AS source_row", f"{cells.cell_text(*types[0])} AS first_text"]
    contents, values, chosen, missing = [], [], [], (*MISSING, *mapping.missing)
    rules = [f"CASE WHEN {_is_total_line('first_text', mapping.totals)} THEN ':{TOTAL_LINE}' END"]
    for column, index in found.items():
        name = quote_name(column.name)
        if index is None:
            chosen.append(f"{'false' if column.kind == 'flag' else 'NULL'} AS {name}")
            continue
        values_of, decimal = mapping.values.get(column.name, {}), readings[column.name].decimal
        source = cells.source_cell(column.kind, *types[index], values_of, missing, decimal)
        cell = Cell(f"cell {index}", source.sql_type, quote_name(f"text {column.name}"))
        texts += [f"{quote_name(source.name)} AS {quote_name(cell.name)}", f"{source.text} AS {cell.text}"]
        content, reading = quote_name(f"content {column.name}"), readings[column.name]
        contents.append(f"{cells.cell_said(column, cell, reading)} AS {content}")
        values.append(f"{cells.cell_value(column, content, cell, reading)} AS {name}")
        rules.append(cells.cell_rule(column, content, cell, name, reading))
        if column.name == "month":
            rules.append(_not_a_month_end(name))
        chosen.append(f"coalesce({name}, false) AS {name}" if column.kind == "flag" and column.nullable else name)
    query = f"SELECT {', '.join(texts)} FROM {scan}"
    for step in (contents, values):
        query = f"SELECT *, {', '.join(step)} FROM ({query})"
    return f"SELECT {', '.join(chosen)}, source_row, coalesce({', '.join(rules)}) AS rule FROM ({query})"


def _has_unread_numbers(connection: duckdb.DuckDBPyConnection, table: str, position: int) -> bool:
    """Whether a file has cells that are no numbers as programs write them, and may be some as people do."""
    wrong = "|".join(cells.RULES[kind] for kind in _NUMERIC)
    (n_wrong,) = database.fetch_row(
        connection,
        f"SELECT count(*) FROM {raw_name(table)}"
        f" WHERE source_file = {position} AND regexp_matches(rule, ':({wrong})$')",
    )
    return bool(n_wrong)


def _number_texts(
    found: Mapping[contract.TableColumn, int | None], types: Sequence[tuple[str, str]], mapping: TableSource
) -> dict[str, str]:
    """SQL of the cells of columns of numbers that a file holds as texts."""
    return {
        column.name: cells.filled_text(*types[index], (*MISSING, *mapping.missing))
        for column, index in found.items()
        if index is not None and column.kind in _NUMERIC and types[index][1] == "VARCHAR"
    }


def _not_a_month_end(day: str) -> str:
    """SQL for the rule of a month that is not written as its last day: its values would be found nowhere."""
    date = f"(DATE '1970-01-01' + CAST({day} AS INTEGER))"
    return f"CASE WHEN {date} <> last_day({date}) THEN 'month:not_a_month_end' END"


def _is_total_line(first: str, totals: Sequence[str]) -> str:
    """SQL for whether a line sums others up: its first cell, as SQL, is one of the words, or counts the lines."""
    if not totals:
        return "false"
    plain = f"regexp_replace({first}, {quote_text(_AROUND)}, '', 'g')"
    words = ", ".join(quote_text(word.strip(" :：")) for word in totals)
    return f"({plain} IN ({words}) OR regexp_full_match({plain}, {quote_text(_COUNTED)}))"


def _require_all(connection: duckdb.DuckDBPyConnection, raw: str, position: int, source: Source, n_rows: int) -> None:
    """Refuse a file of which another number of rows was read than stand in it, counted apart from the reader."""
    (n_read,) = database.fetch_row(connection, f"SELECT count(*) FROM {raw} WHERE source_file = {position}")
    if n_read != n_rows:
        raise errors.DataError(
            f"{source.path}: {n_rows:,} rows stand in it, and {n_read:,} could be read; it is damaged, or a quotation"
            " mark is out of place; export it again"
        )


def _add_rejected(
    connection: duckdb.DuckDBPyConnection, raw: str, position: int, readable: Readable, totals: Sequence[str]
) -> None:
    """Add to a raw table the rows the last scan of a file could not split, and count them in the others' `source_row`.

    DuckDB counts blank lines in the place of a row it could not split, though they are no rows.
    """
    first = r"""regexp_extract(csv_line, '^"?([^",;|\t]*)', 1)"""
    (n_broken,) = database.fetch_row(
        connection,
        "CREATE OR REPLACE TEMP TABLE broken AS"
        " SELECT line - 1 AS line, min(byte_position) AS byte,"
        f" CASE WHEN bool_or({_is_total_line(first, totals)}) THEN ':{TOTAL_LINE}'"
        " WHEN max(strpos(trim(csv_line, chr(10) || chr(13)), chr(10))) > 0 THEN ':lines_in_quotes'"
        " ELSE ':broken_row' END AS rule FROM reject_errors GROUP BY line",
    )
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    if not n_broken:
        return
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE rejected AS SELECT line - n_blank AS source_row, rule FROM ("
        " SELECT line, rule, sum(CAST(line IS NULL AS BIGINT)) OVER (ORDER BY byte, line NULLS LAST"
        " ROWS UNBOUNDED PRECEDING) AS n_blank"
        " FROM (FROM broken UNION ALL SELECT NULL, unnest(CAST(? AS BIGINT[])), NULL)) WHERE line IS NOT NULL",
        [list(readable.lines.blanks)],
    )
    n_rejected = database.fetch_row(connection, "SELECT count(*) FROM rejected")[0]
    if n_rejected:
        n_split = database.fetch_row(connection, f"SELECT count(*) FROM {raw} WHERE source_file = {position}")[0]
        connection.execute(
            f"UPDATE {raw} SET source_row = place.source_row FROM ("
            f" SELECT source_row, row_number() OVER (ORDER BY source_row) AS split_row"
            f" FROM (SELECT range AS source_row FROM range(1, {n_split + n_rejected + 1}))"
            f" ANTI JOIN rejected USING (source_row)) AS place"
            f" WHERE source_file = {position} AND {raw}.source_row = place.split_row"
        )
        connection.execute(
            f"INSERT INTO {raw} BY NAME SELECT {position} AS source_file, source_row, rule FROM rejected"
        )
    if aside := readable.lines.set_aside:
        connection.execute(
            f"UPDATE {raw} SET rule = aside.rule FROM (SELECT unnest(?) AS source_row, unnest(?) AS rule) AS aside"
            f" WHERE source_file = {position} AND {raw}.source_row = aside.source_row",
            [list(aside), [f":{rule}" for rule in aside.values()]],
        )
