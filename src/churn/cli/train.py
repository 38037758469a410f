"""`churn train`."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from churn.api.baselines import anchoring_warnings
from churn.cli.console import note, print_baselines, print_json, print_table, show_notes
from churn.cli.fitting import train_on_file, train_on_folder
from churn.cli.options import (
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    horizon_option,
    json_option,
    output_option,
    seed_option,
    threads_option,
)
from churn.cli.recipes import build_recipe, learner_option, parameters_option, without_option
from churn.cli.track import no_track_option, track_training
from churn.config import read_config
from churn.data import is_file
from churn.errors import TimeRangeError
from churn.model.documents import Manifest
from churn.model.monotone import describe_monotone
from churn.model.storage import StoredModel, read_model, require_model_place, write_model


@click.command()
@data_argument
@output_option("Model folder to write.")
@click.option("--as-of", "dates", type=IsoDate(), multiple=True, help="Snapshot to learn from; may be repeated.")
@horizon_option
@click.option("--anchor", is_flag=True, help="Shift predictions to the stated rates by products held.")
@learner_option
@click.option("--monotone", is_flag=True, help="Let a binding only lower the risk, and say what that costs.")
@parameters_option
@without_option
@config_option
@data_end_option
@seed_option
@threads_option
@no_track_option
@json_option
def train(
    data: Path,
    output: Path,
    dates: Sequence[dt.date],
    horizon: int,
    anchor: bool,
    learner: str,
    monotone: bool,
    parameters_path: Path | None,
    without: Sequence[str],
    config_path: Path | None,
    data_end: dt.date | None,
    seed: int,
    threads: int | None,
    no_track: bool,
    as_json: bool,
) -> None:
    """Train a model on DATA, calibrate it, judge it on the latest snapshot, and write its folder.

    With --anchor the model is anchored, on the customers of the latest snapshot, after it was judged; see
    churn baselines --anchor. With --monotone binding a service never raises a prediction; a second model without
    that is judged beside it. For a flat file [flat] bindings names the columns.

    Features that know too much are named before anything is fitted: those that alone tell who leaves, whose power is
    gone on the held-out snapshot, or that hold dates not yet known.

    The run is logged to MLflow once the folder is written: to mlruns/ below the current folder, or where
    MLFLOW_TRACKING_URI points. Where that fails, a warning says so, and the exit code is still 0.

    \b
    Example:  churn train bank -o models/first
              churn train customers.csv --config flat.toml -o models/flat
    """
    config = read_config(config_path)
    recipe = build_recipe(learner, monotone=monotone, seed=seed, parameters_path=parameters_path)
    require_model_place(output)
    if is_file(data, config):
        if dates:
            raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
        stored = train_on_file(
            data, config, recipe, horizon_days=horizon, without=without, n_threads=threads, anchor=anchor
        )
    else:
        stored = train_on_folder(
            data,
            config,
            recipe,
            dates=dates,
            horizon_days=horizon,
            without=without,
            data_end=data_end,
            n_threads=threads,
            anchor=anchor,
        )
    write_model(output, stored)
    held_out = stored.held_out
    # What was written is read back through every check, so that a model that cannot be loaded is known now.
    stored = read_model(output)
    show_notes(anchoring_warnings(stored))
    if as_json:
        document: dict[str, Any] = {"model": str(output)}
        document |= {"metrics": stored.metrics.to_json(), "baselines": stored.baselines.to_json()}
        if held := stored.manifest.monotone:
            document["monotone"] = held.to_json()
        print_json(document)
    else:
        print_metrics(stored)
        print_baselines(stored.baselines, baselines_title(stored.manifest, stored.manifest.as_of))
        note(f"wrote {output}")
    if not no_track:
        track_training(stored, output, embargo_days=config.training.embargo_days, held_out=held_out)


def print_metrics(stored: StoredModel) -> None:
    """Print the held-out metrics with their intervals."""
    rows = [
        (name.replace("_", " "), *("–" if number is None else f"{number:.4f}" for number in estimate))
        for name, estimate in stored.metrics.estimates.items()
    ]
    manifest = stored.manifest
    when = f" as of {manifest.as_of}" if manifest.as_of else ", five folds"
    title = f"Held out: {manifest.held_out.rows:,} customers{when}"
    title += ", before anchoring" if manifest.anchored else ""
    print_table(title, ("metric", "value", "low", "high"), rows, left=("metric",))
    if manifest.monotone:
        click.echo(describe_monotone(manifest.monotone))


def baselines_title(manifest: Manifest, as_of: dt.date | None) -> str:
    """Head the table of baselines: which customers, which horizon, and how stated rates came to it."""
    flat = "the file's customers" if manifest.anchored else "five folds"
    when = f"as of {as_of}" if as_of else flat
    days = manifest.horizon_days
    note = "" if days == 365 else "; stated annual rates converted by 1 - (1 - p)^(days/365), a constant hazard"
    return f"Churn within {days} days by products held, {when}{note}"
