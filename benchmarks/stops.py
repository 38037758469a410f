"""Stop every command that writes at random moments, and count what must never be found afterwards.

    python benchmarks/stops.py                                 # 300 stops, 40 minutes of a core
    python benchmarks/stops.py --only score --stops 40         # one kind of command
    python benchmarks/stops.py --first 17 --stops 1            # the stop of that number again
    python benchmarks/stops.py --disk /mnt/small               # a small file system of its own, which is filled

Each command writes over an output of its own, from other data or by another model. While it works it is killed (KILL),
stopped (TERM, INT, HUP), finds its disk full, or a log that takes nothing more: half of the stops at any moment, half
just after it began to write. Afterwards its output has to be the old one or the new one, every file of it, compared
with both; it has to be read by what reads it; the exit code has to be the documented one; and nothing may be printed
that looks like a mistake of ours. Then another command writes beside it, or the same one again, and has to work: after
it, nothing half written stays beside the output, nothing stays in the folder for temporary files, and no process.
Exit code 1 if any of this did not hold.

A disk is full where a file may not grow beyond a limit, or, with --disk, where a small file system has no place left.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from same_outputs_files import Run, differences

from churn import open_bank
from churn.api.explaining import FILES as EXPLAINED
from churn.model.storage import read_model
from churn.scores import read_scores

CODES = {"KILL": 137, "TERM": 143, "INT": 130, "HUP": 129}
LOGS = {
    "full log": ("/dev/null", "/dev/full"),
    "closed log": ("/dev/null", "closed pipe"),
    "full output": ("/dev/full", "file"),
    "closed output": ("closed pipe", "file"),
}
"""Standard output and standard error."""
KINDS = ("KILL",) * 5 + ("TERM", "INT", "HUP") * 2 + ("disk",) * 3 + ("log",) * 2
FRESH = 0.1
"""Share of the stops in a process that starts as a user's does; the others are forked where everything is imported."""
AGAIN = 0.4
"""Share after which the same command is run again, to its end; after the others a quicker one that writes beside it."""
IMPORTED = ("lightgbm", "matplotlib.pyplot", "mlflow.pyfunc", "openpyxl", "optuna", "sklearn.ensemble")
SECONDS = 300
"""For one command."""
AS_OF = "2025-12-01"
MISTAKES = ("Traceback", "Exception ignored", "Error in", "leaked", "Fatal")


class Case(NamedTuple):
    """A command, twice: what wrote the old output, and what is stopped while it writes the new one.

    Attributes
    ----------
    command
        Its words, in which {0} and {1} stand for what differs between old and new.
    old, new
        What they stand for.
    outputs
        Files and folders that it writes.
    read
        What reads them.
    codes
        Of a run to its end.
    is_exact
        Whether the same run gives the same output.
    weight
        How often it is stopped.
    """

    command: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    outputs: tuple[str, ...]
    read: Callable[[Path], object]
    codes: tuple[int, ...] = (0,)
    is_exact: bool = True
    weight: int = 2

    def words(self, which: tuple[str, ...]) -> list[str]:
        """Give the words of the old or the new command."""
        return self.command.format(*which).split()


class Ended(NamedTuple):
    """A process that ended: its exit code (128 and more: a signal), what it printed as errors, and its seconds."""

    code: int
    err: str
    seconds: float


def scores_names(stem: str, form: str) -> tuple[str, ...]:
    """Name the files of one scoring."""
    return f"{stem}.{form}", f"{stem}.manifest.json", f"{stem}.quarantine.csv"


def read_page(path: Path) -> None:
    """Refuse a page that does not end."""
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>"), f"{path} is cut short"


def read_bank(path: Path) -> None:
    """Open a bank's tables."""
    with open_bank(path) as bank:
        assert bank.is_ok


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


