from pathlib import Path

import pytest

from churn.tracking.place import look_command, tracking_place


def test_the_default_is_a_database_below_the_current_folder(tmp_path):
    place = tracking_place()

    assert place.database == tmp_path / "mlruns" / "mlflow.db"
    assert place.artifacts == tmp_path / "mlruns" / "artifacts"
    assert str(place) == "mlruns/mlflow.db"
    assert look_command(place) == "mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db"


def test_the_usual_variable_is_followed(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    place = tracking_place()

    assert (place.uri, place.database, place.artifacts) == ("http://tracking:5000", None, None)
    assert place.is_there
    assert look_command(place) == "http://tracking:5000"


def test_a_folder_that_is_given_goes_before_the_variable(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")

    assert tracking_place(Path("/data")).database == Path("/data/mlruns/mlflow.db")


@pytest.mark.parametrize("address", ["sqlite:///runs/own.db", "sqlite:////elsewhere/own.db"])
def test_artifacts_of_any_sqlite_database_lie_beside_it(monkeypatch, tmp_path, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    place = tracking_place()

    assert place.database == tmp_path / address.removeprefix("sqlite:///")
    assert place.artifacts == place.database.parent / "artifacts"
    assert not place.is_there


@pytest.mark.parametrize("address", ["http://me:secret@tracking:5000", "postgresql://me:secret@db:5432/runs"])
def test_a_password_is_not_shown(monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    place = tracking_place()

    assert place.uri == address
    assert "secret" not in str(place) + look_command(place)
    assert str(place) == address.replace("me:secret@", "")
