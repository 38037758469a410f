"""Who is compared: candidates by name, model folders by their recipe, and the champion."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import click

from churn.cli.recipes import read_parameters
from churn.config import Config
from churn.errors import ModelError, TrackingError
from churn.model.recipe import Recipe, default_candidates, parse_recipe, recipe_of
from churn.model.storage import read_model
from churn.model.trees import TreeParameters
from churn.tracking.champion import get_champion

CHAMPION = "champion"
TUNED = "tuned"
_log = logging.getLogger(__name__)


class Champion(NamedTuple):
    """The champion's version in the registry, and its recipe."""

    version: int
    recipe: Recipe


def find_champion(horizon_days: int, *, must_answer: bool) -> Champion | None:
    """Return the champion; None where there is none.

    Parameters
    ----------
    horizon_days
        What is compared; the champion must have been made for the same.
    must_answer
        Whether a registry that cannot be read is an error; else it is a warning, and there is no champion.

    Raises
    ------
    TrackingError
        The registry cannot be read.
    ModelError
        The champion's folder was changed, or it is for another horizon.
    """
    try:
        found = get_champion()
    except TrackingError as error:
        if must_answer:
            raise
        _log.warning("the champion is left out: %s", error)
        return None
    if found is None:
        return None
    version, stored = found
    theirs = stored.manifest["horizon_days"]
    if theirs != horizon_days:
        raise ModelError(
            f"champion, version {version}: is for {theirs} days, not {horizon_days}; give --horizon {theirs}"
        )
    return Champion(version, recipe_of(stored.model, stored.manifest))


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
        given.append((folder.resolve().name, recipe_of(stored.model, stored.manifest)))
    if parameters_path is not None:
        given.append((TUNED, Recipe(parameters=read_parameters(parameters_path), seed=seed)))
    names = [name for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise click.UsageError(f"{twice}: names two models; rename the folder")
    return _require_two(dict(given))


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
    return replace(
        recipe, only=only, parameters=parameters, seed=0 if recipe.learners == ("scorecard",) else recipe.seed
    )


def can_have_bindings(data: Path, config: Config) -> bool:
    """Whether a bank's data can have bindings: a table of them, or columns of a flat file named so."""
    if config.flat is not None and not data.is_dir():
        return bool(config.flat.bindings)
    source = config.tables.get("bindings")
    return source is not None or any(data.glob("bindings*"))


def challengers_of(recipes: Mapping[str, Recipe]) -> list[str]:
    """Return the names that are not the champion."""
    return [name for name in recipes if name != CHAMPION]
