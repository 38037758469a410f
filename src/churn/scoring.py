"""Batch scoring: customers in partitions, in the order of their ids, into files that appear whole or not at all."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from churn import csv_files, threads
from churn.errors import OutputError
from churn.explanation.next_best import find_next_steps
from churn.explanation.reasons.telling import N_HOLDING, N_RAISING, explain_reasons
from churn.explanation.shap import Contributions, explain_features
from churn.features.feature import Feature
from churn.files import new_file, render_json, require_writable_file
from churn.frame import Snapshot
from churn.model.documents import Thresholds
from churn.model.storage import StoredModel, library_versions
from churn.speech import LANGUAGES
from churn.tables.findings import LeftOut

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
    ]
)
"""Columns that follow those of `SCHEMA` where scores are explained."""
_FORMS = (".parquet", ".csv")
OnRows = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """What a scoring did: `rows` written, and how many customers had a category that training did not, by column."""

    rows: int
    unseen: Mapping[str, int]


def score_snapshot(
    snapshot: Snapshot,
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
    prediction = stored.model.predict(snapshot.features, n_threads=threads.n_threads())
    explained = explain_features(stored.model, snapshot.features)
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
    snapshot: Snapshot,
    stored: StoredModel,
    explained: Contributions,
    probability: NDArray[np.float64],
    catalogue: Sequence[Feature],
    classes_known: bool | None,
) -> Iterator[pa.Array]:
    """Yield the columns of `EXPLAINED`."""
    advice, typical = stored.effects.services, stored.manifest.training_churn_rate
    features = snapshot.features[list(stored.model.schema.names)]
    steps = find_next_steps(features, probability, advice, catalogue, classes_known=classes_known, typical=typical)
    told = explain_reasons(explained.values, features, catalogue)
    yield pa.array(steps.binding, pa.string())
    yield pa.array(steps.effect, pa.float64(), mask=np.isnan(steps.effect))
    yield pa.array(steps.product, pa.string())
    for stories in told:
        both = zip(*(stories.words(language).T for language in LANGUAGES), strict=True)
        yield from (pa.array(texts, pa.string()) for rank in both for texts in rank)
    yield from (pa.array(names, pa.string()) for names in told.raising.features().T)


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


def companions(path: Path) -> tuple[Path, Path]:
    """Return the manifest and the quarantine written beside a scores file."""
    return path.with_suffix(".manifest.json"), path.with_suffix(".quarantine.csv")


def require_form(path: Path) -> None:
    """Refuse a scores file whose ending names no form.

    Raises
    ------
    OutputError
        The ending is neither `.parquet` nor `.csv`.
    """
    if path.suffix not in _FORMS:
        raise OutputError(f"{path}: give a name that ends in {' or '.join(_FORMS)}")


def write_scores(
    path: Path,
    snapshots: Iterable[Snapshot],
    stored: StoredModel,
    *,
    quarantine: Iterable[LeftOut],
    build_manifest: Callable[[Scored], Mapping[str, Any]],
    explain: Sequence[Feature] | None = None,
    classes_known: bool | None = None,
    on_rows: OnRows | None = None,
) -> Scored:
    """Score partition after partition into `path`, with `<name>.manifest.json` and `<name>.quarantine.csv` beside it.

    Parameters
    ----------
    path
        Ends in `.parquet` or `.csv`.
    snapshots
        Partitions in the order of customer ids; one is held in memory at a time.
    quarantine
        Every input row left out: table, file name, row, column, rule.
    build_manifest
        From what was done to the manifest's document.
    explain, classes_known
        As for `score_snapshot`.
    on_rows
        Told the number of customers after each partition.

    Raises
    ------
    OutputError
        A file cannot be written; then none of the three changes.
    """
    require_form(path)
    rows, unseen = 0, Counter[str]()
    about, beside = companions(path)
    for place in (path, about, beside):
        require_writable_file(place)
    # Left in reverse order: the scores appear last, when both others have.
    with new_file(path) as scores, new_file(beside) as left_out, new_file(about) as manifest:
        csv_files.write_rows(left_out, ["table", "file", "row", "column", "rule"], quarantine, for_excel=True)
        with _open_writer(scores, path.suffix, explained=explain is not None) as write:
            for snapshot in snapshots:
                table, new = score_snapshot(snapshot, stored, explain=explain, classes_known=classes_known)
                write(table)
                rows += table.num_rows
                unseen.update(new)
                if on_rows:
                    on_rows(table.num_rows)
        scored = Scored(rows, dict(sorted(unseen.items())))
        manifest.write_text(render_json(build_manifest(scored)), encoding="utf-8")
    return scored


def scores_manifest(
    scored: Scored,
    stored: StoredModel,
    *,
    as_of: dt.date | None,
    inputs: Sequence[Mapping[str, Any]],
    row_counts: Mapping[str, Mapping[str, int]],
    outside_population: int,
    quarantined: int,
    duration_seconds: float,
) -> dict[str, Any]:
    """Build the document that says which model scored which input, and what was left out."""
    manifest = stored.manifest
    return {
        "model_id": manifest.model_id,
        "model_files_sha256": manifest.files,
        "as_of": as_of.isoformat() if as_of else None,
        "horizon_days": manifest.horizon_days,
        "rows_scored": scored.rows,
        "outside_population": outside_population,
        "quarantined": quarantined,
        "unseen_categories": dict(scored.unseen),
        "thresholds": manifest.thresholds.to_json(),
        "inputs": list(inputs),
        "row_counts": dict(row_counts),
        "versions": library_versions(),
        "duration_seconds": round(duration_seconds, 3),
    }


@contextmanager
def _open_writer(path: Path, suffix: str, *, explained: bool) -> Iterator[Callable[[pa.Table], None]]:
    schema = pa.schema([*SCHEMA, *EXPLAINED]) if explained else SCHEMA
    if suffix == ".csv":
        with csv_files.open_for_tables(path, schema) as write:
            yield write
    else:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield writer.write_table
