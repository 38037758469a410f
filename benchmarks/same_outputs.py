"""Run two checkouts side by side through every command, and list each file that differs, and how.

    python benchmarks/same_outputs.py ../before . --python .venv/bin/python --keep /tmp/golden
    python benchmarks/same_outputs.py ../before . --keep /tmp/golden --only bank,telco --steps score,page

OLD and NEW are folders. Each is run by its own .venv/bin/python, or both by --python, with its own src/ first on the
path. OLD simulates the banks, and both checkouts read them. NEW uses the settings of its own examples. Each command
runs in a separate process, with relative paths. Its printed output and its exit code are files like any other. A
command that fails stops nothing. To save time these processes start with the libraries loaded (same_outputs_warm.py),
unless --cold. same_outputs_files.py begins with a list of values that may differ between two runs (durations, times,
MLflow's ids, absolute paths, checksums of files that differ themselves). Everything else is compared to the last bit.

With --keep the outputs stay, and those of OLD are made once per commit. A step runs again only if its line in
same_outputs_steps.py changed, or that of a step it reads from. With --steps, NEW runs only these steps, on models and
scores that OLD made. Exit code 1 if anything differs.
"""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Lock
from typing import Any, NamedTuple

from same_outputs_files import Run, describe_run, differences
from same_outputs_steps import SCRIPTS, SOURCES, Source, Step

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
DONE = "done.json"
# Whatever the caller's machine has set, a table is as wide and a message in the same language.
ENVIRONMENT = {"CHURN_NO_TRACK": "1", "COLUMNS": "100", "TERM": "dumb", "LC_ALL": "C.UTF-8"}


class Side(NamedTuple):
    """One of the two checkouts, and where its outputs go.

    Attributes
    ----------
    name
        `old` or `new`.
    checkout, python
        What is run.
    root
        A folder for each source, and in it one for each step.
    """

    name: str
    checkout: Path
    python: Path
    root: Path

    def request(self, step: Step) -> dict[str, object]:
        """Describe the command in the form same_outputs_warm.py reads."""
        program, *words = step.command
        if program == "churn":
            return {"kind": "module", "what": "churn", "words": words}
        if program in SCRIPTS:
            return {"kind": "code", "what": SCRIPTS[program], "words": words}
        return {"kind": "file", "what": str(self.checkout / words[0]), "words": words[1:]}

    def environment(self) -> dict[str, str]:
        """Return the environment of every command."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "CHURN_"))}
        return own | ENVIRONMENT | {"PYTHONPATH": str(self.checkout / "src")}


Picked = Mapping[str, Sequence[Step]]

# --- running ------------------------------------------------------------------------------------------------------


def prepare(side: Side, source: Source, given: Side | None, shared: Path) -> None:
    """Put data and settings of a source into its folder: the data of OLD if it has any, and its own settings."""
    place = side.root / source.name
    place.mkdir(parents=True, exist_ok=True)
    for path in (place / "data", place / "config"):
        shutil.rmtree(path, ignore_errors=True)
    (place / "data").mkdir()
    if given:
        shutil.copytree(given.root / source.name / "data", place / "data", dirs_exist_ok=True)
    else:
        for name, n_lines in source.copies:
            _copy(shared / name, place / "data" / Path(name).name, n_lines)
        if source.simulate:
            _simulate(side, place, source.simulate)
    (place / "config").mkdir()
    for path in (side.checkout / "examples" / source.example).glob("*.toml") if source.example else ():
        shutil.copy(path, place / "config")


def _simulate(side: Side, place: Path, words: str) -> None:
    command = [str(side.python), "-m", "churn", "simulate", "data/bank", *words.split()]
    ran = subprocess.run(command, cwd=place, env=side.environment(), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"error: {side.checkout}: OLD simulates no bank: {ran.stderr.strip()[-500:]}")


def _copy(path: Path, to: Path, n_lines: int) -> None:
    if not path.exists():
        raise SystemExit(f"error: {path}: is not there; give --shared, or leave its source out with --only")
    if path.is_dir():
        shutil.copytree(path, to)
    elif n_lines:
        with path.open("rb") as lines, to.open("wb") as first:
            first.writelines(line for _, line in zip(range(n_lines + 1), lines, strict=False))
    else:
        shutil.copy(path, to)


class Starter:
    """Starts commands, each from one of `jobs` processes with the libraries in memory, or in a new process."""

    def __init__(self, side: Side, jobs: int, *, cold: bool) -> None:
        self._side, self._idle = side, Queue[subprocess.Popen[str]]()
        for _ in range(0 if cold else jobs):
            words = [str(side.python), str(Path(__file__).with_name("same_outputs_warm.py"))]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self._idle.put(subprocess.Popen(words, env=side.environment(), **pipes))
        self._cold = cold

    def __call__(self, step: Step, folder: Path) -> str:
        """Run a step in the folder above its own, keep what it prints, and return its exit code."""
        request = self._side.request(step)
        out, err, cwd = folder / "stdout.txt", folder / "stderr.txt", folder.parent
        if self._cold:
            return self._start(request, out, err, cwd)
        process = self._idle.get()
        process.stdin.write(json.dumps(request | {"out": str(out), "err": str(err), "cwd": str(cwd)}) + "\n")
        process.stdin.flush()
        code = process.stdout.readline().strip()
        self._idle.put(process)
        return code

    def _start(self, request: Mapping[str, Any], out: Path, err: Path, cwd: Path) -> str:
        words = {"module": ["-m", request["what"]], "file": [request["what"]], "code": ["-c", request["what"]]}
        command = [str(self._side.python), *words[request["kind"]], *request["words"]]
        with out.open("wb") as to_out, err.open("wb") as to_err:
            streams = {"stdin": subprocess.DEVNULL, "stdout": to_out, "stderr": to_err}
            return str(
                subprocess.run(command, cwd=cwd, env=self._side.environment(), check=False, **streams).returncode
            )

    def close(self) -> None:
        """End the processes."""
        while not self._idle.empty():
            self._idle.get().communicate()


def run_step(side: Side, source: Source, step: Step, start: Starter) -> float:
    """Run a command in its source's folder; keep what it prints and its exit code; return the seconds it took."""
    folder = side.root / source.name / step.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.perf_counter()
    code = start(step, folder)
    seconds = time.perf_counter() - begun
    (folder / "exit.txt").write_text(f"{code}\n")
    return seconds


