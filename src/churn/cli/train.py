"""`churn train`."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from churn.api import answers, learning
from churn.cli import options
from churn.cli.console import echo, log_run, note, number, print_baselines, print_json, print_table, show_notes, steps
from churn.model import documents, storage
from churn.model.recipe import Recipe, describe_monotone, parse_recipe
from churn.tables.flat import Labels
from churn.tracking.place import Place, tracking_place
from churn.tracking.runs import HeldOutOutcomes, log_training
from churn.tuning.search import read_parameters


@click.command()
@options.data_argument
@options.output_option("Model folder to write.")
@options.dates_option
@options.horizon_option
@click.option("--anchor", is_flag=True, help="Shift predictions to the stated rates by products held.")
@options.learner_option
@click.option("--monotone", is_flag=True, help="Let a binding only lower the risk, and say what that costs.")
@options.parameters_option
@options.without_option
@click.option("--without-effects", is_flag=True, help="Do not estimate what binding each service does.")
@options.shared_options(seed=True, track=True)
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
    without_effects: bool,
    shared: options.Shared,
) -> None:
    """Train a model on DATA, calibrate and judge it, and write it.

    The latest snapshot judges it.

    With --anchor the model is anchored, on the customers of the latest snapshot, after it was judged; see
    churn baselines --anchor. With --monotone binding a service never raises a prediction; a second model without
    that is judged beside it. For a flat file [flat] bindings names the columns.

    --without-effects leaves out the effects of bindings, which take longest; churn score --explain then names no next
    binding.

    Features that know too much are named before anything is fitted: those that alone tell who leaves, whose power is
    gone on the held-out snapshot, or that hold dates not yet known.

    The run is logged to MLflow once the folder is written: to mlruns/ below the current folder, or where
    MLFLOW_TRACKING_URI points. Where that fails, a warning says so, and the exit code is still 0.

    \b
    Example:  churn train bank -o models/first
              churn train customers.csv --config flat.toml -o models/flat
    """
    recipe = build_recipe(learner, monotone=monotone, seed=shared.seed, parameters_path=parameters_path)
    storage.require_model_place(output)
    labels: Labels = "where known" if anchor else "needed"
    with shared.open(data, labels=labels) as opened:
        show_notes(opened.notes())
        with steps() as on_step:
            snapshots = opened.snapshots(dates, horizon, with_evidence=not without_effects, on_step=on_step)
            stored = learning.train(
                snapshots,
                recipe,
                without=without,
                with_effects=not without_effects,
                anchor=opened if anchor else None,
                on_step=on_step,
            )
    held_out = stored.held_out
    stored = storage.store_model(output, stored)
    show_notes(answers.anchoring_warnings(stored))
    if shared.as_json:
        document: dict[str, Any] = {"model": str(output)}
        document |= {"metrics": stored.metrics.to_json(), "baselines": stored.baselines.to_json()}
        if held := stored.manifest.monotone:
            document["monotone"] = held.to_json()
        print_json(document)
    else:
        print_metrics(stored)
        print_baselines(stored.baselines, baselines_title(stored.manifest, stored.manifest.as_of))
        note(f"wrote {output}")
    if not shared.no_track:
        track_training(stored, output, embargo_days=shared.config.training.embargo_days, held_out=held_out)


def build_recipe(learner: str, *, monotone: bool, seed: int, parameters_path: Path | None) -> Recipe:
    """Build the recipe a command was asked for.

    Raises
    ------
    ConfigError
        The parameters cannot be read, or the learner has no use for them.
    ModelError
        The learner is not known, not installed, or cannot be held monotone.
    """
    given = read_parameters(parameters_path) if parameters_path else Recipe()
    recipe = parse_recipe(learner, seed=seed, parameters=given.parameters, tuned_on=given.tuned_on)
    return replace(recipe, monotone=True) if monotone else recipe


def print_metrics(stored: storage.StoredModel) -> None:
    """Print the held-out metrics with their intervals."""
    rows = [(name.replace("_", " "), *map(number, estimate)) for name, estimate in stored.metrics.estimates.items()]
    manifest = stored.manifest
    when = f" as of {manifest.as_of}" if manifest.as_of else ", five folds"
    title = f"Held out: {manifest.held_out.rows:,} customers{when}"
    title += ", before anchoring" if manifest.anchored else ""
    print_table(title, ("metric", "value", "low", "high"), rows)
    if manifest.monotone:
        echo(describe_monotone(manifest.monotone))


def baselines_title(manifest: documents.Manifest, as_of: dt.date | None) -> str:
    """Head the table of baselines: which customers, which horizon, and how stated rates came to it."""
    flat = "the file's customers" if manifest.anchored else "five folds"
    when = f"as of {as_of}" if as_of else flat
    days = manifest.horizon_days
    note = "" if days == 365 else "; stated annual rates converted by 1 - (1 - p)^(days/365), a constant hazard"
    return f"Churn within {days} days by products held, {when}{note}"


def track_training(
    stored: storage.StoredModel,
    folder: Path,
    *,
    place: Place | None = None,
    embargo_days: int | None = None,
    held_out: HeldOutOutcomes | None = None,
    source: str = "churn train",
) -> str | None:
    """Log a run, and say how to look at it; where that fails, say so in one line and return None.

    Parameters are those of `churn.tracking.runs.log_training`.
    """
    place = place or tracking_place()
    log = partial(
        log_training, stored, folder, place=place, embargo_days=embargo_days, held_out=held_out, source=source
    )
    run_id = log_run("run", log, place, kept=f"{folder} is written and whole")
    if run_id is None:
        note(f"the model is whole; log it later with: churn champion --set {folder}")
    return run_id
