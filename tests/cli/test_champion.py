import json
import shutil
import sqlite3

import pytest

from churn.model.storage import read_model
from churn.tracking.champion import promote, set_challenger
from churn.tracking.place import tracking_place
from churn.tracking.versions import register


@pytest.fixture(scope="module")
def others(run_once, bank, tmp_path_factory):
    """Two more models, of other snapshots."""
    folder = tmp_path_factory.mktemp("others")
    for date in ("2023-06-01", "2023-09-01"):
        run_once("train", "--without-effects", bank, "-o", folder / date, "--as-of", date)
    return folder


@pytest.fixture(scope="module")
def run_once():
    from churn.cli.main import main

    def call(*arguments):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        assert not exit_info.value.code

    return call


@pytest.fixture(scope="module")
def registered(model, others, tmp_path_factory):
    """A tracking folder in which version 2 took the place of version 1, and version 3 challenges it."""
    folder = tmp_path_factory.mktemp("registered")
    place = tracking_place(folder)
    for path in (model, others / "2023-06-01", others / "2023-09-01"):
        register(path, place=place)
    promote(1, reason="first", place=place)
    promote(2, reason="better on VIPs [see minutes]", by="churn compare", place=place)
    set_challenger(3, reason="trial", place=place)
    return folder / "mlruns"


@pytest.fixture
def here(registered, tmp_path, monkeypatch):
    """A copy of it below the current folder."""
    shutil.copytree(registered, tmp_path / "mlruns")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def versions(run):
    document = json.loads(run("champion", "--json").out)
    return tuple(part and part["version"] for part in list(document.values())[1:])


def test_the_standing_is_told_with_reasons(run, here):
    result = run("champion")

    assert result.code == 0
    for word in ("champion", "challenger", "previous champion", "better on VIPs [see minutes]", "trial", "roc auc"):
        assert word in result.out
    assert result.err == ""


def test_json_has_the_same_facts(run, here, others):
    document = json.loads(run("champion", "--json").out)

    assert list(document) == ["tracking", "champion", "challenger", "previous_champion"]
    champion = document["champion"]
    stored = read_model(others / "2023-06-01")
    assert champion["version"] == 2
    assert champion["model_id"] == stored.manifest.model_id
    assert champion["snapshots"] == ["2023-06-01"]
    assert champion["metrics"]["roc_auc"] == stored.metrics.roc_auc.value
    assert champion["reason"] == "better on VIPs [see minutes]"
    assert champion["by"].startswith("churn compare, ")


def test_without_a_champion_the_exit_code_is_1_and_nothing_is_made(run, nowhere):
    result = run("champion")
    assert result.code == 1
    assert "there is no champion in mlruns/mlflow.db; make one with churn champion --set MODEL" in result.err
    assert json.loads(run("champion", "--json").out)["champion"] is None
    assert run("champion", "-o", "out").code == 1
    assert list(nowhere.iterdir()) == []


def test_the_last_champion_comes_back_and_goes_again(run, here):
    result = run("champion", "--back", "--reason", "too low for VIPs")
    assert result.code == 0
    assert "version 1 is the champion again" in result.err
    assert versions(run) == (1, 3, 2)
    assert json.loads(run("champion", "--json").out)["champion"]["reason"] == "too low for VIPs"
    assert run("champion", "--back").code == 0
    assert versions(run) == (2, 3, 1)


def test_a_version_set_by_hand_says_so(run, here):
    result = run("champion", "--set", 3)
    assert result.code == 0
    assert "version 3 is the champion, by hand; version 2 was, and comes back with --back" in result.err
    assert versions(run) == (3, None, 2)
    assert "by hand" in json.loads(run("champion", "--json").out)["champion"]["by"]


def test_a_model_folder_set_by_hand_is_logged_and_registered_first(run, nowhere, model):
    result = run("champion", "--set", model, "--reason", "first")
    assert result.code == 0, result.err
    assert "making the tracking database" in result.err
    assert versions(run) == (1, None, None)
    assert run("champion", "--set", model).code == 0
    assert versions(run) == (1, None, None)


def test_the_champions_folder_is_written_byte_for_byte_and_scores(run, here, others, bank):
    assert run("champion", "-o", "kept").code == 0
    for file in (others / "2023-06-01").iterdir():
        assert (here / "kept" / file.name).read_bytes() == file.read_bytes()
    assert run("score", bank, "--model", "kept", "--as-of", "2025-01-01", "-o", "s.parquet").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "9"), ("no version 9", "give one of 1, 2, 3")),
        (("--set", "models/none"), ("no such run", "give a version, a run or a model folder")),
        (("--set", "1", "--back"), ("--set and --back", "one of them")),
        (("--reason", "why"), ("--reason", "goes with --set or --back")),
        (("--set", "1", "-o", "mlruns"), ("holds other files",)),
    ],
)
def test_a_bad_call_is_one_line_and_changes_nothing(run, here, arguments, words):
    result = run("champion", *arguments)
    assert result.code == 2
    line = result.err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    assert versions(run) == (2, 3, 1)


def test_nobody_comes_back_where_nobody_was(run, nowhere):
    result = run("champion", "--back")
    assert result.code == 2
    assert "no tracking database is there" in result.err


def test_a_server_that_is_down_is_one_error(run, nowhere, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = run("champion")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "does not answer" in result.err
    assert "secret" not in result.err


def test_folder_that_a_training_logged_is_not_logged_again(run, bank, nowhere, monkeypatch):
    monkeypatch.delenv("CHURN_NO_TRACK", raising=False)
    assert run("train", "--without-effects", bank, "-o", "model", "--as-of", "2023-06-01").code == 0
    result = run("champion", "--set", "model", "--json")
    assert result.code == 0, result.err
    database = sqlite3.connect("mlruns/mlflow.db")
    runs = database.execute("SELECT run_uuid FROM runs").fetchall()
    database.close()
    assert runs == [(json.loads(result.out)["champion"]["run_id"],)]
