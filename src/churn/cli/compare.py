"""`churn compare`."""

import datetime as dt
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from churn import errors, estimates
from churn.api import comparing
from churn.cli import options
from churn.cli.console import (
    INTERVAL,
    echo,
    interval,
    log_run,
    note,
    number,
    print_json,
    print_table,
    show_notes,
    steps,
)
from churn.evaluation import backtest, promotion, segments
from churn.evaluation.comparison import Comparison
from churn.model.split import N_JUDGED
from churn.speech import say
from churn.tracking import place, session

MOST_JUDGED = 40
SIGNIFICANT = 0.05
BETTER, WORSE = "▲", "▼"
_COLUMNS = {
    "roc_auc": ("ROC-AUC", 4),
    "average_precision": ("avg. precision", 4),
    "log_loss": ("log loss", 4),
    "brier_score": ("Brier", 4),
    "ece": ("ECE", 4),
    "calibration_slope": ("slope", 3),
    "calibration_intercept": ("intercept", 3),
    "top_decile_lift": ("lift 10\u202f%", 2),
    "top_decile_lift_share": ("of max.", 3),
    "empc": ("EMPC", 2),
    "campaign_profit": ("profit", 2),
}
_log = logging.getLogger(__name__)


@click.command()
@options.data_argument
@click.option(
    "--candidate", "candidates", multiple=True, metavar="NAME", help="Learner, monotone, or learners joined by +."
)
@click.option(
    "--model", "folders", type=options.PATH, multiple=True, help="Model folder, whose recipe is compared too."
)
@options.parameters_option
@options.dates_option
@options.horizon_option
@click.option(
    "--snapshots",
    "n_judged",
    type=click.IntRange(1, MOST_JUDGED),
    default=N_JUDGED,
    show_default=True,
    help="Latest snapshots to judge on.",
)
@click.option("--intervals", is_flag=True, help="Show the 95\u202f% interval of every metric as well.")
@click.option("--promote", is_flag=True, help="Make the best challenger champion, if better beyond noise.")
@options.shared_options(seed=True, track=True)
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
    shared: options.Shared,
) -> None:
    """Compare models out of time, and say which is better.

    Models are judged over rolling snapshots of DATA, and differences held against noise.

    Each model is made anew at every judged snapshot from outcomes complete by then. Without --candidate and --model,
    every installed learner is compared; the registry's champion always is. With --promote the best challenger is
    trained on all these snapshots and registered, and the alias champion moves to it if it ranks better beyond noise
    and is calibrated as well; otherwise it is the challenger, the champion stays, and the exit code is 1. churn
    champion --back undoes a promotion.

    \b
    Example:  churn compare bank
              churn compare bank --candidate lightgbm --candidate scorecard+lightgbm --promote
    """
    if promote and shared.no_track:
        raise click.UsageError("--promote and --no-track: a promotion is kept in the registry; leave one out")
    if promote:
        session.require_writable(place.tracking_place())
    champion = None if shared.no_track else _find_champion(horizon, must_answer=promote)
    name = partial(
        comparing.contenders,
        candidates,
        folders=folders,
        parameters=parameters_path,
        champion=champion,
        seed=shared.seed,
    )
    name()  # what cannot be compared is refused before any data are read
    with shared.open(data) as opened:
        show_notes(opened.notes())
        recipes = name(has_bindings=opened.has_bindings)
        with steps() as on_step:
            snapshots = opened.snapshots(
                dates, horizon, most=n_judged + comparing.EARLIER, with_evidence=promote, on_step=on_step
            )
            compared = comparing.compare(
                snapshots,
                recipes,
                champion=champion,
                needs_champion=promote,
                n_judged=n_judged,
                seed=shared.seed,
                on_step=on_step,
            )
        if n := compared.comparison.n_one_class:
            note(f"note: {n} judged snapshots hold one outcome only; metrics that need both skip them")
        if not shared.as_json:
            print_comparison(compared, with_intervals=intervals)
        parent = None if shared.no_track else _log_run(compared, must=promote)
        before = after = champion.version if champion else None
        if promote:
            with steps() as on_step:
                version = comparing.promote(
                    compared, anchor=opened, parent=parent, by="churn compare --promote", on_step=on_step
                )
            after = version if compared.decision.promote else before
    if shared.as_json:
        found = {"champion_before": before, "champion_after": after, "reason": say(compared.decision.reason, "en")}
        print_json(compared.comparison.document() | found)
    else:
        echo(_conclusion(compared.decision, after, promote=promote))
    if promote and not compared.decision.promote:
        raise click.exceptions.Exit(1)


