"""Opening what a command was given: a folder of tables or one flat file."""

import datetime as dt

from churn import speech
from churn.cli.console import note
from churn.cli.wording import Language, column_text, list_text, say, table_text, total_lines
from churn.data import Data
from churn.report.summary import STALE_DAYS
from churn.tables.checking import BEYOND


def show_notes(data: Data, language: Language = "en") -> None:
    """Say what was ignored, left out, or lost with tables that are not there."""
    named = {name: table_text(name, language) for name in data.row_counts}
    totals = total_lines(data.findings)
    lines = [say("ignored", language, table=named[name], n=n) for name, n in data.ignored_columns.items()]
    lines += [
        say("left_out", language, table=named[name], n=n, rows=count.rows)
        for name, count in data.row_counts.items()
        if (n := count.quarantined - totals.get(name, 0))
    ]
    lines += [say("totals", language, table=named[name], n=n) for name, n in totals.items()]
    for line in lines:
        _say("note", line, language)
    for finding in (finding for finding in data.findings if finding.rule == BEYOND):
        column = column_text(data.config, finding.table, finding.column, language)
        where = {"table": named[finding.table], "column": column, "row": finding.rows[0]}
        _say("warning", say("beyond", language, n=finding.count, **where), language)
    _show_lost(data, language)


def _say(kind: str, line: str, language: Language) -> None:
    note(say("said", language, kind=say(kind, language), line=line))


def _show_lost(data: Data, language: Language) -> None:
    meanings = {one.name: speech.say(one.meaning, language) for one in data.catalogue} if language == "zh" else {}
    for name, lost in data.lost_features.items():
        names = list_text([meanings.get(feature, feature) for feature in lost], language, most=3)
        facts = {"table": table_text(name, language), "n": len(lost), "names": names}
        _say("warning", say("lost", language, **facts), language)


def warn_of_age(date: dt.date | None, scored_on: dt.date | None) -> None:
    """Warn where the scores are much older than the day they are used for."""
    if date and scored_on and (date - scored_on).days > STALE_DAYS:
        note(f"warning: the scores are of {scored_on}, more than {STALE_DAYS} days old; score again")
