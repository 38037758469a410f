"""Are the estimated effects of binding a service right? On simulated banks whose true effects are known.

    python benchmarks/binding_effects.py --banks 25 --customers 200000 -o hidden.csv
    python benchmarks/binding_effects.py --banks 25 --customers 60000 --confounders observed -o observed.csv
    python benchmarks/binding_effects.py --table hidden.csv observed.csv

A binding is a service tied to the customer's account or card. A bank takes one to three minutes. The file is written
bank by bank, and a run that was stopped resumes. The last form prints the table of docs/explaining.md.
"""

import argparse
import csv
import datetime as dt
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from churn.config import Config, EffectSettings
from churn.data import Data, open_bank
from churn.estimates import Estimate
from churn.evidence import Evidence, build_offers, gather_evidence
from churn.explanation.effects import ServiceEffect, estimate_effects
from churn.explanation.verdict import judge
from churn.features.catalogue import catalogue
from churn.frame import Snapshot
from churn.simulation import simulate_bank

AS_OF, HORIZON = dt.date(2025, 1, 1), 365
CUT = -0.05
"""A service that truly cuts this much or more must be found."""
MEASURED = EffectSettings(assume_measured=True)


def study_bank(customers: int, months: int, seed: int, confounders: str, records: bool) -> list[dict[str, Any]]:
    """Simulate a bank and estimate every service's effect: one row per service, estimates beside truths."""
    config = Config()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bank"
        # Records are judged on banks that never made an offer, so that no customer bound a service by chance.
        simulate_bank(
            folder, customers=customers, months=months, seed=seed, confounders=confounders, campaigns=not records
        )
        truths = read_truths(folder / "truth")
        with open_bank(folder, config) as bank:
            evidence = _gather(bank, records)
    effects = estimate_effects(evidence, catalogue(config), config.effects, seed=seed)
    return [
        {
            "seed": seed,
            "customers": customers,
            "confounders": confounders,
            "records": records,
            **_row(effect, truths[effect.service]),
        }
        for effect in effects
    ]


def _gather(bank: Data, records: bool) -> Evidence:
    if records:
        return gather_evidence(bank.tables(), bank.labelled(AS_OF, HORIZON), HORIZON, bank.data_end, bank.config)
    nobody = Snapshot(AS_OF, np.array([], dtype=object), pd.DataFrame(), None, None)
    return Evidence(nobody, pd.DataFrame(), build_offers(bank.tables(), HORIZON, bank.data_end, bank.config))


def read_truths(folder: Path) -> dict[str, dict[str, float]]:
    """Read the true effects by service: att, atu, itt and late. The last two are pooled as offers are."""
    effects = pd.read_parquet(folder / "effects.parquet")
    offers = pd.read_parquet(folder / "campaigns.parquet")
    groups = {"bound": "att", "unbound": "atu"}
    truths = {
        service: {groups[row.group]: row.effect for row in rows.itertuples() if row.group in groups}
        for service, rows in effects.groupby("service")
    }
    for (service, group), rows in offers.groupby(["service", "group"]):
        truths[service][group] = float((rows["n"] * rows["effect"]).sum() / rows["n"].sum())
    return truths


def _row(effect: ServiceEffect, truth: Mapping[str, float]) -> dict[str, Any]:
    found, offer = effect.observational, effect.offer
    alone = replace(effect, offer=None)
    estimates = {
        "att": found.att if found else None,
        "atu": found.atu if found else None,
        "itt": offer.itt if offer else None,
        "late": offer.late if offer else None,
        "raw": effect.raw,
    }
    row: dict[str, Any] = {"service": effect.service}
    for name, estimate in estimates.items():
        row |= {f"{name}_{part}": value for part, value in (estimate or Estimate(None, None, None))._asdict().items()}
        row[f"{name}_truth"] = truth.get(name)
    row["bound_low"], row["bound_high"] = (found.bound_low, found.bound_high) if found else (None, None)
    row["ran"] = " ".join(control.kind for control in effect.controls)
    row["failed"] = " ".join(control.kind for control in effect.controls if not control.passed)
    row["verdict"] = judge(effect, EffectSettings()).verdict if offer else None
    row["verdict_records"] = judge(alone, EffectSettings()).verdict
    row["verdict_measured"] = judge(alone, MEASURED).verdict
    return row


