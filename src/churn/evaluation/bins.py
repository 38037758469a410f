"""A column cut into bins, the churn rate of each bin, and how well these rates rank customers."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

N_BINS, N_LEVELS, RARE = 20, 50, 30
_SAMPLE = 5_000
_PRIOR = 10.0


class Cut(NamedTuple):
    """Where a column is cut.

    Attributes
    ----------
    edges
        Of numbers and dates, ascending: the values below, on and above each edge are bins of their own.
    levels
        Of texts: a bin each, all others share one. None for numbers.
    n_bins
        How many there are; the last is that of missing values.
    """

    edges: Floats
    levels: tuple[Any, ...] | None
    n_bins: int


class OutOfFold(NamedTuple):
    """What one column says of the outcome.

    Attributes
    ----------
    auc
        ROC-AUC of the out-of-fold rates within folds, in [0, 1], larger is better, 0.5 is chance.
    log_odds
        Of the out-of-fold rates, above those of all rows, shape (n_folds, n_bins).
    rows, churned
        Rows and churners by bin, shape (n_bins,).
    """

    auc: float
    log_odds: Floats
    rows: Floats
    churned: Floats


def cut_column(column: "pd.Series[Any]") -> Cut:
    """Choose the bins of a column: 20 of about equal size for numbers and dates, one a level for texts.

    A value that is many rows' own, such as 0, is an edge, and so has a bin of its own. Texts have up to 50 levels of
    at least 30 rows; the rarer ones are one bin. Quantiles are those of 5,000 rows, evenly spread.

    Examples
    --------
    >>> cut_column(pd.Series([0.0, 0.0, 1.0, None])).edges
    array([0., 1.])
    >>> cut_column(pd.Series(["a"] * 40 + ["b"])).levels
    ('a',)
    """
    if not is_number(column):
        sizes = column.value_counts()
        levels = tuple(sizes.index[sizes >= RARE][:N_LEVELS])
        return Cut(np.empty(0), levels, len(levels) + 2)
    numbers = as_numbers(column)
    known = numbers[~np.isnan(numbers)]
    edges = np.empty(0)
    if len(known):
        drawn = np.sort(known[:: -(-len(known) // _SAMPLE)])
        edges = np.unique(drawn[-(-np.arange(1, N_BINS) * len(drawn) // N_BINS) - 1])
    return Cut(edges, None, 2 * len(edges) + 2)


def bin_codes(column: "pd.Series[Any]", cut: Cut) -> Codes:
    """Put each row in a bin, in [0, cut.n_bins), shape (n,); a text without a level of its own is with the others.

    Examples
    --------
    >>> bin_codes(pd.Series([-1.0, 0.0, 0.5, None]), Cut(np.array([0.0]), None, 4))
    array([0, 1, 2, 3])
    """
    if cut.levels is None:
        numbers = as_numbers(column)
        below = np.searchsorted(cut.edges, numbers)
        on_edge = np.append(cut.edges, np.nan)[np.minimum(below, len(cut.edges))] == numbers
        return np.where(np.isnan(numbers), cut.n_bins - 1, 2 * below + on_edge)
    found = pd.Index(cut.levels, dtype=object).get_indexer(pd.Index(column.astype(object), dtype=object))
    return np.where(column.isna().to_numpy(), cut.n_bins - 1, np.where(found < 0, cut.n_bins - 2, found))


def judge_bins(codes: Codes, y: NDArray[np.int64], folds: Codes, n_bins: int) -> OutOfFold:
    """Learn the churn rate of each bin on the other folds, and rank each fold's rows by it.

    Rows are compared within their fold alone: across folds a rate is lower where more churners were left out of it,
    which makes pure noise look worse than chance. Rates are pooled with 10 rows of the overall rate.

    Parameters
    ----------
    codes, folds
        Bin and fold of each row, from 0, shape (n,).
    y
        0 or 1, both there, shape (n,).
    n_bins
        As of the `Cut`.

    Examples
    --------
    >>> codes = np.tile([0, 1], 50)
    >>> judge_bins(codes, codes, np.arange(100) // 50, 2).auc
    1.0
    """
    n_folds = int(folds.max()) + 1
    cells = folds * n_bins + codes
    count, churned = (table.reshape(n_folds, n_bins) for table in _count(cells, y, n_folds * n_bins))
    rates = smooth_rates(count.sum(axis=0) - count, churned.sum(axis=0) - churned, float(np.mean(y)))
    pairs = np.array([_pairs(*fold) for fold in zip(count, churned, rates, strict=True)]).sum(axis=0)
    auc = float(pairs[0] / pairs[1]) if pairs[1] else 0.5
    odds = np.log(rates / (1 - rates)) - np.log(np.mean(y) / (1 - np.mean(y)))
    return OutOfFold(auc, odds, count.sum(axis=0), churned.sum(axis=0))


def smooth_rates(count: Floats, churned: Floats, rate: float) -> Floats:
    """Churn rate by bin, pooled with 10 rows of the overall rate.

    Examples
    --------
    >>> smooth_rates(np.array([10.0, 0.0]), np.array([10.0, 0.0]), 0.5)
    array([0.75, 0.5 ])
    """
    return (churned + _PRIOR * rate) / (count + _PRIOR)


def rank_auc(codes: Codes, y: NDArray[np.int64], rates: Floats) -> float:
    """ROC-AUC of rows by the rate of their bin, in [0, 1], NaN with one class only.

    Examples
    --------
    >>> rank_auc(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), np.array([0.1, 0.5]))
    0.8333333333333334
    """
    won, pairs = _pairs(*_count(codes, y, len(rates)), rates)
    return won / pairs if pairs else float("nan")


def is_number(column: "pd.Series[Any]") -> bool:
    """Whether a column holds numbers, booleans, dates or nothing, rather than texts or categories."""
    kind = column.dtype
    if pd.api.types.is_object_dtype(kind):
        return pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS or is_date(column)
    return pd.api.types.is_numeric_dtype(kind) or is_date(column)


def is_date(column: "pd.Series[Any]") -> bool:
    """Whether a column holds dates or moments."""
    if pd.api.types.is_object_dtype(column.dtype):
        return pd.api.types.infer_dtype(column, skipna=True) in ("date", "datetime", "datetime64")
    return pd.api.types.is_datetime64_any_dtype(column.dtype)


def as_numbers(column: "pd.Series[Any]") -> Floats:
    """Numbers as they are, dates as days since 1970-01-01 with their part of a day, NaN where missing, shape (n,).

    Examples
    --------
    >>> as_numbers(pd.Series(pd.to_datetime(["1970-01-02 12:00", None])))
    array([1.5, nan])
    """
    if is_date(column):
        moments = pd.to_datetime(column, utc=True)
        days = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return np.asarray(days.to_numpy(dtype=np.float64))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty")


def _count(cells: Codes, y: NDArray[np.int64], n_cells: int) -> tuple[Floats, Floats]:
    """Rows and churners by cell, each of shape (n_cells,)."""
    count = np.asarray(np.bincount(cells, minlength=n_cells), dtype=np.float64)
    return count, np.asarray(np.bincount(cells, weights=y, minlength=n_cells), dtype=np.float64)


def _pairs(count: Floats, churned: Floats, rates: Floats) -> tuple[float, float]:
    """Pairs of a churner and a stayer in which the churner's bin has the higher rate (ties half), and all pairs."""
    order = np.argsort(rates, kind="stable")
    ordered = rates[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    left = np.add.reduceat(churned[order], starts)
    stayed = np.add.reduceat(count[order], starts) - left
    return float(np.sum(left * (np.cumsum(stayed) - stayed / 2))), float(left.sum() * stayed.sum())
