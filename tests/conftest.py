import datetime as dt
import gc
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import long_runs  # noqa: F401  registers the long profile before an option names it
from churn.data import Data, build_frame, open_bank
from churn.simulation import simulate_bank
from commands import call
from made_once import made_once
from other_bank import make_tables, read_rows, write_tables

Cells = str | bytes | pa.Table
Rows = dict[str, list[dict[str, Any]]]
OtherBank = Callable[[int, dt.date], tuple[Rows, pd.DataFrame]]
MakeFolder = Callable[..., Path]

CUSTOMERS = """\
customer_id,branch_id,manager_id,opened_on,closed_on,birth_year,tier
A,N,M1,2020-01-10,,1980,gold
B,N,,2020-02-20,,1990,ordinary
"""
HOLDINGS = """\
holding_id,customer_id,product,account_class,opened_on,closed_on
H1,A,debit_card,1,2020-01-10,
H2,A,fund,,2020-03-01,
H3,B,debit_card,1,2020-02-20,
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long form of what a usual run holds on one bank."""
    parser.addoption(
        "--every-bank", action="store_true", help="four large banks, and studies with all their situations"
    )


@pytest.fixture(scope="session")
def every_bank(request: pytest.FixtureRequest) -> bool:
    """Whether this is a long run."""
    return bool(request.config.getoption("every_bank"))


SLOW = ("benchmarks", "cli/test_demo.py", "report/test_browser.py", "simulation", "test_notebooks.py", "test_readme.py")
"""Notebooks, the browser, large banks, studies and whole ways: `make quick` leaves them to CI."""


def pytest_configure() -> None:
    """Take the signals that a shell ignores in the background: commands that tests start would ignore them too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow by where it stands."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what lives as long as the run: modules and thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _untracked() -> Iterator[None]:
    """Log no run: that costs a second each, and would write into the folder the tests are called from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_NO_TRACK", "1")
        yield


@pytest.fixture(scope="module")
def few_months() -> Iterator[None]:
    """Two months of each series of progress say as much as twelve where something else is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("churn.actions.progress.series.MONTHS", 2)
        yield


@pytest.fixture(scope="session")
def commanded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands make of a simulated bank: `bank`, `model`, `s.parquet` and `explained`; only to be read."""

    def make(place: Path) -> None:
        simulate_bank(place / "bank", customers=1500, months=48, seed=5)
        asked = (place / "bank", "--model", place / "model", "--as-of", "2026-01-01")
        call("train", place / "bank", "-o", place / "model")
        call("score", *asked, "--explain", "-o", place / "s.parquet")
        call("explain", *asked, "-o", place / "explained")

    return made_once(tmp_path_factory, "commanded", make)


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Write a folder of tables: `name=text` is a CSV, bytes a CSV as they are, an Arrow table Parquet.

    `customers` (A, B) and `holdings` (H1 to H3) are there unless given, or None.
    """

    def make(folder: str = "bank", **tables: Cells | None) -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True)
        for name, cells in ({"customers": CUSTOMERS, "holdings": HOLDINGS} | tables).items():
            write_cells(place / name, cells)
        return place

    return make


def write_cells(stem: Path, cells: Cells | None) -> None:
    if isinstance(cells, pa.Table):
        pq.write_table(cells, stem.with_suffix(".parquet"))
    elif isinstance(cells, bytes):
        stem.with_suffix(".csv").write_bytes(cells)
    elif cells is not None:
        stem.with_suffix(".csv").write_text(cells, encoding="utf-8")


@pytest.fixture(scope="session")
def open_other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Data]]:
    """Open the random bank of a seed, once."""
    with ExitStack() as stack:

        @cache
        def open_seed(seed: int) -> Data:
            folder = write_tables(make_tables(40, seed), tmp_path_factory.mktemp("other") / "bank")
            bank = stack.enter_context(open_bank(folder, n_threads=1))
            assert bank.is_ok
            return bank

        yield open_seed


@pytest.fixture(scope="session")
def other_bank(open_other: Callable[[int], Data]) -> OtherBank:
    """Give, for a seed and a date, the plain rows of a random bank and its feature frame."""

    @cache
    def read(seed: int) -> Rows:
        return {name: read_rows(table) for name, table in make_tables(40, seed).items()}

    @cache
    def build(seed: int, as_of: dt.date) -> tuple[Rows, pd.DataFrame]:
        return read(seed), build_frame(open_other(seed), as_of)

    return build


@pytest.fixture(scope="session")
def agree() -> Callable[[pd.DataFrame, Mapping[str, Mapping[str, float | None]]], None]:
    """Compare features to expected ones, bit for bit; None stands for a missing value."""

    def check(frame: pd.DataFrame, expected: Mapping[str, Mapping[str, float | None]]) -> None:
        assert list(frame["customer_id"]) == sorted(expected)
        wrong = []
        for row in frame.to_dict("records"):
            for name, value in expected[row["customer_id"]].items():
                found = None if pd.isna(row[name]) else row[name]
                if found != value:
                    wrong.append((row["customer_id"], name, found, value))
        assert wrong == []

    return check
