"""When anchoring to the stated rates helps, and when it harms, on simulated banks whose true risks are known.

For each seed two banks of 60 months are simulated: one as it is, and one in which leaving grows from year to year. In
several situations a model is trained on labels that were complete before the reference date. It predicts everybody at
that date, and is then anchored there. Both sets of probabilities are compared with the oracle's, not with drawn
outcomes.

On the reference date the simulation makes the oracle's mean at 1, 3 and 5 or more products exactly the stated 62, 42
and 12 %. So anchoring to these rates uses the truth, which makes it look better than it is. For that reason one
situation states other rates, and the second table moves the rates step by step.

    python benchmarks/anchoring.py                # eight seeds, about twenty minutes on one core
    python benchmarks/anchoring.py --quick        # one seed, and the situations behind the claims; the tests run this

Exit code 1 if a claim of the documentation does not hold.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

from churn.config import Config
from churn.config.modelling import STATED_ANNUAL_CHURN
from churn.data import Snapshots, open_bank
from churn.evaluation.anchoring import anchor_model
from churn.evaluation.metrics import brier_score, calibration_slope, ece, log_loss, roc_auc
from churn.frame import Snapshot
from churn.model.anchoring import fit_anchoring
from churn.model.card import describe_departures
from churn.model.recipe import Recipe
from churn.model.split import OutOfTime
from churn.segments import BUCKETS, bucket_positions
from churn.simulation import simulate_bank
from churn.timeline import default_snapshots
from churn.training import train

MONTHS, HORIZON = 60, 365
EARLIER = (5, 6)  # snapshots of 91 days before the last: complete when the last begins
Floats = NDArray[np.float64]
Labels = Callable[[Snapshot, np.random.Generator], Snapshot]
OTHER_RATES = {"1": 0.45, "3": 0.30, "5+": 0.20}
OFFSETS = (-0.75, -0.5, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5, 0.75)
DIGITS = (4, 4, 3, 3, 3, 3)
MEASURES = ("log loss above the oracle's", "Brier above the oracle's", "ECE", "slope", "AUC", "worst bucket")


class Bank(NamedTuple):
    """Labelled snapshots, ascending; the reference date's customers; their coverage bucket and true risk."""

    snapshots: list[Snapshot]
    reference: Snapshot
    bucket: NDArray[np.int64]
    risk: Floats


class Situation(NamedTuple):
    """The bank's records: its labels, the rates it states, and the date of the anchoring."""

    name: str
    labels: Labels
    drift: bool = False
    only_last: bool = False
    stated: Mapping[str, float] = STATED_ANNUAL_CHURN
    at_reference: bool = True


class Judged(NamedTuple):
    """One model: `MEASURES` as trained and anchored, and whether the bank's own outcomes gave a warning.

    `offsets`: by offset of the stated rates, in log-odds, the log loss anchored minus as trained.
    """

    before: list[float]
    after: list[float]
    warned: bool
    offsets: list[float]
    worst_stated: float
    in_order: bool


