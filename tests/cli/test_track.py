"""What `churn train` and `churn demo` log, and what becomes of the model where they cannot."""

import sqlite3
from contextlib import closing

import pytest

from churn.config import Config
from churn.model.storage import read_model
from churn.tracking.place import tracking_place
from churn.tracking.session import open_tracking

AS_OF = "2023-06-01"


@pytest.fixture(autouse=True)
def tracked(tmp_path, monkeypatch):
    monkeypatch.delenv("CHURN_NO_TRACK")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("churn.tracking.place.LOCK_SECONDS", 1)
    monkeypatch.chdir(tmp_path)


def runs(place):
    with open_tracking(place, write=False) as client:
        experiment = client.get_experiment_by_name("churn")
        return client.search_runs([experiment.experiment_id])


def assert_written_with_a_warning(result, out, *words):
    assert result.code == 0, result.err
    [warning] = [line for line in result.err.splitlines() if line.startswith("warning: the run was not logged")]
    for word in words:
        assert word in warning
    assert f"log it later with: churn champion --set {out}" in result.err
    assert "Traceback" not in result.err
    read_model(out)


def test_training_logs_a_run_and_says_how_to_look_at_it(run, bank, tmp_path):
    result = run("train", "--without-effects", bank, "-o", "m", "--as-of", AS_OF)

    assert result.code == 0, result.err
    [logged] = runs(tracking_place())
    assert f"logged run {logged.info.run_id}" in result.err
    assert "mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db" in result.err
    assert logged.data.tags["model_id"] == read_model(tmp_path / "m").manifest.model_id
    assert logged.data.params["embargo_days"] == str(Config().training.embargo_days)
    assert {one.dataset.name.split(":")[0] for one in logged.inputs.dataset_inputs} >= {"customers", "holdings"}
    assert not any(word in result.err for word in ("alembic", "INFO", "Downloading", "Traceback"))

    # nothing more than this is there, and --no-track adds nothing
    with closing(sqlite3.connect("mlruns/mlflow.db")) as connection:
        before = "\n".join(connection.iterdump())
    assert run("train", "--without-effects", bank, "-o", "m", "--as-of", AS_OF, "--no-track").code == 0
    with closing(sqlite3.connect("mlruns/mlflow.db")) as connection:
        assert "\n".join(connection.iterdump()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "mlruns"]


def test_no_track_leaves_nothing_behind(run, bank, tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_NO_TRACK", "1")
    assert run("train", "--without-effects", bank, "-o", "m", "--as-of", AS_OF).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_server_that_is_down_costs_the_run_and_not_the_model(run, bank, tmp_path, monkeypatch):
    # port 9 (discard) is closed wherever this runs
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = run("train", "--without-effects", bank, "-o", tmp_path / "m", "--as-of", AS_OF)
    assert_written_with_a_warning(result, tmp_path / "m", "http://127.0.0.1:9", "does not answer")


def test_a_broken_or_locked_database_costs_the_run_and_not_the_model(run, bank, tmp_path):
    database = tmp_path / "mlruns" / "mlflow.db"
    database.parent.mkdir()
    database.write_bytes(b"minutes of the meeting, " * 100)
    result = run("train", "--without-effects", bank, "-o", tmp_path / "m", "--as-of", AS_OF)
    assert_written_with_a_warning(result, tmp_path / "m", "mlflow.db", "no usable tracking database")

    database.unlink()
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("BEGIN EXCLUSIVE")
        result = run("train", "--without-effects", bank, "-o", tmp_path / "m", "--as-of", AS_OF)
    assert_written_with_a_warning(result, tmp_path / "m", "mlflow.db", "locked by another process")


def test_the_demo_logs_into_its_own_folder_and_nowhere_else(demonstration):
    here, own = demonstration.here, demonstration.here / "own"

    assert "own/mlruns" in demonstration.out
    assert "mlflow ui --backend-store-uri sqlite:///own/mlruns/mlflow.db" in demonstration.err
    assert [path.name for path in here.iterdir()] == ["own"]
    [logged] = runs(tracking_place(own))
    assert logged.data.tags["mlflow.source.name"] == "churn demo"
    assert logged.info.artifact_uri.startswith((own / "mlruns" / "artifacts").as_uri())
