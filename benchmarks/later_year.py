"""Train on simulated banks, score a later year, and compare the result with the known truth.

For each seed a bank of 60 months is simulated. The model is trained on the first 48 months (`--data-end`), so that its
last label ends a year before the data do. It scores everybody on the first day after. The labels of the following year,
and the oracle's own probabilities, then show how good the model was. The oracle knows facts that no table holds:
loyalty, wealth, digital habit and risk appetite.

    python benchmarks/later_year.py                # five banks of 20,000 customers, about three minutes
    python benchmarks/later_year.py --quick        # one bank of 8,000, the short form that the tests run

One bank alone says little about a median, so the short form has wider bounds. Exit code 1 if a bound does not hold.
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

from churn.api.learning import train
from churn.config import Config
from churn.data import open_bank
from churn.evaluation.metrics import calibration_slope, ece, roc_auc
from churn.model.recipe import Recipe
from churn.simulation import simulate_bank

MONTHS, HORIZON = 60, 365
CELL_SLACK, CELL_SE = 0.02, 1.96


class Bounds(NamedTuple):
    """The required bounds: AUC as a share of the oracle's, ECE above the oracle's, slopes, share of cells within."""

    auc_share: float = 0.955
    ece_above: float = 0.012
    slopes: tuple[float, float] = (0.85, 1.15)
    cells: float = 20 / 25


ONE_BANK = Bounds(auc_share=0.94, ece_above=0.02, slopes=(0.8, 1.25), cells=3 / 5)


class Judged(NamedTuple):
    """One bank: the model's and the oracle's figures, and the cells (coverage) within their bound."""

    seed: int
    n: int
    auc: float
    oracle_auc: float
    ece: float
    oracle_ece: float
    slope: float
    cells: pd.DataFrame


def judge(seed: int, customers: int, folder: Path) -> Judged:
    """Simulate, train on the earlier years, score the last."""
    bank_folder = folder / f"bank-{seed}"
    summary = simulate_bank(bank_folder, customers=customers, months=MONTHS, seed=seed)
    as_of, oracle = summary.reference_as_of, pd.read_parquet(bank_folder / "truth" / "oracle.parquet")
    config = Config()
    with open_bank(bank_folder, config, data_end=as_of - dt.timedelta(days=1)) as bank:
        stored = train(bank.snapshots(horizon_days=HORIZON, with_evidence=False), Recipe(seed=seed))
    assert max(stored.manifest.snapshots) <= as_of - dt.timedelta(days=HORIZON)
    with open_bank(bank_folder, config) as bank:
        snapshot = bank.labelled(as_of, HORIZON)
    assert snapshot.churned is not None
    y, p = snapshot.churned, stored.model.predict(snapshot.features).probability
    truth = oracle.set_index("customer_id").loc[list(snapshot.customer_id), "oracle_risk"].to_numpy()
    frame = pd.DataFrame({"coverage": np.minimum(snapshot.product_coverage, 5), "observed": y, "predicted": p})
    cells = frame.groupby("coverage").agg(
        n=("observed", "size"), observed=("observed", "mean"), predicted=("predicted", "mean")
    )
    error = np.sqrt(cells["observed"] * (1 - cells["observed"]) / cells["n"])
    cells["within"] = (cells["predicted"] - cells["observed"]).abs() <= CELL_SLACK + CELL_SE * error
    return Judged(
        seed, len(y), roc_auc(y, p), roc_auc(y, truth), ece(y, p), ece(y, truth), calibration_slope(y, p), cells
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    seeds, bounds = (1, ONE_BANK) if options.quick else (options.seeds, Bounds())
    customers = options.customers or (8_000 if options.quick else 20_000)
    judged = []
    print("| seed | customers | AUC | oracle's | share | ECE | oracle's | slope | cells within |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.first_seed, options.first_seed + seeds):
            one = judge(seed, customers, Path(folder))
            judged.append(one)
            print(
                f"| {one.seed} | {one.n:,} | {one.auc:.4f} | {one.oracle_auc:.4f} | {one.auc / one.oracle_auc:.4f}"
                f" | {one.ece:.4f} | {one.oracle_ece:.4f} | {one.slope:.3f}"
                f" | {one.cells['within'].sum()} of {len(one.cells)} |",
                flush=True,
            )
    return report(judged, bounds)


def report(judged: list[Judged], bounds: Bounds) -> int:
    """Print which bounds hold; return 0 if all do."""
    share = float(np.median([one.auc / one.oracle_auc for one in judged]))
    above = float(np.median([one.ece for one in judged]) - np.median([one.oracle_ece for one in judged]))
    slopes = [one.slope for one in judged]
    cells = pd.concat([one.cells for one in judged])["within"]
    checks = {
        f"median AUC is {share:.4f} of the oracle's, at least {bounds.auc_share}": share >= bounds.auc_share,
        f"median ECE is {above:+.4f} from the oracle's, at most +{bounds.ece_above}": above <= bounds.ece_above,
        f"slopes lie in {min(slopes):.3f} to {max(slopes):.3f}, within {bounds.slopes}": bounds.slopes[0] <= min(slopes)
        and max(slopes) <= bounds.slopes[1],
        f"{cells.sum()} of {len(cells)} cells within 0.02 + 1.96 SE, at least {bounds.cells:.0%}": cells.mean()
        >= bounds.cells,
    }
    for text, holds in checks.items():
        print(("holds: " if holds else "FAILS: ") + text)
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
