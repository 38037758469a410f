"""`churn tune`."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from churn import files, frame
from churn.api import learning
from churn.cli import console, options
from churn.model.trees import TreeParameters
from churn.tracking.place import studies_path, tracking_place
from churn.tuning.search import Gain, Tuned, Word
from churn.tuning.study import tuned_part

MOST_TRIALS = 10_000
_NAMES = {"log_loss": "log loss", "roc_auc": "ROC-AUC"}
_SENTENCES: Mapping[Word, str] = {
    "helped": "tuning helped, beyond noise",
    "harmed": "tuning harmed, beyond noise: keep the defaults",
    "not beyond noise": "nothing beyond noise: the defaults are as good as far as these rows can tell",
    "same parameters": "nothing that was tried was better than the defaults",
}


@click.command()
@options.data_argument
@click.option(
    "-o", "--output", type=options.PATH, default="tuned.json", show_default=True, help="File to write, for churn train."
)
@click.option(
    "--trials",
    type=click.IntRange(1, MOST_TRIALS),
    default=30,
    show_default=True,
    help="Trials in the study, with those of earlier calls.",
)
@click.option("--minutes", type=click.FloatRange(min=0), help="Minutes after which no trial begins.")
@options.dates_option
@options.horizon_option
@click.option("--study", "name", metavar="NAME", help="Name of the study [default: follows from data and settings].")
@options.shared_options(seed=True, track=True)
def tune(
    data: Path,
    output: Path,
    trials: int,
    minutes: float | None,
    dates: Sequence[dt.date],
    horizon: int,
    name: str | None,
    shared: options.Shared,
) -> None:
    """Try parameters of LightGBM on DATA; say whether they help.

    Parameters are judged by the mean log loss over earlier snapshots, each by a model of what was known at its date.
    The latest snapshot takes no part: in the end it judges the best parameters against the defaults. A flat file has
    no time: there five folds of its rows judge, and a fifth of them is kept apart.

    Trials are kept in mlruns/optuna.db below the current folder, or beside the database MLFLOW_TRACKING_URI names.
    The same command goes on where it was stopped, however it was stopped; --trials 60 adds to a study of 30.

    \b
    Example:  churn tune bank -o tuned.json --trials 30
              churn train bank --parameters tuned.json -o models/tuned
    """
    files.require_writable_file(output)
    files.require_apart([output], [data, studies_path(), *([shared.config_path] if shared.config_path else [])])
    with shared.open(data) as opened:
        console.show_notes(opened.notes())
        with console.steps() as on_step:
            snapshots = opened.snapshots(dates, horizon, most=learning.MOST_TUNED, with_evidence=False, on_step=on_step)
    if not opened.is_dated:
        console.note("note: a flat file has no time: trials are judged by folds of rows, not on a later date")
    study = learning.place_study(snapshots, name, seed=shared.seed)
    with _kept(study), console.steps(trials + 1) as on_step:
        tuned = learning.tune(snapshots, trials=trials, minutes=minutes, study=study, seed=shared.seed, on_step=on_step)
    learning.write_tuned(output, tuned)
    if shared.as_json:
        console.print_json(tuned.document())
    else:
        print_tuned(tuned)
    console.note(f"wrote {output}; use it with: churn train {data} --parameters {output} -o MODEL")
    if not shared.no_track:
        log = partial(learning.log_tuning, tuned, snapshots)
        console.log_run("study", log, tracking_place(), kept="its file is written and whole")


@contextmanager
def _kept(study: learning.Study) -> Iterator[None]:
    """Say, where a person stops it, that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        console.note(
            f"stopped; the trials that had ended are kept in {study.database}; the same command goes on"
            f" (study {study.name})"
        )
        raise SystemExit(console.INTERRUPTED) from None


def print_tuned(tuned: Tuned) -> None:
    """Print defaults against best, on what was tuned on and on what was kept apart, and which parameters these are."""
    apart = tuned.apart
    where = f"{len(apart.splits)} {'snapshots' if apart.final.out_of_time else 'folds'}"
    rows = [
        (f"log loss, mean of {where} tuned on", *_tuned_on(tuned), console.number(None), console.number(None)),
        *(_gain_row(gain, apart.final.held_out) for gain in tuned.gains),
    ]
    title = f"{tuned.count('complete')} trials complete, {tuned.count('pruned')} given up early"
    console.print_table(title, ("", "defaults", "tuned", "gain", console.INTERVAL, "p"), rows)
    before, after = tuned_part(TreeParameters()), tuned_part(tuned.parameters)
    chosen = [(name, f"{before[name]:.4g}", f"{after[name]:.4g}") for name in before]
    console.print_table("Parameters", ("name", "default", "tuned"), chosen)
    console.echo(f"On rows that no trial saw: {_SENTENCES[tuned.word]}.")


def _gain_row(gain: Gain, held_out: frame.Snapshot) -> tuple[str, ...]:
    when = f"as of {held_out.as_of}" if held_out.as_of else "kept apart"
    return (
        f"{_NAMES[gain.metric]}, {len(held_out.customer_id):,} customers {when}",
        console.number(gain.defaults, ".5f"),
        console.number(gain.tuned, ".5f"),
        console.number(gain.gain, "+.5f"),
        console.interval(gain.low, gain.high, lambda end: console.number(end, "+.5f")),
        console.number(gain.p_value, ".3f"),
    )


def _tuned_on(tuned: Tuned) -> tuple[str, str, str]:
    before, after = tuned.defaults.objective, tuned.best.objective
    assert before is not None
    assert after is not None
    return console.number(before, ".5f"), console.number(after, ".5f"), console.number(before - after, "+.5f")
