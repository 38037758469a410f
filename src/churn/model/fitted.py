"""The fitted model: schema, trees and calibration as one value; takes columns by name."""

from dataclasses import dataclass, field
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.model.calibration import Calibration
from churn.model.schema import Schema, encode
from churn.model.trees import TreeParameters, predict_contributions, predict_margins


class Prediction(NamedTuple):
    """What a model says of n customers.

    Attributes
    ----------
    probability
        Calibrated churn probability within the horizon, in [0, 1], shape (n,).
    margin
        Log-odds before calibration, shape (n,).
    unseen
        Customers with a category that training did not have, by column; scored as missing.
    n_ignored
        Columns given that the model does not know.
    """

    probability: NDArray[np.float64]
    margin: NDArray[np.float64]
    unseen: dict[str, int]
    n_ignored: int


@dataclass(frozen=True)
class FittedModel:
    """A model that can predict.

    Attributes
    ----------
    schema
        The columns it takes.
    booster
        The trees.
    calibration
        From margins to probabilities.
    parameters
        How the trees were grown.
    """

    schema: Schema
    booster: lgb.Booster
    calibration: Calibration = field(default_factory=Calibration)
    parameters: TreeParameters = field(default_factory=TreeParameters)

    def predict(self, features: pd.DataFrame, *, n_threads: int = 0) -> Prediction:
        """Predict each row; columns are found by name, in any order.

        Raises
        ------
        ModelError
            A column is missing, is there twice, or was numeric in training and holds text now.
        """
        encoded = encode(features, self.schema)
        margin = predict_margins(self.booster, encoded.matrix, n_threads=n_threads)
        return Prediction(self.calibration.apply(margin), margin, encoded.unseen, encoded.n_ignored)

    def contributions(self, features: pd.DataFrame, *, n_threads: int = 0) -> NDArray[np.float64]:
        """SHAP values of the margin in log-odds, shape (n, features + 1), the base value last; see `trees`.

        Raises
        ------
        ModelError
            As for `predict`.
        """
        return predict_contributions(self.booster, encode(features, self.schema).matrix, n_threads=n_threads)
