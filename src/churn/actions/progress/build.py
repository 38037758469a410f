"""Every measure of progress, and the one place that makes them all."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.actions import sheets
from churn.actions.progress import adherence, care, growth, leaving
from churn.actions.progress.measures import MEASURES, NOTES
from churn.actions.progress.series import build_series
from churn.actions.progress.units import Basis, Found, MeasuredUnits
from churn.actions.today import Today
from churn.speech import Message, message
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
        One row per unit and measure that can be told, units in order (the bank, branches, managers), then measures in
        that of `MEASURES`: `level` bank, branch or manager, `unit` (None for the bank), `branch_id`, `measure`,
        `value`, `low` and `high` (its 95 % interval; NaN where it has none), `n` (what it is counted over) and `target`
        (NaN where there is none). A unit of which nobody is counted has the value NaN.
    series
        Of `build_series`: `level` bank or branch, `unit`, `measure`, `date`, `value`.
    not_told
        Why a measure cannot be told.
    notes
        What a reader must know.
    """

    date: dt.date
    window_days: int
    horizon_days: int
    measures: pd.DataFrame
    series: pd.DataFrame
    not_told: Mapping[str, Message]
    notes: tuple[Message, ...]


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
        The horizon is shorter than one day.

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
    >>> progress.measures["measure"].unique().tolist()[:3], progress.not_told["churn_predicted"].text
    (['meetings_per_day', 'calls_per_day', 'days_kept'], 'there are no scores')
    """
    basis = Basis.of(today, horizon_days)
    found = _measure(basis)
    return Progress(
        date=today.date,
        window_days=basis.config.progress.window_days,
        horizon_days=horizon_days,
        measures=_table(basis, found),
        series=build_series(basis),
        not_told={name: why for name in MEASURES if not isinstance(why := found[name], MeasuredUnits)},
        notes=_notes(basis, found),
    )


def _measure(basis: Basis) -> Found:
    return {
        **adherence.measure_adherence(basis),
        **care.measure_vips(basis),
        **care.measure_losses(basis),
        **growth.measure_breadth(basis),
        **growth.measure_seen(basis),
        **growth.measure_converted(basis),
        **growth.measure_referrals(basis),
        **leaving.measure_churn(basis),
        **leaving.measure_predicted(basis),
        **leaving.measure_hold_out(basis),
        **leaving.measure_contacted(basis),
        **leaving.measure_offers(basis),
    }


def _table(basis: Basis, found: Found) -> pd.DataFrame:
    told = [(name, one) for name in MEASURES if isinstance(one := found[name], MeasuredUnits)]
    parts = [_rows(basis, name, one) for name, one in told]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    # Stable: within a unit measures keep their order.
    order = np.argsort(np.tile(np.arange(len(basis.units)), len(parts)), kind="stable")
    return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)[list(COLUMNS)]


def _rows(basis: Basis, name: str, one: MeasuredUnits) -> pd.DataFrame:
    numbers = one.interval._asdict()
    target = np.broadcast_to(np.asarray(one.target, dtype=np.float64), len(basis.units))
    return basis.units.assign(measure=name, **numbers, n=np.asarray(one.n, dtype=np.int64), target=target)


def _notes(basis: Basis, found: Found) -> tuple[Message, ...]:
    notes = list(NOTES)
    start = leaving.outcomes_at(basis)
    if isinstance(start, int):
        begin, end = to_date(start), to_date(start + basis.horizon_days)
        notes.append(
            message(
                "Churn counts the customers of {begin} who left before {end}, {days} days later",
                begin=begin,
                end=end,
                days=basis.horizon_days,
            )
        )
    if isinstance(found["potential_vips_converted"], MeasuredUnits):
        notes.append(growth.note_converted(basis))
    return (*notes, *leaving.note_silent(basis))


_NUMBERS = {"n": "Int64", **dict.fromkeys(("value", "low", "high", "target"), "float64")}
TABLE_COLUMNS = {
    name: _NUMBERS.get(name, "str")
    for name in (
        "date", "level", "unit", "branch_id", "measure", "title_en", "title_zh", "value", "low", "high", "value_in_en",
        "value_in_zh", "n", "n_of_en", "n_of_zh", "target", "not_told_en", "not_told_zh",
    )
}  # fmt: skip
"""Every column with its dtype, in order; docs/progress.md says what each holds."""


def progress_table(progress: Progress) -> pd.DataFrame:
    """Give every measure with what it is called and counted in, in both languages, or why it cannot be told.

    Returns
    -------
    DataFrame
        `TABLE_COLUMNS`. The bank first, with a row for every measure, in the order of `MEASURES`: one that cannot be
        told has no numbers and says why in `not_told_en` and `not_told_zh`. Then a row per measure that can, for each
        branch and then each manager. `date` is the date as YYYY-MM-DD.

    Examples
    --------
    >>> import datetime as dt
    >>> measured = pd.DataFrame([["bank", None, None, "days_kept", 0.5, 0.4, 0.6, 90, 1.0]], columns=[
    ...     "level", "unit", "branch_id", "measure", "value", "low", "high", "n", "target"])
    >>> why = {"referrals": message("there is no {table} table", table="referrals")}
    >>> known = {"date": dt.date(2026, 1, 5), "window_days": 30, "horizon_days": 365, "measures": measured}
    >>> rows = progress_table(Progress(**known, series=pd.DataFrame(), not_told=why, notes=())).set_index("measure")
    >>> rows.loc[["days_kept", "referrals"], ["title_en", "value", "not_told_en"]].values.tolist()
    [['Days on target', 0.5, nan], \
['Referred customers per 1,000 customers per year', nan, 'there is no referrals table']]
    """
    is_bank = progress.measures["level"] == "bank"
    bank = progress.measures[is_bank].set_index("measure").reindex(list(MEASURES)).reset_index()
    rows = pd.concat([bank.assign(level="bank"), progress.measures[~is_bank]], ignore_index=True)
    columns = {
        "title": {name: one.title for name, one in MEASURES.items()},
        "value_in": {name: one.unit for name, one in MEASURES.items()},
        "n_of": {name: one.counted for name, one in MEASURES.items()},
        "not_told": progress.not_told,
    }
    for column, said in columns.items():
        words = sheets.word_columns({column: said.values()})
        rows = rows.assign(
            **{name: rows["measure"].map(dict(zip(said, texts, strict=True))) for name, texts in words.items()}
        )
    return rows.assign(date=progress.date.isoformat())[list(TABLE_COLUMNS)].astype(TABLE_COLUMNS)
