"""Count, on simulated banks, which features the leak alarm names: honest features, and leaks of graded strength.

For each seed a bank of 48 months is simulated. `find_leaks` gets a snapshot and one a year later, as in training.
Then a column is planted. The study counts in how many banks the column is named, and by which test:

- "flipped": the outcome as a flag, wrong for a share of the customers;
- "leavers only": a value that only a share of the leavers have, like a closing date filled in late;
- "blurred": the outcome plus normal noise, at both dates;
- "gone": the same at the earlier date, and only noise at the later date.

    python benchmarks/leaks.py             # ten calm banks, three that drift, three with a shock, about three minutes
    python benchmarks/leaks.py --quick     # one bank; the tests do so with 4,000 customers

Exit code 1 if an honest feature is named, or a leak that must be named is not.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from churn.config import Config
from churn.data import open_bank
from churn.evaluation.leaks import Leak, find_leaks
from churn.features.catalogue import catalogue
from churn.frame import Snapshot
from churn.model.split import outcomes, stack
from churn.simulation import simulate_bank

KINDS = {"calm": 10, "drift": 3, "shock": 3}
MONTHS, HORIZON = 48, 365
GRADES = {
    "flipped": (0.0, 0.05, 0.1, 0.15, 0.2, 0.25),
    "leavers only": (0.6, 0.3, 0.15, 0.1, 0.05),
    "blurred": (0.4, 0.7, 1.0, 1.5),
    "gone": (1.0, 1.5, 2.0, 3.0),
}
MUST = (("flipped", 0.0), ("flipped", 0.05), ("leavers only", 0.6), ("leavers only", 0.3), ("gone", 1.0))
"""Planted columns that the alarm must name in every bank."""

Values = NDArray[np.float64]
Plant = Callable[[NDArray[np.int64], np.random.Generator, bool], Values]


def plant(what: str, grade: float) -> Plant:
    """Return how to make a column from outcomes, random numbers, and whether it is the later date."""

    def flipped(y: NDArray[np.int64], random: np.random.Generator, later: bool) -> Values:
        del later
        return np.where(random.random(len(y)) < grade, 1 - y, y).astype(np.float64)

    def leavers_only(y: NDArray[np.int64], random: np.random.Generator, later: bool) -> Values:
        del later
        return np.where((y == 1) & (random.random(len(y)) < grade), 1.0, np.nan)

    def blurred(y: NDArray[np.int64], random: np.random.Generator, later: bool) -> Values:
        told = np.full(len(y), np.mean(y)) if what == "gone" and later else y
        return told + random.normal(0, grade, len(y))

    return {"flipped": flipped, "leavers only": leavers_only, "blurred": blurred, "gone": blurred}[what]


def read_pair(kind: str, seed: int, customers: int) -> tuple[Snapshot, Snapshot]:
    """Simulate a bank; return the snapshot of the reference date, and the one a year before."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bank"
        summary = simulate_bank(
            place,
            customers=customers,
            months=MONTHS,
            seed=seed,
            drift=kind == "drift",
            shock=kind == "shock",
            truth=False,
        )
        dates = [summary.reference_as_of - dt.timedelta(days=days) for days in (HORIZON + 1, 0)]
        with open_bank(place, Config()) as bank:
            then, later = bank.snapshots(dates, HORIZON, with_evidence=False)
    return then, later


def count_planted(pair: tuple[Snapshot, Snapshot], seed: int) -> Iterator[tuple[tuple[str, float], str]]:
    """Yield for each planted column the test that named it, "–" where none did."""
    for what, grades in GRADES.items():
        for grade in grades:
            random, make = np.random.default_rng(seed), plant(what, grade)
            then, later = (_with(one, make(outcomes(one), random, at == 1)) for at, one in enumerate(pair))
            named = {leak.feature: leak.kind for leak in find_leaks(stack([then]), later, catalogue(Config()))}
            yield (what, grade), named.get("planted", "–")


def _with(snapshot: Snapshot, values: Values) -> Snapshot:
    return replace(snapshot, features=snapshot.features.assign(planted=values))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=12_000)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    honest: dict[str, list[list[Leak]]] = {}
    planted: dict[tuple[str, float], Counter[str]] = {}
    for kind, banks in ({"calm": 1} if options.quick else KINDS).items():
        for seed in range(options.first_seed, options.first_seed + banks):
            pair = read_pair(kind, seed, options.customers)
            honest.setdefault(kind, []).append(find_leaks(stack([pair[0]]), pair[1], catalogue(Config())))
            for column, named in count_planted(pair, seed) if kind == "calm" else ():
                planted.setdefault(column, Counter())[named] += 1
    return report(honest, planted)


def report(honest: dict[str, list[list[Leak]]], planted: dict[tuple[str, float], Counter[str]]) -> int:
    """Print the named columns; return 0 if no honest feature and every required leak was named."""
    n_banks = {kind: len(found) for kind, found in honest.items()}
    n_named = sum(len(leaks) for found in honest.values() for leaks in found)
    print(f"{n_named} honest features named in {n_banks}\n")
    print("| planted | strength | alone | collapses | not named |\n| --- | --- | --- | --- | --- |")
    for (what, grade), named in planted.items():
        counts: list[Any] = [named[kind] for kind in ("alone", "collapses", "–")]
        print(f"| {what} | {grade:g} | {counts[0]} | {counts[1]} | {counts[2]} |")
    missed = [column for column in MUST if planted[column]["–"]]
    for what, grade in missed:
        print(f"FAILS: {what} {grade:g} is not named in every bank")
    return 1 if n_named or missed else 0


if __name__ == "__main__":
    sys.exit(main())
