"""Change model folders at random, make their checksums anew, and count events that must never happen.

    python benchmarks/fuzz_model_folders.py                        # 20,000 folders, three minutes of an idle core
    python benchmarks/fuzz_model_folders.py --folders 200000       # the long form, before a release
    python benchmarks/fuzz_model_folders.py --first 1234 --folders 1 --keep folder     # look at one that went wrong

Somebody who can write a model folder can write its SHA256SUMS too, so that checksums stop nobody. Each folder here is
a sound one with one to three changes: of bytes, numbers, lines, lists, whole trees or JSON values. Lengths, hashes and
the model id are mostly made to fit, so that the change reaches what lies behind them. A child process with bounded
memory reads each folder, predicts, explains and scores customers. A folder is refused with one line, or it is scored
with finite numbers. These events must never happen: a signal; no answer within a time limit; another exception; a
number that is not finite, or a probability outside [0, 1]; more memory than the limit. Exit code 1 if any of them
happened.
"""

import argparse
import json
import os
import re
import resource
import select
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from churn import threads
from churn.errors import ChurnError
from churn.evaluation.baselines import build_baselines, restate_baselines
from churn.explanation.shap import base_probability, explain_features
from churn.features.feature import own_features
from churn.files import render_json
from churn.frame import Snapshot
from churn.model.anchoring import Anchoring
from churn.model.calibration import fit_calibration, fit_intervals
from churn.model.documents import Advice, Effects, HeldOutFacts, Manifest, Metrics
from churn.model.fitted import FittedModel
from churn.model.learners.catalogue import fit_learners
from churn.model.schema import encode, learn_schema
from churn.model.storage import StoredModel, read_model, write_model
from churn.model.trees import TreeParameters
from churn.scoring import score_snapshot

Random = np.random.Generator
Texts = dict[str, str]
SECONDS = 10
"""For one folder; a usual one takes some hundredths."""
MEMORY = 1_500_000_000
"""Bytes that a child may take beside what it began with."""
LEARNERS = {"lightgbm": "sigmoid", "scorecard+lightgbm": "isotonic", "histogram": "beta"}
FILES = ("trees.txt",) * 6 + ("model.json",) * 3 + ("manifest.json",) * 2
FILES += ("intervals.json", "effects.json", "baselines.json", "metrics.json")
N = 240


# --- sound folders ----------------------------------------------------------------------------------------------


def customers() -> pd.DataFrame:
    """Give customers with numbers, gaps and a category."""
    random = np.random.default_rng(0)
    balance = np.where(random.random(N) < 0.2, np.nan, random.normal(size=N).round(3) * 1e5)
    return pd.DataFrame(
        {
            "products": random.integers(0, 7, N),
            "balance": balance,
            "tier": random.choice(["gold", "plain", "private"], N),
            "bound_card": random.integers(0, 2, N),
        }
    )


def write_sound(folder: Path) -> Iterator[Path]:
    """Write a folder for each of some learners, with all that a folder can hold."""
    features = customers()
    y = (features["products"] + np.random.default_rng(1).normal(size=N) < 2).to_numpy(dtype=np.int64)
    schema = learn_schema(features)
    matrix = encode(features, schema).matrix
    for number, (names, method) in enumerate(LEARNERS.items()):
        learners = tuple(names.split("+"))
        parameters = TreeParameters(monotone=(0,) if number == 0 else ())
        booster = fit_learners(learners, matrix, y, parameters, rounds=[3] * len(learners))
        margins = np.asarray(booster.predict(matrix, raw_score=True))
        model = FittedModel(
            schema,
            booster,
            fit_calibration(method, margins, y),
            parameters,
            Anchoring("products", (0.4, 0.2, 0.0, -0.1, -0.3)) if number == 1 else None,
            fit_intervals(margins, y).widened(0.1),
            learners,
        )
        write_model(folder / names, _stored(model, y, margins))
        yield folder / names


