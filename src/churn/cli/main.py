"""The group of commands, and what becomes of an error: one line on standard error, exit code 2."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

import click
import duckdb

from churn import files
from churn.cli.console import INTERRUPTED
from churn.errors import ChurnError

COMMANDS = (
    "demo", "simulate", "check", "features", "tune", "train", "compare", "champion", "baselines", "score", "explain",
    "plan", "report",
)  # fmt: skip
_UNUSABLE, _TERMINATED = 2, 143


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
    """Run the command line and exit: 0 done, 1 it ran and the answer is no, 2 wrong usage or bad input."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, handlers=[_Warnings()], force=True)
    # Stopped politely, a command leaves like any other, and takes its temporary files with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    sys.exit(_run(sys.argv[1:] if arguments is None else list(arguments)))


def _run(arguments: list[str]) -> int:
    try:
        # Not click's own main, which turns a reader that has seen enough into exit code 1: "the check says no".
        with cli.make_context("churn", arguments) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "see churn --help", err=True)
        return _UNUSABLE
    except click.ClickException as error:
        where = getattr(error, "ctx", None)
        return _fail(f"{error.format_message().rstrip('.')}; see {where.command_path if where else 'churn'} --help")
    except BrokenPipeError:
        # Python must not try to flush the rest either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, click.Abort, duckdb.InterruptException):
        click.echo(f"stopped; {_say_written()}", err=True)
        return INTERRUPTED
    except (ChurnError, MemoryError, RecursionError, duckdb.Error, OSError) as error:
        return _fail(_explain(error))


def _say_written() -> str:
    done = [str(path) for path in files.written()]
    return "nothing was written" if not done else f"{', '.join(done)} had been written, whole"


def _explain(error: Exception) -> str:
    """Say what happened, and what to do; DuckDB's own words go no further, since they may repeat cells."""
    if isinstance(error, ChurnError):
        return str(error)
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
    click.echo("error: " + " ".join(message.split()), err=True)
    return _UNUSABLE


class _Warnings(logging.Handler):
    """Show a warning as one line on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record."""
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)
