"""Measure speed, accuracy and memory of whole-file SHAP values, beside shap.TreeExplainer, in one run.

    python benchmarks/shap_speed.py                          # 100,000 rows, about four minutes on two cores
    python benchmarks/shap_speed.py --rows 1000000           # about five minutes, under 3 GiB
    python benchmarks/shap_speed.py --quick                  # the short form that the tests run

The trees have 300 rounds and 31 leaves and are fitted on a simulated bank's features. The features are resampled to
the number of rows asked for, with a little noise, so that no row repeats. shap.TreeExplainer takes the same time for
every row. So it is timed on slices before and after, and its time for all rows is computed from that. Exit code 1 if
a value or a sum is off by more than 1e-4.
"""

import argparse
import datetime as dt
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import shap
from numpy.typing import NDArray

from churn.data import open_bank
from churn.explanation.shap import LARGEST_GAP, explain_matrix
from churn.model.trees import TreeParameters, fit_trees, predict_margins
from churn.simulation import simulate_bank
from churn.threads import use_threads

AS_OF = dt.date(2025, 1, 1)
BLOCK = 50_000


def learn(customers: int, rounds: int, leaves: int) -> tuple[lgb.Booster, NDArray[np.float64]]:
    """Fit trees on a simulated bank; return them and the features, shape (n, k)."""
    with tempfile.TemporaryDirectory() as scratch:
        simulate_bank(Path(scratch) / "bank", customers=customers, months=36, truth=False)
        with open_bank(Path(scratch) / "bank") as bank:
            snapshot = bank.labelled(AS_OF, 365)
    matrix = snapshot.features.to_numpy(dtype=np.float64)
    parameters = TreeParameters(num_leaves=leaves, learning_rate=0.05)
    return fit_trees(matrix, snapshot.churned, parameters, rounds=rounds), matrix


def resample(matrix: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Draw rows with replacement and move each value a little, so that no two rows are alike."""
    rng = np.random.default_rng(0)
    drawn = np.empty((rows, matrix.shape[1]), order="F")
    chosen = rng.integers(0, len(matrix), rows)
    for column in range(matrix.shape[1]):
        drawn[:, column] = matrix[chosen, column]
        drawn[:, column] *= 1 + 0.01 * rng.standard_normal(rows, dtype=np.float32)
    return drawn


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--slice", type=int, default=10_000, help="rows shap.TreeExplainer is timed on, twice")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="small trees, 8,000 rows")
    given = parser.parse_args()
    rows, part = (8_000, 500) if given.quick else (given.rows, given.slice)
    booster, features = learn(2_000, 20, 7) if given.quick else learn(20_000, 300, 31)
    matrix = resample(features, rows)
    explainer = shap.TreeExplainer(booster)
    first, before = _timed(explainer.shap_values, matrix[:part])
    with Memory() as memory, use_threads(given.threads):
        explained, fast = _timed(explain_matrix, booster, matrix)
    last, after = _timed(explainer.shap_values, matrix[-part:])
    slow = (before + after) / (2 * part) * rows
    value_gap = max(np.abs(explained.values[:part] - first).max(), np.abs(explained.values[-part:] - last).max())
    sum_gap = max(
        np.abs(
            explained.values[at : at + BLOCK].sum(axis=1, dtype=np.float64)
            + explained.base_value
            - predict_margins(booster, matrix[at : at + BLOCK])
        ).max()
        for at in range(0, rows, BLOCK)
    )
    print(f"rows {rows:,}, features {matrix.shape[1]}, trees {booster.num_trees()}")
    print(
        f"shap.TreeExplainer {rows / slow:,.0f} rows per second, this {rows / fast:,.0f}:"
        f" {slow / fast:.1f} times as fast"
    )
    print(f"largest difference {value_gap:.1e}, largest gap of a row's sum {sum_gap:.1e}")
    print(f"peak memory of all processes together: {memory.peak / 2**20:.2f} GiB")
    return int(value_gap > LARGEST_GAP or sum_gap > LARGEST_GAP)


class Memory:
    """Largest memory, in KiB, of this process and its children while the block runs; shared pages count once."""

    def __enter__(self):
        self.peak, self._ends = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()

    def _watch(self):
        while not self._ends.wait(0.25):
            self.peak = max(self.peak, sum(_proportional(pid) for pid in _family(os.getpid())))


def _family(pid: int) -> list[int]:
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in task.read_text().split()]
    return [pid, *(one for child in children for one in _family(child))]


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _timed(work, *arguments, **named):
    begun = time.perf_counter()
    result = work(*arguments, **named)
    return result, time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
