"""What parameters are tried on, and what is kept apart to say afterwards whether tuning helped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churn.errors import TimeRangeError
from churn.evaluation.backtest import FLAT_FOLDS, N_JUDGED
from churn.frame import Snapshot
from churn.model.folds import stratified_folds
from churn.model.split import Split, date_of, in_order, outcomes, require_enough, rolling_splits, stack

KEPT_APART = 5
"""Of a flat file, which has no later date, one row in so many is kept apart."""


@dataclass(frozen=True)
class Plan:
    """Splits to try parameters on, and the one that judges them in the end.

    Attributes
    ----------
    splits
        Each trial is the mean loss over these; at least one.
    names
        What each holds out: the date of its snapshot, or the number of its fold.
    final
        Holds out rows that are in none of `splits`, neither to learn from nor to judge by.
    out_of_time
        Whether all of them hold out a later date; false of a flat file.
    """

    splits: Sequence[Split]
    names: Sequence[str]
    final: Split
    out_of_time: bool


def plan_snapshots(snapshots: Sequence[Snapshot], days_apart: int) -> Plan:
    """Keep the last snapshot apart; hold out the last four of the others in turn, each after what it is learnt from.

    Parameters
    ----------
    snapshots
        With outcomes, each date once, in any order.
    days_apart
        Horizon plus embargo, in days.

    Raises
    ------
    TimeRangeError
        A snapshot without a date, two of one date, or no two so far apart before the last one.
    DataError
        No snapshot, too few rows or outcomes to learn from, or only one outcome among those held out.

    Examples
    --------
    >>> import datetime as dt
    >>> import pandas as pd
    >>> def snapshot(day):
    ...     ids, y = np.arange(100).astype(str).astype(object), np.arange(100) % 2
    ...     return Snapshot(dt.date(2024, 1, day), ids, pd.DataFrame({"age": np.arange(100)}), y, None)
    >>> plan = plan_snapshots([snapshot(day) for day in (1, 11, 21, 31)], days_apart=10)
    >>> list(plan.names), plan.final.held_out.as_of.day
    (['2024-01-11', '2024-01-21'], 31)
    """
    *earlier, last = in_order(snapshots)
    try:
        splits = rolling_splits(earlier, days_apart, N_JUDGED) if earlier else []
    except TimeRangeError:
        splits = []
    if not splits:
        raise TimeRangeError(
            f"tuning: before the last snapshot ({last.as_of}), which is kept apart, no two lie {days_apart} days apart;"
            " give a longer history, or a shorter --horizon"
        )
    require_enough(splits[0].development.churned)
    [final] = rolling_splits([*earlier, last], days_apart, 1)
    return Plan(splits, [str(date_of(split.held_out)) for split in splits], final, out_of_time=True)


def plan_flat(snapshot: Snapshot, seed: int = 0) -> Plan:
    """Keep a fifth of a flat file's rows apart, and hold out each of five folds of the others in turn.

    There is no time in a flat file: rows are drawn, with about equal shares of those who left, and a later year may
    be less like them than they are like each other.

    Parameters
    ----------
    snapshot
        With outcomes; its date is not used.
    seed
        Same seed and rows, same plan.

    Raises
    ------
    DataError
        No outcomes, or fewer than 50 rows or 10 of an outcome in what four of the folds hold.

    Examples
    --------
    >>> import pandas as pd
    >>> ids, y = np.arange(100).astype(str).astype(object), np.arange(100) % 2
    >>> plan = plan_flat(Snapshot(None, ids, pd.DataFrame({"age": np.arange(100)}), y, None))
    >>> len(plan.final.held_out.customer_id), [len(split.held_out.customer_id) for split in plan.splits]
    (20, [16, 16, 16, 16, 16])
    """
    require_enough(outcomes(snapshot))
    apart = stratified_folds(outcomes(snapshot), KEPT_APART, seed) == 0
    final = _hold_out(snapshot, apart)
    others = snapshot.take(~apart)
    folds = stratified_folds(outcomes(others), FLAT_FOLDS, seed)
    splits = [_hold_out(others, folds == fold) for fold in range(FLAT_FOLDS)]
    require_enough(splits[0].development.churned)
    return Plan(splits, [f"fold {fold + 1}" for fold in range(FLAT_FOLDS)], final, out_of_time=False)


def _hold_out(snapshot: Snapshot, rows: NDArray[np.bool_]) -> Split:
    return Split(stack([snapshot.take(~rows)]), snapshot.take(rows), out_of_time=False)
