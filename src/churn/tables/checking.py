"""Which rows can be used: rules across rows, the quarantine, and what is said of findings.

The rules use a row itself and keys, never other dates, so that nothing the future brings changes what was
known before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from churn.config import Config
from churn.speech import Message, Said, message
from churn.tables import contract, database, lines, reading
from churn.tables.cells import quote_name, quote_text

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
"""The name people use for a table; its own name is part of it."""
RULES: Mapping[str, Message] = {
    "broken_row": message("does not split into the header's cells"),
    "lines_in_quotes": message("an open quotation mark swallows the lines after it; fix it"),
    lines.STRAY_QUOTE: message("a quotation mark that opens or closes nothing; fix it"),
    "missing_value": message("empty where a value is needed"),
    "not_an_id": message("not an id (Excel may have rounded it)"),
    "not_a_date": message("not a date"),
    "not_a_month_end": message("not the last day of a month"),
    "not_an_amount": message("not an amount"),
    "not_an_integer": message("not a whole number"),
    "not_a_number": message("not a number"),
    "not_a_text": message("not a string"),
    "not_true_or_false": message("neither true nor false"),
    "unknown_value": message("a code that is not known"),
    "ends_before_beginning": message("ends before it begins"),
    "formula_without_value": message("a formula whose value was not saved; open the file in Excel and save it"),
    "exact_copy": message("repeats an earlier row"),
    "duplicate_key": message("contradicts a row of the same key"),
    "unknown_customer": message("names a customer who is not there"),
    reading.TOTAL_LINE: message("a total line, not a row"),
    "second_class_1_account": message("a second class-1 account since December 2016"),
    "product_never_held": message("a service bound without its product"),
    "vip_without_manager": message("a VIP without a manager"),
    BEYOND: message("later by over 31 days than any other table; fix it, or give --data-end"),
    "unknown_holding": message("a value of a holding that is not there"),
}
"""The fault of a row that breaks a rule."""


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


class Note(NamedTuple):
    """A note for whoever uses the data: whether it is a warning, and its text."""

    is_warning: bool
    said: Said


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
        The file's own name of a column, where that is not the name in the database.
    notes
        What was assumed in reading.
    """

    connection: duckdb.DuckDBPyConnection
    raws: Mapping[str, reading.RawTable]
    row_counts: Mapping[str, RowCount]
    findings: Sequence[Finding]
    ignored_columns: Mapping[str, int]
    names: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[Note] = ()

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
        files = {name: [source.name for source in raw.sources] for name, raw in self.raws.items()}
        # A cursor of its own: an unread result would block the connection for everything else.
        cursor = self.connection.cursor().execute(f"FROM {QUARANTINE}")
        while rows := cursor.fetchmany(_FETCHED_ROWS):
            for table, file, row, text in rows:
                column, rule = text.split(":")
                yield table, files[table][file], row, self.names.get(column, column), rule

    def file_facts(self) -> list[reading.FileFact]:
        """Describe every input file as it was read: table, name, bytes, sha256."""
        return [fact for raw in self.raws.values() for fact in raw.facts]


# What to do where a rule leaves nothing that could be used.
HINTS: Mapping[str, str] = {
    "not_an_id": "export the ids as text: of a number Excel keeps 15 digits",
    "not_a_date": "fix them, or give the form of its dates under [tables.{table}.dates] in the configuration",
    "unknown_value": "fix them, or say what its values stand for under [tables.{table}.values] in the configuration",
    "formula_without_value": "open it in Excel and save it, which keeps the values of its formulas",
    "zeros_lost": "Excel may have dropped the leading zeros of ids it holds as numbers; export the ids as text",
}


def describe_rule(finding: Finding) -> str:
    """Name a finding's column and rule in a few words."""
    return f"{finding.column or 'row'}: {finding.rule.replace('_', ' ')}"


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
        notes.append(Note(False, message("{table}: total lines, which are not rows: {n}", table=TABLES[name], n=n)))
    beyond = [finding for finding in checked.findings if finding.rule == BEYOND]
    return [*checked.notes, *notes] + [Note(True, _tell_beyond(finding, config)) for finding in beyond]


def _tell_beyond(finding: Finding, config: Config) -> Message:
    return message(
        "{table}.{column}: {n} rows (such as {row}) are later by over 31 days than any other table; give --data-end",
        table=TABLES[finding.table],
        column=column_name(config, finding.table, finding.column),
        n=finding.count,
        row=str(finding.rows[0]),
    )


# Tables dated event by event: their last day is the last the data know about.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "pnl": ("month",),
    "transactions": ("transacted_on",),
    "contacts": ("contacted_on",),
}
_BEYOND_DAYS = 31
_SHOWN_ROWS = 5


