"""What the model would say of the same customer with a service bound or a product held, and with it not.

This is the model's answer, not the effect of binding: who binds differs from who does not in more than the binding, and
a model of predictions takes the difference as it finds it. What binding does is estimated elsewhere.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError, MissingColumnError
from churn.model.fitted import FittedModel

Changes = Mapping[str, bool]
_NONE: Changes = MappingProxyType({})
_SHOWN = 5


class WhatIf(NamedTuple):
    """The model's answer before a change and after it, a row each.

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
    config: Config,
    *,
    bindings: Changes = _NONE,
    products: Changes = _NONE,
    n_threads: int = 0,
) -> WhatIf:
    """Predict customers as they are and as they would be; not the effect of the change, see the module.

    Parameters
    ----------
    model
        Trained on such features.
    features, config, bindings, products
        As for `change_features`.

    Raises
    ------
    ConfigError, DataError, MissingColumnError
        As for `change_features`.
    ModelError
        The features are not those the model was trained on.

    Examples
    --------
    >>> from churn.model.estimator import ChurnModel
    >>> config = Config.model_validate({"flat": {"id": "id", "label": "left", "churned": "1", "bindings": ["app"]}})
    >>> customers = pd.DataFrame({"app": [0.0, 1.0] * 100})
    >>> model = ChurnModel().fit(customers, [1, 0] * 95 + [0, 1] * 5).fitted_
    >>> answer = predict_what_if(model, customers[:1], config, bindings={"app": True})
    >>> bool(answer.after[0] < answer.before[0]), answer.features["app"].tolist()
    (True, [1.0])
    """
    changed = change_features(features, config, bindings=bindings, products=products)
    before = model.predict(features, n_threads=n_threads).probability
    return WhatIf(before, model.predict(changed, n_threads=n_threads).probability, changed)


def change_features(
    features: pd.DataFrame, config: Config, *, bindings: Changes = _NONE, products: Changes = _NONE
) -> pd.DataFrame:
    """Return the features as they would be, had the changes been made on the day before the as-of date.

    Products come first, so that a service can be bound together with the product it needs. Rows that are already so
    stay as they are. What follows by arithmetic follows: `bound_*`, `days_since_bound_*` (1, or missing), `n_bound`,
    `n_eligible`, `share_bound`, `n_unbound_*`, `days_since_unbinding`; `holds_*`, `product_coverage`, `n_holdings`,
    `n_sticky_products`, `n_opened_*`, `n_closed_*`, `days_since_opening`, `days_since_closing`. What cannot be known
    stays: `has_class_1_account`, and all assets, contacts and transactions. A product or a binding that is there twice
    counts once when it ends.

    Parameters
    ----------
    features
        Shape (n, k); of a bank's tables, or of a flat file that `config` describes.
    config
        Its products and services; for a flat file the columns of `[flat] bindings`, which become 1 or 0.
    bindings
        Service (or a flat file's column) to whether it is bound.
    products
        Product to whether it is held.

    Raises
    ------
    ConfigError
        A name is none of the configuration's, or products are asked for of a flat file.
    DataError
        A service would be bound whose product is not held, or the last holding would be closed.
    MissingColumnError
        The features do not hold what is to change.

    Examples
    --------
    >>> one = pd.DataFrame({"holds_cts": [1.0], "bound_cts": [0.0], "days_since_bound_cts": [float("nan")]})
    >>> change_features(one, Config(), bindings={"cts": True}).iloc[0].to_list()
    [1.0, 1.0, 1.0]
    """
    changed = features.copy()
    if config.flat is not None and "n_holdings" not in features:
        _change_flat(changed, config.flat, bindings, products)
        return changed
    _require_known(bindings, config.services, "service")
    _require_known(products, config.products, "product")
    _require_columns(changed, [*(f"holds_{name}" for name in products), *(f"bound_{name}" for name in bindings)])
    for name, is_held in products.items():
        _change_product(changed, config, name, is_held=is_held)
    _require_holding(changed)
    for name, is_bound in bindings.items():
        _change_binding(changed, config, name, is_bound=is_bound)
    _sum_up(changed, config)
    return changed


