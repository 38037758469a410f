"""How many customers left: by date and group, and along a feature. Counts of outcomes, no model."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.errors import DataError
from churn.estimates import share_of
from churn.frame import Snapshot
from churn.model.split import outcomes

COLUMNS = ("n", "churned", "observed", "low", "high")


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
        One row a date and group, groups in order: `as_of`, `by`, `value`, `n`, `churned`, `observed` in [0, 1], and
        `low` and `high`, its 95 % Wilson interval (https://doi.org/10.1080/01621459.1927.10502953).

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
            raise DataError(f"segments.{by}: not known of these customers; give one of {', '.join(there) or 'none'}")
        churned, group = outcomes(snapshot), snapshot.segments[by].to_numpy(dtype=object)
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
        One row a bin: `value`, its words, and the columns of `observed_rates` from `n` on.

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
        raise DataError(f"features.{feature}: not among the {snapshot.features.shape[1]} features; check the name")
    churned, values = outcomes(snapshot), snapshot.features[feature].to_numpy(dtype=np.float64)
    known = ~np.isnan(values)
    rows = [
        {"value": words, **_rate(churned[known & (low <= values) & (values <= high)])}
        for low, high, words in _bins(np.sort(values[known]), n_bins)
    ]
    if not known.all():
        rows.append({"value": "missing", **_rate(churned[~known])})
    return pd.DataFrame(rows, columns=["value", *COLUMNS])


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
    observed, low, high = share_of(left, n)
    return {"n": n, "churned": left, "observed": observed, "low": low, "high": high}


def bin_words(rates: pd.DataFrame) -> Sequence[str]:
    """Say what each bin holds and how many customers, for an axis."""
    return [f"{value}\n({n:,})" for value, n in zip(rates["value"], rates["n"], strict=True)]
