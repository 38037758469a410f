"""Snapshots made by hand, as `churn.open_bank` and `churn.open_file` would give them."""

from collections.abc import Iterable, Mapping
from typing import Any

from churn.config import Config
from churn.data import Snapshots
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.frame import Snapshot
from churn.model.split import Folds, OutOfTime

CONFIG = Config()


def dated(
    snapshots: Iterable[Snapshot],
    horizon_days: int = 91,
    config: Config = CONFIG,
    facts: Mapping[str, Any] | None = None,
) -> Snapshots:
    judging = OutOfTime(horizon_days, config.training.embargo_days)
    return Snapshots(
        dated=tuple(snapshots),
        horizon_days=horizon_days,
        config=config,
        judging=judging,
        catalogue=catalogue(config),
        facts=facts or {},
    )


def undated(snapshot: Snapshot, config: Config = CONFIG) -> Snapshots:
    known = own_features(list(snapshot.features), config.flat.bindings if config.flat else ())
    return Snapshots(dated=(snapshot,), horizon_days=365, config=config, judging=Folds(), catalogue=known)
