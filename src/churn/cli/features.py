"""`churn features`."""

import datetime as dt
from pathlib import Path

import click

from churn import csv_files, errors, files
from churn.cli import console, options
from churn.config import Config
from churn.data import build_frame, open_bank
from churn.features.catalogue import catalogue
from churn.speech import say


@click.command()
@click.argument("data", type=options.PATH, required=False)
@click.option("--as-of", type=options.IsoDate(), help="Only what happened strictly before this date is used.")
@click.option("-o", "--output", type=options.PATH, help="File to write, .parquet or .csv.")
@click.option("--catalogue", "show_catalogue", is_flag=True, help="Print every feature and what it means.")
@options.shared_options()
def features(
    data: Path | None,
    as_of: dt.date | None,
    output: Path | None,
    show_catalogue: bool,
    shared: options.Shared,
) -> None:
    """Write the features of DATA at a date, one row per customer.

    With --catalogue, print every feature instead.

    \b
    Example:  churn features bank --as-of 2025-01-01 -o features.parquet
              churn features --catalogue
    """
    if show_catalogue:
        _print_catalogue(shared.config, as_json=shared.as_json)
        return
    if data is None or as_of is None or output is None:
        raise click.UsageError("DATA, --as-of and -o are needed (or --catalogue alone)")
    if output.suffix not in (".parquet", ".csv"):
        raise errors.OutputError(f"{output}: give a name that ends in .parquet or .csv")
    files.require_writable_file(output)
    with open_bank(data, shared.config, data_end=shared.data_end) as bank:
        files.require_apart([output], bank.paths)
        console.show_notes(bank.notes())
        frame = build_frame(bank, as_of)
    with files.new_file(output) as temporary:
        if output.suffix == ".csv":
            csv_files.write_frame(temporary, frame, for_excel=False)
        else:
            frame.to_parquet(temporary, index=False)
    console.note(f"wrote {output}: {len(frame):,} customers, {frame.shape[1] - 2} features")


def _print_catalogue(config: Config, *, as_json: bool) -> None:
    entries = catalogue(config)
    if as_json:
        console.print_json([feature.document() for feature in entries])
        return
    columns = ("feature", "family", "unit", "days", "meaning", "含义", "a manager can act on it", "needs")
    rows = [
        (
            feature.name,
            feature.family,
            feature.unit,
            str(feature.window_days or ""),
            feature.meaning,
            say(feature.meaning, "zh"),
            "yes" if feature.actionable else "",
            ", ".join(feature.tables),
        )
        for feature in entries
    ]
    console.print_table(f"{len(entries)} features", columns, rows, left=set(range(len(columns))) - {3})
