"""`churn train`."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from churn.cli.anchoring import anchor_on_bank, anchor_on_file, require_coverage, warn_of_anchoring
from churn.cli.console import note, print_baselines, print_json, print_table, steps
from churn.cli.inputs import flat_section, input_facts, is_flat, show_notes
from churn.cli.options import (
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    json_option,
    output_option,
    seed_option,
    threads_option,
)
from churn.cli.track import no_track_option, track_training
from churn.config import Config, read_config
from churn.errors import TimeRangeError
from churn.explanation.effects.estimates import estimate_effects, estimate_flat_effects
from churn.explanation.effects.evidence import gather_evidence
from churn.explanation.next_best import advice_to_json, build_advice
from churn.frame import Snapshot, build_snapshot, flat_snapshot
from churn.model.monotone import describe_monotone
from churn.model.storage import StoredModel, read_model, require_model_place, write_model
from churn.tables.bank import Bank, open_bank
from churn.tables.flat import open_flat
from churn.timeline import default_snapshots, labelled_snapshots, require_complete
from churn.training import train_flat, train_on_snapshots

# A hundred years.
MOST_DAYS = 36_500


@click.command()
@data_argument
@output_option("Model folder to write.")
@click.option("--as-of", "dates", type=IsoDate(), multiple=True, help="Snapshot to learn from; may be repeated.")
@click.option(
    "--horizon", type=click.IntRange(1, MOST_DAYS), default=365, show_default=True, help="Days within which to leave."
)
@click.option("--anchor", is_flag=True, help="Shift predictions to the stated rates by products held.")
@click.option("--monotone", is_flag=True, help="Let a binding only lower the risk, and say what that costs.")
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
    monotone: bool,
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

    The run is logged to MLflow once the folder is written: to mlruns/ below the current folder, or where
    MLFLOW_TRACKING_URI points. Where that fails, a warning says so, and the exit code is still 0.

    \b
    Example:  churn train bank -o models/first
              churn train customers.csv --config flat.toml -o models/flat
    """
    config = read_config(config_path)
    require_model_place(output)
    if is_flat(data, config):
        if dates:
            raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
        stored = train_on_file(
            data, config, horizon_days=horizon, seed=seed, n_threads=threads, anchor=anchor, monotone=monotone
        )
    else:
        stored = train_on_folder(
            data,
            config,
            dates=dates,
            horizon_days=horizon,
            data_end=data_end,
            seed=seed,
            n_threads=threads,
            anchor=anchor,
            monotone=monotone,
        )
    write_model(output, stored)
    # What was written is read back through every check, so that a model that cannot be loaded is known now.
    stored = read_model(output)
    warn_of_anchoring(stored)
    if as_json:
        document = {"model": str(output), "metrics": stored.metrics, "baselines": stored.baselines}
        print_json(document | {name: stored.manifest[name] for name in ("monotone",) if name in stored.manifest})
    else:
        print_metrics(stored)
        print_baselines(stored.baselines, baselines_title(stored.manifest))
        note(f"wrote {output}")
    if not no_track:
        track_training(stored, output, embargo_days=config.training.embargo_days)


def train_on_folder(
    data: Path,
    config: Config,
    *,
    dates: Sequence[dt.date] = (),
    horizon_days: int = 365,
    data_end: dt.date | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    anchor: bool = False,
    monotone: bool = False,
) -> StoredModel:
    """Read a folder of tables, build its snapshots and train on them; anchor on the latest where asked to."""
    with open_bank(data, config, data_end=data_end, n_threads=n_threads) as bank:
        chosen = choose_dates(bank, dates, horizon_days)
        show_notes(bank)
        with steps(len(chosen) + 5 + monotone) as on_step:
            snapshots = []
            for date in chosen:
                on_step(f"building the snapshot of {date}")
                snapshots.append(build_snapshot(bank, date, horizon_days))
            facts = input_facts(bank) | _population_facts(bank, snapshots)
            stored = train_on_snapshots(
                snapshots,
                horizon_days=horizon_days,
                config=config,
                seed=seed,
                n_threads=n_threads,
                monotone=monotone,
                facts=facts,
                on_step=on_step,
            )
            if bank.has("bindings"):
                on_step("estimating what binding each service does")
                stored = _with_effects(stored, bank, snapshots[-1], horizon_days, seed, n_threads or 0)
        return anchor_on_bank(stored, bank, chosen[-1], config, n_threads=n_threads) if anchor else stored