def summarise(rows: pd.DataFrame) -> list[tuple[str, int, int]]:
    """Count for each claim how often it held and for how many services. Without an estimate no claim holds."""
    offered = rows[~rows["records"] & rows["itt_truth"].notna()]
    large = offered[offered["customers"] >= 200_000]
    counts = [
        ("offers: interval of ITT covers its truth", covers(offered, "itt")),
        ("offers: interval of LATE covers its truth", covers(offered, "late")),
        ("200,000 customers, true cut of 5 points: cuts", large.loc[large["late_truth"] <= CUT, "verdict"] == "cuts"),
        ("200,000 customers, no effect: cuts", large.loc[large["late_truth"] == 0, "verdict"] == "cuts"),
    ]
    for name in ("hidden", "observed"):
        group = rows[rows["records"] & (rows["confounders"] == name)]
        null, cut = group[group["atu_truth"] == 0], group[group["atu_truth"] <= CUT]
        told = group[group["atu_value"].notna()]
        tested = told["ran"].fillna("").astype(str).str.contains("outcome|treatment")
        counts += [
            (f"{name}: an estimate is made", group["atu_value"].notna()),
            (f"{name}: of those, a negative control could be run", tested),
            (f"{name}: cuts", group["verdict_records"] == "cuts"),
            (f"{name}, no effect: suggests", null["verdict_records"] == "suggests"),
            (f"{name}, true cut of 5 points: suggests", cut["verdict_records"] == "suggests"),
            (f"{name}, measured by statement, no effect: suggests", null["verdict_measured"] == "suggests"),
            (f"{name}, measured by statement, true cut of 5 points: suggests", cut["verdict_measured"] == "suggests"),
            (f"{name}: interval of ATT covers", covers(told, "att")),
            (f"{name}: interval of ATU covers", covers(told, "atu")),
            (
                f"{name}: bounds of ATU cover",
                (told["bound_low"] <= told["atu_truth"]) & (told["atu_truth"] <= told["bound_high"]),
            ),
        ]
    return [(claim, int(held.sum()), len(held)) for claim, held in counts if len(held)]


def covers(rows: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Check whether each interval contains its truth."""
    return (rows[f"{name}_low"] <= rows[f"{name}_truth"]) & (rows[f"{name}_truth"] <= rows[f"{name}_high"])


def render(counts: Iterable[tuple[str, int, int]]) -> str:
    """Write the table in Markdown, shares in percent with Wilson intervals."""
    lines = ["| | services | share | 95 % interval |", "| --- | ---: | ---: | ---: |"]
    for claim, held, n in counts:
        low, high = binomtest(held, n).proportion_ci(method="wilson")
        lines.append(f"| {claim} | {n} | {100 * held / n:.1f} % | {100 * low:.1f} to {100 * high:.1f} % |")
    return "\n".join(lines)


def render_biases(rows: pd.DataFrame) -> str:
    """Write, for each service, raw difference, estimates and truths, means over banks in points."""
    lines = [
        "| bank | service | raw | ATT, true | ATU, true | LATE, true |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for (kind, service), group in rows.groupby(["confounders", "service"]):
        cells = [_points(group["raw_value"].mean())]
        cells += [
            f"{_points(group[f'{n}_value'].mean())}, {_points(group[f'{n}_truth'].mean())}"
            for n in ("att", "atu", "late")
        ]
        lines.append(f"| {kind} | {service} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _points(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:+.1f}".replace("-", "−")


def run(path: Path, seeds: Sequence[int], customers: int, months: int, confounders: str, records: bool) -> None:
    """Study bank after bank, and append each to `path`. Banks already in the file are left out."""
    done = set(pd.read_csv(path)["seed"]) if path.exists() else set()
    for seed in [seed for seed in seeds if seed not in done]:
        rows = study_bank(customers, months, seed, confounders, records)
        new = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            if new:
                writer.writeheader()
            writer.writerows(rows)
        print(f"seed {seed}: {len(rows)} services", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banks", type=int, default=25)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--customers", type=int, default=60_000)
    parser.add_argument("--months", type=int, default=48)
    parser.add_argument("--confounders", choices=["hidden", "observed"], default="hidden")
    parser.add_argument("--offers-only", action="store_true", help="leave out the estimates from records")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE")
    given = parser.parse_args()
    if given.table:
        rows = pd.concat([pd.read_csv(path) for path in given.table])
        print(render(summarise(rows)), render_biases(rows), sep="\n\n")
        return
    if given.output is None:
        parser.error("-o is missing; give the file to write")
    seeds = range(given.first_seed, given.first_seed + given.banks)
    run(given.output, seeds, given.customers, given.months, given.confounders, not given.offers_only)


if __name__ == "__main__":
    main()
