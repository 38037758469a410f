"""`churn check`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from churn.cli.console import print_json, print_table
from churn.cli.inputs import show_notes
from churn.cli.options import config_option, data_argument, json_option, threads_option
from churn.cli.wording import Language, column_text, list_text, rule_text, say, table_text, total_lines
from churn.config import read_config
from churn.data import Data, open_data


@click.command()
@data_argument
@config_option
@threads_option
@click.option("--lang", "language", type=click.Choice(["en", "zh"]), default="en", help="Language of the report.")
@json_option
def check(data: Path, config_path: Path | None, threads: int | None, language: Language, as_json: bool) -> int:
    """Validate DATA and show what is wrong with it, and how much. Exit code 1: rows had to be left out.

    \b
    Example:  churn check bank --json
              churn check bank --lang zh
    """
    config = read_config(config_path)
    with open_data(data, config, labels="if there", n_threads=threads) as opened:
        return _report(opened, language, as_json=as_json)


def _report(data: Data, language: Language, *, as_json: bool) -> int:
    ok = data.is_ok
    if as_json:
        findings = [asdict(finding) | {"rows": list(finding.rows)} for finding in data.findings]
        print_json(
            {"ok": ok, "tables": {name: asdict(count) for name, count in data.row_counts.items()}, "findings": findings}
        )
        return 0 if ok else 1
    show_notes(data, language)
    totals = total_lines(data.findings)
    _print_counts(data, totals, language)
    if data.findings:
        _print_findings(data, language)
    click.echo(say("not_ok" if not ok else "ok_but_totals" if totals else "ok", language))
    return 0 if ok else 1


def _print_counts(data: Data, totals: Mapping[str, int], language: Language) -> None:
    """Print rows, used and quarantined of every table; total lines apart, where there are any."""
    keys = ("table", "rows", "used", "quarantined", *(["total_lines"] if totals else []))
    columns = tuple(say(key, language) for key in keys)
    rows = []
    for name, count in data.row_counts.items():
        n = totals.get(name, 0)
        numbers = (count.rows, count.used, count.quarantined - n, *([n] if totals else []))
        rows.append((table_text(name, language), *(f"{number:,}" for number in numbers)))
    print_table(say("tables", language), columns, rows, left=columns[:1])


def _print_findings(data: Data, language: Language) -> None:
    columns = tuple(say(key, language) for key in ("severity", "table", "column", "rule", "count", "examples"))
    rows = [
        (
            say(f.severity, language),
            table_text(f.table, language),
            column_text(data.config, f.table, f.column, language) or say("whole_row", language),
            rule_text(f.rule, language),
            f"{f.count:,}",
            list_text([str(row) for row in f.rows], language),
        )
        for f in data.findings
    ]
    print_table(say("findings", language), columns, rows, left=(*columns[:4], columns[5]))
