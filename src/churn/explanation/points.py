"""SHAP values in points of calibrated probability: they sum exactly to the prediction less the base rate.

The rule: contribution i = φᵢ · (p − p₀) / Σφ, zero where Σφ = 0. Calibration bends the scale on which SHAP values add
up; every feature is given the same share of the distance in probability as it has of the distance in log-odds.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.explanation.shap import Contributions
from churn.model.fitted import FittedModel

Floats = NDArray[np.float64]


def base_probability(model: FittedModel, features: pd.DataFrame, explained: Contributions) -> Floats:
    """Return p₀: the calibrated base value, in [0, 1], shape (n,).

    The same for everybody, but where the model is anchored: then it is the anchored base value of the customer's own
    coverage, so that no feature is charged with what the bank stated.
    """
    base = model.calibration.apply(np.full(len(features), explained.base_value))
    if model.anchoring is None:
        return base
    return model.anchoring.apply(base, features[model.anchoring.feature].to_numpy(dtype=np.float64))


def to_points(values: NDArray[np.float32], base: Floats, probability: Floats) -> Floats:
    """Turn SHAP values into changes of probability.

    Parameters
    ----------
    values
        SHAP values in log-odds, shape (n, k).
    base, probability
        p₀ and p, shape (n,).

    Returns
    -------
    NDArray[np.float64]
        Shape (n, k); a row sums to `probability - base`, but for one in which Σφ = 0.

    Examples
    --------
    >>> to_points(np.array([[1.0, -0.5]], dtype=np.float32), np.array([0.3]), np.array([0.4])).round(2)
    array([[ 0.2, -0.1]])
    """
    exact = values.astype(np.float64)
    total = exact.sum(axis=1)
    scale = np.divide(probability - base, total, out=np.zeros_like(total), where=total != 0)
    points: Floats = exact * scale[:, None]
    return points
