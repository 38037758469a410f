"""Features that know the outcome, or what came after the as-of date: found before a model learns from them.

Each feature is judged alone, by the churn rates of its bins on customers that these rates were not learnt on; missing
is a bin, so that telling missingness is seen too. docs/evidence.md has what the limits were chosen by.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from churn.estimates import share
from churn.evaluation.metrics import roc_auc, sums_by_prediction, won_pairs
from churn.features.feature import Feature
from churn.frame import Snapshot
from churn.model.split import MIN_OF_A_CLASS, Rows, customer_folds
from churn.speech import Message, Number, Percent, message

Floats = NDArray[np.float64]
ALONE_AUC = 0.95
"""ROC-AUC from which on a feature alone predicts too well."""
SURE_SHARE, SURE_STAYERS = 0.1, 0.05
"""Share of all churners that bins may hold in which fewer stay than this share of those who stay elsewhere."""
RIVAL_AUC, RIVAL_MARGIN, RIVALS, RIVAL_ROWS = 0.8, 0.03, 20, 100
"""From this ROC-AUC on, a feature may not be better by this margin than all others together, where there are at least
so many and so many churners and stayers to learn from: a few cannot show what they say together."""
COLLAPSE_FROM, COLLAPSE_TO = 0.1, 0.5
"""Power (ROC-AUC - 0.5) from which on a feature may not fall to less than this share of it."""
_FOLDS = 5
_BUILD = message("take it out, or build it from records strictly before the as-of date")
Codes = NDArray[np.int64]
N_BINS, N_LEVELS, RARE = 20, 50, 30
_SAMPLE = 5_000
_PRIOR = 10.0


LeakKind = Literal["alone", "collapses", "dates"]


class Leak(NamedTuple):
    """A feature that should not be learnt from.

    Attributes
    ----------
    feature
        Its name.
    kind
        "alone": it predicts too well. "collapses": what it predicted, it no longer does at a later date. "dates": it
        holds something of the as-of date or after.
    size
        "alone": ROC-AUC in [0, 1]. "collapses": fall of the ROC-AUC, at most 1. "dates": number of rows.
    said
        The finding, and what to do.
    """

    feature: str
    kind: LeakKind
    size: float
    said: Message


def find_leaks(development: Rows, held_out: Snapshot | None = None, catalogue: Sequence[Feature] = ()) -> list[Leak]:
    """Name the features that know too much, in the order of their columns, each once.

    - "dates": a date at or after that of `held_out`, or days since an event that are fewer than 1 (an age below 0),
      in any row: features use what happened strictly before the as-of date. Not looked at where `held_out` has no
      date: a flat file does not say when its columns were true.
    - "alone", on the latest snapshot of `development`: the out-of-fold ROC-AUC is `ALONE_AUC` or more; or a tenth of
      all churners are in bins in which hardly anybody stays; or the feature is better than all others together.
    - "collapses": by rates learnt on that snapshot, the power (ROC-AUC - 0.5) falls on `held_out` to less than half.

    Noise is allowed for: of every ROC-AUC and rate the less suspicious end of its interval counts, and all features
    together have 95 %, however many there are. Of fewer than 10 churners or stayers only dates are looked at.

    Parameters
    ----------
    development
        Rows to learn from.
    held_out
        A later snapshot, or other customers; None where there is none.
    catalogue
        Says which features are days since an event, and which an age.

    References
    ----------
    Kaufman, Rosset, Perlich, Stitelman 2012, Leakage in data mining, https://doi.org/10.1145/2382577.2382579.
    Standard error of the ROC-AUC: Hanley, McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747.

    Examples
    --------
    >>> left = np.tile([0, 1], 500)
    >>> ids = np.array([f"C{number}" for number in range(1000)], dtype=object)
    >>> features = pd.DataFrame({"age": np.arange(1000) % 53, "letter_sent": left})
    >>> rows = Rows(features, left, ids, np.ones(1000, dtype=bool))
    >>> [(leak.feature, leak.kind, leak.size) for leak in find_leaks(rows)]
    [('letter_sent', 'alone', 1.0)]
    """
    leaks: list[Leak] = list(_late(development, held_out, catalogue))
    learnt = _learn(development)
    if learnt is not None:
        leaks += _alone(learnt)
        leaks += _collapsing(learnt, held_out)
    first = {leak.feature: leak for leak in reversed(leaks)}
    return [first[name] for name in map(str, development.features) if name in first]


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
    """The evidence of one column about the outcome.

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
    """Choose the bins of a column: 20 of about equal size for numbers and dates, one per level for texts.

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
    pairs = np.zeros(2)
    for fold in zip(count, churned, rates, strict=True):
        pairs += won_pairs(*(sums_by_prediction(fold[2], part)[1] for part in fold[:2]))
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


class _Learnt(NamedTuple):
    """The latest development snapshot: its rows, and by feature where it is cut and what it says alone."""

    features: pd.DataFrame
    y: NDArray[np.int64]
    folds: NDArray[np.int64]
    cuts: Mapping[str, Cut]
    alone: Mapping[str, OutOfFold]

    def noise(self, auc: float, y: NDArray[np.int64]) -> float:
        """Return half a 95 % interval of a ROC-AUC on outcomes `y`, for all features at once (Bonferroni)."""
        return float(scipy.stats.norm.ppf(1 - 0.025 / len(self.alone))) * _error(auc, y)

    def evidence(self, name: str) -> Floats:
        """Return the log-odds that the feature gives each row, out of fold."""
        return self.alone[name].log_odds[self.folds, bin_codes(self.features[name], self.cuts[name])]


def _late(development: Rows, held_out: Snapshot | None, catalogue: Sequence[Feature]) -> Iterator[Leak]:
    if held_out is None or held_out.as_of is None:
        return
    day = float(as_numbers(pd.Series([held_out.as_of]))[0])
    least = {one.name: 1 if one.unit == "days" else 0 for one in catalogue if one.unit in ("days", "years")}
    for name in map(str, development.features):
        columns = [frame[name] for frame in (development.features, held_out.features)]
        bound = least.get(name)
        if all(map(is_date, columns)):
            late = [as_numbers(column) >= day for column in columns]
            what = message("dates at or after {date}", date=held_out.as_of)
        elif bound is not None and all(map(is_number, columns)):
            late = [as_numbers(column) < bound for column in columns]
            what = message("values below {bound}", bound=bound)
        else:
            continue
        if n_late := int(sum(map(np.sum, late))):
            found = message("{n} rows hold {what}, which nobody could know at the as-of date", n=n_late, what=what)
            yield _leak(name, "dates", float(n_late), found)


def _learn(development: Rows) -> _Learnt | None:
    features, y = development.features[development.latest], development.churned[development.latest]
    if _rarer(y) < MIN_OF_A_CLASS:
        return None
    folds = customer_folds(development.customer_id[development.latest], _FOLDS, "leaks")
    cuts = {name: cut_column(features[name]) for name in map(str, features)}
    alone = {name: judge_bins(bin_codes(features[name], cut), y, folds, cut.n_bins) for name, cut in cuts.items()}
    return _Learnt(features, y, folds, cuts, alone)


def _alone(learnt: _Learnt) -> Iterator[Leak]:
    for name, one in learnt.alone.items():
        sure = _sure_share(one)
        auc = Number(one.auc, digits=3)
        if one.auc - learnt.noise(one.auc, learnt.y) >= ALONE_AUC:
            found = message("alone it predicts with ROC-AUC {auc}; it probably knows the outcome", auc=auc)
        elif sure >= SURE_SHARE:
            share_sure = Percent(sure, digits=0)
            found = message("{share} of all who leave have values with which hardly anybody stays", share=share_sure)
        elif one.auc >= RIVAL_AUC and _beats_others(name, learnt):
            n = len(learnt.alone) - 1
            found = message(
                "alone it predicts with ROC-AUC {auc}, better than the other {n} features together", auc=auc, n=n
            )
        else:
            continue
        yield _leak(name, "alone", one.auc, found)


def _collapsing(learnt: _Learnt, held_out: Snapshot | None) -> Iterator[Leak]:
    if held_out is None or held_out.churned is None or _rarer(held_out.churned) < MIN_OF_A_CLASS:
        return
    y, rate = held_out.churned, float(np.mean(learnt.y))
    for name, one in learnt.alone.items():
        if one.auc - 0.5 < COLLAPSE_FROM:
            continue
        cut = learnt.cuts[name]
        later = roc_auc(y, smooth_rates(one.rows, one.churned, rate)[bin_codes(held_out.features[name], cut)])
        least, most = one.auc - learnt.noise(one.auc, learnt.y), later + learnt.noise(later, y)
        if most - 0.5 < COLLAPSE_TO * (least - 0.5):
            found = message(
                "alone it predicted with ROC-AUC {auc}, and on the held-out customers with {later}; it uses data"
                " that come too late, or has changed its meaning",
                auc=Number(one.auc, digits=3),
                later=Number(later, digits=3),
            )
            yield _leak(name, "collapses", one.auc - later, found)


def _leak(feature: str, kind: LeakKind, size: float, found: Message) -> Leak:
    said = message("{feature}: {found}; {advice}", feature=feature, found=found, advice=_BUILD)
    return Leak(feature, kind, size, said)


def _rarer(y: NDArray[np.int64]) -> int:
    n_churned = int(np.sum(y))
    return min(n_churned, len(y) - n_churned)


def _sure_share(one: OutOfFold) -> float:
    """Share of the churners who are in bins whose rate is, at the lower end of its Wilson interval, nearly 1."""
    k = one.churned
    low, stay = share(k, np.maximum(one.rows, 1)).low, 1 - k.sum() / one.rows.sum()
    return float(k[low >= 1 - SURE_STAYERS * stay].sum() / k.sum())


def _beats_others(name: str, learnt: _Learnt) -> bool:
    """Whether a feature ranks better than all others do, their log-odds added up as if they were independent."""
    if len(learnt.alone) <= RIVALS or _rarer(learnt.y) < RIVAL_ROWS:
        return False
    others = np.zeros(len(learnt.y))
    for other in learnt.alone:
        others += learnt.evidence(other) if other != name else 0.0
    auc = learnt.alone[name].auc
    return auc - roc_auc(learnt.y, others) >= RIVAL_MARGIN + learnt.noise(auc, learnt.y)


def _error(auc: float, y: NDArray[np.int64]) -> float:
    """Standard error of a ROC-AUC."""
    n_1 = float(np.sum(y))
    n_0 = len(y) - n_1
    both_1, both_0 = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    return float(np.sqrt((auc * (1 - auc) + (n_1 - 1) * both_1 + (n_0 - 1) * both_0) / (n_1 * n_0)))


def _count(cells: Codes, y: NDArray[np.int64], n_cells: int) -> tuple[Floats, Floats]:
    """Rows and churners by cell, each of shape (n_cells,)."""
    count = np.asarray(np.bincount(cells, minlength=n_cells), dtype=np.float64)
    return count, np.asarray(np.bincount(cells, weights=y, minlength=n_cells), dtype=np.float64)
