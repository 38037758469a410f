"""Who a model learns from and who judges it: a later date where history allows, other customers where not."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.errors import DataError, TimeRangeError
from churn.frame import Snapshot
from churn.model.folds import customer_folds

MIN_ROWS = 50
MIN_OF_A_CLASS = 10
HOLD_OUT_OF = 4
"""Where no earlier label was complete in time, one customer in this many is held out by hash."""


@dataclass(frozen=True)
class Rows:
    """Rows of several snapshots, one below the other.

    Attributes
    ----------
    features
        Shape (n, number of features).
    churned
        0 or 1, shape (n,).
    customer_id
        Strings, shape (n,), each once a snapshot.
    latest
        Marks the rows of the last snapshot, shape (n,).
    """

    features: pd.DataFrame
    churned: NDArray[np.int64]
    customer_id: NDArray[np.object_]
    latest: NDArray[np.bool_]


class Split(NamedTuple):
    """Rows to learn from, and those to be judged by.

    Attributes
    ----------
    development
        Rows to learn from, and to choose rounds and calibration on.
    held_out
        The last snapshot, or those of its customers who are in no development row.
    out_of_time
        Whether every development label was complete at the held-out date.
    """

    development: Rows
    held_out: Snapshot
    out_of_time: bool


def split_snapshots(snapshots: Sequence[Snapshot], days_apart: int, *, needs_both: bool = True) -> Split:
    """Hold out the last snapshot T; learn from those with S + days_apart <= T.

    Where there is none, the earlier snapshots serve, or T itself where it is alone: a quarter of the customers,
    by a hash of their id, judge, and the others are learnt from.

    Parameters
    ----------
    snapshots
        As from `in_order`.
    days_apart
        Horizon plus embargo, in days.
    needs_both
        Whether those held out must hold both outcomes, too.

    Raises
    ------
    DataError
        Only one outcome among those learnt from, or, where both are needed, among those held out.

    Examples
    --------
    >>> def snapshot(day):
    ...     ids, y = np.array(["C1", "C2"], dtype=object), np.array([0, 1])
    ...     return Snapshot(dt.date(2024, 1, day), ids, pd.DataFrame({"age": [30, 41]}), y, None)
    >>> split = split_snapshots([snapshot(1), snapshot(2), snapshot(31)], days_apart=30)
    >>> len(split.development.churned), split.out_of_time
    (2, True)
    """
    held_out = snapshots[-1]
    limit = date_of(held_out).toordinal() - days_apart
    complete = [snapshot for snapshot in snapshots if date_of(snapshot).toordinal() <= limit]
    split = Split(stack(complete), held_out, True) if complete else _split_customers(snapshots)
    _require_both(split.development.churned, "the rows to learn from")
    if needs_both:
        _require_both(outcomes(split.held_out), f"the held-out rows of {date_of(held_out)}")
    return split


def rolling_splits(snapshots: Sequence[Snapshot], days_apart: int, n_judged: int) -> list[Split]:
    """Hold out each of the last snapshots in turn; learn from those whose labels were complete at its date.

    Parameters
    ----------
    snapshots
        As from `in_order`.
    days_apart
        Horizon plus embargo, in days.
    n_judged
        Held-out snapshots at most, at least 1.

    Raises
    ------
    TimeRangeError
        No snapshot has an earlier one that was complete in time.
    DataError
        Only one outcome among those learnt from.

    Examples
    --------
    >>> def snapshot(day):
    ...     ids, y = np.array(["C1", "C2"], dtype=object), np.array([0, 1])
    ...     return Snapshot(dt.date(2024, 1, day), ids, pd.DataFrame({"age": [30, 41]}), y, None)
    >>> splits = rolling_splits([snapshot(1), snapshot(16), snapshot(31)], days_apart=15, n_judged=4)
    >>> [(split.held_out.as_of.day, len(split.development.churned)) for split in splits]
    [(16, 2), (31, 4)]
    """
    first = date_of(snapshots[0]).toordinal()
    judged = [at for at, one in enumerate(snapshots) if date_of(one).toordinal() >= first + days_apart][-n_judged:]
    if not judged:
        raise TimeRangeError(
            f"no snapshot lies {days_apart} days after another, so that none can be judged out of time; give a longer"
            " history, or a shorter --horizon"
        )
    return [split_snapshots(snapshots[: at + 1], days_apart, needs_both=False) for at in judged]


def in_order(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Sort snapshots by date.

    Raises
    ------
    DataError
        No snapshot.
    TimeRangeError
        A snapshot without a date, or two of one date.

    Examples
    --------
    >>> in_order([])
    Traceback (most recent call last):
    churn.errors.DataError: training: no snapshot; give as-of dates whose outcomes are complete
    """
    if not snapshots:
        raise DataError("training: no snapshot; give as-of dates whose outcomes are complete")
    ordered = sorted(snapshots, key=date_of)
    if len({date_of(snapshot) for snapshot in ordered}) < len(ordered):
        raise TimeRangeError("training: two snapshots of one date; give each date once")
    return ordered


