"""The safe model folder: text and JSON alone, and nothing is opened before its checksum holds.

::

    MODEL/
    ├── trees.txt        the trees in LightGBM's own text form
    ├── model.json       schema, calibration, anchoring if there is any, tree parameters
    ├── manifest.json    model id, file hashes, features, horizon, snapshots, versions, thresholds
    ├── metrics.json     held-out metrics
    ├── baselines.json   stated, observed and predicted churn by product coverage
    ├── effects.json     what may be claimed of binding each service, and up to which date it was seen
    ├── intervals.json   two step functions, from margins to the interval of each probability; where there are any
    ├── MODEL_CARD.md    the same for people
    └── SHA256SUMS       of every other file; `sha256sum -c SHA256SUMS` checks it too

Checksums find damage and mix-ups. They are not a signature: anybody who can write the folder can write them too.
Therefore nothing is believed that stands in it: every number of the trees and every value of a document has bounds.
"""

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from churn.errors import ModelError
from churn.files import CHECKSUMS, new_folder, render_json, require_replaceable
from churn.model import anchoring, calibration, documents, trees
from churn.model.documents import FORMAT, RESTORE, Manifest, Thresholds
from churn.model.fitted import FittedModel, model_document, model_id
from churn.model.schema import Schema
from churn.model.tree_check import check_trees

if TYPE_CHECKING:
    from lightgbm import Booster

TREES, MODEL, MANIFEST = "trees.txt", "model.json", "manifest.json"
METRICS, BASELINES, EFFECTS, CARD = "metrics.json", "baselines.json", "effects.json", "MODEL_CARD.md"
INTERVALS = "intervals.json"
_ALWAYS = (TREES, MODEL, MANIFEST, METRICS, BASELINES, EFFECTS, CARD)
FILES = (*_ALWAYS, INTERVALS)
"""All that a model folder may consist of, beside the list of their checksums."""
HIGH_RISK, LOW_RISK = 2.0, 0.5
"""Risk bands of the data contract: high from this multiple of the held-out churn rate on, low under that one. Of an
anchored model, multiples of its mean predicted rate: the observed one is what anchoring sets aside."""
_LIBRARIES = ("churn", "duckdb", "lightgbm", "narwhals", "numpy", "pandas", "scikit-learn", "scipy")
_MOST_BYTES = 128 * 2**20
"""Of `trees.txt`, a thousand times a usual one; of any other file an eighth."""
_SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\0]+)")


@dataclass(frozen=True)
class StoredModel:
    """A model and all that is kept with it.

    Attributes
    ----------
    model
        The fitted model.
    manifest
        Facts of the training.
    metrics
        Held out, each with its interval.
    baselines
        Stated, observed and predicted churn by product coverage.
    card
        `MODEL_CARD.md`.
    effects
        The claims about binding each service; see `churn.explanation.next_best`.
    held_out
        Outcomes (0 or 1) and probabilities of the rows that judged the model, each of shape (n,); after a training
        alone, for they are not written.
    """

    model: FittedModel
    manifest: Manifest
    metrics: documents.Metrics = field(default_factory=documents.Metrics)
    baselines: documents.Baselines = field(default_factory=documents.Baselines)
    card: str = ""
    effects: documents.Effects = field(default_factory=lambda: documents.Effects(as_of=None, services=()))
    held_out: tuple[NDArray[np.int64], NDArray[np.float64]] | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """Return a line: which model, for how many days, and how well it ranks; the card says the rest."""
        auc, days = self.metrics.roc_auc.value, self.manifest.horizon_days
        judged = "" if auc is None else f", held-out ROC-AUC {auc:.4f}"
        return f"<StoredModel {model_id(self.model)}: {'+'.join(self.model.learners)}, {days} days{judged}>"


def write_model(path: str | Path, stored: StoredModel) -> None:
    """Write a model folder, whole or not at all; an earlier model folder there is replaced.

    The manifest gains the model's id, features and learners, and the SHA-256 of every other file. The same model gives
    the same bytes.

    Raises
    ------
    OutputError
        `path` holds something that is not a model folder, or cannot be written.
    ModelError
        The model could not be read again, as where its trees are too large or too deep; then nothing changes.
    """
    store_model(path, stored)


