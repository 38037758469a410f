"""What it takes to make a model again: learners, how trees grow, what is held or left out, and the seed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from churn.config import Config
from churn.errors import ConfigError, ModelError
from churn.features.catalogue import catalogue
from churn.features.feature import Family, Feature
from churn.frame import Snapshot
from churn.model.documents import Manifest
from churn.model.fitted import FittedModel
from churn.model.learners.catalogue import LEARNERS, is_installed, require_installed
from churn.model.monotone import BindingColumns, hold_monotone
from churn.model.trees import LIGHTGBM, TreeParameters

MONOTONE = "monotone"
FAMILIES = get_args(Family)


@dataclass(frozen=True)
class Recipe:
    """How a model is made of rows.

    Attributes
    ----------
    learners
        Names in `churn.model.learners.catalogue`; of several, the margins are averaged.
    parameters
        How LightGBM grows trees; the columns held monotone are not among them but follow from `monotone`.
    monotone
        Whether a binding may only lower the risk; for LightGBM alone.
    only
        Features to use, in any order; None for all.
    seed
        Same seed and rows, same model.
    tuned_on
        Snapshots (ISO dates; of a flat file its folds) the parameters were chosen on, which cannot judge them.

    Raises
    ------
    ModelError
        A learner is not known or not installed, none is given, or `monotone` with another than LightGBM.
    """

    learners: tuple[str, ...] = (LIGHTGBM,)
    parameters: TreeParameters = field(default_factory=TreeParameters)
    monotone: bool = False
    only: tuple[str, ...] | None = None
    seed: int = 0
    tuned_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        if not self.learners:
            raise ModelError(f"recipe: no learner; give one of {', '.join([LIGHTGBM, *LEARNERS])}")
        require_installed(self.learners)
        if self.monotone and self.learners != (LIGHTGBM,):
            raise ModelError(f"recipe: only {LIGHTGBM} alone can be held monotone, not {'+'.join(self.learners)}")


def parse_recipe(
    name: str, *, seed: int = 0, parameters: TreeParameters | None = None, tuned_on: tuple[str, ...] = ()
) -> Recipe:
    """Return the recipe of a name: a learner, several joined by "+", or "monotone".

    Raises
    ------
    ModelError
        As for `Recipe`.

    Examples
    --------
    >>> parse_recipe("scorecard+lightgbm").learners, parse_recipe("monotone").monotone
    (('scorecard', 'lightgbm'), True)
    """
    grown = parameters or TreeParameters()
    if name == MONOTONE:
        return Recipe(parameters=grown, monotone=True, seed=seed, tuned_on=tuned_on)
    learners = tuple(dict.fromkeys(part.strip() for part in name.split("+")))
    return Recipe(learners, grown, seed=seed, tuned_on=tuned_on)


def default_candidates(*, has_bindings: bool) -> list[str]:
    """Name the candidates that can be tried here: every installed learner, and LightGBM held monotone.

    Examples
    --------
    >>> default_candidates(has_bindings=True)[:4]
    ['scorecard', 'histogram', 'lightgbm', 'monotone']
    """
    names = ["scorecard", "histogram", LIGHTGBM, *([MONOTONE] if has_bindings else [])]
    return names + [name for name in LEARNERS if name not in names and is_installed(name)]


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


def recipe_of(model: FittedModel, manifest: Manifest) -> Recipe:
    """Return the recipe a stored model was made by, with the features it takes.

    Raises
    ------
    ModelError
        Its learner is not installed here.
    """
    return Recipe(
        learners=model.learners,
        parameters=replace(model.parameters, monotone=()),
        monotone=manifest.monotone is not None,
        only=tuple(model.schema.names),
        seed=manifest.seed,
        tuned_on=manifest.tuned_on,
    )


def prepare(
    snapshots: Sequence[Snapshot], recipe: Recipe, known: Sequence[Feature]
) -> tuple[list[Snapshot], Recipe, BindingColumns | None]:
    """Return snapshots with the recipe's features alone, the recipe with its monotone columns, and which those are.

    Parameters
    ----------
    snapshots
        At least one.
    recipe
        As it was given.
    known
        What the features are.

    Raises
    ------
    ModelError
        The snapshots lack a feature the recipe names.
    ConfigError, DataError
        As for `churn.model.monotone.hold_monotone`.
    """
    kept = [_only(snapshot, recipe.only) for snapshot in snapshots]
    if not recipe.monotone:
        return kept, recipe, None
    held_snapshots, parameters, held = hold_monotone(kept, known, recipe.parameters)
    return held_snapshots, replace(recipe, parameters=parameters), held


def _only(snapshot: Snapshot, names: Sequence[str] | None) -> Snapshot:
    if names is None:
        return snapshot
    there = list(snapshot.features.columns)
    if missing := [name for name in names if name not in there]:
        raise ModelError(
            f"features.{missing[0]}: not among the {len(there)} features of these tables ({len(missing)} missing); "
            "bring the tables the model was trained on"
        )
    return replace(snapshot, features=snapshot.features[[name for name in there if name in set(names)]])
