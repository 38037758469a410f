"""Every measure of progress, and the one place that makes them all."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.actions.progress.adherence import measure_adherence
from churn.actions.progress.breadth import measure_breadth
from churn.actions.progress.care import measure_losses, measure_vips
from churn.actions.progress.effects import measure_hold_out, measure_offers
from churn.actions.progress.facts import Facts, progress_facts
from churn.actions.progress.growth import measure_converted, measure_referrals, measure_seen, note_converted
from churn.actions.progress.leaving import (
    measure_churn,
    measure_contacted,
    measure_predicted,
    note_silent,
    outcomes_at,
)
from churn.actions.progress.series import build_series
from churn.actions.progress.units import Found, Measured
from churn.actions.progress.wording import MEASURES, NOTES
from churn.actions.today import Today
from churn.explanation.reasons.amounts import Pair
from churn.tables.contract import to_date
from churn.timeline import YEAR_DAYS

COLUMNS = ("level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target")


@dataclass(frozen=True)
class Progress:
    """Whether the practice is kept up and whether it works.

    Attributes
    ----------
    date
        Only what happened strictly before it counts.
    window_days
        How far back contacts and the counter were looked at.
    horizon_days
        Of churn and of changes.
    measures
        One row a unit and measure that can be told, units in order (the bank, branches, managers), then measures in
        that of `wording.MEASURES`: `level` bank, branch or manager, `unit` (None for the bank), `branch_id`, `measure`,
        `value`, `low` and `high` (its 95 % interval; NaN where it has none), `n` (what it is counted over) and `target`
        (NaN where there is none). A unit of which nobody is counted has the value NaN.
    series
        Of `build_series`: `level` bank or branch, `unit`, `measure`, `date`, `value`.
    titles
        What each measure is called, in English and Chinese; what it is counted in stands in `wording.UNITS`.
    not_told
        Why a measure cannot be told, in English and Chinese.
    notes
        What a reader must know, in English and Chinese.
    """

    date: dt.date
    window_days: int
    horizon_days: int
    measures: pd.DataFrame
    series: pd.DataFrame
    titles: Mapping[str, Pair]
    not_told: Mapping[str, Pair]
    notes: tuple[Pair, ...]


def build_progress(today: Today, *, horizon_days: int = YEAR_DAYS) -> Progress:
    """Measure a bank, its branches and its managers by what happened strictly before today.

    Tier, manager and branch are today's. What is not there costs the measures made of it, which say so. The section
    `plan` of the configuration says what a manager's day holds, when nobody works, what a loss is and who is held out;
    its section `lists` what a large counter transaction is and how many potential VIPs are expected there.

    Parameters
    ----------
    horizon_days
        In which customers are seen to leave, and over which products and bindings change; at least 1.

    Raises
    ------
    TimeRangeError
        The horizon is no day long.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from churn.actions.today import read_today
    >>> from churn.simulation import simulate_bank
    >>> from churn.data import open_bank
    >>> with TemporaryDirectory() as folder:
    ...     _ = simulate_bank(Path(folder) / "bank", customers=100, months=24, truth=False)
    ...     with open_bank(Path(folder) / "bank") as bank:
    ...         progress = build_progress(read_today(bank, None, dt.date(2025, 12, 1), bank.config))
    >>> progress.measures["measure"].unique().tolist()[:3], progress.not_told["churn_predicted"][0]
    (['meetings_per_day', 'calls_per_day', 'days_kept'], 'there are no scores')
    """
    facts = progress_facts(today, horizon_days)
    found = _measure(facts)
    return Progress(
        date=today.date,
        window_days=facts.settings.window_days,
        horizon_days=horizon_days,
        measures=_table(facts, found),
        series=build_series(facts),
        titles=MEASURES,
        not_told={name: why for name in MEASURES if not isinstance(why := found[name], Measured)},
        notes=_notes(facts, found),
    )


def _measure(facts: Facts) -> Found:
    return {
        **measure_adherence(facts),
        **measure_vips(facts),
        **measure_losses(facts),
        **measure_breadth(facts),
        **measure_seen(facts),
        **measure_converted(facts),
        **measure_referrals(facts),
        **measure_churn(facts),
        **measure_predicted(facts),
        **measure_hold_out(facts),
        **measure_contacted(facts),
        **measure_offers(facts),
    }


def _table(facts: Facts, found: Found) -> pd.DataFrame:
    told = [(name, one) for name in MEASURES if isinstance(one := found[name], Measured)]
    parts = [_rows(facts, name, one) for name, one in told]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    # Stable: within a unit measures keep their order.
    order = np.argsort(np.tile(np.arange(len(facts.units)), len(parts)), kind="stable")
    return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)[list(COLUMNS)]


def _rows(facts: Facts, name: str, one: Measured) -> pd.DataFrame:
    numbers = one.interval._asdict()
    target = np.broadcast_to(np.asarray(one.target, dtype=np.float64), len(facts.units))
    return facts.units.assign(measure=name, **numbers, n=np.asarray(one.n, dtype=np.int64), target=target)


def _notes(facts: Facts, found: Found) -> tuple[Pair, ...]:
    notes = list(NOTES)
    start = outcomes_at(facts)
    if isinstance(start, int):
        begin, end = to_date(start), to_date(start + facts.horizon_days)
        en = f"Churn is of the customers of {begin}, who left before {end}, {facts.horizon_days} days later"
        notes.append((en, f"流失率统计 {begin} 的客户在 {facts.horizon_days} 天内（{end} 之前）的流失情况"))
    if isinstance(found["potential_vips_converted"], Measured):
        notes.append(note_converted(facts))
    return (*notes, *note_silent(facts))
