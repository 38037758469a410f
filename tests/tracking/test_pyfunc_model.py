"""The model as MLflow loads it in this process, and serves it in one of its own."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from churn.errors import ModelError
from churn.tracking.session import open_tracking


@pytest.fixture
def logged(place, run_id) -> Path:
    with open_tracking(place, write=False) as client:
        model_id = client.get_run(run_id).outputs.model_outputs[0].model_id
    return place.artifacts / "models" / model_id / "artifacts"


@pytest.fixture
def loaded(logged, monkeypatch):
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_SCHEMA_DETAILS", "true")
    monkeypatch.setattr(sys, "path", [*sys.path])
    return mlflow.pyfunc.load_model(str(logged))


def test_the_logged_copy_of_the_code_does_not_take_the_place_of_this_one(loaded, trained):
    import churn.model.storage

    assert loaded.predict(trained.features)["churn_probability"].tolist() == trained.probability.tolist()
    assert "mlruns" not in str(churn.model.storage.__file__)


def test_the_signature_has_every_feature_and_the_one_column_that_comes_out(loaded):
    given = {spec.name: (spec.type.name, spec.required) for spec in loaded.metadata.get_input_schema()}
    assert given == {"n_products": ("double", False), "tier": ("string", False), "noise": ("double", False)}
    assert loaded.metadata.get_output_schema().input_names() == ["churn_probability"]


def test_columns_are_found_by_name_and_others_ignored(loaded, trained):
    shuffled = trained.features[["tier", "noise", "n_products"]].assign(other=1.0)
    assert loaded.predict(shuffled)["churn_probability"].tolist() == trained.probability.tolist()


def test_a_missing_column_is_named_and_no_row_is(loaded, trained):
    with pytest.raises(ModelError, match="1 of the model's 3 columns missing: noise; not known to the model"):
        loaded.predict(trained.features.drop(columns="noise"))


def test_a_text_among_numbers_is_refused_without_a_row(loaded, trained):
    with pytest.raises(Exception, match="Failed to enforce model input schema") as caught:
        loaded.predict(trained.features.assign(noise="Zhang San"))
    assert "Zhang" not in str(caught.value)


def test_a_changed_folder_does_not_load(logged):
    import mlflow.pyfunc

    trees = logged / "artifacts" / "model" / "trees.txt"
    trees.write_text(trees.read_text().replace("leaf_value=", "leaf_value=9", 1))

    with pytest.raises(ModelError, match="was changed or cut short"):
        mlflow.pyfunc.load_model(str(logged))


@pytest.fixture
def invoke(logged, free_port, start):
    """Serve the model by MLflow's own command, and give a function that asks it."""
    address = f"http://127.0.0.1:{free_port}"
    words = ("models", "serve", "-m", logged, "--env-manager", "local", "-h", "127.0.0.1", "-p", free_port)
    start(f"{address}/ping", *words)

    def ask(document):
        body = json.dumps(document).encode()
        request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return ask


def _split(features):
    cells = features.astype(object).where(features.notna(), None)
    return {"dataframe_split": {"columns": list(features.columns), "data": cells.to_numpy().tolist()}}


def test_a_server_answers_to_the_last_bit_and_keeps_rows_to_itself(invoke, logged, trained):
    features = trained.features
    assert features.isna().to_numpy().any()

    status, text = invoke(_split(features))

    assert status == 200, text
    assert [row["churn_probability"] for row in json.loads(text)["predictions"]] == trained.probability.tolist()

    records = features.astype(object).where(features.notna(), None).to_dict("records")
    assert json.loads(invoke({"dataframe_records": records})[1]) == json.loads(text)

    status, text = invoke(_split(features.assign(tier="ZhangSan").drop(columns="noise")))
    assert status == 400
    assert "1 of the model's 3 columns missing: noise" in text
    assert "ZhangSan" not in text

    example = json.loads((logged / "serving_input_example.json").read_text())
    assert invoke(example)[0] == 200
