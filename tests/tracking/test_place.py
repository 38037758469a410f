import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from churn.errors import TrackingError
from churn.model.storage import read_model
from churn.tracking.place import Place, hide_secrets, look_command, make_database, require_usable, tracking_place
from churn.tracking.session import require_writable
from churn.tracking.versions import fetch_model, register


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


@pytest.mark.parametrize(
    "address",
    [
        "postgres://me:S3CRET@db:5432/runs",
        "https://me:S3CRET@bad host/x",
        "https://me:a/b@S3CRET@host/x",
        "http://host:9/?token=S3CRET",
        "https://S3CRET@host/",
        "postgresql://db/runs?user=me&password=S3CRET",
        "http://[S3CRET@host",
        "//me:S3CRET@host",
        "postgresql://me:S3CRET%21x@db",
    ],
)
def test_no_form_of_an_address_shows_its_secret(address):
    shown = hide_secrets(address) + str(Place(address, None)) + look_command(Place(address, None))

    assert "S3CRET" not in shown + hide_secrets(f"cannot parse '{address}' ({address})")


def test_a_secret_is_hidden_outside_of_its_address_too():
    address = "postgresql://me:S3CRET%21@db/runs?sslpassword=t0ken&x=1"

    said = hide_secrets("no S3CRET%21, S3CRET! or t0ken for 1 user", address)

    assert said == "no ***, *** or *** for 1 user"


def test_a_token_of_the_environment_is_hidden(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")

    assert hide_secrets("Bearer t0ken is refused") == "Bearer *** is refused"


@pytest.mark.parametrize("write", [True, False])
def test_a_database_locked_by_another_process_is_refused_within_seconds(place, lock, monkeypatch, write):
    monkeypatch.setattr("churn.tracking.place.LOCK_SECONDS", 1)
    lock(place.database)
    begun = time.monotonic()

    with pytest.raises(TrackingError, match="locked by another process"):
        require_usable(place.database, write=write)

    assert 0.9 < time.monotonic() - begun < 4


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    file, content = tmp_path / "mlflow.db", b"minutes of the meeting, " * 100
    file.write_bytes(content)

    with pytest.raises(TrackingError, match=r"mlflow\.db: no usable tracking database .*move it away"):
        require_usable(file, write=True)

    assert file.read_bytes() == content


def test_a_folder_in_the_place_of_the_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").mkdir()

    with pytest.raises(TrackingError, match="cannot be opened or written"):
        require_usable(tmp_path / "mlflow.db", write=False)


def test_a_database_that_could_not_be_filled_is_not_there(tmp_path):
    def fail(uri):
        with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
            connection.execute("CREATE TABLE half (x)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_database(tmp_path / "mlruns" / "mlflow.db", fail)

    assert list((tmp_path / "mlruns").iterdir()) == []


def test_the_database_of_a_faster_process_stays(tmp_path):
    database = tmp_path / "mlflow.db"

    make_database(database, lambda _: database.write_bytes(b"the other's"))

    assert database.read_bytes() == b"the other's"
    assert list(tmp_path.iterdir()) == [database]


def test_a_place_that_cannot_be_made_is_one_error(tmp_path):
    (tmp_path / "mlruns").write_text("a file in the way")

    with pytest.raises(TrackingError, match="mlruns: cannot be written"):
        make_database(tmp_path / "mlruns" / "mlflow.db", lambda _: None)


def test_what_was_moved_is_found_where_it_lies_now(place, run_id, trained, tmp_path):
    assert register(run_id, place=place) == 1
    (tmp_path / "new home 新").mkdir()
    shutil.move(tmp_path / "mlruns", tmp_path / "new home 新" / "mlruns")
    moved = tracking_place(tmp_path / "new home 新")

    assert fetch_model(1, tmp_path / "out", place=moved) == 1

    assert read_model(tmp_path / "out").manifest == trained.stored.manifest
    assert not (tmp_path / "mlruns").exists()


def test_a_copy_writes_nothing_into_the_folder_it_was_copied_from(place, template, variant):
    before = sorted(path for path in template[0].rglob("*"))

    register(variant("second"), place=place)

    assert sorted(path for path in template[0].rglob("*")) == before
    with closing(sqlite3.connect(place.database)) as connection:
        text = "\n".join(connection.iterdump())
    assert str(template[0]) not in text.replace(f"{template[0]}/mlruns/0", "")


def test_a_database_replaced_by_another_is_the_one_that_is_used(place, run_id, template, tmp_path):
    assert register(run_id, place=place) == 1
    shutil.rmtree(tmp_path / "mlruns")
    shutil.copytree(template[0] / "mlruns", tmp_path / "mlruns")

    assert register(run_id, place=place) == 1

    with closing(sqlite3.connect(place.database)) as connection:
        assert connection.execute("SELECT count(*) FROM model_versions").fetchone() == (1,)


def test_an_experiment_whose_artifacts_lie_elsewhere_on_purpose_is_left_alone(place, run_id):
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (77, 'own', 's3://bank/runs', 'active')"
        )
        connection.commit()

    register(run_id, place=place)

    with closing(sqlite3.connect(place.database)) as connection:
        found = connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 77").fetchone()
    assert found == ("s3://bank/runs",)


@pytest.mark.parametrize("name", ["my%20bank", "my bank", "100%", "a?b", "a#b", "a%2Fb"])
def test_a_folder_has_its_own_database_whatever_it_is_called(tmp_path, monkeypatch, name):
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    place = tracking_place()
    require_writable(place)
    assert list(tmp_path.rglob("mlflow.db")) == [folder / "mlruns" / "mlflow.db"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place.uri)
    assert tracking_place() == place
