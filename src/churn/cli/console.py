"""What a person sees: tables on standard output, progress and notes on standard error."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from churn import data, files
from churn.model.documents import Baselines
from churn.report.pages import STALE_DAYS
from churn.speech import Language, joined, message, say
from churn.tables.checking import Note

NOTE, WARNING, ERROR = message("note"), message("warning"), message("error")


def note(line: str) -> None:
    """Print a line about the run, on standard error."""
    click.echo(line, err=True)


def show_notes(notes: Iterable[Note], language: Language = "en") -> None:
    """Print what whoever uses the data should know, on standard error."""
    for is_warning, said in notes:
        note(say(joined([WARNING if is_warning else NOTE, said], "colon"), language))


def warn_of_age(date: dt.date | None, scored_on: dt.date | None) -> None:
    """Warn where the scores are much older than the day they are used for."""
    if date and scored_on and (date - scored_on).days > STALE_DAYS:
        note(f"warning: the scores are of {scored_on}, more than {STALE_DAYS} days old; score again")


def print_json(value: Any) -> None:
    """Print JSON on standard output."""
    click.echo(files.render_json(value), nl=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[str] = ()) -> None:
    """Print a table on standard output; columns named in `left` are aligned left, the others right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    # A table keeps its natural width: in a file, and on a terminal too narrow for it, nothing is cut away.
    width = max(Console().width, Console(width=10_000).measure(table).maximum)
    Console(width=width, highlight=False, soft_wrap=True).print(table, crop=False)


@contextmanager
def steps(total: int | None = None) -> Iterator[data.OnStep]:
    """Show what is being done: a bar or a spinner on a terminal, a plain line a step otherwise."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: note(f"· {text}")
        return
    what, done, since = TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(SpinnerColumn(), what, BarColumn(), done, since, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=total)
        begun = False

        def on_step(text: str) -> None:
            nonlocal begun
            progress.update(task, description=text, advance=1 if begun else 0)
            begun = True

        yield on_step


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share of one as per cent; a dash for None.

    Examples
    --------
    >>> percent(0.4213), percent(None)
    ('42.1 %', '–')
    """
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def print_baselines(baselines: Baselines, title: str) -> None:
    """Print stated, observed and predicted churn by product coverage."""
    words = {"agrees": "agrees", "departs": "departs", "too_few": "too few", "not_stated": "not stated"}
    rows = [
        (
            str(row.product_coverage),
            f"{row.n:,}",
            percent(row.stated),
            percent(row.observed),
            _interval(row.observed_low, row.observed_high),
            percent(row.predicted),
            words[row.verdict],
        )
        for row in baselines
    ]
    columns = ("products", "customers", "stated", "observed", "95 % interval", "predicted", "stated against observed")
    print_table(title, columns, rows, left=columns[-1:])


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{percent(low)} to {percent(high)}"
