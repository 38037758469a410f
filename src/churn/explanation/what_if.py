"""The model's answer for the same customer with a service bound or a product held, and with it not.

This is the model's answer, not the effect of binding: who binds differs from who does not in more than the binding, and
a model of predictions takes the difference as it finds it. The effect of binding is estimated elsewhere.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.errors import ConfigError, DataError, MissingColumnError, meant
from churn.features.feature import Feature, find_products, find_role, find_services
from churn.model.fitted import FittedModel

Changes = Mapping[str, bool]
_NONE: Changes = MappingProxyType({})
_SHOWN = 5


class WhatIf(NamedTuple):
    """The model's answer before a change and after it, one row each.

    Attributes
    ----------
    before, after
        Churn probability within the horizon, calibrated, in [0, 1], shape (n,).
    features
        The changed features, shape (n, k).
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    features: pd.DataFrame


def predict_what_if(
    model: FittedModel,
    features: pd.DataFrame,
    catalogue: Sequence[Feature],
    *,
    bindings: Changes = _NONE,
    products: Changes = _NONE,
) -> WhatIf:
    """Predict customers as they are and as they would be; not the effect of the change, see the module.

    Parameters
    ----------
    model
        Trained on such features.
    features, catalogue, bindings, products
        As for `change_features`.

    Raises
    ------
    ConfigError, DataError, MissingColumnError
        As for `change_features`.
    ModelError
        The features are not those the model was trained on.

    Examples
    --------
    >>> from churn.features.feature import own_features
    >>> from churn.model.estimator import ChurnModel
    >>> customers = pd.DataFrame({"app": [0.0, 1.0] * 100})
    >>> model = ChurnModel().fit(customers, [1, 0] * 95 + [0, 1] * 5).fitted_
    >>> answer = predict_what_if(model, customers[:1], own_features(["app"], ["app"]), bindings={"app": True})
    >>> bool(answer.after[0] < answer.before[0]), answer.features["app"].tolist()
    (True, [1.0])
    """
    changed = change_features(features, catalogue, bindings=bindings, products=products)
    before = model.predict(features).probability
    return WhatIf(before, model.predict(changed).probability, changed)


def change_features(
    features: pd.DataFrame, catalogue: Sequence[Feature], *, bindings: Changes = _NONE, products: Changes = _NONE
) -> pd.DataFrame:
    """Return the features as they would be, had the changes been made on the day before the as-of date.

    Products come first, so that a service can be bound together with the product it needs. Rows that are already so
    stay as they are. Other features follow by arithmetic: whether a service is bound, and for how many days (1, or
    missing); how many are bound, could be, and their share; whether a product is held, how many are, how many holdings
    there are; unbindings, openings and closings, and days since the last (1). Unknown consequences stay out: whether an
    account is of class 1, and all assets, contacts and transactions. A product or a binding that is there twice counts
    once when it ends.

    Parameters
    ----------
    features
        Shape (n, k).
    catalogue
        What they are: which are of a product or a service, and how they follow it. A file's own columns are those of
        `[flat] bindings`, which become 1 or 0.
    bindings
        Service (or a flat file's column) to whether it is bound.
    products
        Product to whether it is held.

    Raises
    ------
    ConfigError
        A name is not in the catalogue, or products are asked for of a flat file.
    DataError
        A service would be bound whose product is not held, or the last holding would be closed.
    MissingColumnError
        The features do not hold what is to change.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> one = pd.DataFrame({"holds_cts": [1.0], "bound_cts": [0.0], "days_since_bound_cts": [float("nan")]})
    >>> change_features(one, catalogue(Config()), bindings={"cts": True}).iloc[0].to_list()
    [1.0, 1.0, 1.0]
    """
    services, held = find_services(catalogue), find_products(catalogue)
    if products and not held:
        raise ConfigError("what if: a flat file has no products to open or close; change its [flat] bindings")
    _require_known(bindings, services, "service" if held else "column of [flat] bindings")
    _require_known(products, held, "product")
    _require_columns(features, [*(held[name] for name in products), *(services[name] for name in bindings)])
    changed = features.copy()
    there = [feature for feature in catalogue if feature.name in changed]
    for name, is_held in products.items():
        _change_product(changed, there, held[name], is_held=is_held)
    _require_holding(changed, there)
    for name, is_bound in bindings.items():
        if is_bound:
            _require_product(changed, services[name], held)
        _change_binding(changed, there, services[name], is_bound=is_bound)
    _sum_up(changed, there, services, held)
    return changed


