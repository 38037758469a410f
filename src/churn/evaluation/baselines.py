"""Churn by product coverage: what the bank states, what was observed, what the model predicts.

This reports and forces nothing: where the stated and the observed rate differ, both are shown.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from churn.estimates import share_of
from churn.model.anchoring import BUCKETS
from churn.model.documents import BaselineRow, Baselines, BaselineVerdict
from churn.timeline import YEAR_DAYS, stated_rate_at

MIN_ROWS = 30
"""Below this many customers no verdict is given: the Wilson interval is then wider than 30 points at a rate of one
half, and meets nearly any stated rate."""
ROUNDING = 0.005
"""Stated rates are whole per cents, so that the true one may be half a per cent away."""


def build_baselines(
    product_coverage: ArrayLike | None,
    churned: ArrayLike,
    y_pred: ArrayLike,
    *,
    stated: Mapping[Any, float],
    horizon_days: int = YEAR_DAYS,
) -> Baselines:
    """Compare stated, observed and predicted churn in each bucket of coverage.

    The observed rate has a 95 % Wilson interval (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).
    The verdict is "not_stated" where the bank states none; "too_few" below `MIN_ROWS` known outcomes; "agrees" where
    the interval meets the stated rate give or take `ROUNDING`; else "departs".

    Parameters
    ----------
    product_coverage
        Number of distinct products, shape (n,), less than 1 or NaN where not known; None where no customer's is.
    churned
        0 or 1, shape (n,); NaN where not known, who count among the customers and the predicted but are not observed.
    y_pred
        Predicted probabilities, shape (n,).
    stated
        A year's churn by bucket, keys "1" to "4" and "5+".
    horizon_days
        Horizon of `churned` and `y_pred`; stated rates are converted to it.

    Examples
    --------
    >>> found = build_baselines([1] * 40, [1] * 24 + [0] * 16, [0.6] * 40, stated={"1": 0.62})
    >>> found[0].observed, found[0].verdict, found[1].verdict
    (0.6, 'agrees', 'not_stated')
    """
    y, p = np.asarray(churned, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    coverage = np.zeros(len(y)) if product_coverage is None else np.asarray(product_coverage, dtype=np.float64)
    rows = []
    for bucket in BUCKETS:
        members = coverage >= 5 if bucket == "5+" else coverage == bucket
        rows.append(_row(bucket, y[members], p[members], stated.get(str(bucket)), horizon_days))
    return Baselines(rows)


def restate_baselines(baselines: Iterable[BaselineRow], *, stated: Mapping[Any, float], horizon_days: int) -> Baselines:
    """Hold what was observed and predicted against other stated rates.

    Parameters
    ----------
    baselines
        From `build_baselines`, every customer's outcome known.
    stated, horizon_days
        As for `build_baselines`.

    Examples
    --------
    >>> found = build_baselines([1] * 40, [1] * 24 + [0] * 16, [0.6] * 40, stated={"1": 0.62})
    >>> restate_baselines(found, stated={"1": 0.2}, horizon_days=365)[0].verdict
    'departs'
    """
    restated = []
    for row in baselines:
        annual = stated.get(str(row.product_coverage))
        verdict = _verdict(row.n, annual, row.observed_low, row.observed_high, horizon_days)
        rate = None if annual is None else stated_rate_at(annual, horizon_days)
        restated.append(row.model_copy(update={"stated": rate, "verdict": verdict}))
    return Baselines(restated)


def _row(
    bucket: int | str, y: NDArray[np.float64], p: NDArray[np.float64], annual: float | None, horizon_days: int
) -> BaselineRow:
    known = y[~np.isnan(y)]
    observed, low, high = share_of(int(known.sum()), len(known))
    return BaselineRow(
        product_coverage=bucket,
        n=len(y),
        stated=None if annual is None else stated_rate_at(annual, horizon_days),
        observed=observed,
        observed_low=low,
        observed_high=high,
        predicted=float(p.mean()) if len(p) else None,
        verdict=_verdict(len(known), annual, low, high, horizon_days),
    )


def _verdict(n: int, annual: float | None, low: float | None, high: float | None, horizon_days: int) -> BaselineVerdict:
    if annual is None:
        return "not_stated"
    if n < MIN_ROWS or low is None or high is None:
        return "too_few"
    least = stated_rate_at(max(annual - ROUNDING, 0.0), horizon_days)
    most = stated_rate_at(min(annual + ROUNDING, 1.0), horizon_days)
    return "agrees" if low <= most and high >= least else "departs"
