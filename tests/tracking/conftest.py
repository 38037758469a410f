"""One small model, logged once; every test gets a copy of its tracking folder, which is mended on first use."""

import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.frame import Snapshot
from churn.model.documents import Effects
from churn.model.storage import StoredModel, read_model, write_model
from churn.tracking.place import Place, tracking_place
from churn.tracking.runs import log_training
from churn.training import train
from labelled import dated

EMBARGO_DAYS = 7
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Trained:
    """A model, its folder, and the customers that judged it."""

    stored: StoredModel
    folder: Path
    features: pd.DataFrame
    churned: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        return self.stored.model.predict(self.features).probability


def snapshot(as_of: dt.date, n: int = 300) -> Snapshot:
    """n customers of whom those with few products and a low tier leave; some numbers and texts are missing."""
    draw = np.random.default_rng(as_of.toordinal())
    products = draw.integers(1, 8, n)
    tier = draw.choice(["gold", "ordinary", None], n, p=[0.5, 0.4, 0.1])
    noise = np.where(draw.random(n) < 0.2, np.nan, draw.normal(size=n))
    features = pd.DataFrame({"n_products": products.astype(np.float64), "tier": tier, "noise": noise})
    risk = 1.0 - 0.5 * products + np.where(tier == "gold", -1.0, 1.0)
    churned = (draw.random(n) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    ids = np.array([f"C{number:05d}" for number in range(n)], dtype=object)
    return Snapshot(as_of, ids, features, churned, products.astype(np.float64))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    snapshots = [snapshot(dt.date(2022, 1, 1)), snapshot(dt.date(2022, 6, 1))]
    facts = {
        "inputs": [{"table": "customers", "file": "customers.parquet", "bytes": 10, "sha256": "ab" * 32}],
        "row_counts": {"customers": {"rows": 310, "used": 300, "quarantined": 10}},
    }
    stored = train(dated(snapshots, facts=facts))
    service = {
        "service": "mobile_banking", "verdict": "suggests", "evidence": "observational", "effect": -0.04, "low": -0.06,
        "high": -0.02, "bands": {},
    }  # fmt: skip
    stored = replace(stored, effects=Effects.model_validate({"as_of": "2022-06-01", "services": [service]}))
    folder = tmp_path_factory.mktemp("models") / "first"
    write_model(folder, stored)
    return Trained(read_model(folder), folder, snapshots[-1].features, snapshots[-1].churned)


@pytest.fixture(scope="session")
def template(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a tracking database that holds one finished run, and the run's id."""
    folder = tmp_path_factory.mktemp("template")
    place = tracking_place(folder)
    held_out = trained.churned, trained.probability
    return folder, log_training(
        trained.stored, trained.folder, place=place, embargo_days=EMBARGO_DAYS, held_out=held_out
    )


@pytest.fixture
def place(template: tuple[Path, str], tmp_path: Path) -> Place:
    """A tracking folder of the test's own, with the one run in it."""
    shutil.copytree(template[0] / "mlruns", tmp_path / "mlruns")
    return tracking_place(tmp_path)


@pytest.fixture
def run_id(template: tuple[Path, str]) -> str:
    return template[1]


@pytest.fixture(scope="session")
def write_variant(trained: Trained) -> Callable[[Path], Path]:
    """Write another model folder: the same trees with another card, so other bytes."""

    def write(folder: Path) -> Path:
        write_model(folder, replace(trained.stored, card=f"{trained.stored.card}\n{folder.name}\n"))
        return folder

    return write


@pytest.fixture
def variant(write_variant: Callable[[Path], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: write_variant(tmp_path / "variants" / name)


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the caller's environment in, and nothing of a test into the repository."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("CHURN_NO_TRACK", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Start MLflow's own command with words, and wait until an address answers; it ends with the test."""
    command = Path(sys.executable).with_name("mlflow")
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    started: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "server.log"

    def begin(address: str, *words: object) -> None:
        with log.open("wb") as stream:
            arguments = [str(command), *map(str, words)]
            server = subprocess.Popen(
                arguments, stdout=stream, stderr=stream, env=environment, start_new_session=True, cwd=tmp_path
            )
        started.append(server)
        for _ in range(PATIENCE_SECONDS * 10):
            assert server.poll() is None, log.read_text()
            try:
                with urllib.request.urlopen(address, timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(log.read_text())

    yield begin
    for server in started:
        os.killpg(server.pid, 15)
        server.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture
def lock() -> Iterator[Callable[[Path], None]]:
    """Lock a database from another process, until the test ends."""
    held: list[subprocess.Popen[str]] = []

    def hold(database: Path) -> None:
        script = (
            "import sqlite3, sys, time\n"
            "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "held.execute('BEGIN EXCLUSIVE')\n"
            "print('locked', flush=True)\n"
            "time.sleep(300)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", script, str(database)], stdout=subprocess.PIPE, text=True)
        held.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"

    yield hold
    for process in held:
        process.kill()
        process.communicate()
