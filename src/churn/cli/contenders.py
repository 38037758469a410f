"""Who is compared: candidates by name, model folders by their recipe, and the champion."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from churn.cli.recipes import read_parameters
from churn.config import Config
from churn.errors import ChurnError, ModelError
from churn.model.recipe import Recipe, default_candidates, parse_recipe, recipe_of
from churn.model.storage import read_model
from churn.model.trees import TreeParameters
from churn.tracking.champion import get_champion

CHAMPION = "champion"
TUNED = "tuned"
_log = logging.getLogger(__name__)


class Champion(NamedTuple):
    """The champion: its version in the registry, its recipe, and whether it is anchored to the stated rates."""

    version: int
    recipe: Recipe
    is_anchored: bool


def find_champion(horizon_days: int, *, must_answer: bool) -> Champion | None:
    """Return the champion; None, with a warning where there is one, if it cannot be compared.

    Parameters
    ----------
    horizon_days
        What is compared; the champion must have been made for the same.
    must_answer
        Whether a champion that cannot be compared is an error, not a warning.

    Raises
    ------
    TrackingError
        The registry cannot be read.
    ModelError
        The champion's folder was changed, or it is for another horizon.
    """
    try:
        return _find_champion(horizon_days)
    except ChurnError as error:
        if must_answer:
            raise
        _log.warning("the champion is left out: %s", error)
        return None


def _find_champion(horizon_days: int) -> Champion | None:
    found = get_champion()
    if found is None:
        return None
    version, stored = found
    theirs = stored.manifest.horizon_days
    if theirs != horizon_days:
        raise ModelError(
            f"champion, version {version}: is for {theirs} days, not {horizon_days}; give --horizon {theirs}"
        )
    is_anchored = stored.model.anchoring is not None
    if is_anchored:
        _log.warning("the champion is anchored to the stated rates; it is compared as it was before")
    return Champion(version, recipe_of(stored.model, stored.manifest), is_anchored)


def name_contenders(
    candidates: Sequence[str],
    folders: Sequence[Path],
    parameters_path: Path | None,
    champion: Recipe | None,
    *,
    has_bindings: bool,
    seed: int,
) -> dict[str, Recipe]:
    """Return the recipes to compare, the champion first, before any data is read.

    Parameters
    ----------
    candidates
        Names, as of `parse_recipe`; without any, and without folders, every installed one.
    folders
        Model folders, whose recipes stand under the folders' names.
    parameters_path
        From `churn tune`: one more candidate, "tuned".
    champion
        Its recipe.
    has_bindings
        Whether the data can have bindings, so that the monotone candidate makes sense.

    Raises
    ------
    UsageError
        A name stands for two models, or there is only one.
    ModelError
        A candidate cannot be made.
    ConfigError
        The file of parameters cannot be used.
    """
    given = [(CHAMPION, champion)] if champion is not None else []
    named = candidates or ([] if folders else default_candidates(has_bindings=has_bindings))
    given += [(name, parse_recipe(name, seed=seed)) for name in dict.fromkeys(named)]
    for folder in folders:
        stored = read_model(folder)
        given.append((_folder_name(folder), recipe_of(stored.model, stored.manifest)))
    if parameters_path is not None:
        parameters = read_parameters(parameters_path)
        given.append((TUNED, Recipe(parameters=parameters.trees, tuned_on=parameters.tuned_on, seed=seed)))
    names = [name for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise click.UsageError(f"{twice}: names two models; rename the folder")
    return _require_two(dict(given))


def _folder_name(folder: Path) -> str:
    """Name a folder's recipe, so that it is not taken for the registry's champion or for tuned parameters."""
    name = folder.resolve().name
    return f"{name} (folder)" if name in (CHAMPION, TUNED) else name


def leave_out_strange(
    recipes: Mapping[str, Recipe], features: Sequence[str], *, must_answer: bool
) -> dict[str, Recipe]:
    """Return the recipes without a champion that was made of other data, with a warning.

    Raises
    ------
    ModelError
        There is one, and it must be compared.
    UsageError
        Fewer than two are left.
    """
    champion = recipes.get(CHAMPION)
    missing = sorted(set(champion.only or ()) - set(features)) if champion else []
    if not missing:
        return dict(recipes)
    why = f"{len(missing)} of its features, such as {missing[0]}, are not among those of these data"
    if must_answer:
        raise ModelError(f"champion: {why}; bring the tables it was trained on, or track elsewhere")
    _log.warning("the champion is left out: %s", why)
    return _require_two({name: recipe for name, recipe in recipes.items() if name != CHAMPION})


def judged_by_its_own(recipe: Recipe, judged: Sequence[str]) -> list[str]:
    """Return the judged snapshots by which a recipe's parameters were chosen; of a flat file, its folds.

    Examples
    --------
    >>> judged_by_its_own(Recipe(tuned_on=("2024-07-03", "2024-10-02")), ["2024-10-02", "2025-01-01"])
    ['2024-10-02']
    """
    return [split for split in recipe.tuned_on if not judged or split in judged]


def leave_out_same(recipes: Mapping[str, Recipe], features: Sequence[str]) -> dict[str, Recipe]:
    """Return the recipes without those that make the same model as one before them, of these features.

    Raises
    ------
    UsageError
        Fewer than two are left.
    """
    kept: dict[str, Recipe] = {}
    for name, recipe in recipes.items():
        plain = _plain(recipe, features)
        same = next((other for other, known in kept.items() if _plain(known, features) == plain), None)
        if same is None:
            kept[name] = recipe
        else:
            _log.warning("%s is left out: %s is the same", name, same)
    return _require_two(kept)


def _require_two(recipes: dict[str, Recipe]) -> dict[str, Recipe]:
    if len(recipes) < 2:
        raise click.UsageError(f"only {''.join(recipes)} is there to compare; give another with --candidate or --model")
    return recipes


def _plain(recipe: Recipe, features: Sequence[str]) -> Recipe:
    """Return a recipe by which two that make the same model are equal."""
    only = tuple(sorted(features if recipe.only is None else recipe.only))
    parameters = recipe.parameters if "lightgbm" in recipe.learners else TreeParameters()
    seed = 0 if recipe.learners == ("scorecard",) else recipe.seed  # nothing in it is drawn
    learners = tuple(sorted(recipe.learners))  # a mean does not ask for an order
    return replace(recipe, learners=learners, only=only, parameters=parameters, seed=seed, tuned_on=())


def can_have_bindings(data: Path, config: Config) -> bool:
    """Whether a bank's data can have bindings: a table of them, or columns of a flat file named so."""
    if config.flat is not None and not data.is_dir():
        return bool(config.flat.bindings)
    source = config.tables.get("bindings")
    return source is not None or any(data.glob("bindings*"))
