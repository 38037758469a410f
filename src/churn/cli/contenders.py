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


def gather_contenders(
    candidates: Sequence[str],
    folders: Sequence[Path],
    parameters_path: Path | None,
    champion: Recipe | None,
    features: Sequence[str],
    config: Config,
    *,
    seed: int,
) -> dict[str, Recipe]:
    """Return the recipes to compare, the champion first, each once.

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
    features
        Of the data.
    config
        Whether there are bindings is read off it and the features.

    Raises
    ------
    UsageError
        A name stands for two recipes, or fewer than two are left.
    ModelError
        A candidate cannot be made.
    ConfigError
        The file of parameters cannot be used.
    """
    given = [(CHAMPION, champion)] if champion is not None else []
    named = candidates or ([] if folders else default_candidates(has_bindings=_has_bindings(features, config)))
    given += [(name, parse_recipe(name, seed=seed)) for name in dict.fromkeys(named)]
    for folder in folders:
        stored = read_model(folder)
        given.append((folder.resolve().name, recipe_of(stored.model, stored.manifest)))
    if parameters_path is not None:
        given.append((TUNED, Recipe(parameters=read_parameters(parameters_path), seed=seed)))
    return _each_once(given, features)


def _each_once(given: Sequence[tuple[str, Recipe]], features: Sequence[str]) -> dict[str, Recipe]:
    recipes: dict[str, Recipe] = {}
    for name, recipe in given:
        if name in recipes:
            raise click.UsageError(f"{name}: names two models; rename the folder")
        same = next(
            (other for other, known in recipes.items() if _plain(known, features) == _plain(recipe, features)), None
        )
        if same is None:
            recipes[name] = recipe
        else:
            _log.warning("%s is left out: %s is the same", name, same)
    if len(recipes) < 2:
        raise click.UsageError(
            f"only {next(iter(recipes))} is left to compare; give another with --candidate or --model"
        )
    return recipes


def _plain(recipe: Recipe, features: Sequence[str]) -> Recipe:
    """Return a recipe by which two that make the same model are equal."""
    only = tuple(sorted(features if recipe.only is None else recipe.only))
    parameters = recipe.parameters if "lightgbm" in recipe.learners else TreeParameters()
    return replace(
        recipe, only=only, parameters=parameters, seed=0 if recipe.learners == ("scorecard",) else recipe.seed
    )


def _has_bindings(features: Sequence[str], config: Config) -> bool:
    named = config.flat.bindings if config.flat else [f"bound_{service}" for service in config.services]
    return any(name in features for name in named)


def challengers_of(recipes: Mapping[str, Recipe]) -> list[str]:
    """Return the names that are not the champion."""
    return [name for name in recipes if name != CHAMPION]
