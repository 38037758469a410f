"""`churn tune`."""

import datetime as dt
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import click

from churn.cli.console import note, print_json, print_table, show_notes, steps
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
from churn.cli.track import no_track_option
from churn.config import Config, read_config
from churn.data import is_file, open_bank, open_file
from churn.errors import ChurnError, TimeRangeError
from churn.evaluation.leaks import find_leaks
from churn.features.catalogue import catalogue
from churn.files import render_json, require_apart, require_writable_file, write_json
from churn.model.recipe import Recipe
from churn.model.trees import TreeParameters
from churn.tracking.place import FOLDER, look_command, tracking_place
from churn.tracking.studies import log_study
from churn.tuning.plan import Plan, plan_flat, plan_snapshots
from churn.tuning.search import search
from churn.tuning.study import SPACE, open_study, read_trials, tuned_part
from churn.tuning.verdict import Gain, Tuned, Word, conclude, tuned_document

MOST_TRIALS = 10_000
MOST_SNAPSHOTS = 12
"""Four to judge trials on, as many before them as a training takes, and of these the last is kept apart."""
STUDIES = "optuna.db"
_INTERRUPTED = 130
_NAMES = {"log_loss": "log loss", "roc_auc": "ROC-AUC"}
_SENTENCES: Mapping[Word, str] = {
    "helped": "tuning helped, beyond noise",
    "harmed": "tuning harmed, beyond noise: keep the defaults",
    "not beyond noise": "nothing beyond noise: the defaults are as good as far as these rows can tell",
    "same parameters": "nothing that was tried was better than the defaults",
}

_log = logging.getLogger(__name__)


class Problem(NamedTuple):
    """What is tuned on, and what its losses depend on."""

    plan: Plan
    facts: Mapping[str, str]
    inputs: Mapping[str, Any]


@click.command()
@data_argument
@click.option(
    "-o", "--output", type=PATH, default="tuned.json", show_default=True, help="File to write, for churn train."
)
@click.option(
    "--trials",
    type=click.IntRange(1, MOST_TRIALS),
    default=30,
    show_default=True,
    help="Trials in the study, with those of earlier calls.",
)
@click.option("--minutes", type=click.FloatRange(min=0), help="Minutes after which no trial begins.")
@click.option("--as-of", "dates", type=IsoDate(), multiple=True, help="Snapshot to use; may be repeated.")
@horizon_option
@click.option("--study", "name", metavar="NAME", help="Name of the study [default: follows from data and settings].")
@config_option
@data_end_option
@seed_option
@threads_option
@no_track_option
@json_option
def tune(
    data: Path,
    output: Path,
    trials: int,
    minutes: float | None,
    dates: Sequence[dt.date],
    horizon: int,
    name: str | None,
    config_path: Path | None,
    data_end: dt.date | None,
    seed: int,
    threads: int | None,
    no_track: bool,
    as_json: bool,
) -> None:
    """Look for parameters of LightGBM that suit DATA, and say whether they gained anything.

    Parameters are judged by the mean log loss over earlier snapshots, each by a model of what was known at its date.
    The latest snapshot takes no part: in the end it judges the best parameters against the defaults. A flat file has
    no time: there five folds of its rows judge, and a fifth of them is kept apart.

    Trials are kept in mlruns/optuna.db below the current folder, or beside the database MLFLOW_TRACKING_URI names.
    The same command goes on where it was stopped, however it was stopped; --trials 60 adds to a study of 30.

    \b
    Example:  churn tune bank -o tuned.json --trials 30
              churn train bank --parameters tuned.json -o models/tuned
    """
    config = read_config(config_path)
    require_writable_file(output)
    require_apart([output], [data, studies_path(), *([config_path] if config_path else [])])
    recipe = Recipe(seed=seed)
    if is_file(data, config):
        if dates:
            raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
        problem = _read_file(data, config, seed, threads)
    else:
        problem = _read_folder(data, config, dates, horizon, data_end, seed, threads)
    last = problem.plan.splits[-1]
    for leak in find_leaks(last.development, last.held_out, catalogue(config)):
        _log.warning("%s", leak.sentence)
    name = name or f"tune-{_digest(problem.facts)[:10]}"
    database = studies_path()
    with _kept(name, database):
        tuned = _run(problem, recipe, name, database, trials, minutes, threads or 0)
    facts = {"name": name, "kept_in": str(database), **problem.facts}
    document = tuned_document(tuned, problem.plan, facts)
    write_json(output, document)
    if as_json:
        print_json(document)
    else:
        print_tuned(tuned, problem.plan)
    note(f"wrote {output}; use it with: churn train {data} --parameters {output} -o MODEL")
    if not no_track:
        track_study(document, problem.inputs)


def studies_path() -> Path:
    """Return the SQLite file of studies: beside MLflow's, where that is a file, else in mlruns/ below here."""
    database = tracking_place().database
    folder = Path(FOLDER) if database is None else database.parent
    here = Path.cwd()
    return (folder.relative_to(here) if folder.is_relative_to(here) else folder) / STUDIES


