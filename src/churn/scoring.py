"""Batch scoring: customers in partitions, in the order of their ids, into files that appear whole or not at all."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from churn import csv_files, files, frame, score_files, threads, timeline
from churn.data import Data
from churn.explanation import next_best, shap
from churn.explanation.reasons import N_HOLDING, N_RAISING, explain_reasons
from churn.features.feature import Feature
from churn.model.documents import Thresholds
from churn.model.storage import StoredModel, library_versions
from churn.speech import LANGUAGES
from churn.tables.contract import LEAST_SHARED

N_REASONS = 3
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        ("churn_probability", pa.float64()),
        ("risk_band", pa.string()),
        ("product_coverage", pa.int64()),
        *((f"reason_{rank}", pa.string()) for rank in range(1, N_REASONS + 1)),
        ("probability_low", pa.float64()),
        ("probability_high", pa.float64()),
    ]
)
EXPLAINED = pa.schema(
    [
        ("next_binding", pa.string()),
        ("next_binding_effect", pa.float64()),
        ("next_product", pa.string()),
        *((f"raises_{rank}_{language}", pa.string()) for rank in range(1, N_RAISING + 1) for language in LANGUAGES),
        *((f"holds_{rank}_{language}", pa.string()) for rank in range(1, N_HOLDING + 1) for language in LANGUAGES),
        *((f"raises_{rank}_features", pa.string()) for rank in range(1, N_RAISING + 1)),
        ("next_binding_effect_low", pa.float64()),
        ("next_binding_effect_high", pa.float64()),
        ("next_binding_basis", pa.string()),
    ]
)
"""Columns that follow those of `SCHEMA` where scores are explained."""
OnRows = Callable[[int], None]
_log = logging.getLogger(__name__)


def score_snapshot(
    snapshot: frame.Snapshot,
    stored: StoredModel,
    *,
    explain: Sequence[Feature] | None = None,
    classes_known: bool | None = None,
) -> tuple[pa.Table, dict[str, int]]:
    """Score customers: one row each, in the order given, and the count of unseen categories by column.

    `churn_probability` is calibrated, in [0, 1]. `risk_band` is high from the model's upper threshold on, low under
    its lower one, else medium. `reason_1` to `reason_3` are the features that raise the risk most, by their
    contribution to the log-odds (TreeSHAP); empty where fewer raise it. `probability_low` and `probability_high` hold
    `churn_probability` between them (`churn.model.calibration`); null for a model without intervals. With `explain`,
    the catalogue of the features, columns of `EXPLAINED` follow: the next binding or product, and reasons in words;
    `classes_known` as for `next_best.find_next_steps`.

    Raises
    ------
    ModelError
        The features are not those the model was trained on.
    """
    prediction = stored.model.predict(snapshot.features)
    explained = shap.explain_features(stored.model, snapshot.features)
    n = len(snapshot.customer_id)
    columns = [
        pa.array(snapshot.customer_id, pa.string()),
        pa.array([snapshot.as_of] * n, pa.date32()),
        pa.array(prediction.probability),
        pa.array(risk_bands(prediction.probability, stored.manifest.thresholds)),
        _whole_numbers(snapshot.product_coverage, n),
        *raising_features(explained.values, stored.model.schema.names),
        *(pa.array(end, mask=np.isnan(end)) for end in (prediction.low, prediction.high)),
    ]
    table = pa.table(columns, schema=SCHEMA)
    if explain is not None:
        added = _explained(snapshot, stored, explained, prediction.probability, explain, classes_known)
        for name, column in zip(EXPLAINED.names, added, strict=True):
            table = table.append_column(name, column)
    return table, prediction.unseen


def _explained(
    snapshot: frame.Snapshot,
    stored: StoredModel,
    explained: shap.Contributions,
    probability: NDArray[np.float64],
    catalogue: Sequence[Feature],
    classes_known: bool | None,
) -> Iterator[pa.Array]:
    """Yield the columns of `EXPLAINED`."""
    advice = stored.effects.services
    features = snapshot.features[list(stored.model.schema.names)]
    steps = next_best.find_next_steps(features, probability, advice, catalogue, classes_known=classes_known)
    told = explain_reasons(explained.values, features, catalogue)
    yield pa.array(steps.binding, pa.string())
    yield pa.array(steps.effect, pa.float64(), mask=np.isnan(steps.effect))
    yield pa.array(steps.product, pa.string())
    for stories in told:
        both = zip(*(stories.words(language).T for language in LANGUAGES), strict=True)
        yield from (pa.array(texts, pa.string()) for rank in both for texts in rank)
    yield from (pa.array(names, pa.string()) for names in told.raising.features().T)
    yield from (pa.array(end, pa.float64(), mask=np.isnan(end)) for end in (steps.low, steps.high))
    yield pa.array(steps.basis, pa.string())


def _whole_numbers(values: NDArray[np.float64] | None, n: int) -> pa.Array:
    if values is None:
        return pa.nulls(n, pa.int64())
    return pa.array(np.nan_to_num(values).astype(np.int64), pa.int64(), mask=np.isnan(values))


def risk_bands(probability: NDArray[np.float64], thresholds: Thresholds) -> list[str]:
    """Band probabilities: high from `thresholds.high` on, low under `thresholds.low`, else medium.

    Examples
    --------
    >>> risk_bands(np.array([0.1, 0.2, 0.8]), Thresholds(high=0.8, low=0.2))
    ['low', 'medium', 'high']
    """
    conditions = [probability >= thresholds.high, probability < thresholds.low]
    return [str(band) for band in np.select(conditions, ["high", "low"], "medium")]


def raising_features(contributions: NDArray[np.floating[Any]], names: Sequence[str]) -> list[pa.Array]:
    """Name, for each rank from 1, the feature with that largest contribution above zero; null where there is none.

    Ties go to the feature that stands first. `contributions` has shape (n, number of features).
    """
    order = np.argsort(-contributions, axis=1, kind="stable")[:, :N_REASONS]
    raises = np.take_along_axis(contributions, order, axis=1) > 0
    words = np.asarray(names, dtype=object)[order]
    words[~raises] = None
    found = [pa.array(words[:, rank], pa.string()) for rank in range(order.shape[1])]
    return found + [pa.nulls(len(contributions), pa.string())] * (N_REASONS - len(found))


def score(
    model: StoredModel,
    data: Data,
    as_of: timeline.Date | None = None,
    *,
    explain: bool = False,
    n_threads: int | None = None,
) -> pd.DataFrame:
    """Score every customer: one row each, sorted by id, the columns of a score file (docs/data.md).

    Parameters
    ----------
    model
        Of `train` or `read_model`.
    data
        An open bank, or file opened with this model.
    as_of
        Date to score at; left out for a file.
    explain
        Add the next binding or product, and reasons in English and Chinese.
    n_threads
        As for `train`.

    Raises
    ------
    TimeRangeError
        A date that lies too far after the data end, at which nobody is a customer, or for a file.
    DataError, ConfigError, ModelError
        The data are not of the kind the model was trained on.
    """
    unseen = Counter[str]()
    with threads.use_threads(n_threads):
        parts = list(_score_parts(model, data, as_of, unseen, explain=explain))
    if unseen:
        _log.warning("%s", tell_unseen(unseen))
    scores: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return scores


def write_scores(
    path: str | Path,
    model: StoredModel,
    data: Data,
    as_of: timeline.Date | None = None,
    *,
    explain: bool = False,
    n_threads: int | None = None,
    on_rows: OnRows | None = None,
) -> dict[str, Any]:
    """Score partition after partition into a file, as `churn score` does; one is held in memory at a time.

    Beside it go `<name>.manifest.json`, which says what was scored by which model and is returned, and
    `<name>.quarantine.csv`, every input row that was left out: table, file name, row, column, rule. The three change
    at one moment (`churn.score_files` says how they are called, and how they are checked when they are read).

    Parameters
    ----------
    path
        Ends in `.parquet` or `.csv`.
    model, data, as_of, explain, n_threads
        As for `score`.
    on_rows
        Told the number of customers after each partition.

    Raises
    ------
    OutputError
        A file cannot be written, or is one that was read; then none of the three changes.
    TimeRangeError, DataError, ConfigError, ModelError
        As for `score`.
    """
    path, begun = Path(path), time.monotonic()
    require_place(path, data.paths)
    facts, rows, unseen = data.input_facts(), 0, Counter[str]()
    about, beside = score_files.companions(path)
    with threads.use_threads(n_threads), files.new_files([path, beside, about]) as (scores, left_out, manifest):
        csv_files.write_rows(left_out, ["table", "file", "row", "column", "rule"], data.quarantine(), for_excel=True)
        with _open_writer(scores, path.suffix, model.manifest.model_id, explained=explain) as write:
            for table in _score_parts(model, data, as_of, unseen, explain=explain):
                write(table)
                rows += table.num_rows
                if on_rows:
                    on_rows(table.num_rows)
        document = {
            "model_id": model.manifest.model_id,
            **score_files.describe_scores(path, scores),
            "model_files_sha256": model.manifest.files,
            "as_of": None if as_of is None else timeline.as_date(as_of).isoformat(),
            "horizon_days": model.manifest.horizon_days,
            "rows_scored": rows,
            "outside_population": data.n_customers - rows,
            "silently_gone": data.count_silently_gone(None if as_of is None else timeline.as_date(as_of)),
            "quarantined": sum(counts["quarantined"] for counts in facts["row_counts"].values()),
            "unseen_categories": dict(sorted(unseen.items())),
            "thresholds": model.manifest.thresholds.to_json(),
            **facts,
            "versions": library_versions(),
            "duration_seconds": round(time.monotonic() - begun, 3),
        }
        manifest.write_text(files.render_json(document), encoding="utf-8")
    return document


def require_place(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a scores file that cannot be written, before any work.

    Raises
    ------
    OutputError
        The ending is neither `.parquet` nor `.csv`; the file, or what goes beside it, cannot be written, or is one of
        the inputs.
    """
    score_files.require_form(path)
    places = (path, *score_files.companions(path))
    for place in places:
        files.require_writable_file(place)
    files.require_apart(places, list(inputs))


