"""The command line: parse, call, print."""

import io
import os
import signal
import sys
from typing import Any

__all__ = ["STOPS", "main"]
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What stops a command (Ctrl-C, a scheduler, a closed terminal); its exit code is 128 plus the signal's number."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; see `churn.cli.main`."""
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _end)
    _fix_streams()
    try:
        from churn.cli.main import main as run
    except (MemoryError, ImportError) as error:
        # A library that cannot be mapped into memory is an ImportError.
        sys.stderr.write(f"error: churn cannot start ({type(error).__name__}); free some memory or install it again\n")
        sys.exit(2)
    run(arguments)


def _end(number: int, _: object) -> None:
    """End at once: before a command begins and after it ended, there is nothing to tidy up."""
    os._exit(128 + number)


class _Log(io.FileIO):
    """Standard error, of which what cannot be written is dropped: a full log stops no work."""

    def write(self, line: Any, /) -> int:
        """Write what can be written, and say that it was."""
        try:
            return super().write(line) or 0
        except OSError:
            return len(line)


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
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        log = io.BufferedWriter(_Log(2, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(log, encoding=sys.stderr.encoding, errors="replace", line_buffering=True)
