"""What a person sees: tables on standard output, progress and notes on standard error."""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from churn import data, files
from churn.errors import ChurnError
from churn.model.documents import Baselines
from churn.scores import STALE_DAYS
from churn.speech import Language, Number, Percent, Said, joined, message, say
from churn.tables.checking import Note
from churn.tracking.place import Place, look_command

NOTE, WARNING, ERROR = message("note"), message("warning"), message("error")
INTERVAL = "95\u202f% interval"
INTERRUPTED = 130
"""The exit code of what a person stopped."""
# Controls but tab and line feed, other ends of lines, and halves of signs; names keep their direction to themselves.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def note(line: str) -> None:
    """Print a line about the run, on standard error."""
    click.echo(printable(line), err=True)


def echo(line: str) -> None:
    """Print a line of results, on standard output."""
    click.echo(printable(line))


def printable(text: str) -> str:
    r"""Write signs that steer a terminal or are no text as their numbers; a line break stays.

    Examples
    --------
    >>> print(printable("a\x1b[2J.csv"), printable("\udcd2 \u2028.csv"))
    a\x1b[2J.csv \xd2 \u2028.csv
    """
    return _STEERING.sub(_as_number, text)


def _as_number(found: re.Match[str]) -> str:
    code = ord(found[0])
    code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0  # a byte of a path that is not UTF-8
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


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
    # JSON leaves in what a terminal may take for its own; its numbers for signs have four digits.
    click.echo(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", files.render_json(value)), nl=False)


def print_table(
    title: Said,
    columns: Sequence[Said],
    rows: Iterable[Sequence[Said]],
    *,
    left: Collection[int] = (0,),
    language: Language = "en",
) -> None:
    """Print a table on standard output; columns whose places are in `left` are aligned left, the others right."""
    table = Table(title=_cell(title, language), title_justify="left", title_style="bold", header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(_cell(column, language), justify="left" if place in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(cell, language) for cell in row))
    # A table keeps its natural width: in a file, and on a terminal too narrow for it, nothing is cut away.
    width = max(_Console().width, _Console(width=10_000).measure(table).maximum)
    _Console(width=width, highlight=False, soft_wrap=True).print(table, crop=False)


class _Console(Console):
    """Rich's, but for its exit code where nobody reads on: 1 means that a check says no."""

    def on_broken_pipe(self) -> None:
        """Let whoever runs the command say what that means."""
        raise


def _cell(said: Said, language: Language) -> Text:
    """Put what is said into words that rich takes as they are: brackets in a bank's texts are no markup."""
    return Text(printable(say(said, language)))


@contextmanager
def steps(total: int | None = None) -> Iterator[data.OnStep]:
    """Show what is being done: a bar or a spinner on a terminal, a plain line per step otherwise."""
    console = _Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: note(f"· {text}")
        return
    what, done, since = TextColumn("{task.description}", markup=False), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(SpinnerColumn(), what, BarColumn(), done, since, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=total)
        begun = False

        def on_step(text: str) -> None:
            nonlocal begun
            progress.update(task, description=printable(text), advance=1 if begun else 0)
            begun = True

        yield on_step


def log_run(what: str, log: Callable[..., str], place: Place, *, kept: str, must: bool = False) -> str | None:
    """Log a run, and say how to look at it; where that fails, say so in one line and return None, unless it must be."""
    try:
        with steps() as on_step:
            run_id = log(on_step=on_step)
    except ChurnError as error:
        if must:
            raise
        note(f"warning: the {what} was not logged: {error}")
        return None
    except KeyboardInterrupt:
        note(f"stopped while the {what} was logged; {kept}")
        raise SystemExit(INTERRUPTED) from None
    note(f"logged run {run_id}; look at it with: {look_command(place)}")
    return run_id


def number(value: float | None, form: str = ".4f") -> str:
    """Write a number in a format of Python's, with a true minus; a dash for None."""
    return say(Number(None), "en") if value is None else f"{value:{form}}".replace("-", "−")


def interval(low: float | None, high: float | None, write: Callable[[float], str]) -> str:
    """Write both ends of an interval; a dash where either is None."""
    return number(None) if low is None or high is None else f"{write(low)} to {write(high)}"


def percent(share: float | None, digits: int = 1) -> str:
    r"""Write a share of one as per cent; a dash for None.

    Examples
    --------
    >>> percent(0.4213), percent(None)
    ('42.1\u202f%', '–')
    """
    return say(Percent(share, digits), "en")


def print_baselines(baselines: Baselines, title: str) -> None:
    """Print stated, observed and predicted churn by product coverage."""
    words = {"agrees": "agrees", "departs": "departs", "too_few": "too few", "not_stated": "not stated"}
    rows = [
        (
            str(row.product_coverage),
            f"{row.n:,}",
            percent(row.stated),
            percent(row.observed),
            interval(row.observed_low, row.observed_high, percent),
            percent(row.predicted),
            words[row.verdict],
        )
        for row in baselines
    ]
    columns = ("products", "customers", "stated", "observed", INTERVAL, "predicted", "stated against observed")
    print_table(title, columns, rows, left=[len(columns) - 1])
