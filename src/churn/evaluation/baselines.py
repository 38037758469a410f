"""Churn as it was observed: by products held, beside what is stated and predicted; by date and group; along a feature.

This reports and forces nothing: where the stated and the observed rate differ, both are shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churn import errors, estimates, segments, timeline
from churn.frame import Snapshot
from churn.model import documents, split

MIN_ROWS = 30
"""Below this many customers no verdict is given: the Wilson interval is then wider than 30 points at a rate of one
half, and meets nearly any stated rate."""
ROUNDING = 0.005
"""Stated rates are whole per cents, so that the true one may be half a per cent away."""
COLUMNS = ("n", "churned", "observed", "low", "high")


def build_baselines(
    product_coverage: ArrayLike | None,
    churned: ArrayLike,
    y_pred: ArrayLike,
    *,
    stated: Mapping[Any, float],
    horizon_days: int = timeline.YEAR_DAYS,
) -> documents.Baselines:
    """Compare stated, observed and predicted churn in each bucket of coverage.

    The observed rate has a 95 % Wilson interval (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).
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
    for bucket in segments.BUCKETS:
        members = segments.is_in_bucket(coverage, bucket)
        rows.append(_row(bucket, y[members], p[members], stated.get(str(bucket)), horizon_days))
    return documents.Baselines(rows)


def restate_baselines(
    baselines: Iterable[documents.BaselineRow], *, stated: Mapping[Any, float], horizon_days: int
) -> documents.Baselines:
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
        rate = None if annual is None else timeline.stated_rate_at(annual, horizon_days)
        restated.append(row.model_copy(update={"stated": rate, "verdict": verdict}))
    return documents.Baselines(restated)


def observed_rates(snapshots: Iterable[Snapshot], by: str = "coverage") -> pd.DataFrame:
    """Count who left at each date in each group of a segmentation.

    Parameters
    ----------
    snapshots
        With outcomes.
    by
        A column of their `segments`: coverage, tier, branch or age for a bank; for a flat file its own categories.

    Returns
    -------
    DataFrame
        One row per date and group, groups in order: `as_of`, `by`, `value`, `n`, `churned`, `observed` in [0, 1], and
        `low` and `high`, its 95 % Wilson interval (https://doi.org/10.1080/01621459.1927.10502953).

    Raises
    ------
    DataError
        No such segmentation, or no outcomes.

    Examples
    --------
    >>> snapshot = Snapshot(None, np.array(["A", "B", "C"], dtype=object), pd.DataFrame(index=range(3)),
    ...                     np.array([1, 0, 1]), None, pd.DataFrame({"tier": ["gold", "gold", "vip"]}))
    >>> observed_rates([snapshot], by="tier")[["value", "n", "observed"]].values.tolist()
    [['gold', 2, 0.5], ['vip', 1, 1.0]]
    """
    rows: list[dict[str, Any]] = []
    for snapshot in snapshots:
        there = [] if snapshot.segments is None else list(map(str, snapshot.segments))
        if snapshot.segments is None or by not in there:
            raise errors.DataError(
                f"segments.{by}: not known of these customers; give one of {', '.join(there) or 'none'}"
            )
        churned, group = split.outcomes(snapshot), snapshot.segments[by].to_numpy(dtype=object)
        rows.extend(
            {"as_of": snapshot.as_of, "by": by, "value": value, **_rate(churned[group == value])}
            for value in sorted({one for one in group if one is not None})
        )
    return pd.DataFrame(rows, columns=["as_of", "by", "value", *COLUMNS])


