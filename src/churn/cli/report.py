"""`churn report`."""

import datetime as dt
from pathlib import Path

import click

from churn import errors, files
from churn.actions import managers, sheets
from churn.api.reporting import page, read_explanation
from churn.cli import console, options
from churn.cli.options import PATH, IsoDate
from churn.model.storage import read_model
from churn.report.facts import to_json
from churn.report.pages import require_pages_place
from churn.scores import read_scores
from churn.speech import Language


@click.command()
@options.data_argument
@options.model_option
@options.scores_option
@options.output_option("Page to write, .html; with --each-branch a folder.")
@click.option("--branch", "branch_id", metavar="ID", help="The page of one branch [default: of the bank].")
@click.option("--each-branch", is_flag=True, help="The bank's page and one for each branch, in a folder.")
@click.option("--date", type=IsoDate(), help="The day [default: the scores' date or next working day].")
@click.option("--explained", type=PATH, help="Folder of churn explain [default: explain again, slow].")
@click.option("--measures", type=PATH, help="Also write every measure of every branch and manager, .csv.")
@options.language_option
@options.shared_options(seed=True)
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
    shared: options.Shared,
) -> None:
    """Write one page for managers: risk, reasons, plan, progress.

    The page is one file that loads nothing: open it in any browser, send it, or print it. A flat file has no plan.

    \b
    Example:  churn report bank --model models/first --scores scores.parquet -o report.html
              churn report bank --model models/first --scores scores.parquet -o pages --each-branch --lang zh
    """
    _require_place(output, each_branch=each_branch, branch_id=branch_id)
    _require_measures(measures, output if each_branch else None)
    config, model, scores = shared.config, read_model(model_path), read_scores(scores_path)
    found = read_explanation(explained, model, scores.as_of) if explained else None
    opening = shared.open(data, model, as_of=scores.as_of, use="explain", labels="unread")
    with opening as opened, console.steps() as on_step:
        files.require_apart([output] if measures is None else [output, measures], [*opened.paths, scores_path])
        if opened.is_dated:
            console.warn_of_age(managers.choose_day(date, scores.as_of, config.plan), scores.as_of)
        elif measures is not None:
            raise errors.DataError(f"{data}: a flat file has no dates to measure at; leave --measures out")
        console.show_notes(opened.notes())
        pages = page(opened, model, scores, found, date=date, branch_id=branch_id, seed=shared.seed, on_step=on_step)
    if each_branch:
        pages.write(output, language)
    else:
        files.write_text(output, pages.html(language, branch_id))
    if measures and pages.measures is not None:
        with files.new_file(measures) as path:
            sheets.write_csv(path, pages.measures)
    if shared.as_json:
        console.print_json(to_json(pages.facts(branch_id)))
    console.note(f"wrote {output}")


def _require_place(output: Path, *, each_branch: bool, branch_id: str | None) -> None:
    if each_branch and branch_id is not None:
        raise click.UsageError("--each-branch: writes every branch's page; leave it out, or --branch")
    if each_branch:
        require_pages_place(output)
        return
    if output.suffix.lower() not in {".html", ".htm"}:
        raise click.UsageError("-o: a page ends in .html; name it so, or give --each-branch for a folder")
    files.require_writable_file(output)


def _require_measures(measures: Path | None, folder: Path | None) -> None:
    if measures is None:
        return
    if folder is not None and folder.resolve() in measures.resolve().parents:
        raise click.UsageError("--measures: lies in the folder of the pages; give another place")
    if measures.suffix.lower() != ".csv":
        raise click.UsageError("--measures: a table ends in .csv; name it so")
    files.require_writable_file(measures)