def _find_champion(horizon_days: int, *, must_answer: bool) -> comparing.Champion | None:
    """Return the champion; None, with a warning where there is one, if it cannot be compared and need not be."""
    try:
        return comparing.champion(horizon_days)
    except errors.ChurnError as error:
        if must_answer:
            raise
        _log.warning("the champion is left out: %s", error)
        return None


def _log_run(compared: comparing.Compared, *, must: bool) -> str | None:
    log = partial(comparing.log_comparison, compared)
    return log_run("comparison", log, place.tracking_place(), kept="nothing was written", must=must)


def _conclusion(decision: promotion.Decision, version: int | None, *, promote: bool) -> str:
    reason = say(decision.reason, "en")
    if not promote:
        return f"--promote {'would' if decision.promote else 'would not'} promote: {reason}"
    return f"version {version} is the champion: {reason}" if decision.promote else f"kept: {reason}"


def _title(compared: comparing.Compared) -> str:
    dates = [str(date) for date in compared.backtest.judged.snapshots() if date]
    n = f"{len(compared.backtest.judged.customer_id):,} customers"
    if not dates:
        return f"{n}, five folds (NOT out of time: a flat file has no time)"
    when = f"{len(dates)} snapshots from {dates[0]} to {dates[-1]}" if len(dates) > 1 else f"1 snapshot of {dates[0]}"
    return f"Out of time: {when}, {n} in all"


def print_comparison(compared: comparing.Compared, *, with_intervals: bool = False) -> None:
    """Print every model's metrics, best ROC-AUC first, marked where they differ from the reference beyond noise.

    The reference is the champion, where there is one, else the best challenger.
    """
    comparison, found = compared.comparison, compared.backtest
    order = best_ranked(comparison)
    is_champion = comparing.CHAMPION in found.recipes
    reference = comparing.CHAMPION if is_champion else compared.decision.challenger or order[0]
    rows = [
        (
            name,
            *(_cell(comparison, metric, name, reference, digits) for metric, (_, digits) in _COLUMNS.items()),
            f"{found.seconds[name]:.1f}",
        )
        for name in order
    ]
    columns = ("model", *(heading for heading, _ in _COLUMNS.values()), "seconds")
    print_table(_title(compared), columns, rows)
    echo(
        f"{BETTER} better, {WORSE} worse than {reference} beyond noise (p < {SIGNIFICANT}; ROC-AUC: DeLong, all else: "
        "customers resampled). EMPC and profit: per customer, at the costs of [campaign]."
    )
    if with_intervals:
        _print_intervals(comparison, order)
    _print_differences(comparison, reference)
    _print_failures(found.judged, order[0])


def best_ranked(comparison: Comparison) -> list[str]:
    """Return the models' names, the largest ROC-AUC first."""
    return sorted(comparison.models, key=lambda name: -(comparison.models[name]["roc_auc"].value or 0.0))


def _print_intervals(comparison: Comparison, order: Sequence[str]) -> None:
    rows = []
    for metric, (heading, digits) in _COLUMNS.items():
        for name in order:
            estimate = comparison.models[name].get(metric, estimates.UNKNOWN)
            rows.append((heading, name, *(number(one, f".{digits}f") for one in estimate)))
    print_table("95\u202f% intervals", ("metric", "model", "value", "low", "high"), rows, left=(0, 1))


def _cell(comparison: Comparison, metric: str, name: str, reference: str, digits: int) -> str:
    estimate = comparison.models[name].get(metric, estimates.UNKNOWN)
    if estimate.value is None:
        return number(None)
    test = promotion.find_test(comparison, metric, name, reference)
    mark = ""
    if test is not None and test.p_value is not None and test.p_value < SIGNIFICANT:
        mark = BETTER if test.better == name else WORSE
    return f"{number(estimate.value, f'.{digits}f')}{mark or ' '}"


def _print_differences(comparison: Comparison, reference: str) -> None:
    rows = []
    for name in comparison.models:
        test = promotion.find_test(comparison, "roc_auc", name, reference)
        if test is None:
            continue
        sign = 1 if test.better == name else -1
        low, high = sorted((sign * (test.low or 0.0), sign * (test.high or 0.0)))
        between = interval(low, high, lambda end: number(end, "+.4f"))
        rows.append((name, number(sign * test.difference, "+.4f"), between, number(test.p_value, ".3g")))
    print_table(f"ROC-AUC against {reference}", ("model", "difference", INTERVAL, "p"), rows)


def _print_failures(judged: backtest.Judged, model: str) -> None:
    failures = segments.name_failures(segments.evaluate_segments(judged, model))
    for failure in failures:
        echo(f"{model}: {say(failure, 'en')}")
    if not failures:
        echo(f"{model} fails in no segment of {', '.join(map(str, judged.segments)) or 'none known'}.")