def _stored(model: FittedModel, y: np.ndarray, margins: np.ndarray) -> StoredModel:
    held_out = HeldOutFacts(as_of=None, rows=N, churned=int(y.sum()), churn_rate=float(y.mean()), without_coverage=0)
    facts = {
        "model_id": "",
        "horizon_days": 365,
        "as_of": None,
        "snapshots": (),
        "out_of_time": False,
        "rounds": 3,
        "training_rows": N,
        "training_churn_rate": float(y.mean()),
        "held_out": held_out,
        "seed": 0,
        "thresholds": {"high": 0.5, "low": 0.1},
        "calibration_method": model.calibration.method,
        "calibration_log_losses": {},
        "features": (),
        "versions": {},
        "flat": {"id": "id", "label": "left", "churned": "1", "bindings": ["bound_card"]},
    }
    advice = Advice(
        service="bound_card",
        verdict="cuts",
        evidence="randomised",
        effect=-0.1,
        low=-0.2,
        high=-0.05,
        bands={"3+": -0.1},
    )
    return StoredModel(
        model,
        Manifest.model_validate(facts),
        Metrics.model_validate({"roc_auc": (0.8, 0.7, 0.9)}),
        build_baselines(np.arange(N) % 6, y, 1 / (1 + np.exp(-margins)), stated={}),
        "# Model\n",
        Effects(as_of=None, services=(advice,)),
    )


# --- changes ----------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
HOSTILE_NUMBERS = (
    *("-1", "0", "1", "2", "-2", "7", "255", "1e-320", "1e300", "-1e308", "1e999", "-1e999", "nan", "inf", "-inf"),
    *("NaN", "Infinity", "2147483647", "-2147483648", "4294967296", "9223372036854775808", "9" * 30, "9" * 5000),
    *("0x7fffffff", "1,5", "", " ", "00", "+1", "1.", ".5", "--1", "٣", "abc", "1_0"),
)
HOSTILE_VALUES = (
    *(None, True, False, 0, 1, -1, 2**31, -(2**63), 2**64, 10**400, 0.5, -0.5, 1e308, -1e308, 1e-320),
    *(float("nan"), float("inf"), "", "x", "5+", "1", "nan", "\ud800", "\x00", "a\nb", "2021-13-45", "9999-12-31"),
    *("x" * 10_000, [], {}, [[]], [None], [0.1, 0.2], {"": 0}, {"value": None}),
)


def pick(random: Random, found: Sequence[Any]) -> Any:
    return found[int(random.integers(len(found)))]


def change_bytes(text: str, random: Random) -> str:
    """Replace, insert or take out a few characters."""
    at, n = int(random.integers(len(text) + 1)), int(random.integers(1, 5))
    new = "".join(chr(int(code)) for code in random.integers(0, 256 if random.random() < 0.1 else 127, n))
    return text[:at] + pick(random, (new, "", text[at : at + n] * 2)) + text[at + int(random.integers(2)) * n :]


def change_number(text: str, random: Random) -> str:
    """Replace a number by another: hostile, a neighbour, or one of the same text."""
    found = list(NUMBER.finditer(text))
    if not found:
        return text
    one = pick(random, found)
    # Python makes no number of more digits than some thousands, which one of the hostile numbers has.
    is_whole = one[0].lstrip("-").isdigit() and len(one[0]) < 1000
    near = str(int(one[0]) + int(random.integers(-2, 3))) if is_whole else f"-{one[0]}"
    new = pick(random, (near, near, pick(random, HOSTILE_NUMBERS), pick(random, found)[0]))
    return text[: one.start()] + new + text[one.end() :]


def change_lines(text: str, random: Random) -> str:
    """Swap, double, take out or cut lines, or end the text at one."""
    lines = text.split("\n")
    here, there = (int(at) for at in random.integers(len(lines), size=2))
    kind = int(random.integers(5))
    if kind == 0:
        lines[here], lines[there] = lines[there], lines[here]
    elif kind == 1:
        lines.insert(there, lines[here])
    elif kind == 2:
        del lines[here]
    elif kind == 3:
        lines[here] = lines[here][: int(random.integers(len(lines[here]) + 1))]
    else:
        del lines[here:]
    return "\n".join(lines)


def change_list(text: str, random: Random) -> str:
    """Make a list of numbers shorter, longer or very long, or give it another order."""
    lines = text.split("\n")
    at = pick(random, [number for number, line in enumerate(lines) if "=" in line] or [0])
    name, equals, values = lines[at].partition("=")
    items = values.split(" ")
    longer = items * 1000 if random.random() < 0.02 else [*items, pick(random, items)]
    items = pick(random, (items[:-1], items[1:], longer, random.permutation(items).tolist(), []))
    lines[at] = name + equals + " ".join(items)
    return "\n".join(lines)


