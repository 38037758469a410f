"""The fitted model: schema, trees, calibration, anchoring and intervals as one value; takes columns by name."""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn import errors, files
from churn.model import documents, trees
from churn.model.anchoring import Anchoring, anchoring_to_json
from churn.model.calibration import Calibration, Intervals
from churn.model.schema import Schema, encode
from churn.model.trees import LIGHTGBM, TreeParameters

if TYPE_CHECKING:
    import lightgbm as lgb


class Prediction(NamedTuple):
    """A model's predictions for n customers.

    Attributes
    ----------
    probability
        Churn probability within the horizon, calibrated and then, where the model is anchored, shifted, in [0, 1],
        shape (n,).
    margin
        Log-odds before calibration, shape (n,).
    unseen
        Customers with a category that fewer than five rows of the training had, by column; scored as missing.
    low, high
        Interval of the probability, ``low <= probability <= high``, shifted as it is where the model is anchored,
        each of shape (n,); NaN where the model has no intervals.
    """

    probability: NDArray[np.float64]
    margin: NDArray[np.float64]
    unseen: dict[str, int]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


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
    anchoring
        Shifts of the calibrated log-odds by product coverage, a numeric column of the schema; None where the
        probabilities are those of calibration alone.
    intervals
        From margins to the two ends of each probability's interval; None where there are none.
    learners
        The learners that grew the trees; see `churn.model.learners`. The parameters are those of LightGBM among them.

    Raises
    ------
    ModelError
        The anchoring's column is not one of the schema's numeric ones.
    """

    schema: Schema
    booster: "lgb.Booster"
    calibration: Calibration = field(default_factory=Calibration)
    parameters: TreeParameters = field(default_factory=TreeParameters)
    anchoring: Anchoring | None = None
    intervals: Intervals | None = None
    learners: tuple[str, ...] = (LIGHTGBM,)

    def __post_init__(self) -> None:
        """Refuse an anchoring on a column the model does not take as a number."""
        if self.anchoring is None:
            return
        name = self.anchoring.feature
        if name not in self.schema.names or name in self.schema.levels:
            raise errors.ModelError(f"anchoring: {name!r} is not a numeric column of the model")

    def predict(self, features: pd.DataFrame) -> Prediction:
        """Predict each row; columns are found by name, in any order.

        Raises
        ------
        ModelError
            A column is missing, is there twice, or was numeric in training and holds strings now; a probability is
            not a number.
        """
        encoded = encode(features, self.schema)
        margin = trees.predict_margins(self.booster, encoded.matrix)
        probability = self.calibration.apply(margin)
        low, high = self._ends(margin, probability)
        if self.anchoring is not None:
            coverage = encoded.matrix[:, self.schema.names.index(self.anchoring.feature)]
            # never falling, so that the ends stay on either side
            probability, low, high = (self.anchoring.apply(value, coverage) for value in (probability, low, high))
        if not np.all((probability >= 0) & (probability <= 1)):
            raise errors.ModelError("the model gives probabilities that are not numbers in [0, 1]; train again")
        return Prediction(probability=probability, margin=margin, unseen=encoded.unseen, low=low, high=high)

    def contributions(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """SHAP values of the margin in log-odds, shape (n, features + 1), the base value last; see `trees`.

        Raises
        ------
        ModelError
            As for `predict`.
        """
        return trees.predict_contributions(self.booster, encode(features, self.schema).matrix)

    def _ends(
        self, margin: NDArray[np.float64], probability: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.intervals is None:
            unknown = np.full(len(margin), np.nan)
            return unknown, unknown
        return self.intervals.apply(margin, probability)


def model_id(model: FittedModel) -> str:
    """Name a model by its content: the first 16 digits of SHA-256 over trees and model document.

    Two trainings that come to the same model give the same id; any other calibration or anchoring gives another.
    Intervals are not part of it: the id answers which probabilities a customer is given, and they change none. Which
    intervals stood beside them, the manifest's hash of `intervals.json` says.
    """
    content = trees.trees_to_text(model.booster) + files.render_json(model_document(model))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def model_document(model: FittedModel) -> dict[str, Any]:
    """Give all of a model but its trees and intervals as JSON values: `model.json`."""
    # without an anchoring the document, and with it the id, is as it was before there were any
    anchored = {} if model.anchoring is None else {"anchoring": anchoring_to_json(model.anchoring)}
    return {
        "format": documents.FORMAT,
        "schema": asdict(model.schema),
        "calibration": asdict(model.calibration),
        "parameters": trees.parameters_to_json(model.parameters),
        **({} if model.learners == (LIGHTGBM,) else {"learners": list(model.learners)}),
        **anchored,
    }
