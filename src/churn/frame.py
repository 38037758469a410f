"""Labels and features joined: one row a customer and as-of date."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


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
        Number of distinct products open at `as_of`, shape (n,); None where it is not known.
    """

    as_of: dt.date | None
    customer_id: NDArray[np.object_]
    features: pd.DataFrame
    churned: NDArray[np.int64] | None
    product_coverage: NDArray[np.int64] | None