class Done:
    """Which steps of a side are done: their fingerprints and seconds, in a file that is written after each."""

    def __init__(self, root: Path) -> None:
        self._path, self._lock = root / DONE, Lock()
        self.steps: dict[str, dict[str, dict[str, str | float]]] = {}
        if self._path.exists():
            self.steps = json.loads(self._path.read_text())

    def has(self, source: Source, step: Step) -> bool:
        """Return whether a step was run in its present form."""
        known = self.steps.get(source.name, {}).get(step.name, {})
        return known.get("fingerprint") == source.fingerprint(step)

    def add(self, source: Source, step: Step, seconds: float) -> None:
        """Write down that a step is done."""
        with self._lock:
            known = {"fingerprint": source.fingerprint(step), "seconds": round(seconds, 1)}
            self.steps.setdefault(source.name, {})[step.name] = known
            temporary = self._path.with_suffix(".part")
            temporary.write_text(json.dumps(self.steps, indent=1))
            temporary.replace(self._path)

    def seconds(self, picked: Picked) -> float:
        """Add up the seconds of steps."""
        found = (self.steps.get(name, {}).get(step.name, {}) for name, steps in picked.items() for step in steps)
        return sum(float(known.get("seconds", 0)) for known in found)


def run_side(side: Side, picked: Picked, given: Side | None, options: argparse.Namespace) -> Done:
    """Run the picked steps that are not done, several at once, each after those it reads from."""
    side.root.mkdir(parents=True, exist_ok=True)
    done = Done(side.root)
    todo = {
        source: steps
        for source in SOURCES
        if (steps := [step for step in picked.get(source.name, ()) if not done.has(source, step)])
    }
    for source in todo:
        prepare(side, source, given, options.shared)
        if given:
            _borrow(side, source, picked[source.name], given)
    with (
        contextlib.closing(Starter(side, options.jobs, cold=options.cold)) as start,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        futures: dict[tuple[str, str], Future[str]] = {}
        for source, steps in todo.items():
            for step in steps:
                before = [futures[key] for need in source.needs(step) if (key := (source.name, need.name)) in futures]
                futures[source.name, step.name] = pool.submit(_run_after, before, side, source, step, start, done)
        for source, steps in todo.items():
            print(f"{side.name}  {source.name}: ", end="", flush=True)
            for step in steps:
                print(futures[source.name, step.name].result(), end=", " if step != steps[-1] else "", flush=True)
            print(f"; {done.seconds({source.name: steps}):.0f} s", flush=True)
    return done


def _run_after(
    before: Sequence[Future[str]], side: Side, source: Source, step: Step, start: Starter, done: Done
) -> str:
    for earlier in before:
        earlier.result()
    seconds = run_step(side, source, step, start)
    done.add(source, step, seconds)
    return f"{step.name} {seconds:.1f}"


def _borrow(side: Side, source: Source, steps: Sequence[Step], given: Side) -> None:
    """Take from OLD the outputs that the steps read and NEW does not make itself."""
    for need in {need for step in steps for need in source.needs(step)}.difference(steps):
        shutil.copytree(given.root / source.name / need.name, side.root / source.name / need.name, dirs_exist_ok=True)


# --- picking and comparing ----------------------------------------------------------------------------------------


def pick(only: str, kinds: str, skip: str) -> dict[str, list[Step]]:
    """Pick the steps of each source, by their names or first words."""
    known = {word for source in SOURCES for step in source.steps for word in (step.name, step.kind)}
    wanted, left_out, names = (set(filter(None, text.split(","))) for text in (kinds, skip, only))
    strange = ((wanted | left_out) - known) | (names - {source.name for source in SOURCES})
    if strange:
        raise SystemExit(f"error: {', '.join(sorted(strange))}: not a source or step; see same_outputs_steps.py")
    picked = {
        source.name: [
            step
            for step in source.steps
            if (not wanted or wanted & {step.name, step.kind}) and not left_out & {step.name, step.kind}
        ]
        for source in SOURCES
        if not names or source.name in names
    }
    return {name: steps for name, steps in picked.items() if steps}


def with_needs(picked: Picked) -> dict[str, list[Step]]:
    """Add the steps that the picked ones read from."""
    sources = {source.name: source for source in SOURCES}
    needed = {name: {need for step in steps for need in sources[name].needs(step)} for name, steps in picked.items()}
    return {
        name: [step for step in sources[name].steps if step in steps or step in needed[name]]
        for name, steps in picked.items()
    }


def compare_sides(old: Side, new: Side, picked: Picked, n_lines: int) -> Counter[str]:
    """Print how each file of the picked steps differs; count files, by source, that are equal and that are not."""
    runs = [describe(side) for side in (old, new)]
    counts: Counter[str] = Counter()
    seen: dict[tuple[str, ...], str] = {}
    for source, steps in picked.items():
        for step in steps:
            place = Path(source) / step.name
            for path in sorted(_files(old.root / place) | _files(new.root / place)):
                found = differences(old.root / place / path, new.root / place / path, *runs)
                counts["differ" if found else "equal"] += 1
                if found:
                    counts[f"{source}/{step.name}"] += 1
                    _print_differences(place / path, found, seen, n_lines)
    return counts


def describe(side: Side) -> Run:
    """Describe the side's own paths and files, and the names that replace them."""
    places = {side.root: "<run>", side.checkout: "<checkout>", side.python.parents[1]: "<environment>"}
    return describe_run(side.root, places)


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _print_differences(path: Path, found: Sequence[str], seen: dict[tuple[str, ...], str], n_lines: int) -> None:
    earlier = seen.setdefault(tuple(found), path.as_posix())
    if earlier != path.as_posix() and len(found) > 1:
        print(f"{path.as_posix()}: as {earlier}")
        return
    print(f"{path.as_posix()}:")
    for line in found[:n_lines]:
        print(f"    {line}")
    if len(found) > n_lines:
        print(f"    … {len(found) - n_lines} lines more")


# --- the command --------------------------------------------------------------------------------------------------


def find_python(checkout: Path, given: Path | None) -> Path:
    """Find the Python that runs a checkout."""
    # Not resolved: a link to Python is what makes an environment.
    python = given.absolute() if given else checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"error: {python}: is not there; make the environment, or give --python")
    return python


