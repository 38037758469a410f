"""One partition of customers lived from the bank's beginning to the data's end."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from churn.simulation import structure as s
from churn.simulation.balances import Market
from churn.simulation.calendar import date_of
from churn.simulation.campaigns import Assignment
from churn.simulation.events import Rows, note_month, note_standing, note_states, opened_on, stack
from churn.simulation.history import burn_in, live_month
from churn.simulation.population import Ints, People, draw_people, join_people
from churn.simulation.referrals import draw_referrals
from churn.simulation.state import Scene, State, select
from churn.simulation.tables import build_tables
from churn.simulation.truth import Reference, imagine_reference, solve_correction

# Futures of each customer at the reference date: the risk is a product of survivals along each, so few do.
ORACLE_FUTURES = 16
# Months a customer stays on average, a low guess (18 to 23 were found): with 15 % in excess the burn-in
# always leaves more living than are needed, and chance picks among them.
MEAN_STAY_MONTHS = 18.0
# Streams of random numbers, one a purpose, so that no part's draws depend on another's.
MARKET, PEOPLE, HISTORY, EVENTS, FUTURES, TRUTH, NUMBERS = range(7)


@dataclass(frozen=True)
class Part:
    """One partition: its tables, and what the truth is worked out from.

    `number` gives each person's customer number, −1 without a record; `campaigns` holds each campaign's
    assignment and the bank on its day.
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
    note, state = stream(seed, part, EVENTS), opening
    noted: list[dict[str, Rows]] = []
    campaigns: list[tuple[Assignment, State]] = []
    for month in range(scene.months):
        if month == scene.reference:
            reference = imagine_reference(state, people, scene, ORACLE_FUTURES, stream(seed, part, FUTURES))
            if correct:
                scene = _corrected(reference, people, scene, stream(seed, part, FUTURES))
        before = state
        state, record = live_month(state, people, scene, month, markets[month], live)
        noted.append(note_month(record, people, scene, note))
        campaigns += [(assignment, _members(before, assignment)) for assignment in record.assignments]
    number = np.full(len(people.entry), -1)
    number[np.concatenate([opening.person, np.flatnonzero(people.entry >= 0)])] = numbers
    rows = _gather(noted, opening, state, people, scene, np.flatnonzero(number >= 0), note)
    tables = build_tables(rows, people, number, part, scene.branches, note)
    return Part(tables, scene, people, number, reference, tuple(campaigns))


def _members(state: State, assignment: Assignment) -> State:
    return select(state, np.isin(state.person, assignment.person))


def _corrected(reference: Reference, people: People, scene: Scene, rng: np.random.Generator) -> Scene:
    """Solve the shift; a coming shock is left out, so that it shows as a departure from the stated rates."""
    if scene.shock_month is None:
        return replace(scene, correction=solve_correction(reference, scene))
    calm = replace(scene, shock_month=None)
    calm_reference = imagine_reference(reference.state, people, calm, ORACLE_FUTURES, rng)
    return replace(scene, correction=solve_correction(calm_reference, calm))


def _open_bank(
    scene: Scene, markets: dict[int, Market], n: int, seed: int, part: int
) -> tuple[People, State, np.random.Generator]:
    draw, live = stream(seed, part, PEOPLE), stream(seed, part, HISTORY)
    count = max(round(1.15 * n / (MEAN_STAY_MONTHS + scene.months) * s.BURN_IN_MONTHS), s.BURN_IN_MONTHS)
    entry = np.sort(draw.integers(-s.BURN_IN_MONTHS, 0, count))
    people = draw_people(entry, scene.first_month, scene.branches, draw)
    state = burn_in(people, scene, markets, live)
    stay = len(state.person) * s.BURN_IN_MONTHS / count
    wanted = min(round(n * stay / (stay + scene.months)), len(state.person))
    state = select(state, np.sort(draw.permutation(len(state.person))[:wanted]))
    coming = np.sort(draw.integers(0, scene.months, n - wanted))
    return join_people(people, draw_people(coming, scene.first_month, scene.branches, draw)), state, live


def _gather(
    noted: list[dict[str, Rows]], opening: State, closing: State, people: People, scene: Scene, recorded: Ints,
    rng: np.random.Generator,
) -> dict[str, Rows]:  # fmt: skip
    rows = {name: stack([month[name] for month in noted]) for name in noted[0]}
    for name, standing in note_standing(closing, people, scene).items():
        rows[name] = stack([rows[name], standing])
    start = np.full(len(opening.person), date_of(scene.first_month, 0), dtype=np.int32)
    rows["customer_states"] = stack([note_states(opening, start), rows["customer_states"]])
    everyone = np.arange(len(people.entry))
    day = opened_on(everyone, 0, people.entry, people, scene)
    left = np.zeros(len(everyone), dtype=np.int32)
    departures = rows["departures"]
    left[departures["person"]] = departures["left_on"]
    rows["departures"] = {**departures, "opened_on": day[departures["person"]]}
    rows["referrals"] = draw_referrals(people, recorded, day, left, rng)
    return rows