SCORE = f"score ../made/bank --as-of {AS_OF} --model ../made/"
CASES = {
    "simulate": Case(
        "simulate bank --customers 150 --months 24 --seed {0} --format {1}",
        ("1", "csv"), ("2", "csv"), ("bank",), lambda at: read_bank(at / "bank"),
    ),
    "features": Case(
        "features ../made/bank --as-of {0} -o f.parquet",
        ("2025-06-01",), (AS_OF,), ("f.parquet",), lambda at: pd.read_parquet(at / "f.parquet"),
    ),
    "features-csv": Case(
        "features ../made/bank --as-of {0} -o f.csv",
        ("2025-06-01",), (AS_OF,), ("f.csv",), lambda at: pd.read_csv(at / "f.csv"), weight=1,
    ),
    "train": Case(
        "train ../made/bank -o model --without-effects --no-track --seed {0}",
        ("1",), ("2",), ("model",), lambda at: read_model(at / "model"), weight=3,
    ),
    "train-tracked": Case(
        "train ../made/bank -o model --without-effects --seed {0}",
        ("1",), ("2",), ("model",), lambda at: read_model(at / "model"),
    ),
    "score": Case(
        SCORE + "{0} -o s.parquet",
        ("one",), ("other",), scores_names("s", "parquet"), lambda at: read_scores(at / "s.parquet"), weight=3,
    ),
    "score-explain": Case(
        SCORE + "{0} -o s.parquet --explain",
        ("one",), ("other",), scores_names("s", "parquet"), lambda at: read_scores(at / "s.parquet"), weight=3,
    ),
    "score-csv": Case(
        SCORE + "{0} -o s.csv",
        ("one",), ("other",), scores_names("s", "csv"), lambda at: read_scores(at / "s.csv"), weight=3,
    ),
    "score-csv-explain": Case(
        SCORE + "{0} -o s.csv --explain",
        ("one",), ("other",), scores_names("s", "csv"), lambda at: read_scores(at / "s.csv"), weight=3,
    ),
    "explain": Case(
        f"explain ../made/bank --as-of {AS_OF} --model ../made/{{0}} -o explained",
        ("one",), ("other",), ("explained",),
        lambda at: [read_json(at / "explained" / name) for name in EXPLAINED if name.endswith(".json")
                    and name != "truth.json"],
    ),
    "plan": Case(
        "plan ../made/bank --scores ../made/{0}.parquet -o plan",
        ("one",), ("other",), ("plan",), lambda at: read_json(at / "plan" / "plan.json"), weight=3,
    ),
    "report": Case(
        "report ../made/bank --model ../made/{0} --scores ../made/{0}.parquet -o page.html --measures measures.csv",
        ("one",), ("other",), ("page.html", "measures.csv"), lambda at: read_page(at / "page.html"), is_exact=False,
    ),
    "report-each-branch": Case(
        "report ../made/bank --model ../made/{0} --scores ../made/{0}.parquet -o pages --each-branch",
        ("one",), ("other",), ("pages",), lambda at: [read_page(page) for page in (at / "pages").iterdir()],
    ),
    "baselines": Case(
        "baselines ../made/bank --model ../made/{0} --anchor -o anchored",
        ("one",), ("other",), ("anchored",), lambda at: read_model(at / "anchored"),
    ),
    "tune": Case(
        "tune ../made/bank -o tuned.json --trials 1 --seed {0}",
        ("1",), ("2",), ("tuned.json",), lambda at: read_json(at / "tuned.json"), is_exact=False,
    ),
    "compare": Case(
        "compare ../made/bank --candidate scorecard --candidate histogram --snapshots 2 --seed {0}",
        ("1",), ("2",), (), lambda _: None,
    ),
    "promote": Case(
        "compare ../made/bank --candidate scorecard --candidate histogram --snapshots 2 --promote --seed {0}",
        ("1",), ("2",), (), lambda _: None, codes=(0, 1),
    ),
    "champion": Case(
        "champion --set ../made/{0}", ("one",), ("other",), (), lambda _: None,
    ),
    "demo": Case(
        "demo --dir demo", (), (), ("demo",), lambda at: read_model(at / "demo" / "model"), is_exact=False, weight=1,
    ),
}  # fmt: skip


# --- running a command --------------------------------------------------------------------------------------------


