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
"""

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from churn.errors import ModelError
from churn.files import CHECKSUMS, new_folder, render_json, require_replaceable
from churn.model import anchoring, calibration, documents, trees
from churn.model.documents import FORMAT, RESTORE, Manifest, Thresholds
from churn.model.fitted import FittedModel, model_document, model_id
from churn.model.schema import Schema

TREES, MODEL, MANIFEST = "trees.txt", "model.json", "manifest.json"
METRICS, BASELINES, EFFECTS, CARD = "metrics.json", "baselines.json", "effects.json", "MODEL_CARD.md"
INTERVALS = "intervals.json"
_ALWAYS = (TREES, MODEL, MANIFEST, METRICS, BASELINES, EFFECTS, CARD)
_FILES = (*_ALWAYS, INTERVALS)
HIGH_RISK, LOW_RISK = 2.0, 0.5
"""Risk bands of the data contract: high from this multiple of the held-out churn rate on, low under that one. Of an
anchored model, multiples of its mean predicted rate: the observed one is what anchoring sets aside."""
_LIBRARIES = ("churn", "duckdb", "lightgbm", "narwhals", "numpy", "pandas", "scikit-learn", "scipy")
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

    The manifest gains the model id and the SHA-256 of every other file. The same model gives the same bytes.

    Raises
    ------
    OutputError
        `path` holds something that is not a model folder, or cannot be written.
    """
    texts = {
        TREES: trees.trees_to_text(stored.model.booster),
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
        "files": {name: _hash(text.encode()) for name, text in sorted(texts.items())},
    }
    texts[MANIFEST] = render_json(stored.manifest.model_copy(update=own).to_json())
    sums = "".join(f"{_hash(texts[name].encode())}  {name}\n" for name in sorted(texts))
    with new_folder(Path(path), mark=CHECKSUMS, names=_FILES) as folder:
        for name, text in {**texts, CHECKSUMS: sums}.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")


def require_model_place(path: Path) -> None:
    """Refuse, before any work is done, a place where `write_model` would refuse to write.

    Raises
    ------
    OutputError
        `path` holds something that is not a model folder.
    """
    require_replaceable(path, mark=CHECKSUMS, names=_FILES)


def read_model(path: str | Path) -> StoredModel:
    """Read a model folder after checking every byte of it.

    Each file is read once, checked against `SHA256SUMS`, and used as it was read.

    Raises
    ------
    ModelError
        There is no folder; a file is missing, added, changed, cut short, a link or a folder; the checksums cannot
        be read; the folder was written by a later version; a document has a value of another type.
    """
    path = Path(path)
    texts = {name: content.decode("utf-8", "replace") for name, content in _read_checked(path).items()}
    parsed = {name: _parse(path / name, text) for name, text in texts.items() if name.endswith(".json")}
    _require_known_format(path, parsed[MANIFEST])
    _require_whole_trees(path / TREES, texts[TREES])
    return StoredModel(
        model=_restore_model(path, parsed, texts[TREES]),
        manifest=Manifest.from_json(path / MANIFEST, texts[MANIFEST]),
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


def _restore_model(folder: Path, parsed: Mapping[str, Any], text: str) -> FittedModel:
    path, document = folder / MODEL, parsed[MODEL]
    booster = trees.trees_from_text(text)
    intervals = _restore_intervals(folder / INTERVALS, parsed[INTERVALS]) if INTERVALS in parsed else None
    try:
        shifts = document.get("anchoring")
        model = FittedModel(
            schema=TypeAdapter(Schema).validate_python(document["schema"]),
            booster=booster,
            calibration=TypeAdapter(calibration.Calibration).validate_python(document["calibration"]),
            parameters=trees.TreeParameters(**document["parameters"]),
            anchoring=None if shifts is None else anchoring.anchoring_from_json(shifts),
            intervals=intervals,
            learners=tuple(map(str, document.get("learners", [trees.LIGHTGBM]))),
        )
    except ModelError as error:
        raise ModelError(f"{path}: {error}; {RESTORE}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: is not a model document of this version; {RESTORE}") from error
    if booster.num_feature() != len(model.schema.names):
        raise ModelError(
            f"{path}: names {len(model.schema.names)} columns, the trees take {booster.num_feature()}; {RESTORE}"
        )
    return model


def _restore_intervals(path: Path, document: Any) -> calibration.Intervals:
    try:
        return calibration.intervals_from_json(document)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: does not hold intervals of this version; {RESTORE}") from error


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
    known = {*_ALWAYS, *(name for name in _FILES if name in there or name in expected)}
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
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _parse(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ModelError(f"{path}: is not JSON; {RESTORE}") from error


def _require_known_format(path: Path, manifest: Any) -> None:
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise ModelError(f"{path / MANIFEST}: format {found!r}, this version reads {FORMAT}; train again")


def _require_whole_trees(path: Path, text: str) -> None:
    # LightGBM aborts the process on a cut text, even where somebody made the checksums anew
    head, _, rest = text.partition("\n\nTree=0\n")
    sizes = re.search(r"^tree_sizes=([\d ]+)$", head, re.MULTILINE)
    body, end, _ = ("Tree=0\n" + rest).partition("end of trees\n")
    if not text.startswith("tree\n") or not sizes or not end:
        raise ModelError(f"{path}: is not a whole tree text; {RESTORE}")
    if sum(map(int, sizes[1].split())) != len(body.encode()):
        raise ModelError(f"{path}: its trees are not as long as its head says; {RESTORE}")