def _change_flat(features: pd.DataFrame, flat: FlatFile, bindings: Changes, products: Changes) -> None:
    if products:
        raise ConfigError("what if: a flat file has no products to open or close; change its [flat] bindings")
    _require_known(bindings, flat.bindings, "column of [flat] bindings")
    _require_columns(features, list(bindings))
    for name, is_bound in bindings.items():
        features[name] = pd.Series(float(is_bound), index=features.index).astype(features[name].dtype)


def _change_product(features: pd.DataFrame, config: Config, name: str, *, is_held: bool) -> None:
    column = f"holds_{name}"
    rows = (features[column] > 0) != is_held
    event = ("opened", "opening") if is_held else ("closed", "closing")
    step = 1.0 if is_held else -1.0
    _put(features, rows, column, float(is_held))
    counts = ["n_holdings"]
    counts += ["product_coverage"] if name in config.coverage_products else []
    counts += ["n_sticky_products"] if name in config.sticky_products else []
    for count in counts:
        _add(features, rows, count, step)
    _happen(features, rows, *event)


def _change_binding(features: pd.DataFrame, config: Config, name: str, *, is_bound: bool) -> None:
    rows = (features[f"bound_{name}"] > 0) != is_bound
    if is_bound:
        product = config.services[name].product
        _require_columns(features, [f"holds_{product}"])
        _refuse_rows(
            rows & ~(features[f"holds_{product}"] > 0),
            f"service {name} cannot be bound by {{}}, who do not hold {product}; open the product in the same change, "
            "or leave them out",
        )
    _put(features, rows, f"bound_{name}", float(is_bound))
    _put(features, rows, f"days_since_bound_{name}", 1.0 if is_bound else np.nan)
    if not is_bound:
        _happen(features, rows, "unbound", "unbinding")


def _sum_up(features: pd.DataFrame, config: Config) -> None:
    """Derive what is counted over services from whether each is bound, and its product held."""
    services = config.services
    sums = [name for name in ("n_bound", "n_eligible", "share_bound") if name in features]
    if not services or not sums:
        return
    _require_columns(features, [f"bound_{name}" for name in services])
    _require_columns(features, [f"holds_{service.product}" for service in services.values()])
    bound = np.column_stack([features[f"bound_{name}"] for name in services])
    eligible = np.column_stack([features[f"holds_{service.product}"] for service in services.values()])
    n_eligible = eligible.sum(axis=1)
    share = np.full(len(features), np.nan)
    np.divide((bound * eligible).sum(axis=1), n_eligible, out=share, where=n_eligible > 0)
    found = {"n_bound": bound.sum(axis=1), "n_eligible": n_eligible, "share_bound": share}
    for name in sums:
        features[name] = found[name]


def _happen(features: pd.DataFrame, rows: "pd.Series[bool]", event: str, noun: str) -> None:
    """Count an event of yesterday."""
    for days in (90, 365):
        _add(features, rows, f"n_{event}_{days}d", 1.0)
    _put(features, rows, f"days_since_{noun}", 1.0)


def _put(features: pd.DataFrame, rows: "pd.Series[bool]", column: str, value: float) -> None:
    if column in features:
        features[column] = features[column].mask(rows, value)


def _add(features: pd.DataFrame, rows: "pd.Series[bool]", column: str, step: float) -> None:
    if column in features:
        features[column] = features[column] + step * rows


def _require_known(asked: Changes, known: Any, kind: str) -> None:
    if unknown := [name for name in asked if name not in known]:
        raise ConfigError(f"what if: {unknown[0]!r} is no {kind}; take one of {', '.join(known) or 'none'}")


def _require_columns(features: pd.DataFrame, columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in features]:
        raise MissingColumnError(
            f"what if: the features have no column {missing[0]}; give those of a bank whose tables hold it"
        )


def _require_holding(features: pd.DataFrame) -> None:
    if "n_holdings" in features:
        _refuse_rows(
            features["n_holdings"] < 1,
            "nothing would be left to {}, who would be no customers then; leave a product open, or leave them out",
        )


def _refuse_rows(wrong: "pd.Series[bool]", message: str) -> None:
    places = np.flatnonzero(wrong.to_numpy()) + 1
    if len(places):
        shown = ", ".join(str(place) for place in places[:_SHOWN])
        more = " and more" if len(places) > _SHOWN else ""
        raise DataError("what if: " + message.replace("{}", f"{len(places)} customers (rows {shown}{more})"))