def change_trees(text: str, random: Random) -> str:
    """Swap, double or take out whole trees, or put another head or end before and behind them."""
    parts = re.split(r"(?=\nTree=|end of trees)", text)
    here, there = (int(at) for at in random.integers(len(parts), size=2))
    kind = int(random.integers(3))
    if kind == 0:
        parts[here], parts[there] = parts[there], parts[here]
    elif kind == 1:
        parts.insert(there, parts[here])
    else:
        del parts[here]
    return "".join(parts)


def change_json(text: str, random: Random) -> str:
    """Replace, take out, add or move a value of a document."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    places = list(_places(document))
    if not places:
        return json.dumps(pick(random, HOSTILE_VALUES))
    owner, key = pick(random, places)
    kind = int(random.integers(6))
    if kind == 0:
        del owner[key]
    elif kind == 1 and isinstance(owner, dict):
        owner[pick(random, ("later", "", "5+", "x" * 300, "\n"))] = pick(random, HOSTILE_VALUES)
    elif kind == 1:
        owner.insert(key, owner[key])
    elif kind == 2:
        other, place = pick(random, places)
        owner[key] = json.loads(json.dumps(other[place]))
    elif kind == 3:
        owner[key] = json.loads("[" * 200 + "]" * 200)
    else:
        owner[key] = pick(random, HOSTILE_VALUES)
    return json.dumps(document)


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a document as its owner and key."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from _places(document[key])


ANY = (change_bytes, change_number, change_number, change_lines)
Change = Callable[[str, Random], str]


def mutate(texts: Mapping[str, str], random: Random) -> Texts:
    """Change a file, or several, and mostly make what counts and names them fit."""
    found = dict(texts)
    for _ in range(pick(random, (1, 1, 1, 2, 3))):
        name = pick(random, FILES)
        own: tuple[Change, ...] = (
            (change_list, change_list, change_trees) if name == "trees.txt" else (change_json,) * 6
        )
        found[name] = pick(random, ANY + own)(found[name], random)
    if random.random() < 0.9:
        found["trees.txt"] = fit_sizes(found["trees.txt"])
    return fit_manifest(found) if random.random() < 0.9 else found


def fit_sizes(text: str) -> str:
    body = text.partition("\n\n")[2].partition("end of trees\n")[0]
    sizes = " ".join(str(len(part.encode("utf-8", "replace"))) for part in re.split(r"(?=Tree=)", body) if part)
    return re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", text, count=1, flags=re.MULTILINE)


def fit_manifest(texts: Texts) -> Texts:
    """Give the manifest the id and the hashes of the other files; leave one that is not JSON as it is."""
    try:
        model, manifest = json.loads(texts["model.json"]), json.loads(texts["manifest.json"])
        texts = texts | {"model.json": render_json(model)}
        own = (texts["trees.txt"] + texts["model.json"]).encode()
        manifest["files"] = {name: _hash(text) for name, text in sorted(texts.items()) if name != "manifest.json"}
        manifest["model_id"] = sha256(own).hexdigest()[:16]
        if {"features", "schema"} <= {*manifest, *model}:
            manifest["features"] = model["schema"]["names"]
        return texts | {"manifest.json": json.dumps(manifest)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return texts


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write_folder(folder: Path, texts: Texts) -> None:
    """Write the files, and checksums that hold."""
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    (folder / "SHA256SUMS").write_text("".join(f"{_hash(text)}  {name}\n" for name, text in sorted(texts.items())))


# --- judging ----------------------------------------------------------------------------------------------------


def judge(folder: Path) -> str:
    """Read a folder and ask it all that commands ask of it: "refused", "scored", or what went wrong."""
    try:
        stored = read_model(folder)
        return _ask(stored)
    except ChurnError as error:
        return "refused" if str(error) else "an error without a word"
    except MemoryError:
        return "memory"
    except Exception as error:  # whatever else there is
        return f"traceback: {type(error).__name__}: {str(error)[:200]!r}"


def _ask(stored: StoredModel) -> str:
    features = customers()
    missing = features.assign(**{name: np.nan for name in features if name not in stored.model.schema.levels})
    catalogue = own_features(
        {name: "text" if name in stored.model.schema.levels else "number" for name in stored.model.schema.names},
        ("bound_card",) if "bound_card" in stored.model.schema.names else (),
    )
    for rows in (features, missing):
        prediction = stored.model.predict(rows)
        explained = explain_features(stored.model, rows)
        base = base_probability(stored.model, rows, explained)
        shares = [prediction.probability, base]
        shares += [] if stored.model.intervals is None else [prediction.low, prediction.high]
        if not all(np.all((share >= 0) & (share <= 1)) for share in shares):
            return "a probability outside [0, 1]"
        if not np.isfinite(explained.values).all() or not np.isfinite(prediction.margin).all():
            return "a number that is not finite"
        ids = np.array([f"C{number}" for number in range(len(rows))], dtype=object)
        snapshot = Snapshot(None, ids, rows, None, None)
        score_snapshot(snapshot, stored, explain=catalogue)
    restate_baselines(stored.baselines, stated={"1": 0.5, "5+": 0.1}, horizon_days=stored.manifest.horizon_days)
    render_json([stored.manifest.to_json(), stored.metrics.to_json(), stored.effects.to_json(), repr(stored)]).encode()
    stored.baselines.to_frame(), stored.metrics.to_frame()
    return "scored"


class Limits(NamedTuple):
    """For a child: seconds per folder, and bytes beside what it begins with."""

    seconds: float = SECONDS
    memory: int = MEMORY


def make(sound: Sequence[Texts], seed: int, number: int) -> Texts:
    """Make a mutated folder by its number."""
    random = np.random.default_rng([seed, number])
    return mutate(pick(random, sound), random)


def judge_all(
    make_folder: Callable[[int], None], judge_folder: Callable[[], str], numbers: range, limits: Limits
) -> Iterator[tuple[int, str]]:
    """Judge folders by number, as many in a child as it survives; yield the verdict of each."""
    at = numbers.start
    while at < numbers.stop:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            _be_child(make_folder, judge_folder, range(at, numbers.stop), write, limits)
        os.close(write)
        with os.fdopen(read, "rb", buffering=0) as answers:
            for verdict in _read_lines(answers.fileno(), child, limits.seconds):
                yield at, verdict
                at += 1
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status) and status:
            raise RuntimeError(f"folder {at} could not be made, or judged")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
            yield at, f"signal {signal.Signals(os.WTERMSIG(status)).name}"
            at += 1


def _be_child(
    make_folder: Callable[[int], None], judge_folder: Callable[[], str], numbers: range, write: int, limits: Limits
) -> None:
    """Write a line for each folder, and leave."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + limits.memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 1
    try:
        for number in numbers:
            make_folder(number)
            os.write(write, (" ".join(judge_folder().split()) + "\n").encode("utf-8", "replace"))
        code = 0
    finally:
        os._exit(code)


