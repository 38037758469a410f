import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from churn.errors import TrackingError
from churn.files import locked
from churn.model.storage import write_model
from churn.tracking.place import Place, tracking_place
from churn.tracking.runs import log_study, log_training
from churn.tracking.session import open_tracking
from churn.tracking.versions import fetch_model, open_registry, register

DEFAULTS = {"learning_rate": 0.08, "num_leaves": 8}
BETTER = {"learning_rate": 0.05, "num_leaves": 5}
DOCUMENT = {
    "parameters": BETTER | {"max_rounds": 2000},
    "objective": {
        "metric": "log_loss",
        "out_of_time": True,
        "splits": ["2023-01-01", "2023-04-02"],
        "defaults": 0.5,
        "tuned": 0.45,
    },
    "final": {
        "as_of": "2023-07-02",
        "rows": 300,
        "word": "not beyond noise",
        "metrics": [
            {"metric": "log_loss", "defaults": 0.52, "tuned": 0.51, "gain": 0.01, "low": -0.01, "high": 0.03},
            {"metric": "roc_auc", "defaults": 0.8, "tuned": 0.81, "gain": 0.01, "low": None, "high": None},
        ],
    },
    "study": {"name": "tune-ab", "kept_in": "mlruns/optuna.db", "data": "cd", "seed": "0"},
    "trials": [
        {"number": 0, "state": "complete", "objective": 0.5, "losses": [0.4, 0.6], "parameters": DEFAULTS},
        {"number": 1, "state": "failed", "objective": None, "losses": [], "parameters": {}},
        {"number": 2, "state": "pruned", "objective": None, "losses": [0.7], "parameters": DEFAULTS},
        {"number": 3, "state": "complete", "objective": 0.45, "losses": [0.4, 0.5], "parameters": BETTER},
    ],
}
INPUTS = {"inputs": [{"table": "customers", "file": "customers.parquet", "sha256": "ab" * 32}]}


@pytest.fixture
def run(place, run_id):
    with open_tracking(place, write=False) as client:
        return client.get_run(run_id)


@pytest.fixture
def artifacts(place, run_id):
    return place.artifacts / run_id / "artifacts"


def statuses(place):
    with open_tracking(place, write=False) as client:
        [experiment] = [one for one in client.search_experiments() if one.name == "churn"]
        return sorted(run.info.status for run in client.search_runs([experiment.experiment_id]))


def test_a_run_is_named_and_described_for_a_person(run, trained):
    assert run.info.run_name == "lightgbm 2022-06-01"
    assert run.info.status == "FINISHED"
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith(f"# Churn model {trained.stored.manifest.model_id}")
    assert "Measured out of time" in note
    assert "| metric" not in note


def test_parameters_are_those_of_the_training(run, trained):
    params = run.data.params
    manifest = trained.stored.manifest
    assert params["learner"] == "lightgbm"
    assert params["snapshots"] == "2022-01-01, 2022-06-01"
    assert params["horizon_days"] == "91"
    assert params["embargo_days"] == "7"
    assert params["seed"] == "0"
    assert params["calibration_method"] == manifest.calibration_method
    assert params["training_rows"] == "600"
    assert params["trees.num_leaves"] == str(trained.stored.model.parameters.num_leaves)


def test_every_metric_is_logged_with_its_interval_of_the_run_and_of_the_model(run, place, trained):
    expected = {}
    for name, estimate in trained.stored.metrics.estimates.items():
        expected |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    assert run.data.metrics == expected

    with open_tracking(place, write=False) as client:
        model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert {metric.key: metric.value for metric in model.metrics} == expected
    assert model.status == "READY"


def test_the_data_are_named_with_their_hashes_and_rows(run, artifacts):
    [given] = run.inputs.dataset_inputs
    assert given.dataset.name == "customers: customers.parquet"
    assert given.dataset.digest == ("ab" * 32)[:36]
    assert json.loads(given.dataset.profile) == {"rows": 310}
    document = json.loads((artifacts / "data" / "inputs.json").read_text())
    assert document["inputs"][0]["sha256"] == "ab" * 32
    assert document["row_counts"]["customers"] == {"rows": 310, "used": 300, "quarantined": 10}