class Commands:
    """Runs commands in processes of their own, which are forked where everything is imported already."""

    def __init__(self, work: Path, imported: Sequence[str]) -> None:
        self.work, self.run, self.temporary = work, work / "run", work / "tmp"
        self.session = 0
        words = [sys.executable, __file__, "--serve", *imported]
        self._server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def close(self) -> None:
        """End the process that forks."""
        with self._server:
            assert self._server.stdin
            self._server.stdin.close()

    def start(self, words: Sequence[str], *, streams: tuple[str, str], limit: int | None, fresh: bool) -> int:
        """Start a command; return its process id, which is that of its session too."""
        asked = {
            "words": list(words),
            "folder": str(self.run),
            "temporary": str(self.temporary),
            "streams": [str(self.work / "err.txt") if one == "file" else one for one in streams],
            "limit": limit,
            "fresh": fresh,
        }
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(asked) + "\n")
        return int(self._server.stdout.readline())

    def wait(self) -> int:
        """Wait for the command; return its exit code, or 128 plus the number of the signal that ended it."""
        assert self._server.stdout
        return int(self._server.stdout.readline())

    def call(
        self,
        words: Sequence[str],
        *,
        stop: Callable[[int], None] | None = None,
        streams: tuple[str, str] = ("/dev/null", "file"),
        limit: int | None = None,
        fresh: bool = False,
    ) -> Ended:
        """Run a command to its end; `stop` is called with its process id when it has begun."""
        (self.work / "err.txt").write_text("")
        begun = time.monotonic()
        process = self.start(words, streams=streams, limit=limit, fresh=fresh)
        if stop:
            stop(process)
        code = self.wait()
        seconds = time.monotonic() - begun
        self.session = process
        return Ended(code, (self.work / "err.txt").read_text(errors="replace"), seconds)

    def left_running(self) -> list[str]:
        """Name the processes of the last command that are still there after two seconds."""
        until = time.monotonic() + 2
        while (found := list(_session(self.session))) and time.monotonic() < until:
            time.sleep(0.02)
        return found


def _session(session: int) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                name, _, rest = (entry / "stat").read_text().rpartition(")")
                state, _, _, of = rest.split()[:4]
                if int(of) == session and state != "Z":
                    yield name.partition("(")[2]


def serve(imported: Sequence[str]) -> None:
    """Import modules, then fork for each line of standard input: its answers are a process id and an exit code."""
    from churn.actions.progress import series
    from churn.cli import demo
    from churn.cli import main as call  # before the module of that name takes its place
    from churn.cli.main import COMMANDS

    for name in (*imported, *(f"churn.cli.{command}" for command in COMMANDS)):
        import_module(name)
    series.MONTHS, demo.CUSTOMERS = 2, 2000
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            become(asked, call)
            return
        print(child, flush=True)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code if code >= 0 else 128 - code, flush=True)  # as a shell has it


