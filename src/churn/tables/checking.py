"""Which rows can be used: rules across rows, and the quarantine.

The rules use a row itself and keys, never other dates, so that nothing the future brings changes what was
known before.
"""

from collections.abc import Mapping

import duckdb

from churn.config import Config
from churn.tables import contract, database, reading
from churn.tables.cells import quote_name, quote_text
from churn.tables.findings import BEYOND, QUARANTINE, Finding, RowCount, Severity

# Tables dated event by event: their last day is the last the data know about.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "pnl": ("month",),
    "transactions": ("transacted_on",),
    "contacts": ("contacted_on",),
}
_BEYOND_DAYS = 31
_SHOWN_ROWS = 5


def create_quarantine(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty quarantine: one row an input row that was left out."""
    connection.execute(
        f'CREATE TABLE {QUARANTINE} ("table" VARCHAR, source_file INTEGER, source_row BIGINT, rule VARCHAR)'
    )


def check_table(connection: duckdb.DuckDBPyConnection, raw: reading.RawTable) -> tuple[RowCount, list[Finding]]:
    """Split `raw_<table>` into the usable rows, a table of the table's own name, and the quarantine.

    Usable rows are sorted by the customer, so that a range of customers is read without the rest.
    `customers` must have been checked before any table that refers to it.
    """
    table = raw.table
    _judge(connection, table)
    connection.execute(
        f"INSERT INTO {QUARANTINE} SELECT {quote_text(table.name)}, source_file, source_row, rule"
        f" FROM judged WHERE rule IS NOT NULL ORDER BY source_file, source_row"
    )
    order = table.references[0] if table.references else table.key[0]
    connection.execute(
        f"CREATE TABLE {table.name} AS SELECT * EXCLUDE (rule) FROM judged WHERE rule IS NULL ORDER BY {order}"
    )
    counts = database.fetch_row(connection, "SELECT count(*), count(*) FILTER (rule IS NULL) FROM judged")
    findings = _broken_rules(connection, table.name)
    connection.execute(f"DROP TABLE judged; DROP TABLE {reading.raw_name(table.name)}")
    return RowCount(counts[0], counts[1], counts[0] - counts[1]), findings


def find_warnings(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, reading.RawTable], config: Config
) -> list[Finding]:
    """Find what quarantines nothing but a bank should know; each rule only where its tables are there."""
    found = [_second_class_1_account(connection)]
    if "bindings" in present:
        found.append(_bound_without_product(connection, config))
    if "manager_id" in present["customers"].columns:
        found.append(_vip_without_manager(connection))
    if "pnl" in present:
        found.append(_valued_unknown_holding(connection))
    found += _beyond_the_others(connection, present)
    return [finding for finding in found if finding.count]


def _judge(connection: duckdb.DuckDBPyConnection, table: contract.Table) -> None:
    connection.execute("CREATE TEMP TABLE repeats AS " + _repeats(table))
    rules = ["raw.rule"]
    if table.period:
        begin, end = map(quote_name, table.period)
        rules.append(
            f"CASE WHEN raw.{end} < raw.{begin} THEN {quote_text(table.period[1] + ':ends_before_beginning')} END"
        )
    rules.append("repeats.rule")
    joins, known_from = " LEFT JOIN repeats USING (source_file, source_row)", ""
    for column in table.references:
        joins += f" LEFT JOIN customers AS known_{column} ON raw.{column} = known_{column}.customer_id"
        unknown = quote_text(f"{column}:unknown_customer")
        rules.append(f"CASE WHEN known_{column}.customer_id IS NULL THEN {unknown} END")
    if len(table.references) > 1:
        opened = ", ".join(f"known_{column}.opened_on" for column in table.references)
        known_from = f" greatest({opened}) AS known_from,"
    connection.execute(
        f"CREATE TEMP TABLE judged AS SELECT {_columns(table, 'raw.')}, source_file, source_row,{known_from}"
        f" coalesce({', '.join(rules)}) AS rule FROM {reading.raw_name(table.name)} AS raw{joins}"
    )
    connection.execute("DROP TABLE repeats")


def _repeats(table: contract.Table) -> str:
    """SQL for rows that repeat another: exact copies but the first, and all rows that contradict each other."""
    raw, columns = reading.raw_name(table.name), _columns(table)
    key = ", ".join(map(quote_name, table.key)) or columns
    usable = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in table.key) or "rule IS NULL"
    shared = (
        f"SELECT * FROM {raw} AS row WHERE {usable} AND EXISTS (FROM (SELECT {key} FROM {raw} WHERE {usable}"
        f" GROUP BY ALL HAVING count(*) > 1) AS twice WHERE {_same('row', 'twice', table)})"
    )
    judged = (
        f"SELECT source_file, source_row,"
        f" row_number() OVER (PARTITION BY {columns}, rule ORDER BY source_file, source_row) AS copy,"
        f" count(*) OVER (PARTITION BY {key}) AS n_rows,"
        f" count(*) OVER (PARTITION BY {columns}, rule) AS n_copies FROM ({shared})"
    )
    return (
        "SELECT source_file, source_row,"
        " CASE WHEN n_copies < n_rows THEN ':duplicate_key' ELSE ':exact_copy' END AS rule"
        f" FROM ({judged}) WHERE n_copies < n_rows OR copy > 1"
    )


def _same(left: str, right: str, table: contract.Table) -> str:
    names = table.key or tuple(column.name for column in table.columns)
    compare = "=" if table.key else "IS NOT DISTINCT FROM"
    return " AND ".join(f"{left}.{quote_name(name)} {compare} {right}.{quote_name(name)}" for name in names)


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


def _vip_without_manager(connection: duckdb.DuckDBPyConnection) -> Finding:
    vip = ", ".join(map(quote_text, contract.VIP_TIERS))
    where = f"tier IN ({vip}) AND manager_id IS NULL AND closed_on IS NULL"
    return _warning(connection, "customers", "manager_id", "vip_without_manager", where)


def _valued_unknown_holding(connection: duckdb.DuckDBPyConnection) -> Finding:
    where = "holding_id NOT IN (SELECT holding_id FROM holdings)"
    return _warning(connection, "pnl", "holding_id", "unknown_holding", where)


def _beyond_the_others(connection: duckdb.DuckDBPyConnection, present: Mapping[str, reading.RawTable]) -> list[Finding]:
    """Events more than 31 days after the last of every other table: one mistyped date moves the data end."""
    ends = {
        table: database.fetch_row(connection, f"SELECT max({column}) FROM {table}")[0]
        for table, (column,) in EVENTS.items()
        if table in present
    }
    known = {table: end for table, end in ends.items() if end is not None}
    found = []
    for table in known:
        others = [end for other, end in known.items() if other != table]
        if others:
            column = EVENTS[table][0]
            found.append(_warning(connection, table, column, BEYOND, f"{column} > {max(others) + _BEYOND_DAYS}"))
    return found