def _read_lines(answers: int, child: int, seconds: float) -> Iterator[str]:
    """Yield lines until there are no more; where none comes for so many seconds, end the child and say so."""
    kept = b""
    while select.select([answers], [], [], seconds)[0]:
        if not (more := os.read(answers, 65_536)):
            return
        *lines, kept = (kept + more).split(b"\n")
        yield from (line.decode() for line in lines)
    os.kill(child, signal.SIGKILL)
    yield f"no answer within {seconds:g} seconds"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the folders and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folders", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the first folder here, and judge none")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place, threads.use_threads(1):
        sound = _make_sound(Path(place))
        folder = Path(options.keep or Path(place) / "mutated")
        folder.mkdir()

        def make_folder(number: int) -> None:
            write_folder(folder, make(sound, options.seed, number))

        if options.keep:
            make_folder(options.first)
            return 0
        numbers = range(options.first, options.first + options.folders)
        return _tell(judge_all(make_folder, lambda: judge(folder), numbers, Limits()))


def _make_sound(place: Path) -> list[Texts]:
    """Train in a child: LightGBM's threads do not outlive a fork, and here are none to lose."""
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if list(write_sound(place)) else 1
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the sound folders could not be made")
    return [read_texts(folder) for folder in sorted(place.iterdir())]


def read_texts(folder: Path) -> Texts:
    """Read all files of a folder but its checksums."""
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name != "SHA256SUMS"}


def _tell(verdicts: Iterator[tuple[int, str]]) -> int:
    """Print each fault, and how many folders came to what."""
    found: Counter[str] = Counter()
    for number, verdict in verdicts:
        found[verdict if verdict in ("refused", "scored") else "fault"] += 1
        if verdict not in ("refused", "scored"):
            print(f"folder {number}: {verdict}", flush=True)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{found.total()} folders: {found['refused']} refused, {found['scored']} scored, {found['fault']} faults")
    print(f"memory of the largest child: {most} MB")
    return 1 if found["fault"] else 0


if __name__ == "__main__":
    sys.exit(main())
