"""Run commands one after another, each in a child of a process that already has the libraries in memory.

    python benchmarks/same_outputs_warm.py       # reads requests from standard input

Loading libraries takes three of the four seconds of a short command. Here they are loaded once, and a fork runs each
command and imports `churn` anew. A request is a line of JSON; the answer is the exit code:

    {"kind": "module", "what": "churn", "words": ["check", "bank"], "cwd": "/tmp", "out": "o.txt", "err": "e.txt"}

`kind` is `module`, `file` or `code`, as after `python -m`, `python` and `python -c`.
"""

import importlib
import json
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LIBRARIES = (
    "altair", "babel.messages", "babel.support", "click", "duckdb", "jinja2", "lightgbm", "loky", "matplotlib.figure",
    "matplotlib.backends.backend_agg", "mpl_toolkits", "narwhals", "numpy", "openpyxl", "pandas", "pyarrow.parquet",
    "pydantic", "rich.progress", "rich.table", "scipy.optimize", "scipy.special", "scipy.stats", "sklearn.isotonic",
    "sklearn.linear_model", "sklearn.ensemble", "xlsxwriter",
)  # fmt: skip
LONGEST_SECONDS = 900
WRITE = os.O_WRONLY | os.O_CREAT


def run(request: Mapping[str, Any]) -> None:
    """Run the request in this process, as `python` would."""
    signal.alarm(LONGEST_SECONDS)
    os.chdir(request["cwd"])
    for number, name, mode in ((0, os.devnull, os.O_RDONLY), (1, request["out"], WRITE), (2, request["err"], WRITE)):
        os.dup2(os.open(name, mode), number)
    kind, what = request["kind"], request["what"]
    sys.argv = [what if kind == "file" else "-c", *request["words"]]
    sys.path[0] = str(Path(what).parent) if kind == "file" else request["cwd"]
    if kind == "module":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    elif kind == "file":
        runpy.run_path(what, run_name="__main__")
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


def main() -> None:
    """Load the libraries, and run each request until standard input ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            answers.close()
            run(json.loads(line))
            return
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


if __name__ == "__main__":
    main()
