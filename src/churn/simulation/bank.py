"""The simulated bank from end to end: partitions lived one after another, written whole or not at all."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from churn.errors import ChurnError
from churn.files import new_folder, write_json
from churn.simulation import structure as s
from churn.simulation.balances import Market, draw_market
from churn.simulation.calendar import DATA_END, date_of, first_month
from churn.simulation.campaigns import Assignment, plan_campaigns
from churn.simulation.events import Rows, note_month, note_standing, note_states, opened_on, stack
from churn.simulation.history import burn_in, live_month
from churn.simulation.population import Ints, People, draw_people, join_people
from churn.simulation.referrals import draw_referrals
from churn.simulation.state import Scene, State, select
from churn.simulation.structure import Confounders
from churn.simulation.truth import (
    Reference,
    campaign_effect,
    imagine_reference,
    oracle_risk,
    solve_correction,
    true_effects,
)
from churn.simulation.writing import FileFormat, build_tables, write_table

MARK = "simulation.json"
PARTITION = 50_000
SMALLEST_CUSTOMERS, SHORTEST_MONTHS = 50, 24
ORACLE_FUTURES = 16
CAMPAIGN_FUTURES = 8
# Months a customer stays on average, a first guess for the number of entrants; 15 % are drawn in excess.
MEAN_STAY_MONTHS = 30.0
# Streams of random numbers, one a purpose, so that no part's draws depend on another's.
_MARKET, _PEOPLE, _HISTORY, _EVENTS, _FUTURES, _TRUTH, _NUMBERS = range(7)


@dataclass(frozen=True)
class Summary:
    """What was written: rows by table, the reference as-of date, and the last day in the data."""

    rows: dict[str, int]
    reference_as_of: dt.date
    data_end: dt.date


def _quiet(_: str) -> None:
    return None


def simulate_bank(
    out: Path,
    *,
    customers: int = 20_000,
    months: int = 48,
    seed: int = 0,
    file_format: FileFormat = "parquet",
    drift: bool = False,
    shock: bool = False,
    confounders: Confounders = "hidden",
    truth: bool = True,
    on_step: Callable[[str], None] = _quiet,
) -> Summary:
    """Write a simulated bank."""
    _check(customers, months, seed)
    scene = _scene(customers, months, drift, shock, confounders)
    markets = _markets(scene, seed)
    with new_folder(out, replaces=MARK) as folder:
        numbers = _stream(seed, 0, _NUMBERS).permutation(customers) + 1
        starts = list(range(0, customers, PARTITION))
        rows: dict[str, int] = {}
        for part, start in enumerate(starts):
            on_step(f"part {part + 1} of {len(starts)}")
            scene, tables = _simulate_part(scene, markets, part, numbers[start : start + PARTITION], seed, truth)
            for name, table in tables.items():
                rows[name] = rows.get(name, 0) + table.num_rows
                _write(folder, name, table, part, len(starts), file_format)
        write_json(folder / MARK, {"customers": customers, "months": months, "seed": seed, "rows": rows, "correction": scene.correction.tolist()})
    return Summary(rows, dt.date(DATA_END.year, 1, 1), DATA_END)


def _write(folder: Path, name: str, table: pa.Table, part: int, parts: int, file_format: FileFormat) -> None:
    path = folder / name if parts == 1 else folder / name / f"part-{part:04d}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(table, path, file_format)


def _check(customers: int, months: int, seed: int) -> None:
    if customers < SMALLEST_CUSTOMERS:
        raise ChurnError(f"customers: {customers} is too few to simulate a bank; give at least {SMALLEST_CUSTOMERS}")
    if months < SHORTEST_MONTHS:
        raise ChurnError(f"months: {months} leaves no year to learn from; give at least {SHORTEST_MONTHS}")
    if seed < 0:
        raise ChurnError(f"seed: {seed} is negative; give 0 or more")


def _scene(customers: int, months: int, drift: bool, shock: bool, confounders: Confounders) -> Scene:
    return Scene(
        months=months,
        confounders=confounders,
        drift=drift,
        shock_month=months - s.HORIZON_MONTHS + s.SHOCK_MONTHS_AFTER_REFERENCE if shock else None,
        first_month=first_month(months),
        branches=max(2, round(customers / s.CUSTOMERS_PER_BRANCH)),
        correction=np.zeros(5),
        campaigns=plan_campaigns(months),
    )


def _stream(seed: int, part: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, part, purpose])


def _markets(scene: Scene, seed: int) -> dict[int, Market]:
    rng = _stream(seed, 0, _MARKET)
    return {month: draw_market(scene, month, rng) for month in range(-s.BURN_IN_MONTHS, scene.months)}


def _opening(
    scene: Scene, markets: dict[int, Market], n: int, seed: int, part: int
) -> tuple[People, State, np.random.Generator]:
    draw, live = _stream(seed, part, _PEOPLE), _stream(seed, part, _HISTORY)
    count = round(1.15 * n / (MEAN_STAY_MONTHS + scene.months) * s.BURN_IN_MONTHS)
    entry = np.sort(draw.integers(-s.BURN_IN_MONTHS, 0, count))
    people = draw_people(entry, scene.first_month, scene.branches, draw)
    state = burn_in(people, scene, markets, live)
    stay = len(state.person) * s.BURN_IN_MONTHS / count
    wanted = min(round(n * stay / (stay + scene.months)), len(state.person))
    state = select(state, np.sort(draw.permutation(len(state.person))[:wanted]))
    coming: Ints = np.sort(draw.integers(0, scene.months, n - wanted))
    return join_people(people, draw_people(coming, scene.first_month, scene.branches, draw)), state, live


def _simulate_part(
    scene: Scene, markets: dict[int, Market], part: int, numbers: Ints, seed: int, truth: bool
) -> tuple[Scene, dict[str, pa.Table]]:
    people, state, live = _opening(scene, markets, len(numbers), seed, part)
    note = _stream(seed, part, _EVENTS)
    start = np.full(len(state.person), date_of(scene.first_month, 0), dtype=np.int32)
    recorded = np.concatenate([state.person, np.flatnonzero(people.entry >= 0)])
    noted: list[dict[str, Rows]] = []
    first_states = note_states(state, start)
    for month in range(scene.months):
        if month == scene.reference:
            reference = imagine_reference(state, people, scene, ORACLE_FUTURES, _stream(seed, part, _FUTURES))
            if part == 0:
                scene = replace(scene, correction=solve_correction(reference, scene))
        state, record = live_month(state, people, scene, month, markets[month], live)
        noted.append(note_month(record, people, scene, note))
    rows = {name: stack([m[name] for m in noted]) for name in noted[0]}
    for name, standing in note_standing(state, people, scene).items():
        rows[name] = stack([rows[name], standing])
    rows["customer_states"] = stack([first_states, rows["customer_states"]])
    day = opened_on(np.arange(len(people.entry)), 0, people.entry, people, scene)
    left = np.zeros(len(people.entry), dtype=np.int32)
    left[rows["departures"]["person"]] = rows["departures"]["left_on"]
    rows["departures"]["opened_on"] = day[rows["departures"]["person"]]
    rows["referrals"] = draw_referrals(people, recorded, day, left, note)
    number = np.full(len(people.entry), -1)
    number[recorded] = numbers
    return scene, build_tables(rows, people, number, part, scene.branches, note)
