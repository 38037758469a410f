"""The command line: parse, call, print."""

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; see `churn.cli.main`."""
    try:
        from churn.cli.main import main as run
    except MemoryError:
        sys.stderr.write("error: there is not enough memory to start; free some\n")
        sys.exit(2)
    run(arguments)
