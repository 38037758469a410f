"""The group of commands, and what becomes of an error: one line on standard error, exit code 2."""

import io
import logging
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

import click
import duckdb

from churn import files, scratch
from churn.cli import STOPS
from churn.cli.console import INTERRUPTED, note
from churn.errors import ChurnError

COMMANDS = (
    "demo", "simulate", "check", "features", "tune", "train", "compare", "champion", "baselines", "score", "explain",
    "plan", "report",
)  # fmt: skip
_UNUSABLE = 2
_QUIET = "ignore:resource_tracker:UserWarning"
"""Given on to other processes: one that counts the locks of the reader outlives a command that is killed, removes them,
and would print a warning about it."""
_AGAIN = 0.05
"""Seconds until a stop that went nowhere is raised again."""


class _Commands(click.Group):
    """Commands, each of the module of its name, which is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (the same in every context)
        """Name the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Give the command of a name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"churn.cli.{cmd_name}"), cmd_name)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("churn"), prog_name="churn")
def cli() -> None:
    """Which customers of a bank will leave, why, and what would keep them.

    \b
    Begin with:  churn demo
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    0: done. 1: it ran and the answer is no. 2: wrong usage or bad input. 128 and more: stopped by a signal (`STOPS`).
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING, handlers=[_Warnings()], force=True)
    if _QUIET not in sys.warnoptions:
        sys.warnoptions.append(_QUIET)
    scratch.remove_left()
    with _stoppable(to_the_end=arguments is None) as stopped_by:
        code = _run(sys.argv[1:] if arguments is None else list(arguments), stopped_by)
        sys.exit(_close_output() or code)


@contextmanager
def _stoppable(*, to_the_end: bool) -> Iterator[list[int]]:
    """Let a signal stop the command like an error, so that it takes its temporary files with it; list those that came.

    An exception raised while a library works may come back as another one: the list says what happened. Raised in a
    callback of a library or while an object is destroyed, it goes nowhere: it is raised again as soon as that is over.

    `to_the_end`: the process ends with the command. When its work is done a signal is ignored: it would only keep the
    reading process from being ended in order, and a library would print a warning about that.
    """
    came: list[int] = []

    def stop(number: int, _: object) -> None:
        came.append(number)
        raise_stop()

    def raise_stop(*_: object) -> None:
        raise KeyboardInterrupt if came[0] == signal.SIGINT else SystemExit(128 + came[0])

    def catch_lost(lost: "sys.UnraisableHookArgs") -> None:
        if came and isinstance(lost.exc_value, (KeyboardInterrupt, SystemExit)):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        else:
            hook(lost)

    before = {number: signal.getsignal(number) for number in STOPS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, raise_stop)
    hook, sys.unraisablehook = sys.unraisablehook, catch_lost  # whoever set it is still asked
    try:
        yield came
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if to_the_end else signal.SIG_DFL if handler is None else handler)


def _run(arguments: list[str], stopped_by: Sequence[int]) -> int:
    n_before = len(files.written())
    try:
        code = _call(arguments)
        if not stopped_by:
            return code
    except SystemExit as ended:
        return int(ended.code or 0)
    except Exception as error:
        if not stopped_by and not isinstance(error, (click.Abort, duckdb.InterruptException)):
            return _answer(error)
    except KeyboardInterrupt:
        pass
    note(f"stopped; {_say_written(files.written()[n_before:])}")
    return 128 + stopped_by[0] if stopped_by else INTERRUPTED


def _close_output() -> int:
    """Write out what is left of standard output; 2 where that cannot be, said on standard error."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _answer(error)
    return 0


def _call(arguments: list[str]) -> int:
    try:
        # Not click's own main, which turns a reader that has seen enough into exit code 1: "the check says no".
        with cli.make_context("churn", arguments) as context, scratch.temporary_files():
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code


def _answer(error: Exception) -> int:
    """Say what happened in one line, and give the exit code; what is a mistake of ours is raised."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        note(error.ctx.get_help() if error.ctx else "see churn --help")
        return _UNUSABLE
    if isinstance(error, click.ClickException):
        where = getattr(error, "ctx", None)
        return _fail(f"{error.format_message().rstrip('.')}; see {where.command_path if where else 'churn'} --help")
    if isinstance(error, OSError) and not isinstance(error, ChurnError) and _drop_output():
        if isinstance(error, BrokenPipeError):  # a reader that has seen enough
            return 0
        return _fail(f"standard output: cannot be written ({error.strerror}); free some space")
    if isinstance(error, (ChurnError, MemoryError, RecursionError, duckdb.Error, OSError, UnicodeEncodeError)):
        return _fail(_explain(error))
    raise error


def _drop_output() -> bool:
    """Whether standard output takes nothing more; then the rest goes nowhere, or Python would try again at its end."""
    try:
        sys.stdout.flush()
        if not _is_closed(sys.stdout):
            return False
    except OSError:
        pass
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _is_closed(stream: TextIO) -> bool:
    """Whether a stream is a pipe that nobody reads; what could not be written may be lost, and no flush says so."""
    try:
        asked = select.poll()
        asked.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in asked.poll(0))
    except io.UnsupportedOperation:  # not a file of the system
        return False


def _say_written(paths: Sequence[Path]) -> str:
    names = ", ".join(dict.fromkeys(str(path) for path in paths if path.exists()))
    return f"{names} had been written, whole" if names else "nothing was written"


def _explain(error: Exception) -> str:
    """Say what happened, and what to do; DuckDB's own words go no further, since they may repeat cells."""
    if isinstance(error, ChurnError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        return "a name of a folder on the way is not UTF-8; rename it, or work in another folder"
    if isinstance(error, RecursionError):
        return "a file is nested too deeply to be read; fix the configuration or restore the model"
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        return "there is not enough memory; free some, or give fewer rows"
    if isinstance(error, (duckdb.IOException, duckdb.TransactionException)):
        return "the folder for temporary files cannot be written or is full; free some space, or set TMPDIR"
    if isinstance(error, duckdb.Error):
        return f"the database gave up ({type(error).__name__}); run churn check on the data"
    # Processes, pipes and temporary files that could not be made; what concerns a user's file is a ChurnError.
    return (
        f"the machine refused ({getattr(error, 'strerror', None) or type(error).__name__}); free some space or memory"
    )


def _fail(message: str) -> int:
    note("error: " + " ".join(message.split()))
    return _UNUSABLE


class _Warnings(logging.Handler):
    """Show a warning as one line on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record."""
        note(f"{record.levelname.lower()}: {record.getMessage()}")
