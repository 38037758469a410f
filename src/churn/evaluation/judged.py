"""Customers whose outcome is known beside what several models predicted for them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.errors import DataError


@dataclass(frozen=True, eq=False)
class Judged:
    """The rows of one or several judged snapshots: one row a customer and snapshot, so each pair once.

    Attributes
    ----------
    as_of
        Date of the row's snapshot, datetime64[D], shape (n,); all NaT for a flat file, which is one snapshot.
    customer_id
        Strings, shape (n,).
    churned
        1 where the customer left within the horizon, else 0, int64, shape (n,).
    predicted
        Calibrated probabilities in [0, 1] by the model's name, each float64 of shape (n,); at least one model.
    segments
        A column a segmentation, n rows in the same order; strings, None where not known. Its index means nothing.

    Raises
    ------
    DataError
        No row or no model, unequal lengths, some dates known and others not, a customer twice in a snapshot, an
        outcome that is not 0 or 1, or a probability outside [0, 1].

    Examples
    --------
    >>> judged = Judged(
    ...     as_of=np.array(["2024-01-01", "2024-01-01", "2024-07-01"], dtype="datetime64[D]"),
    ...     customer_id=np.array(["A", "B", "A"], dtype=object),
    ...     churned=np.array([0, 1, 1]),
    ...     predicted={"champion": np.array([0.2, 0.6, 0.5])},
    ...     segments=pd.DataFrame({"tier": ["vip", None, "vip"]}),
    ... )
    >>> judged.models, judged.customers.tolist()
    (('champion',), [0, 1, 0])
    >>> [(str(as_of), rows.tolist()) for as_of, rows in judged.snapshots().items()]
    [('2024-01-01', [True, True, False]), ('2024-07-01', [False, False, True])]
    """

    as_of: NDArray[np.datetime64]
    customer_id: NDArray[np.object_]
    churned: NDArray[np.int64]
    predicted: Mapping[str, NDArray[np.float64]]
    segments: pd.DataFrame

    def __post_init__(self) -> None:
        _require_equal_lengths(self)
        _require_one_row_a_customer(self)
        if n_wrong := int(np.sum((self.churned != 0) & (self.churned != 1))):
            raise DataError(f"judged.churned: {n_wrong} outcomes are neither 0 nor 1; give the labels")
        for model, predicted in self.predicted.items():
            if n_wrong := int(np.sum(~((predicted >= 0) & (predicted <= 1)))):
                raise DataError(
                    f"judged.predicted of {model}: {n_wrong} predictions are not in [0, 1]; give probabilities"
                )

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order in which they were given."""
        return tuple(self.predicted)

    @cached_property
    def customers(self) -> NDArray[np.int64]:
        """Whose row it is, shape (n,): customers numbered from 0 in the order in which they first appear."""
        return np.asarray(pd.factorize(self.customer_id)[0], dtype=np.int64)

    def snapshots(self) -> dict[dt.date | None, NDArray[np.bool_]]:
        """Which rows, shape (n,), belong to each date, in the order of time; the one key of a flat file is None."""
        if np.isnat(self.as_of[0]):
            return {None: np.ones(len(self.as_of), dtype=np.bool_)}
        return {as_of.item(): self.as_of == as_of for as_of in np.unique(self.as_of)}


def _require_equal_lengths(judged: Judged) -> None:
    lengths = {
        "as_of": len(judged.as_of),
        "customer_id": len(judged.customer_id),
        "churned": len(judged.churned),
        **{f"predicted of {model}": len(predicted) for model, predicted in judged.predicted.items()},
        "segments": len(judged.segments),
    }
    if not judged.predicted or not len(judged.as_of):
        raise DataError(
            f"judged: {len(judged.as_of)} rows of {len(judged.predicted)} models; give at least one of both"
        )
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise DataError(f"judged: columns have unequal lengths ({found}); give one value a row")


def _require_one_row_a_customer(judged: Judged) -> None:
    undated = np.isnat(judged.as_of)
    if 0 < (n_undated := int(undated.sum())) < len(undated):
        raise DataError(f"judged.as_of: {n_undated} of {len(undated)} rows have no date; give it to all or to none")
    keys = pd.DataFrame({"as_of": judged.as_of, "customer_id": judged.customer_id})
    if n_twice := int(keys.duplicated().sum()):
        raise DataError(f"judged.customer_id: {n_twice} rows repeat a customer and date; give each once")
