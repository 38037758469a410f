"""`churn compare`."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from churn.cli.comparison_table import best_ranked, print_comparison
from churn.cli.console import note, print_json, show_notes, steps
from churn.cli.contenders import (
    CHAMPION,
    can_have_bindings,
    find_champion,
    leave_out_same,
    leave_out_strange,
    name_contenders,
)
from churn.cli.fitting import train_on_file, train_on_folder
from churn.cli.options import (
    PATH,
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    horizon_option,
    json_option,
    seed_option,
    threads_option,
)
from churn.cli.promoting import Compared, decide_compared, log_compared, register_challenger
from churn.cli.recipes import parameters_option
from churn.cli.track import no_track_option
from churn.config import Config, read_config
from churn.data import is_file, open_bank, open_file
from churn.errors import TimeRangeError
from churn.evaluation.backtest import N_JUDGED, backtest, backtest_flat
from churn.evaluation.comparison import Comparison, compare_models
from churn.evaluation.leaks import Leak
from churn.evaluation.promotion import Decision
from churn.model.recipe import Recipe
from churn.tracking.place import tracking_place
from churn.tracking.session import require_writable

_log = logging.getLogger(__name__)
MOST_JUDGED = 40
EARLIER = 8
"""Snapshots before the first judged one, from which it is learnt."""


@click.command()
@data_argument
@click.option(
    "--candidate", "candidates", multiple=True, metavar="NAME", help="Learner, monotone, or learners joined by +."
)
@click.option("--model", "folders", type=PATH, multiple=True, help="Model folder, whose recipe is compared too.")
@parameters_option
@click.option("--as-of", "dates", type=IsoDate(), multiple=True, help="Snapshot to use; may be repeated.")
@horizon_option
@click.option(
    "--snapshots",
    "n_judged",
    type=click.IntRange(1, MOST_JUDGED),
    default=N_JUDGED,
    show_default=True,
    help="Latest snapshots to judge on.",
)
@click.option("--intervals", is_flag=True, help="Show the 95 % interval of every metric as well.")
@click.option("--promote", is_flag=True, help="Make the best challenger the champion, if it is better beyond noise.")
@config_option
@data_end_option
@seed_option
@threads_option
@no_track_option
@json_option
def compare(
    data: Path,
    candidates: Sequence[str],
    folders: Sequence[Path],
    parameters_path: Path | None,
    dates: Sequence[dt.date],
    horizon: int,
    n_judged: int,
    intervals: bool,
    promote: bool,
    config_path: Path | None,
    data_end: dt.date | None,
    seed: int,
    threads: int | None,
    no_track: bool,
    as_json: bool,
) -> None:
    """Backtest several models over rolling snapshots of DATA, and say which is better beyond noise.

    Each model is made anew at every judged snapshot from outcomes complete by then. Without --candidate and --model,
    every installed learner is compared; the registry's champion always is. With --promote the best challenger is
    trained on all these snapshots and registered, and the alias champion moves to it if it ranks better beyond noise
    and is calibrated as well; otherwise it is the challenger, the champion stays, and the exit code is 1. churn
    champion --back undoes a promotion.

    \b
    Example:  churn compare bank
              churn compare bank --candidate lightgbm --candidate scorecard+lightgbm --promote
    """
    config = read_config(config_path)
    flat = is_file(data, config)
    _require_usable(promote=promote, no_track=no_track, has_dates=bool(dates), flat=flat)
    champion = None if no_track else find_champion(horizon, must_answer=promote)
    recipes = name_contenders(
        candidates,
        folders,
        parameters_path,
        champion.recipe if champion else None,
        has_bindings=can_have_bindings(data, config),
        seed=seed,
    )
    if flat:
        compared = _compare_file(data, config, recipes, promote, seed, threads or 0)
    else:
        compared = _compare_folder(data, config, recipes, promote, dates, horizon, n_judged, data_end, threads or 0)
    comparison = _test_models(compared, config, seed)
    decision = decide_compared(comparison, compared)
    if not as_json:
        reference = CHAMPION if CHAMPION in compared.recipes else decision.challenger or best_ranked(comparison)[0]
        title = _title(compared, comparison)
        print_comparison(comparison, reference, compared.found, title=title, with_intervals=intervals)
    parent = None if no_track else log_compared(comparison, compared, decision, must=promote)
    before = champion.version if champion else None
    after = before
    if promote and decision.challenger is not None:
        anchored = champion is not None and champion.is_anchored
        recipe = compared.recipes[decision.challenger]
        common: dict[str, Any] = {"horizon_days": horizon, "n_threads": threads, "anchor": anchored}
        train = train_on_file if flat else partial(train_on_folder, dates=compared.days, data_end=data_end)
        version = register_challenger(
            partial(train, data, config, recipe, **common),
            decision,
            before,
            parent=str(parent),
            embargo_days=config.training.embargo_days,
        )
        after = version if decision.promote else before
    if as_json:
        found = {"champion_before": before, "champion_after": after, "reason": decision.reason}
        print_json(comparison.document() | found)
    else:
        click.echo(_conclusion(decision, after, promote=promote))
    if promote and not decision.promote:
        raise click.exceptions.Exit(1)


def _test_models(compared: Compared, config: Config, seed: int) -> Comparison:
    with steps(1) as on_step:
        on_step("comparing the models")
        comparison = compare_models(compared.found.judged, campaign=config.campaign, seed=seed)
    if comparison.n_one_class:
        note(f"note: {comparison.n_one_class} judged snapshots hold one outcome only; metrics that need both skip them")
    return comparison


def _require_usable(*, promote: bool, no_track: bool, has_dates: bool, flat: bool) -> None:
    if promote and no_track:
        raise click.UsageError("--promote and --no-track: a promotion is kept in the registry; leave one out")
    if flat and has_dates:
        raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
    if promote:
        require_writable(tracking_place())


def _conclusion(decision: Decision, version: int | None, *, promote: bool) -> str:
    if not promote:
        return f"--promote {'would' if decision.promote else 'would not'} promote: {decision.reason}"
    return f"version {version} is the champion: {decision.reason}" if decision.promote else f"kept: {decision.reason}"


def _compare_folder(
    data: Path,
    config: Config,
    recipes: Mapping[str, Recipe],
    promote: bool,
    dates: Sequence[dt.date],
    horizon: int,
    n_judged: int,
    data_end: dt.date | None,
    n_threads: int,
) -> Compared:
    with open_bank(data, config, data_end=data_end, n_threads=n_threads or None) as bank:
        days = bank.choose_dates(dates, horizon, most=n_judged + EARLIER)
        show_notes(bank.notes())
        facts = bank.input_facts()
        with steps(len(days)) as on_step:
            snapshots = bank.snapshots(days, horizon, with_evidence=False, on_step=on_step).dated
    features = list(map(str, snapshots[0].features))
    recipes = leave_out_same(leave_out_strange(recipes, features, must_answer=promote), features)
    leaks: list[Leak] = []
    with steps(len(recipes) * n_judged + 1) as on_step:
        found = backtest(
            snapshots,
            recipes,
            horizon_days=horizon,
            config=config,
            n_judged=n_judged,
            n_threads=n_threads,
            on_step=on_step,
            on_leak=leaks.append,
        )
    _warn_of(leaks)
    judged = [str(date) for date in found.judged.snapshots()]
    return Compared(
        recipes,
        found,
        days,
        {
            "judged": judged,
            "snapshots": [str(day) for day in days],
            "horizon_days": horizon,
            "embargo_days": config.training.embargo_days,
            **facts,
        },
        leaks,
    )


def _compare_file(
    data: Path, config: Config, recipes: Mapping[str, Recipe], promote: bool, seed: int, n_threads: int
) -> Compared:
    with open_file(data, config, n_threads=n_threads or None) as file:
        show_notes(file.notes())
        facts, snapshot = file.input_facts(), file.labelled(None, horizon_days=0)
    features = list(map(str, snapshot.features))
    recipes = leave_out_same(leave_out_strange(recipes, features, must_answer=promote), features)
    leaks: list[Leak] = []
    with steps(len(recipes) + 1) as on_step:
        found = backtest_flat(
            snapshot,
            recipes,
            config=config,
            seed=seed,
            n_threads=n_threads,
            on_step=on_step,
            on_leak=leaks.append,
        )
    _warn_of(leaks)
    return Compared(recipes, found, (), {"judged": [], **facts}, leaks)


def _warn_of(leaks: Sequence[Leak]) -> None:
    for leak in leaks:
        _log.warning("%s", leak.sentence)


def _title(compared: Compared, comparison: Comparison) -> str:
    judged = compared.found.judged
    n = f"{len(judged.customer_id):,} customers"
    if not compared.facts["judged"]:
        return f"{n}, five folds (NOT out of time: a flat file has no time)"
    first, last = compared.facts["judged"][0], compared.facts["judged"][-1]
    return f"Out of time: {comparison.n_snapshots} snapshots from {first} to {last}, {n} in all"
