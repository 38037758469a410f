"""Month by month over the last year: what customers hold, and what managers do."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from churn.actions.progress import adherence, growth
from churn.actions.progress.units import Basis, numbers, sum_by_unit
from churn.estimates import Floats, Whole
from churn.tables.contract import to_date
from churn.timeline import month_end_before, month_ends_before

MONTHS = 12
COLUMNS = ("level", "unit", "measure", "date", "value")
CONTACTS = ("meetings_per_day", "calls_per_day")


def build_series(basis: Basis) -> pd.DataFrame:
    """Return each month's value for the bank and its branches, for the months that lie wholly in the data.

    Products and bindings are those at the end of the month's last day, `date`, of who was a customer then; meetings and
    calls are those of the whole month, a manager of today and working day.
    """
    rows = pd.concat([pd.DataFrame(columns=list(COLUMNS), dtype=object), *_parts(basis)], ignore_index=True)
    return rows.astype({"level": "str", "measure": "str", "value": "float64"})


def _parts(basis: Basis) -> Iterator[pd.DataFrame]:
    begin, last = basis.today.begin, basis.today.end
    all_ends = reversed(month_ends_before(basis.day, MONTHS))
    ends = [end for end in all_ends if begin <= month_end_before(end) + 1 and end <= last]
    for name in growth.HELD:
        if name == "bindings_per_customer" and basis.lacks("bindings"):
            continue
        for end in ends:
            sums = sum_by_unit(basis, growth.held(basis.tables, end + 1, basis.config, name))
            yield _rows(basis, name, end, numbers(sums, "held"), numbers(sums, "n"))
    if ends and not adherence.lacks_contacts(basis, month_end_before(ends[0]) + 1, ends[-1] + 1):
        yield from _contacts(basis, ends)


def _contacts(basis: Basis, ends: list[int]) -> Iterator[pd.DataFrame]:
    first = month_end_before(ends[0]) + 1
    days = adherence.count_days(basis, first, ends[-1] + 1)
    for name, counts in zip(CONTACTS, (days.meetings, days.calls), strict=True):
        for end in ends:
            month = slice(month_end_before(end) + 1 - first, end + 1 - first)
            yield _rows(basis, name, end, *_of_month(basis, counts, days, month))


def _of_month(basis: Basis, counts: Whole, days: adherence.Days, month: slice) -> tuple[Floats, Floats]:
    """Contacts and days worked in a month, of every unit."""
    made, worked = counts[:, month].sum(axis=1), days.works[:, month].sum(axis=1)
    return adherence.sum_managers(basis, made), adherence.sum_managers(basis, worked)


def _rows(basis: Basis, name: str, end: int, total: Floats, n: Floats) -> pd.DataFrame:
    shown = basis.units[basis.units["level"] != "manager"]
    value = total[: len(shown)] / np.where(n > 0, n, np.nan)[: len(shown)]
    return shown[["level", "unit"]].assign(measure=name, date=to_date(end), value=value)
