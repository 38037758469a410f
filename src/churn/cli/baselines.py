"""`churn baselines`."""

import datetime as dt
from pathlib import Path

import click

from churn.api.opening import flat_of_model, kinds_of_model, require_same_static
from churn.cli.anchoring import anchor_on_bank, anchor_on_file, warn_of_anchoring
from churn.cli.console import note, print_baselines, print_json
from churn.cli.inputs import show_notes
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
from churn.config import Config, FlatFile, read_config
from churn.errors import DataError, TimeRangeError
from churn.evaluation.baselines import build_baselines, restate_baselines
from churn.frame import Snapshot, build_snapshot, flat_snapshot
from churn.model.documents import Baselines, Manifest
from churn.model.storage import StoredModel, read_model, require_model_place, write_model
from churn.tables.bank import Bank, open_bank
from churn.tables.flat import FlatTable, open_flat


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
    flat = config.flat or flat_of_model(stored)
    if flat and data.is_file():
        if as_of:
            raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
        stored, rows = _on_file(data, flat, stored, config, anchor=anchor, n_threads=threads)
    else:
        if flat_of_model(stored):
            raise DataError(f"{data}: the model was trained on a flat file; give such a file, not a folder")
        as_of = as_of or stored.manifest.as_of
        assert as_of is not None  # only a flat file has no date
        require_same_static(stored, config)
        with open_bank(data, config, data_end=data_end, n_threads=threads) as bank:
            stored, rows = _on_bank(bank, as_of, stored, config, anchor=anchor, n_threads=threads)
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


def _on_file(
    data: Path, flat: FlatFile, stored: StoredModel, config: Config, *, anchor: bool, n_threads: int | None
) -> tuple[StoredModel, Baselines]:
    if anchor:
        anchored = anchor_on_file(stored, data, flat, config, n_threads=n_threads)
        return anchored, anchored.baselines
    with open_flat(data, flat, kinds=kinds_of_model(stored), needs_label=True, n_threads=n_threads) as table:
        return stored, _compare(table, None, stored, config)


def _on_bank(
    bank: Bank, as_of: dt.date, stored: StoredModel, config: Config, *, anchor: bool, n_threads: int | None
) -> tuple[StoredModel, Baselines]:
    if not anchor:
        return stored, _compare(bank, as_of, stored, config)
    show_notes(bank)
    anchored = anchor_on_bank(stored, bank, as_of, config, n_threads=n_threads)
    return anchored, anchored.baselines


def _compare(table: Bank | FlatTable, as_of: dt.date | None, stored: StoredModel, config: Config) -> Baselines:
    show_notes(table)
    manifest = stored.manifest
    same_data = {file["sha256"] for file in table.file_facts()} == {file.sha256 for file in manifest.inputs}
    # what an anchored model keeps is of the whole population it was anchored on, this is of those with an outcome
    if same_data and as_of == manifest.as_of and manifest.anchored is None and _same_labels(table, manifest):
        return restate_baselines(stored.baselines, stated=config.baselines.stated, horizon_days=manifest.horizon_days)
    if same_data and as_of in manifest.snapshots:
        note(f"note: the model was trained on {as_of} of these data; its predictions there are not held out")
    snapshot = _snapshot(table, as_of, manifest)
    if snapshot.product_coverage is None:
        note("note: product coverage is not known, so no customer is in the table; name its column in [flat]")
    prediction = stored.model.predict(snapshot.features)
    return build_baselines(
        snapshot.product_coverage,
        snapshot.churned if snapshot.churned is not None else [],
        prediction.probability,
        stated=config.baselines.stated,
        horizon_days=manifest.horizon_days,
    )


def _same_labels(table: Bank | FlatTable, manifest: Manifest) -> bool:
    """Whether outcomes are what they were in training: the same parts of the label, up to the same day."""
    if isinstance(table, FlatTable):
        return True
    settings = table.config.label.model_dump()
    return settings == manifest.label and table.data_end == manifest.data_end


def _snapshot(table: Bank | FlatTable, as_of: dt.date | None, manifest: Manifest) -> Snapshot:
    if isinstance(table, Bank) and as_of is not None:
        return build_snapshot(table, as_of, manifest.horizon_days)
    assert isinstance(table, FlatTable)
    return flat_snapshot(table)
