"""Does a challenger become champion only if it is better? On pairs of models whose true order is known.

    python benchmarks/promotion.py --banks 20

On each simulated bank two challengers are judged as `churn compare --promote` judges them, over four snapshots. The
first is the champion fitted again with another seed, which is not better. The second is a model of all features,
against a champion without the families of bindings and P&L; it is better. A bank takes about half a minute on two
cores. The tests judge one smaller bank over two snapshots, with few trees.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from scipy.stats import binomtest

from churn.config import Config
from churn.data import Snapshots, open_bank
from churn.evaluation.backtest import Backtest, backtest
from churn.evaluation.comparison import compare_models
from churn.evaluation.promotion import decide
from churn.features.catalogue import catalogue
from churn.model.recipe import Recipe
from churn.simulation import simulate_bank
from churn.timeline import default_snapshots

HORIZON = 365
MOST_FALSE, LEAST_TRUE = 0.1, 0.9
CRIPPLED = ("bindings", "pnl")


class Pair(NamedTuple):
    """The result of a bank's two pairs: promoted or not, and by how much the challenger's ROC-AUC was larger."""

    same_promoted: bool
    same_gain: float
    better_promoted: bool
    better_gain: float


def study_bank(
    customers: int, months: int, seed: int, *, most: int = 12, n_judged: int = 4, recipe: Recipe | None = None
) -> Pair:
    """Judge both pairs on one simulated bank: on `n_judged` of its last `most` snapshots."""
    with tempfile.TemporaryDirectory(prefix="churn-") as folder:
        simulate_bank(Path(folder) / "bank", customers=customers, months=months, seed=seed, truth=False)
        with open_bank(Path(folder) / "bank", Config()) as bank:
            dates = default_snapshots(bank.data_begin, bank.data_end, HORIZON, most=most)
            snapshots = bank.snapshots(dates, HORIZON, with_evidence=False)
    return study_snapshots(snapshots, seed, recipe, n_judged)


def study_snapshots(snapshots: Snapshots, seed: int, recipe: Recipe | None = None, n_judged: int = 4) -> Pair:
    """Judge both pairs on the snapshots of one bank."""
    base = recipe or Recipe()
    lost = {feature.name for feature in catalogue(Config()) if feature.family in CRIPPLED}
    kept = tuple(name for name in map(str, snapshots[0].features) if name not in lost)
    recipes = {
        "champion": Recipe(base.learners, base.parameters, seed=2 * seed),
        "again": Recipe(base.learners, base.parameters, seed=2 * seed + 1),
        "crippled": Recipe(base.learners, base.parameters, only=kept, seed=2 * seed),
    }
    found = backtest(snapshots, recipes, n_judged=n_judged)
    comparison = compare_models(found.judged, seed=seed)
    value = {name: comparison.models[name]["roc_auc"].value or 0.0 for name in recipes}
    return Pair(
        decide(comparison, _only(found, "champion", "again"), "champion").promote,
        value["again"] - value["champion"],
        decide(comparison, _only(found, "crippled", "champion"), "crippled").promote,
        value["champion"] - value["crippled"],
    )


def _only(found: Backtest, *names: str) -> Backtest:
    return found._replace(recipes={name: found.recipes[name] for name in names})


def judge_pairs(pairs: list[Pair]) -> list[str]:
    """Return the claims that fail: at most a tenth of equals promoted, at least nine tenths of the better."""
    false, true = sum(pair.same_promoted for pair in pairs), sum(pair.better_promoted for pair in pairs)
    wrong = []
    if false > MOST_FALSE * len(pairs):
        wrong.append(f"{false} of {len(pairs)} challengers that are no better were promoted")
    if true < LEAST_TRUE * len(pairs):
        wrong.append(f"only {true} of {len(pairs)} better challengers were promoted")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banks", type=int, default=20)
    parser.add_argument("--customers", type=int, default=12_000)
    parser.add_argument("--months", type=int, default=48)
    parser.add_argument("--first-seed", type=int, default=100)
    given = parser.parse_args()
    pairs = []
    print("seed  same: promoted, gain   better: promoted, gain")
    for seed in range(given.first_seed, given.first_seed + given.banks):
        pair = study_bank(given.customers, given.months, seed)
        pairs.append(pair)
        print(
            f"{seed:4}  {pair.same_promoted!s:>5} {pair.same_gain:+.4f}   {pair.better_promoted!s:>5} "
            f"{pair.better_gain:+.4f}",
            flush=True,
        )
    for name, n in (
        ("no better", sum(p.same_promoted for p in pairs)),
        ("better", sum(p.better_promoted for p in pairs)),
    ):
        low, high = binomtest(n, len(pairs)).proportion_ci(method="wilson")
        print(f"{name}: {n} of {len(pairs)} promoted ({100 * low:.0f} to {100 * high:.0f} %)")
    if wrong := judge_pairs(pairs):
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
