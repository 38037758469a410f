"""`churn check`."""

from dataclasses import asdict
from pathlib import Path

import click

from churn.cli import console, options
from churn.config import read_config
from churn.data import Data, open_data
from churn.speech import Language, Message, Said, joined, message, say
from churn.tables.checking import RULES, TABLES, column_name, total_lines
from churn.threads import use_threads


@click.command()
@options.data_argument
@options.config_option
@options.threads_option
@click.option("--lang", "language", type=click.Choice(["en", "zh"]), default="en", help="Language of the report.")
@options.json_option
def check(data: Path, config_path: Path | None, threads: int | None, language: Language, as_json: bool) -> int:
    """Check DATA and show what is wrong with it, and how much.

    Exit code 1: it ran, and rows had to be left out.

    \b
    Example:  churn check bank --json
              churn check bank --lang zh
    """
    with use_threads(threads), open_data(data, read_config(config_path), labels="if there") as opened:
        if as_json:
            findings = [asdict(finding) for finding in opened.findings]
            tables = {name: asdict(count) for name, count in opened.row_counts.items()}
            console.print_json({"ok": opened.is_ok, "tables": tables, "findings": findings})
        else:
            console.show_notes(opened.notes(), language)
            _print_counts(opened, language)
            if opened.findings:
                _print_findings(opened, language)
            console.echo(say(_conclude(opened), language))
        return 0 if opened.is_ok else 1


def _conclude(data: Data) -> Message:
    if not data.is_ok:
        return message("Some rows cannot be used; churn score lists each of them.")
    if total_lines(data.findings):
        return message("Every row can be used; total lines are not rows.")
    return message("Every row can be used.")


def _print_counts(data: Data, language: Language) -> None:
    """Print rows, used and quarantined of every table; total lines apart, where there are any."""
    totals = total_lines(data.findings)
    heads = [
        message("table", context="check"),
        message("rows", context="check"),
        message("used", context="check"),
        message("quarantined", context="check"),
        *([message("total lines", context="check")] if totals else []),
    ]
    rows: list[list[Said]] = []
    for name, count in data.row_counts.items():
        n = totals.get(name, 0)
        numbers = (count.rows, count.used, count.quarantined - n, *([n] if totals else []))
        rows.append([TABLES[name], *numbers])
    console.print_table(message("Tables"), heads, rows, language=language)


def _print_findings(data: Data, language: Language) -> None:
    heads = (
        message("severity", context="check"),
        message("table", context="check"),
        message("column", context="check"),
        message("what is wrong", context="check"),
        message("count", context="check"),
        message("rows, for example", context="check"),
    )
    rows: list[list[Said]] = [
        [
            console.ERROR if one.severity == "error" else console.WARNING,
            TABLES[one.table],
            column_name(data.config, one.table, one.column) or message("(row)"),
            RULES[one.rule],
            one.count,
            joined([str(row) for row in one.rows], "list"),
        ]
        for one in data.findings
    ]
    title = message("Findings (row 1 is the first after the header)")
    console.print_table(title, heads, rows, left=(0, 1, 2, 3, 5), language=language)
