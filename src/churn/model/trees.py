"""Gradient-boosted trees, through LightGBM's own interface: fitted, cross-fitted, read as margins and as text.

Margins are log-odds of churn before calibration. Results do not depend on the number of threads.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import lazy_loader
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from churn import threads

if TYPE_CHECKING:
    import lightgbm as lgb
    from sklearn.utils.parallel import Parallel
else:
    lgb = lazy_loader.load("lightgbm")  # with scikit-learn, half of the start of a command that asks for no tree

Matrix = NDArray[np.float64]
LIGHTGBM = "lightgbm"
_MOST_LEAVES, _MOST_ROWS = 131_072, 2**31 - 1
"""LightGBM's own limits."""


@dataclass(frozen=True)
class TreeParameters:
    """How trees are grown; the defaults were chosen on two public data sets together, over several seeds.

    Attributes
    ----------
    learning_rate
        The share each tree may add, in (0, 1].
    num_leaves
        Leaves per tree, 2 to 131,072.
    min_child
        Rows per leaf at least; on fewer than 20 times as many rows, a twentieth of the rows.
    subsample
        Share of rows drawn anew for each tree, in (0, 1].
    colsample
        Share of columns drawn anew for each tree, in (0, 1].
    l2
        Penalty on squared leaf values, not negative.
    max_rounds
        Trees at most.
    patience
        Rounds without a better held-out log loss after which fitting stops.
    monotone
        Columns, by position, whose rise can only lower the margin where all others stay, or do so too; none by
        default. A missing value is neither high nor low: nothing is promised where a column gains or loses one.

    Raises
    ------
    ValueError
        A value is out of its range.
    """

    learning_rate: float = 0.08
    num_leaves: int = 8
    min_child: int = 30
    subsample: float = 0.8
    colsample: float = 0.6
    l2: float = 5.0
    max_rounds: int = 2000
    patience: int = 50
    monotone: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Take the columns as JSON gives them, too, and refuse what LightGBM would end on."""
        object.__setattr__(self, "monotone", tuple(self.monotone))
        rows = (self.min_child, self.max_rounds, self.patience)
        whole = (2 <= self.num_leaves <= _MOST_LEAVES, *(1 <= one <= _MOST_ROWS for one in rows))
        shares = (0 < share <= 1 for share in (self.learning_rate, self.subsample, self.colsample))
        if not (all(whole) and all(shares) and 0 <= self.l2 < math.inf):
            raise ValueError("tree parameters: a value is out of its range; see TreeParameters for these")


_BLOCK = 25
"""Rounds that folds grow on their own before their losses are compared."""
_MANY_VALUES = 20_000_000
"""Below so many values a fit takes one thread, and folds grow side by side instead: the threads of one fit meet at
every split. On two busy cores, two threads took 3 to 50 times as long as one (400 x 3 to 64,000 x 80 values)."""
_MANY_ROWS = 10_000


class CrossFit(NamedTuple):
    """Trees on all folds but one, for each fold, read on the fold left out.

    Attributes
    ----------
    rounds
        Trees in each model.
    margins
        Log-odds from trees that saw nobody of the row's fold, shape (n,); NaN on rows that were not asked for.
    """

    rounds: int
    margins: Matrix


def fit_trees(
    matrix: Matrix, y: NDArray[Any], parameters: TreeParameters, *, rounds: int, seed: int = 0
) -> "lgb.Booster":
    """Fit a given number of trees.

    Parameters
    ----------
    matrix
        Shape (n, number of features), NaN where missing.
    y
        0 or 1, shape (n,).
    parameters
        How the trees are grown.
    rounds
        Trees, at least 1.
    seed
        Same seed and data, same trees, on any number of threads.

    Examples
    --------
    >>> rows = np.array([[0.0], [1.0]] * 30)
    >>> booster = fit_trees(rows, rows[:, 0], TreeParameters(), rounds=3)
    >>> predict_margins(booster, np.array([[0.0], [1.0]])).round(2)
    array([-0.25,  0.26])
    """
    settings = _settings(parameters, matrix.shape, seed, fit_threads(matrix))
    return as_stored(lgb.train(settings, _dataset(matrix, y, settings), num_boost_round=rounds))


def cross_fit(
    matrix: Matrix,
    y: NDArray[Any],
    folds: NDArray[np.int64],
    parameters: TreeParameters,
    *,
    scored: NDArray[np.bool_] | None = None,
    rounds: int | None = None,
    seed: int = 0,
) -> CrossFit:
    """Fit trees without each fold in turn, and read the rows of that fold.

    Without `rounds`, all folds grow until their mean held-out log loss has not fallen for
    `parameters.patience` rounds, and the best round is kept. Bin edges come from all rows; they use no label.

    Parameters
    ----------
    matrix, y
        As for `fit_trees`.
    folds
        Fold of each row, shape (n,); at least two are there.
    parameters
        How the trees are grown.
    scored
        Rows that are read and that decide when to stop, shape (n,); all by default. Every fold has some.
    rounds
        Trees in each model, where already known.
    seed
        As for `fit_trees`.

    Examples
    --------
    >>> rows = np.array([[0.0], [1.0]] * 30)
    >>> fitted = cross_fit(rows, rows[:, 0], np.arange(60) // 2 % 3, TreeParameters(), rounds=3)
    >>> fitted.margins[:2].round(2)
    array([-0.2 ,  0.22])
    """
    asked = np.ones(len(y), dtype=bool) if scored is None else scored
    splits = [
        (np.flatnonzero(folds != fold), np.flatnonzero((folds == fold) & asked)) for fold in np.unique(folds[asked])
    ]
    shape = (len(splits[0][0]), matrix.shape[1])
    settings = _settings(parameters, shape, seed, fit_threads(matrix))
    whole = _dataset(matrix, y, settings).construct()
    growing = [_Growing(whole, taught, left_out, settings) for taught, left_out in splits]
    from sklearn.utils.parallel import Parallel, delayed

    at_once = (threads.n_threads() or -1) if settings["num_threads"] == 1 else 1
    with Parallel(n_jobs=at_once, prefer="threads") as pool:
        best = _grow_until_best(growing, parameters, pool) if rounds is None else rounds
        read = pool(delayed(_Growing.read)(one, matrix, best) for one in growing)
    margins = np.full(len(y), np.nan)
    for (_, left_out), margin in zip(splits, read, strict=True):
        margins[left_out] = margin
    return CrossFit(best, margins)


def predict_margins(booster: "lgb.Booster", matrix: Matrix) -> Matrix:
    """Log-odds before calibration, shape (n,); larger means more churn."""
    at_once = threads.n_threads() if len(matrix) >= _MANY_ROWS else 1
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=at_once), dtype=np.float64)


def predict_contributions(booster: "lgb.Booster", matrix: Matrix) -> Matrix:
    """SHAP values of the margin in log-odds, shape (n, number of features + 1).

    The last column is the base value, the same in every row; a row sums to its margin. Path-dependent TreeSHAP,
    Lundberg et al. 2020, https://doi.org/10.1038/s42256-019-0138-9.
    """
    return np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=threads.n_threads()), dtype=np.float64)


def trees_to_text(booster: "lgb.Booster") -> str:
    """LightGBM's text form, without the training parameters: these name threads and devices of one machine."""
    text: str = booster.model_to_string(num_iteration=-1)
    head, _, tail = text.partition("\nparameters:")
    return head if not tail else head + "\npandas_categorical:null\n"


def trees_from_text(text: str) -> "lgb.Booster":
    """Give the trees back from `trees_to_text`.

    LightGBM trusts the text, and may end the whole process or write beyond its memory: a text that was not written
    here goes through `churn.model.tree_check` before.
    """
    return lgb.Booster(model_str=text)


def as_stored(booster: "lgb.Booster") -> "lgb.Booster":
    """Give the trees as they would be read back, so that memory and disk never differ."""
    return trees_from_text(trees_to_text(booster))


def parameters_to_json(parameters: TreeParameters) -> dict[str, Any]:
    """Give the parameters as JSON values; without monotone columns, nothing is said of them.

    Examples
    --------
    >>> parameters_to_json(TreeParameters())["num_leaves"]
    8
    """
    given = asdict(parameters)
    monotone = list(given.pop("monotone"))
    # so that the document of a model without them, and with it the id, is as it was before there were any
    return given | ({"monotone": monotone} if monotone else {})


def parameters_from_json(document: Mapping[str, Any]) -> TreeParameters:
    """Give the parameters back from `parameters_to_json`.

    Raises
    ------
    ValueError
        A name is not known, or a value is not a number in its range.
    """
    unknown = document.keys() - vars(TreeParameters()).keys()
    if unknown:
        raise ValueError(f"tree parameters: {sorted(unknown)[0]} is not known")
    return TypeAdapter(TreeParameters).validate_json(json.dumps(dict(document)), strict=True)


class _Growing:
    """Trees of one fold while they grow, and after each round their held-out loss."""

    def __init__(
        self, whole: "lgb.Dataset", taught: NDArray[np.int64], left_out: NDArray[np.int64], settings: dict[str, Any]
    ) -> None:
        self.left_out = left_out
        self.booster = lgb.Booster(settings, whole.subset(taught.tolist()))
        self.booster.add_valid(whole.subset(left_out.tolist()), "left out")
        self.losses: list[float] = []
        self.n_trees: list[int] = []

    def grow(self, rounds: int) -> None:
        """Add rounds, until there are as many."""
        _hush_this_thread()
        while len(self.n_trees) < rounds:
            self.booster.update()
            # a round whose drawn rows cannot be split adds no tree
            self.n_trees.append(self.booster.current_iteration())
            self.losses.append(self.booster.eval_valid()[0][2])

    def read(self, matrix: Matrix, rounds: int) -> Matrix:
        """Margins of the rows left out, after so many rounds."""
        self.grow(rounds)
        margins = self.booster.predict(
            matrix[self.left_out], raw_score=True, num_iteration=self.n_trees[rounds - 1], num_threads=1
        )
        return np.asarray(margins, dtype=np.float64)


def _grow_until_best(growing: list[_Growing], parameters: TreeParameters, pool: "Parallel") -> int:
    """Number of rounds, at least 1, with the least mean loss."""
    rounds = best = 0
    from sklearn.utils.parallel import delayed

    while rounds < parameters.max_rounds and rounds - best < parameters.patience:
        rounds = min(rounds + _BLOCK, best + parameters.patience, parameters.max_rounds)
        pool(delayed(_Growing.grow)(one, rounds) for one in growing)
        best = int(np.mean([one.losses[:rounds] for one in growing], axis=0).argmin()) + 1
    return best


def _hush_this_thread() -> None:
    # LightGBM keeps its verbosity by thread, and sets it only where it reads parameters
    lgb.Dataset(np.zeros((2, 1)), params={"verbosity": -1}).construct()


def fit_threads(matrix: Matrix) -> int:
    """Threads worth taking for a fit of so many values; 0 stands for all."""
    return 1 if matrix.size < _MANY_VALUES else threads.n_threads()


def _settings(parameters: TreeParameters, shape: tuple[int, ...], seed: int, at_once: int) -> dict[str, Any]:
    n_rows, n_columns = shape
    signs = [-1 if column in parameters.monotone else 0 for column in range(n_columns)]
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": parameters.learning_rate,
        "num_leaves": parameters.num_leaves,
        "min_data_in_leaf": min(parameters.min_child, max(1, n_rows // 20)),
        "min_data_in_bin": 3 if n_rows >= 100 else 1,
        "bagging_fraction": parameters.subsample,
        "bagging_freq": 1,
        "feature_fraction": parameters.colsample,
        "lambda_l2": parameters.l2,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "num_threads": at_once,
        "verbosity": -1,
        # "basic" holds for every tree as a whole, and is the one of the three without an approximation in it
        **({"monotone_constraints": signs, "monotone_constraints_method": "basic"} if parameters.monotone else {}),
    }


def _dataset(matrix: Matrix, y: NDArray[Any], settings: dict[str, Any]) -> "lgb.Dataset":
    names = [f"f{number}" for number in range(matrix.shape[1])]
    return lgb.Dataset(matrix, np.asarray(y, dtype=np.float64), feature_name=names, params=settings)
