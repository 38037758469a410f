"""Groups of customers a model is looked at by: products held, tier, branch, age; of a flat file, its own categories.

They are known at the as-of date, like features, and no model learns from them.
"""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from churn.config import Config
from churn.tables.contract import LEAST_SHARED
from churn.timeline import CUSTOMER, Seen

BUCKETS: tuple[int | str, ...] = (1, 2, 3, 4, "5+")
"""Product coverage as rates are stated for it; the last holds 5 and more."""
AGE_BANDS = ((30, "0 to 29"), (45, "30 to 44"), (60, "45 to 59"))
OLDEST = "60 and more"
OTHER = "other"
MOST_LEVELS = 12
"""A text column of a flat file with more values than this names customers rather than groups."""


def build_segments(seen: Seen, customers: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Say which groups customers are in at as-of dates: `coverage`, and `tier`, `branch` and `age` as far as known.

    Parameters
    ----------
    seen
        Checked tables, dates as days.
    customers
        `customer_id`, `as_of` and features, among them `product_coverage`; n rows.
    config
        Says which columns of `customers` never change.

    Returns
    -------
    DataFrame
        n rows; strings, None where not known. Tier and branch are those of the latest state begun strictly before
        `as_of`, or of `customers` where the bank states that they never change; without either they are left out.
    """
    found = {"coverage": coverage_groups(customers["product_coverage"].to_numpy(dtype=np.float64))}
    for name, column in (("tier", "tier"), ("branch", "branch_id")):
        known = _known(seen, column, config)
        if known is not None:
            found[name] = known.reindex(pd.MultiIndex.from_frame(customers[CUSTOMER])).to_numpy(dtype=object)
    if "age_years" in customers:
        found["age"] = age_bands(customers["age_years"].to_numpy(dtype=np.float64))
    return pd.DataFrame({name: _texts(values) for name, values in found.items()})


def flat_segments(features: pd.DataFrame, product_coverage: NDArray[np.float64] | None) -> pd.DataFrame:
    """Say which groups the customers of a flat file are in: `coverage`, and each text column of at most 12 values.

    Examples
    --------
    >>> flat_segments(pd.DataFrame({"sex": ["f", "m", None], "income": [1.0, 2.0, 3.0]}), None)["sex"].tolist()
    ['f', 'm', None]
    """
    found = {} if product_coverage is None else {"coverage": coverage_groups(product_coverage)}
    for name, column in features.items():
        if not pd.api.types.is_numeric_dtype(column) and column.nunique() <= MOST_LEVELS:
            found[str(name)] = column.to_numpy(dtype=object)
    return pd.DataFrame({name: _texts(values) for name, values in found.items()}, index=range(len(features)))


def pool_rare(segments: pd.DataFrame) -> pd.DataFrame:
    """Put the values of fewer than `LEAST_SHARED` customers together as `OTHER`, before they are kept with a model.

    Examples
    --------
    >>> pool_rare(pd.DataFrame({"sex": ["f"] * 5 + ["x", None]}, dtype=object))["sex"].tolist()[4:]
    ['f', 'other', None]
    """
    counts = {name: column.map(column.value_counts()) for name, column in segments.items()}
    return segments.mask(pd.DataFrame(counts) < LEAST_SHARED, OTHER)


def coverage_groups(product_coverage: NDArray[np.float64]) -> NDArray[np.object_]:
    """Group numbers of products as the stated rates are: "1" to "4", "5+", None for 0 or unknown.

    Examples
    --------
    >>> coverage_groups(np.array([1.0, 7.0, np.nan])).tolist()
    ['1', '5+', None]
    """
    return np.array([*map(str, BUCKETS), None], dtype=object)[bucket_positions(product_coverage)]


def bucket_positions(product_coverage: ArrayLike) -> NDArray[np.int64]:
    """Return each customer's position in `BUCKETS`, -1 where coverage is under 1 or unknown (NaN).

    Examples
    --------
    >>> bucket_positions([1, 4.9, 5, 12, 0, float("nan")])
    array([ 0,  3,  4,  4, -1, -1])
    """
    coverage = np.asarray(product_coverage, dtype=np.float64)
    known = coverage >= 1
    return np.where(known, np.minimum(np.where(known, coverage, 1), len(BUCKETS)), 0).astype(np.int64) - 1


def is_in_bucket(product_coverage: Any, bucket: int | str) -> Any:
    """Say of numbers of products, an array or a column, whether they are those of a bucket; unknown ones are of none.

    Examples
    --------
    >>> is_in_bucket(np.array([4.0, 5.0, 12.0, np.nan]), "5+")
    array([False,  True,  True, False])
    """
    return product_coverage >= len(BUCKETS) if bucket == BUCKETS[-1] else product_coverage == bucket


def age_bands(age_years: NDArray[np.float64]) -> NDArray[np.object_]:
    """Group ages; None where not known.

    Examples
    --------
    >>> age_bands(np.array([29.0, 30.0, 80.0, np.nan])).tolist()
    ['0 to 29', '30 to 44', '60 and more', None]
    """
    names = np.array([*(name for _, name in AGE_BANDS), OLDEST, None], dtype=object)
    place = np.digitize(age_years, [upper for upper, _ in AGE_BANDS])
    return names[np.where(np.isnan(age_years), len(names) - 1, place)]


def _known(seen: Seen, column: str, config: Config) -> "pd.Series[Any] | None":
    """A column's value by customer and date."""
    if column in config.customers.static:
        frame = seen["customers"].select(*seen.customer, column)
    elif "customer_states" in seen:
        before = seen["customer_states"].filter(nw.col("valid_from") < seen.as_of)
        latest = before.filter(nw.col("valid_from") == nw.col("valid_from").max().over(*seen.customer))
        frame = latest.select(*seen.customer, column)
    else:
        return None
    return seen.collect(frame).set_index(CUSTOMER)[column]


def _texts(values: Sequence[Any] | NDArray[np.object_]) -> "pd.Series[Any]":
    return pd.Series([None if pd.isna(value) else str(value) for value in values], dtype=object)
