"""Data to learn from and to ask a model about: a bank's tables, or one flat file, opened and checked."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TypeVar

import pandas as pd

from churn.config import Config, FlatFile
from churn.data.opened import Bank, CustomerFile, Data, OnStep, Snapshots, require_fit, say_nothing
from churn.errors import ConfigError, DataError
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.model.storage import StoredModel
from churn.speech import LANGUAGES, say
from churn.tables import bank, checking
from churn.tables.flat import FlatKind, Labels, open_flat
from churn.threads import use_threads
from churn.timeline import MOST_SNAPSHOTS, Date, as_date

__all__ = [
    "Data", "OnStep", "Snapshots", "build_frame", "build_snapshots", "check", "open_bank", "open_data",
    "open_file", "say_nothing",
]  # fmt: skip
T = TypeVar("T")


@contextmanager
def open_bank(
    folder: str | Path, config: Config | None = None, *, data_end: dt.date | None = None, n_threads: int | None = None
) -> Iterator[Data]:
    """Read and check a folder of tables; the database is removed when the block ends.

    Parameters
    ----------
    folder
        Holds `<table>.parquet`, `<table>.csv` or a folder of parts for every table.
    config
        Names, encodings and the catalogue; the contract's own when absent.
    data_end
        Overrides the last day found in the data.
    n_threads
        Threads of the database; all cores when absent. Results do not depend on it.

    Raises
    ------
    ConfigError
        The configuration's mapping does not fit the contract.
    DataError
        No such folder, a required table missing or empty, a table found twice, a file that cannot be read.
    MissingColumnError
        A required column is missing.
    """
    # What describes a file says nothing of tables.
    settings = (config or Config()).model_copy(update={"flat": None})
    with _using(n_threads, bank.open_tables(folder, settings, data_end=data_end)) as checked:
        has_bindings = "bindings" in checked.raws
        yield Bank(config=settings, checked=checked, catalogue=catalogue(settings), has_bindings=has_bindings)


@contextmanager
def open_file(
    path: str | Path,
    config: Config | None = None,
    *,
    model: StoredModel | None = None,
    labels: Labels | None = None,
    n_threads: int | None = None,
) -> Iterator[Data]:
    """Read and check one flat file, already one row per customer; its database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV, Parquet or Excel file.
    config
        Its section `flat` describes the file; that of the model by default.
    model
        Trained on such a file, to be asked about this one: its columns are read, and the label need not be there.
    labels
        Whether the label is read, as for `churn.tables.flat.open_flat`: "needed", "if there", "where known" or
        "unread". By default it is needed, and with a model read where known. To anchor, take "where known", so that
        customers without an outcome count too, as the commands do.
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
    flat = _description(settings, model)
    if flat is None:
        raise ConfigError(f"{path}: is one file; describe it in the section flat of the configuration")
    kinds: dict[str, FlatKind] | None = None
    if model is not None:
        schema = model.model.schema
        kinds = {name: "text" if name in schema.levels else "number" for name in schema.names}
    asked: Labels = labels or ("needed" if model is None else "where known")
    with _using(n_threads, open_flat(Path(path), flat, kinds=kinds, labels=asked)) as checked:
        yield CustomerFile(
            config=settings.model_copy(update={"flat": checked.flat}),
            checked=checked,
            flat=checked.flat,
            catalogue=own_features(checked.kinds, flat.bindings),
            has_bindings=bool(flat.bindings),
            has_outcomes=checked.has_label,
        )