def feature_rates(snapshot: Snapshot, feature: str, *, n_bins: int = 7) -> pd.DataFrame:
    """Count who left along a feature: at each of its values where they are few, else in bins of about equal size.

    Parameters
    ----------
    snapshot
        With outcomes.
    feature
        A numeric column of its features.
    n_bins
        At most so many values or bins; a value that fills several bins is one of them. Missing values come last.

    Returns
    -------
    DataFrame
        One row per bin: `value`, its words, and the columns of `observed_rates` from `n` on.

    Raises
    ------
    DataError
        No such feature, or no outcomes.

    Examples
    --------
    >>> snapshot = Snapshot(None, np.array(["A", "B", "C"], dtype=object), pd.DataFrame({"age": [30, 30, np.nan]}),
    ...                     np.array([1, 0, 1]), None)
    >>> feature_rates(snapshot, "age")[["value", "n", "observed"]].values.tolist()
    [['30', 2, 0.5], ['missing', 1, 1.0]]
    """
    if feature not in snapshot.features:
        raise errors.DataError(
            f"features.{feature}: not among the {snapshot.features.shape[1]} features; check the name"
        )
    churned, values = split.outcomes(snapshot), snapshot.features[feature].to_numpy(dtype=np.float64)
    known = ~np.isnan(values)
    rows = [
        {"value": words, **_rate(churned[known & (low <= values) & (values <= high)])}
        for low, high, words in _bins(np.sort(values[known]), n_bins)
    ]
    if not known.all():
        rows.append({"value": "missing", **_rate(churned[~known])})
    return pd.DataFrame(rows, columns=["value", *COLUMNS])


def bin_words(rates: pd.DataFrame) -> Sequence[str]:
    """Say what each bin holds and how many customers, for an axis."""
    return [f"{value}\n({n:,})" for value, n in zip(rates["value"], rates["n"], strict=True)]


def _row(
    bucket: int | str, y: NDArray[np.float64], p: NDArray[np.float64], annual: float | None, horizon_days: int
) -> documents.BaselineRow:
    known = y[~np.isnan(y)]
    observed, low, high = estimates.share_of(int(known.sum()), len(known))
    return documents.BaselineRow(
        product_coverage=bucket,
        n=len(y),
        stated=None if annual is None else timeline.stated_rate_at(annual, horizon_days),
        observed=observed,
        observed_low=low,
        observed_high=high,
        predicted=float(p.mean()) if len(p) else None,
        verdict=_verdict(len(known), annual, low, high, horizon_days),
    )


def _verdict(
    n: int, annual: float | None, low: float | None, high: float | None, horizon_days: int
) -> documents.BaselineVerdict:
    if annual is None:
        return "not_stated"
    if n < MIN_ROWS or low is None or high is None:
        return "too_few"
    least = timeline.stated_rate_at(max(annual - ROUNDING, 0.0), horizon_days)
    most = timeline.stated_rate_at(min(annual + ROUNDING, 1.0), horizon_days)
    return "agrees" if low <= most and high >= least else "departs"


def _bins(ordered: NDArray[np.float64], n_bins: int) -> list[tuple[float, float, str]]:
    """Cut sorted values between different ones; each bin from its least to its largest value, and in words."""
    different = np.unique(ordered)
    if len(different) <= n_bins:
        return [(value, value, _number(value)) for value in different.tolist()]
    highs = np.unique(ordered[np.ceil(np.arange(1, n_bins + 1) * len(ordered) / n_bins).astype(int) - 1])
    lows = [different[0], *(different[np.searchsorted(different, high, side="right")] for high in highs[:-1])]
    return [
        (float(low), float(high), _number(low) if low == high else f"{_number(low)} to\n{_number(high)}")
        for low, high in zip(lows, highs, strict=True)
    ]


def _number(value: float) -> str:
    """Write a number short enough to stand under an axis: 12, 0.25, 3.4k, 1.2m."""
    for size, letter in ((1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}" if value == round(value) else f"{value:.2g}"


def _rate(churned: NDArray[np.int64]) -> dict[str, Any]:
    n, left = len(churned), int(churned.sum())
    observed, low, high = estimates.share_of(left, n)
    return {"n": n, "churned": left, "observed": observed, "low": low, "high": high}
