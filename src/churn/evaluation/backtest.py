"""Backtest: every recipe makes a model of the records up to a date, and is judged by what came after it."""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn import data, errors, frame
from churn.evaluation.leaks import Leak, find_leaks
from churn.model.development import develop
from churn.model.recipe import Recipe, prepare
from churn.model.split import N_JUDGED, outcomes

OnLeak = Callable[[Leak], None]


@dataclass(frozen=True, eq=False)
class Judged:
    """The rows of one or several judged snapshots: one row per customer and snapshot, so each pair once.

    Attributes
    ----------
    as_of
        Date of the row's snapshot, datetime64[D], shape (n,); all NaT for a flat file, which is one snapshot.
    customer_id
        Strings, shape (n,).
    churned
        1 where the customer left within the horizon, else 0, int64, shape (n,).
    predicted
        Calibrated probabilities in [0, 1] by the model's name, each float64 of shape (n,); at least one model.
    segments
        A column a segmentation, n rows in the same order; strings, None where not known. Its index means nothing.

    Raises
    ------
    DataError
        No row or no model, unequal lengths, some dates known and others not, a customer twice in a snapshot, an
        outcome that is not 0 or 1, or a probability outside [0, 1].

    Examples
    --------
    >>> judged = Judged(
    ...     as_of=np.array(["2024-01-01", "2024-01-01", "2024-07-01"], dtype="datetime64[D]"),
    ...     customer_id=np.array(["A", "B", "A"], dtype=object),
    ...     churned=np.array([0, 1, 1]),
    ...     predicted={"champion": np.array([0.2, 0.6, 0.5])},
    ...     segments=pd.DataFrame({"tier": ["vip", None, "vip"]}),
    ... )
    >>> judged.models, judged.customers.tolist()
    (('champion',), [0, 1, 0])
    >>> [(str(as_of), rows.tolist()) for as_of, rows in judged.snapshots().items()]
    [('2024-01-01', [True, True, False]), ('2024-07-01', [False, False, True])]
    """

    as_of: NDArray[np.datetime64]
    customer_id: NDArray[np.object_]
    churned: NDArray[np.int64]
    predicted: Mapping[str, NDArray[np.float64]]
    segments: pd.DataFrame

    def __post_init__(self) -> None:
        _require_equal_lengths(self)
        _require_one_row_a_customer(self)
        if n_wrong := int(np.sum((self.churned != 0) & (self.churned != 1))):
            raise errors.DataError(f"judged.churned: {n_wrong} outcomes are neither 0 nor 1; give the labels")
        for model, predicted in self.predicted.items():
            if n_wrong := int(np.sum(~((predicted >= 0) & (predicted <= 1)))):
                raise errors.DataError(
                    f"judged.predicted of {model}: {n_wrong} predictions are not in [0, 1]; give probabilities"
                )

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order in which they were given."""
        return tuple(self.predicted)

    @cached_property
    def customers(self) -> NDArray[np.int64]:
        """Whose row it is, shape (n,): customers numbered from 0 in the order in which they first appear."""
        return np.asarray(pd.factorize(self.customer_id)[0], dtype=np.int64)

    def snapshots(self) -> dict[dt.date | None, NDArray[np.bool_]]:
        """Which rows, shape (n,), belong to each date, in the order of time; the one key of a flat file is None."""
        if np.isnat(self.as_of[0]):
            return {None: np.ones(len(self.as_of), dtype=np.bool_)}
        return {as_of.item(): self.as_of == as_of for as_of in np.unique(self.as_of)}


class Backtest(NamedTuple):
    """The recipes' predictions of the judged snapshots.

    Attributes
    ----------
    recipes
        By the name each is reported under.
    judged
        Outcomes and probabilities.
    seconds
        Spent on each recipe, by its name.
    leaks
        Features that know too much, by what the last judged snapshot shows.
    """

    recipes: Mapping[str, Recipe]
    judged: Judged
    seconds: Mapping[str, float]
    leaks: Sequence[Leak] = ()


def backtest(
    snapshots: data.Snapshots,
    recipes: Mapping[str, Recipe],
    *,
    n_judged: int = N_JUDGED,
    seed: int = 0,
    on_step: data.OnStep = data.say_nothing,
    on_leak: OnLeak = lambda _: None,
) -> Backtest:
    """Judge recipes on the last snapshots, each by models of outcomes that were complete at its date.

    At a judged snapshot T a recipe learns from the snapshots S with S + horizon_days + embargo_days <= T, chooses
    rounds and calibration on them, and predicts T. No model sees anything of T or of what was not yet known at T; only
    parameters that were tuned on T (`Recipe.tuned_on`) were chosen by it. A flat file, which has no time, is judged by
    the same stratified folds for all, with calibration cross-fitted.

    Parameters
    ----------
    snapshots
        Their configuration names the services where a recipe is monotone.
    recipes
        By the name under which each is reported.
    n_judged
        Snapshots to judge at most, the latest.
    seed
        Of the folds, where folds judge.
    on_step
        Told what begins next.
    on_leak
        Told, before anything is fitted, of each feature that knows too much.

    Raises
    ------
    TimeRangeError
        Among dated snapshots one without a date, two of one date, or none that lies a horizon after another.
    DataError, ModelError, ConfigError
        As for `churn.training.train`.
    """
    judging = snapshots.judging
    ordered = judging.order(snapshots.dated)
    splits = judging.rolling(ordered, n_judged, seed)
    on_step("looking for leaks")
    leaks = find_leaks(splits[-1].development, splits[-1].unseen, snapshots.catalogue)
    for leak in leaks:
        on_leak(leak)
    predicted, seconds = {}, {}
    for name, recipe in recipes.items():
        begun = time.perf_counter()
        kept, prepared, _ = prepare(ordered, recipe, snapshots.catalogue)
        parts = []
        for split in judging.rolling(kept, n_judged, seed):
            on_step(f"{name}: {split.held_out.as_of}" if split.held_out.as_of else name)
            parts.append(develop(split, prepared).probability)
        predicted[name] = np.concatenate(parts)
        seconds[name] = time.perf_counter() - begun
    return Backtest(dict(recipes), judge_snapshots([split.held_out for split in splits], predicted), seconds, leaks)


def judge_snapshots(snapshots: Sequence[frame.Snapshot], predicted: Mapping[str, NDArray[np.float64]]) -> Judged:
    """Put what models predicted beside the outcomes.

    Parameters
    ----------
    snapshots
        With outcomes, n rows together.
    predicted
        Probabilities by the model's name, each of shape (n,), snapshot after snapshot.
    """
    return Judged(
        as_of=np.concatenate(list(_dates(snapshots))),
        customer_id=np.concatenate([snapshot.customer_id for snapshot in snapshots]),
        churned=np.concatenate([outcomes(snapshot) for snapshot in snapshots]),
        predicted=predicted,
        segments=pd.concat([_segments(snapshot) for snapshot in snapshots], ignore_index=True),
    )


def _dates(snapshots: Sequence[frame.Snapshot]) -> Iterator[NDArray[np.datetime64]]:
    for snapshot in snapshots:
        date = np.datetime64("NaT" if snapshot.as_of is None else snapshot.as_of.isoformat(), "D")
        yield np.full(len(snapshot.customer_id), date)


def _segments(snapshot: frame.Snapshot) -> pd.DataFrame:
    if snapshot.segments is None:
        return pd.DataFrame(index=range(len(snapshot.customer_id)))
    return snapshot.segments


def _require_equal_lengths(judged: Judged) -> None:
    lengths = {
        "as_of": len(judged.as_of),
        "customer_id": len(judged.customer_id),
        "churned": len(judged.churned),
        **{f"predicted of {model}": len(predicted) for model, predicted in judged.predicted.items()},
        "segments": len(judged.segments),
    }
    if not judged.predicted or not len(judged.as_of):
        raise errors.DataError(
            f"judged: {len(judged.as_of)} rows of {len(judged.predicted)} models; give at least one of both"
        )
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise errors.DataError(f"judged: columns have unequal lengths ({found}); give one value per row")


def _require_one_row_a_customer(judged: Judged) -> None:
    undated = np.isnat(judged.as_of)
    if 0 < (n_undated := int(undated.sum())) < len(undated):
        raise errors.DataError(
            f"judged.as_of: {n_undated} of {len(undated)} rows have no date; give it to all or to none"
        )
    keys = pd.DataFrame({"as_of": judged.as_of, "customer_id": judged.customer_id})
    if n_twice := int(keys.duplicated().sum()):
        raise errors.DataError(f"judged.customer_id: {n_twice} rows repeat a customer and date; give each once")
