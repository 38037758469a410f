"""`churn plan`."""

import datetime as dt
import time
from pathlib import Path
from typing import Any, NamedTuple

import click

from churn import errors, files
from churn.actions import managers, plan_days, plan_files, sheets, workbook
from churn.actions.lists.build import Lists, build_lists
from churn.actions.lists.workbook import write_lists
from churn.actions.plan import Plan, build_plan
from churn.actions.today import read_today
from churn.cli.console import note, print_json, print_table, show_notes, steps, warn_of_age
from churn.cli.options import (
    PATH,
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    json_option,
    output_option,
    threads_option,
)
from churn.config import Config, read_config
from churn.data import is_file, open_bank
from churn.scores import Scores, read_scores
from churn.speech.catalogue import isolate

MARK = "plan.json"
FILES = ("plan.csv", "plan.xlsx", "assignments.csv", "lists")
_LEFT_OUT = {
    "not_scored": "not in the scores",
    "do_not_contact": "refused contact",
    "branch_without_manager": "of a branch without a manager",
    "resting": "contacted a short time ago",
    "held_out": "in the random hold-out",
}


@click.command()
@data_argument
@click.option("--scores", "scores_path", type=PATH, required=True, help="Score file, best from churn score --explain.")
@output_option("Folder to write: plan.csv, plan.json, plan.xlsx, assignments.csv, lists/.")
@click.option("--date", type=IsoDate(), help="The day [default: the scores' date, or the next working day].")
@click.option(
    "--lang", "language", type=click.Choice(["both", "en", "zh"]), default="both", show_default=True,
    help="Language of the workbooks; the other files have both.",
)  # fmt: skip
@config_option
@data_end_option
@threads_option
@json_option
def plan(
    data: Path,
    scores_path: Path,
    output: Path,
    date: dt.date | None,
    language: sheets.Language,
    config_path: Path | None,
    data_end: dt.date | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Plan each manager's day: whom to meet, whom to call, why now, what to say first, what to offer next.

    Beside it go the lists: VIPs without a manager, customers who lose money, potential VIPs seen at the counter,
    upgrades, referrers and their circles, thinly bound customers, relationships, and products that were never bound.

    \b
    Example:  churn plan bank --scores scores.parquet -o plan
    """
    config = read_config(config_path)
    begun = time.monotonic()
    made = plan_day(
        data, scores_path, output, config, date=date, language=language, data_end=data_end, n_threads=threads
    )
    _tell(made.plan, made.scores, config)
    _print(made.plan, made.lists, as_json=as_json)
    note(f"wrote {output}: {len(made.plan.rows):,} contacts in {time.monotonic() - begun:.1f} s")


class Made(NamedTuple):
    """What was planned, listed, and by which scores."""

    plan: Plan
    lists: Lists
    scores: Scores


def plan_day(
    data: Path,
    scores_path: Path,
    output: Path,
    config: Config,
    *,
    date: dt.date | None = None,
    language: sheets.Language = "both",
    data_end: dt.date | None = None,
    n_threads: int | None = None,
) -> Made:
    """Plan a day of a bank into a folder; parameters as for the command."""
    files.require_replaceable(output, mark=MARK, names=FILES)
    _require_tables(data, config)
    scores = read_scores(scores_path)
    day = plan_days.choose_day(date, scores.as_of, config.plan)
    with open_bank(data, config, data_end=data_end, n_threads=n_threads) as bank, steps() as on_step:
        files.require_apart([output], [*bank.paths, scores_path])
        show_notes(bank.notes())
        on_step(f"reading customers as of {day}")
        today = read_today(bank, scores, day, config)
        on_step(f"planning {day}")
        planned = build_plan(today)
        on_step("listing whom to look after")
        lists = build_lists(today)
        on_step("writing")
        about = {
            **plan_files.summarise(planned),
            "lists": _about_lists(lists),
            "scores": {"file": scores_path.name, "sha256": files.hash_file(scores_path), "as_of": _iso(scores.as_of)},
            "settings": config.plan.model_dump(mode="json"),
            "lists_settings": config.lists.model_dump(mode="json"),
            **bank.input_facts(),
        }
        _write(output, planned, lists, about, config, language)
    return Made(planned, lists, scores)


def _require_tables(data: Path, config: Config) -> None:
    if is_file(data, config):
        raise errors.DataError(
            f"{data}: a flat file names no manager and no branch; give the folder of the bank's tables"
        )


def _write(
    output: Path, planned: Plan, lists: Lists, about: dict[str, Any], config: Config, language: sheets.Language
) -> None:
    """Write the folder, whole or not at all."""
    with files.new_folder(output, mark=MARK, names=FILES) as folder:
        plan_files.write_csv(folder / "plan.csv", planned.rows)
        plan_files.write_csv(folder / "assignments.csv", planned.assignments)
        workbook.write_workbook(folder / "plan.xlsx", planned, config.plan, language=language)
        (folder / "lists").mkdir()
        for name, rows in lists.frames.items():
            plan_files.write_csv(folder / "lists" / f"{name}.csv", rows)
        write_lists(folder / "lists" / "lists.xlsx", lists, planned.date, config, language=language)
        plan_files.write_json_plan(folder / MARK, planned, about)


def _about_lists(lists: Lists) -> dict[str, Any]:
    """Say of each list what it is, how long, and what it leaves out or lacks, as JSON values."""
    return {
        name: {
            "rows": len(rows),
            "made": name not in lists.not_made,
            **{f"title_{language}": text for language, text in zip(("en", "zh"), lists.titles[name], strict=True)},
            **{f"says_{language}": text for language, text in zip(("en", "zh"), lists.sentences[name], strict=True)},
        }
        for name, rows in lists.frames.items()
    }


def _tell(planned: Plan, scores: Scores, config: Config) -> None:
    """Say on standard error what a reader of the plan should know."""
    for name in managers.unknown_managers(planned.managers, config.plan):
        note(f"warning: [plan.managers] {isolate(name)}: responsible for nobody; give a branch, or remove the entry")
    warn_of_age(planned.date, scores.as_of)
    if not scores.is_explained:
        note("note: the scores name no next binding; churn score --explain adds it, and reasons in words")
    for said, _ in planned.notes:
        note(f"note: {said[0].lower()}{said[1:]}")
    note("note: expected values rest on assumed shares ([plan] in the configuration); the column assumed names them")


def _print(planned: Plan, lists: Lists, *, as_json: bool) -> None:
    summary = plan_files.summarise(planned)
    if as_json:
        print_json(summary | {"lists": _about_lists(lists)})
        return
    rows = [
        ("managers", f"{summary['managers']:,}"),
        ("meetings", f"{summary['meetings']:,}"),
        ("calls", f"{summary['calls']:,}"),
        *((f"  {name.replace('_', ' ')}", f"{n:,}") for name, n in summary["purposes"].items()),
        ("expected value kept, CNY", f"{summary['expected_value_kept']:,.0f}"),
        ("managers proposed for VIPs without one", f"{summary['assignments_proposed']:,}"),
        *((f"customers {_LEFT_OUT[name]}", f"{n:,}") for name, n in summary["left_out"].items() if n),
    ]
    print_table(f"Plan of {planned.date}", ("", "number"), rows, left=("",))
    listed = [
        (name, lists.titles[name][0], "–" if name in lists.not_made else f"{len(rows):,}")
        for name, rows in lists.frames.items()
    ]
    print_table("Lists", ("lists/", "what", "rows"), listed, left=("lists/", "what"))
    for name in lists.not_made:
        note(f"note: {name}: {lists.sentences[name][0]}")


def _iso(date: dt.date | None) -> str | None:
    return date.isoformat() if date else None
