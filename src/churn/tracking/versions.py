"""The registry: versions of the model, how a model comes in, and how its folder comes out again."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from churn import data, errors, files
from churn.model.storage import StoredModel, read_model, require_model_place
from churn.scratch import scratch_folder
from churn.tracking import logged_model, runs, session
from churn.tracking.place import Place, tracking_place

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL_NAME = "churn"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous_champion"
_NAMED = f"name = '{MODEL_NAME}'"
REPLACES = "replaces"
"""Tag of a champion: the version it took the place of."""


class Registry(NamedTuple):
    """A registry that is open.

    Attributes
    ----------
    client
        MLflow's.
    aliases
        Alias to version number; none of a model that is not registered.
    """

    client: "MlflowClient"
    aliases: Mapping[str, int]


def register(what: str | Path, *, place: Place | None = None, on_step: data.OnStep | None = None) -> int:
    """Register a finished run, or a model folder, which is logged first; return the version.

    What is registered already, byte for byte, keeps its version.

    Parameters
    ----------
    what
        A run's id, or the path of a model folder.
    place
        By default as `tracking_place` says.
    on_step
        Told what begins next, in a few words.

    Raises
    ------
    TrackingError
        There is no such run, it is not finished, or it logged no model; or tracking cannot be used.
    ModelError
        The folder is not a whole model folder.
    """
    place = place or tracking_place()
    run_id = what if isinstance(what, str) else None
    if isinstance(what, Path):
        stored = read_model(what)
        run_id = _find_run(what, place)
        if run_id is None:
            run_id = runs.log_training(stored, what, place=place, source="churn champion", on_step=on_step)
    with open_registry(place, write=True) as registry:
        return _register_run(registry, str(run_id))


def fetch_model(alias_or_version: str | int, folder: Path | str, *, place: Place | None = None) -> int:
    """Write a version's model folder, every byte as it was trained, whole or not at all; return its number.

    Parameters
    ----------
    alias_or_version
        "champion", "challenger", "previous_champion", or a number.
    folder
        A new place, or one that holds a model folder.
    place
        As for `register`.

    Raises
    ------
    TrackingError
        There is no such version or alias, or tracking cannot be used.
    ModelError
        What was kept is not a whole model folder any more.
    OutputError
        `folder` holds something else, or cannot be written.
    """
    folder = Path(folder)
    require_model_place(folder)
    with open_registry(place or tracking_place(), write=False) as registry:
        number = _number(registry, alias_or_version)
        with _downloaded(number) as fetched:
            _read_checked(number, fetched)
            there = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
            parts = sorted(entry.name for entry in fetched.iterdir())
            with files.new_folder(folder, mark=files.CHECKSUMS, names={*there, *parts}) as temporary:
                for part in parts:
                    shutil.copyfile(fetched / part, temporary / part)
        return number


@contextmanager
def open_registry(place: Place, *, write: bool) -> Iterator[Registry]:
    """Open the registry of a model; parameters and errors as for `session.open_tracking`.

    Whoever writes to a registry in a file is alone until the block ends, so that what is read of it stays true.

    Raises
    ------
    OutputError
        Another process is writing to it.
    """
    alone = files.locked(place.database.parent) if write and place.database else nullcontext()
    with alone, session.open_tracking(place, write=write) as client:
        found = client.search_registered_models(_NAMED)
        aliases = {alias: int(number) for alias, number in found[0].aliases.items()} if found else {}
        yield Registry(client, aliases)


def standing_numbers(registry: Registry) -> dict[str, int | None]:
    """Return who is what, also where a promotion was cut off after its second step."""
    champion = registry.aliases.get(CHAMPION)
    previous = registry.aliases.get(PREVIOUS)
    if champion is not None:
        replaced = registry.client.get_model_version(MODEL_NAME, str(champion)).tags.get(REPLACES)
        previous = int(replaced) if replaced else previous
    challenger = registry.aliases.get(CHALLENGER)
    return {
        CHAMPION: champion,
        CHALLENGER: None if challenger == champion else challenger,
        PREVIOUS: None if previous == champion else previous,
    }


def require_version(registry: Registry, version: int) -> None:
    """Refuse a version that is not registered.

    Raises
    ------
    TrackingError
        With the versions there are.
    """
    found = registry.client.search_model_versions(_NAMED)
    there = sorted(int(one.version) for one in found)
    if version not in there:
        known = f"give one of {', '.join(map(str, there))}" if there else "none is registered yet"
        raise errors.TrackingError(f"{MODEL_NAME}: no version {version}; {known}")


@contextmanager
def _downloaded(number: int) -> Iterator[Path]:
    """Give a copy of a version's model folder, which is gone when the block ends."""
    import mlflow.artifacts

    with scratch_folder() as temporary:
        source = f"models:/{MODEL_NAME}/{number}/{logged_model.FOLDER_IN_MODEL}"
        try:
            fetched = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(temporary))
        except OSError as error:
            raise errors.ModelError(
                f"{MODEL_NAME} version {number}: its folder is gone; restore the artifacts"
            ) from error
        yield Path(fetched)


