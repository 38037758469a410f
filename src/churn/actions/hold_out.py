"""The random hold-out: customers whom no score sends anybody to, so that what the programme is worth can be told."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import PlanSettings
from churn.model.folds import customer_folds

_PARTS = 10_000
"""A share of customers is drawn to the hundredth of a per cent."""


def in_hold_out(customer_id: "pd.Series[str]", settings: PlanSettings) -> NDArray[np.bool_]:
    """Mark the customers whom no score sends anybody to: a stable hash of the id, the same on every day.

    Examples
    --------
    >>> ids = pd.Series([f"C{number}" for number in range(1000)])
    >>> int(in_hold_out(ids, PlanSettings()).sum())
    101
    """
    held = customer_folds(customer_id, _PARTS, settings.hold_out_salt) < round(settings.hold_out * _PARTS)
    return np.asarray(held, dtype=bool)
