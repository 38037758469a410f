"""CSV as people and programs get it: one rule against formulas, a byte-order mark where Excel opens it, ids as text.

CSV has no types, so a spreadsheet takes a text that begins with = + - @ (some take ＝ ＋ － ＠ too), with `{=`, a
tab or a line end for a formula. Such a cell begins with an apostrophe instead (OWASP ASVS 1.2.10); numbers, negative
ones too, stay as they are. Where Excel opens a file it needs a byte-order mark, or it shows Chinese as gibberish;
pandas, DuckDB and Arrow skip the mark.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

# Apostrophes first: a text that begins with one as it is gets one more, so that every text can be given back.
_RUNS = r"^'*( *([=+\-@＝＋－＠]|\{=)|[\t\r\n])"
_NUMBER = r"^[+-]?\d+(\.\d+)?$"
_RUNS_AT_ALL, _IS_NUMBER = re.compile(_RUNS), re.compile(_NUMBER.removesuffix("$"))


def guard(value: Any) -> Any:
    """Give a cell that no spreadsheet runs; what is not a string, and a plain number, stays as it is.

    Examples
    --------
    >>> [guard(value) for value in ("=1+1", "-5.2", "@SUM(A1)", "C001", -3.0, "-1+1", "{=1}")]
    ["'=1+1", '-5.2', "'@SUM(A1)", 'C001', -3.0, "'-1+1", "'{=1}"]
    """
    if isinstance(value, str) and _RUNS_AT_ALL.match(value) and not _IS_NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def write_frame(path: Path, rows: pd.DataFrame, *, for_excel: bool, quote_texts: bool = False) -> None:
    """Write a table with its header; a missing value is an empty cell.

    Parameters
    ----------
    path
        Of a file that the caller makes appear whole (`churn.files`).
    for_excel
        Whether people open it in Excel: then it begins with a byte-order mark.
    quote_texts
        Put every text in quotes, not only those that need them.
    """
    texts = [name for name in rows.columns if _may_hold_text(rows[name])]
    guarded = rows.assign(**{name: rows[name].map(guard) for name in texts}).rename(columns=guard)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if quote_texts else csv.QUOTE_MINIMAL
    with _opened(path, for_excel=for_excel) as stream:
        guarded.to_csv(_UnixEnds(stream), index=False, lineterminator="\r\n", quoting=quoting)


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]], *, for_excel: bool) -> None:
    """Write rows as they come under a header; parameters as for `write_frame`, None is an empty cell."""
    with _opened(path, for_excel=for_excel) as stream:
        _write(stream, header, rows)


def render_rows(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    r"""Render what `write_rows` writes for Excel, the mark included.

    Examples
    --------
    >>> render_rows(["service", "effect"], [["=cts", -0.05], ["fund", None]])
    "\ufeffservice,effect\n'=cts,-0.05\nfund,\n"
    """
    stream = io.StringIO()
    _write(stream, header, rows)
    return "\ufeff" + stream.getvalue()


@contextmanager
def open_for_tables(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Open a file for programs; give what writes one Arrow table after the other into it, every text in quotes."""
    with pa_csv.CSVWriter(path, schema) as writer:
        yield lambda table: writer.write_table(_on_texts(table, _guard_column))


def unguard_text(text: str) -> str:
    """Give back a text read from a file that was written here, as it was before.

    Examples
    --------
    >>> [unguard_text(text) for text in ("'=1+1", "C001", "'quoted'")]
    ['=1+1', 'C001', "'quoted'"]
    """
    return text[1:] if text.startswith("'") and _RUNS_AT_ALL.match(text) else text


def unguard(table: pa.Table) -> pa.Table:
    """Give back the texts of a table read from a file that was written here, as they were before.

    Examples
    --------
    >>> unguard(pa.table({"customer_id": ["'=1+1", "C001", "'quoted'", None]}))["customer_id"].to_pylist()
    ['=1+1', 'C001', "'quoted'", None]
    """
    return _on_texts(table, _unguard_column)


def _may_hold_text(column: "pd.Series[Any]") -> bool:
    return not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_datetime64_any_dtype(column)


class _UnixEnds(io.TextIOBase):
    r"""Takes lines that end in \r\n, for which a text with a lone \r is put in quotes, and writes them with \n."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str, /) -> int:
        """Write one line."""
        return self._stream.write(line.removesuffix("\r\n") + "\n")


def _opened(path: Path, *, for_excel: bool) -> TextIO:
    return path.open("w", encoding="utf-8-sig" if for_excel else "utf-8", newline="")


def _write(stream: TextIO, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    writer = csv.writer(_UnixEnds(stream), lineterminator="\r\n")
    writer.writerow(map(guard, header))
    writer.writerows(map(guard, row) for row in rows)


def _on_texts(table: pa.Table, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(place, field, change(table.column(place)))
    return table


def _guard_column(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    runs = pc.and_not(pc.match_substring_regex(texts, _RUNS), pc.match_substring_regex(texts, _NUMBER))
    return pc.if_else(runs, pc.utf8_replace_slice(texts, 0, 0, "'"), texts) if pc.any(runs).as_py() else texts


def _unguard_column(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    marked = pc.and_(pc.starts_with(texts, "'"), pc.match_substring_regex(texts, _RUNS))
    return pc.if_else(marked, pc.utf8_slice_codeunits(texts, 1), texts) if pc.any(marked).as_py() else texts
