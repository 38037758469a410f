"""Anchoring a model on what a command was given: `churn baselines --anchor` and `churn train --anchor`."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.api.opening import kinds_of_model
from churn.cli.console import note
from churn.cli.inputs import show_notes
from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError, MissingColumnError, TimeRangeError
from churn.evaluation.anchoring import anchor_model
from churn.evaluation.baselines import MIN_ROWS
from churn.frame import Snapshot, build_snapshot, flat_snapshot, flat_snapshots, scored_snapshots
from churn.model.anchoring_card import describe_departures, describe_gaps
from churn.model.storage import StoredModel
from churn.tables.bank import Bank
from churn.tables.flat import open_flat
from churn.tables.sources import describe


def anchor_on_bank(
    stored: StoredModel, bank: Bank, as_of: dt.date, config: Config, *, n_threads: int | None = None
) -> StoredModel:
    """Anchor on everybody in the population at `as_of`, whether or not their outcome is known.

    Raises
    ------
    TimeRangeError
        `as_of` lies too far after the data end, or nobody is in the population.
    """
    snapshots, labelled = _population(bank, as_of, stored.manifest.horizon_days)
    with _named(describe(bank.raws["holdings"].sources)):
        return anchor_model(
            stored,
            snapshots,
            labelled=labelled,
            stated=config.baselines.stated,
            inputs=bank.file_facts(),
            n_threads=n_threads or 0,
        )


def anchor_on_file(
    stored: StoredModel,
    data: Path,
    flat: FlatFile,
    config: Config,
    *,
    n_threads: int | None = None,
    says_notes: bool = True,
) -> StoredModel:
    """Anchor on every customer of a flat file, whether or not their outcome is known; say what was left out of it.

    Raises
    ------
    DataError
        The file's product coverage is not configured.
    """
    feature = require_coverage(data, flat)
    labelled = _labelled(data, flat, stored, n_threads)
    with open_flat(data, flat, kinds=kinds_of_model(stored), needs_label=False, n_threads=n_threads) as table:
        if says_notes:
            show_notes(table)
        with _named(str(data)):
            return anchor_model(
                stored,
                flat_snapshots(table),
                labelled=labelled,
                stated=config.baselines.stated,
                feature=feature,
                inputs=table.file_facts(),
                n_threads=n_threads or 0,
            )


def require_coverage(data: Path, flat: FlatFile) -> str:
    """Return the column of a flat file that holds the product coverage.

    Raises
    ------
    DataError
        The configuration names none, or drops it.
    """
    if flat.coverage is None or flat.coverage in flat.drop:
        raise DataError(f"{data}: product coverage is not known; name its column as coverage in [flat], and keep it")
    return flat.coverage


def warn_of_anchoring(stored: StoredModel) -> None:
    """Say what speaks against an anchoring: outcomes, customers left out, few of them; nothing for any other model."""
    anchored = stored.manifest.anchored
    if anchored is None:
        return
    for line in describe_departures(anchored):
        note(f"warning: {line}; the model is anchored all the same, see its card")
    for line in describe_gaps(anchored):
        note(f"warning: {line}")
    for row in anchored.buckets:
        if row.taken_from is None and row.n < MIN_ROWS:
            few = "1 customer" if row.n == 1 else f"{row.n} customers"
            note(f"warning: coverage {row.product_coverage} is anchored on the mean of {few} alone")


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Put the file that holds the numbers of products before what anchoring says of them."""
    try:
        yield
    except DataError as error:
        said = str(error)
        raise (DataError(f"{where}: {said}") if said.startswith("anchoring: ") else error) from error.__cause__


def _population(bank: Bank, as_of: dt.date, horizon_days: int) -> tuple[Iterable[Snapshot], Snapshot | None]:
    """Return the population in parts, and those of it whose outcome is known, if any is."""
    try:
        labelled = build_snapshot(bank, as_of, horizon_days)
    except TimeRangeError:
        return scored_snapshots(bank, as_of), None
    # a bank's own labels may be of some customers only; otherwise everybody has one
    return (scored_snapshots(bank, as_of) if bank.has("labels") else [labelled]), labelled


def _labelled(data: Path, flat: FlatFile, stored: StoredModel, n_threads: int | None) -> Snapshot | None:
    """Return the customers whose outcome the file holds; None where it has no usable label."""
    try:
        with open_flat(data, flat, kinds=kinds_of_model(stored), needs_label=True, n_threads=n_threads) as table:
            return flat_snapshot(table)
    except (MissingColumnError, ConfigError):
        return None
