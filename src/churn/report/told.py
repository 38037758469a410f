"""What a score file tells of the few customers a page names: reasons in words, and what to bind next."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as pa_dataset

from churn import csv_files
from churn.errors import DataError
from churn.explanation.reasons.telling import N_HOLDING, N_RAISING
from churn.report.facts import Text
from churn.scoring import N_REASONS

_LANGUAGES = ("en", "zh")
_RAISES = [tuple(f"raises_{rank}_{language}" for language in _LANGUAGES) for rank in range(1, N_RAISING + 1)]
_HOLDS = [tuple(f"holds_{rank}_{language}" for language in _LANGUAGES) for rank in range(1, N_HOLDING + 1)]
_FEATURES = [f"reason_{rank}" for rank in range(1, N_REASONS + 1)]
_TEXTS = [*(name for pair in (*_RAISES, *_HOLDS) for name in pair), *_FEATURES, "next_binding", "next_product"]
_NUMBERS = ["next_binding_effect", "probability_low", "probability_high"]


class Told(NamedTuple):
    """What is told of one customer; None where it is not.

    Reasons in words, codes of a service to bind or a product to open, the claimed effect of binding, and the interval
    of the probability.
    """

    raises: tuple[Text, ...]
    holds: tuple[Text, ...]
    binding: str | None
    product: str | None
    effect: float | None
    low: float | None
    high: float | None


def read_told(path: Path, customer_ids: Collection[str], meanings: Mapping[str, Text]) -> dict[str, Told]:
    """Read what a score file tells of some customers.

    Parameters
    ----------
    path
        Of a file that `read_scores` took.
    meanings
        Of features, for scores without reasons in words; a feature without one stands under its name.

    Raises
    ------
    DataError
        A column is not what `churn score` writes.
    """
    try:
        dataset = _open(path)
        there = [name for name in ("customer_id", *_TEXTS, *_NUMBERS) if name in dataset.schema.names]
        if is_csv := path.suffix == ".csv":
            customer_ids = [csv_files.guard(customer_id) for customer_id in customer_ids]
        rows = dataset.to_table(columns=there, filter=pa_dataset.field("customer_id").isin(list(customer_ids)))
        rows = csv_files.unguard(rows) if is_csv else rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: a column is not what churn score writes; score again") from error
    return {row["customer_id"]: _told(row, meanings) for row in rows.to_pylist()}


def _open(path: Path) -> pa_dataset.Dataset:
    if path.suffix == ".parquet":
        return pa_dataset.dataset(path, format="parquet")
    types = {**dict.fromkeys(("customer_id", *_TEXTS), pa.string()), **dict.fromkeys(_NUMBERS, pa.float64())}
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pa_dataset.dataset(path, format=pa_dataset.CsvFileFormat(convert_options=options))


def _told(row: Mapping[str, Any], meanings: Mapping[str, Text]) -> Told:
    raises = _pairs(row, _RAISES) or tuple(
        meanings.get(name, (name, name)) for name in (row.get(column) for column in _FEATURES) if name
    )
    numbers = [row.get(name) for name in _NUMBERS]
    binding, product = row.get("next_binding") or None, row.get("next_product") or None
    return Told(raises, _pairs(row, _HOLDS), binding, product, *numbers)


def _pairs(row: Mapping[str, Any], columns: list[tuple[str, ...]]) -> tuple[Text, ...]:
    found = [(row.get(en), row.get(zh)) for en, zh in columns]
    return tuple((en, zh) for en, zh in found if en and zh)
