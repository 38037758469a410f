"""The simulated bank from end to end: partitions lived one after another, written whole or not at all."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from churn.config import Config, LabelSettings
from churn.errors import ChurnError
from churn.files import new_folder, require_replaceable, write_json
from churn.simulation import state
from churn.simulation import structure as s
from churn.simulation import truth as t
from churn.simulation.dynamics import Market, draw_market
from churn.simulation.events import OPEN, Rows, note_month, note_standing, note_states, opened_on, stack
from churn.simulation.history import Assignment, burn_in, live_month, plan_campaigns
from churn.simulation.state import Ints, People, Scene, State
from churn.simulation.tables import FileFormat, build_tables, describe_oracle, oracle_table, write_part, write_truth
from churn.simulation.truth import Effect, Reference
from churn.tables import silent
from churn.tables.contract import contract_tables


def draw_referrals(
    people: People, recorded: np.ndarray, opened_on: np.ndarray, left_on: np.ndarray, rng: np.random.Generator
) -> Rows:
    """Return referrals of customers who enter in the window, by customers living then, the loyal more often.

    `recorded`: persons with a record; `opened_on` and `left_on`: whole days by person.
    """
    entrants = recorded[people.entry[recorded] >= 0]
    referred = entrants[rng.random(len(entrants)) < s.REFERRED_SHARE]
    weight = np.exp(s.REFERRER_LOYALTY * people.latents[recorded, 0])
    referrer = np.full(len(referred), -1)
    for _ in range(20):
        open_places = np.flatnonzero(referrer < 0)
        drawn = rng.choice(recorded, len(open_places), p=weight / weight.sum())
        day = opened_on[referred[open_places]]
        living = (opened_on[drawn] < day) & (left_on[drawn] > day)
        referrer[open_places[living]] = drawn[living]
    found = referrer >= 0
    referred_on = np.minimum(opened_on[referred[found]], OPEN).astype(np.int32)
    return {"referrer": referrer[found], "referred": referred[found], "referred_on": referred_on}


# Futures of each customer at the reference date: the risk is a product of survivals along each, so few do.
ORACLE_FUTURES = 16
# Months a customer stays on average, a low guess (18 to 23 were found): with 15 % in excess the burn-in
# always leaves more living than are needed, and chance picks among them.
MEAN_STAY_MONTHS = 18.0
# Streams of random numbers, one per purpose, so that no part's draws depend on another's.
MARKET, PEOPLE, HISTORY, EVENTS, FUTURES, TRUTH, NUMBERS = range(7)


@dataclass(frozen=True)
class Part:
    """One partition: its tables, and what the truth is worked out from.

    `number` gives each person's customer number, −1 without a record; `campaigns` holds each campaign's
    assignment and its members on its day, but for those silent attrition had taken.
    """

    tables: dict[str, pa.Table]
    scene: Scene
    people: People
    number: Ints
    reference: Reference
    campaigns: tuple[tuple[Assignment, State], ...]


def stream(seed: int, part: int, purpose: int) -> np.random.Generator:
    """Return the generator of one purpose in one partition."""
    return np.random.default_rng([seed, part, purpose])


def live_part(scene: Scene, markets: dict[int, Market], numbers: Ints, seed: int, part: int, *, correct: bool) -> Part:
    """Live one partition with exactly `len(numbers)` records; `correct` solves the intercepts on it.

    The burn-in and the window before the reference date use the same intercepts everywhere; those after
    it are shifted by less than their sampling error, so that the reference year meets the stated rates.
    """
    people, opening, live = _open_bank(scene, markets, len(numbers), seed, part)
    note, living = stream(seed, part, EVENTS), opening
    noted: list[dict[str, Rows]] = []
    campaigns: list[tuple[Assignment, State]] = []
    for month in range(scene.months):
        if month == scene.reference:
            here = without_gone(living, silent_periods(stack([rows["pnl"] for rows in noted])), scene, month)
            reference = t.imagine_reference(here, people, scene, ORACLE_FUTURES, stream(seed, part, FUTURES))
            if correct:
                scene = t.corrected(reference, people, scene, ORACLE_FUTURES, stream(seed, part, FUTURES))
        before = living
        living, record = live_month(living, people, scene, month, markets[month], live)
        noted.append(note_month(record, people, scene, note))
        campaigns += [(one, state.select(before, np.isin(before.person, one.person))) for one in record.assignments]
    periods = silent_periods(stack([rows["pnl"] for rows in noted]))
    campaigns = [(one, without_gone(members, periods, scene, one.month)) for one, members in campaigns]
    number = np.full(len(people.entry), -1)
    number[np.concatenate([opening.person, np.flatnonzero(people.entry >= 0)])] = numbers
    rows = _gather(noted, opening, living, people, scene, np.flatnonzero(number >= 0), note)
    tables = build_tables(rows, people, number, part, scene.branches, note)
    return Part(
        tables=tables, scene=scene, people=people, number=number, reference=reference, campaigns=tuple(campaigns)
    )


def silent_periods(values: Rows) -> pd.DataFrame:
    """Return when silent attrition took persons, by the contract's own rule: `customer_id`, `gone_on`, `back_on`.

    `values` are rows of `pnl`.
    """
    cents = np.round(100 * np.round(values["value"], 2))
    pnl = {"customer_id": values["person"], "month": values["month"], "cents": cents}
    with duckdb.connect() as connection:
        connection.register("noted", pa.table(pnl))
        connection.execute("CREATE TABLE pnl AS SELECT customer_id, month, cents::BIGINT AS market_value FROM noted")
        silent.create_silent(connection, round(100 * LabelSettings().silent_floor_cny))
        found: pd.DataFrame = connection.table(silent.TABLE).df()
    return found


def without_gone(living: State, periods: pd.DataFrame, scene: Scene, month: int) -> State:
    """Leave out whom silent attrition had taken before a month began."""
    day = int(state.date_of(scene.first_month, month))
    is_gone = (periods["gone_on"] < day) & (periods["back_on"].isna() | (periods["back_on"] >= day))
    return state.select(living, ~np.isin(living.person, periods["customer_id"][is_gone]))


def _open_bank(
    scene: Scene, markets: dict[int, Market], n: int, seed: int, part: int
) -> tuple[People, State, np.random.Generator]:
    draw, live = stream(seed, part, PEOPLE), stream(seed, part, HISTORY)
    count = max(round(1.15 * n / (MEAN_STAY_MONTHS + scene.months) * s.BURN_IN_MONTHS), s.BURN_IN_MONTHS)
    entry = np.sort(draw.integers(-s.BURN_IN_MONTHS, 0, count))
    people = state.draw_people(entry, scene.first_month, scene.branches, draw)
    living = burn_in(people, scene, markets, live)
    stay = len(living.person) * s.BURN_IN_MONTHS / count
    wanted = min(round(n * stay / (stay + scene.months)), len(living.person))
    living = state.select(living, np.sort(draw.permutation(len(living.person))[:wanted]))
    coming = np.sort(draw.integers(0, scene.months, n - wanted))
    return state.join_people(people, state.draw_people(coming, scene.first_month, scene.branches, draw)), living, live


def _gather(
    noted: list[dict[str, Rows]], opening: State, closing: State, people: People, scene: Scene, recorded: Ints,
    rng: np.random.Generator,
) -> dict[str, Rows]:  # fmt: skip
    rows = {name: stack([month[name] for month in noted]) for name in noted[0]}
    for name, standing in note_standing(closing, people, scene).items():
        rows[name] = stack([rows[name], standing])
    start = np.full(len(opening.person), state.date_of(scene.first_month, 0), dtype=np.int32)
    rows["customer_states"] = stack([note_states(opening, start), rows["customer_states"]])
    everyone = np.arange(len(people.entry))
    day = opened_on(everyone, 0, people.entry, people, scene)
    left = np.zeros(len(everyone), dtype=np.int32)
    departures = rows["departures"]
    left[departures["person"]] = departures["left_on"]
    rows["departures"] = {**departures, "opened_on": day[departures["person"]]}
    rows["referrals"] = draw_referrals(people, recorded, day, left, rng)
    return rows


MARK = "simulation.json"
_TABLES = contract_tables(Config())
FILES = (
    MARK,
    *(f"truth/{name}" for name in ("oracle.parquet", "effects.parquet", "campaigns.parquet", "structure.json")),
    *(f"{table}{ending}" for table in _TABLES for ending in (".parquet", ".csv", "/part-*.parquet", "/part-*.csv")),
)
"""All that a simulated bank may consist of."""
PARTITION = 50_000
SMALLEST_CUSTOMERS, SHORTEST_MONTHS = 50, 24
MOST_CUSTOMERS, LONGEST_MONTHS = 9_999_999, 600  # ids have seven digits
CAMPAIGN_FUTURES = 8


@dataclass(frozen=True)
class Summary:
    """Summary of the files written: rows by table, the reference as-of date, and the last day in the data."""

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
    confounders: s.Confounders = "hidden",
    campaigns: bool = True,
    truth: bool = True,
    on_step: Callable[[str], None] = _say_nothing,
) -> Summary:
    """Write the contract's tables of a bank whose every cause is known, and that knowledge beside them.

    At the reference as-of date, 2025-01-01, a year before the data's end, the mean true risk at one,
    three and five or more products is the stated 62 %, 42 % and 12 %. The same arguments give the same
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
        Whether services are offered at random, one wave per year each.
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
    require_replaceable(out, mark=MARK, names=FILES)
    scene = _scene(customers, months, drift, shock, confounders, campaigns)
    markets = _markets(scene, seed)
    numbers = stream(seed, 0, NUMBERS).permutation(customers) + 1
    slices = np.array_split(numbers, -(-customers // PARTITION))
    rows: dict[str, int] = {}
    oracles: list[pa.Table] = []
    effects: list[Effect] = []
    offered: list[Effect] = []
    with new_folder(out, mark=MARK, names=FILES) as folder:
        for k, mine in enumerate(slices):
            on_step(f"living customers {k * len(mine) + 1:,} to {k * len(mine) + len(mine):,} of {customers:,}")
            part = live_part(scene, markets, mine, seed, k, correct=k == 0)
            scene = part.scene
            on_step("writing their tables")
            write_part(folder, part.tables, k, len(slices), file_format)
            rows = {name: rows.get(name, 0) + table.num_rows for name, table in part.tables.items()}
            oracles.append(oracle_table(part.reference, t.oracle_risk(part.reference, scene), part.number))
            if truth:
                on_step("working out the true effects")
                effects += t.true_effects(part.reference, scene)
                offered += _campaign_effects(part, stream(seed, k, TRUTH))
        oracle = pa.concat_tables(oracles)
        if truth:
            write_truth(folder / "truth", oracle, effects, offered, scene)
        write_json(
            folder / MARK,
            {
                "customers": customers, "months": months, "seed": seed, "file_format": file_format, "drift": drift,
                "shock": shock, "confounders": confounders, "campaigns": campaigns, "truth": truth,
                "reference_as_of": state.REFERENCE_AS_OF.isoformat(), "data_end": state.DATA_END.isoformat(),
                "rows": rows, "coverage": describe_oracle(oracle), "notes": _notes(rows, oracle),
            },
        )  # fmt: skip
    return Summary(rows, state.REFERENCE_AS_OF, state.DATA_END)


def _campaign_effects(part: Part, rng: np.random.Generator) -> list[Effect]:
    return [
        effect
        for assignment, members in part.campaigns
        if assignment.month <= part.scene.reference
        for effect in t.campaign_effects(assignment, members, part.people, part.scene, CAMPAIGN_FUTURES, rng)
    ]


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


def _scene(customers: int, months: int, drift: bool, shock: bool, confounders: s.Confounders, campaigns: bool) -> Scene:
    return Scene(
        months=months,
        confounders=confounders,
        drift=drift,
        shock_month=months - s.HORIZON_MONTHS + s.SHOCK_MONTHS_AFTER_REFERENCE if shock else None,
        first_month=state.first_month(months),
        branches=max(2, round(customers / s.CUSTOMERS_PER_BRANCH)),
        correction=np.zeros(5),
        campaigns=plan_campaigns(months) if campaigns else (),
    )


def _markets(scene: Scene, seed: int) -> dict[int, Market]:
    rng = stream(seed, 0, MARKET)
    return {month: draw_market(scene, month, rng) for month in range(-s.BURN_IN_MONTHS, scene.months)}


def _notes(rows: dict[str, int], oracle: pa.Table) -> list[str]:
    """Say what a bank of this size lacks."""
    notes = [f"no row in {name}" for name, count in rows.items() if count == 0]
    empty = [row["product_coverage"] for row in describe_oracle(oracle) if row["n"] == 0]
    return notes + [f"nobody with a coverage of {coverage}" for coverage in empty]
