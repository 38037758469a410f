"""`churn report`."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click

from churn.actions.plan_days import choose_day
from churn.actions.plan_files import write_csv
from churn.actions.progress.table import progress_table
from churn.api.reporting import Gathered, gather_page, read_explained, summarise
from churn.cli.console import note, print_json, show_notes, steps, warn_of_age
from churn.cli.options import (
    PATH,
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    json_option,
    language_option,
    model_option,
    output_option,
    seed_option,
    threads_option,
)
from churn.config import Config, read_config
from churn.data import Data, open_data
from churn.errors import DataError, TimeRangeError
from churn.explanation.bindings import BindingRow, flatten
from churn.files import new_file, new_folder, require_apart, require_replaceable, require_writable_file, write_text
from churn.model.storage import StoredModel, read_model
from churn.report.facts import PageFacts
from churn.report.page import render_page
from churn.scores import Scores, read_scores
from churn.speech import LANGUAGES, Joined, Language, Message, Name, say
from churn.speech.amounts import Amount
from churn.tables.flat import Labels

INDEX = "index.html"


@click.command()
@data_argument
@model_option
@click.option("--scores", "scores_path", type=PATH, required=True, help="Score file, best from churn score --explain.")
@output_option("Page to write, .html; with --each-branch a folder.")
@click.option("--branch", "branch_id", metavar="ID", help="The page of one branch [default: of the bank].")
@click.option("--each-branch", is_flag=True, help="The bank's page and one for each branch, in a folder.")
@click.option("--date", type=IsoDate(), help="The day to plan [default: the scores' date, or the next working day].")
@click.option("--explained", type=PATH, help="Folder of churn explain [default: find out again, which takes longest].")
@click.option("--measures", type=PATH, help="Also write every measure of every branch and manager, .csv.")
@language_option
@config_option
@data_end_option
@seed_option
@threads_option
@json_option
def report(
    data: Path,
    model_path: Path,
    scores_path: Path,
    output: Path,
    branch_id: str | None,
    each_branch: bool,
    date: dt.date | None,
    explained: Path | None,
    measures: Path | None,
    language: Language,
    config_path: Path | None,
    data_end: dt.date | None,
    seed: int,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write one page for managers: who is about to leave, why, what to do today, and whether it works.

    The page is one file that loads nothing: open it in any browser, send it, or print it. A flat file has no plan.

    \b
    Example:  churn report bank --model models/first --scores scores.parquet -o report.html
              churn report bank --model models/first --scores scores.parquet -o pages --each-branch --lang zh
    """
    _require_place(output, each_branch=each_branch, branch_id=branch_id)
    _require_measures(data, measures, output if each_branch else None)
    config, stored = read_config(config_path), read_model(model_path)
    outputs = [output] if measures is None else [output, measures]
    gathered = gather(
        data, stored, scores_path, config, outputs, date=date, branch_id=branch_id, explained=explained,
        data_end=data_end, seed=seed, n_threads=threads,
    )  # fmt: skip
    summary = summarise(gathered, branch_id)
    if each_branch:
        write_pages(output, gathered, language)
    else:
        write_text(output, render_page(summary, language))
    if measures and gathered.acts:
        with new_file(measures) as path:
            write_csv(path, progress_table(gathered.acts.progress))
    if as_json:
        print_json(_facts(summary))
    note(f"wrote {output}")


def gather(
    data: Path,
    stored: StoredModel,
    scores_path: Path,
    config: Config,
    outputs: Sequence[Path],
    *,
    date: dt.date | None = None,
    branch_id: str | None = None,
    explained: Path | None = None,
    data_end: dt.date | None = None,
    seed: int = 0,
    n_threads: int | None = None,
) -> Gathered:
    """Gather what pages say of a folder of tables or a flat file; parameters as for the command."""
    scores = read_scores(scores_path)
    found = read_explained(explained, stored, scores.as_of) if explained else None
    day = _choose_day(data, date, scores, config)
    warn_of_age(day, scores.as_of)

    def open_it(labels: Labels) -> AbstractContextManager[Data]:
        return open_data(
            data, config, stored, as_of=scores.as_of, use="explain", labels=labels, data_end=data_end,
            n_threads=n_threads,
        )  # fmt: skip

    with ExitStack() as stack:
        # Rows of a file without an outcome are scored, and are no rows of it once its label is read.
        opened = stack.enter_context(open_it("unread"))
        outcomes = stack.enter_context(open_it("if there")) if not opened.is_dated else None
        on_step = stack.enter_context(steps())
        require_apart(outputs, [*opened.paths, scores_path])
        show_notes(opened.notes())
        return gather_page(
            opened, stored, scores, found, outcomes=outcomes, date=day, branch_id=branch_id, seed=seed,
            on_step=on_step,
        )  # fmt: skip


def write_pages(folder: Path, gathered: Gathered, language: Language) -> None:
    """Write the bank's page and one for each branch into a folder, whole or not at all."""
    with new_folder(folder, mark=INDEX, names=_earlier_pages(folder)) as new:
        pages = {INDEX: None, **dict(_branch_pages(gathered))}
        for name, branch_id in pages.items():
            write_text(new / name, render_page(summarise(gathered, branch_id), language))


def _earlier_pages(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("branch-*.html")] if folder.is_dir() else []


def _branch_pages(gathered: Gathered) -> Iterator[tuple[str, str]]:
    """Name the pages: ids may be any text, so that files are numbered."""
    digits = len(str(len(gathered.branches)))
    for number, branch_id in enumerate(gathered.branches, start=1):
        yield f"branch-{number:0{digits}}.html", branch_id


def _require_place(output: Path, *, each_branch: bool, branch_id: str | None) -> None:
    if each_branch and branch_id is not None:
        raise click.UsageError("--each-branch: writes every branch's page; leave it out, or --branch")
    if each_branch:
        require_replaceable(output, mark=INDEX, names=_earlier_pages(output))
        return
    if output.suffix.lower() not in {".html", ".htm"}:
        raise click.UsageError("-o: a page ends in .html; name it so, or give --each-branch for a folder")
    require_writable_file(output)


def _require_measures(data: Path, measures: Path | None, folder: Path | None) -> None:
    if measures is None:
        return
    if folder is not None and folder.resolve() in measures.resolve().parents:
        raise click.UsageError("--measures: lies in the folder of the pages; give another place")
    if measures.suffix.lower() != ".csv":
        raise click.UsageError("--measures: a table ends in .csv; name it so")
    if data.is_file():
        raise DataError(f"{data}: a flat file has no dates, so that nothing can be measured; leave --measures out")
    require_writable_file(measures)


def _choose_day(data: Path, date: dt.date | None, scores: Scores, config: Config) -> dt.date | None:
    if data.is_dir():
        return choose_day(date, scores.as_of, config.plan)
    if date is not None:
        raise TimeRangeError("--date: a flat file has no time; leave --date out")
    return None


def _facts(summary: PageFacts) -> dict[str, Any]:
    """Give what a page says of everybody together, as JSON values; of no single customer."""
    kept: dict[str, Any] = _plain(summary)
    for name in ("customers", "day"):
        del kept[name]
    for one in kept["lists"]:
        del one["rows"]
    return kept


def _plain(value: Any) -> Any:
    """Give JSON values; what is said stands in every language."""
    if isinstance(value, BindingRow):
        return flatten(value)
    if isinstance(value, (Message, Joined, Amount)):
        return [say(value, language) for language in LANGUAGES]
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None) if not isinstance(value, Name) else None
        return dict(zip(names, map(_plain, value), strict=True)) if names else [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, dt.date) else value
