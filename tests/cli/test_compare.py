import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

import churn
from churn.model.recipe import Recipe
from churn.model.storage import read_model
from churn.model.trees import TreeParameters
from churn.simulation import simulate_bank
from churn.speech import say
from churn.tracking.place import tracking_place
from churn.tracking.session import require_writable
from commands import call
from made_once import made_once

PAIR = ("--candidate", "scorecard", "--candidate", "lightgbm")
METRICS = (
    *("roc_auc", "average_precision", "log_loss", "brier_score", "ece", "calibration_slope", "calibration_intercept"),
    *("top_decile_lift", "top_decile_lift_share", "empc", "campaign_profit"),
)
# two that are judged, each a year after what its models learn from
DATES = [part for date in ("2023-04-05", "2023-10-04", "2024-07-03", "2025-01-01") for part in ("--as-of", date)]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    def make(folder):
        simulate_bank(folder / "bank", customers=4000, months=48, seed=11, truth=False)

    return made_once(tmp_path_factory, "compare-bank", make) / "bank"


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    place = tracking_place(tmp_path_factory.mktemp("tracking"))
    require_writable(place)
    return place.database


@pytest.fixture
def registry(tmp_path, monkeypatch, empty_database):
    """Tracking switched on, in a database of the test's own."""
    database = tmp_path / "mlruns" / "mlflow.db"
    database.parent.mkdir()
    shutil.copy(empty_database, database)
    monkeypatch.delenv("CHURN_NO_TRACK", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    return database


@pytest.fixture(scope="module")
def crippled(simulated, tmp_path_factory):
    """A model without the features of bindings and P&L."""
    without = ("--without-effects", "--without", "bindings", "--without", "pnl", "--no-track")

    def make(folder):
        call("train", simulated, "-o", folder / "crippled", *without, *DATES)

    return made_once(tmp_path_factory, "compare-crippled", make) / "crippled"


@pytest.fixture(scope="module")
def replaced(simulated, crippled, tmp_path_factory):
    """A registry in which a better model took the place of an anchored one, and what the command said."""

    def make(folder):
        anchored, database = folder / "anchored", folder / "mlruns" / "mlflow.db"
        database.parent.mkdir()
        call("baselines", simulated, "--model", crippled, "--anchor", "-o", anchored)
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("CHURN_NO_TRACK", raising=False)
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
            call("champion", "--set", anchored)
            with redirect_stdout(out), redirect_stderr(err):
                call("compare", simulated, *DATES, "--candidate", "lightgbm", "--promote")
        (folder / "out.txt").write_text(out.getvalue(), encoding="utf-8")
        (folder / "err.txt").write_text(err.getvalue(), encoding="utf-8")

    return made_once(tmp_path_factory, "compare-replaced", make)


def write_flat(folder):
    """Write 600 customers of whom those with a large x leave more often, and the configuration that says so."""
    path, config = folder / "file.csv", folder / "flat.toml"
    draw = np.random.default_rng(0).random(600)
    rows = [f"{n},{'yes' if draw[n] < (n % 10) / 10 else 'no'},{n % 10},{'mf'[n % 2]}" for n in range(600)]
    path.write_text("id,left,x,sex\n" + "\n".join(rows), encoding="utf-8")
    config.write_text('[flat]\nid = "id"\nlabel = "left"\nchurned = "yes"\n', encoding="utf-8")
    return path, config


def write_leak(path):
    """Add a column that all but tells who left: of 30 customers, it is wrong of one."""
    rows = path.read_text(encoding="utf-8").splitlines()
    with_leak = [f"{row},{int((',yes,' in row) != (at % 30 == 0))}" for at, row in enumerate(rows[1:])]
    path.write_text("\n".join([rows[0] + ",sent", *with_leak]), encoding="utf-8")


@pytest.fixture
def flat_file(tmp_path):
    return write_flat(tmp_path)


@pytest.fixture
def flat(flat_file):
    """The words that name the flat file and its configuration."""
    path, config = flat_file
    return str(path), "--config", str(config)


@pytest.fixture(scope="module")
def blind(tmp_path_factory):
    """A model of the flat file that does not know x."""

    def make(folder):
        path, config = write_flat(folder)
        words = ("--config", config, "--without", "x", "--without-effects", "--no-track")
        call("train", path, "-o", folder / "blind", *words)

    return made_once(tmp_path_factory, "compare-blind", make) / "blind"


def logged(registry):
    """A client of the registry, and all runs in it."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{registry}", f"sqlite:///{registry}")
    return client, client.search_runs([client.get_experiment_by_name("churn").experiment_id])


def _standing(run):
    document = json.loads(run("champion", "--json").out)
    return {
        role: document[role] and document[role]["version"] for role in ("champion", "challenger", "previous_champion")
    }


def test_table_decides_and_marks_what_is_significant(run, simulated, crippled):
    contenders = ("--candidate", "lightgbm", "--model", crippled)
    result = run("compare", simulated, *DATES, *contenders, "--intervals", "--no-track")
    assert result.code == 0, result.err
    assert "Out of time: 2 snapshots from 2024-07-03 to 2025-01-01" in result.out
    rows = [line for line in result.out.splitlines() if line.startswith(("│ crippled", "│ lightgbm"))]
    assert rows[0].startswith("│ lightgbm")  # the best first
    assert "▼" in rows[1]
    for word in ("ROC-AUC against lightgbm", "95\u202f% intervals", "EMPC", "profit", "fails in", "would promote"):
        assert word in result.out


def test_json_has_models_tests_champion_and_reason(run, flat):
    document = json.loads(run("compare", *flat, *PAIR, "--json", "--no-track").out)
    assert document.keys() == {"models", "tests", "champion_before", "champion_after", "reason"}
    assert document["models"].keys() == {"scorecard", "lightgbm"}
    for metric in METRICS:
        estimate = document["models"]["lightgbm"][metric]
        assert estimate["low"] < estimate["value"] < estimate["high"]
        assert any(test["metric"] == metric for test in document["tests"])
    assert document["tests"][0].keys() == {"metric", "better", "worse", "difference", "low", "high", "p_value"}
    assert document["champion_before"] is document["champion_after"] is None


def test_first_champion_then_one_that_is_no_better_stays_challenger(run, flat, registry, tmp_path):
    words = ("compare", *flat, *PAIR, "--promote", "--json")
    first = run(*words)
    assert first.code == 0, first.err
    models = json.loads(first.out)["models"]
    best = max(models, key=lambda name: models[name]["roc_auc"]["value"])
    assert f"there was no champion, and {best} ranks best of 2" in json.loads(first.out)["reason"]
    assert json.loads(first.out)["champion_after"] == 1
    again = run(*words)
    assert again.code == 1
    assert f"{best} is left out: champion is the same" in again.err
    document = json.loads(again.out)
    assert (document["champion_before"], document["champion_after"]) == (1, 1)
    assert "no challenger ranks better" in document["reason"]
    assert _standing(run) == {"champion": 1, "challenger": 2, "previous_champion": None}
    assert run("champion", "-o", tmp_path / "fetched").code == 0
    assert read_model(tmp_path / "fetched").model.learners == (best,)


def test_better_challenger_is_promoted_and_the_last_champion_brought_back(run, replaced, registry):
    shutil.copytree(replaced / "mlruns", registry.parent, dirs_exist_ok=True)
    told = (replaced / "out.txt").read_text(encoding="utf-8")
    assert "version 2 is the champion: lightgbm ranks better beyond noise" in told
    [judged] = [one.data.params["judged"] for one in logged(registry)[1] if "judged" in one.data.params]
    assert [date in judged for date in DATES if date != "--as-of"] == [False, False, True, True]
    assert _standing(run) == {"champion": 2, "challenger": None, "previous_champion": 1}
    assert run("champion", "--back").code == 0
    assert _standing(run) == {"champion": 1, "challenger": None, "previous_champion": 2}


def test_comparison_is_a_run_with_a_child_a_model(run, flat, registry):
    assert run("compare", *flat, *PAIR).code == 0
    client, runs = logged(registry)
    parent = next(one for one in runs if "mlflow.parentRunId" not in one.data.tags)
    children = {one.info.run_name: one for one in runs if one is not parent}
    assert children.keys() == {"scorecard", "lightgbm"}
    assert {one.data.tags["mlflow.parentRunId"] for one in children.values()} == {parent.info.run_id}
    assert {one.info.status for one in runs} == {"FINISHED"}
    metrics = children["lightgbm"].data.metrics
    assert metrics["roc_auc_low"] < metrics["roc_auc"] < metrics["roc_auc_high"]
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {
        "comparison",
        "comparison.json",
        "data",
    }


def test_registry_that_is_down_stops_a_promotion_before_any_work(run, simulated, monkeypatch):
    monkeypatch.delenv("CHURN_NO_TRACK", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    result = run("compare", simulated, *PAIR, "--promote")
    assert result.code == 2
    assert result.err.startswith(f"error: http://127.0.0.1:{port}: does not answer; start the server")
    assert "building" not in result.err


def test_registry_that_is_down_is_a_warning_where_nothing_is_promoted(run, flat, monkeypatch, tmp_path):
    monkeypatch.delenv("CHURN_NO_TRACK", raising=False)
    broken = tmp_path / "mlflow.db"
    broken.write_text("no database")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{broken}")
    result = run("compare", *flat, *PAIR)
    assert result.code == 0
    assert "warning: the champion is left out" in result.err
    assert "warning: the comparison was not logged" in result.err
    assert broken.read_text() == "no database"


def test_locked_database_stops_a_promotion(run, flat, blind, registry, monkeypatch):
    monkeypatch.setattr("churn.tracking.place.LOCK_SECONDS", 1)
    assert run("champion", "--set", blind).code == 0
    lock = sqlite3.connect(registry, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    result = run("compare", *flat, "--candidate", "lightgbm", "--promote")
    lock.execute("ROLLBACK")
    lock.close()
    assert result.code == 2
    assert "locked by another process" in result.err
    assert _standing(run)["champion"] == 1


@pytest.mark.parametrize("until", ["refitting on all", "logging the run"])
def test_killed_half_way_promotes_nothing_and_the_next_run_does(run, flat, blind, registry, until):
    assert run("champion", "--set", blind).code == 0
    words = ["compare", *flat, "--candidate", "lightgbm", "--promote"]
    process = subprocess.Popen(
        [sys.executable, "-m", "churn", *words], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    for line in process.stderr:
        if until in line:
            break
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    assert _standing(run) == {"champion": 1, "challenger": None, "previous_champion": None}
    if until == "logging the run":
        assert run(*words).code == 0
        assert _standing(run)["previous_champion"] == 1


def test_champion_for_another_horizon_or_other_data_is_left_out_unless_it_must_be_replaced(
    run, simulated, crippled, registry, flat_file
):
    assert run("champion", "--set", crippled).code == 0
    words = ("compare", simulated, *PAIR, "--horizon", 180, "--snapshots", 1, *DATES[-4:])
    left_out = run(*words)
    assert left_out.code == 0, left_out.err
    says = "champion, version 1: is for 365 days, not 180; give --horizon 365"
    assert f"warning: the champion is left out: {says}" in left_out.err
    assert "│ champion" not in left_out.out
    refused = run(*words, "--promote")
    assert (refused.code, says in refused.err) == (2, True)
    assert "building" not in refused.err
    path, config = flat_file
    assert "warning: the champion is left out" in run("compare", path, "--config", config, *PAIR).err
    refused = run("compare", path, "--config", config, *PAIR, "--promote")
    assert refused.code == 2
    assert "bring the tables it was trained on" in refused.err


def test_folder_called_champion_is_not_the_registrys(run, flat, blind, tmp_path):
    shutil.copytree(blind, tmp_path / "champion")
    words = ("--model", tmp_path / "champion", "--candidate", "lightgbm")
    document = json.loads(run("compare", *flat, *words, "--json", "--no-track").out)
    assert document["models"].keys() == {"champion (folder)", "lightgbm"}
    assert "there was no champion" in document["reason"]


def test_who_takes_the_place_of_an_anchored_champion_is_anchored_too(run, replaced, registry, tmp_path):
    shutil.copytree(replaced / "mlruns", registry.parent, dirs_exist_ok=True)
    told = (replaced / "err.txt").read_text(encoding="utf-8")
    assert "warning: the champion is anchored to the stated rates" in told
    assert run("champion", "-o", tmp_path / "fetched").code == 0
    fetched = read_model(tmp_path / "fetched")
    assert fetched.model.anchoring is not None
    assert [str(date) for date in fetched.manifest.snapshots] == [date for date in DATES if date != "--as-of"]


def test_challenger_tuned_on_what_judges_it_is_flattered_and_not_promoted(run, simulated, crippled, registry, tmp_path):
    tuned = tmp_path / "tuned.json"
    tuned.write_text(json.dumps({"parameters": {"num_leaves": 6}, "objective": {"splits": ["2024-07-03"]}}))
    assert run("champion", "--set", crippled).code == 0
    words = ("compare", simulated, *DATES[:2], *DATES[4:], "--model", crippled, "--parameters", tuned, "--promote")
    both = run(*words)
    assert both.code == 1
    assert "warning: tuned was tuned on 1 of what judges it (2024-07-03)" in both.err
    assert "every challenger was tuned on the data that judge it" in both.out
    assert _standing(run) == {"champion": 1, "challenger": None, "previous_champion": None}
    later = run(*words, "--snapshots", 1)
    assert "was tuned on" not in later.err
    assert later.code == 0, later.out


def test_feature_that_knows_the_outcome_holds_a_promotion_back(run, registry, flat_file):
    path, config = flat_file
    write_leak(path)
    result = run("compare", path, "--config", config, *PAIR, "--promote")
    assert result.code == 1
    assert "warning: sent: " in result.err
    assert "but sent may know the outcome" in result.out
    assert _standing(run)["champion"] is None


@pytest.mark.parametrize("held_back", ["leak", "tuned", ""])
def test_python_and_the_command_decide_by_one_rule(run, flat_file, tmp_path, held_back):
    path, config = flat_file
    if held_back == "leak":
        write_leak(path)
    splits = ["fold 1"] if held_back == "tuned" else []
    tuned = tmp_path / "tuned.json"
    tuned.write_text(json.dumps({"parameters": {"num_leaves": 6}, "objective": {"splits": splits}}))
    words = ("--candidate", "scorecard", "--parameters", tuned, "--no-track")
    said = run("compare", path, "--config", config, *words, "--json")

    recipe = Recipe(parameters=TreeParameters(num_leaves=6), tuned_on=tuple(splits))
    with churn.open_file(path, churn.read_config(config)) as file:
        snapshots = churn.build_snapshots(file)
    compared = churn.compare(snapshots, {"scorecard": Recipe(("scorecard",)), "tuned": recipe})

    assert json.loads(said.out)["reason"] == say(compared.decision.reason, "en")
    assert compared.decision.promote == (held_back != "leak")
    assert compared.decision.challenger in (("scorecard",) if held_back == "tuned" else ("scorecard", "tuned"))
    assert said.err.count("tuned was tuned on") == (held_back == "tuned")


def test_first_champion_must_rank_better_than_chance(run, registry, flat_file):
    path, config = flat_file
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    labels = np.random.default_rng(1).permutation([row.split(",")[1] for row in rows])
    shuffled = [
        ",".join([row.split(",")[0], label, *row.split(",")[2:]]) for row, label in zip(rows, labels, strict=True)
    ]
    path.write_text("\n".join([header, *shuffled]), encoding="utf-8")
    result = run("compare", path, "--config", config, *PAIR, "--promote")
    assert result.code == 1
    assert "does not surely rank better than chance" in result.out
    assert _standing(run)["champion"] is None


def test_mean_under_another_name_is_compared_once(run, flat_file):
    path, config = flat_file
    names = ("scorecard+lightgbm", "lightgbm+scorecard", "lightgbm", "lightgbm+lightgbm")
    words = [word for name in names for word in ("--candidate", name)]
    result = run("compare", path, "--config", config, *words, "--json", "--no-track")
    assert json.loads(result.out)["models"].keys() == {"scorecard+lightgbm", "lightgbm"}
    assert "lightgbm+scorecard is left out: scorecard+lightgbm is the same" in result.err
    assert "lightgbm+lightgbm is left out: lightgbm is the same" in result.err


def test_model_folder_is_compared_by_its_recipe(run, flat, blind):
    result = run("compare", *flat, "--model", blind, "--candidate", "lightgbm", "--json", "--no-track")
    models = json.loads(result.out)["models"]
    assert models["blind"]["roc_auc"]["high"] < models["lightgbm"]["roc_auc"]["low"]


def test_flat_file_is_compared_by_folds_and_says_so(run, flat_file):
    path, config = flat_file
    result = run("compare", path, "--config", config, *PAIR, "--no-track")
    assert result.code == 0, result.err
    assert "600 customers, five folds (NOT out of time" in result.out
    assert "segment of sex" in result.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--candidate", "forest"], "'forest' is not a learner; give one of lightgbm, scorecard"),
        (["--candidate", "lightgbm"], "only lightgbm is there to compare"),
        (["--candidate", "lightgbm", "--candidate", "lightgbm"], "only lightgbm is there to compare"),
        ([*PAIR, "--promote", "--no-track"], "--promote and --no-track"),
        ([*PAIR, "--snapshots", "0"], "--snapshots"),
        ([*PAIR, "--parameters", "nowhere.json"], "nowhere.json: cannot be read"),
        ([*PAIR, "--as-of", "2024-01-01", "--as-of", "2024-06-01"], "no snapshot lies 365 days after another"),
        (["--model", "nowhere"], "nowhere: is not a model folder"),
    ],
)
def test_call_that_cannot_be_used_is_one_line(run, simulated, words, says):
    result = run("compare", simulated, *words, *([] if "--promote" in words else ["--no-track"]))
    assert result.code == 2
    assert says in result.err
    assert result.err.splitlines()[-1].startswith("error: ")
