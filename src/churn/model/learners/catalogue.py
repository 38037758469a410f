"""Every learner there is, fitted, and cross-fitted, in one way; adding one is an entry here."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.errors import ModelError, meant
from churn.model.learners.libraries import fit_catboost, fit_histogram, fit_xgboost
from churn.model.learners.scorecard import fit_scorecard
from churn.model.learners.tree_text import average_boosters
from churn.model.trees import LIGHTGBM, CrossFit, Matrix, TreeParameters, cross_fit, fit_trees

if TYPE_CHECKING:
    import lightgbm as lgb

Fit = Callable[..., "lgb.Booster"]
_STEP = 10
"""Rounds between two looks at the held-out loss."""
_NEAR_THE_END = 0.8


class Learner(NamedTuple):
    """A way to grow trees.

    Attributes
    ----------
    fit
        From ``(matrix, y, *, rounds, seed)`` to a booster; as `fit_histogram`.
    most_rounds
        Rounds to grow where the best number is looked for; 1 where a model is fitted whole.
    extra
        The module, and the extra of this package, that it needs; None for those always there.
    """

    fit: Fit
    most_rounds: int
    extra: str | None = None


LEARNERS = {
    "scorecard": Learner(fit_scorecard, 1),
    "histogram": Learner(fit_histogram, 400),
    "catboost": Learner(fit_catboost, 600, "catboost"),
    "xgboost": Learner(fit_xgboost, 400, "xgboost"),
}
"""All but LightGBM, which has parameters of its own and grows folds side by side; see `churn.model.trees`."""


def is_installed(name: str) -> bool:
    """Whether a learner can be used here.

    Raises
    ------
    ModelError
        There is no learner of that name.

    Examples
    --------
    >>> is_installed("scorecard")
    True
    """
    if name == LIGHTGBM:
        return True
    if name not in LEARNERS:
        known = [LIGHTGBM, *LEARNERS]
        raise ModelError(f"{name!r} is not a learner{meant(name, known)}; give one of {', '.join(known)}")
    extra = LEARNERS[name].extra
    return extra is None or find_spec(extra) is not None


def require_installed(names: Sequence[str]) -> None:
    """Refuse learners that cannot be used here.

    Raises
    ------
    ModelError
        One is not known, or its package is not installed.
    """
    for name in names:
        if not is_installed(name):
            raise ModelError(f"learner {name}: is not installed; pip install 'churn[{LEARNERS[name].extra}]'")


def fit_learners(
    names: Sequence[str],
    matrix: Matrix,
    y: NDArray[Any],
    parameters: TreeParameters,
    *,
    rounds: Sequence[int],
    seed: int = 0,
) -> "lgb.Booster":
    """Fit learners, each with its number of rounds; of several, the margin is the mean of theirs.

    Parameters
    ----------
    names
        Learners, at least one.
    matrix
        Shape (n, number of features), NaN where missing.
    y
        0 or 1, shape (n,).
    parameters
        How LightGBM grows trees.
    rounds
        One number per learner.
    seed
        As for `fit_trees`.

    Examples
    --------
    >>> rows = np.array([[0.0], [1.0]] * 30)
    >>> both = fit_learners(["scorecard", "lightgbm"], rows, rows[:, 0], TreeParameters(), rounds=[1, 3])
    >>> both.predict(np.array([[0.0], [1.0]])).round(2)
    array([0.27, 0.73])
    """
    boosters = [
        fit_trees(matrix, y, parameters, rounds=n, seed=seed)
        if name == LIGHTGBM
        else LEARNERS[name].fit(matrix, y, rounds=n, seed=seed)
        for name, n in zip(names, rounds, strict=True)
    ]
    return average_boosters(boosters)


class CrossFits(NamedTuple):
    """Learners without each fold in turn, read on the fold left out.

    Attributes
    ----------
    rounds
        Of each learner.
    margins
        Mean log-odds over the learners, shape (n,); NaN on rows that were not asked for.
    """

    rounds: tuple[int, ...]
    margins: Matrix


def cross_fit_learners(
    names: Sequence[str],
    matrix: Matrix,
    y: NDArray[Any],
    folds: NDArray[np.int64],
    parameters: TreeParameters,
    *,
    scored: NDArray[np.bool_] | None = None,
    rounds: Sequence[int] | None = None,
    seed: int = 0,
) -> CrossFits:
    """Cross-fit learners; each chooses its own rounds by the mean held-out log loss, where none are given.

    Parameters
    ----------
    names, matrix, y, parameters, seed
        As for `fit_learners`.
    folds, scored
        As for `churn.model.trees.cross_fit`.
    rounds
        One number per learner, where already known.
    """
    asked = np.ones(len(y), dtype=bool) if scored is None else scored

    def fit_one(name: str, known: int | None) -> CrossFit:
        if name == LIGHTGBM:
            return cross_fit(matrix, y, folds, parameters, scored=asked, rounds=known, seed=seed)
        learner = LEARNERS[name]
        fit_to = partial(_cross_fit_to, learner, matrix, y, folds, asked, seed)
        if known is not None or learner.most_rounds == 1:
            return fit_to([known or 1])
        # most need far fewer rounds than the most: only where the best lies near the end of these is the rest grown
        few = fit_to(range(_STEP, learner.most_rounds // 2 + 1, _STEP))
        if few.rounds < _NEAR_THE_END * (learner.most_rounds // 2):
            return few
        return fit_to(range(_STEP, learner.most_rounds + 1, _STEP))

    found = [fit_one(*one) for one in zip(names, rounds or repeat(None), strict=rounds is not None)]
    return CrossFits(tuple(one.rounds for one in found), np.mean([one.margins for one in found], axis=0))


def _cross_fit_to(
    learner: Learner,
    matrix: Matrix,
    y: NDArray[Any],
    folds: NDArray[np.int64],
    asked: NDArray[np.bool_],
    seed: int,
    steps: Sequence[int],
) -> CrossFit:
    margins = np.full((len(steps), len(y)), np.nan)
    losses = []
    for fold in np.unique(folds[asked]):
        taught, left_out = folds != fold, (folds == fold) & asked
        booster = learner.fit(matrix[taught], y[taught], rounds=steps[-1], seed=seed)
        margins[:, left_out] = _staged(booster, matrix[left_out], steps, whole=learner.most_rounds == 1)
        losses.append([_loss(y[left_out], margin) for margin in margins[:, left_out]])
    best = int(np.mean(losses, axis=0).argmin())
    return CrossFit(steps[best], margins[best])


def _staged(booster: "lgb.Booster", matrix: Matrix, steps: Sequence[int], *, whole: bool) -> Matrix:
    """Margins after each number of rounds, shape (steps, n)."""
    begins = [0, *steps[:-1]]
    parts = [
        booster.predict(matrix, raw_score=True, start_iteration=begin, num_iteration=-1 if whole else end - begin)
        for begin, end in zip(begins, steps, strict=True)
    ]
    return np.cumsum(parts, axis=0)


def _loss(y: NDArray[Any], margin: NDArray[np.float64]) -> float:
    return float(np.mean(np.logaddexp(0.0, margin) - np.asarray(y) * margin))