def test_artifacts_lie_in_folders(artifacts, trained):
    names = sorted(str(path.relative_to(artifacts)) for path in artifacts.rglob("*") if path.is_file())
    assert names == [
        "MODEL_CARD.md",
        "data/inputs.json",
        "evaluation/baselines.json",
        "evaluation/baselines.png",
        "evaluation/bindings.json",
        "evaluation/calibration.png",
        "evaluation/lift.png",
    ]
    assert (artifacts / "MODEL_CARD.md").read_text() == trained.stored.card
    for picture in artifacts.rglob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_tables_keep_every_cell_to_ten_digits(artifacts, trained):
    table = json.loads((artifacts / "evaluation" / "baselines.json").read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert rows == [pytest.approx(bucket, abs=1e-10) for bucket in trained.stored.baselines.to_json()]
    table = json.loads((artifacts / "evaluation" / "bindings.json").read_text())
    assert dict(zip(table["columns"], table["data"][0], strict=True)) == trained.stored.effects.services[0].to_json()


def test_a_model_without_outcomes_kept_or_services_is_logged_too(place, trained, tmp_path):
    run_id = log_training(trained.stored, trained.folder, place=place)

    names = {path.name for path in (place.artifacts / run_id / "artifacts" / "evaluation").iterdir()}

    assert "calibration.png" not in names
    assert "baselines.json" in names


def test_a_run_can_stand_below_another(place, trained, run_id):
    child = log_training(trained.stored, trained.folder, place=place, parent=run_id)

    with open_tracking(place, write=False) as client:
        assert client.get_run(child).data.tags["mlflow.parentRunId"] == run_id


def test_a_disk_that_is_full_is_one_error_and_a_failed_run(place, trained, monkeypatch):
    def full(*given, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlflow.MlflowClient.log_artifacts", full)

    with pytest.raises(TrackingError, match="No space left on device") as caught:
        log_training(trained.stored, trained.folder, place=place)

    assert "\n" not in str(caught.value)
    assert statuses(place) == ["FAILED", "FINISHED"]


def test_a_run_that_is_stopped_is_shown_as_killed(place, trained, monkeypatch):
    def stop(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("churn.tracking.runs.log_model", stop)

    with pytest.raises(KeyboardInterrupt):
        log_training(trained.stored, trained.folder, place=place)

    assert statuses(place) == ["FINISHED", "KILLED"]


def test_a_run_killed_half_way_is_not_finished_and_hinders_nobody(place, trained, run_id):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import churn.tracking.runs as runs\n"
        "from churn.model.storage import read_model\n"
        "runs.log_model = lambda *given: os.kill(os.getpid(), signal.SIGKILL)\n"
        "runs.log_training(read_model(Path(sys.argv[1])), Path(sys.argv[1]))\n"
    )
    words = [sys.executable, "-c", code, str(trained.folder)]
    assert subprocess.run(words, cwd=place.database.parents[1], check=False).returncode == -9

    assert statuses(place) == ["FINISHED", "RUNNING"]
    assert register(run_id, place=place) == 1

    log_training(trained.stored, trained.folder, place=place)
    assert statuses(place) == ["FINISHED", "FINISHED", "KILLED"]


def test_a_run_of_a_process_that_lives_is_left_alone(place, trained):
    with open_tracking(place, write=True) as client:
        experiment = client.get_experiment_by_name("churn").experiment_id
        client.create_run(experiment, tags={"churn.process": f"{os.uname().nodename}:{os.getppid()}"})
        client.create_run(experiment, tags={"churn.process": "another-machine:1"})

    log_training(trained.stored, trained.folder, place=place)

    assert statuses(place) == ["FINISHED", "FINISHED", "RUNNING", "RUNNING"]


def test_a_study_is_a_finished_run_with_its_parameters_and_what_they_gained(place, tmp_path):
    run_id = log_study(DOCUMENT, INPUTS, place=place)
    with open_tracking(place, write=False) as client:
        run = client.get_run(run_id)
        kept = Path(client.download_artifacts(run_id, "tuned.json", str(tmp_path))).read_text()
        inputs = Path(client.download_artifacts(run_id, "data/inputs.json", str(tmp_path))).read_text()
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "tune-ab"
    assert run.data.tags["mlflow.source.name"] == "churn tune"
    assert run.data.params["trees.num_leaves"] == "5"
    assert run.data.params["splits"] == "2023-01-01, 2023-04-02"
    assert run.data.params["data"] == "cd"
    assert run.data.metrics == {
        "objective_defaults": 0.5,
        "objective_tuned": 0.45,
        "final_log_loss_defaults": 0.52,
        "final_log_loss_tuned": 0.51,
        "final_log_loss_gain": 0.01,
        "final_log_loss_low": -0.01,
        "final_log_loss_high": 0.03,
        "final_roc_auc_defaults": 0.8,
        "final_roc_auc_tuned": 0.81,
        "final_roc_auc_gain": 0.01,
    }
    assert json.loads(kept) == DOCUMENT
    assert json.loads(inputs) == INPUTS


def test_every_trial_is_a_child_with_its_losses_and_how_it_ended(place):
    run_id = log_study(DOCUMENT, INPUTS, place=place)
    with open_tracking(place, write=False) as client:
        experiment = client.get_experiment_by_name("churn").experiment_id
        found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
        children = {child.info.run_name: child for child in found}
        losses = client.get_metric_history(children["trial 0"].info.run_id, "split_log_loss")
    assert {name: (child.data.tags["state"], child.info.status) for name, child in children.items()} == {
        "trial 0": ("complete", "FINISHED"),
        "trial 1": ("failed", "FAILED"),
        "trial 2": ("pruned", "KILLED"),
        "trial 3": ("complete", "FINISHED"),
    }
    assert sorted((one.step, one.value) for one in losses) == [(0, 0.4), (1, 0.6)]
    assert children["trial 3"].data.metrics["objective"] == 0.45
    assert "objective" not in children["trial 2"].data.metrics
    assert children["trial 3"].data.params == {"trees.learning_rate": "0.05", "trees.num_leaves": "5"}
    assert children["trial 1"].data.params == {}


def test_a_study_that_cannot_be_logged_whole_ends_as_failed(place):
    broken = DOCUMENT | {"trials": [*DOCUMENT["trials"], {"number": 4, "state": "lost", "losses": []}]}
    with pytest.raises(KeyError):
        log_study(broken, INPUTS, place=place)
    with open_tracking(place, write=False) as client:
        experiment = client.get_experiment_by_name("churn").experiment_id
        [parent] = client.search_runs([experiment], "tags.`mlflow.source.name` = 'churn tune' and run_name = 'tune-ab'")
    assert parent.info.status == "FAILED"


def test_a_database_is_made_where_there_is_none(tmp_path):
    place = tracking_place(tmp_path / "new")
    said: list[str] = []
    log_study(DOCUMENT, INPUTS, place=place, on_step=said.append)
    assert place.is_there
    assert said[-1] == "logging the study"


def test_a_server_that_is_down_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="does not answer"):
        log_study(DOCUMENT, INPUTS, place=Place("http://127.0.0.1:9", None))


def test_a_run_holds_the_model_that_was_trained_whatever_stands_in_its_folder_now(place, trained, tmp_path):
    folder, other = shutil.copytree(trained.folder, tmp_path / "model"), tmp_path / "other"
    manifest = trained.stored.manifest.model_copy(update={"seed": 99})
    write_model(other, replace(trained.stored, manifest=manifest))
    shutil.rmtree(folder)
    shutil.copytree(other, folder)

    run_id = log_training(trained.stored, folder, place=place)
    fetch_model(register(run_id, place=place), tmp_path / "fetched", place=place)

    assert {one.name: one.read_bytes() for one in (tmp_path / "fetched").iterdir()} == {
        one.name: one.read_bytes() for one in trained.folder.iterdir()
    }


def test_two_who_write_to_a_registry_do_so_one_after_the_other(place, run_id):
    entered, order = threading.Event(), []

    def promote_slowly():
        with open_registry(place, write=True):
            entered.set()
            time.sleep(0.3)
            order.append("first")

    other = threading.Thread(target=promote_slowly)
    other.start()
    entered.wait()
    with locked(place.database.parent):
        order.append("second")
    other.join()
    assert order == ["first", "second"]
