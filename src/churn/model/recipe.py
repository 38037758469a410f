"""Everything needed to make a model again: learners, how trees grow, what is held or left out, and the seed.

A model can be held so that a binding can only lower the risk. Binding a service changes whether it is bound, how many
are and the share of them, and for how many days it has been. The first three can only rise, and are held monotone. The
last goes from missing to a number, and trees send missing values to either side of a split as they like, so that no
constraint on that column says anything of the step: it is left out of the model (docs/decisions/0006-monotone.md).
`Feature.monotone` says which is which.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, get_args

import pandas as pd

from churn import errors, frame
from churn.config import Config
from churn.features.catalogue import catalogue
from churn.features.feature import Family, Feature
from churn.model.documents import Manifest, MonotoneFacts
from churn.model.fitted import FittedModel
from churn.model.learners.catalogue import LEARNERS, is_installed, require_installed
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
    ConfigError
        Parameters other than the defaults, without LightGBM.
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
            raise errors.ModelError(f"recipe: no learner; give one of {', '.join([LIGHTGBM, *LEARNERS])}")
        require_installed(self.learners)
        if self.monotone and self.learners != (LIGHTGBM,):
            raise errors.ModelError(
                f"recipe: only {LIGHTGBM} alone can be held monotone, not {'+'.join(self.learners)}"
            )
        if self.parameters != TreeParameters() and LIGHTGBM not in self.learners:
            raise errors.ConfigError(
                f"recipe: the parameters are {LIGHTGBM}'s, and {'+'.join(self.learners)} has no use for them"
            )


class BindingColumns(NamedTuple):
    """Features that carry bindings: `falling` may only lower the risk as they rise, `dropped` are left out."""

    falling: tuple[str, ...]
    dropped: tuple[str, ...]


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
        raise errors.ConfigError(
            f"--without {unknown[0]}: is neither a family ({', '.join(FAMILIES)}) nor one of the {len(there)} features"
            f"{errors.meant(unknown[0], [*FAMILIES, *there])}"
        )
    only = tuple(name for name in there if name not in without and family.get(name) not in without)
    if not only:
        raise errors.ConfigError("--without: leaves no feature; leave out fewer")
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
    snapshots: Sequence[frame.Snapshot], recipe: Recipe, known: Sequence[Feature]
) -> tuple[list[frame.Snapshot], Recipe, BindingColumns | None]:
    """Return snapshots with the recipe's features alone, the recipe with its monotone columns, and which those are.

    Where the recipe is monotone, the snapshots lose what cannot be held.

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
        As for `binding_columns`; or a binding of a flat file that holds strings.
    """
    kept = [_only(snapshot, recipe.only) for snapshot in snapshots]
    if not recipe.monotone:
        return kept, recipe, None
    first = kept[0].features
    held = binding_columns(list(first.columns), known)
    if texts := [name for name in held.falling if not pd.api.types.is_numeric_dtype(first[name])]:
        raise errors.DataError(f"monotone: column {texts[0]} holds strings; a binding is 0/1, true/false or yes/no")
    kept = [replace(one, features=one.features.drop(columns=list(held.dropped))) for one in kept]
    places = {name: at for at, name in enumerate(kept[0].features.columns)}
    monotone = tuple(places[name] for name in held.falling)
    return kept, replace(recipe, parameters=replace(recipe.parameters, monotone=monotone)), held


def binding_columns(names: Sequence[str], catalogue: Sequence[Feature]) -> BindingColumns:
    """Find the columns of bindings among the features.

    Parameters
    ----------
    names
        Of all features.
    catalogue
        What they are.

    Raises
    ------
    ConfigError
        No feature of the catalogue is a binding: the configuration names none of a flat file.
    DataError
        The features hold no binding.

    Examples
    --------
    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> binding_columns(["age_years", "bound_cts", "n_bound", "days_since_bound_cts"], catalogue(Config()))
    BindingColumns(falling=('bound_cts', 'n_bound'), dropped=('days_since_bound_cts',))
    """
    kind = {feature.name: feature.monotone for feature in catalogue}
    if not any(kind.values()):
        raise errors.ConfigError("monotone: [flat] bindings names no column; name those that are bindings")
    falling, dropped = (tuple(name for name in names if kind.get(name) == wanted) for wanted in ("falls", "left out"))
    if not falling:
        raise errors.DataError("monotone: the features hold no binding; bring the table of bindings, or train without")
    return BindingColumns(falling, dropped)


def describe_monotone(facts: MonotoneFacts) -> str:
    """Say in a line what the constraint cost.

    Examples
    --------
    >>> describe_monotone(MonotoneFacts(falling=(), dropped=(), roc_auc=0.8123, roc_auc_unconstrained=0.8131))
    'monotone in the bindings: held-out ROC-AUC 0.8123 against 0.8131 without (−0.0008)'
    """
    held, free = facts.roc_auc, facts.roc_auc_unconstrained
    change = f"{held - free:+.4f}".replace("-", "−")
    return f"monotone in the bindings: held-out ROC-AUC {held:.4f} against {free:.4f} without ({change})"


def _only(snapshot: frame.Snapshot, names: Sequence[str] | None) -> frame.Snapshot:
    if names is None:
        return snapshot
    there = list(snapshot.features.columns)
    if missing := [name for name in names if name not in there]:
        raise errors.ModelError(
            f"features.{missing[0]}: not among the {len(there)} features of these tables ({len(missing)} missing); "
            "bring the tables the model was trained on"
        )
    return replace(snapshot, features=snapshot.features[[name for name in there if name in set(names)]])
