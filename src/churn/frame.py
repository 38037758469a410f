"""Labels and features joined: one row per customer and as-of date. Here lazy frames become pandas."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config
from churn.features.catalogue import build_features
from churn.labels import build_labels
from churn.segments import build_segments, flat_segments, pool_rare
from churn.tables.contract import to_days
from churn.timeline import CUSTOMER, DATE, Seen, Tables, populations


@dataclass(frozen=True)
class Snapshot:
    """The population at one as-of date, one row per customer, sorted by `customer_id`.

    Attributes
    ----------
    as_of
        The date; None for a flat file, which has no time.
    customer_id
        Strings, shape (n,), each once.
    features
        Shape (n, number of features), columns in the catalogue's order; numbers, or strings and categories.
    churned
        1 where the customer left within the horizon, else 0, shape (n,); None when only scored.
    product_coverage
        Number of distinct products open at `as_of`, shape (n,), NaN for a customer for whom it is not known; None
        where it is known of nobody.
    segments
        Groups of `churn.segments` the customers are in, n rows; None where nothing is to be judged.
    """

    as_of: dt.date | None
    customer_id: NDArray[np.object_]
    features: pd.DataFrame
    churned: NDArray[np.int64] | None
    product_coverage: NDArray[np.float64] | None
    segments: pd.DataFrame | None = None

    def take(self, rows: NDArray[Any]) -> "Snapshot":
        """Return the snapshot of some of its customers: a mask of shape (n,), or places."""

        def of(part: Any) -> Any:
            if part is None:
                return None
            return part.iloc[places].reset_index(drop=True) if isinstance(part, pd.DataFrame) else part[places]

        places = np.arange(len(self.customer_id))[rows]
        parts = ("customer_id", "features", "churned", "product_coverage", "segments")
        return replace(self, **{name: of(getattr(self, name)) for name in parts})


def build_snapshot(tables: Tables, as_of: dt.date, config: Config) -> Snapshot:
    """Build the population at `as_of`, without labels; nobody may be in it."""
    found = _build_features(Seen(tables, [to_days(as_of)]), config)
    return _snapshot(as_of, found.drop(columns=DATE), None)


def build_labelled(tables: Tables, dates: Sequence[dt.date], horizon_days: int, config: Config) -> list[Snapshot]:
    """Build, for each date, those of its population who have a label, with their segments; nobody may be in one."""
    seen = Seen(tables, [to_days(date) for date in dates])
    labels = seen.collect(build_labels(seen, horizon_days, config.label))
    frame = _build_features(seen, config).merge(labels, on=CUSTOMER, how="inner", validate="one_to_one")
    segments = build_segments(seen, frame, config)
    snapshots = []
    for date, day in zip(dates, seen.days, strict=True):
        rows = (frame[DATE] == day).to_numpy()
        at = frame[rows].drop(columns=DATE).reset_index(drop=True)
        one = _snapshot(date, at, at.pop("churned").to_numpy(dtype=np.int64))
        snapshots.append(replace(one, segments=segments[rows].reset_index(drop=True)))
    return snapshots


def _build_features(seen: Seen, config: Config) -> pd.DataFrame:
    """Return the populations, sorted by `customer_id` at each date, with a float64 column per feature."""
    frame = seen.collect(build_features(seen, populations(seen), config))
    return frame.sort_values([DATE, "customer_id"], ignore_index=True)


def build_undated(
    customer_id: "pd.Series[str]",
    features: pd.DataFrame,
    churned: "pd.Series[Any] | None" = None,
    coverage_column: str | None = None,
) -> Snapshot:
    """Build the customers of a flat file, which has no time; `coverage_column` holds their numbers of products."""
    coverage = None
    if coverage_column in features:
        found = features[coverage_column].to_numpy(dtype=np.float64)
        # A number of products is whole; anything else says that it is not known.
        coverage = np.where(found == np.round(found), found, np.nan)
    ids, features = customer_id.to_numpy(dtype=object), features.reset_index(drop=True)
    if churned is None:
        return Snapshot(None, ids, features, None, coverage)
    outcomes: NDArray[np.int64] = churned.to_numpy(dtype=np.int64)
    segments = pool_rare(flat_segments(features, coverage))
    return replace(Snapshot(None, ids, features, outcomes, coverage), segments=segments)


def to_pandas(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Collect a lazy frame."""
    collected: pd.DataFrame = frame.collect(backend="pyarrow").to_native().to_pandas()
    return collected


def _snapshot(as_of: dt.date, frame: pd.DataFrame, churned: NDArray[np.int64] | None) -> Snapshot:
    customer_id = frame["customer_id"].to_numpy(dtype=object)
    coverage = frame["product_coverage"].to_numpy(dtype=np.float64)
    return Snapshot(as_of, customer_id, frame.drop(columns="customer_id"), churned, coverage)
