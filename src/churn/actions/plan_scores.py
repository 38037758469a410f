"""A score file, read back and held against what `churn score` writes."""

import datetime as dt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from churn import csv_files
from churn.errors import DataError, MissingColumnError
from churn.scoring import require_form

_NEEDED = ("customer_id", "as_of", "churn_probability")
_TEXTS = ("risk_band", "next_binding", "next_product", "raises_1_en", "raises_1_zh", "reason_1")
_EFFECT = "next_binding_effect"


class Scores(NamedTuple):
    """What a plan needs of a score file.

    Attributes
    ----------
    frame
        One row a customer: `customer_id`, `churn_probability`, `risk_band`, `next_binding`, `next_binding_effect` (NaN
        where none is claimed), `next_product`, `raises_1_en`, `raises_1_zh`, `reason_1`; texts are None where there is
        none.
    as_of
        The date of the scores; None for those of a flat file.
    is_explained
        Whether the file has the columns of `churn score --explain`.
    """

    frame: pd.DataFrame
    as_of: dt.date | None
    is_explained: bool


def read_scores(path: Path) -> Scores:
    """Read a score file, .parquet or .csv.

    Raises
    ------
    DataError
        It is not there or cannot be read, a customer is in it twice or without an id, a probability is missing or
        outside [0, 1], or its rows are of several dates.
    MissingColumnError
        A column that every score file has is missing.
    OutputError
        The name ends in neither.
    """
    require_form(path)
    return check_scores(_read(path), str(path))


def check_scores(table: pa.Table, where: str) -> Scores:
    """Take what a plan needs of a table of scores; errors as for `read_scores`.

    Parameters
    ----------
    table
        Columns of a score file.
    where
        What messages call it.
    """
    if missing := [name for name in _NEEDED if name not in table.column_names]:
        raise MissingColumnError(f"{where}: column {missing[0]} is missing; give what churn score wrote")
    frame = pd.DataFrame({"customer_id": _texts(where, table, "customer_id")})
    frame["churn_probability"] = _numbers(where, table, "churn_probability")
    for name in _TEXTS:
        frame[name] = _texts(where, table, name) if name in table.column_names else None
    explained = _EFFECT in table.column_names
    frame[_EFFECT] = _numbers(where, table, _EFFECT) if explained else np.nan
    _require_usable(where, frame)
    return Scores(frame, _as_of(where, table), explained)


def _read(path: Path) -> pa.Table:
    wanted = (*_NEEDED, *_TEXTS, _EFFECT)
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the scores that churn score wrote")
    try:
        if path.suffix == ".parquet":
            there = pq.read_schema(path).names
            return pq.read_table(path, columns=[name for name in wanted if name in there])
        texts = dict.fromkeys(("customer_id", "as_of", *_TEXTS), pa.string())
        options = pa_csv.ConvertOptions(column_types=texts, strings_can_be_null=False)
        return csv_files.unguard(pa_csv.read_csv(path, convert_options=options))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as {path.suffix[1:]}; give a file that churn score wrote") from error


def _texts(where: str, table: pa.Table, name: str) -> "pd.Series[Any]":
    try:
        column = table[name].cast(pa.string()).to_pandas().astype(object)
    except pa.ArrowException as error:
        raise DataError(f"{where}: column {name} is no text; give what churn score wrote") from error
    found: pd.Series[Any] = column.where(column.notna() & (column != ""), None)
    return found


def _numbers(where: str, table: pa.Table, name: str) -> "pd.Series[float]":
    try:
        numbers: pd.Series[float] = table[name].cast(pa.float64()).to_pandas()
    except pa.ArrowException as error:
        raise DataError(f"{where}: column {name} is no number; give what churn score wrote") from error
    return numbers


def _require_usable(where: str, frame: pd.DataFrame) -> None:
    ids, probability, effect = frame["customer_id"], frame["churn_probability"], frame[_EFFECT]
    _require(where, ids.isna(), "customer_id: empty; score again")
    _require(where, ids.duplicated(), "customer_id: a customer twice; score again")
    _require(where, ~probability.between(0, 1), "churn_probability: not a number from 0 to 1; score again")
    _require(where, effect.notna() & ~effect.between(-1, 1), f"{_EFFECT}: not a number from -1 to 1; score again")


def _require(where: str, wrong: "pd.Series[bool]", what: str) -> None:
    if wrong.any():
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(wrong)[:5])
        raise DataError(f"{where}: {what} ({int(wrong.sum()):,} rows, among them {rows})")


def _as_of(where: str, table: pa.Table) -> dt.date | None:
    dates = {str(value)[:10] for value in table["as_of"].unique().to_pylist()}
    if len(dates) > 1:
        raise DataError(f"{where}: as_of: {len(dates)} dates; give the scores of one date")
    (date,) = dates or {""}
    if date in ("", "None"):
        return None
    try:
        return dt.date.fromisoformat(date)
    except ValueError as error:
        raise DataError(f"{where}: as_of: not a date; give what churn score wrote") from error
