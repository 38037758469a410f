"""Labels and features joined: one row a customer and as-of date. Here lazy frames become pandas."""

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.errors import DataError, TimeRangeError
from churn.features.catalogue import build_features
from churn.labels import build_labels, silent_is_known
from churn.segments import build_segments, flat_segments
from churn.tables.bank import Bank, to_days
from churn.tables.flat import FlatTable
from churn.timeline import population, require_complete, require_within

# Customers held in memory at a time while a file is scored.
PARTITION_SIZE = 50_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """The population at one as-of date, one row a customer, sorted by `customer_id`.

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


def build_snapshot(bank: Bank, as_of: dt.date, horizon_days: int) -> Snapshot:
    """Build the labelled population at `as_of`; where the bank keeps its own labels, those who have one.

    Raises
    ------
    TimeRangeError
        The horizon ends after the data do (with the bank's own labels: `as_of` lies too far after them), or nobody
        is in the population.
    """
    if bank.has("labels"):
        require_within(as_of, bank.data_end)
    else:
        require_complete([as_of], bank.data_end, horizon_days)
    tables, day = bank.frames(), to_days(as_of)
    _require_some_part(bank, as_of, horizon_days)
    frame = _collect(bank, as_of)
    labels = build_labels(tables, population(tables, day), day, horizon_days, bank.config.label)
    labelled = frame.merge(_to_pandas(labels), on="customer_id", how="inner", validate="one_to_one")
    if labelled.empty:
        raise TimeRangeError(f"--as-of {as_of}: nobody has a label at that date; give a date inside the data")
    churned = labelled.pop("churned").to_numpy(dtype=np.int64)
    snapshot = _snapshot(as_of, labelled, churned)
    coverage = labelled["product_coverage"].to_numpy(dtype=np.float64)
    segments = build_segments(tables, day, snapshot.customer_id, snapshot.features, coverage, bank.config)
    return replace(snapshot, segments=segments)


def scored_snapshots(bank: Bank, as_of: dt.date) -> Iterator[Snapshot]:
    """Yield the population at `as_of` without labels, in partitions of customers sorted by id.

    Raises
    ------
    TimeRangeError
        `as_of` lies too far after the data end, or nobody is in the population.
    """
    require_within(as_of, bank.data_end)
    found = False
    for between in bank.ranges(PARTITION_SIZE):
        frame = _collect(bank, as_of, between)
        if not frame.empty:
            found = True
            yield _snapshot(as_of, frame, None)
    if not found:
        raise TimeRangeError(_nobody(as_of, bank))


def customer_snapshot(bank: Bank, as_of: dt.date, customer_id: str) -> Snapshot:
    """Build the features of one customer at `as_of`, without a label.

    Raises
    ------
    DataError
        The customer is not in the population at that date.
    TimeRangeError
        `as_of` lies too far after the data end.
    """
    require_within(as_of, bank.data_end)
    frame = _collect(bank, as_of, (customer_id, customer_id))
    if frame.empty:
        raise DataError(
            f"--customer: nobody of that id is a customer at {as_of}; check the id, or whether the relationship had"
            " begun, and not ended, by then"
        )
    return _snapshot(as_of, frame, None)


def build_frame(bank: Bank, as_of: dt.date) -> pd.DataFrame:
    """Return the feature frame at `as_of`: `customer_id`, `as_of` and a float64 column a feature.

    Raises
    ------
    TimeRangeError
        `as_of` lies too far after the data end, or nobody is in the population.
    """
    require_within(as_of, bank.data_end)
    frame = _collect(bank, as_of)
    if frame.empty:
        raise TimeRangeError(_nobody(as_of, bank))
    frame.insert(1, "as_of", as_of)
    return frame


def flat_snapshot(table: FlatTable, between: tuple[str, str] | None = None) -> Snapshot:
    """Return a flat file's customers, or a range of them."""
    rows = table.rows(between)
    customer_id = rows.customer_id.to_numpy(dtype=object)
    churned = None if rows.churned is None else rows.churned.to_numpy(dtype=np.int64)
    frame = rows.features
    coverage = None
    if table.flat.coverage in frame:
        found = frame[table.flat.coverage].to_numpy(dtype=np.float64)
        # A number of products is whole; anything else says that it is not known.
        coverage = np.where(found == np.round(found), found, np.nan)
    segments = None if churned is None else flat_segments(frame, coverage)
    return Snapshot(None, customer_id, frame, churned, coverage, segments)


def flat_snapshots(table: FlatTable) -> Iterator[Snapshot]:
    """Yield a flat file's customers in partitions sorted by id."""
    for between in table.ranges(PARTITION_SIZE):
        yield flat_snapshot(table, between)


def _collect(bank: Bank, as_of: dt.date, between: tuple[str, str] | None = None) -> pd.DataFrame:
    tables, day = bank.frames(between), to_days(as_of)
    frame = _to_pandas(build_features(tables, population(tables, day), day, bank.config))
    return frame.sort_values("customer_id", ignore_index=True)


def _to_pandas(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    collected: pd.DataFrame = frame.collect(backend="pyarrow").to_native().to_pandas()
    return collected


def _snapshot(as_of: dt.date, frame: pd.DataFrame, churned: NDArray[np.int64] | None) -> Snapshot:
    customer_id = frame["customer_id"].to_numpy(dtype=object)
    coverage = frame["product_coverage"].to_numpy(dtype=np.float64)
    return Snapshot(as_of, customer_id, frame.drop(columns="customer_id"), churned, coverage)


def _require_some_part(bank: Bank, as_of: dt.date, horizon_days: int) -> None:
    """Warn when silent attrition cannot be told, and refuse when nothing else was asked for."""
    settings = bank.config.label
    if bank.has("labels") or not settings.silent:
        return
    if silent_is_known(bank.frames(), to_days(as_of) + horizon_days):
        return
    why = "pnl holds no values at the last month-end of the horizon" if bank.has("pnl") else "there is no pnl table"
    if not (settings.closed or settings.holdings):
        raise TimeRangeError(f"--as-of {as_of}: silent attrition is the only label asked for, and {why}")
    _log.warning("as of %s: silent attrition is not part of the label, since %s", as_of, why)


def _nobody(as_of: dt.date, bank: Bank) -> str:
    return (
        f"--as-of {as_of}: nobody is a customer at that date; the data run from {bank.data_begin} to {bank.data_end},"
        " give a date inside"
    )
