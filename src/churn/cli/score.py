"""`churn score`."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import click

from churn import scoring
from churn.cli import console, options
from churn.model.storage import read_model


@click.command()
@options.data_argument
@options.model_option
@click.option("--as-of", type=options.IsoDate(), help="Date to score at; needed for tables, not for a flat file.")
@options.output_option("Scores to write, .parquet or .csv.")
@click.option("--explain", is_flag=True, help="Add the next step, and reasons in English and Chinese.")
@options.shared_options()
def score(
    data: Path,
    model_path: Path,
    as_of: dt.date | None,
    output: Path,
    explain: bool,
    shared: options.Shared,
) -> None:
    """Score every customer of DATA: risk, band, main features.

    \b
    Example:  churn score bank --model models/first --as-of 2026-01-01 -o scores.parquet
    """
    stored = read_model(model_path)
    scoring.require_place(output, [model_path, *([data] if data.is_file() else [])])
    with (
        shared.open(data, stored, as_of=as_of, use="score", labels="unread") as opened,
        console.steps() as on_step,
    ):
        console.show_notes(opened.notes())
        on_rows = _counting(on_step)
        manifest = scoring.write_scores(output, stored, opened, as_of, explain=explain, on_rows=on_rows)
    if shared.as_json:
        console.print_json(manifest)
    if manifest["unseen_categories"]:
        console.note(f"warning: {scoring.tell_unseen(manifest['unseen_categories'])}")
    left_out = f"{manifest['quarantined']:,} input rows left out"
    console.note(f"wrote {output}: {manifest['rows_scored']:,} customers, {left_out}")


def _counting(on_step: Callable[[str], None]) -> Callable[[int], None]:
    done = 0

    def on_rows(rows: int) -> None:
        nonlocal done
        done += rows
        on_step(f"{done:,} customers scored")

    return on_rows
