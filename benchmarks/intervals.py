"""Count, on simulated banks, how often the intervals of probabilities hold a year later.

For each seed a bank of 60 months is simulated. A model of the first 48 months is fitted as `churn train` does. Rounds,
calibration and the widening are learned from snapshots whose outcomes were complete a year before the last one. Then
trees, calibration and intervals are fitted on all snapshots. Everybody is scored on the first day of the last year.
Customers are divided into tenths by predicted risk, and the observed rate of each tenth is compared with four claims:

- the probability is exact;
- plain Venn-Abers intervals;
- these intervals, widened by the error of the earlier model a year later, as stored models have it;
- the oracle's probability is exact. This is true, so its row shows the effect of chance alone.

    python benchmarks/intervals.py             # 20 calm banks, 10 that drift, 5 with a shock, about twelve minutes
    python benchmarks/intervals.py --quick     # one calm bank; the tests do so with 5,000 customers

"drift": leaving becomes likelier from year to year. "shock": the share market falls in the scored year. Exit code 1
if a bound does not hold.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config
from churn.data import open_bank
from churn.evaluation.validity import assess_intervals, learn_widening
from churn.frame import Snapshot
from churn.model.calibration import Method, choose_calibration, fit_calibration, fit_intervals, widen
from churn.model.documents import IntervalFacts
from churn.model.fitted import FittedModel
from churn.model.schema import encode, learn_schema
from churn.model.split import OutOfTime, Rows, customer_folds, outcomes, stack
from churn.model.trees import TreeParameters, cross_fit, fit_trees
from churn.simulation import simulate_bank
from churn.timeline import default_snapshots

MONTHS, HORIZON, FOLDS = 60, 365, 4
KINDS = {"calm": 20, "drift": 10, "shock": 5}
CLAIMS = ("exact", "Venn-Abers", "widened", "the oracle's, exact")
CALM_LEAST, DRIFT_LEAST, ONE_BANK_LEAST = 0.95, 0.9, 0.8


class Fitted(NamedTuple):
    """A model, its number of trees, and its method of calibration."""

    model: FittedModel
    rounds: int
    method: Method


def fit(rows: Rows, before: Fitted | None = None) -> Fitted:
    """Fit a model with intervals; rounds and method are chosen, or taken from the earlier model."""
    schema, parameters = learn_schema(rows.features), TreeParameters()
    matrix, latest = encode(rows.features, schema).matrix, rows.latest
    folds = customer_folds(rows.customer_id, FOLDS, "development" if before is None else "recalibration")
    rounds = None if before is None else before.rounds
    found = cross_fit(matrix, rows.churned, folds, parameters, scored=latest, rounds=rounds)
    margins, y = found.margins[latest], rows.churned[latest]
    method = before.method if before else choose_calibration(margins, y, folds[latest]).method
    used: Method = "sigmoid" if before and method == "none" else method
    trees = fit_trees(matrix, rows.churned, parameters, rounds=found.rounds)
    calibration, intervals = fit_calibration(used, margins, y), fit_intervals(margins, y)
    return Fitted(FittedModel(schema, trees, calibration, intervals=intervals), found.rounds, method)


def read_snapshots(folder: Path, reference: dt.date) -> tuple[list[Snapshot], Snapshot]:
    """Build the snapshots whose outcomes are known at the reference date, and the one of that date."""
    with open_bank(folder, Config(), data_end=reference - dt.timedelta(days=1)) as bank:
        dates = default_snapshots(bank.data_begin, bank.data_end, HORIZON)
        known = list(bank.snapshots(dates, HORIZON, with_evidence=False))
    with open_bank(folder, Config()) as bank:
        return known, bank.labelled(reference, HORIZON)


def judge(kind: str, seed: int, customers: int, folder: Path) -> tuple[float, dict[str, IntervalFacts]]:
    """Simulate, fit on the earlier years, score the last; return the widening and how each claim held."""
    place = folder / f"{kind}-{seed}"
    summary = simulate_bank(
        place, customers=customers, months=MONTHS, seed=seed, drift=kind == "drift", shock=kind == "shock"
    )
    known, later = read_snapshots(place, summary.reference_as_of)
    oracle = pd.read_parquet(place / "truth" / "oracle.parquet").set_index("customer_id")["oracle_risk"]
    split = OutOfTime(HORIZON, Config().training.embargo_days).split(known)
    assert split.out_of_time
    candidate = fit(split.development)
    earlier = candidate.model.predict(split.held_out.features)
    widening = learn_widening(outcomes(split.held_out), earlier.probability)
    found = fit(stack(known), candidate).model.predict(later.features)
    p, risk = found.probability, oracle.loc[list(later.customer_id)].to_numpy()
    ends = ((p, p), (found.low, found.high), widen(found.low, found.high, widening))
    claims = {name: _assess(later, p, *both) for name, both in zip(CLAIMS[:3], ends, strict=True)}
    return widening, claims | {CLAIMS[3]: _assess(later, risk, risk, risk)}


def _assess(
    snapshot: Snapshot, p: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> IntervalFacts:
    return assess_intervals(outcomes(snapshot), p, low, high)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=12_000)
    parser.add_argument("--first-seed", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    kinds = {"calm": 1} if options.quick else KINDS
    print("| bank | claim | groups that agree | banks with 9 of 10 | worst bank | mean width | widening |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    shares = {}
    for kind, banks in kinds.items():
        judged = []
        for seed in range(options.first_seed, options.first_seed + banks):
            with tempfile.TemporaryDirectory() as folder:
                judged.append(judge(kind, seed, options.customers, Path(folder)))
        for claim in CLAIMS:
            shares[kind, claim] = _print_row(kind, claim, judged)
    return report(shares, quick=options.quick)


def _print_row(kind: str, claim: str, judged: list[tuple[float, dict[str, IntervalFacts]]]) -> float:
    held = [found[claim].share_consistent for _, found in judged]
    width = np.mean([found[claim].mean_width for _, found in judged])
    by = np.mean([widening for widening, _ in judged])
    print(
        f"| {kind} | {claim} | {np.mean(held):.1%} | {sum(share >= 0.9 for share in held)} of {len(held)}"
        f" | {min(held):.0%} | {width:.3f} | {f'{by:.3f}' if claim == 'widened' else '–'} |",
        flush=True,
    )
    return float(np.mean(held))


def report(shares: dict[tuple[str, str], float], *, quick: bool) -> int:
    """Print which bounds hold; return 0 if all do."""
    least = {"calm": ONE_BANK_LEAST if quick else CALM_LEAST, "drift": DRIFT_LEAST}
    code = 0
    for kind in dict(shares):
        if kind[1] != "widened" or kind[0] not in least:
            continue
        share, exact, bound = shares[kind], shares[kind[0], "exact"], least[kind[0]]
        holds = share >= bound and share >= exact
        code = code if holds else 1
        print(
            f"{'holds' if holds else 'FAILS'}: {kind[0]}: {share:.1%} of groups, at least {bound:.0%} and {exact:.1%}"
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
