"""Scores, read back once: a file or a table of them, held against what `churn score` writes."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as pa_dataset

from churn import csv_files, errors, score_files, scoring
from churn.explanation.reasons import N_HOLDING, N_RAISING
from churn.speech import LANGUAGES, Name

_NEEDED = ("customer_id", "as_of", "churn_probability")
_EFFECT = "next_binding_effect"
STALE_DAYS = 31
"""Scores older than this are said to be old."""
_OF_EVERYBODY = (*_NEEDED, "risk_band", "next_binding", "next_product", _EFFECT)
_RAISES = [[f"raises_{rank}_{language}" for language in LANGUAGES] for rank in range(1, N_RAISING + 1)]
_HOLDS = [[f"holds_{rank}_{language}" for language in LANGUAGES] for rank in range(1, N_HOLDING + 1)]
_RAISES_FEATURES = "raises_1_features"
_FEATURES = [f"reason_{rank}" for rank in range(1, scoring.N_REASONS + 1)]
_ENDS = ("probability_low", "probability_high")
_IN_WORDS = [name for pair in (*_RAISES, *_HOLDS) for name in pair]
_OF_SOME = (*_IN_WORDS, *_FEATURES, _RAISES_FEATURES, "next_binding", "next_product")
_NUMBERS = ("churn_probability", _EFFECT, *_ENDS)


class Told(NamedTuple):
    """Scores of one customer; None where they say nothing.

    Attributes
    ----------
    raises, holds
        Reasons in words, the strongest first; empty where the scores have none.
    raises_features
        The features that the strongest reason to leave names; empty where the scores do not say.
    features
        The features that raise the risk most, by name.
    binding, product, effect
        Codes of a service to bind or a product to open, and the claimed effect of binding.
    low, high
        The interval of the probability.
    """

    raises: tuple[Name, ...] = ()
    holds: tuple[Name, ...] = ()
    raises_features: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    binding: str | None = None
    product: str | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scores:
    """Scores of one date.

    Attributes
    ----------
    frame
        One row per customer: `customer_id`, `churn_probability`, `risk_band`, `next_binding`, `next_product` and
        `next_binding_effect` (NaN where none is claimed). Missing where the scores say nothing.
    as_of
        The date of the scores; None for those of a flat file.
    is_explained
        Whether they have the columns of `churn score --explain`.
    where
        Their name in messages.
    rows
        All their columns, unread: reasons in words are large, and needed of few customers.
    is_guarded
        Whether the rows are of a CSV, whose texts no spreadsheet runs (`csv_files`).
    model_id
        Of the model that made them, where the file or the manifest beside it says it.
    seal
        What the file was found to be; None of a table.
    """

    frame: pd.DataFrame
    as_of: dt.date | None
    is_explained: bool
    where: str
    rows: pa_dataset.Dataset
    is_guarded: bool
    model_id: str | None = None
    seal: score_files.Seal | None = None

    def told(self, customer_ids: Collection[str]) -> dict[str, Told]:
        """Read what the scores say of some customers, by id; customers not in them are left out.

        Raises
        ------
        DataError
            A column is not what `churn score` writes, or another file has taken the place of theirs.
        """
        columns = [name for name in ("customer_id", *_OF_SOME, _EFFECT, *_ENDS) if name in self.rows.schema.names]
        ids = pa.array([csv_files.guard(one) if self.is_guarded else one for one in customer_ids], pa.string())
        try:
            table = self.rows.to_table(columns=columns, filter=pa_dataset.field("customer_id").isin(ids))
        except (pa.ArrowException, OSError) as error:
            raise errors.DataError(f"{self.where}: a column is not what churn score writes; score again") from error
        if self.seal is not None:
            score_files.require_same(Path(self.where), self.seal.stamp)
        table = csv_files.unguard(table) if self.is_guarded else table
        cells = [_read(self.where, table, name).tolist() for name in columns]
        known = [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
        return {row["customer_id"]: _told(row) for row in known}


def read_scores(path: Path | str) -> Scores:
    """Read a score file, .parquet or .csv.

    Raises
    ------
    DataError
        It is not there or cannot be read, was changed, cut short or replaced since it was written, or is not of the
        model that the manifest beside it names, or that manifest cannot be read; a customer is in it twice or without
        an id, a probability is missing or outside [0, 1], or its rows are of several dates.
    MissingColumnError
        A column that every score file has is missing.
    OutputError
        The name ends in neither.
    """
    path = Path(path)
    score_files.require_form(path)
    if not path.is_file():
        raise errors.DataError(f"{path}: no such file; give the scores that churn score wrote")
    try:
        seal = score_files.check_files(path)
        found = _check(_open(path), str(path), is_guarded=path.suffix == ".csv")
        score_files.require_same(path, seal.stamp)
    except errors.OutputError:  # which is an OSError too
        raise
    except (pa.ArrowException, OSError) as error:
        raise errors.DataError(
            f"{path}: cannot be read as {path.suffix[1:]}; give a file that churn score wrote"
        ) from error
    return replace(found, model_id=seal.model_id, seal=seal)


def as_scores(scores: Scores | pd.DataFrame | str | Path) -> Scores:
    """Take scores however they are given: read before, as a table, or as a file; errors as for `read_scores`."""
    if isinstance(scores, Scores):
        return scores
    return check_scores(scores) if isinstance(scores, pd.DataFrame) else read_scores(scores)


def check_scores(scores: pd.DataFrame, where: str = "scores") -> Scores:
    """Take a table of scores, as `churn.score` gives it; errors as for `read_scores`."""
    known = [name for name in dict.fromkeys((*_OF_EVERYBODY, *_OF_SOME, *_ENDS)) if name in scores]
    try:
        return _check(
            pa_dataset.dataset(pa.Table.from_pandas(scores[known], preserve_index=False)), where, is_guarded=False
        )
    except pa.ArrowException as error:
        raise errors.DataError(f"{where}: a column is not what churn score gives; score again") from error


def _open(path: Path) -> pa_dataset.Dataset:
    if path.suffix == ".parquet":
        return pa_dataset.dataset(path, format="parquet")
    # Everything as text, so that an id keeps its zeros; an empty cell is the only one that says nothing.
    types = dict.fromkeys((*_OF_EVERYBODY, *_OF_SOME, *_ENDS), pa.string())
    options = pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    return pa_dataset.dataset(path, format=pa_dataset.CsvFileFormat(convert_options=options))


def _check(rows: pa_dataset.Dataset, where: str, *, is_guarded: bool) -> Scores:
    if missing := [name for name in _NEEDED if name not in rows.schema.names]:
        raise errors.MissingColumnError(f"{where}: column {missing[0]} is missing; give what churn score wrote")
    table = rows.to_table(columns=[name for name in _OF_EVERYBODY if name in rows.schema.names])
    table = csv_files.unguard(table) if is_guarded else table
    names = [name for name in _OF_EVERYBODY if name != "as_of"]
    frame = pd.DataFrame({name: _read(where, table, name) for name in names if name in table.column_names})
    frame = frame.reindex(columns=names)
    _require_usable(where, frame)
    return Scores(
        frame=frame,
        as_of=_as_of(where, table),
        is_explained=_EFFECT in table.column_names,
        where=where,
        rows=rows,
        is_guarded=is_guarded,
    )


def _read(where: str, table: pa.Table, name: str) -> "pd.Series[Any]":
    """Read a column as what it should hold; an empty text is none."""
    kind = "number" if name in _NUMBERS else "text"
    try:
        column: pd.Series[Any] = table[name].cast(pa.float64() if kind == "number" else pa.string()).to_pandas()
    except pa.ArrowException as error:
        raise errors.DataError(f"{where}: column {name} is not a {kind}; give what churn score wrote") from error
    found: pd.Series[Any] = column.astype("float64" if kind == "number" else "str")
    return found if kind == "number" else found.where(found != "")


def _require_usable(where: str, frame: pd.DataFrame) -> None:
    ids, probability, effect = frame["customer_id"], frame["churn_probability"], frame[_EFFECT]
    _require(where, ids.isna(), "customer_id: empty; score again")
    _require(where, ids.duplicated(), "customer_id: a customer twice; score again")
    _require(where, ~probability.between(0, 1), "churn_probability: not a number from 0 to 1; score again")
    _require(where, effect.notna() & ~effect.between(-1, 1), f"{_EFFECT}: not a number from -1 to 1; score again")


def _require(where: str, wrong: "pd.Series[bool]", what: str) -> None:
    if wrong.any():
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(wrong)[:5])
        raise errors.DataError(f"{where}: {what} ({int(wrong.sum()):,} rows, among them {rows})")


def _as_of(where: str, table: pa.Table) -> dt.date | None:
    dates = {str(value)[:10] for value in table["as_of"].unique().to_pylist()}
    if len(dates) > 1:
        raise errors.DataError(f"{where}: as_of: {len(dates)} dates; give the scores of one date")
    (date,) = dates or {""}
    if date in ("", "None"):
        return None
    try:
        return dt.date.fromisoformat(date)
    except ValueError as error:
        raise errors.DataError(f"{where}: as_of: not a date; give what churn score wrote") from error


def _told(row: Mapping[str, Any]) -> Told:
    known = {name: value for name, value in row.items() if not pd.isna(value)}
    return Told(
        raises=_in_words(known, _RAISES),
        holds=_in_words(known, _HOLDS),
        raises_features=tuple(known.get(_RAISES_FEATURES, "").split()),
        features=tuple(known[name] for name in _FEATURES if name in known),
        binding=known.get("next_binding"),
        product=known.get("next_product"),
        effect=known.get(_EFFECT),
        low=known.get("probability_low"),
        high=known.get("probability_high"),
    )


def _in_words(known: Mapping[str, str], columns: list[list[str]]) -> tuple[Name, ...]:
    return tuple(Name(known[en], known[zh]) for en, zh in columns if en in known and zh in known)
