"""The model as MLflow loads and serves it: this file is logged as it stands, and opens the safe folder beside it.

It is executed by MLflow ("models from code"), so that nothing is unpickled. Nothing else imports it.
"""

import os
import warnings
from pathlib import Path
from typing import Any

# An error of MLflow repeats the rows it was given, unless this is set before it happens.
os.environ.setdefault("MLFLOW_DISABLE_SCHEMA_DETAILS", "true")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns of type hints in classes of its own
    import mlflow
    from mlflow.pyfunc import PythonModel

import pandas as pd

from churn.model.storage import StoredModel, read_model


class ServedModel(PythonModel):  # type: ignore[misc]
    """Calibrated churn probabilities of a safe model folder, as `churn score` gives them."""

    stored: StoredModel

    def load_context(self, context: Any) -> None:
        """Read the folder after checking every byte of it."""
        self.stored = read_model(Path(context.artifacts["model"]))

    def predict(self, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
        """Return one column, `churn_probability`, a row for each given; columns are found by name."""
        del params
        return pd.DataFrame({"churn_probability": self.stored.model.predict(model_input).probability})


mlflow.models.set_model(ServedModel())