def _read_folder(
    data: Path,
    config: Config,
    dates: Sequence[dt.date],
    horizon: int,
    data_end: dt.date | None,
    seed: int,
    threads: int | None,
) -> Problem:
    with open_bank(data, config, data_end=data_end, n_threads=threads) as bank:
        chosen = bank.choose_dates(dates, horizon, most=MOST_SNAPSHOTS)
        show_notes(bank.notes())
        with steps(len(chosen)) as on_step:
            snapshots = bank.snapshots(chosen, horizon, with_evidence=False, on_step=on_step)
        inputs = bank.input_facts()
    facts = _facts(inputs, config, seed) | {
        "horizon": f"{horizon} days",
        "dates": ", ".join(map(str, chosen)),
        "data end": str(bank.data_end),
    }
    return Problem(plan_snapshots(snapshots.dated, horizon + config.training.embargo_days), facts, inputs)


def _read_file(data: Path, config: Config, seed: int, threads: int | None) -> Problem:
    with open_file(data, config, n_threads=threads) as file:
        show_notes(file.notes())
        inputs = file.input_facts()
        plan = plan_flat(file.labelled(None, 0), seed)
    note("note: a flat file has no time: trials are judged by folds of rows, not on a later date")
    return Problem(plan, _facts(inputs, config, seed), inputs)


def _facts(inputs: Mapping[str, Any], config: Config, seed: int) -> dict[str, str]:
    """Return what the losses of trials depend on; of long ones a digest."""
    return {
        "data": _digest([[fact["table"], fact["sha256"]] for fact in inputs["inputs"]]),
        "configuration": _digest(config.model_dump(mode="json")),
        "seed": str(seed),
        "ranges": _digest({name: list(one) for name, one in SPACE.items()}),
        "software": f"churn {version('churn')}, lightgbm {version('lightgbm')}, optuna {version('optuna')}",
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(render_json(value).encode()).hexdigest()[:16]


@contextmanager
def _kept(name: str, database: Path) -> Iterator[None]:
    """Say, where a person stops it, that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"stopped; the trials that had ended are kept in {database}; the same command goes on (study {name})")
        raise SystemExit(_INTERRUPTED) from None


def _run(
    problem: Problem, recipe: Recipe, name: str, database: Path, trials: int, minutes: float | None, threads: int
) -> Tuned:
    seconds = None if minutes is None else 60 * minutes
    with open_study(database, name, problem.facts) as study:
        there = sum(trial.state != "failed" for trial in read_trials(study))
        if there:
            note(f"going on with study {name}, which holds {there} trials")
        with steps(max(trials - there, 0) + 1) as on_step:
            search(study, problem.plan, recipe, n_trials=trials, seconds=seconds, n_threads=threads, on_step=on_step)
            on_step("judging the best parameters against the defaults, on what no trial saw")
            return conclude(read_trials(study), problem.plan, recipe, threads)


def print_tuned(tuned: Tuned, plan: Plan) -> None:
    """Print defaults against best, on what was tuned on and on what was kept apart, and which parameters these are."""
    where = f"{len(plan.splits)} {'snapshots' if plan.out_of_time else 'folds'}"
    rows = [
        (f"log loss, mean of {where} tuned on", *_tuned_on(tuned), "–", "–"),
        *(_gain_row(gain, plan) for gain in tuned.gains),
    ]
    title = f"{tuned.count('complete')} trials complete, {tuned.count('pruned')} given up early"
    print_table(title, ("", "defaults", "tuned", "gain", "95 % interval", "p"), rows, left=("",))
    before, after = tuned_part(TreeParameters()), tuned_part(tuned.parameters)
    chosen = [(name, f"{before[name]:.4g}", f"{after[name]:.4g}") for name in before]
    print_table("Parameters", ("name", "default", "tuned"), chosen, left=("name",))
    click.echo(f"On rows that no trial saw: {_SENTENCES[tuned.word]}.")


def _gain_row(gain: Gain, plan: Plan) -> tuple[str, ...]:
    held_out = plan.final.held_out
    when = f"as of {held_out.as_of}" if plan.out_of_time else "kept apart"
    return (
        f"{_NAMES[gain.metric]}, {len(held_out.customer_id):,} customers {when}",
        _number(gain.defaults),
        _number(gain.tuned),
        _signed(gain.gain),
        _interval(gain.low, gain.high),
        "–" if gain.p_value is None else f"{gain.p_value:.3f}",
    )


def _tuned_on(tuned: Tuned) -> tuple[str, str, str]:
    before, after = tuned.defaults.objective, tuned.best.objective
    assert before is not None
    assert after is not None
    return _number(before), _number(after), _signed(before - after)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.5f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.5f}"


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:+.5f} to {high:+.5f}"


def track_study(document: Mapping[str, Any], inputs: Mapping[str, Any]) -> str | None:
    """Log a study that is written, and say how to look at it; where that fails, say so in one line, return None."""
    place = tracking_place()
    try:
        with steps() as on_step:
            run_id = log_study(document, inputs, place=place, on_step=on_step)
    except ChurnError as error:
        note(f"warning: the study was not logged: {error}")
        return None
    except KeyboardInterrupt:
        note("stopped while the study was logged; its file is written and whole")
        raise SystemExit(_INTERRUPTED) from None
    note(f"logged run {run_id}; look at it with: {look_command(place)}")
    return run_id