@contextmanager
def open_data(
    path: str | Path,
    config: Config | None = None,
    model: StoredModel | None = None,
    *,
    as_of: dt.date | None = None,
    use: str | None = None,
    labels: Labels | None = None,
    data_end: dt.date | None = None,
    n_threads: int | None = None,
) -> Iterator[Data]:
    """Open what is there, a folder of tables or one flat file, and hold it against the model it is for.

    Parameters
    ----------
    path
        A folder, or a file that the configuration or the model describes.
    config, data_end, labels, n_threads
        As for `open_bank` and `open_file`.
    model
        To be asked about these data; what does not fit it is refused before anything is read.
    as_of
        The date it is asked at; refused for a file.
    use
        The purpose at that date, "score" or "explain", where a folder needs one.

    Raises
    ------
    ConfigError
        A file that nothing describes; or as for `Data.require_model`.
    DataError, TimeRangeError, MissingColumnError
        Nothing is there; or as for `Data.require_model`, `open_bank` and `open_file`.
    """
    place, settings = Path(path), config or Config()
    flat = _description(settings, model) if _is_file(place, settings, model) else None
    if model is not None:
        require_fit(model, settings.model_copy(update={"flat": flat}), as_of, where=str(path), use=use)
    if flat is not None:
        opened = open_file(place, settings, model=model, labels=labels, n_threads=n_threads)
    else:
        opened = open_bank(place, settings, data_end=data_end, n_threads=n_threads)
    with opened as data:
        yield data


def _is_file(path: Path, config: Config, model: StoredModel | None = None) -> bool:
    """Whether data are one flat file, which the configuration or the model must describe; else a folder of tables.

    Raises
    ------
    ConfigError
        A file is given and nothing describes it.
    DataError
        There is nothing at that path.
    """
    if model is not None:
        return _description(config, model) is not None and not path.is_dir()
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; give the folder of the bank's tables, or one customer file")
    if path.is_dir():
        return False
    if config.flat is None:
        raise ConfigError(f"{path}: is one file; describe it in a [flat] section and give that with --config")
    return True


def build_snapshots(
    data: Data,
    dates: Iterable[Date] | None = None,
    horizon_days: int = 365,
    *,
    most: int = MOST_SNAPSHOTS,
    with_evidence: bool = True,
    on_step: OnStep = say_nothing,
) -> Snapshots:
    """Build the labelled snapshots to train on or to compare models by; parameters as for `Data.snapshots`.

    `churn train` takes 8 at most, `churn tune` 12, and `churn compare` 8 besides those it judges on.
    """
    return data.snapshots(dates, horizon_days, most=most, with_evidence=with_evidence, on_step=on_step)


def check(data: Data) -> pd.DataFrame:
    """Say what is wrong with data, as `churn check` does: one row per broken rule or warning of a table.

    Returns
    -------
    DataFrame
        `table`, `column` (empty for a whole row), `rule`, `severity` ("error": rows were left out), `count` and `rows`,
        up to five row numbers of the file (from 1); and in words `means_en` and `means_zh`.
    """
    columns = [field.name for field in fields(checking.Finding)]
    found = pd.DataFrame([asdict(one) for one in data.findings], columns=columns)
    for language in LANGUAGES:
        found[f"means_{language}"] = [say(checking.RULES[rule], language) for rule in found["rule"]]
    return found


def build_frame(data: Data, as_of: Date | None) -> pd.DataFrame:
    """Return the feature frame at a date: `customer_id`, `as_of`, and a column per feature.

    Raises
    ------
    TimeRangeError
        `as_of` lies too far after the data end, or nobody is in the population.
    """
    date = None if as_of is None else as_date(as_of)
    parts = list(data.partitions(date))
    found = pd.concat([part.features for part in parts], ignore_index=True)
    found.insert(0, "customer_id", [name for part in parts for name in part.customer_id])
    found.insert(1, "as_of", date)
    return found


def _description(config: Config, model: StoredModel | None) -> FlatFile | None:
    """Return what describes a flat file: the configuration, or the manifest of a model that was trained on one."""
    if model is None or not model.manifest.flat:
        return config.flat
    kept = FlatFile.model_validate(model.manifest.flat)
    if config.flat is None:
        return kept
    # What the training settled by its cells holds on, unless the configuration says otherwise.
    settled = {"dates": {**kept.dates, **config.flat.dates}, "as_of": config.flat.as_of or kept.as_of}
    return config.flat.model_copy(update=settled)


@contextmanager
def _using(n_threads: int | None, opening: AbstractContextManager[T]) -> Iterator[T]:
    """Open with so many threads; what the block does is not bound by them."""
    with ExitStack() as stack:
        with use_threads(n_threads):
            opened = stack.enter_context(opening)
        yield opened
