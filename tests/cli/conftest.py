"""A bank that the simulator did not write, and a model trained on it, through the command line."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from churn.cli.main import main
from commands import call
from made_once import made_once
from other_bank import make_tables, write_tables

AS_OF = "2025-01-01"
# the last is the one a training without dates would judge on, a year after what the judged model learns from
MODEL_DATES = [word for date in ("2022-04-05", "2022-10-04", "2024-01-02") for word in ("--as-of", date)]


class Result(NamedTuple):
    """What a call of the command line left behind."""

    code: int
    out: str
    err: str


class Demonstration(NamedTuple):
    """The folder in which `churn demo --dir own` was called, and what it printed."""

    here: Path
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = exit_info.value.code
        return Result(int(code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(
        tmp_path_factory, "cli-bank", lambda folder: write_tables(make_tables(1500, seed=3), folder, "parquet")
    )


@pytest.fixture(scope="session")
def model(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        call("train", bank, "-o", folder / "first", *MODEL_DATES)

    return made_once(tmp_path_factory, "cli-model", make) / "first"


@pytest.fixture(scope="session")
def scores(bank: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Score everybody with options, once."""

    def score(*options: str) -> Path:
        words = ("score", bank, "--model", model, "--as-of", AS_OF, *options)
        name = "-".join(["cli-scores", *(option.strip("-") for option in options)])
        made = made_once(tmp_path_factory, name, lambda folder: call(*words, "-o", folder / "scores.parquet"))
        return made / "scores.parquet"

    return score


@pytest.fixture(scope="session")
def explained_folder(bank: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `churn explain` writes of everybody."""
    words = ("explain", bank, "--model", model, "--as-of", AS_OF)
    made = made_once(tmp_path_factory, "cli-explained", lambda folder: call(*words, "-o", folder / "explained"))
    return made / "explained"


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """`churn demo` of 2,000 customers, called where a tracking server is named that does not answer."""

    def make(place: Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.delenv("CHURN_NO_TRACK", raising=False)
            patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # port 9 (discard) is closed wherever this runs
            patch.setattr("churn.cli.demo.CUSTOMERS", 2000)
            patch.setattr("churn.actions.progress.series.MONTHS", 2)
            (place / "here").mkdir()
            patch.chdir(place / "here")
            call("demo", "--dir", "own")
        (place / "out.txt").write_text(out.getvalue(), encoding="utf-8")
        (place / "err.txt").write_text(err.getvalue(), encoding="utf-8")

    place = made_once(tmp_path_factory, "demonstration", make)
    said = ((place / name).read_text(encoding="utf-8") for name in ("out.txt", "err.txt"))
    return Demonstration(place / "here", *said)
