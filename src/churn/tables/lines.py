"""Lines of a file that are no rows: those that do not split into the header's cells, and those that sum others up."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from churn.tables.cells import quote_text
from churn.tables.database import fetch_row

TOTAL_LINE = "total_line"
# Blanks and colons around or inside the word do not count; some systems close a list with how many there are.
_AROUND = r"[\s\x{00a0}\x{3000}:：]+"
_COUNTED = r"共[0-9０-９,，]+[条笔户行个人]+(记录|数据|客户)?"


def is_total_line(first: str, totals: Sequence[str]) -> str:
    """SQL for whether a line sums others up: its first cell, as SQL, is one of the words, or counts the lines."""
    if not totals:
        return "false"
    plain = f"regexp_replace({first}, {quote_text(_AROUND)}, '', 'g')"
    words = ", ".join(quote_text(word.strip(" :：")) for word in totals)
    return f"({plain} IN ({words}) OR regexp_full_match({plain}, {quote_text(_COUNTED)}))"


def add_rejected(
    connection: duckdb.DuckDBPyConnection, raw: str, position: int, path: Path, totals: Sequence[str]
) -> None:
    """Add to a raw table the rows the last scan of a file could not split, and count them in the others' `source_row`.

    DuckDB counts blank lines in the place of a row it could not split, though they are no rows.
    """
    first = r"""regexp_extract(csv_line, '^"?([^",;|\t]*)', 1)"""
    connection.execute(
        "CREATE TEMP TABLE broken AS"
        " SELECT line - 1 AS line, min(byte_position) AS byte,"
        f" CASE WHEN bool_or({is_total_line(first, totals)}) THEN ':{TOTAL_LINE}'"
        " WHEN max(strpos(trim(csv_line, chr(10) || chr(13)), chr(10))) > 0 THEN ':lines_in_quotes'"
        " ELSE ':broken_row' END AS rule FROM reject_errors GROUP BY line"
    )
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    blanks = _blank_lines(path) if fetch_row(connection, "SELECT count(*) FROM broken")[0] else []
    connection.execute(
        "CREATE TEMP TABLE rejected AS SELECT line - n_blank AS source_row, rule FROM ("
        " SELECT line, rule, sum(CAST(line IS NULL AS BIGINT)) OVER (ORDER BY byte, line NULLS LAST"
        " ROWS UNBOUNDED PRECEDING) AS n_blank"
        " FROM (FROM broken UNION ALL SELECT NULL, unnest(CAST(? AS BIGINT[])), NULL)) WHERE line IS NOT NULL",
        [blanks],
    )
    connection.execute("DROP TABLE broken")
    n_rejected = fetch_row(connection, "SELECT count(*) FROM rejected")[0]
    if n_rejected:
        n_split = fetch_row(connection, f"SELECT count(*) FROM {raw} WHERE source_file = {position}")[0]
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
    connection.execute("DROP TABLE rejected")


def _blank_lines(path: Path) -> list[int]:
    """Return the byte positions of the blank lines that stand outside quotes."""
    found, byte, quoted = [], 0, False
    with path.open("rb") as stream:
        for line in stream:
            if not quoted and not line.strip(b"\r\n"):
                found.append(byte)
            quoted ^= bool(line.count(b'"') % 2)
            byte += len(line)
    return found
