"""`churn tune`, whole: on a bank and a flat file, killed and stopped half way, tracked, and refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.model.storage import read_model
from churn.tracking.place import tracking_place
from churn.tracking.session import open_tracking
from commands import call
from made_once import made_once

SETTINGS = '[flat]\nid = "id"\nlabel = "left"\nchurned = "yes"\n'
DATES = [word for date in ("2022-07-01", "2023-01-01", "2023-04-10", "2023-10-01") for word in ("--as-of", date)]


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


def write_flat(path: Path, seed: int = 0) -> Path:
    draw = np.random.default_rng(seed)
    products = draw.integers(1, 7, 300)
    left = np.where(draw.random(300) < 0.7 / products, "yes", "no")
    frame = {"id": range(300), "products": products, "noise": draw.normal(size=300), "left": left}
    pd.DataFrame(frame).to_csv(path, index=False)
    return path


@pytest.fixture
def flat(tmp_path) -> list[str]:
    """The words that name a flat file and its configuration."""
    (tmp_path / "flat.toml").write_text(SETTINGS)
    return [str(write_flat(tmp_path / "flat.csv")), "--config", "flat.toml"]


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Path:
    """A folder in which the study `mine` of a flat file holds one trial; only to be copied."""

    def make(folder: Path) -> None:
        (folder / "flat.toml").write_text(SETTINGS)
        write_flat(folder / "flat.csv")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            call("tune", folder / "flat.csv", "--config", "flat.toml", "--trials", 1, "--study", "mine", "--threads", 1)

    return made_once(tmp_path_factory, "tune-begun", make)


@pytest.fixture
def mine(begun, flat) -> list[str]:
    """The words that name the flat file, where the study `mine` is begun."""
    shutil.copytree(begun / "mlruns", "mlruns")
    return flat


def ended(path):
    """Trials of a written file but the failed ones, without their numbers."""
    trials = json.loads(Path(path).read_text())["trials"]
    return [{key: one[key] for key in one if key != "number"} for one in trials if one["state"] != "failed"]


def start(*words: str) -> "subprocess.Popen[str]":
    """Start the command in a process of its own, and wait until it has begun its third trial."""
    command = [sys.executable, "-m", "churn", "tune", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    said = []
    while not said or "trial 3 of" not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], said
    return process


def test_a_bank_is_tuned_and_train_takes_what_was_found(run, bank, tmp_path):
    result = run("tune", bank, *DATES, "--horizon", 91, "--trials", 3)
    assert result.code == 0, result.err
    document = json.loads(Path("tuned.json").read_text())
    assert document["objective"]["splits"] == ["2023-01-01", "2023-04-10"]
    assert document["final"]["as_of"] == "2023-10-01"
    assert len(document["trials"]) == 3
    assert document["objective"]["tuned"] <= document["objective"]["defaults"] == document["trials"][0]["objective"]
    assert "log loss, mean of 2 snapshots tuned on" in result.out
    assert f"log loss, {document['final']['rows']:,} customers as of 2023-10-01" in result.out
    assert "On rows that no trial saw: " in result.out
    assert f"use it with: churn train {bank} --parameters tuned.json -o MODEL" in result.err
    assert not any(word in result.err for word in ("Trial", "[I ", "Traceback"))

    trained = run(
        "train",
        "--without-effects",
        bank,
        "-o",
        "m",
        "--as-of",
        "2023-10-01",
        "--horizon",
        91,
        "--parameters",
        "tuned.json",
    )
    assert trained.code == 0, trained.err
    parameters = read_model(tmp_path / "m").model.parameters
    assert {name: getattr(parameters, name) for name in document["parameters"]} == document["parameters"]


def test_json_is_what_the_file_holds_and_a_second_call_tries_nothing_anew(run, flat):
    first = run("tune", *flat, "--trials", 2, "--json", "-o", "a.json")
    again = run("tune", *flat, "--trials", 2, "--json", "-o", "b.json")
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert first.out == again.out == Path("a.json").read_text() == Path("b.json").read_text()
    name = json.loads(first.out)["study"]["name"]
    assert f"going on with study {name}, which holds 2 trials" in again.err
    assert "trial 1 of" not in again.err


def test_a_flat_file_is_said_to_have_no_time(run, flat):
    result = run("tune", *flat, "--trials", 1)
    assert result.code == 0, result.err
    assert "a flat file has no time: trials are judged by folds of rows, not on a later date" in result.err
    assert "log loss, mean of 5 folds tuned on" in result.out
    assert "log loss, 60 customers kept apart" in result.out
    assert "nothing that was tried was better than the defaults" in result.out
    assert json.loads(Path("tuned.json").read_text())["objective"]["out_of_time"] is False


def test_a_killed_tuning_goes_on_with_the_same_command_and_loses_no_trial(run, flat):
    killed = start(*flat, "--trials", "6", "-o", "killed.json")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not Path("killed.json").exists()

    result = run("tune", *flat, "--trials", 6, "-o", "killed.json")
    assert result.code == 0, result.err
    assert "trial 1 of 6" not in result.err
    assert "trial 2 of 6" not in result.err
    trials = json.loads(Path("killed.json").read_text())["trials"]
    assert [one["state"] for one in trials].count("failed") <= 1
    Path("mlruns/optuna.db").unlink()
    assert run("tune", *flat, "--trials", 6, "-o", "whole.json").code == 0
    assert ended("killed.json") == ended("whole.json")


def test_a_stopped_tuning_says_what_is_kept_and_exits_with_130(run, flat):
    stopped = start(*flat, "--trials", "500", "-o", "stopped.json")
    os.killpg(stopped.pid, signal.SIGINT)
    try:
        _, err = stopped.communicate(timeout=30)
    except subprocess.TimeoutExpired:  # an interrupt inside a callback of LightGBM's C code is lost: press again
        os.killpg(stopped.pid, signal.SIGINT)
        _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert "stopped; the trials that had ended are kept in mlruns/optuna.db" in err
    assert "Traceback" not in err
    assert not Path("stopped.json").exists()
    result = run("tune", *flat, "--trials", 2, "-o", "stopped.json")
    assert result.code == 0, result.err
    assert len(ended("stopped.json")) >= 2
    assert "trial 1 of" not in result.err


@pytest.mark.parametrize(("change", "what"), [("data", "data"), ("seed", "seed"), ("config", "configuration")])
def test_a_named_study_takes_no_trials_of_other_data_or_settings(run, mine, tmp_path, change, what):
    if change == "data":
        write_flat(tmp_path / "flat.csv", seed=1)
    if change == "config":
        (tmp_path / "flat.toml").write_text(f'{SETTINGS}drop = ["noise"]\n')
    result = run("tune", *mine, "--trials", 2, "--study", "mine", "--seed", int(change == "seed"))
    assert result.code == 2
    [line] = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert f"study mine in mlruns/optuna.db: was begun with other {what}; give --study another name" in line

    # without a name they are another study
    assert run("tune", *mine, "--trials", 1, "--seed", int(change == "seed")).code == 0


def test_a_study_goes_on_on_another_number_of_threads(run, mine):
    result = run("tune", *mine, "--trials", 2, "--study", "mine", "--threads", 2)
    assert result.code == 0, result.err
    assert "going on with study mine, which holds 1 trial" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--as-of", "2023-01-01"], "--as-of: a flat file has no time; leave --as-of out"),
        (["-o", "flat.csv"], "would write over the input flat.csv"),
        (["-o", "flat.toml"], "would write over the input flat.toml"),
        (["--trials", "0"], "0 is not in the range"),
    ],
)
def test_a_call_that_cannot_be_used_is_one_line_and_tries_nothing(run, flat, words, message):
    before = Path("flat.csv").read_bytes()
    result = run("tune", *flat, *words)
    assert result.code == 2
    *notes, line = result.err.splitlines()
    assert all(note.startswith("note: ") for note in notes)
    assert line.startswith("error: ")
    assert message in line
    assert Path("flat.csv").read_bytes() == before
    assert not Path("mlruns").exists()


def test_the_file_of_studies_is_no_output(run, mine):
    before = Path("mlruns/optuna.db").read_bytes()
    result = run("tune", *mine, "--trials", 1, "-o", "mlruns/optuna.db")
    assert result.code == 2
    assert "would write over the input optuna.db" in result.err
    assert Path("mlruns/optuna.db").read_bytes() == before


def test_a_history_too_short_to_keep_a_date_apart_is_refused(run, bank):
    result = run("tune", bank, "--as-of", "2022-07-01", "--as-of", "2023-10-01", "--horizon", 91)
    assert result.code == 2
    assert "before the last snapshot (2023-10-01), which is kept apart, no two lie 91 days apart" in result.err
    assert not Path("tuned.json").exists()


def test_without_minutes_the_defaults_alone_are_tried(run, flat):
    assert run("tune", *flat, "--minutes", 0).code == 0
    assert len(ended("tuned.json")) == 1


def test_studies_lie_beside_the_tracking_database(run, flat, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/kept/mlflow.db")
    assert run("tune", *flat, "--trials", 1).code == 0
    assert (tmp_path / "kept" / "optuna.db").exists()
    assert not Path("mlruns").exists()


def test_a_study_is_logged_with_a_child_a_trial(run, flat, monkeypatch):
    monkeypatch.delenv("CHURN_NO_TRACK")
    result = run("tune", *flat, "--trials", 2)
    assert result.code == 0, result.err
    with open_tracking(tracking_place(), write=False) as client:
        found = client.search_runs([client.get_experiment_by_name("churn").experiment_id])
    [parent] = [one for one in found if "mlflow.parentRunId" not in one.data.tags]
    assert f"logged run {parent.info.run_id}" in result.err
    document = json.loads(Path("tuned.json").read_text())
    assert parent.data.metrics["objective_tuned"] == document["objective"]["tuned"]
    values = {one.info.run_name: one.data.metrics["objective"] for one in found if one is not parent}
    assert values == {f"trial {one['number']}": one["objective"] for one in document["trials"]}


def test_a_server_that_is_down_costs_the_run_and_not_the_parameters(run, flat, monkeypatch):
    monkeypatch.delenv("CHURN_NO_TRACK")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = run("tune", *flat, "--trials", 1)
    assert result.code == 0, result.err
    assert "warning: the study was not logged: http://127.0.0.1:9" in result.err
    assert len(ended("tuned.json")) == 1


def test_the_command_line_starts_without_optuna():
    script = "import sys, churn.cli.main; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