def store_model(path: str | Path, stored: StoredModel) -> StoredModel:
    """Write a model folder as `write_model` does, and return what was written, read back through every check.

    Another process may have put its own model there since: to read `path` again is to ask what stands there.

    Raises
    ------
    OutputError
        `path` holds something that is not a model folder, or cannot be written.
    ModelError
        As for `write_model`; see `churn.model.tree_check`.
    """
    path, text = Path(path), trees.trees_to_text(stored.model.booster)
    check_trees(text)
    texts = {
        TREES: text,
        MODEL: render_json(model_document(stored.model)),
        METRICS: render_json(stored.metrics.to_json()),
        BASELINES: render_json(stored.baselines.to_json()),
        EFFECTS: render_json(stored.effects.to_json()),
        CARD: stored.card,
    }
    if stored.model.intervals is not None:
        texts[INTERVALS] = render_json(calibration.intervals_to_json(stored.model.intervals))
    own = {
        "format": FORMAT,
        "model_id": model_id(stored.model),
        "features": stored.model.schema.names,
        "learners": stored.model.learners,
        "files": {name: _hash(text.encode()) for name, text in sorted(texts.items())},
    }
    texts[MANIFEST] = render_json(stored.manifest.model_copy(update=own).to_json())
    sums = "".join(f"{_hash(texts[name].encode())}  {name}\n" for name in sorted(texts))
    with new_folder(path, mark=CHECKSUMS, names=FILES) as folder:
        for name, text in {**texts, CHECKSUMS: sums}.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        try:
            return read_model(folder)
        except ModelError as error:
            raise ModelError(str(error).replace(str(folder), str(path))) from error


def require_model_place(path: Path) -> None:
    """Refuse, before any work is done, a place where `write_model` would refuse to write.

    Raises
    ------
    OutputError
        `path` holds something that is not a model folder.
    """
    require_replaceable(path, mark=CHECKSUMS, names=FILES)


def read_model(path: str | Path) -> StoredModel:
    """Read a model folder after checking every byte of it.

    Each file is read once, checked against `SHA256SUMS`, and used as it was read.

    Raises
    ------
    ModelError
        There is no folder; a file is missing, added, changed, cut short, too large, a link or a folder; the checksums
        cannot be read; the folder was written by a later version; a number of the trees is out of its bounds
        (`churn.model.tree_check`); a document has a value of another type, or does not fit the other files.
    """
    path = Path(path)
    contents = _read_checked(path)
    texts = {name: _decode(path / name, content) for name, content in contents.items()}
    documents.require_json({path / name: text for name, text in texts.items() if name.endswith(".json")})
    _require_known_format(path, json.loads(texts[MANIFEST]))
    model = _restore_model(path, texts)
    manifest = Manifest.from_json(path / MANIFEST, texts[MANIFEST])
    _require_own_manifest(path, manifest, model, contents)
    return StoredModel(
        model=model,
        manifest=manifest,
        metrics=documents.Metrics.from_json(path / METRICS, texts[METRICS]),
        baselines=documents.Baselines.from_json(path / BASELINES, texts[BASELINES]),
        card=texts[CARD],
        effects=documents.Effects.from_json(path / EFFECTS, texts[EFFECTS]),
    )


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of what results depend on, as they are installed here."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def build_manifest(
    model: FittedModel,
    churned: NDArray[np.int64],
    choice: calibration.CalibrationChoice,
    held_out: documents.HeldOutFacts,
    **training: Any,
) -> Manifest:
    """Build `manifest.json` but for the file hashes, which come to be when it is written.

    Parameters
    ----------
    model
        The model that will be stored.
    churned
        Outcomes it was fitted on, 0 or 1, shape (n,).
    choice
        The calibration method, and the log loss of each.
    held_out
        The customers who judged it; their churn rate sets the risk bands.
    training
        The other fields of `Manifest`; they cannot replace any of those that follow from the rest, and what is None is
        not said.
    """
    own = {
        "model_id": model_id(model),
        "as_of": held_out.as_of,
        "training_rows": len(churned),
        "training_churn_rate": float(np.mean(churned)),
        "held_out": held_out,
        "thresholds": risk_thresholds(held_out.churn_rate),
        "calibration_method": model.calibration.method,
        "calibration_chosen": choice.method,
        "calibration_log_losses": choice.log_losses,
        "learners": model.learners,
        "features": model.schema.names,
        "versions": library_versions(),
    }
    return Manifest.model_validate({name: found for name, found in training.items() if found is not None} | own)


def risk_thresholds(rate: float) -> Thresholds:
    """Return where the risk bands begin, as multiples of a churn rate."""
    return Thresholds(high=HIGH_RISK * rate, low=LOW_RISK * rate)


class _ModelDocument(documents.Document, extra="forbid"):
    """All of a model but its trees and intervals: `model.json`."""

    format: Literal[1]
    columns: Schema = Field(alias="schema")
    calibration: calibration.Calibration
    parameters: dict[str, Any]
    learners: tuple[str, ...] = (trees.LIGHTGBM,)
    anchoring: dict[str, Any] | None = None


class _IntervalsDocument(documents.Document, extra="forbid"):
    """Two step functions, from margins to the ends of each interval: `intervals.json`."""

    thresholds: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    widening: float


