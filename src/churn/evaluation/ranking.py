"""How well models rank: the area under the ROC curve with its standard error, and the paired test of two models.

An AUC is the mean over all pairs of a churner and a stayer of "the churner is predicted higher" (a tie counts half).
A row's component is its share of pairs won, less the AUC, scaled so that the squares of all components sum to the
variance of DeLong, DeLong, Clarke-Pearson 1988, https://doi.org/10.2307/2531595. Where a customer has several rows,
the components of each customer are summed before they are squared: Obuchowski 1997, https://doi.org/10.2307/2533958.
Differences of models and means over snapshots are the same sums of components.
"""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from churn.estimates import UNKNOWN, Estimate, around, normal_p_value
from churn.evaluation.backtest import Judged

Floats = NDArray[np.float64]


class AucComponents(NamedTuple):
    """An AUC and its components.

    Attributes
    ----------
    value
        In [0, 1], 0.5 is chance; NaN with one class only.
    components
        Shape (n,). Those of churners sum to 0, as do those of stayers. NaN for all rows of a class in which there is
        only one customer, whose variance nothing shows.
    """

    value: float
    components: Floats


class RocAuc(NamedTuple):
    """A ROC-AUC, or a mean of several, with what its comparison needs.

    Attributes
    ----------
    estimate
        Value and 95 % interval, value -+ 1.96 standard errors, cut at 0 and 1; None where not defined.
    standard_error
        Not negative; None where not defined.
    by_customer
        Components summed by customer, shape (number of customers,).
    n_left_out
        Snapshots with one class only, which are not in the mean.
    """

    estimate: Estimate
    standard_error: float | None
    by_customer: Floats
    n_left_out: int


class AucDifference(NamedTuple):
    """A difference of two ROC-AUCs of the same rows, its 95 % interval and two-sided p-value.

    All are None where an AUC has none; `p_value` also where the standard error is 0 though the AUCs differ, as when
    one model ranks perfectly and the other not at all.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    standard_error: float | None


def auc_components(y_obs: ArrayLike, y_pred: ArrayLike, groups: ArrayLike | None = None) -> AucComponents:
    """Compute the AUC and each row's component, from midranks: Sun and Xu 2014, https://doi.org/10.1109/LSP.2014.2337313.

    With V the row's share of pairs won, n the rows of its class and m the customers among these, the component is
    (V - AUC) / n x sqrt(m / (m - 1)). Obuchowski scales what a customer's own churned and stayed rows have in common
    by I / (I - 1), I being all customers; here it is the geometric mean of both classes' factors.

    Parameters
    ----------
    y_obs
        0 or 1, shape (n,).
    y_pred
        What rows are ranked by, shape (n,).
    groups
        Whose row it is, shape (n,); each row its own customer by default.

    Examples
    --------
    >>> found = auc_components([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> found.value, round(float(np.sum(found.components**2)), 6)
    (0.75, 0.125)
    """
    churned, score = np.asarray(y_obs) == 1, np.asarray(y_pred, dtype=np.float64)
    owner = np.arange(len(score)) if groups is None else np.asarray(groups)
    n_1, n_0 = int(churned.sum()), int((~churned).sum())
    if n_0 == 0 or n_1 == 0:
        return AucComponents(float("nan"), np.full(len(score), np.nan))
    below, scale = scipy.stats.rankdata(score), np.empty(len(score))
    for members in (churned, ~churned):
        below[members] -= scipy.stats.rankdata(
            score[members]
        )  # leaves the rows of the other class that are predicted lower
        scale[members] = _scale(owner[members])
    won = np.where(churned, below / n_0, 1 - below / n_1)
    value = float(won[churned].mean())
    return AucComponents(value, (won - value) * scale)


def clustered_auc(y_obs: ArrayLike, y_pred: ArrayLike, groups: ArrayLike | None = None) -> RocAuc:
    """Compute one AUC over all rows, with an interval for customers who have several rows.

    Parameters
    ----------
    y_obs, y_pred, groups
        As for `auc_components`.

    Examples
    --------
    >>> found = clustered_auc([0, 0, 1, 1] * 25, [0.1, 0.4, 0.35, 0.8] * 25)
    >>> found.estimate.value, round(found.standard_error, 4)
    (0.75, 0.0505)
    """
    value, components = auc_components(y_obs, y_pred, groups)
    owner = np.arange(len(components)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    return _roc_auc(value, np.bincount(owner, components).astype(np.float64), n_left_out=int(np.isnan(value)))


def mean_auc(judged: Judged, model: str) -> RocAuc:
    """Compute the mean of the AUCs of a model's snapshots, each ranked by itself.

    Snapshots with one class only are left out of the mean, and counted.

    Parameters
    ----------
    judged
        The rows.
    model
        One of `judged.models`.

    Examples
    --------
    >>> import pandas as pd
    >>> judged = Judged(
    ...     as_of=np.repeat(np.array(["2023-01-01", "2024-01-01"], dtype="datetime64[D]"), 4),
    ...     customer_id=np.array([*"ABCDABCE"], dtype=object),
    ...     churned=np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    ...     predicted={"champion": np.array([0.1, 0.4, 0.35, 0.8, 0.1, 0.2, 0.3, 0.4])},
    ...     segments=pd.DataFrame(index=range(8)),
    ... )
    >>> mean_auc(judged, "champion").estimate.value  # of 0.75 and 1
    0.875
    """
    y, p = judged.churned, judged.predicted[model]
    found = [(rows, *auc_components(y[rows], p[rows])) for rows in judged.snapshots().values()]
    used = [one for one in found if not np.isnan(one[1])]
    summed = np.zeros(int(judged.customers.max()) + 1)
    for rows, _, components in used:
        summed[judged.customers[rows]] += components / len(used)
    value = float(np.mean([value for _, value, _ in used])) if used else float("nan")
    return _roc_auc(value, summed, n_left_out=len(found) - len(used))


def auc_difference(one: RocAuc, other: RocAuc) -> AucDifference:
    """Compare two AUCs of the same rows, already computed: that of `one` minus that of `other`.

    Two-sided test of DeLong et al. 1988 on the components' differences, by the normal distribution.

    Examples
    --------
    >>> found = clustered_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> auc_difference(found, found)
    AucDifference(difference=0.0, low=0.0, high=0.0, p_value=1.0, standard_error=0.0)
    """
    if one.estimate.value is None or other.estimate.value is None:
        return AucDifference(None, None, None, None, None)
    difference = one.estimate.value - other.estimate.value
    error = _norm(one.by_customer - other.by_customer)
    if error is None:
        return AucDifference(difference, None, None, None, None)
    _, low, high = around(difference, error)
    return AucDifference(difference, low, high, normal_p_value(difference, error), error)


def _scale(owner: NDArray[np.generic]) -> float:
    n_customers = len(np.unique(owner))
    return float(np.sqrt(n_customers / (n_customers - 1)) / len(owner)) if n_customers > 1 else float("nan")


def _roc_auc(value: float, by_customer: Floats, *, n_left_out: int) -> RocAuc:
    if np.isnan(value):
        return RocAuc(UNKNOWN, None, by_customer, n_left_out)
    error = _norm(by_customer)
    _, low, high = around(value, error)
    if low is not None and high is not None:
        low, high = max(low, 0.0), min(high, 1.0)
    return RocAuc(Estimate(value, low, high), error, by_customer, n_left_out)


def _norm(by_customer: Floats) -> float | None:
    error = float(np.sqrt(np.sum(by_customer**2)))
    return None if np.isnan(error) else error
