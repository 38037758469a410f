"""A model folder as a model of MLflow: complete, without a pickle, and without inferring anything."""

import shutil
from importlib.metadata import requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import churn
from churn.model.schema import Schema
from churn.model.storage import StoredModel
from churn.scratch import scratch_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient

OUTPUT = "churn_probability"
MODEL = "model"
"""Name of the artifact that is the model folder, as churn train wrote it."""
FOLDER_IN_MODEL = f"artifacts/{MODEL}"

_CODE = Path(__file__).with_name("pyfunc_model.py")
# what trains, explains, draws or parses a command line, and is never needed to predict
_NOT_TO_PREDICT = {"click", "doubleml", "matplotlib", "optuna", "shap", "woodelf-explainer"}


def input_example(schema: Schema) -> pd.DataFrame:
    """Make a row that is nobody's: numbers missing, texts the first level of each column.

    Examples
    --------
    >>> input_example(Schema(("age", "tier"), {"tier": ("basic", "gold")})).to_dict("records")
    [{'age': nan, 'tier': 'basic'}]
    """
    cells = {name: [schema.levels[name][0] if schema.levels.get(name) else float("nan")] for name in schema.names}
    return pd.DataFrame(cells)


def model_requirements() -> list[str]:
    """Return what a model needs beside its own code, each in the version installed here.

    This package is not among them, for its code is logged with the model: on the public index its name belongs to
    another project, whose code an installer would fetch and run.
    """
    from packaging.requirements import Requirement

    declared = [Requirement(line) for line in requires("churn") or []]
    names = {one.name for one in declared if "extra" not in str(one.marker or "")} | {"mlflow"}
    return [f"{name}=={version(name)}" for name in sorted(names - _NOT_TO_PREDICT)]


def log_model(client: "MlflowClient", experiment: str, run_id: str, stored: StoredModel, folder: Path) -> str:
    """Log a model folder as an output of a run; return MLflow's id of it, which is ready when all is there."""
    from mlflow.entities import LoggedModelOutput

    manifest = stored.manifest
    tags = {"model_id": manifest.model_id, "horizon_days": str(manifest.horizon_days)}
    logged = client.create_logged_model(experiment, name="churn", source_run_id=run_id, tags=tags)
    with scratch_folder() as temporary:
        built = temporary / "built"
        _save(built, folder, stored.model.schema, logged)
        client.log_model_artifacts(logged.model_id, str(built))
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_id)


def _save(path: Path, folder: Path, schema: Schema, logged: Any) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    # the artifact is named after its folder, whatever that was called
    copy = path.with_name(MODEL)
    shutil.copytree(folder, copy)
    mlflow.pyfunc.save_model(
        path=str(path),
        python_model=str(_CODE),
        artifacts={MODEL: str(copy)},
        code_paths=[str(Path(churn.__file__).parent)],
        pip_requirements=model_requirements(),
        signature=_signature(schema),
        input_example=input_example(schema),
        mlflow_model=Model(
            artifact_path=logged.artifact_location,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
            run_id=logged.source_run_id,
        ),
    )


def _signature(schema: Schema) -> Any:
    """Every column may hold nulls. One that is missing the model itself refuses, by name and without a row."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec
    from mlflow.types import Schema as Columns

    kinds = {name: "string" if name in schema.levels else "double" for name in schema.names}
    inputs = Columns([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    return ModelSignature(inputs, Columns([ColSpec("double", OUTPUT)]))