def stack(snapshots: Sequence[Snapshot]) -> Rows:
    """Put the rows of snapshots one below the other.

    Raises
    ------
    DataError
        A snapshot without outcomes, or with other features than the first.

    Examples
    --------
    >>> one = Snapshot(None, np.array(["C1"], dtype=object), pd.DataFrame({"age": [30]}), np.array([1]), None)
    >>> stack([one, one]).latest
    array([False,  True])
    """
    names = {tuple(snapshot.features.columns) for snapshot in snapshots}
    if len(names) > 1:
        raise DataError("training: the snapshots differ in their features; build them all from the same tables")
    sizes = [len(snapshot.customer_id) for snapshot in snapshots]
    return Rows(
        features=pd.concat([snapshot.features for snapshot in snapshots], ignore_index=True),
        churned=np.concatenate([outcomes(snapshot) for snapshot in snapshots]),
        customer_id=np.concatenate([snapshot.customer_id for snapshot in snapshots]),
        latest=np.repeat([False, True], [sum(sizes[:-1]), sizes[-1]]),
    )


def require_enough(churned: NDArray[np.int64]) -> None:
    """Refuse fewer than `MIN_ROWS` rows or `MIN_OF_A_CLASS` of an outcome.

    Raises
    ------
    DataError
        There are fewer.

    Examples
    --------
    >>> require_enough(np.array([0] * 40 + [1] * 10))
    """
    n_churned = int(churned.sum())
    rarer = min(n_churned, len(churned) - n_churned)
    if len(churned) < MIN_ROWS or rarer < MIN_OF_A_CLASS:
        raise DataError(
            f"training: {len(churned)} rows, {n_churned} of them churned; a model needs at least {MIN_ROWS} rows and "
            f"{MIN_OF_A_CLASS} of each outcome; give more customers or more as-of dates, or check the label"
        )


def date_of(snapshot: Snapshot) -> dt.date:
    """Date of a snapshot that must have one.

    Raises
    ------
    TimeRangeError
        It has none.
    """
    if snapshot.as_of is None:
        raise TimeRangeError("training: a snapshot without a date; train a flat file as such")
    return snapshot.as_of


def outcomes(snapshot: Snapshot) -> NDArray[np.int64]:
    """Outcomes of a snapshot that must have them.

    Raises
    ------
    DataError
        It has none.
    """
    if snapshot.churned is None:
        raise DataError("training: a snapshot without outcomes; give the labels, or an as-of date that has them")
    return snapshot.churned


def _split_customers(snapshots: Sequence[Snapshot]) -> Split:
    held_out = snapshots[-1]
    earlier = snapshots[:-1] or [held_out]
    kept = [snapshot.take(~_is_held_out(snapshot)) for snapshot in earlier]
    return Split(stack(kept), held_out.take(_is_held_out(held_out)), out_of_time=False)


def _is_held_out(snapshot: Snapshot) -> NDArray[np.bool_]:
    return np.asarray(customer_folds(snapshot.customer_id, HOLD_OUT_OF, "held out") == 0)


def _require_both(churned: NDArray[np.int64], which: str) -> None:
    n_churned = int(churned.sum())
    if n_churned in (0, len(churned)):
        raise DataError(
            f"training: {n_churned} of {len(churned)} customers churned among {which}; both outcomes are needed there; "
            "give more customers or other as-of dates"
        )
