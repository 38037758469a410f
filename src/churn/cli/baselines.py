"""`churn baselines`."""

import datetime as dt
from pathlib import Path

import click

from churn.cli.anchoring import anchor_on_bank, anchor_on_file, warn_of_anchoring
from churn.cli.console import note, print_baselines, print_json, show_notes
from churn.cli.options import (
    PATH,
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    json_option,
    model_option,
    threads_option,
)
from churn.cli.train import baselines_title
from churn.config import read_config
from churn.data import Data, is_file, open_data
from churn.evaluation.baselines import build_baselines, restate_baselines
from churn.model.documents import Baselines, Manifest
from churn.model.storage import StoredModel, read_model, require_model_place, write_model


@click.command()
@data_argument
@model_option
@click.option("--as-of", type=IsoDate(), help="Date to compare at [default: the snapshot held out in training].")
@click.option("--anchor", is_flag=True, help="Write a new model, shifted to the stated rates by products held.")
@click.option("-o", "--output", type=PATH, help="Model folder to write, with --anchor.")
@config_option
@data_end_option
@threads_option
@json_option
def baselines(
    data: Path,
    model_path: Path,
    as_of: dt.date | None,
    anchor: bool,
    output: Path | None,
    config_path: Path | None,
    data_end: dt.date | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Compare stated, observed and predicted churn by products held.

    At the held-out snapshot of the data the model was trained on, predictions are those of the model that had not
    seen it; anywhere else, and of an anchored model, they are the stored model's.

    With --anchor, write a model whose mean prediction for each number of products is the rate stated in
    [baselines.stated]. It needs no outcomes. Give the date at which customers will be scored: the means hold there.

    \b
    Example:  churn baselines bank --model models/first
              churn baselines bank --model models/first --as-of 2026-01-01 --anchor -o models/anchored
    """
    _require_usable(anchor, output, model_path)
    config = read_config(config_path)
    stored = read_model(model_path)
    alone = is_file(data, config, stored)
    if as_of is None and not alone:
        as_of = stored.manifest.as_of
    if alone and anchor and as_of is None:
        stored = anchor_on_file(stored, data, config, n_threads=threads)
        rows = stored.baselines
    else:
        with open_data(
            data, config, stored, as_of=as_of, labels="needed", data_end=data_end, n_threads=threads
        ) as opened:
            if anchor and as_of is not None:
                show_notes(opened.notes())
                stored = anchor_on_bank(stored, opened, as_of, n_threads=threads)
            rows = stored.baselines if anchor else _compare(opened, as_of, stored)
    if output is not None:
        write_model(output, stored)
        warn_of_anchoring(stored)
        note(f"wrote {output}")
    if as_json:
        print_json(rows.to_json())
        return
    print_baselines(rows, baselines_title(stored.manifest, as_of))


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


def _compare(data: Data, as_of: dt.date | None, stored: StoredModel) -> Baselines:
    show_notes(data.notes())
    manifest, stated = stored.manifest, data.config.baselines.stated
    same_data = {file["sha256"] for file in data.file_facts()} == {file.sha256 for file in manifest.inputs}
    # what an anchored model keeps is of the whole population it was anchored on, this is of those with an outcome
    if same_data and as_of == manifest.as_of and manifest.anchored is None and _same_labels(data, manifest):
        return restate_baselines(stored.baselines, stated=stated, horizon_days=manifest.horizon_days)
    if same_data and as_of in manifest.snapshots:
        note(f"note: the model was trained on {as_of} of these data; its predictions there are not held out")
    snapshot = data.labelled(as_of, manifest.horizon_days)
    if snapshot.product_coverage is None:
        note("note: product coverage is not known, so no customer is in the table; name its column in [flat]")
    prediction = stored.model.predict(snapshot.features)
    return build_baselines(
        snapshot.product_coverage,
        snapshot.churned if snapshot.churned is not None else [],
        prediction.probability,
        stated=stated,
        horizon_days=manifest.horizon_days,
    )


def _same_labels(data: Data, manifest: Manifest) -> bool:
    """Whether outcomes are what they were in training: the same parts of the label, up to the same day."""
    ours, theirs = data.facts([]), manifest.data_end
    return ours.get("label") == manifest.label and ours.get("data_end") == (theirs and theirs.isoformat())
