"""A bank that the simulator did not write, and a model trained on it, through the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from churn.cli.main import main
from other_bank import make_tables, write_tables


class Result(NamedTuple):
    """What a call of the command line left behind."""

    code: int
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
    return write_tables(make_tables(1500, seed=3), tmp_path_factory.mktemp("bank"), "parquet")


@pytest.fixture(scope="session")
def model(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "first"
    with pytest.raises(SystemExit) as exit_info:
        main(["train", str(bank), "-o", str(folder)])
    assert not exit_info.value.code
    return folder
