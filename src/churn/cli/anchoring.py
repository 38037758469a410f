"""Anchoring a model on what a command was given: `churn baselines --anchor` and `churn train --anchor`."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from churn.cli.console import note, show_notes
from churn.config import Config, FlatFile
from churn.data import Data, flat_of_model, open_file
from churn.errors import ConfigError, DataError, MissingColumnError, TimeRangeError
from churn.evaluation.anchoring import anchor_model
from churn.evaluation.baselines import MIN_ROWS
from churn.frame import Snapshot
from churn.model.card import describe_departures, describe_gaps
from churn.model.storage import StoredModel
from churn.tables.sources import describe


def anchor_on_bank(stored: StoredModel, bank: Data, as_of: dt.date, *, n_threads: int | None = None) -> StoredModel:
    """Anchor on everybody in the population at `as_of`, whether or not their outcome is known.

    Raises
    ------
    TimeRangeError
        `as_of` lies too far after the data end, or nobody is in the population.
    """
    snapshots, labelled = _population(bank, as_of, stored.manifest.horizon_days)
    with _named(describe(bank.checked.raws["holdings"].sources)):
        return anchor_model(
            stored,
            snapshots,
            labelled=labelled,
            stated=bank.config.baselines.stated,
            inputs=bank.file_facts(),
            n_threads=n_threads or 0,
        )


def anchor_on_file(
    stored: StoredModel, data: Path, config: Config, *, n_threads: int | None = None, says_notes: bool = True
) -> StoredModel:
    """Anchor on every customer of a flat file, whether or not their outcome is known; say what was left out of it.

    Raises
    ------
    DataError
        The file's product coverage is not configured.
    """
    feature = require_coverage(data, config.flat or flat_of_model(stored))
    labelled = _labelled(data, config, stored, n_threads)
    with open_file(data, config, model=stored, labels="unread", n_threads=n_threads) as file:
        if says_notes:
            show_notes(file.notes())
        with _named(str(data)):
            return anchor_model(
                stored,
                file.partitions(None),
                labelled=labelled,
                stated=config.baselines.stated,
                feature=feature,
                inputs=file.file_facts(),
                n_threads=n_threads or 0,
            )


def require_coverage(data: Path, flat: FlatFile | None) -> str:
    """Return the column of a flat file that holds the product coverage.

    Raises
    ------
    DataError
        The configuration names none, or drops it.
    """
    if flat is None or flat.coverage is None or flat.coverage in flat.drop:
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


def _population(bank: Data, as_of: dt.date, horizon_days: int) -> tuple[Iterable[Snapshot], Snapshot | None]:
    """Return the population in parts, and those of it whose outcome is known, if any is."""
    try:
        labelled = bank.labelled(as_of, horizon_days)
    except TimeRangeError:
        return bank.partitions(as_of), None
    # a bank's own labels may be of some customers only; otherwise everybody has one
    return (bank.partitions(as_of) if bank.has("labels") else [labelled]), labelled


def _labelled(data: Path, config: Config, stored: StoredModel, n_threads: int | None) -> Snapshot | None:
    """Return the customers whose outcome the file holds; None where it has no usable label."""
    try:
        with open_file(data, config, model=stored, labels="needed", n_threads=n_threads) as file:
            return file.labelled(None, 0)
    except (MissingColumnError, ConfigError):
        return None
