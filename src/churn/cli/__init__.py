"""The command line: parse, call, print."""

from churn.cli.main import main

__all__ = ["main"]
