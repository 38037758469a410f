"""`churn simulate`."""

from pathlib import Path
from typing import Any

import click

from churn.cli import console, options
from churn.simulation import simulate_bank


@click.command()
@click.argument("out", type=options.PATH)
@click.option("--customers", type=int, default=20_000, show_default=True, help="Rows of the table customers.")
@click.option("--months", type=int, default=48, show_default=True, help="Months of history.")
@options.seed_option
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Form of the tables.",
)
@click.option("--drift", is_flag=True, help="Let hazards, market and mix drift over the years.")
@click.option("--shock", is_flag=True, help="Add a market crash and the wave of leaving after it.")
@click.option(
    "--confounders",
    type=click.Choice(["hidden", "observed"]),
    default="hidden",
    show_default=True,
    help="Whether the tables hold what drives binding and leaving.",
)
@click.option("--campaigns/--no-campaigns", default=True, show_default=True, help="Offer services at random.")
def simulate(out: Path, **options: Any) -> None:
    """Write a simulated bank's tables, and the truth about it.

    The tables go to OUT, the truth to OUT/truth.

    \b
    Example:  churn simulate bank --customers 20000 --months 48 --seed 1
    """
    with console.steps() as on_step:
        simulate_bank(out, **options, on_step=on_step)
    console.note(f"wrote {out}")