def create_quarantine(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty quarantine: one row per input row that was left out."""
    # Who checks the tables is their last reader: to tidy the file when it is closed would be for nobody.
    connection.execute(
        "PRAGMA disable_checkpoint_on_shutdown;"
        f' CREATE TABLE {QUARANTINE} ("table" VARCHAR, source_file INTEGER, source_row BIGINT, rule VARCHAR)'
    )


def check_table(connection: duckdb.DuckDBPyConnection, raw: reading.RawTable) -> tuple[RowCount, list[Finding]]:
    """Split `raw_<table>` into the usable rows, a table of the table's own name, and the quarantine.

    Usable rows are sorted by the customer, so that a range of customers is read without the rest.
    `customers` must have been checked before any table that refers to it.
    """
    table, raw_rows = raw.table, reading.raw_name(raw.table.name)
    judged = _judged(connection, table)
    order = table.references[0] if table.references else table.key[0]
    (used,) = database.fetch_row(
        connection,
        f"CREATE TABLE {table.name} AS SELECT * EXCLUDE (rule) FROM ({judged}) WHERE rule IS NULL ORDER BY {order}",
    )
    (rows,) = database.fetch_row(connection, f"SELECT count(*) FROM {raw_rows}")
    findings = []
    if used < rows:
        connection.execute(
            f"INSERT INTO {QUARANTINE} SELECT {quote_text(table.name)}, source_file, source_row, rule"
            f" FROM ({judged}) WHERE rule IS NOT NULL ORDER BY source_file, source_row"
        )
        findings = _broken_rules(connection, table.name)
    connection.execute(f"DROP TABLE {raw_rows}; DROP TABLE IF EXISTS repeats")
    return RowCount(rows, used, rows - used), findings


def find_warnings(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, reading.RawTable], config: Config
) -> list[Finding]:
    """Find what quarantines nothing but a bank should know; each rule only where its tables are there."""
    found = [_second_class_1_account(connection)]
    if "bindings" in present:
        found.append(_bound_without_product(connection, config))
    if "manager_id" in present["customers"].columns:
        vip = ", ".join(map(quote_text, contract.VIP_TIERS))
        where = f"tier IN ({vip}) AND manager_id IS NULL AND closed_on IS NULL"
        found.append(_warning(connection, "customers", "manager_id", "vip_without_manager", where))
    if "pnl" in present:
        where = "holding_id NOT IN (SELECT holding_id FROM holdings)"
        found.append(_warning(connection, "pnl", "holding_id", "unknown_holding", where))
    found += _beyond_the_others(connection, present)
    return [finding for finding in found if finding.count]


def _judged(connection: duckdb.DuckDBPyConnection, table: contract.Table) -> str:
    """SQL for the raw rows with the first rule each breaks; makes the tables `twice` and perhaps `repeats` for it."""
    rules, joins, known_from = ["raw.rule"], "", ""
    if table.period:
        begin, end = map(quote_name, table.period)
        broken = quote_text(f"{table.period[1]}:ends_before_beginning")
        rules.append(f"CASE WHEN raw.{end} < raw.{begin} THEN {broken} END")
    if _find_repeats(connection, table):
        joins += " LEFT JOIN repeats USING (source_file, source_row)"
        rules.append("repeats.rule")
    for column in table.references:
        joins += f" LEFT JOIN customers AS known_{column} ON raw.{column} = known_{column}.customer_id"
        unknown = quote_text(f"{column}:unknown_customer")
        rules.append(f"CASE WHEN known_{column}.customer_id IS NULL THEN {unknown} END")
    if len(table.references) > 1:
        opened = ", ".join(f"known_{column}.opened_on" for column in table.references)
        known_from = f" greatest({opened}) AS known_from,"
    return (
        f"SELECT {_columns(table, 'raw.')}, raw.source_file, raw.source_row,{known_from}"
        f" coalesce({', '.join(rules)}) AS rule FROM {reading.raw_name(table.name)} AS raw{joins}"
    )


def _find_repeats(connection: duckdb.DuckDBPyConnection, table: contract.Table) -> bool:
    """Find rows that repeat another: exact copies but the first, and all rows that contradict each other.

    They go to the table `repeats`, their keys to `twice`. Most tables have none, and there is no table `repeats`.
    """
    raw, columns = reading.raw_name(table.name), _columns(table)
    names = [quote_name(name) for name in table.key or (column.name for column in table.columns)]
    key, same = ", ".join(names), " AND ".join(f"row.{name} IS NOT DISTINCT FROM twice.{name}" for name in names)
    usable = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in table.key) or "rule IS NULL"
    twice = f"SELECT {key} FROM {raw} WHERE {usable} GROUP BY ALL HAVING count(*) > 1"
    if not database.fetch_row(connection, f"CREATE OR REPLACE TEMP TABLE twice AS {twice}")[0]:
        return False
    shared = f"SELECT * FROM {raw} AS row WHERE {usable} AND EXISTS (FROM twice WHERE {same})"
    judged = (
        f"SELECT source_file, source_row,"
        f" row_number() OVER (PARTITION BY {columns}, rule ORDER BY source_file, source_row) AS copy,"
        f" count(*) OVER (PARTITION BY {key}) AS n_rows,"
        f" count(*) OVER (PARTITION BY {columns}, rule) AS n_copies FROM ({shared})"
    )
    connection.execute(
        "CREATE TEMP TABLE repeats AS SELECT source_file, source_row,"
        " CASE WHEN n_copies < n_rows THEN ':duplicate_key' ELSE ':exact_copy' END AS rule"
        f" FROM ({judged}) WHERE n_copies < n_rows OR copy > 1"
    )
    return True


def _columns(table: contract.Table, prefix: str = "") -> str:
    return ", ".join(prefix + quote_name(column.name) for column in table.columns)


def _broken_rules(connection: duckdb.DuckDBPyConnection, table: str) -> list[Finding]:
    rows = connection.execute(
        f"SELECT rule, count(*), list(source_row ORDER BY source_file, source_row)[1:{_SHOWN_ROWS}] FROM {QUARANTINE}"
        f' WHERE "table" = {quote_text(table)} GROUP BY rule ORDER BY rule'
    ).fetchall()
    found = []
    for text, count, shown in rows:
        column, rule = text.split(":")
        # A total line is left out like any other row, but nothing is wrong with it.
        severity: Severity = "warning" if rule == reading.TOTAL_LINE else "error"
        found.append(Finding(table=table, column=column, rule=rule, severity=severity, count=count, rows=tuple(shown)))
    return found


def _warning(connection: duckdb.DuckDBPyConnection, table: str, column: str, rule: str, where: str) -> Finding:
    count, shown = database.fetch_row(
        connection,
        f"SELECT count(*), list(source_row ORDER BY source_file, source_row)[1:{_SHOWN_ROWS}]"
        f" FROM {table} WHERE {where}",
    )
    return Finding(table=table, column=column, rule=rule, severity="warning", count=count, rows=tuple(shown or ()))


def _second_class_1_account(connection: duckdb.DuckDBPyConnection) -> Finding:
    since = contract.ONE_CLASS_1_ACCOUNT_SINCE
    other = (
        "SELECT 1 FROM holdings AS other WHERE other.customer_id = holdings.customer_id AND other.account_class = '1'"
        " AND other.holding_id <> holdings.holding_id AND (other.opened_on < holdings.opened_on"
        " OR (other.opened_on = holdings.opened_on AND other.holding_id < holdings.holding_id))"
        " AND coalesce(other.closed_on > holdings.opened_on, true)"
    )
    where = f"account_class = '1' AND opened_on >= {since} AND EXISTS ({other})"
    return _warning(connection, "holdings", "account_class", "second_class_1_account", where)


def _bound_without_product(connection: duckdb.DuckDBPyConnection, config: Config) -> Finding:
    needs = ", ".join(
        f"({quote_text(name)}, {quote_text(service.product)})" for name, service in config.services.items()
    )
    held = (
        f"SELECT 1 FROM holdings JOIN (VALUES {needs}) AS need(service, product) USING (product)"
        " WHERE holdings.customer_id = bindings.customer_id AND need.service = bindings.service"
    )
    return _warning(connection, "bindings", "service", "product_never_held", f"NOT EXISTS ({held})")


def _beyond_the_others(connection: duckdb.DuckDBPyConnection, present: Mapping[str, reading.RawTable]) -> list[Finding]:
    """Events more than 31 days after the last of every other table: one mistyped date moves the data end."""
    known = [table for table in EVENTS if table in present]
    lasts = ", ".join(f"(SELECT max({EVENTS[table][0]}) FROM {table})" for table in known)
    ends = dict(zip(known, database.fetch_row(connection, f"SELECT {lasts or 0}"), strict=False))
    found = []
    for table, end in ends.items():
        others = [last for other, last in ends.items() if other != table and last is not None]
        if end is not None and others and end > (limit := max(others) + _BEYOND_DAYS):
            column = EVENTS[table][0]
            found.append(_warning(connection, table, column, BEYOND, f"{column} > {limit}"))
    return found