def tell_unseen(unseen: Mapping[str, int]) -> str:
    """Say which columns have categories that training hardly had."""
    counts = ", ".join(f"{name}: {n}" for name, n in sorted(unseen.items()))
    return f"categories that fewer than {LEAST_SHARED} customers of the training had count as missing: {counts}"


def _score_parts(
    model: StoredModel, data: Data, as_of: timeline.Date | None, unseen: "Counter[str]", *, explain: bool
) -> Iterator[pa.Table]:
    """Yield the scores of each partition, and add up in `unseen` the customers with a category that is new."""
    date = None if as_of is None else timeline.as_date(as_of)
    data.require_model(model, date, use="score")
    catalogue, known = (data.catalogue, data.classes_known(date)) if explain else (None, None)
    for snapshot in data.partitions(date):
        table, new = score_snapshot(snapshot, model, explain=catalogue, classes_known=known)
        unseen.update(new)
        yield table


@contextmanager
def _open_writer(path: Path, suffix: str, model_id: str, *, explained: bool) -> Iterator[Callable[[pa.Table], None]]:
    schema = pa.schema([*SCHEMA, *EXPLAINED]) if explained else SCHEMA
    if suffix == ".csv":
        with csv_files.open_for_tables(path, schema) as write:
            yield write
    else:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield writer.write_table
            score_files.seal_parquet(writer, path, model_id)
