"""`churn check`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from churn.cli.console import print_json, print_table
from churn.cli.inputs import flat_section, is_flat, row_counts, show_notes
from churn.cli.options import config_option, data_argument, json_option, threads_option
from churn.cli.wording import Language, rule_text, say, table_text
from churn.config import read_config
from churn.tables.bank import Bank, open_bank
from churn.tables.checking import Finding
from churn.tables.flat import FlatTable, open_flat


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
    if is_flat(data, config):
        with open_flat(data, flat_section(config), needs_label=None, n_threads=threads) as table:
            return _report(table, language, as_json=as_json)
    with open_bank(data, config, n_threads=threads) as bank:
        return _report(bank, language, as_json=as_json)


def _report(table: Bank | FlatTable, language: Language, *, as_json: bool) -> int:
    ok = not any(finding.severity == "error" for finding in table.findings)
    if as_json:
        findings = [asdict(finding) | {"rows": list(finding.rows)} for finding in table.findings]
        print_json({"ok": ok, "tables": row_counts(table), "findings": findings})
        return 0 if ok else 1
    show_notes(table, language)
    columns = tuple(say(key, language) for key in ("table", "rows", "used", "quarantined"))
    counts = row_counts(table).items()
    rows = [(table_text(name, language), *(f"{n:,}" for n in numbers.values())) for name, numbers in counts]
    print_table(say("tables", language), columns, rows, left=columns[:1])
    if table.findings:
        _print_findings(table.findings, language)
    click.echo(say("ok" if ok else "not_ok", language))
    return 0 if ok else 1


def _print_findings(findings: Sequence[Finding], language: Language) -> None:
    columns = tuple(say(key, language) for key in ("severity", "table", "column", "rule", "count", "examples"))
    rows = [
        (
            say(f.severity, language),
            table_text(f.table, language),
            f.column or say("whole_row", language),
            rule_text(f.rule, language),
            f"{f.count:,}",
            ", ".join(map(str, f.rows)),
        )
        for f in findings
    ]
    print_table(say("findings", language), columns, rows, left=(*columns[:4], columns[5]))