def train_on_file(
    data: Path,
    config: Config,
    *,
    horizon_days: int,
    seed: int,
    n_threads: int | None,
    anchor: bool = False,
    monotone: bool = False,
) -> StoredModel:
    """Read one flat file and train on it; anchor on all its customers where asked to."""
    flat = flat_section(config)
    if anchor:
        require_coverage(data, flat)
    with open_flat(data, flat, needs_label=True, n_threads=n_threads) as table:
        show_notes(table)
        facts = input_facts(table) | {"flat": flat.model_dump(mode="json")}
        with steps(3 + monotone) as on_step:
            stored = train_flat(
                flat_snapshot(table),
                config=config,
                horizon_days=horizon_days,
                seed=seed,
                n_threads=n_threads,
                monotone=monotone,
                facts=facts,
                on_step=on_step,
            )
            effects = estimate_flat_effects(
                flat_snapshot(table), flat, config.effects, seed=seed, n_threads=n_threads or 0
            )
            stored = replace(stored, effects=advice_to_json(build_advice(effects, config.effects), None))
    if not anchor:
        return stored
    return anchor_on_file(stored, data, flat, config, n_threads=n_threads, says_notes=False)


def _with_effects(
    stored: StoredModel, bank: Bank, snapshot: Snapshot, horizon_days: int, seed: int, n_threads: int
) -> StoredModel:
    """Keep with a model what may be claimed of binding each service, from the latest outcomes and all offers."""
    evidence = gather_evidence(bank, snapshot, horizon_days)
    effects = estimate_effects(*evidence, bank.config, seed=seed, n_threads=n_threads)
    return replace(stored, effects=advice_to_json(build_advice(effects, bank.config.effects), snapshot.as_of))


def choose_dates(bank: Bank, dates: Sequence[dt.date], horizon_days: int) -> list[dt.date]:
    """Return the snapshots asked for, or the default ones, ascending."""
    if bank.has("labels"):
        return sorted(set(dates)) or labelled_snapshots(bank.frames())
    if dates:
        require_complete(dates, bank.data_end, horizon_days)
        return sorted(set(dates))
    return default_snapshots(bank.data_begin, bank.data_end, horizon_days)


def _population_facts(bank: Bank, snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    known = bank.row_counts["customers"].used
    rows = [
        {
            "as_of": str(snapshot.as_of),
            "customers": len(snapshot.customer_id),
            "outside": known - len(snapshot.customer_id),
        }
        for snapshot in snapshots
    ]
    return {
        "populations": rows,
        "data_begin": bank.data_begin.isoformat(),
        "data_end": bank.data_end.isoformat(),
        "label": bank.config.label.model_dump(),
        "static": list(bank.config.customers.static),
    }


def print_metrics(stored: StoredModel) -> None:
    """Print the held-out metrics with their intervals."""
    rows = [
        (name.replace("_", " "), *(f"{estimate[part]:.4f}" if estimate[part] is not None else "–" for part in estimate))
        for name, estimate in stored.metrics.items()
        if isinstance(estimate, Mapping)
    ]
    as_of = stored.manifest["as_of"]
    held_out = stored.manifest["held_out"]
    title = f"Held out: {held_out['rows']:,} customers" + (f" as of {as_of}" if as_of else ", five folds")
    title += ", before anchoring" if "anchored" in stored.manifest else ""
    print_table(title, ("metric", "value", "low", "high"), rows, left=("metric",))
    if "monotone" in stored.manifest:
        click.echo(describe_monotone(stored.manifest["monotone"]))


def baselines_title(manifest: Mapping[str, Any]) -> str:
    """Head the table of baselines: which customers, which horizon, and how stated rates came to it."""
    flat = "the file's customers" if "anchored" in manifest else "five folds"
    when = f"as of {manifest['as_of']}" if manifest["as_of"] else flat
    days = manifest["horizon_days"]
    note = "" if days == 365 else "; stated annual rates converted by 1 - (1 - p)^(days/365), a constant hazard"
    return f"Churn within {days} days by products held, {when}{note}"
