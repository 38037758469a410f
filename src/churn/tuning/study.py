"""Trials as they are kept: in a SQLite file, so that a tuning that was stopped goes on where it was."""

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import filelock

from churn.errors import ChurnError, TrackingError
from churn.model.trees import TreeParameters

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

State = Literal["complete", "pruned", "failed"]
LOCK_SECONDS = 5
_FACTS, LOSSES = "churn.facts", "churn.losses"


class Range(NamedTuple):
    """Where a parameter is looked for: both ends belong to it.

    Attributes
    ----------
    low, high
        The ends.
    log
        Whether twice as much counts like half as much; otherwise steps of equal size count alike.
    whole
        Whether it is a whole number.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


SPACE: Mapping[str, Range] = {
    "learning_rate": Range(0.02, 0.2, log=True),
    "num_leaves": Range(4, 64, log=True, whole=True),
    "min_child": Range(5, 300, log=True, whole=True),
    "subsample": Range(0.5, 1.0),
    "colsample": Range(0.3, 1.0),
    "l2": Range(0.1, 100.0, log=True),
}
"""What is tuned. The number of trees is not: early stopping chooses it in every fit. Rates below 0.02 take many times
as long for log losses that no longer differ."""


class Trial(NamedTuple):
    """One set of parameters that was tried.

    Attributes
    ----------
    number
        From 0, in the order of trying.
    state
        "pruned" where it was given up after some of the splits, "failed" where the process ended meanwhile.
    objective
        Mean log loss over all splits, in nats, smaller is better; None unless complete.
    losses
        Log loss of each split that was tried, in order.
    parameters
        Of `SPACE`; of a failed trial there may be some or none.
    """

    number: int
    state: State
    objective: float | None
    losses: tuple[float, ...]
    parameters: Mapping[str, float]


@contextmanager
def open_study(database: Path, name: str, facts: Mapping[str, str]) -> Iterator["optuna.Study"]:
    """Give a study of that name, new or as it was left, until the block ends.

    Trials that another process left unfinished are marked failed; finished ones are as they were.

    Parameters
    ----------
    database
        SQLite file, made if it is not there.
    name
        Of the study.
    facts
        What its losses depend on, in a few words each; kept with a new study.

    Raises
    ------
    TrackingError
        The file cannot be used, another process is tuning with it, or the study was begun with other facts.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _alone(database), _as_tracking_error(database):
        storage = _open_storage(database)
        try:
            study = optuna.create_study(
                storage=storage,
                study_name=name,
                direction="minimize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            )
            _require_same(study, facts, database)
            _fail_unfinished(study)
            yield study
        finally:
            storage.remove_session()


def read_trials(study: "optuna.Study") -> list[Trial]:
    """Return the trials that have ended, in the order of trying."""
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    return [
        Trial(
            number=one.number,
            state=states[one.state],
            objective=one.value if one.state is TrialState.COMPLETE else None,
            losses=tuple(one.user_attrs.get(LOSSES, ())),
            parameters=dict(one.params),
        )
        for one in study.get_trials(deepcopy=False, states=tuple(states))
    ]


def find_defaults(trials: Sequence[Trial]) -> Trial | None:
    """Return the complete trial of the default parameters; None before there is one."""
    default = tuned_part(TreeParameters())
    complete = (trial for trial in trials if trial.state == "complete")
    return next((one for one in complete if all(math.isclose(one.parameters[n], default[n]) for n in default)), None)


def find_best(trials: Sequence[Trial]) -> Trial | None:
    """Return the complete trial of the least objective, the first of equal ones; None before there is one."""
    complete = [trial for trial in trials if trial.objective is not None]
    return min(complete, key=lambda trial: trial.objective or 0.0, default=None)


def tuned_part(parameters: TreeParameters) -> dict[str, float]:
    """Return those of the parameters that are tuned.

    Examples
    --------
    >>> tuned_part(TreeParameters())["num_leaves"]
    8
    """
    return {one.name: getattr(parameters, one.name) for one in fields(parameters) if one.name in SPACE}


def with_tuned(parameters: TreeParameters, tuned: Mapping[str, float]) -> TreeParameters:
    """Return the parameters with those that are tuned set to the values given.

    Examples
    --------
    >>> with_tuned(TreeParameters(), {"num_leaves": 12.0}).num_leaves
    12
    """
    whole = {name: int(value) if SPACE[name].whole else float(value) for name, value in tuned.items()}
    return replace(parameters, **whole)  # type: ignore[arg-type]


def distributions() -> dict[str, "BaseDistribution"]:
    """Return `SPACE` as optuna takes it."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        name: IntDistribution(int(one.low), int(one.high), log=one.log)
        if one.whole
        else FloatDistribution(one.low, one.high, log=one.log)
        for name, one in SPACE.items()
    }


def _open_storage(database: Path) -> "optuna.storages.RDBStorage":
    from optuna.storages import RDBStorage
    from sqlalchemy.pool import NullPool

    # the address of the file is none of optuna's: in its own, ? and { have a meaning
    settings = {"creator": lambda: sqlite3.connect(database, timeout=LOCK_SECONDS), "poolclass": NullPool}
    try:
        return RDBStorage("sqlite://", engine_kwargs=settings)
    except RuntimeError as error:
        raise TrackingError(
            f"{database}: written by another version of optuna; move it away, or tune with that version"
        ) from error


def _require_same(study: "optuna.Study", facts: Mapping[str, str], database: Path) -> None:
    kept = study.user_attrs.get(_FACTS)
    if kept is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(_FACTS, dict(facts))
    elif kept is None:
        raise TrackingError(f"study {study.study_name} in {database}: was not made by churn tune; use another --study")
    elif other := [name for name in facts if kept.get(name) != facts[name]]:
        raise TrackingError(
            f"study {study.study_name} in {database}: was begun with other {' and other '.join(other)}; give --study "
            "another name, or leave it out"
        )


def _fail_unfinished(study: "optuna.Study") -> None:
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Keep other processes from marking our trials failed; the lock ends with the process, however that ends."""
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(database.with_name(f"{database.name}.lock"), blocking=False).acquire()
    except filelock.Timeout as error:
        raise TrackingError(f"{database}: another churn tune is running; wait until it has ended") from error
    except OSError as error:
        raise TrackingError(
            f"{database}: cannot be written ({error.strerror}); tune in another folder, or free some space"
        ) from error
    with held:
        yield


@contextmanager
def _as_tracking_error(database: Path) -> Iterator[None]:
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ChurnError:
        raise
    except (StorageInternalError, SQLAlchemyError, sqlite3.Error) as error:
        reason = " ".join(str(error.__cause__ or error).split()).split(" [SQL:")[0]
        raise TrackingError(f"{database}: cannot be used ({reason}); free some space, or move it away") from error
