"""The simulated bank from end to end: partitions lived one after another, written whole or not at all."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from churn.config import Config
from churn.errors import ChurnError
from churn.files import new_folder, require_replaceable, write_json
from churn.simulation import structure as s
from churn.simulation.balances import Market, draw_market
from churn.simulation.calendar import DATA_END, REFERENCE_AS_OF, first_month
from churn.simulation.campaigns import plan_campaigns
from churn.simulation.parts import MARKET, NUMBERS, TRUTH, Part, live_part, stream
from churn.simulation.state import Scene
from churn.simulation.structure import Confounders
from churn.simulation.truth import Effect, add_up, campaign_effects, oracle_risk, true_effects
from churn.simulation.writing import FileFormat, describe_oracle, oracle_table, write_part, write_truth
from churn.tables.contract import contract_tables

MARK = "simulation.json"
_TABLES = contract_tables(Config())
_NAMES = ("truth", *(f"{table}{ending}" for table in _TABLES for ending in ("", ".parquet", ".csv")))
PARTITION = 50_000
SMALLEST_CUSTOMERS, SHORTEST_MONTHS = 50, 24
MOST_CUSTOMERS, LONGEST_MONTHS = 9_999_999, 600  # ids have seven digits
CAMPAIGN_FUTURES = 8


@dataclass(frozen=True)
class Summary:
    """What was written: rows by table, the reference as-of date, and the last day in the data."""

    rows: dict[str, int]
    reference_as_of: dt.date
    data_end: dt.date


def _say_nothing(_: str) -> None:
    return None


def simulate_bank(
    out: str | Path,
    *,
    customers: int = 20_000,
    months: int = 48,
    seed: int = 0,
    file_format: FileFormat = "parquet",
    drift: bool = False,
    shock: bool = False,
    confounders: Confounders = "hidden",
    campaigns: bool = True,
    truth: bool = True,
    on_step: Callable[[str], None] = _say_nothing,
) -> Summary:
    """Write the contract's tables of a bank whose every cause is known, and that knowledge beside them.

    At the reference as-of date, 2025-01-01, a year before the data's end, the mean true risk at one,
    three and five or more products is the stated 62 %, 42 % and 12 %. The same arguments give the same
    bytes. More than `PARTITION` customers are lived and written part by part. A table without a row is not
    written; `simulation.json` says so.

    Parameters
    ----------
    out
        Folder that appears whole or not at all; an earlier simulation there is replaced.
    customers
        Rows of `customers`, those who have left included; at least 50.
    months
        Whole months of history, the last being December 2025; at least 24.
    seed
        0 or more.
    file_format
        "parquet" or "csv".
    drift
        Leaving, digital habit and the share market change slowly over the years.
    shock
        The share market loses a quarter in the sixth month after the reference date, and from then on
        leaving is likelier; the stated rates hold without it.
    confounders
        "hidden": latents drive binding and leaving alike, as in life. "observed": only age, tenure,
        balances and tier do.
    campaigns
        Whether services are offered at random, a wave a year each.
    truth
        Also write `truth/`: oracle risk, true effects, campaigns' true effects, the constants.
    on_step
        Called with a few words before each long step.

    Raises
    ------
    ChurnError
        Too few customers or months, a negative seed, or an unknown `file_format` or `confounders`.
    OutputError
        `out` holds other files, or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     summary = simulate_bank(Path(folder) / "bank", customers=100, months=24, truth=False)
    >>> summary.rows["customers"], str(summary.reference_as_of)
    (100, '2025-01-01')
    """
    out = Path(out)
    _check(customers, months, seed, file_format, confounders)
    require_replaceable(out, mark=MARK, names=_NAMES)
    scene = _scene(customers, months, drift, shock, confounders, campaigns)
    markets = _markets(scene, seed)
    numbers = stream(seed, 0, NUMBERS).permutation(customers) + 1
    slices = np.array_split(numbers, -(-customers // PARTITION))
    rows: dict[str, int] = {}
    known = _Known([], [], [])
    with new_folder(out, mark=MARK, names=_NAMES) as folder:
        for k, mine in enumerate(slices):
            on_step(f"living customers {k * len(mine) + 1:,} to {k * len(mine) + len(mine):,} of {customers:,}")
            part = live_part(scene, markets, mine, seed, k, correct=k == 0)
            scene = part.scene
            on_step("writing their tables")
            write_part(folder, part.tables, k, len(slices), file_format)
            rows = {name: rows.get(name, 0) + table.num_rows for name, table in part.tables.items()}
            known = _learn(known, part, stream(seed, k, TRUTH), truth, on_step)
        oracle = pa.concat_tables(known.oracle)
        if truth:
            write_truth(folder / "truth", oracle, add_up(known.effects), add_up(known.campaigns), scene)
        write_json(
            folder / MARK,
            {
                "customers": customers, "months": months, "seed": seed, "file_format": file_format, "drift": drift,
                "shock": shock, "confounders": confounders, "campaigns": campaigns, "truth": truth,
                "reference_as_of": REFERENCE_AS_OF.isoformat(), "data_end": DATA_END.isoformat(), "rows": rows,
                "coverage": describe_oracle(oracle), "notes": _notes(rows, oracle),
            },
        )  # fmt: skip
    return Summary(rows, REFERENCE_AS_OF, DATA_END)


@dataclass(frozen=True)
class _Known:
    oracle: list[pa.Table]
    effects: list[Effect]
    campaigns: list[Effect]


def _learn(known: _Known, part: Part, rng: np.random.Generator, truth: bool, on_step: Callable[[str], None]) -> _Known:
    risk = oracle_risk(part.reference, part.scene)
    oracle = [*known.oracle, oracle_table(part.reference, risk, part.number)]
    if not truth:
        return _Known(oracle, [], [])
    on_step("working out the true effects")
    effects = true_effects(part.reference, part.scene)
    campaigns = [
        effect
        for assignment, members in part.campaigns
        if assignment.month <= part.scene.reference
        for effect in campaign_effects(assignment, members, part.people, part.scene, CAMPAIGN_FUTURES, rng)
    ]
    return _Known(oracle, known.effects + effects, known.campaigns + campaigns)


def _check(customers: int, months: int, seed: int, file_format: str, confounders: str) -> None:
    if customers < SMALLEST_CUSTOMERS:
        raise ChurnError(f"customers: {customers} is too few to simulate a bank; give at least {SMALLEST_CUSTOMERS}")
    if months < SHORTEST_MONTHS:
        raise ChurnError(f"months: {months} leaves no year to learn from; give at least {SHORTEST_MONTHS}")
    if customers > MOST_CUSTOMERS or months > LONGEST_MONTHS:
        raise ChurnError(f"at most {MOST_CUSTOMERS:,} customers and {LONGEST_MONTHS} months are simulated; give fewer")
    if seed < 0:
        raise ChurnError(f"seed: {seed} is negative; give 0 or more")
    if file_format not in {"parquet", "csv"}:
        raise ChurnError(f"file_format: {file_format!r} is not known; give parquet or csv")
    if confounders not in {"hidden", "observed"}:
        raise ChurnError(f"confounders: {confounders!r} is not known; give hidden or observed")


def _scene(customers: int, months: int, drift: bool, shock: bool, confounders: Confounders, campaigns: bool) -> Scene:
    return Scene(
        months=months,
        confounders=confounders,
        drift=drift,
        shock_month=months - s.HORIZON_MONTHS + s.SHOCK_MONTHS_AFTER_REFERENCE if shock else None,
        first_month=first_month(months),
        branches=max(2, round(customers / s.CUSTOMERS_PER_BRANCH)),
        correction=np.zeros(5),
        campaigns=plan_campaigns(months) if campaigns else (),
    )


def _markets(scene: Scene, seed: int) -> dict[int, Market]:
    rng = stream(seed, 0, MARKET)
    return {month: draw_market(scene, month, rng) for month in range(-s.BURN_IN_MONTHS, scene.months)}


def _notes(rows: dict[str, int], oracle: pa.Table) -> list[str]:
    """Say what a bank of this size lacks."""
    notes: list[Any] = [f"no row in {name}" for name, count in rows.items() if count == 0]
    empty = [row["product_coverage"] for row in describe_oracle(oracle) if row["n"] == 0]
    return notes + [f"nobody with a coverage of {coverage}" for coverage in empty]