def kept_name(checkout: Path) -> str | None:
    """Name the outputs of a commit; None if something is not committed, or the folder is not in git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(checkout), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return None if git("status", "--porcelain", "--untracked-files=no") else git("rev-parse", "--short=12", "HEAD")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time make the outputs of a checkout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both sides, compare, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument("--python", type=Path, help="Python for both [default: .venv/bin/python of each]")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder in which to keep the outputs")
    parser.add_argument("--only", default="", help=f"sources, of {','.join(source.name for source in SOURCES)}")
    parser.add_argument("--steps", default="", help="steps, such as train,score or score-csv")
    parser.add_argument("--skip", default="", help="steps to leave out")
    parser.add_argument("--lines", type=int, default=12, help="most lines for each file [default: 12]")
    parser.add_argument("--jobs", type=int, default=2, help="commands at once [default: 2]")
    parser.add_argument("--cold", action="store_true", help="start each command in a new process; takes twice as long")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder of the public data sets")
    given = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        keep = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return _compare(given, keep.resolve())


def _compare(given: argparse.Namespace, keep: Path) -> int:
    picked = pick(given.only, given.steps, given.skip)
    checkouts = given.old.resolve(), given.new.resolve()
    commit = kept_name(checkouts[0])
    if given.keep and commit is None:
        print(f"note: {checkouts[0]} is not as committed; its outputs are made anew")
    old, new = (
        Side(name, checkout, find_python(checkout, given.python), root)
        for name, checkout, root in (
            ("old", checkouts[0], keep / (commit or "old")),
            ("new", checkouts[1], keep / f"new-{'-'.join(checkouts[1].parts[1:])}"),
        )
    )
    with locked(keep / f"{old.root.name}.lock"):
        if commit is None:
            shutil.rmtree(old.root, ignore_errors=True)
        old_done = run_side(old, with_needs(picked), None, given)
    with locked(keep / f"{new.root.name}.lock"):
        shutil.rmtree(new.root, ignore_errors=True)
        new_done = run_side(new, picked, old, given)
        counts = compare_sides(old, new, picked, given.lines)
    print(f"seconds of commands: old {old_done.seconds(picked):.0f}, new {new_done.seconds(picked):.0f}")
    places = [f"{place} {n}" for place, n in counts.items() if "/" in place]
    print(f"differing files of each step: {', '.join(places)}" if places else "nothing differs")
    print(f"{counts['equal']} files equal, {counts['differ']} differ")
    return int(counts["differ"] > 0)


if __name__ == "__main__":
    sys.exit(main())
