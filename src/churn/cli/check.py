"""`churn check`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from churn.cli.console import print_json, print_table
from churn.cli.inputs import flat_section, is_flat, row_counts, show_notes
from churn.cli.options import config_option, data_argument, json_option, threads_option
from churn.config import read_config
from churn.tables.bank import Bank, open_bank
from churn.tables.checking import Finding
from churn.tables.flat import FlatTable, open_flat


@click.command()
@data_argument
@config_option
@threads_option
@json_option
def check(data: Path, config_path: Path | None, threads: int | None, as_json: bool) -> int:
    """Validate DATA and show what is wrong with it, and how much. Exit code 1: rows had to be left out.

    \b
    Example:  churn check bank --json
    """
    config = read_config(config_path)
    if is_flat(data, config):
        with open_flat(data, flat_section(config), needs_label=False, n_threads=threads) as table:
            return _report(table, as_json=as_json)
    with open_bank(data, config, n_threads=threads) as bank:
        return _report(bank, as_json=as_json)


def _report(table: Bank | FlatTable, *, as_json: bool) -> int:
    ok = not any(finding.severity == "error" for finding in table.findings)
    if as_json:
        findings = [asdict(finding) | {"rows": list(finding.rows)} for finding in table.findings]
        print_json({"ok": ok, "tables": row_counts(table), "findings": findings})
        return 0 if ok else 1
    show_notes(table)
    rows = [(name, *(f"{n:,}" for n in counts.values())) for name, counts in row_counts(table).items()]
    print_table("Tables", ("table", "rows", "used", "quarantined"), rows, left=("table",))
    if table.findings:
        _print_findings(table.findings)
    click.echo("Every row can be used." if ok else "Some rows cannot be used; churn score lists each of them.")
    return 0 if ok else 1


def _print_findings(findings: Sequence[Finding]) -> None:
    columns = ("severity", "table", "column", "rule", "count", "rows, for example")
    rows = [
        (
            f.severity,
            f.table,
            f.column or "(row)",
            f.rule.replace("_", " "),
            f"{f.count:,}",
            ", ".join(map(str, f.rows)),
        )
        for f in findings
    ]
    print_table("Findings", columns, rows, left=("severity", "table", "column", "rule", "rows, for example"))
