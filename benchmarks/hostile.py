"""Read files that are broken on purpose, and count what must never happen.

    python benchmarks/hostile.py                 # 600 cases, about five minutes
    python benchmarks/hostile.py --cases 60      # the short form that the tests run
    python benchmarks/hostile.py --only quote    # cases whose name holds a word

Each case is a small bank whose every text and id holds a canary, with one file mutated, or a file that should not be
there. `churn check` reads it, and `churn features` writes from it. What must never happen: a traceback, an exit code
that is not 0, 1 or 2, an error that is not one line, a row that is neither used nor quarantined, an output that is
half written, or a canary in a message. Exit code 1 when any of them did.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hostile_cases import CANARY, Case, N, Random, cases

from churn.cli.main import main as churn

AS_OF = "2021-06-01"


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


def judge(case: Case, folder: Path, random: Random) -> list[str]:
    """Make a case, read it, and name what must never happen and did."""
    bank, output = folder / "bank", folder / "out" / "features.parquet"
    expected = case.make(bank, random)
    wrong = []
    code, out, err, raised = call("check", bank, "--json")
    wrong += _judge_call(code, out, err, raised)
    if code in (0, 1):
        wrong += _judge_rows(json.loads(out)["tables"], expected)
    code, out, err, raised = call("features", bank, "--as-of", AS_OF, "-o", output)
    wrong += _judge_call(code, out, err, raised)
    left = sorted(path.name for path in output.parent.iterdir()) if output.parent.exists() else []
    whole = left == ["features.parquet"] and pq.read_table(output).num_rows > 0 if code == 0 else left == []
    return wrong if whole else [*wrong, "half-written output"]


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


def _judge_rows(tables: dict[str, dict[str, int]], expected: int | None) -> list[str]:
    adds_up = all(count["rows"] == count["used"] + count["quarantined"] for count in tables.values())
    known = expected is None or all(count["rows"] in (N, expected) for count in tables.values())
    return [] if adds_up and known else ["lost rows"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the corpus and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    found: Counter[str] = Counter()
    n = 0
    for number, case in enumerate(cases(options.cases)):
        if options.only not in case.name:
            continue
        n += 1
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            for wrong in judge(case, Path(folder), np.random.default_rng([options.seed, number])):
                found[wrong.split(" ")[0]] += 1
                print(f"case {number} ({case.name}): {wrong}", flush=True)
    print(f"{n} cases: {sum(found.values())} things that must never happen {dict(found) or ''}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
