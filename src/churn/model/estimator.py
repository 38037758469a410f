"""The same model as a scikit-learn classifier, for pipelines, cross-validation and other tools."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from churn.model.calibration import Calibration, Method, choose_calibration, fit_calibration
from churn.model.fitted import FittedModel
from churn.model.schema import Schema, encode, learn_schema
from churn.model.split import stratified_folds
from churn.model.trees import TreeParameters, cross_fit, fit_trees
from churn.threads import use_threads

FEW_ROUNDS = 50
"""Trees where nothing can be held out to choose their number."""
_EPSILON = float(np.finfo(np.float64).eps)


class ChurnModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Boosted trees with early stopping and calibration by stratified folds.

    Takes numbers with missing values, as an array or a DataFrame; a DataFrame may also hold strings and categories.
    As scikit-learn wants, columns must be those of the fit and in their order; `fitted_.predict` takes them by name
    in any order. Of two classes, the second in sorted order is the one predicted.

    Parameters
    ----------
    learning_rate, num_leaves, min_child, subsample, colsample, l2, max_rounds, patience
        As in `churn.model.trees.TreeParameters`.
    monotone
        Numeric columns, by name or position, whose rise can only lower the probability of the second class.
    n_folds
        Stratified folds that choose rounds and calibration; fewer where a class has fewer members. With fewer than
        two, 50 trees are fitted and not calibrated.
    calibration
        "auto" chooses by cross-fitted log loss; otherwise the method.
    random_state
        Seed, an integer.
    n_jobs
        Threads; None takes all of the machine's. Results do not depend on it.

    Attributes
    ----------
    classes_
        The two classes, sorted, shape (2,).
    fitted_
        Schema, trees and calibration.
    n_features_in_
        Number of columns.
    feature_names_in_
        Their names, where X had names, shape (n_features_in_,).

    Examples
    --------
    >>> X = pd.DataFrame({"age": list(range(40)) * 2, "tier": ["gold", "ordinary"] * 40})
    >>> y = (X["age"] > 25).astype(int)
    >>> model = ChurnModel().fit(X, y)
    >>> model.predict(X.iloc[[3, 39]]), model.predict_proba(X).shape
    (array([0, 1]), (80, 2))
    """

    def __init__(
        self,
        *,
        learning_rate: float = TreeParameters.learning_rate,
        num_leaves: int = TreeParameters.num_leaves,
        min_child: int = TreeParameters.min_child,
        subsample: float = TreeParameters.subsample,
        colsample: float = TreeParameters.colsample,
        l2: float = TreeParameters.l2,
        max_rounds: int = TreeParameters.max_rounds,
        patience: int = TreeParameters.patience,
        monotone: Sequence[int | str] = TreeParameters.monotone,
        n_folds: int = 5,
        calibration: Method | Literal["auto"] = "auto",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child = min_child
        self.subsample = subsample
        self.colsample = colsample
        self.l2 = l2
        self.max_rounds = max_rounds
        self.patience = patience
        self.monotone = monotone
        self.n_folds = n_folds
        self.calibration = calibration
        self.random_state = random_state
        self.n_jobs = n_jobs

    @classmethod
    def from_fitted(cls, fitted: FittedModel, **parameters: Any) -> Self:
        """Make a fitted classifier, of classes 0 and 1, from a model that was trained or read elsewhere.

        Parameters
        ----------
        fitted
            Its column names become `feature_names_in_`.
        **parameters
            Of the constructor; tree parameters are those of `fitted`.
        """
        model = cls(**{**vars(fitted.parameters), **parameters})
        model.fitted_ = fitted
        model.classes_ = np.array([0, 1])
        model.n_features_in_ = len(fitted.schema.names)
        model.feature_names_in_ = np.array(fitted.schema.names, dtype=object)
        return model

    def fit(self, X: Any, y: Any) -> Self:
        """Choose rounds and calibration by folds, then fit all rows.

        Parameters
        ----------
        X
            Shape (n, number of features).
        y
            Two classes, shape (n,).

        Raises
        ------
        ValueError
            More or fewer than two classes, an empty X, lengths that differ, values that are neither numbers nor (in
            a DataFrame) strings, a calibration that is not known, or a monotone column that is not numeric.
        """
        frame, target = self._checked(X, y)
        schema = learn_schema(frame)
        matrix = encode(frame, schema).matrix
        given = {name: getattr(self, name) for name in vars(TreeParameters())}
        parameters = TreeParameters(**{**given, "monotone": _positions(self.monotone, schema)})
        rounds, calibration = self._choose(matrix, target, parameters)
        with use_threads(self.n_jobs):
            trees = fit_trees(matrix, target, parameters, rounds=rounds, seed=self.random_state)
        self.fitted_ = FittedModel(schema, trees, calibration, parameters)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Calibrated probabilities of both classes, shape (n, 2); rows sum to 1."""
        p = self._positive(X)
        return np.column_stack([1 - p, p])

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Log-odds of the calibrated probability of the second class, shape (n,); positive where it is predicted.

        For scikit-learn its sign and its order must agree with `predict` and `predict_proba`, which those of the
        margin before calibration (`fitted_.predict(...).margin`) need not.
        """
        return np.asarray(logit(np.clip(self._positive(X), _EPSILON, 1 - _EPSILON)))

    def predict(self, X: Any) -> NDArray[Any]:
        """Class with the larger calibrated probability, shape (n,); of equals the first."""
        is_second = self.decision_function(X) > 0
        return np.asarray(self.classes_[is_second.astype(int)])

    def contributions(self, X: Any) -> NDArray[np.float64]:
        """SHAP values of the margin in log-odds, shape (n, n_features_in_ + 1), the base value last."""
        frame = self._frame(X)
        with use_threads(self.n_jobs):
            return self.fitted_.contributions(frame)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags

    def _positive(self, X: Any) -> NDArray[np.float64]:
        frame = self._frame(X)
        with use_threads(self.n_jobs):
            return self.fitted_.predict(frame).probability

    def _choose(
        self, matrix: NDArray[np.float64], y: NDArray[np.int64], parameters: TreeParameters
    ) -> tuple[int, Calibration]:
        n_folds = min(self.n_folds, int(np.bincount(y).min()))
        if n_folds < 2:
            return min(FEW_ROUNDS, parameters.max_rounds), Calibration()
        folds = stratified_folds(y, n_folds, self.random_state)
        with use_threads(self.n_jobs):
            found = cross_fit(matrix, y, folds, parameters, seed=self.random_state)
        method = self.calibration if self.calibration != "auto" else choose_calibration(found.margins, y, folds).method
        return found.rounds, fit_calibration(method, found.margins, y)

    def _checked(self, X: Any, y: Any) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """Validate for fitting; classes become 0 and 1."""
        if isinstance(X, pd.DataFrame):
            frame, labels = validate_data(self, X, y, skip_check_array=True)
            labels = column_or_1d(labels, warn=True)
            check_consistent_length(frame, labels)
        else:
            matrix, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
            frame = pd.DataFrame(matrix, columns=[f"x{number}" for number in range(matrix.shape[1])])
        check_classification_targets(labels)
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. "
                f"The type of the target is {type_of_target(labels)}; give two classes"
            )
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only in {len(labels)} rows; give rows of two classes")
        return frame, target.astype(np.int64)

    def _frame(self, X: Any) -> pd.DataFrame:
        """Validate for prediction."""
        check_is_fitted(self)
        schema = self.fitted_.schema
        if isinstance(X, pd.DataFrame):
            frame: pd.DataFrame = validate_data(self, X, reset=False, skip_check_array=True)
            return frame
        matrix = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        if schema.levels:
            raise ValueError("the model was fitted on strings, which an array of numbers cannot hold; give a DataFrame")
        return pd.DataFrame(matrix, columns=list(schema.names))


def _positions(columns: Sequence[int | str], schema: Schema) -> tuple[int, ...]:
    known = {name: at for at, name in enumerate(schema.names) if name not in schema.levels}
    positions = {column: known.get(column, -1) if isinstance(column, str) else int(column) for column in columns}
    if unknown := [column for column, at in positions.items() if at not in known.values()]:
        raise ValueError(
            f"monotone: {unknown[0]!r} is not one of the {len(known)} numeric columns; give names or positions"
        )
    return tuple(sorted(set(positions.values())))