def become(asked: dict[str, Any], call: Callable[[list[str]], None]) -> None:
    """Be the command that was asked for: `call` it, which ends by an exception."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["folder"])
    os.environ["TMPDIR"] = asked["temporary"]
    os.environ.pop("CHURN_NO_TRACK", None)
    tempfile.tempdir = None
    for number, name in enumerate(("/dev/null", *asked["streams"])):
        _put_stream(number, name)
    if asked["limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["limit"], resource.RLIM_INFINITY))
    if asked["fresh"]:
        os.execv(sys.executable, [sys.executable, "-m", "churn", *asked["words"]])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = os.fdopen(number, "w" if number else "r", buffering=1, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    call(asked["words"])


def _put_stream(number: int, name: str) -> None:
    if name == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(name, os.O_RDWR | os.O_APPEND if number else os.O_RDONLY)
    os.dup2(writer, number)
    os.close(writer)


# --- one stop -----------------------------------------------------------------------------------------------------


def make_inputs(commands: Commands) -> None:
    """Make a bank, two models and the scores by each; all commands only read them."""
    made = commands.work / "made"
    made.mkdir()
    commands.run = made
    for words in (
        "simulate bank --customers 600 --months 48 --seed 5",
        "train bank -o one --no-track --seed 1",
        "train bank -o other --no-track --seed 2 --learner histogram",
        f"score bank --as-of {AS_OF} --model one -o one.parquet --explain",
        f"score bank --as-of {AS_OF} --model other -o other.parquet --explain",
    ):
        _must(commands.call(words.split()), words)
    commands.run = commands.work / "run"


def _must(ended: Ended, what: str, codes: Sequence[int] = (0,)) -> Ended:
    if ended.code not in codes:
        raise SystemExit(f"{what}: exit code {ended.code}\n{ended.err}")
    return ended


def prepare(commands: Commands, name: str) -> float:
    """Run a case to its end, the old command and the new one; keep both outputs; return how long the second took."""
    case, kept = CASES[name], commands.work / "kept" / name
    seconds = 0.0
    _empty(commands.run)
    for which, told in (("old", case.old), ("new", case.new)):
        seconds = _must(commands.call(case.words(told)), name, case.codes).seconds
        case.read(commands.run)
        if which == "old":
            shutil.copytree(commands.run, kept / "all", symlinks=True)
        for output in case.outputs:
            _copy(commands.run / output, kept / which / output)
    return seconds


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to)
    else:
        shutil.copyfile(path, to)


def which_output(commands: Commands, name: str) -> str:
    """Say whether the output is the old one, the new one or neither, file by file."""
    case = CASES[name]
    for which in ("old", "new"):
        if all(_is_same(commands.work / "kept" / name / which / one, commands.run / one) for one in case.outputs):
            return which
    return "neither"


def _is_same(one: Path, other: Path) -> bool:
    if one.is_dir():
        there = [{path.relative_to(at).as_posix() for path in at.rglob("*") if path.is_file()} for at in (one, other)]
        return there[0] == there[1] and all(_is_same(one / name, other / name) for name in there[0])
    return other.is_file() and not differences(one, other, Run(), Run())


class Stop(NamedTuple):
    """What is to happen: to which case, what, when (seconds after its start, or after it began to write), and how."""

    name: str
    kind: str
    after: float
    when_writing: bool
    to_all: bool
    fresh: bool
    again: bool
    limit: int
    streams: tuple[str, str]


def choose(number: int, seed: int, names: Sequence[str], seconds: dict[str, float]) -> Stop:
    """Choose what happens in a stop, by its number."""
    chance = random.Random(f"{seed} {number}")
    weighted = [name for name in names for _ in range(CASES[name].weight)]
    name = weighted[number % len(weighted)]
    kind = chance.choice(KINDS)
    when_writing = chance.random() < 0.5 and bool(CASES[name].outputs)
    log = chance.choice(list(LOGS))
    return Stop(
        name=name,
        kind=log if kind == "log" else kind,
        after=chance.uniform(0, 0.4 if when_writing else 1.1 * seconds[name]),
        when_writing=when_writing,
        to_all=chance.random() < 0.5,
        fresh=chance.random() < FRESH,
        again=chance.random() < AGAIN,
        limit=int(10 ** chance.uniform(2, 6.3)),
        streams=LOGS[log] if kind == "log" else ("/dev/null", "file"),
    )


def send(stop: Stop, run: Path, process: int) -> None:
    """Send the signal of a stop when its moment has come, to the command or, as a terminal does, to all of it."""
    until = time.monotonic() + SECONDS
    if stop.when_writing:
        while not any(entry.suffix == ".part" for entry in run.iterdir()) and time.monotonic() < until:
            if not _lives(process):
                return
            time.sleep(0.003)
    time.sleep(stop.after)
    number = getattr(signal, f"SIG{stop.kind}")
    with contextlib.suppress(ProcessLookupError):
        if stop.to_all:
            os.killpg(process, number)
        else:
            os.kill(process, number)


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def try_stop(
    commands: Commands, stop: Stop, disk: Path | None, run_next: Callable[[Sequence[str]], Ended] | None = None
) -> list[str]:
    """Do what a stop says, and list what must never be found; `run_next` runs the next command."""
    case = CASES[stop.name]
    _empty(commands.run)
    _empty(commands.temporary)
    shutil.copytree(commands.work / "kept" / stop.name / "all", commands.run, symlinks=True, dirs_exist_ok=True)
    words = case.words(case.new)
    if stop.kind in CODES:
        ended = commands.call(words, stop=lambda process: send(stop, commands.run, process), fresh=stop.fresh)
        codes = {CODES[stop.kind], *case.codes}
    elif stop.kind == "disk":
        if disk:
            with _filled(disk, stop.limit):
                ended = commands.call(words, fresh=stop.fresh)
        else:
            ended = commands.call(words, fresh=stop.fresh, limit=stop.limit)
        codes = {2, *case.codes}
    else:
        ended = commands.call(words, streams=stop.streams, fresh=stop.fresh)
        codes = {*case.codes, *({2} if stop.kind == "full output" else ())}
    return [
        *judge_end(commands, ended, codes),
        *judge_output(commands, stop, ended),
        *judge_next(commands, stop, run_next or commands.call),
    ]


@contextlib.contextmanager
def _filled(disk: Path, free: int) -> Iterator[None]:
    """Leave so many bytes of a file system."""
    ballast = disk / "ballast"
    facts = os.statvfs(disk)
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(1, facts.f_bavail * facts.f_frsize - free))
    try:
        yield
    finally:
        ballast.unlink()


def judge_end(commands: Commands, ended: Ended, codes: set[int]) -> Iterator[str]:
    """Judge the exit code, what was printed, and which processes are left."""
    if ended.code not in codes:
        yield f"exit code {ended.code}, not one of {sorted(codes)}: {ended.err[-300:]}"
    if ended.code == 2 and sum(line.startswith("error: ") for line in ended.err.splitlines()) != 1:
        yield f"exit code 2 without one line of error: {ended.err[-300:]}"
    if any(mistake in ended.err for mistake in MISTAKES):
        yield f"printed {ended.err[-2000:]}"
    if left := commands.left_running():
        yield f"left running: {', '.join(left)}"


def judge_output(commands: Commands, stop: Stop, ended: Ended) -> Iterator[str]:
    """Judge the output: the old or the new one, whole, and read by what reads it."""
    case = CASES[stop.name]
    journal = any(entry.name.endswith(".journal") for entry in commands.run.iterdir())
    before = which_output(commands, stop.name)
    try:
        case.read(commands.run)
    except Exception as error:
        yield f"the output is not read: {error}"
    which = which_output(commands, stop.name)
    if not case.is_exact:
        return
    if which == "neither":
        yield "the output is neither the old nor the new one"
    if before != which and not journal:
        yield f"the output was {before} before it was read"
    if ended.code == 0 and which == "old" and case.outputs:
        yield "exit code 0, and the output is the old one"


def judge_next(commands: Commands, stop: Stop, run: Callable[[Sequence[str]], Ended]) -> Iterator[str]:
    """Judge what the next command leaves: the same one, or a quicker one that writes beside it."""
    case = CASES[stop.name]
    words = case.words(case.new) if stop.again else f"features ../made/bank --as-of {AS_OF} -o beside.parquet".split()
    ended = run(words)
    if ended.code not in (case.codes if stop.again else (0,)):
        yield f"the next command has exit code {ended.code}: {ended.err[-300:]}"
    if any(mistake in ended.err for mistake in MISTAKES):
        yield f"the next command printed {ended.err[-2000:]}"
    if stop.again and case.is_exact and case.outputs and which_output(commands, stop.name) != "new":
        yield "the next command did not write the new output"
    hidden = sorted(path.relative_to(commands.run).as_posix() for path in commands.run.rglob(".*"))
    if hidden:
        yield f"stays beside the output: {', '.join(hidden)}"
    if left := sorted(path.name for path in commands.temporary.iterdir()):
        yield f"stays in the folder for temporary files: {', '.join(left)}"


# --- all of them --------------------------------------------------------------------------------------------------


def main() -> None:
    """Stop commands, print what must never be found and a table, and exit."""
    options = _parse()
    if options.serve is not None:
        serve(options.serve)
        return
    names = [name for name in CASES if not options.only or name in options.only]
    with contextlib.ExitStack() as stack:
        disk = options.disk and Path(tempfile.mkdtemp(dir=options.disk))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stops-", ignore_cleanup_errors=True)))
        commands = Commands(work, IMPORTED)
        stack.callback(commands.close)
        if disk:
            stack.callback(shutil.rmtree, disk, ignore_errors=True)
            # where the others find it too: inputs are read from beside the folder of the run
            commands.run, commands.temporary = disk / "run", disk / "tmp"
            (disk / "made").symlink_to(work / "made")
        _empty(commands.temporary)
        place = commands.run
        make_inputs(commands)
        commands.run = place
        chosen = sorted({choose(n, options.seed, names, dict.fromkeys(names, 1.0)).name for n in _numbers(options)})
        seconds = dict.fromkeys(names, 1.0) | {name: prepare(commands, name) for name in chosen}
        counts, faults = Counter[tuple[str, str]](), 0
        with contextlib.suppress(KeyboardInterrupt):  # then those so far are counted
            for number in _numbers(options):
                stop = choose(number, options.seed, names, seconds)
                found = try_stop(commands, stop, disk)
                counts[stop.name, "log" if stop.kind in LOGS else stop.kind] += 1
                faults += bool(found)
                for fault in found:
                    print(f"{number} {stop.name} {stop.kind} after {stop.after:.2f} s: {fault}", flush=True)
    print_counts(counts)
    print(f"{sum(counts.values())} stops: {faults} with something that must never be found")
    sys.exit(1 if faults else 0)


def print_counts(counts: Counter[tuple[str, str]]) -> None:
    """Print how often each command was stopped, and by what."""
    rows = [(name, kind, n) for (name, kind), n in counts.items()]
    table = pd.DataFrame(rows, columns=["command", "kind", "stops"]).pivot_table(
        index="command", columns="kind", values="stops", aggfunc="sum", fill_value=0, margins=True
    )
    print(table.to_string())


def _numbers(options: argparse.Namespace) -> range:
    return range(options.first, options.first + options.stops)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of commands, kinds and moments")
    parser.add_argument("--only", nargs="*", choices=CASES, help="commands to stop")
    parser.add_argument("--disk", type=Path, help="folder of a small file system, which is filled for a full disk")
    parser.add_argument("--serve", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
