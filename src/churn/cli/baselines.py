"""`churn baselines`."""

import datetime as dt
from pathlib import Path

import click

from churn.api import answers
from churn.cli import console, options, train
from churn.model.storage import read_model, require_model_place, write_model
from churn.tables.flat import Labels


@click.command()
@options.data_argument
@options.model_option
@click.option("--as-of", type=options.IsoDate(), help="Date to compare at [default: the held-out snapshot].")
@click.option("--anchor", is_flag=True, help="Write a new model, shifted to the stated rates.")
@click.option("-o", "--output", type=options.PATH, help="Model folder to write, with --anchor.")
@options.shared_options()
def baselines(
    data: Path,
    model_path: Path,
    as_of: dt.date | None,
    anchor: bool,
    output: Path | None,
    shared: options.Shared,
) -> None:
    """Compare stated, observed and predicted churn by products.

    At the held-out snapshot of the data the model was trained on, predictions are those of the model that had not
    seen it; anywhere else, and of an anchored model, they are the stored model's.

    With --anchor, write a model whose mean prediction for each number of products is the rate stated in
    [baselines.stated]. It needs no outcomes. Give the date at which customers will be scored: the means hold there.

    \b
    Example:  churn baselines bank --model models/first
              churn baselines bank --model models/first --as-of 2026-01-01 --anchor -o models/anchored
    """
    _require_usable(anchor, output, model_path)
    stored = read_model(model_path)
    labels: Labels = "where known" if anchor else "needed"
    with shared.open(data, stored, as_of=as_of, labels=labels) as opened:
        console.show_notes(opened.notes())
        if anchor:
            stored = answers.anchor(stored, opened, as_of)
            found = answers.ComparedBaselines(stored.baselines, as_of or stored.manifest.as_of, [])
        else:
            found = answers.baselines(stored, opened, as_of)
    console.show_notes(found.notes)
    if output is not None:
        write_model(output, stored)
        console.show_notes(answers.anchoring_warnings(stored))
        console.note(f"wrote {output}")
    if shared.as_json:
        console.print_json(found.rows.to_json())
    else:
        console.print_baselines(found.rows, train.baselines_title(stored.manifest, found.as_of))


def _require_usable(anchor: bool, output: Path | None, model_path: Path) -> None:
    if anchor and output is None:
        raise click.UsageError("--anchor: give the model folder to write with -o")
    if output is None:
        return
    if not anchor:
        raise click.UsageError("-o: only --anchor writes a model; add --anchor, or leave -o out")
    if output.resolve() == model_path.resolve():
        raise click.UsageError("-o: is the model itself; give another folder")
    require_model_place(output)
