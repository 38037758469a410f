import shutil

import pytest

from churn.errors import ModelError, OutputError, TrackingError
from churn.tracking.champion import promote
from churn.tracking.place import Place, tracking_place
from churn.tracking.runs import log_training
from churn.tracking.session import open_tracking
from churn.tracking.versions import fetch_model, register


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_first_version_is_1_and_stays_it(place, run_id, trained):
    assert register(run_id, place=place) == 1
    assert register(run_id, place=place) == 1
    assert register(trained.folder, place=place) == 1


def test_a_folder_is_logged_and_registered_once(place, variant):
    folder = variant("second")

    assert register(folder, place=place) == 1
    assert register(folder, place=place) == 1
    assert register(variant("third"), place=place) == 2


def test_a_version_says_what_it_is(place, run_id, trained):
    register(run_id, place=place)

    with open_tracking(place, write=False) as client:
        version = client.get_model_version("churn", "1")

    assert version.run_id == run_id
    assert version.tags["model_id"] == trained.stored.manifest.model_id
    assert version.tags["snapshots"] == "2022-01-01, 2022-06-01"
    assert version.tags["registered_by"]


def test_a_run_that_is_not_finished_or_not_there_is_not_registered(place):
    with open_tracking(place, write=True) as client:
        experiment = client.get_experiment_by_name("churn").experiment_id
        running = client.create_run(experiment).info.run_id
        empty = client.create_run(experiment).info.run_id
        client.set_terminated(empty)

    with pytest.raises(TrackingError, match="the run is running, not finished"):
        register(running, place=place)
    with pytest.raises(TrackingError, match="logged no model"):
        register(empty, place=place)
    with pytest.raises(TrackingError, match="no such run; give a version, a run or a model folder"):
        register("f" * 32, place=place)


def test_a_changed_folder_is_not_registered(place, variant):
    folder = variant("second")
    (folder / "metrics.json").write_text("{}")

    with pytest.raises(ModelError, match=r"metrics\.json: was changed"):
        register(folder, place=place)


@pytest.mark.parametrize("wanted", [1, "1", "champion"])
def test_a_fetched_folder_is_what_was_trained_byte_for_byte(place, run_id, trained, tmp_path, wanted):
    promote(register(run_id, place=place), reason="first", place=place)

    assert fetch_model(wanted, tmp_path / "out", place=place) == 1

    assert contents(tmp_path / "out") == contents(trained.folder)


def test_a_fetched_folder_takes_the_place_of_a_model_and_of_nothing_else(place, run_id, trained, variant, tmp_path):
    register(run_id, place=place)
    earlier = variant("earlier")
    fetch_model(1, earlier, place=place)
    assert contents(earlier) == contents(trained.folder)

    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.doc").write_text("precious")
    with pytest.raises(OutputError, match="holds other files"):
        fetch_model(1, tmp_path / "own", place=place)
    assert (tmp_path / "own" / "thesis.doc").read_text() == "precious"


def test_a_damaged_version_is_not_written_at_all(place, run_id, tmp_path):
    register(run_id, place=place)
    [trees] = place.artifacts.glob("models/*/artifacts/artifacts/model/trees.txt")
    trees.write_text(trees.read_text()[:-100])

    with pytest.raises(ModelError, match=r"churn version 1/trees\.txt: was changed or cut short"):
        fetch_model(1, tmp_path / "out", place=place)

    assert not (tmp_path / "out").exists()


def test_artifacts_that_are_gone_are_one_error(place, run_id, tmp_path):
    register(run_id, place=place)
    shutil.rmtree(place.artifacts / "models")

    with pytest.raises((ModelError, TrackingError), match=r"version 1|cannot be used") as caught:
        fetch_model(1, tmp_path / "out", place=place)

    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_is_not_registered_is_told_with_what_is(place, run_id, tmp_path):
    with pytest.raises(TrackingError, match="no version 1; none is registered yet"):
        fetch_model(1, tmp_path / "out", place=place)
    register(run_id, place=place)
    with pytest.raises(TrackingError, match="no version 7; give one of 1"):
        fetch_model(7, tmp_path / "out", place=place)
    with pytest.raises(TrackingError, match="there is no previous champion"):
        fetch_model("previous_champion", tmp_path / "out", place=place)


def test_fetching_makes_no_database(tmp_path):
    with pytest.raises(TrackingError, match="no tracking database is there"):
        fetch_model("champion", tmp_path / "out", place=tracking_place(tmp_path / "nowhere"))

    assert list(tmp_path.iterdir()) == []


def test_a_server_keeps_runs_versions_and_folders_as_a_file_does(start, free_port, trained, tmp_path, monkeypatch):
    address = f"http://127.0.0.1:{free_port}"
    store = ("--backend-store-uri", "sqlite:///server.db", "--artifacts-destination", "kept")
    start(f"{address}/health", "server", *store, "--host", "127.0.0.1", "--port", free_port, "--workers", 1)
    place = Place(address, None)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")  # its first answer makes the database

    number = register(log_training(trained.stored, trained.folder, place=place), place=place)
    promote(number, reason="first", place=place)

    assert fetch_model("champion", tmp_path / "out", place=place) == 1
    assert contents(tmp_path / "out") == contents(trained.folder)
    assert not (tmp_path / "mlruns").exists()
