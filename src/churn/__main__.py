"""Run the command line as `python -m churn`."""

from churn.cli import main

main()
