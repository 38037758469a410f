"""What a command says of how a model is made: learner, parameters, what is left out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

import click

from churn.cli.options import PATH
from churn.config import Config
from churn.errors import ConfigError
from churn.features.catalogue import catalogue
from churn.features.feature import Family
from churn.model.learners.catalogue import LEARNERS
from churn.model.recipe import Recipe, parse_recipe
from churn.model.trees import LIGHTGBM, TreeParameters, parameters_from_json

FAMILIES = get_args(Family)

learner_option = click.option(
    "--learner",
    default=LIGHTGBM,
    show_default=True,
    metavar="NAME",
    help=f"What grows the model: {LIGHTGBM}, {', '.join(LEARNERS)}; joined by + they are averaged.",
)
parameters_option = click.option(
    "--parameters", "parameters_path", type=PATH, help="How LightGBM grows trees: a file from churn tune."
)
without_option = click.option(
    "--without", multiple=True, metavar="NAME", help="Feature, or family of features, to leave out; may be repeated."
)


class Parameters(NamedTuple):
    """How LightGBM grows trees, and the snapshots or folds that was chosen on; none of the defaults."""

    trees: TreeParameters = TreeParameters()
    tuned_on: tuple[str, ...] = ()


def read_parameters(path: Path | None) -> Parameters:
    """Read the parameters that `churn tune` wrote; without a file, the defaults.

    Raises
    ------
    ConfigError
        The file cannot be read, or says something else.
    """
    if path is None:
        return Parameters()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        splits = document.get("objective", {}).get("splits", [])
        return Parameters(parameters_from_json(document["parameters"]), tuple(map(str, splits)))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a file from churn tune") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: holds no parameters; give a file from churn tune") from error


def build_recipe(learner: str, *, monotone: bool = False, seed: int = 0, parameters_path: Path | None = None) -> Recipe:
    """Build the recipe a command was asked for.

    Raises
    ------
    ConfigError
        The parameters cannot be read, or the learner has no use for them.
    ModelError
        The learner is not known, not installed, or cannot be held monotone.
    """
    given = read_parameters(parameters_path)
    recipe = parse_recipe(learner, seed=seed, parameters=given.trees, tuned_on=given.tuned_on)
    if parameters_path is not None and LIGHTGBM not in recipe.learners:
        raise ConfigError(
            f"--parameters {parameters_path}: are {LIGHTGBM}'s, and --learner {learner} has no use for them"
        )
    return replace(recipe, monotone=True) if monotone else recipe


def leave_out(recipe: Recipe, without: Sequence[str], there: Sequence[str], config: Config) -> Recipe:
    """Return the recipe without features or families, of those that are there.

    Parameters
    ----------
    recipe
        Of all features so far.
    without
        Names of features and of families.
    there
        The features these data give.
    config
        Its catalogue says which feature is of which family.

    Raises
    ------
    ConfigError
        A name is neither, or nothing is left.
    """
    if not without:
        return recipe
    family = {feature.name: feature.family for feature in catalogue(config)}
    if unknown := [name for name in without if name not in FAMILIES and name not in there]:
        raise ConfigError(
            f"--without {unknown[0]}: is neither a family ({', '.join(FAMILIES)}) nor one of the {len(there)} features"
        )
    only = tuple(name for name in there if name not in without and family.get(name) not in without)
    if not only:
        raise ConfigError("--without: leaves no feature; leave out fewer")
    return replace(recipe, only=only)
