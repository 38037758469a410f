import logging
import os
import subprocess
import sys
import time

import pytest

from churn.errors import TrackingError
from churn.tracking.place import Place, tracking_place
from churn.tracking.session import open_tracking


@pytest.mark.parametrize(
    "call",
    [
        "from churn.cli.main import COMMANDS, cli; [cli.get_command(None, name) for name in COMMANDS]",
        "import churn.tracking.runs, churn.tracking.champion",
    ],
)
def test_nothing_imports_mlflow_before_it_is_used(call):
    code = f"import sys; {call}; print('mlflow' in sys.modules, 'sqlalchemy' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "False False\n"


def test_what_was_set_before_is_set_after(place, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    level = logging.getLogger("mlflow").level
    before = dict(os.environ)

    with open_tracking(place, write=True):
        assert mlflow.get_tracking_uri() == place.uri
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
        assert os.environ["MLFLOW_DISABLE_SCHEMA_DETAILS"] == "true"

    assert dict(os.environ) == before
    assert mlflow.get_tracking_uri() == "http://elsewhere:5000"
    assert logging.getLogger("mlflow").level == level


def test_making_a_database_says_so_and_prints_nothing_of_mlflows(tmp_path):
    code = (
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "from churn.tracking.place import tracking_place\n"
        "from churn.tracking.session import open_tracking\n"
        "with open_tracking(tracking_place(), write=True, make=True, on_step=print) as client:\n"
        "    print(len(client.search_experiments()))\n"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert found.stdout == "making the tracking database mlruns/mlflow.db\n1\n"
    assert found.stderr == ""
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == ["mlflow.db"]


def test_a_database_that_is_not_there_is_not_made_to_be_read(tmp_path):
    with (
        pytest.raises(TrackingError, match="no tracking database is there"),
        open_tracking(tracking_place(), write=True),
    ):
        pass

    assert not (tmp_path / "mlruns").exists()


def test_a_server_that_is_down_is_told_within_seconds(free_port):
    place = Place(f"http://127.0.0.1:{free_port}", None)
    begun = time.monotonic()

    with pytest.raises(TrackingError, match="does not answer") as caught, open_tracking(place, write=True) as client:
        client.search_experiments()

    assert str(free_port) in str(caught.value)
    assert time.monotonic() - begun < 15


def test_the_file_store_that_mlflow_refuses_is_one_error(tmp_path):
    place = Place(f"file:{tmp_path}/old", None)

    with pytest.raises(TrackingError, match="cannot be used") as caught, open_tracking(place, write=True) as client:
        client.search_experiments()

    assert len(str(caught.value)) < 500


def test_a_database_of_another_version_of_mlflow_says_how_to_bring_it_up(place):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0584bdc529eb'")
        connection.commit()

    with pytest.raises(TrackingError, match="mlflow db upgrade"), open_tracking(place, write=False) as client:
        client.search_experiments()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+pg8000://me:S3CRET@127.0.0.1:9/db",
        "mssql+pymssql://me:S3CRET@h/db",
        "oracle://me:S3CRET@h/db",
        "postgres://me:S3CRET@h/db",
        "nothing+at+all://me:S3CRET@h",
        "https://me:S3CRET@bad host/x",
        "http://[S3CRET",
    ],
)
def test_a_place_that_cannot_be_used_is_one_error_without_secrets(address):
    with pytest.raises(TrackingError) as refused, open_tracking(Place(address, None), write=True) as client:
        client.search_experiments(max_results=1)

    assert "MLFLOW_TRACKING_URI" in str(refused.value)
    if "@" in address:
        assert "S3CRET" not in str(refused.value)
