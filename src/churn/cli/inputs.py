"""Opening what a command was given: a folder of tables or one flat file."""

import datetime as dt
from pathlib import Path

from churn import speech
from churn.api.opening import input_facts as input_facts
from churn.api.opening import row_counts as row_counts
from churn.cli.console import note
from churn.cli.wording import Language, column_text, list_text, say, table_text, total_lines
from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError
from churn.features.catalogue import catalogue, lost_features
from churn.report.summary import STALE_DAYS
from churn.tables.bank import Bank
from churn.tables.checking import BEYOND, Finding
from churn.tables.flat import FlatTable


def is_flat(data: Path, config: Config) -> bool:
    """Whether DATA is one flat file; a file without a `[flat]` section is refused.

    Raises
    ------
    ConfigError
        A file is given and the configuration does not describe it, or a folder and it does.
    DataError
        There is nothing at that path.
    """
    if not data.exists():
        raise DataError(f"{data}: no such file or folder; give the folder of the bank's tables, or one customer file")
    if data.is_dir():
        return False
    if config.flat is None:
        raise ConfigError(f"{data}: is one file; describe it in a [flat] section and give that with --config")
    return True


def flat_section(config: Config) -> FlatFile:
    """Return the configuration's `[flat]`.

    Raises
    ------
    ConfigError
        There is none.
    """
    if config.flat is None:
        raise ConfigError(f"{config.prefix}the configuration has no [flat] section; add one that describes the file")
    return config.flat


def show_notes(table: Bank | FlatTable, language: Language = "en") -> None:
    """Say what was ignored, left out, or lost with tables that are not there."""
    named = {name: table_text(name, language) for name in table.row_counts}
    totals = total_lines(table.findings)
    lines = [say("ignored", language, table=named[name], n=n) for name, n in table.ignored_columns.items()]
    lines += [
        say("left_out", language, table=named[name], n=n, rows=count.rows)
        for name, count in table.row_counts.items()
        if (n := count.quarantined - totals.get(name, 0))
    ]
    lines += [say("totals", language, table=named[name], n=n) for name, n in totals.items()]
    for line in lines:
        _say("note", line, language)
    for finding in (finding for finding in table.findings if finding.rule == BEYOND):
        column = finding.column if isinstance(table, FlatTable) else _column(table, finding, language)
        where = {"table": named[finding.table], "column": column, "row": finding.rows[0]}
        _say("warning", say("beyond", language, n=finding.count, **where), language)
    if isinstance(table, Bank):
        _show_lost(table, language)


def _say(kind: str, line: str, language: Language) -> None:
    note(say("said", language, kind=say(kind, language), line=line))


def _column(bank: Bank, finding: Finding, language: Language) -> str:
    return column_text(bank.config, finding.table, finding.column, language)


def _show_lost(bank: Bank, language: Language) -> None:
    meanings = (
        {feature.name: speech.say(feature.meaning, language) for feature in catalogue(bank.config)}
        if language == "zh"
        else {}
    )
    for name, lost in lost_features(bank.frames(), bank.config).items():
        names = list_text([meanings.get(feature, feature) for feature in lost], language, most=3)
        facts = {"table": table_text(name, language), "n": len(lost), "names": names}
        _say("warning", say("lost", language, **facts), language)


def warn_of_age(date: dt.date | None, scored_on: dt.date | None) -> None:
    """Warn where the scores are much older than the day they are used for."""
    if date and scored_on and (date - scored_on).days > STALE_DAYS:
        note(f"warning: the scores are of {scored_on}, more than {STALE_DAYS} days old; score again")
