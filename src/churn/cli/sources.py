"""What `churn explain` is given: customers in partitions, and where the effects of bindings are estimated from."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from churn.cli.inputs import flat_of_model, kinds_of_model, require_same_static
from churn.config import Config
from churn.errors import ConfigError, DataError, TimeRangeError
from churn.explanation.effects.estimates import ServiceEffect, estimate_effects, estimate_flat_effects
from churn.explanation.effects.evidence import evidence_date, gather_evidence
from churn.features.catalogue import catalogue
from churn.features.feature import Feature
from churn.frame import Snapshot, build_snapshot, customer_snapshot, flat_snapshot, flat_snapshots, scored_snapshots
from churn.model.schema import encode
from churn.model.storage import StoredModel
from churn.tables.bank import Bank, open_bank
from churn.tables.flat import FlatTable, open_flat


@dataclass(frozen=True)
class Source:
    """What is explained: the customers in partitions, and where effects are estimated from."""

    table: Bank | FlatTable
    config: Config
    snapshots: Iterator[Snapshot]
    n_customers: int
    catalogue: tuple[Feature, ...]


@contextmanager
def open_source(
    data: Path,
    stored: StoredModel,
    config: Config,
    as_of: dt.date | None,
    *,
    customer_id: str | None = None,
    data_end: dt.date | None = None,
    n_threads: int | None = None,
) -> Iterator[Source]:
    """Open what a model is to explain: a folder of tables, or the kind of flat file it was trained on."""
    flat = config.flat or flat_of_model(stored)
    if flat is None or data.is_dir():
        if flat_of_model(stored):
            raise DataError(f"{data}: the model was trained on a flat file; give such a file, not a folder")
        if as_of is None:
            raise TimeRangeError("--as-of is missing; give the date to explain at")
        require_same_static(stored, config)
        with open_bank(data, config, data_end=data_end, n_threads=n_threads) as bank:
            one = None if customer_id is None else customer_snapshot(bank, as_of, customer_id)
            snapshots = scored_snapshots(bank, as_of) if one is None else iter([one])
            yield Source(bank, config, snapshots, bank.row_counts["customers"].used, catalogue(config))
        return
    if as_of is not None:
        raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
    if unknown := [name for name in flat.bindings if name not in stored.model.schema.names]:
        raise ConfigError(f"[flat] bindings: the model was trained without {unknown[0]}; leave it out, or train again")
    with open_flat(
        data, flat, kinds=kinds_of_model(stored), needs_label=customer_id is None, n_threads=n_threads
    ) as file:
        one = None if customer_id is None else flat_snapshot(file, (customer_id, customer_id))
        snapshots = flat_snapshots(file) if one is None else iter([one])
        yield Source(file, config.model_copy(update={"flat": flat}), snapshots, file.row_count.used, ())


def look_ahead(source: Source, stored: StoredModel) -> Source:
    """Read the first partition before any long work, so that a wrong date or a missing column is known at once.

    Raises
    ------
    TimeRangeError
        Nobody is in the population, or the date lies too far after the data end.
    ModelError
        The features are not those the model was trained on.
    """
    first = next(source.snapshots)
    encode(first.features.iloc[:0], stored.model.schema)
    return replace(source, snapshots=chain([first], source.snapshots))


def estimate_source_effects(
    source: Source,
    stored: StoredModel,
    as_of: dt.date | None,
    *,
    seed: int = 0,
    n_threads: int = 0,
    on_step: Callable[[str], None] = lambda _: None,
) -> tuple[list[ServiceEffect], dt.date | None]:
    """Estimate every service's effect from all that a source tells of it; and the date whose outcomes were seen."""
    if isinstance(source.table, FlatTable):
        on_step("estimating the effect of the bindings")
        snapshot = flat_snapshot(source.table)
        settings = source.config.effects
        return estimate_flat_effects(snapshot, source.table.flat, settings, seed=seed, n_threads=n_threads), None
    bank, horizon_days = source.table, stored.manifest["horizon_days"]
    if not bank.has("bindings"):
        raise DataError("table bindings is missing: without it no binding can be explained; add it")
    assert as_of is not None
    date = evidence_date(bank, as_of, horizon_days)
    on_step(f"reading outcomes of {date}, and randomised offers")
    evidence = gather_evidence(bank, build_snapshot(bank, date, horizon_days), horizon_days)
    effects = estimate_effects(
        *evidence, source.config, strengths=True, seed=seed, n_threads=n_threads,
        on_service=lambda service: on_step(f"estimating the effect of {service}"),
    )  # fmt: skip
    return effects, date
