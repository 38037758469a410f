"""Small snapshots of customers of whom some leave, a quarter apart, and a study in a file of the test's own."""

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from churn.frame import Snapshot
from churn.model.recipe import Recipe
from churn.model.split import KeptApart, OutOfTime
from churn.model.trees import TreeParameters
from churn.threads import use_threads
from churn.tuning.search import search
from churn.tuning.study import Trial, open_study, read_trials

FIRST = dt.date(2022, 1, 1)
STEP_DAYS = 91
DAYS_APART = 120


def snapshot(number: int, *, n: int = 200, seed: int = 0) -> Snapshot:
    """The number-th quarter: of n customers those with few products leave, and two columns say nothing."""
    as_of = FIRST + dt.timedelta(days=STEP_DAYS * number)
    draw = np.random.default_rng([seed, number])
    products = draw.integers(1, 8, n)
    features = pd.DataFrame({"n_products": products, "noise": draw.normal(size=n), "other": draw.normal(size=n)})
    churned = (draw.random(n) < 1 / (1 + np.exp(0.6 * products - 1.5))).astype(np.int64)
    ids = np.array([f"C{customer:04d}" for customer in range(n)], dtype=object)
    return Snapshot(as_of, ids, features, churned, None)


@pytest.fixture(scope="session")
def snapshots() -> list[Snapshot]:
    return [snapshot(number) for number in range(6)]


@pytest.fixture(scope="session")
def apart(snapshots: list[Snapshot]) -> KeptApart:
    return OutOfTime(DAYS_APART).keep_apart(snapshots)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe(parameters=TreeParameters(max_rounds=40, patience=5))


@pytest.fixture(scope="session")
def tried(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Trial]]:
    """Search in a new file, and give the trials."""

    def run(apart: KeptApart, n_trials: int, *, seed: int = 0, **options: object) -> list[Trial]:
        path = tmp_path_factory.mktemp("studies") / "o.db"
        with open_study(path, "s", {}) as study:
            search(study, apart, Recipe(parameters=recipe.parameters, seed=seed), n_trials=n_trials, **options)
            return read_trials(study)

    return run


@pytest.fixture(scope="session")
def found(apart: KeptApart, tried: Callable[..., list[Trial]]) -> list[Trial]:
    """Sixteen trials of seed 0 on one thread, not interrupted."""
    with use_threads(1):
        return tried(apart, 16)


@pytest.fixture(scope="session")
def found_otherwise(apart: KeptApart, tried: Callable[..., list[Trial]]) -> list[Trial]:
    """Twelve trials of seed 1."""
    return tried(apart, 12, seed=1)


def without_numbers(trials: Sequence[Trial]) -> list[tuple[object, ...]]:
    return [tuple(trial)[1:] for trial in trials]
