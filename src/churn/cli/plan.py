"""`churn plan`."""

import datetime as dt
import time
from pathlib import Path

import click

from churn.actions.lists.build import describe_lists
from churn.actions.managers import unknown_managers
from churn.actions.plan.telling import LEFT_OUT_WORDS
from churn.actions.plan.writing import summarise
from churn.actions.sheets import Shown
from churn.api import acting
from churn.cli import options
from churn.cli.console import note, print_json, print_table, show_notes, steps, warn_of_age
from churn.config import Config
from churn.scores import read_scores
from churn.speech import Number, isolate, say


@click.command()
@options.data_argument
@options.scores_option
@options.output_option("Folder to write: the plan, assignments and lists.")
@click.option("--date", type=options.IsoDate(), help="The day [default: the scores' date or next working day].")
@click.option(
    "--lang", "language", type=click.Choice(["both", "en", "zh"]), default="both", show_default=True,
    help="Language of the workbooks; the other files have both.",
)  # fmt: skip
@options.shared_options()
def plan(
    data: Path,
    scores_path: Path,
    output: Path,
    date: dt.date | None,
    language: Shown,
    shared: options.Shared,
) -> None:
    """Plan each manager's day, and list whom to look after.

    The plan says whom to meet and to call, why now, what to say first and what to offer next.

    Beside it go the lists: VIPs without a manager, customers who lose money, potential VIPs seen at the counter,
    upgrades, referrers and their groups, customers with few ties, relationships, and products that were never bound.

    \b
    Example:  churn plan bank --scores scores.parquet -o plan
    """
    begun = time.monotonic()
    acting.require_plan_place(output)
    scores = read_scores(scores_path)
    with shared.open(data, labels="unread") as opened, steps() as on_step:
        show_notes(opened.notes())
        made = acting.write_plan(output, opened, scores, date, shown=language, on_step=on_step)
    _tell(made, shared.config)
    _print(made, as_json=shared.as_json)
    note(f"wrote {output}: {len(made.plan.rows):,} contacts in {time.monotonic() - begun:.1f} s")


def _tell(made: acting.PlannedDay, config: Config) -> None:
    """Say on standard error what a reader of the plan should know."""
    for name in unknown_managers(made.plan.managers, config.plan):
        note(f"warning: [plan.managers] {isolate(name)}: responsible for nobody; give a branch, or remove the entry")
    warn_of_age(made.plan.date, made.scores.as_of)
    if not made.scores.is_explained:
        note("note: the scores name no next binding; churn score --explain adds it, and reasons in words")
    for said in made.plan.notes:
        text = say(said, "en")
        note(f"note: {text[0].lower()}{text[1:]}")
    note("note: expected values rest on assumed shares ([plan] in the configuration); the column assumed names them")


def _print(made: acting.PlannedDay, *, as_json: bool) -> None:
    summary, lists = summarise(made.plan), made.lists
    if as_json:
        print_json(summary | {"lists": describe_lists(lists)})
        return
    rows = [
        *((name, f"{summary[name]:,}") for name in ("managers", "meetings", "calls")),
        *((f"  {name.replace('_', ' ')}", f"{n:,}") for name, n in summary["purposes"].items()),
        ("expected value kept, CNY", f"{summary['expected_value_kept']:,.0f}"),
        ("managers proposed for VIPs without one", f"{summary['assignments_proposed']:,}"),
        *((f"left out: {say(LEFT_OUT_WORDS[name], 'en')}", f"{n:,}") for name, n in summary["left_out"].items() if n),
    ]
    print_table(f"Plan of {made.plan.date}", ("", "number"), rows)
    listed = [
        (name, lists.titles[name], Number(None if name in lists.not_made else len(rows)))
        for name, rows in lists.frames.items()
    ]
    print_table("Lists", ("lists/", "what", "rows"), listed, left=(0, 1))
    for name in lists.not_made:
        note(f"note: {name}: {say(lists.sentences[name], 'en')}")
