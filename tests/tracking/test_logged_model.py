import subprocess
import sys

import pytest

from churn.model.schema import Schema
from churn.tracking.logged_model import input_example, model_requirements
from churn.tracking.session import open_tracking


@pytest.fixture
def logged(place, run_id):
    """The logged model's own folder."""
    with open_tracking(place, write=False) as client:
        model_id = client.get_run(run_id).outputs.model_outputs[0].model_id
    return place.artifacts / "models" / model_id / "artifacts"


def test_another_project_of_our_name_is_never_fetched(logged):
    lines = (logged / "requirements.txt").read_text().split()
    assert lines == [line for line in lines if "==" in line]
    names = {line.split("==")[0] for line in lines}
    assert "churn" not in names
    assert {"mlflow", "lightgbm", "numpy", "pandas", "scikit-learn"} <= names
    assert set(model_requirements()) == set(lines)
    assert "churn" not in (logged / "conda.yaml").read_text().split()


def test_the_code_is_logged_with_the_model_and_nothing_is_pickled(logged):
    assert (logged / "code" / "churn" / "model" / "storage.py").is_file()
    assert (logged / "pyfunc_model.py").is_file()
    assert [path for path in logged.rglob("*") if path.suffix in {".pkl", ".pickle", ".pyc"}] == []


def test_the_folder_is_logged_byte_for_byte(logged, trained):
    names = sorted(path.name for path in trained.folder.iterdir())
    assert sorted(path.name for path in (logged / "artifacts" / "model").iterdir()) == names
    for name in names:
        assert (logged / "artifacts" / "model" / name).read_bytes() == (trained.folder / name).read_bytes()


def test_the_example_is_nobodys_row():
    example = input_example(Schema(("age", "tier", "empty"), {"tier": ("basic", "gold"), "empty": ()}))

    assert example["age"].isna().all()
    assert example["tier"].tolist() == ["basic"]
    assert example["empty"].isna().all()


def test_what_the_model_needs_is_enough_in_a_fresh_process(logged, trained, tmp_path):
    # all that is declared and not required is kept out, and so is the installed package itself
    trained.features.to_pickle(tmp_path / "features.pkl")
    code = (
        "import sys\n"
        "import importlib.abc\n"
        "class Refuse(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'click', 'doubleml', 'optuna', 'shap', 'woodelf', 'catboost', 'xgboost'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "import click, mlflow.pyfunc, pandas as pd\n"  # mlflow needs click itself
        "sys.path = [part for part in sys.path if not part.endswith('src')]\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "model = mlflow.pyfunc.load_model(sys.argv[1])\n"
        "import churn\n"
        "print(churn.__file__)\n"
        "found = model.predict(pd.read_pickle(sys.argv[2]))\n"
        "print(found.columns.tolist(), [p.hex() for p in found['churn_probability']])\n"
    )
    words = [sys.executable, "-c", code, str(logged), str(tmp_path / "features.pkl")]
    environment = {
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HOME": str(tmp_path),
    }

    found = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)

    assert found.returncode == 0, found.stderr
    where, told = found.stdout.splitlines()
    assert where == str(logged / "code" / "churn" / "__init__.py")
    assert told == f"['churn_probability'] {[p.hex() for p in trained.probability]}"
