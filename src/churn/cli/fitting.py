"""From DATA to a stored model: what training, comparing and the demonstration do alike."""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from churn.cli.anchoring import anchor_on_bank, anchor_on_file, require_coverage
from churn.cli.console import OnStep, steps
from churn.cli.inputs import flat_section, input_facts, show_notes
from churn.cli.recipes import leave_out
from churn.config import Config
from churn.evaluation.leaks import Leak
from churn.explanation.effects.estimates import estimate_effects, estimate_flat_effects
from churn.explanation.effects.evidence import gather_evidence
from churn.explanation.next_best import advice_to_json, build_advice
from churn.frame import Snapshot, build_snapshot, flat_snapshot
from churn.model.recipe import Recipe
from churn.model.storage import StoredModel
from churn.tables.bank import Bank, open_bank
from churn.tables.flat import open_flat
from churn.timeline import MOST_SNAPSHOTS, default_snapshots, labelled_snapshots, require_complete
from churn.training import train_flat, train_on_snapshots

_log = logging.getLogger(__name__)


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
        chosen = choose_dates(bank, dates, horizon_days)
        show_notes(bank)
        with steps(len(chosen) + 6 + recipe.monotone) as on_step:
            snapshots = build_snapshots(bank, chosen, horizon_days, on_step)
            recipe = leave_out(recipe, without, list(map(str, snapshots[0].features)), config)
            facts = input_facts(bank) | _population_facts(bank, snapshots)
            stored = train_on_snapshots(
                snapshots,
                horizon_days=horizon_days,
                config=config,
                recipe=recipe,
                n_threads=n_threads,
                facts=facts,
                on_step=on_step,
                on_leak=warn_of_leak,
            )
            if bank.has("bindings"):
                on_step("estimating what binding each service does")
                stored = _with_effects(stored, bank, snapshots[-1], horizon_days, recipe.seed, n_threads or 0)
        return anchor_on_bank(stored, bank, chosen[-1], config, n_threads=n_threads) if anchor else stored


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
    flat = flat_section(config)
    if anchor:
        require_coverage(data, flat)
    with open_flat(data, flat, needs_label=True, n_threads=n_threads) as table:
        show_notes(table)
        facts = input_facts(table) | {"flat": flat.model_dump(mode="json")}
        snapshot = flat_snapshot(table)
        recipe = leave_out(recipe, without, list(map(str, snapshot.features)), config)
        with steps(4 + recipe.monotone) as on_step:
            stored = train_flat(
                snapshot,
                config=config,
                horizon_days=horizon_days,
                recipe=recipe,
                n_threads=n_threads,
                facts=facts,
                on_step=on_step,
                on_leak=warn_of_leak,
            )
            effects = estimate_flat_effects(snapshot, flat, config.effects, seed=recipe.seed, n_threads=n_threads or 0)
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


def choose_dates(
    bank: Bank, dates: Sequence[dt.date], horizon_days: int, *, most: int = MOST_SNAPSHOTS
) -> list[dt.date]:
    """Return the snapshots asked for, or the default ones, at most so many, ascending."""
    if bank.has("labels"):
        return sorted(set(dates)) or labelled_snapshots(bank.frames(), most=most)
    if dates:
        require_complete(dates, bank.data_end, horizon_days)
        return sorted(set(dates))
    return default_snapshots(bank.data_begin, bank.data_end, horizon_days, most=most)


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


def build_snapshots(bank: Bank, dates: Sequence[dt.date], horizon_days: int, on_step: OnStep) -> list[Snapshot]:
    """Build the labelled snapshot of each date."""
    snapshots = []
    for date in dates:
        on_step(f"building the snapshot of {date}")
        snapshots.append(build_snapshot(bank, date, horizon_days))
    return snapshots


def warn_of_leak(leak: Leak) -> None:
    """Name a feature that knows too much."""
    _log.warning("%s", leak.sentence)
