"""Features that know the outcome, or what came after the as-of date: found before a model learns from them.

Each feature is judged alone, by the churn rates of its bins on customers that these rates were not learnt on; missing
is a bin, so that missingness that tells is seen too. docs/evidence.md has what the limits were chosen by.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from churn.estimates import share
from churn.evaluation.bins import (
    Cut,
    OutOfFold,
    as_numbers,
    bin_codes,
    cut_column,
    is_date,
    is_number,
    judge_bins,
    rank_auc,
    smooth_rates,
)
from churn.evaluation.metrics import roc_auc
from churn.features.feature import Feature
from churn.frame import Snapshot
from churn.model.folds import customer_folds
from churn.model.split import MIN_OF_A_CLASS, Rows

Floats = NDArray[np.float64]

ALONE_AUC = 0.95
"""ROC-AUC from which on a feature alone predicts too well."""
SURE_SHARE, SURE_STAYERS = 0.1, 0.05
"""Share of all churners that bins may hold in which fewer stay than this share of those who stay elsewhere."""
RIVAL_AUC, RIVAL_MARGIN, RIVALS, RIVAL_ROWS = 0.8, 0.03, 20, 100
"""From this ROC-AUC on, a feature may not be better by this margin than all others together, where there are at least
so many and so many churners and stayers to learn from: a few cannot tell what they say together."""
COLLAPSE_FROM, COLLAPSE_TO = 0.1, 0.5
"""Power (ROC-AUC - 0.5) from which on a feature may not fall to less than this share of it."""
_FOLDS = 5
_BUILD = "take it out, or build it from what was known strictly before the as-of date"


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
    sentence
        What was found and what to do, in one line.
    """

    feature: str
    kind: Literal["alone", "collapses", "dates"]
    size: float
    sentence: str


class _Learnt(NamedTuple):
    """What the latest development snapshot says: its rows, and by feature where it is cut and what it says alone."""

    features: pd.DataFrame
    y: NDArray[np.int64]
    folds: NDArray[np.int64]
    cuts: Mapping[str, Cut]
    alone: Mapping[str, OutOfFold]

    def noise(self, auc: float, y: NDArray[np.int64]) -> float:
        """Return half a 95 % interval of a ROC-AUC on outcomes `y`, for all features at once (Bonferroni)."""
        return float(norm.ppf(1 - 0.025 / len(self.alone))) * _error(auc, y)

    def evidence(self, name: str) -> Floats:
        """Return the log-odds that the feature gives each row, out of fold."""
        return self.alone[name].log_odds[self.folds, bin_codes(self.features[name], self.cuts[name])]


def find_leaks(development: Rows, held_out: Snapshot | None = None, catalogue: Sequence[Feature] = ()) -> list[Leak]:
    """Name the features that know too much, in the order of their columns, each once.

    - "dates": a date at or after that of `held_out`, or days since an event that are fewer than 1 (an age below 0),
      in any row: features use what happened strictly before the as-of date. Not looked at where `held_out` has no
      date: a flat file does not say when its columns were true.
    - "alone", on the latest snapshot of `development`: the out-of-fold ROC-AUC is `ALONE_AUC` or more; or a tenth of
      all churners are in bins in which hardly anybody stays; or the feature is better than all others together.
    - "collapses": by rates learnt on that snapshot, the power (ROC-AUC - 0.5) falls on `held_out` to less than half.

    Noise is allowed for: of every ROC-AUC and rate the less suspicious end of its interval counts, and all features
    together have 95 %, however many there are. Of fewer than 10 churners or stayers only dates are looked at.

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


def _late(development: Rows, held_out: Snapshot | None, catalogue: Sequence[Feature]) -> Iterator[Leak]:
    if held_out is None or held_out.as_of is None:
        return
    day = float(as_numbers(pd.Series([held_out.as_of]))[0])
    least = {one.name: 1 if one.unit == "days" else 0 for one in catalogue if one.unit in ("days", "years")}
    for name in map(str, development.features):
        columns = [frame[name] for frame in (development.features, held_out.features)]
        bound = least.get(name)
        if all(map(is_date, columns)):
            late, what = [as_numbers(column) >= day for column in columns], f"dates at or after {held_out.as_of}"
        elif bound is not None and all(map(is_number, columns)):
            late, what = [as_numbers(column) < bound for column in columns], f"values below {bound}"
        else:
            continue
        if n_late := int(sum(map(np.sum, late))):
            text = f"{name}: {n_late:,} rows hold {what}, which nobody could know at the as-of date; {_BUILD}"
            yield Leak(name, "dates", float(n_late), text)


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
        sure, found = _sure_share(one), f"{name}: alone it tells who leaves with ROC-AUC {one.auc:.3f}"
        if one.auc - learnt.noise(one.auc, learnt.y) >= ALONE_AUC:
            why = f"{found}; it probably knows the outcome"
        elif sure >= SURE_SHARE:
            why = f"{name}: {sure:.0%} of all who leave have values with which hardly anybody stays"
        elif one.auc >= RIVAL_AUC and _beats_others(name, learnt):
            why = f"{found}, better than the other {len(learnt.alone) - 1} features together"
        else:
            continue
        yield Leak(name, "alone", one.auc, f"{why}; {_BUILD}")


def _collapsing(learnt: _Learnt, held_out: Snapshot | None) -> Iterator[Leak]:
    if held_out is None or held_out.churned is None or _rarer(held_out.churned) < MIN_OF_A_CLASS:
        return
    y, rate = held_out.churned, float(np.mean(learnt.y))
    for name, one in learnt.alone.items():
        if one.auc - 0.5 < COLLAPSE_FROM:
            continue
        cut = learnt.cuts[name]
        later = rank_auc(bin_codes(held_out.features[name], cut), y, smooth_rates(one.rows, one.churned, rate))
        least, most = one.auc - learnt.noise(one.auc, learnt.y), later + learnt.noise(later, y)
        if most - 0.5 < COLLAPSE_TO * (least - 0.5):
            text = (
                f"{name}: alone it told who leaves with ROC-AUC {one.auc:.3f}, and on the held-out customers with "
                f"{later:.3f}; what it knew there is not known in time, or it has changed its meaning; {_BUILD}"
            )
            yield Leak(name, "collapses", one.auc - later, text)


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
