"""What checking found in a bank's files, and how it is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from churn.config import Config
from churn.speech import Message, Said, message
from churn.tables import database, reading

QUARANTINE = "quarantine"
BEYOND = "beyond_the_other_tables"
_FETCHED_ROWS = 10_000
TABLES: Mapping[str, Message] = {
    "customers": message("customers", context="table"),
    "customer_states": message("customer_states", context="table"),
    "holdings": message("holdings", context="table"),
    "bindings": message("bindings", context="table"),
    "contacts": message("contacts", context="table"),
    "pnl": message("pnl", context="table"),
    "transactions": message("transactions", context="table"),
    "referrals": message("referrals", context="table"),
    "campaigns": message("campaigns", context="table"),
    "labels": message("labels", context="table"),
    "flat": message("flat", context="table"),
}
"""What people call a table; its own name is part of it."""
RULES: Mapping[str, Message] = {
    "broken_row": message("does not split into the header's cells"),
    "lines_in_quotes": message("an open quotation mark swallows the lines after it; mend it"),
    "missing_value": message("empty where a value is needed"),
    "not_an_id": message("not an id (Excel may have rounded it)"),
    "not_a_date": message("not a date"),
    "not_a_month_end": message("not the last day of a month"),
    "not_an_amount": message("not an amount"),
    "not_an_integer": message("not a whole number"),
    "not_a_number": message("not a number"),
    "not_a_text": message("not a text"),
    "not_true_or_false": message("neither true nor false"),
    "unknown_value": message("a code that is not known"),
    "ends_before_beginning": message("ends before it begins"),
    "formula_without_value": message("a formula whose value was not saved; open the file in Excel and save it"),
    "exact_copy": message("repeats an earlier row"),
    "duplicate_key": message("contradicts a row of the same key"),
    "unknown_customer": message("names a customer who is not there"),
    reading.TOTAL_LINE: message("a total line, no row"),
    "second_class_1_account": message("a second class-1 account since December 2016"),
    "product_never_held": message("a service bound without its product"),
    "vip_without_manager": message("a VIP without a manager"),
    BEYOND: message("later by over 31 days than any other table; mend, or give --data-end"),
    "unknown_holding": message("a value of a holding that is not there"),
}
"""What is wrong with a row that breaks a rule."""


Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One rule broken in one table: how often, and up to five row numbers of the files (from 1)."""

    table: str
    column: str
    rule: str
    severity: Severity
    count: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class RowCount:
    """Rows of a table: `rows` = `used` + `quarantined`."""

    rows: int
    used: int
    quarantined: int


LeftOut = tuple[str, str, int, str, str]
"""A row left out: table, file name, row in that file (from 1), column (may be empty), rule."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Checked tables in a DuckDB database: dates are whole days since 1970-01-01, money whole cents.

    Attributes
    ----------
    connection
        Holds one table of usable rows for each name in `raws`.
    raws
        The tables that were there, by name; the one of customers first.
    row_counts
        For each table: rows = used + quarantined.
    findings
        Broken rules and warnings.
    ignored_columns
        How many columns of each table nothing asks for, where there are any.
    names
        What the file itself calls a column, where that is not the name in the database.
    """

    connection: duckdb.DuckDBPyConnection
    raws: Mapping[str, reading.RawTable]
    row_counts: Mapping[str, RowCount]
    findings: Sequence[Finding]
    ignored_columns: Mapping[str, int]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether no row had to be left out."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def paths(self) -> list[Path]:
        """The files the tables were read from."""
        return [source.path for raw in self.raws.values() for source in raw.sources]

    def ranges(self, size: int) -> list[tuple[str, str]]:
        """Cut the customers, sorted by id, into closed ranges of `size`."""
        return database.customer_ranges(self.connection, next(iter(self.raws)), size)

    def quarantine(self) -> Iterator[LeftOut]:
        """Yield every row left out."""
        files = {name: [source.path.name for source in raw.sources] for name, raw in self.raws.items()}
        # A cursor of its own: an unread result would block the connection for everything else.
        cursor = self.connection.cursor().execute(f"FROM {QUARANTINE}")
        while rows := cursor.fetchmany(_FETCHED_ROWS):
            for table, file, row, text in rows:
                column, rule = text.split(":")
                yield table, files[table][file], row, self.names.get(column, column), rule

    def file_facts(self) -> list[reading.FileFact]:
        """Describe every input file: table, name, bytes, sha256.

        Raises
        ------
        DataError
            A file is no longer what was read.
        """
        return [fact for raw in self.raws.values() for fact in reading.describe_files(raw)]


# What to do where a rule leaves nothing that could be used.
HINTS: Mapping[str, str] = {
    "not_an_id": "export the ids as text: of a number Excel keeps 15 digits",
    "not_a_date": "mend them, or give the form of its dates under [tables.{table}.dates] in the configuration",
    "unknown_value": "mend them, or say what its values stand for under [tables.{table}.values] in the configuration",
    "formula_without_value": "open it in Excel and save it, which keeps the values of its formulas",
    "zeros_lost": "Excel may have dropped the leading zeros of ids it holds as numbers; export the ids as text",
}


def describe_rule(finding: Finding) -> str:
    """Name a finding's column and rule in a few words."""
    return f"{finding.column or 'row'}: {finding.rule.replace('_', ' ')}"


class Note(NamedTuple):
    """What whoever uses the data should know: whether it is a warning, and what is said."""

    is_warning: bool
    said: Said


def total_lines(findings: Sequence[Finding]) -> dict[str, int]:
    """Count the total lines of each table that has some."""
    return {finding.table: finding.count for finding in findings if finding.rule == reading.TOTAL_LINE}


def column_name(config: Config, table: str, column: str) -> Said:
    """Name a column beside the source's own name, where the configuration maps it; nothing for a whole row.

    Examples
    --------
    >>> from churn.speech import say
    >>> config = Config.model_validate({"tables": {"customers": {"columns": {"manager_id": "客户经理"}}}})
    >>> say(column_name(config, "customers", "manager_id"), "zh"), column_name(config, "customers", "tier")
    ('客户经理 manager_id', 'tier')
    """
    own = config.tables[table].columns.get(column, column) if table in config.tables else column
    return column if own == column else message("{column} ({own})", column=column, own=own)


def list_notes(checked: Checked, config: Config) -> list[Note]:
    """Say what was ignored, what was left out, and what moves the data end."""
    totals = total_lines(checked.findings)
    notes = [
        Note(False, message("{table}: {n} columns that nothing asks for are ignored", table=TABLES[name], n=n))
        for name, n in checked.ignored_columns.items()
    ]
    for name, count in checked.row_counts.items():
        if n := count.quarantined - totals.get(name, 0):
            left_out = message("{table}: {n} of {rows} rows are left out", table=TABLES[name], n=n, rows=count.rows)
            notes.append(Note(False, left_out))
    for name, n in totals.items():
        notes.append(Note(False, message("{table}: total lines, which are no rows: {n}", table=TABLES[name], n=n)))
    beyond = [finding for finding in checked.findings if finding.rule == BEYOND]
    return notes + [Note(True, _tell_beyond(finding, config)) for finding in beyond]


def _tell_beyond(finding: Finding, config: Config) -> Message:
    return message(
        "{table}.{column}: {n} rows (such as {row}) are later by over 31 days than any other table; give --data-end",
        table=TABLES[finding.table],
        column=column_name(config, finding.table, finding.column),
        n=finding.count,
        row=str(finding.rows[0]),
    )
