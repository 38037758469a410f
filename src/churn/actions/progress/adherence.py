"""Whether managers keep the practice's day: so many meetings, so many calls."""

from collections.abc import Callable
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.actions.managers import daily_targets, is_working_day
from churn.actions.progress.units import Basis, Found, MeasuredUnits, position, unit_groups
from churn.estimates import Floats, Interval, Whole, by_group, clustered_mean, clustered_share
from churn.features.expressions import count
from churn.frame import to_pandas
from churn.speech import Message, message
from churn.tables.contract import to_date, to_days

MEASURES = ("meetings_per_day", "calls_per_day", "days_kept")


class Days(NamedTuple):
    """Contacts of managers, day by day; a row per manager of `Basis.managers`, a column per day from the first on.

    Attributes
    ----------
    meetings, calls
        How many; shapes (managers, days).
    works
        Whether the manager works on the day.
    """

    meetings: Whole
    calls: Whole
    works: NDArray[np.bool_]


def measure_adherence(basis: Basis) -> Found:
    """Measure meetings and calls per manager per working day in the last days, and the share of days on target.

    Every manager counts for every day worked, with or without a contact; days behind the end of the data count for
    nobody. What is enough is the plan's, by manager.
    """
    first, last = basis.day - basis.config.progress.window_days, min(basis.day, basis.today.end + 1)
    if lack := lacks_contacts(basis, first, last):
        return dict.fromkeys(MEASURES, lack)
    days = count_days(basis, first, last)
    own = [daily_targets(name, basis.config.plan) for name in basis.today.managers["manager_id"]]
    meetings, calls = np.array(own, dtype=np.int64).T
    kept = (days.meetings >= meetings[:, None]) & (days.calls >= calls[:, None]) & days.works
    worked = days.works.sum(axis=1)
    n = sum_managers(basis, worked).astype(np.int64)
    n_kept = kept.sum(axis=1)
    value, low, high = _each(basis, lambda group, size: np.stack(clustered_share(worked, n_kept, group, size)))
    return {
        "meetings_per_day": MeasuredUnits(_mean(basis, days.meetings, worked), n, _target(basis, meetings, worked)),
        "calls_per_day": MeasuredUnits(_mean(basis, days.calls, worked), n, _target(basis, calls, worked)),
        "days_kept": MeasuredUnits(Interval(value, low, high), n, 1.0),
    }


def lacks_contacts(basis: Basis, first: int, last: int) -> Message | None:
    """Say why managers' contacts from a day on and before another are not known; None where they are."""
    if basis.today.managers.empty:
        nobody = message("customers.manager_id names no manager of a current customer")
        return basis.lacks("customers.manager_id") or nobody
    return basis.lacks_rows("contacts", "contacted_on", first, last)


def count_days(basis: Basis, first: int, last: int) -> Days:
    """Count each manager's contacts from a day on and before another; a message is neither meeting nor call.

    What is done on a day off, or by nobody of today's managers, is not counted.
    """
    shape = len(basis.today.managers), max(last - first, 0)
    at = (nw.col("contacted_on") >= first) & (nw.col("contacted_on") < last)
    spoken = basis.tables["contacts"].filter(at & nw.col("channel").is_in(["call", "meeting"]))
    kinds = [count(nw.col("channel") == nw.lit(kind), f"n_{kind}") for kind in ("meeting", "call")]
    rows = to_pandas(spoken.group_by("manager_id", "contacted_on").agg(*kinds))
    manager = position(basis, "manager", rows["manager_id"])
    rows, manager = rows[manager >= 0], manager[manager >= 0]
    works = _works(basis, first, shape)
    counts = np.zeros((2, *shape), dtype=np.int64)
    counts[:, manager, rows["contacted_on"].to_numpy() - first] = rows[["n_meeting", "n_call"]].to_numpy().T
    return Days(counts[0] * works, counts[1] * works, works)


def sum_managers(basis: Basis, numbers: Whole) -> Floats:
    """Add up a number of each manager, of the bank, the branches and each manager, in the order of units."""
    return _each(basis, lambda group, size: by_group(numbers, group, size))


def _works(basis: Basis, first: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    plan = basis.config.plan
    open_on = [is_working_day(to_date(first + ahead), plan) for ahead in range(shape[1])]
    works = np.tile(np.array(open_on, dtype=bool), (shape[0], 1))
    names = pd.Index(basis.today.managers["manager_id"])
    for name, own in plan.managers.items():
        away = np.array([to_days(date) - first for date in own.away], dtype=np.int64)
        works[names == name, away[(away >= 0) & (away < shape[1])][:, None]] = False
    return works


def _mean(basis: Basis, counts: Whole, worked: Whole) -> Interval:
    total, squares = counts.sum(axis=1), (counts**2).sum(axis=1)
    columns = _each(basis, lambda group, size: np.stack(clustered_mean(worked, total, squares, group, size)))
    # Nobody makes less than no contact.
    return Interval(columns[0], np.maximum(columns[1], 0.0), columns[2])


def _target(basis: Basis, target: Whole, worked: Whole) -> Floats:
    """Return what a mean day of a unit's managers is to have; NaN where nobody worked."""
    return _each(basis, lambda group, size: clustered_mean(worked, worked * target, worked, group, size).value)


def _each(basis: Basis, of: Callable[[Whole, int], Floats]) -> Floats:
    """Apply a calculation on groups of managers to the bank, the branches and each manager, in the order of units."""
    return np.concatenate([of(group, size) for group, size in unit_groups(basis, basis.today.managers)], axis=-1)