def as_they_are(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    del rng
    return snapshot


def thinned(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    """Relabel four in ten of those who left as stayed, drawn at random."""
    assert snapshot.churned is not None
    return replace(snapshot, churned=snapshot.churned * (rng.random(len(snapshot.churned)) >= 0.4))


def three_hundred(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    return snapshot.take(np.sort(rng.choice(len(snapshot.customer_id), 300, replace=False)))


def rich(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    """Keep everybody who left, and one in five who stayed."""
    assert snapshot.churned is not None
    return snapshot.take(np.flatnonzero((snapshot.churned == 1) | (rng.random(len(snapshot.churned)) < 0.2)))


SITUATIONS = (
    Situation("a1 a milder year: leaving grows by 0.15 log-odds a year", as_they_are, drift=True),
    Situation("a2 a much milder year: 4 of 10 who left are not in the labels", thinned),
    Situation("b 300 labels", three_hundred, only_last=True),
    Situation("c a sample rich in churners: all of them, 1 in 5 of the others", rich),
    Situation("d plenty of good labels, stated rates wrong (45, 30, 20 %)", as_they_are, stated=OTHER_RATES),
    Situation("e plenty of good labels, stated rates right", as_they_are),
    Situation("f as e, but anchored on the last snapshot, a year earlier", as_they_are, at_reference=False),
)


CLAIMED = ("a2", "c", "d")
"""Situations behind the claims of the documentation."""


def read_bank(folder: Path, customers: int, seed: int, drift: bool) -> Bank:
    summary = simulate_bank(folder, customers=customers, months=MONTHS, seed=seed, drift=drift)
    as_of = summary.reference_as_of
    with open_bank(folder, data_end=as_of - dt.timedelta(days=1)) as bank:
        dates = default_snapshots(bank.data_begin, bank.data_end, HORIZON)
        chosen = [dates[-1 - back] for back in (*reversed(EARLIER), 0)]
        snapshots = list(bank.snapshots(chosen, HORIZON, with_evidence=False))
        (reference,) = bank.partitions(as_of)
    oracle = pd.read_parquet(folder / "truth" / "oracle.parquet").set_index("customer_id")
    risk = oracle.loc[list(reference.customer_id), "oracle_risk"].to_numpy()
    assert reference.product_coverage is not None
    return Bank(snapshots, reference, bucket_positions(reference.product_coverage), risk)


def judge(bank: Bank, situation: Situation, seed: int) -> Judged:
    rng = np.random.default_rng([seed, 17])
    given = bank.snapshots[-1:] if situation.only_last else bank.snapshots
    snapshots = [situation.labels(snapshot, rng) for snapshot in given]
    given = Snapshots(dated=tuple(snapshots), horizon_days=HORIZON, config=Config(), judging=OutOfTime(HORIZON))
    stored = train(given, Recipe(seed=seed))
    people = [bank.reference if situation.at_reference else bank.snapshots[-1]]
    anchored = anchor_model(stored, people, stated=situation.stated)
    before, after = (one.model.predict(bank.reference.features).probability for one in (stored, anchored))
    return Judged(
        measure(bank, before),
        measure(bank, after),
        bool(describe_departures(anchored.manifest.anchored)),
        moved(bank, before, situation.stated),
        worst_stated(bank, after, situation.stated),
        in_order(bank, before, after),
    )


def measure(bank: Bank, p: Floats) -> list[float]:
    """Compute expected values under the oracle's risk, which takes the place of outcomes."""
    r = bank.risk
    return [
        log_loss(r, p) - log_loss(r, r),
        brier_score(r, p),
        ece(r, p),
        calibration_slope(r, p),
        roc_auc(r, p),
        max(abs(p[bank.bucket == at].mean() - r[bank.bucket == at].mean()) for at in range(len(BUCKETS))),
    ]


def moved(bank: Bank, before: Floats, stated: Mapping[str, float]) -> list[float]:
    """Log loss anchored to stated rates moved by each offset, minus log loss as trained."""
    coverage = bank.reference.product_coverage
    assert coverage is not None
    losses = []
    for offset in OFFSETS:
        rates = {name: float(expit(logit(rate) + offset)) for name, rate in stated.items()}
        after = fit_anchoring(before, coverage, rates, HORIZON).anchoring.apply(before, coverage)
        losses.append(log_loss(bank.risk, after) - log_loss(bank.risk, before))
    return losses


def worst_stated(bank: Bank, after: Floats, stated: Mapping[str, float]) -> float:
    positions = {str(name): at for at, name in enumerate(BUCKETS)}
    return max(abs(after[bank.bucket == positions[name]].mean() - rate) for name, rate in stated.items())


def in_order(bank: Bank, before: Floats, after: Floats) -> bool:
    def ordered(rows: NDArray[np.bool_]) -> bool:
        return bool(np.all(np.diff(after[rows][np.argsort(before[rows], kind="stable")]) >= 0))

    return all(ordered(bank.bucket == at) for at in range(len(BUCKETS)))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds and its 95 % interval by Student's t; the mean alone where there is one seed."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean, mean
    half = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def written(values: Floats) -> list[str]:
    return [f"{value:.{digits}f}" for value, digits in zip(values, DIGITS, strict=True)]


def print_measures(found: Mapping[str, list[Judged]]) -> None:
    print("| situation | | " + " | ".join(MEASURES) + " | warned |")
    print("| --- " * (len(MEASURES) + 3) + "|")
    for name, judged in found.items():
        before, after = np.array([one.before for one in judged]), np.array([one.after for one in judged])
        print(f"| {name} | as trained | " + " | ".join(written(before.mean(axis=0))) + " | |")
        warned = f"{sum(one.warned for one in judged)} of {len(judged)}"
        print("| | anchored | " + " | ".join(written(after.mean(axis=0))) + f" | {warned} |")
        spans = [interval(column) for column in (after - before).T]
        cells = [
            f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
            for (mean, low, high), digits in zip(spans, DIGITS, strict=True)
        ]
        print("| | difference | " + " | ".join(cells) + " | |")


def print_offsets(found: Mapping[str, list[Judged]]) -> None:
    print("\n| situation | " + " | ".join(f"{offset:+.2f}" for offset in OFFSETS) + " |")
    print("| --- " * (len(OFFSETS) + 1) + "|")
    for name, judged in found.items():
        if name[0] in "df":  # f is anchored as e is here, and the rates of d are wrong to begin with
            continue
        spans = [interval(column) for column in np.array([one.offsets for one in judged]).T]
        cells = [f"{mean:+.4f}" + ("" if low <= 0 <= high else "*") for mean, low, high in spans]
        print(f"| {name} | " + " | ".join(cells) + " |")


def report(found: Mapping[str, list[Judged]]) -> int:
    """Print which claims hold; return 0 if all do."""

    def gain(letter: str) -> float:
        (judged,) = (judged for name, judged in found.items() if name.startswith(letter))
        return float(np.mean([one.after[0] - one.before[0] for one in judged]))

    there = [one for name, judged in found.items() if not name.startswith("f") for one in judged]
    checks = {
        "stated buckets are within 0.1 point": max(one.worst_stated for one in there) < 0.001,
        "the order inside a bucket is unchanged": all(one.in_order for judged in found.values() for one in judged),
        "it helps with labels of a much milder year": gain("a2") < 0,
        "it helps with a sample rich in churners": gain("c") < 0,
        "it harms where the stated rates are wrong": gain("d") > 0,
        "it is warned where good labels contradict them": all(
            one.warned for name, judged in found.items() if name.startswith("d") for one in judged
        ),
    }
    for text, holds in checks.items():
        print(("holds: " if holds else "FAILS: ") + text)
    return 0 if all(checks.values()) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    customers = options.customers or (6_000 if options.quick else 15_000)
    situations = [one for one in SITUATIONS if not options.quick or one.name.startswith(CLAIMED)]
    found: dict[str, list[Judged]] = {situation.name: [] for situation in situations}
    for seed in range(options.first_seed, options.first_seed + (options.seeds or (1 if options.quick else 8))):
        for drift in sorted({situation.drift for situation in situations}):
            with tempfile.TemporaryDirectory() as folder:
                bank = read_bank(Path(folder) / "bank", customers, seed, drift)
            for situation in situations:
                if situation.drift == drift:
                    found[situation.name].append(judge(bank, situation, seed))
        print(f"seed {seed}: {len(bank.risk):,} customers at the reference date", file=sys.stderr, flush=True)
    print_measures(found)
    print_offsets(found)
    return report(found)


if __name__ == "__main__":
    sys.exit(main())
