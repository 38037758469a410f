"""Data opened for Python, and the labelled snapshots that models learn from and are compared by."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn.api.opening import flat_of_model, input_facts, kinds_of_model
from churn.config import Config
from churn.errors import ConfigError, DataError, TimeRangeError
from churn.explanation.effects.evidence import Evidence, gather_evidence
from churn.frame import Snapshot, build_snapshot, flat_snapshot
from churn.model.storage import StoredModel
from churn.tables.bank import Bank
from churn.tables.flat import FlatTable, open_flat
from churn.timeline import MOST_SNAPSHOTS, default_snapshots, labelled_snapshots, require_complete

Date = dt.date | str
"""A date, or a text like "2026-01-01"."""
OnStep = Callable[[str], None]


def say_nothing(step: str) -> None:
    """Keep quiet about what begins next."""
    del step


@dataclass(frozen=True)
class CustomerFile:
    """An open flat file, `table`, and the settings it was opened with; `config.flat` describes it."""

    table: FlatTable
    config: Config


Data = Bank | CustomerFile


@dataclass(frozen=True, repr=False)
class Snapshots:
    """Labelled customers to learn from, and what a model keeps of where they come from.

    To be gone through, counted and indexed like a list of `churn.frame.Snapshot`, ascending by date; a flat file has
    one, without a date.

    Attributes
    ----------
    dated
        The snapshots.
    horizon_days
        Days after its date within which leaving counts.
    config
        The settings of the data.
    facts
        What goes into the manifest of a model: files with hashes, row counts, populations.
    evidence
        What effects of bindings are estimated from; None where the data have no bindings.
    """

    dated: tuple[Snapshot, ...]
    horizon_days: int
    config: Config
    facts: Mapping[str, Any]
    evidence: Evidence | None

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.dated)

    def __len__(self) -> int:
        return len(self.dated)

    def __getitem__(self, at: int) -> Snapshot:
        return self.dated[at]

    def __repr__(self) -> str:
        n_rows = sum(len(one.customer_id) for one in self)
        n_left = sum(0 if one.churned is None else int(one.churned.sum()) for one in self)
        when = f"{self[0].as_of} to {self[-1].as_of}" if self[0].as_of else "no date"
        share = f"{100 * n_left / max(n_rows, 1):.1f} % left within {self.horizon_days} days"
        return f"<Snapshots: {len(self)}, {when}; {n_rows:,} rows, {share}>"


@contextmanager
def open_file(
    path: str | Path,
    config: Config | None = None,
    *,
    model: StoredModel | None = None,
    n_threads: int | None = None,
) -> Iterator[CustomerFile]:
    """Read and check one flat file, already one row a customer; its database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV, Parquet or Excel file.
    config
        Its section `flat` describes the file; that of the model by default.
    model
        Trained on such a file, to be asked about this one: its columns are read, and the label need not be there.
    n_threads
        Threads of the database; all cores when absent. Results do not depend on it.

    Raises
    ------
    ConfigError
        Neither the configuration nor the model describes a file.
    DataError, MissingColumnError
        As for `churn.tables.flat.open_flat`.
    """
    settings = config or Config()
    flat = settings.flat or (flat_of_model(model) if model else None)
    if flat is None:
        raise ConfigError(f"{path}: is one file; describe it in the section flat of the configuration")
    kinds, needs_label = (None, True) if model is None else (kinds_of_model(model), None)
    with open_flat(Path(path), flat, kinds=kinds, needs_label=needs_label, n_threads=n_threads) as table:
        yield CustomerFile(table, settings.model_copy(update={"flat": flat}))


def build_snapshots(
    data: Data, dates: Iterable[Date] | None = None, horizon_days: int = 365, *, on_step: OnStep = say_nothing
) -> Snapshots:
    """Build the labelled snapshots to train on or to compare models by; nothing of them needs the data open.

    Parameters
    ----------
    data
        An open bank or file.
    dates
        At which to look, in any order; by default the last with a complete label and back every 91 days, at most 8,
        or those of the bank's own labels. A file has none.
    horizon_days
        Days after its date within which leaving counts, at least 1; of a file, what its label covers.
    on_step
        Told what begins next.

    Raises
    ------
    TimeRangeError
        A horizon that ends after the data do, a history that is too short, or dates for a file.
    DataError
        A file without its label.
    """
    if isinstance(data, CustomerFile):
        return _file_snapshots(data, dates, horizon_days)
    chosen = choose_dates(data, [as_date(date) for date in dates or ()], horizon_days)
    dated = build_dated(data, chosen, horizon_days, on_step)
    evidence = None
    if data.has("bindings"):
        on_step("reading what is known of bindings and offers")
        evidence = gather_evidence(data, dated[-1], horizon_days)
    return Snapshots(tuple(dated), horizon_days, data.config, input_facts(data) | bank_facts(data, dated), evidence)


def _file_snapshots(file: CustomerFile, dates: Iterable[Date] | None, horizon_days: int) -> Snapshots:
    if dates is not None:
        raise TimeRangeError("dates: a flat file has no time; leave them out")
    require_label(file.table)
    facts = input_facts(file.table) | {"flat": file.table.flat.model_dump(mode="json")}
    return Snapshots((flat_snapshot(file.table),), horizon_days, file.config, facts, None)


def build_dated(bank: Bank, dates: Sequence[dt.date], horizon_days: int, on_step: OnStep) -> list[Snapshot]:
    """Build the labelled snapshot of each date, and nothing else."""
    dated = []
    for date in dates:
        on_step(f"building the snapshot of {date}")
        dated.append(build_snapshot(bank, date, horizon_days))
    return dated


def choose_dates(
    bank: Bank, dates: Sequence[dt.date], horizon_days: int, *, most: int = MOST_SNAPSHOTS
) -> list[dt.date]:
    """Return the snapshots asked for, or the default ones, at most so many, ascending."""
    if bank.has("labels"):
        return sorted(set(dates)) or labelled_snapshots(bank.frames(), most=most)
    if dates:
        require_complete(dates, bank.data_end, horizon_days)
        return sorted(set(dates))
    return default_snapshots(bank.data_begin, bank.data_end, horizon_days, most=most)


def bank_facts(bank: Bank, snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    """Return what a manifest keeps of a bank's snapshots: who was in them, and by which settings."""
    known = bank.row_counts["customers"].used
    rows = [
        {"as_of": str(one.as_of), "customers": len(one.customer_id), "outside": known - len(one.customer_id)}
        for one in snapshots
    ]
    return {
        "populations": rows,
        "data_begin": bank.data_begin.isoformat(),
        "data_end": bank.data_end.isoformat(),
        "label": bank.config.label.model_dump(),
        "static": list(bank.config.customers.static),
    }


def as_date(value: Date) -> dt.date:
    """Return a date given as one, as a moment of that day, or as a text.

    Raises
    ------
    TimeRangeError
        The text is no date.

    Examples
    --------
    >>> as_date("2026-01-01"), as_date(dt.datetime(2026, 1, 1, 9, 30))
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 1))
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise TimeRangeError(f"{value!r} is not a date; write it as 2026-01-31") from error


def require_label(file: FlatTable) -> None:
    """Refuse a file that does not say who left.

    Raises
    ------
    DataError
        Its label was not there.
    """
    if not file.has_label:
        raise DataError(f"{file.paths[0]}: without the label {file.flat.label} there is nothing to learn from; add it")
