"""Rows to learn from and rows that judge: a later date where history allows, other customers or folds where not."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churn.errors import DataError, TimeRangeError
from churn.frame import Snapshot

MIN_ROWS = 50
MIN_OF_A_CLASS = 10
HOLD_OUT_OF = 4
"""Where no earlier label was complete in time, one customer in this many is held out by hash."""
N_JUDGED = 4
"""Snapshots that judge recipes against each other, or parameters that are tried."""
KEPT_APART = 5
"""Of rows without time, one in so many is kept apart from tuning."""


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
        Strings, shape (n,), each once per snapshot.
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
        The rows that judge.
    out_of_time
        Whether every development label was complete at the held-out date.
    folds
        Where the rows judge each other, being those held out and those learnt from at once: the fold of each, shape
        (n,), which is judged by the others. None where those that judge are not learnt from.
    """

    development: Rows
    held_out: Snapshot
    out_of_time: bool
    folds: NDArray[np.int64] | None = None

    @property
    def unseen(self) -> Snapshot | None:
        """The rows held out, where they are none of those learnt from."""
        return self.held_out if self.folds is None else None


class KeptApart(NamedTuple):
    """Rows to try parameters on, and rows kept apart to check afterwards whether tuning helped.

    Attributes
    ----------
    splits
        Each trial is the mean loss over these; at least one.
    names
        The part each holds out: the date of its snapshot, or the number of its fold.
    final
        Holds out rows that are in none of `splits`, neither to learn from nor to judge by.
    """

    splits: Sequence[Split]
    names: Sequence[str]
    final: Split


class Steps(NamedTuple):
    """Progress texts while a model is made; empty for what is not a step of its own."""

    develop: str
    judge: str
    refit: str


