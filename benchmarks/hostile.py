"""Read files that are broken on purpose, and count events that must never happen.

    python benchmarks/hostile.py                 # 600 cases, about five minutes
    python benchmarks/hostile.py --quick         # each single case and each kind of mutation once, as the tests do
    python benchmarks/hostile.py --only quote    # cases whose name contains a word

Each case is a small bank, in the contract's names or a Chinese core system's, or one flat file. Every string and id in
it holds a canary. One file is mutated, or one file should not be there. `churn check` reads the case, `churn features`
writes from it, and `churn score` scores a quarter of the cases. These events must never happen: a traceback; an exit
code other than 0, 1 or 2; an error of more than one line; a row that is neither used nor quarantined nor in the
quarantine file; counts of rows other than those the mutation determines; a half-written output; a canary in a message.
Exit code 1 if any of them happened.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hostile_banks import CANARY, ONE_FILE, N, Place, write_models
from hostile_cases import Case, Count, Made, Random, cases, each_kind

from churn.cli.main import main as churn

AS_OF = "2021-06-01"
SCORE_FILES = {"scores.parquet", "scores.manifest.json", "scores.quarantine.csv"}
SCORED_EVERY = 4  # nothing that divides the number of styles


# --- judging ----------------------------------------------------------------------------------------------------


def call(*arguments: object) -> tuple[int, str, str, str]:
    """Run the command line; give its exit code, standard output, standard error, and any exception it let through."""
    out, err, raised = io.StringIO(), io.StringIO(), ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            churn([str(argument) for argument in arguments])
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException as error:
            code, raised = -1, type(error).__name__
    return code, out.getvalue(), err.getvalue(), raised


def judge(case: Case, folder: Path, random: Random, model: Path | None) -> list[str]:
    """Make a case, read it, and name the events that must never happen but did. With a model, score it too."""
    place = Place(folder / "bank", case.style)
    made = case.make(place, random)
    config = place.write_config(dict(made.encodings))
    options = ("--config", config) if config else ()
    code, out, err, raised = call("check", place.data, "--json", *options)
    wrong = _judge_call(code, out, err, raised)
    tables = json.loads(out)["tables"] if code in (0, 1) else None
    wrong += _judge_rows(tables, made, place) if tables else []
    if case.is_slow:
        return wrong
    if case.style is not ONE_FILE:
        wrong += _judge_features(place, options, folder / "features")
    return wrong + (_judge_scores(place, model, options, folder / "scores", tables) if model else [])


def _judge_call(code: int, out: str, err: str, raised: str) -> list[str]:
    wrong = []
    if raised or "Traceback" in err:
        wrong.append(f"traceback {raised}")
    if code not in (0, 1, 2):
        wrong.append(f"exit code {code}")
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    if code == 2 and (len(errors) != 1 or not err.rstrip().splitlines()[-1].startswith("error: ")):
        wrong.append("an error that is not one line")
    if CANARY in out + err:
        wrong.append("leaked value")
    return wrong


def _judge_rows(tables: Mapping[str, Mapping[str, int]], made: Made, place: Place) -> list[str]:
    """Compare each table's counts with the expected ones: all rows of a table that no mutation touched."""
    untouched = Count(N, None if "customers" in made.counts else N)
    for name in place.style.columns:
        count = tables.get(name)
        expected = made.counts.get(name, untouched)
        if count is None:
            return [f"lost table {name}"]
        adds_up = count["rows"] == count["used"] + count["quarantined"]
        if not adds_up or expected.rows not in (None, count["rows"]) or expected.used not in (None, count["used"]):
            return [f"lost rows: {name} has {dict(count)}, expected {expected}"]
    return []


def _judge_features(place: Place, options: Sequence[object], folder: Path) -> list[str]:
    output = folder / "features.parquet"
    code, out, err, raised = call("features", place.data, "--as-of", AS_OF, "-o", output, *options)
    left = _left(folder)
    whole = left == {output.name} and pq.read_table(output).num_rows > 0 if code == 0 else not left
    return _judge_call(code, out, err, raised) + ([] if whole else ["half-written features"])


def _judge_scores(
    place: Place,
    model: Path,
    options: Sequence[object],
    folder: Path,
    tables: Mapping[str, Mapping[str, int]] | None,
) -> list[str]:
    """Score a case: three files or none, every row left out in the quarantine file, every customer accounted for."""
    output = folder / "scores.parquet"
    dated = ("--as-of", AS_OF) if place.style is not ONE_FILE else ()
    code, out, err, raised = call("score", place.data, "--model", model, "-o", output, *dated, *options)
    wrong = _judge_call(code, out, err, raised)
    left = _left(folder)
    if code != 0 or left != SCORE_FILES:
        return wrong + (["half-written scores"] if left else [])
    facts = json.loads((folder / "scores.manifest.json").read_text())
    quarantine = (folder / "scores.quarantine.csv").read_text()
    n_scored = pq.read_table(output).num_rows
    people = facts["row_counts"].get("customers", facts["row_counts"].get("flat"))
    if n_scored != facts["rows_scored"] or n_scored + facts["outside_population"] != people["used"]:
        wrong.append("lost customers")
    n_left_out = sum(count["quarantined"] for count in facts["row_counts"].values())
    if len(quarantine.splitlines()) - 1 != n_left_out:
        wrong.append("lost quarantined rows")
    # A flat file is read for the model's columns: without a label, the label's cells cannot be wrong.
    if tables and place.style is not ONE_FILE and facts["row_counts"] != tables:
        wrong.append("lost rows between check and score")
    return [*wrong, "leaked value in the quarantine"] if CANARY in quarantine else wrong


def _left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the corpus and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return _run(options, write_models(Path(folder)))


def _run(options: argparse.Namespace, models: Mapping[str, Path]) -> int:
    found: Counter[str] = Counter()
    n = 0
    for number, case in enumerate(each_kind() if options.quick else cases(options.cases)):
        if options.only not in case.name:
            continue
        n += 1
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            model = models["flat" if case.style is ONE_FILE else "tables"] if number % SCORED_EVERY == 0 else None
            for wrong in judge(case, Path(folder), np.random.default_rng([options.seed, number]), model):
                found[wrong.split(" ")[0]] += 1
                print(f"case {number} ({case.name}): {wrong}", flush=True)
    print(f"{n} cases: {sum(found.values())} things that must never happen {dict(found) or ''}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
