"""From DATA to a stored model, with notes, progress and anchoring: what several commands do alike."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from churn.api.baselines import anchor as anchor_model
from churn.api.learning import train
from churn.cli.console import show_notes, steps
from churn.cli.recipes import leave_out
from churn.config import Config
from churn.data import open_bank, open_file, require_coverage
from churn.model.recipe import Recipe
from churn.model.split import date_of
from churn.model.storage import StoredModel

N_STEPS = 6
"""Of a training, beside the snapshots."""


def train_on_folder(
    data: Path,
    config: Config,
    recipe: Recipe,
    *,
    dates: Sequence[dt.date] = (),
    horizon_days: int = 365,
    without: Sequence[str] = (),
    data_end: dt.date | None = None,
    n_threads: int | None = None,
    anchor: bool = False,
) -> StoredModel:
    """Read a folder of tables, build its snapshots and train on them; anchor on the latest where asked to."""
    with open_bank(data, config, data_end=data_end, n_threads=n_threads) as bank:
        show_notes(bank.notes())
        with steps(len(dates) + N_STEPS + recipe.monotone if dates else None) as on_step:
            snapshots = bank.snapshots(dates, horizon_days, on_step=on_step)
            recipe = leave_out(recipe, without, list(map(str, snapshots[0].features)), config)
            stored = train(snapshots, recipe, n_threads=n_threads, on_step=on_step)
        last = date_of(snapshots[-1])
        return anchor_model(stored, bank, last, n_threads=n_threads) if anchor else stored


def train_on_file(
    data: Path,
    config: Config,
    recipe: Recipe,
    *,
    horizon_days: int,
    without: Sequence[str] = (),
    n_threads: int | None = None,
    anchor: bool = False,
) -> StoredModel:
    """Read one flat file and train on it; anchor on all its customers where asked to."""
    if anchor:
        require_coverage(data, config.flat)
    with open_file(data, config, n_threads=n_threads) as file:
        show_notes(file.notes())
        snapshots = file.snapshots(horizon_days=horizon_days)
        recipe = leave_out(recipe, without, list(map(str, snapshots[0].features)), config)
        with steps(5 + recipe.monotone) as on_step:
            stored = train(snapshots, recipe, n_threads=n_threads, on_step=on_step)
    if not anchor:
        return stored
    with open_file(data, config, model=stored, labels="where known", n_threads=n_threads) as everybody:
        return anchor_model(stored, everybody, n_threads=n_threads)
