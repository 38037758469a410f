"""The command line: parse, call, print."""

import io
import os
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; see `churn.cli.main`."""
    _fix_streams()
    try:
        from churn.cli.main import main as run
    except (MemoryError, ImportError) as error:
        # A library that cannot be mapped into memory is an ImportError.
        sys.stderr.write(f"error: churn cannot start ({type(error).__name__}); free some memory or install it again\n")
        sys.exit(2)
    run(arguments)


def _fix_streams() -> None:
    """Give closed streams somewhere to go, and a terminal that is not UTF-8 a sign for what it cannot show.

    This comes before anything is imported: else a library's file could get a closed stream's number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened == number:
                os.set_inheritable(number, True)  # or the reading process would start without it
            else:
                os.dup2(opened, number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8"))
        elif number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