def _restore_model(folder: Path, texts: Mapping[str, str]) -> FittedModel:
    path = folder / MODEL
    document = _ModelDocument.from_json(path, texts[MODEL])
    booster = _restore_trees(folder, texts[TREES], len(document.columns.names))
    intervals = _restore_intervals(folder / INTERVALS, texts[INTERVALS]) if INTERVALS in texts else None
    try:
        return FittedModel(
            schema=document.columns,
            booster=booster,
            calibration=document.calibration,
            parameters=trees.parameters_from_json(document.parameters),
            anchoring=None if document.anchoring is None else anchoring.anchoring_from_json(document.anchoring),
            intervals=intervals,
            learners=document.learners,
        )
    except ModelError as error:
        raise ModelError(f"{path}: {error}; {RESTORE}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: is not a model document of this version; {RESTORE}") from error


def _restore_trees(folder: Path, text: str, n_columns: int) -> "Booster":
    try:
        n_features = check_trees(text)
    except ModelError as error:
        raise ModelError(f"{folder / TREES}: {error}; {RESTORE}") from error
    if n_features != n_columns:
        raise ModelError(f"{folder / MODEL}: names {n_columns} columns, the trees take {n_features}; {RESTORE}")
    return trees.trees_from_text(text)


def _restore_intervals(path: Path, text: str) -> calibration.Intervals:
    document = _IntervalsDocument.from_json(path, text)
    try:
        return calibration.intervals_from_json(document.to_json())
    except ValueError as error:
        raise ModelError(f"{path}: does not hold intervals of this version; {RESTORE}") from error


def _require_own_manifest(path: Path, manifest: Manifest, model: FittedModel, contents: Mapping[str, bytes]) -> None:
    """Refuse a manifest of another model, or of other files."""
    known = {
        "model_id": model_id(model),
        "features": model.schema.names,
        "learners": model.learners,
        "files": {name: _hash(content) for name, content in contents.items() if name != MANIFEST},
    }
    for name, expected in known.items():
        if getattr(manifest, name) != expected:
            raise ModelError(f"{path / MANIFEST}: {name} is not that of the other files in the folder; {RESTORE}")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_checked(path: Path) -> dict[str, bytes]:
    expected = _read_sums(path)
    _require_exactly(path, expected)
    contents = {name: _read_bytes(path / name) for name in expected}
    for name, content in contents.items():
        if _hash(content) != expected[name]:
            raise ModelError(f"{path / name}: was changed or cut short after training (SHA-256 differs); {RESTORE}")
    return contents


def _read_sums(path: Path) -> dict[str, str]:
    sums = path / CHECKSUMS
    if path.is_symlink() or not path.is_dir():
        raise ModelError(f"{path}: is not a model folder; give one written by churn train")
    if sums.is_symlink() or not sums.is_file():
        raise ModelError(f"{sums}: missing or not a plain file, so nothing in the folder can be trusted; {RESTORE}")
    lines = _read_bytes(sums).decode("utf-8", "replace").splitlines()
    matches = [_SUM_LINE.fullmatch(line) for line in lines]
    found = {match[2]: match[1] for match in matches if match}
    if not lines or len(found) != len(lines):
        raise ModelError(f"{sums}: is not a list of SHA-256 sums, each file once; {RESTORE}")
    return found


def _require_exactly(path: Path, expected: Mapping[str, str]) -> None:
    there = {entry.name for entry in path.iterdir()} - {CHECKSUMS}
    # a file that not every model has is one of this model's where it is there, or listed
    known = {*_ALWAYS, *(name for name in FILES if name in there or name in expected)}
    if missing := sorted(known - there):
        raise ModelError(f"{path / missing[0]}: missing from the model folder; {RESTORE}")
    if added := sorted(there - known):
        raise ModelError(f"{path / added[0]}: does not belong in a model folder; take it out")
    if set(expected) != known:
        name = sorted(set(expected) ^ known)[0]
        raise ModelError(f"{path / CHECKSUMS}: does not list exactly the model's files (see {name}); {RESTORE}")
    for name in sorted(known):
        if (path / name).is_symlink() or not (path / name).is_file():
            raise ModelError(f"{path / name}: is a link or a folder, not a plain file; {RESTORE}")


def _read_bytes(path: Path) -> bytes:
    most = _MOST_BYTES if path.name == TREES else _MOST_BYTES // 8
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if len(content) > most:
        raise ModelError(f"{path}: is larger than {most // 2**20} MB; {RESTORE}")
    return content


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8; {RESTORE}") from error


def _require_known_format(path: Path, manifest: Any) -> None:
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        shown = found if isinstance(found, int) else "unknown"
        raise ModelError(f"{path / MANIFEST}: format {shown}, this version reads {FORMAT}; train again")
