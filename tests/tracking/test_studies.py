import json
from pathlib import Path

import pytest

from churn.errors import TrackingError
from churn.tracking.place import Place, tracking_place
from churn.tracking.session import open_tracking
from churn.tracking.studies import log_study

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