def _change_product(features: pd.DataFrame, there: Sequence[Feature], flag: Feature, *, is_held: bool) -> None:
    rows = _differ(features, flag, is_so=is_held)
    _put(features, rows, flag, float(is_held))
    for feature in there:
        if flag.product in feature.counts:
            features[feature.name] = features[feature.name] + (1.0 if is_held else -1.0) * rows
        elif feature.role == ("opening" if is_held else "closing"):
            _happen(features, rows, feature)


def _change_binding(features: pd.DataFrame, there: Sequence[Feature], flag: Feature, *, is_bound: bool) -> None:
    rows = _differ(features, flag, is_so=is_bound)
    _put(features, rows, flag, float(is_bound))
    for feature in there:
        if feature.role == "bound_days" and feature.service == flag.service:
            _put(features, rows, feature, 1.0 if is_bound else np.nan)
        elif feature.role == "unbinding" and not is_bound:
            _happen(features, rows, feature)


def _sum_up(
    features: pd.DataFrame, there: Sequence[Feature], services: Mapping[str, Feature], held: Mapping[str, Feature]
) -> None:
    """Derive what is counted over services from whether each is bound, and its product held."""
    sums = {feature.role: feature.name for feature in there if feature.role in ("n_bound", "n_eligible", "share_bound")}
    if not services or not sums:
        return
    needed = [held[flag.product] for flag in services.values() if flag.product]
    _require_columns(features, [*services.values(), *needed])
    bound = np.column_stack([features[flag.name] for flag in services.values()])
    eligible = np.column_stack([features[flag.name] for flag in needed])
    n_eligible = eligible.sum(axis=1)
    share = np.full(len(features), np.nan)
    np.divide((bound * eligible).sum(axis=1), n_eligible, out=share, where=n_eligible > 0)
    found = {"n_bound": bound.sum(axis=1), "n_eligible": n_eligible, "share_bound": share}
    for role, name in sums.items():
        features[name] = found[str(role)]


def _differ(features: pd.DataFrame, flag: Feature, *, is_so: bool) -> "pd.Series[bool]":
    return (pd.to_numeric(features[flag.name], errors="coerce") > 0) != is_so


def _happen(features: pd.DataFrame, rows: "pd.Series[bool]", feature: Feature) -> None:
    """Count an event of yesterday, or the one day since."""
    if feature.unit == "days":
        _put(features, rows, feature, 1.0)
    else:
        features[feature.name] = features[feature.name] + 1.0 * rows


def _put(features: pd.DataFrame, rows: "pd.Series[bool]", feature: Feature, value: float) -> None:
    column = features[feature.name]
    features[feature.name] = column.mask(rows, pd.Series(value, index=column.index).astype(column.dtype))


def _require_known(asked: Changes, known: Any, kind: str) -> None:
    if unknown := [name for name in asked if name not in known]:
        name = unknown[0]
        raise ConfigError(
            f"what if: {name!r} is not a {kind}{meant(name, known)}; take one of {', '.join(known) or 'none'}"
        )


def _require_columns(features: pd.DataFrame, needed: Sequence[Feature]) -> None:
    if missing := [feature.name for feature in needed if feature.name not in features]:
        raise MissingColumnError(
            f"what if: the features have no column {missing[0]}; give those of a bank whose tables hold it"
        )


def _require_product(features: pd.DataFrame, flag: Feature, held: Mapping[str, Feature]) -> None:
    """Refuse to bind a service to whom does not hold what it needs."""
    if flag.product is None:
        return
    needed = held[flag.product]
    _require_columns(features, [needed])
    _refuse_rows(
        _differ(features, flag, is_so=True) & _differ(features, needed, is_so=True),
        f"service {flag.service} cannot be bound by {{}}, who do not hold {flag.product}; open the product in the same"
        " change, or leave them out",
    )


def _require_holding(features: pd.DataFrame, there: Sequence[Feature]) -> None:
    holdings = find_role(there, "n_held")
    if holdings is not None:
        _refuse_rows(
            features[holdings.name] < 1,
            "nothing would be left to {}, who would no longer be customers; leave a product open, or leave them out",
        )


def _refuse_rows(wrong: "pd.Series[bool]", message: str) -> None:
    places = np.flatnonzero(wrong.to_numpy()) + 1
    if len(places):
        shown = ", ".join(str(place) for place in places[:_SHOWN])
        more = " and more" if len(places) > _SHOWN else ""
        raise DataError("what if: " + message.replace("{}", f"{len(places)} customers (rows {shown}{more})"))