@dataclass(frozen=True)
class OutOfTime:
    """Judging at later dates: snapshot T judges models of those snapshots S whose labels were complete at T.

    Attributes
    ----------
    horizon_days, embargo_days
        S is learnt from where S + horizon_days + embargo_days <= T.
    """

    horizon_days: int
    embargo_days: int = 0
    steps: ClassVar[Steps] = Steps(
        "choosing rounds and calibration", "judging on the held-out snapshot", "refitting on all snapshots"
    )

    @property
    def days_apart(self) -> int:
        """Horizon plus embargo."""
        return self.horizon_days + self.embargo_days

    def order(self, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        """Sort snapshots by date.

        Raises
        ------
        DataError
            No snapshot.
        TimeRangeError
            A snapshot without a date, or two of one date.

        Examples
        --------
        >>> OutOfTime(365).order([])
        Traceback (most recent call last):
        churn.errors.DataError: training: no snapshot; give as-of dates whose outcomes are complete
        """
        if not snapshots:
            raise DataError("training: no snapshot; give as-of dates whose outcomes are complete")
        ordered = sorted(snapshots, key=date_of)
        if len({date_of(snapshot) for snapshot in ordered}) < len(ordered):
            raise TimeRangeError("training: two snapshots of one date; give each date once")
        return ordered

    def split(self, snapshots: Sequence[Snapshot], seed: int = 0) -> Split:
        """Hold out the last snapshot T; learn from those that were complete at it.

        Where there is none, the earlier snapshots serve, or T itself where it is alone: a quarter of the customers,
        by a hash of their id, judge, and the others are learnt from.

        Parameters
        ----------
        snapshots
            Each date once, in any order.
        seed
            Not used: nothing is drawn.

        Raises
        ------
        DataError
            Only one outcome among those learnt from, or among those held out.

        Examples
        --------
        >>> def snapshot(day):
        ...     ids, y = np.array(["C1", "C2"], dtype=object), np.array([0, 1])
        ...     return Snapshot(dt.date(2024, 1, day), ids, pd.DataFrame({"age": [30, 41]}), y, None)
        >>> split = OutOfTime(30).split([snapshot(1), snapshot(2), snapshot(31)])
        >>> len(split.development.churned), split.out_of_time
        (2, True)
        """
        del seed
        split = self._hold_out_last(self.order(snapshots))
        _require_both(outcomes(split.held_out), f"the held-out rows of {split.held_out.as_of}")
        return split

    def rolling(self, snapshots: Sequence[Snapshot], n_judged: int = N_JUDGED, seed: int = 0) -> list[Split]:
        """Hold out each of the last snapshots in turn; learn from those whose labels were complete at its date.

        Parameters
        ----------
        snapshots
            Each date once, in any order.
        n_judged
            Held-out snapshots at most, at least 1.
        seed
            Not used: nothing is drawn.

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
        >>> splits = OutOfTime(15).rolling([snapshot(1), snapshot(16), snapshot(31)])
        >>> [(split.held_out.as_of.day, len(split.development.churned)) for split in splits]
        [(16, 2), (31, 4)]
        """
        del seed
        ordered = self.order(snapshots)
        judged = self._judged(ordered)[-n_judged:]
        if not judged:
            raise TimeRangeError(
                f"no snapshot lies {self.days_apart} days after another, so that none can be judged out of time; give a"
                " longer history, or a shorter --horizon"
            )
        return [self._hold_out_last(ordered[: at + 1]) for at in judged]

    def keep_apart(self, snapshots: Sequence[Snapshot], seed: int = 0) -> KeptApart:
        """Keep the last snapshot apart; hold out the last four of the others in turn, as `rolling` does.

        Parameters
        ----------
        snapshots, seed
            As for `rolling`.

        Raises
        ------
        TimeRangeError
            No two lie so far apart before the last one.
        DataError
            No snapshot, too few rows or outcomes to learn from, or only one outcome among those held out.

        Examples
        --------
        >>> def snapshot(day):
        ...     ids, y = np.arange(100).astype(str).astype(object), np.arange(100) % 2
        ...     return Snapshot(dt.date(2024, 1, day), ids, pd.DataFrame({"age": np.arange(100)}), y, None)
        >>> apart = OutOfTime(10).keep_apart([snapshot(day) for day in (1, 11, 21, 31)])
        >>> list(apart.names), apart.final.held_out.as_of.day
        (['2024-01-11', '2024-01-21'], 31)
        """
        *earlier, last = self.order(snapshots)
        if not earlier or not self._judged(earlier):
            raise TimeRangeError(
                f"tuning: before the last snapshot ({last.as_of}), which is kept apart, no two lie {self.days_apart}"
                " days apart; give a longer history, or a shorter --horizon"
            )
        splits = self.rolling(earlier, seed=seed)
        require_enough(splits[0].development.churned)
        [final] = self.rolling([*earlier, last], 1, seed)
        return KeptApart(splits, [str(split.held_out.as_of) for split in splits], final)

    def _judged(self, ordered: Sequence[Snapshot]) -> list[int]:
        """Places of the snapshots that lie far enough after the first."""
        first = date_of(ordered[0]).toordinal()
        return [at for at, one in enumerate(ordered) if date_of(one).toordinal() >= first + self.days_apart]

    def _hold_out_last(self, ordered: Sequence[Snapshot]) -> Split:
        held_out = ordered[-1]
        limit = date_of(held_out).toordinal() - self.days_apart
        complete = [snapshot for snapshot in ordered if date_of(snapshot).toordinal() <= limit]
        split = Split(stack(complete), held_out, out_of_time=True) if complete else _split_customers(ordered)
        _require_both(split.development.churned, "the rows to learn from")
        return split


@dataclass(frozen=True)
class Folds:
    """Judging by folds of rows that have no time: each is judged by models of the others.

    Rows are drawn, with about equal shares of those who left, and a later year may be less like them than they are
    like each other.

    Attributes
    ----------
    n
        How many.
    """

    n: int = 5

    @property
    def steps(self) -> Steps:
        """Progress texts while a model is made."""
        how = "five" if self.n == 5 else str(self.n)
        return Steps(f"choosing rounds and calibration, and judging, by {how} folds", "", "refitting on all rows")

    def order(self, snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        """Give the one snapshot there is.

        Raises
        ------
        DataError
            There is none, or there are several.
        """
        if len(snapshots) != 1:
            raise DataError(f"training: folds judge one snapshot, not {len(snapshots)}; give one")
        return list(snapshots)

    def split(self, snapshots: Sequence[Snapshot], seed: int = 0) -> Split:
        """Let all rows judge each other.

        Parameters
        ----------
        snapshots
            One, whose date is not used.
        seed
            Same seed and rows, same folds.

        Raises
        ------
        DataError
            No outcomes.
        """
        [snapshot] = self.order(snapshots)
        return Split(
            stack([snapshot]), snapshot, out_of_time=False, folds=stratified_folds(outcomes(snapshot), self.n, seed)
        )

    def rolling(self, snapshots: Sequence[Snapshot], n_judged: int = N_JUDGED, seed: int = 0) -> list[Split]:
        """Give the one `split` there is: rows without time judge once."""
        del n_judged
        return [self.split(snapshots, seed)]

    def keep_apart(self, snapshots: Sequence[Snapshot], seed: int = 0) -> KeptApart:
        """Keep a fifth of the rows apart, and hold out each fold of the others in turn.

        Raises
        ------
        DataError
            No outcomes, or fewer than 50 rows or 10 of an outcome in what all but one of the folds hold.

        Examples
        --------
        >>> ids, y = np.arange(100).astype(str).astype(object), np.arange(100) % 2
        >>> apart = Folds().keep_apart([Snapshot(None, ids, pd.DataFrame({"age": np.arange(100)}), y, None)])
        >>> len(apart.final.held_out.customer_id), [len(split.held_out.customer_id) for split in apart.splits]
        (20, [16, 16, 16, 16, 16])
        """
        [snapshot] = self.order(snapshots)
        require_enough(outcomes(snapshot))
        apart = stratified_folds(outcomes(snapshot), KEPT_APART, seed) == 0
        others = snapshot.take(~apart)
        folds = stratified_folds(outcomes(others), self.n, seed)
        splits = [_hold_out(others, folds == fold) for fold in range(self.n)]
        require_enough(splits[0].development.churned)
        return KeptApart(splits, [f"fold {fold + 1}" for fold in range(self.n)], _hold_out(snapshot, apart))


Judging = OutOfTime | Folds
"""How models are judged: a value of the snapshots they are made of."""


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


def customer_folds(customer_id: Iterable[object], n_folds: int, salt: str) -> NDArray[np.int64]:
    """Put each customer in one of `n_folds` folds, the same one wherever the customer appears.

    The fold is BLAKE2b of salt and id modulo `n_folds`: it depends on nothing but these, so that a customer
    who is in several snapshots is never on both sides of a split. Different salts give unrelated folds.

    Parameters
    ----------
    customer_id
        Ids, n of them, repeated where a customer has several rows; compared by their text.
    n_folds
        At least 1.
    salt
        Names the split.

    Returns
    -------
    NDArray[np.int64]
        Fold of each row in [0, n_folds), shape (n,).

    Examples
    --------
    >>> customer_folds(["C1", "C2", "C3", "C1"], 3, "example")
    array([1, 0, 2, 1])
    """
    prefix = hashlib.blake2b(f"{salt}\0".encode(), digest_size=8)
    folds = (_hash_after(prefix, str(one)) % n_folds for one in customer_id)
    return np.fromiter(folds, dtype=np.int64)


def stratified_folds(y: ArrayLike, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Put each row in one of `n_folds` folds with about equal shares of each class, seeded.

    Parameters
    ----------
    y
        Classes, shape (n,); each has at least `n_folds` rows.
    n_folds
        At least 2.
    seed
        Same seed, same folds.

    Returns
    -------
    NDArray[np.int64]
        Fold of each row in [0, n_folds), shape (n,).

    Examples
    --------
    >>> folds = stratified_folds([0, 0, 0, 0, 1, 1], 2, seed=0)
    >>> sorted(folds[4:].tolist())
    [0, 1]
    """
    classes = np.asarray(y)
    fold = np.empty(len(classes), dtype=np.int64)
    from sklearn.model_selection import StratifiedKFold

    split = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(classes[:, None], classes)
    for number, (_, members) in enumerate(split):
        fold[members] = number
    return fold


def _split_customers(snapshots: Sequence[Snapshot]) -> Split:
    held_out = snapshots[-1]
    earlier = snapshots[:-1] or [held_out]
    kept = [snapshot.take(~_is_held_out(snapshot)) for snapshot in earlier]
    return Split(stack(kept), held_out.take(_is_held_out(held_out)), out_of_time=False)


def _hold_out(snapshot: Snapshot, rows: NDArray[np.bool_]) -> Split:
    return Split(stack([snapshot.take(~rows)]), snapshot.take(rows), out_of_time=False)


def _is_held_out(snapshot: Snapshot) -> NDArray[np.bool_]:
    return np.asarray(customer_folds(snapshot.customer_id, HOLD_OUT_OF, "held out") == 0)


def _require_both(churned: NDArray[np.int64], which: str) -> None:
    n_churned = int(churned.sum())
    if n_churned in (0, len(churned)):
        raise DataError(
            f"training: {n_churned} of {len(churned)} customers churned among {which}; both outcomes are needed there; "
            "give more customers or other as-of dates"
        )


def _hash_after(prefix: "hashlib.blake2b", text: str) -> int:
    digest = prefix.copy()
    digest.update(text.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest(), "big")
