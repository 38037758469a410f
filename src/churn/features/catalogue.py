"""Every feature, in the order of a frame's columns, and the one place that builds them all."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import narwhals as nw
import pandas as pd

from churn.config import Config
from churn.features.activity import activity_features, build_activity
from churn.features.bindings import bindings_features, build_bindings
from churn.features.contacts import build_contacts, contacts_features
from churn.features.coverage import build_coverage, coverage_features
from churn.features.expressions import Built
from churn.features.feature import Feature
from churn.features.pnl import build_pnl, pnl_features
from churn.features.relationship import build_relationship, relationship_features
from churn.timeline import Seen, Tables

_Build = Callable[[Seen, Config], Built]
_List = Callable[[Config], tuple[Feature, ...]]
# Family, its list, its builder, and the table without which it is absent altogether.
_FAMILIES: tuple[tuple[_List, _Build, str], ...] = (
    (coverage_features, build_coverage, "holdings"),
    (bindings_features, build_bindings, "bindings"),
    (contacts_features, build_contacts, "contacts"),
    (pnl_features, build_pnl, "pnl"),
    (activity_features, build_activity, "transactions"),
    (relationship_features, build_relationship, "customers"),
)


def catalogue(config: Config) -> tuple[Feature, ...]:
    """List every feature a bank of this configuration can have.

    Examples
    --------
    >>> [feature.name for feature in catalogue(Config()) if feature.unit == "yuan"][:2]
    ['aum_cny', 'deposits_cny']
    """
    return tuple(feature for list_features, _, _ in _FAMILIES for feature in list_features(config))


def feature_catalogue(config: Config | None = None) -> pd.DataFrame:
    """List every feature as `churn features --catalogue --json` does: one row per feature, in a frame's order."""
    return pd.DataFrame([feature.document() for feature in catalogue(config or Config())])


def available_features(tables: Tables, config: Config) -> tuple[Feature, ...]:
    """List the features whose tables are there."""
    return tuple(feature for feature in catalogue(config) if all(table in tables for table in feature.tables))


def lost_features(tables: Collection[str], features: Iterable[Feature]) -> dict[str, list[str]]:
    """Name, for each table that is not there, those of the features that are lost with it."""
    lost: dict[str, list[str]] = {}
    for feature in features:
        for table in feature.tables:
            if table not in tables:
                lost.setdefault(table, []).append(feature.name)
    return lost


def build_features(
    seen: Seen, who: nw.LazyFrame[Any], config: Config, names: Collection[str] | None = None
) -> nw.LazyFrame[Any]:
    """Build the available features for the customers `who`.

    Parameters
    ----------
    seen
        Checked tables, dates as days, money as cents; only what happened strictly before an as-of date is used.
    who
        The columns `seen.customer`, as `churn.timeline.populations` gives them.
    names
        Which of them; all where not given.

    Returns
    -------
    LazyFrame
        The columns `seen.customer` and one 64-bit floating-point column per feature, in the catalogue's order.
    """
    # Joined once and computed in one step, the widest family last: each step costs by the columns it hands on.
    frame, columns = who, dict[str, nw.Expr]()
    for _, build, table in reversed(_FAMILIES):
        if table in seen:
            built = build(seen, config)
            for part in built.parts:
                frame = frame.join(part, on=seen.customer, how="left")
            columns |= built.columns
    wanted = [one.name for one in available_features(seen.tables, config) if names is None or one.name in names]
    return frame.select(*seen.customer, **{name: columns[name].cast(nw.Float64) for name in wanted})
