"""Which columns carry a binding, for a model in which a binding can only lower the risk.

Binding a service changes whether it is bound, how many are and the share of them, and for how many days it has been.
The first three can only rise, and are held monotone. The last goes from missing to a number, and trees send missing
values to either side of a split as they like, so that no constraint on that column says anything of the step: it is
left out of the model (docs/decisions/0006-monotone.md). `Feature.monotone` says which is which.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from churn.errors import ConfigError, DataError
from churn.features.feature import Feature
from churn.frame import Snapshot
from churn.model.documents import MonotoneFacts
from churn.model.trees import TreeParameters


class BindingColumns(NamedTuple):
    """Features that carry bindings: `falling` may only lower the risk as they rise, `dropped` are left out."""

    falling: tuple[str, ...]
    dropped: tuple[str, ...]


def binding_columns(names: Sequence[str], catalogue: Sequence[Feature]) -> BindingColumns:
    """Find the columns of bindings among the features.

    Parameters
    ----------
    names
        Of all features.
    catalogue
        What they are.

    Raises
    ------
    ConfigError
        No feature of the catalogue is a binding: the configuration names none of a flat file.
    DataError
        The features hold no binding.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> binding_columns(["age_years", "bound_cts", "n_bound", "days_since_bound_cts"], catalogue(Config()))
    BindingColumns(falling=('bound_cts', 'n_bound'), dropped=('days_since_bound_cts',))
    """
    kind = {feature.name: feature.monotone for feature in catalogue}
    if not any(kind.values()):
        raise ConfigError("monotone: [flat] bindings names no column; name those that are bindings")
    falling, dropped = (tuple(name for name in names if kind.get(name) == wanted) for wanted in ("falls", "left out"))
    if not falling:
        raise DataError("monotone: the features hold no binding; bring the table of bindings, or train without")
    return BindingColumns(falling, dropped)


def hold_monotone(
    snapshots: Sequence[Snapshot], catalogue: Sequence[Feature], parameters: TreeParameters
) -> tuple[list[Snapshot], TreeParameters, BindingColumns]:
    """Return the snapshots without what cannot be held, and parameters that hold the bindings.

    Parameters
    ----------
    snapshots
        All with the same features, at least one.
    catalogue
        What the features are.
    parameters
        Of the training.

    Raises
    ------
    ConfigError, DataError
        As for `binding_columns`; or a binding of a flat file that holds texts.
    """
    first = snapshots[0]
    held = binding_columns(list(first.features.columns), catalogue)
    if texts := [name for name in held.falling if not pd.api.types.is_numeric_dtype(first.features[name])]:
        raise DataError(f"monotone: column {texts[0]} holds texts; a binding is 0/1, true/false or yes/no")
    kept = [replace(one, features=one.features.drop(columns=list(held.dropped))) for one in snapshots]
    places = {name: at for at, name in enumerate(kept[0].features.columns)}
    return kept, replace(parameters, monotone=tuple(places[name] for name in held.falling)), held


def describe_monotone(facts: MonotoneFacts) -> str:
    """Say in a line what the constraint cost.

    Examples
    --------
    >>> describe_monotone(MonotoneFacts(falling=(), dropped=(), roc_auc=0.8123, roc_auc_unconstrained=0.8131))
    'monotone in the bindings: held-out ROC-AUC 0.8123 against 0.8131 without (-0.0008)'
    """
    held, free = facts.roc_auc, facts.roc_auc_unconstrained
    return f"monotone in the bindings: held-out ROC-AUC {held:.4f} against {free:.4f} without ({held - free:+.4f})"