def read_version(registry: Registry, number: int) -> StoredModel:
    """Read a version's model, every byte checked.

    Raises
    ------
    TrackingError
        There is no such version.
    ModelError
        Its folder is gone, or was changed.
    """
    require_version(registry, number)
    with _downloaded(number) as folder:
        return _read_checked(number, folder)


def _read_checked(number: int, folder: Path) -> StoredModel:
    try:
        return read_model(folder)
    except errors.ModelError as error:
        # not the temporary folder's name, which says nothing to anybody
        raise errors.ModelError(str(error).replace(str(folder), f"{MODEL_NAME} version {number}")) from error


def _find_run(folder: Path, place: Place) -> str | None:
    """Return the finished run that logged this very folder, where there is one."""
    if not place.is_there:
        return None
    with open_registry(place, write=True) as registry:
        experiment = registry.client.get_experiment_by_name(session.EXPERIMENT)
        if experiment is None:
            return None
        asked = f"tags.folder_sha256 = '{runs.folder_digest(folder)}' and attributes.status = 'FINISHED'"
        found = registry.client.search_runs([experiment.experiment_id], asked, max_results=1)
        return found[0].info.run_id if found else None


def _registered(registry: Registry, tag: str, value: str) -> int | None:
    found = registry.client.search_model_versions(f"{_NAMED} and tags.{tag} = '{value}'")
    return max((int(one.version) for one in found), default=None)


def _register_run(registry: Registry, run_id: str) -> int:
    from mlflow.exceptions import MlflowException

    client = registry.client
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise errors.TrackingError(f"{run_id}: no such run; give a version, a run or a model folder") from error
    if run.info.status != "FINISHED":
        raise errors.TrackingError(f"{run_id}: the run is {run.info.status.lower()}, not finished; train again")
    logged = run.outputs.model_outputs if run.outputs else []
    if not logged:
        raise errors.TrackingError(f"{run_id}: the run logged no model; give a run of churn train")
    found = _registered(registry, "folder_sha256", run.data.tags.get("folder_sha256", ""))
    if found is not None:
        return found
    if not client.search_registered_models(_NAMED):
        client.create_registered_model(MODEL_NAME)
    tags = {name: run.data.tags[name] for name in ("model_id", "folder_sha256", "as_of") if name in run.data.tags}
    tags |= {"snapshots": run.data.params.get("snapshots", ""), "registered_by": session.user_name()}
    model = logged[0].model_id
    source = f"models:/{model}"
    made = client.create_model_version(MODEL_NAME, source, run_id=run_id, tags=tags, model_id=model)
    return int(made.version)


def _number(registry: Registry, alias_or_version: str | int) -> int:
    text = str(alias_or_version)
    if text.isdecimal():
        require_version(registry, int(text))
        return int(text)
    numbers = {**registry.aliases, **standing_numbers(registry)}
    number = numbers.get(text)
    if number is None:
        raise errors.TrackingError(f"{MODEL_NAME}: there is no {text.replace('_', ' ')}; see churn champion")
    return number
