"""Models held against each other, and the registry's champion whose place the best of them may take."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from churn.api import learning
from churn.data import Data, OnStep, Snapshots, say_nothing
from churn.errors import ConfigError, DataError, ModelError, TrackingError
from churn.evaluation.backtest import Backtest, OnLeak
from churn.evaluation.comparison import Comparison, compare_models
from churn.evaluation.promotion import Decision, decide, tuned_on_judged
from churn.features.feature import find_services
from churn.model import split, storage, trees
from churn.model.recipe import Recipe, default_candidates, parse_recipe, recipe_of
from churn.scratch import scratch_folder
from churn.speech import say
from churn.tracking import champion as champions
from churn.tracking import place, runs, versions
from churn.tuning.search import read_parameters

CHAMPION, TUNED = "champion", "tuned"
EARLIER = 8
"""Snapshots before the first judged one, from which it is learnt."""
_log = logging.getLogger(__name__)


class Champion(NamedTuple):
    """The champion: its version in the registry, and its model."""

    version: int
    model: storage.StoredModel

    @property
    def recipe(self) -> Recipe:
        """How it was made."""
        return recipe_of(self.model.model, self.model.manifest)

    @property
    def is_anchored(self) -> bool:
        """Whether it is anchored to the stated rates."""
        return self.model.model.anchoring is not None


class Replaced(NamedTuple):
    """The version that is champion now, and the one that was before; None where there was none."""

    version: int
    before: int | None


@dataclass(frozen=True)
class Compared:
    """Recipes that were compared, and what that decides.

    Attributes
    ----------
    snapshots
        What they were compared on.
    backtest
        What they made of the judged customers.
    comparison
        Every metric of every recipe, and a test of every two.
    decision
        Whether the best challenger takes the champion's place.
    champion
        The registry's, which is among them; None where there was none to compare.
    """

    snapshots: Snapshots
    backtest: Backtest
    comparison: Comparison
    decision: Decision
    champion: Champion | None

    @property
    def facts(self) -> dict[str, Any]:
        """What a run keeps of where the comparison comes from."""
        dates = [str(one.as_of) for one in self.snapshots if one.as_of]
        time = {
            "snapshots": dates,
            "horizon_days": self.snapshots.horizon_days,
            "embargo_days": self.snapshots.config.training.embargo_days,
        }
        judged = [str(date) for date in self.backtest.judged.snapshots() if date]
        data = {name: self.snapshots.facts[name] for name in ("inputs", "row_counts")}
        return {"judged": judged, **(time if dates else {}), **data}


def champion(horizon_days: int | None = None) -> Champion | None:
    """Return the registry's champion, every byte checked; None where there is none.

    Parameters
    ----------
    horizon_days
        What it must have been made for, to be compared; any by default.

    Raises
    ------
    TrackingError
        The registry cannot be read.
    ModelError
        The champion's folder was changed, or it is for another horizon.
    """
    found = champions.get_champion()
    if found is None:
        return None
    version, stored = found
    theirs = stored.manifest.horizon_days
    if horizon_days not in (None, theirs):
        raise ModelError(
            f"champion, version {version}: is for {theirs} days, not {horizon_days}; give --horizon {theirs}"
        )
    return Champion(version, stored)


def set_champion(
    what: int | str | Path, *, reason: str, by: str = "churn.set_champion", on_step: OnStep = say_nothing
) -> Replaced:
    """Make a model the champion by hand; whom it replaces comes back with `roll_back`.

    Parameters
    ----------
    what
        A version's number, a run's id, or the path of a model folder, which is registered first; a string is read as
        the first of these that it can be.
    reason
        Why, kept with the version.
    by
        What does it, kept with the version.
    on_step
        Told what begins next.

    Raises
    ------
    TrackingError
        There is no such version or run, or tracking cannot be used.
    ModelError
        The folder is not a whole model folder, or the version's was changed.
    """
    if isinstance(what, str):
        what = int(what) if what.isdecimal() else Path(what) if Path(what).exists() else what
    version = what if isinstance(what, int) else versions.register(what, on_step=on_step)
    return Replaced(version, champions.promote(version, reason=reason, by=by))


def contenders(
    candidates: Sequence[str] = (),
    *,
    folders: Sequence[Path] = (),
    parameters: Path | None = None,
    champion: Champion | None = None,
    has_bindings: bool = True,
    seed: int = 0,
) -> dict[str, Recipe]:
    """Return the recipes to compare, the champion first.

    Parameters
    ----------
    candidates
        Names, as of `parse_recipe`; without any, and without folders, every installed one.
    folders
        Model folders, whose recipes stand under the folders' names.
    parameters
        A file from `churn tune`: one more candidate, "tuned".
    champion
        Its recipe is compared too.
    has_bindings
        Whether the data can have bindings, so that the monotone candidate makes sense.
    seed
        Of what is given by name.

    Raises
    ------
    ConfigError
        A name stands for two models, there is only one, or the file of parameters cannot be used.
    ModelError
        A candidate cannot be made.
    """
    given = [(CHAMPION, champion.recipe)] if champion else []
    named = candidates or ([] if folders else default_candidates(has_bindings=has_bindings))
    given += [(name, parse_recipe(name, seed=seed)) for name in dict.fromkeys(named)]
    for folder in folders:
        stored = storage.read_model(folder)
        given.append((_folder_name(folder), recipe_of(stored.model, stored.manifest)))
    if parameters is not None:
        given.append((TUNED, replace(read_parameters(parameters), seed=seed)))
    names = [name for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"{twice}: names two models; rename the folder")
    return _require_two(dict(given))


def compare(
    snapshots: Snapshots,
    candidates: Mapping[str, Recipe] | Sequence[str] = (),
    *,
    champion: Champion | None = None,
    needs_champion: bool = True,
    n_judged: int = split.N_JUDGED,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
    on_leak: OnLeak = learning.warn_of_leak,
) -> Compared:
    """Backtest recipes, test every two against each other, and decide whether the best takes the champion's place.

    Recipes that make the same model of these snapshots as one before them are left out, with a warning.

    Parameters
    ----------
    snapshots
        Of `build_snapshots`.
    candidates
        By the name each is reported under; or names alone, as `churn compare --candidate` takes them, by default
        every installed one. One called "champion" has the place that the others are compared for.
    champion
        The registry's, of `champion`, which is compared too; an anchored one as it was before, with a warning.
    needs_champion
        Whether a champion that was made of other data is an error; else it is left out, with a warning.
    n_judged, seed, n_threads, on_step, on_leak
        As for `backtest`.

    Raises
    ------
    ConfigError
        Fewer than two recipes are left.
    ModelError
        The champion was made of other data, and is needed.
    TimeRangeError, DataError
        As for `backtest`.
    """
    features = list(map(str, snapshots[0].features))
    if isinstance(candidates, Mapping):
        named = {**({CHAMPION: champion.recipe} if champion else {}), **candidates}
    else:
        bound = {one.name for one in find_services(snapshots.catalogue).values()}
        named = contenders(candidates, champion=champion, has_bindings=not bound.isdisjoint(features), seed=seed)
    recipes = _without_same(_without_strange(named, features, must_answer=needs_champion), features)
    found = learning.backtest(
        snapshots, recipes, n_judged=n_judged, seed=seed, n_threads=n_threads, on_step=on_step, on_leak=on_leak
    )
    on_step("comparing the models")
    comparison = compare_models(found.judged, campaign=snapshots.config.campaign, seed=seed)
    for name, splits in tuned_on_judged(found).items():
        _log.warning(
            "%s was tuned on %d of what judges it (%s): its figures flatter it, and it is not promoted",
            *(name, len(splits), ", ".join(splits)),
        )
    if champion is not None and CHAMPION in recipes and champion.is_anchored:
        _log.warning("the champion is anchored to the stated rates; it was compared as it was before")
    decision = decide(comparison, found, CHAMPION if CHAMPION in recipes else None)
    return Compared(snapshots, found, comparison, decision, champion if CHAMPION in recipes else None)


def log_comparison(compared: Compared, *, on_step: OnStep = say_nothing) -> str:
    """Log a comparison as a run of MLflow with a child run per model; return the run's id.

    Raises
    ------
    TrackingError
        The database or the server cannot be used.
    """
    return runs.log_comparison(
        compared.comparison, compared.backtest, compared.decision, facts=compared.facts, on_step=on_step
    )


def promote(
    compared: Compared,
    *,
    anchor: Data | None = None,
    parent: str | None = None,
    by: str = "churn.promote",
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
) -> int | None:
    """Train the best challenger on all snapshots and register it; it becomes the champion where so decided.

    Otherwise it becomes the challenger, and the champion stays. A challenger of an anchored champion is anchored too.

    Parameters
    ----------
    compared
        Of `compare`, with the registry's champion.
    anchor
        The open data, needed where the champion is anchored.
    parent
        Run of the comparison, of `log_comparison`, which is called by default.
    by
        What does it, kept with the version.
    n_threads, on_step
        As for `train`.

    Returns
    -------
    int or None
        The challenger's version; None where there is none.

    Raises
    ------
    DataError
        The champion is anchored, and there are no data to anchor on.
    TrackingError
        Tracking cannot be used, or the champion has changed since it was compared; then nothing is promoted.
    """
    decision, is_anchored = compared.decision, compared.champion is not None and compared.champion.is_anchored
    if decision.challenger is None:
        return None
    if is_anchored and anchor is None:
        raise DataError("promote: the champion is anchored to the stated rates; give the open data as anchor")
    run = parent or log_comparison(compared, on_step=on_step)
    trained = learning.train(
        compared.snapshots,
        compared.backtest.recipes[decision.challenger],
        anchor=anchor if is_anchored else None,
        n_threads=n_threads,
        on_step=on_step,
    )
    version = _register(compared, trained, parent=run, by=by, on_step=on_step)
    if decision.promote:
        _require_unchanged(compared.champion)
        champions.promote(version, reason=say(decision.reason, "en"), by=by)
    else:
        champions.set_challenger(version, reason=say(decision.reason, "en"), by=by)
    return version


def _register(compared: Compared, trained: storage.StoredModel, *, parent: str, by: str, on_step: OnStep) -> int:
    with scratch_folder() as temporary:
        folder = temporary / "model"
        run_id = runs.log_training(
            storage.store_model(folder, trained),
            folder,
            embargo_days=compared.snapshots.config.training.embargo_days,
            held_out=trained.held_out,
            source=by,
            parent=parent,
            on_step=on_step,
        )
        return versions.register(run_id)


def _require_unchanged(before: Champion | None) -> None:
    champion = champions.read_standing().champion
    now = champion.version if champion else None
    if now != (before and before.version):
        raise TrackingError(f"{place.tracking_place()}: version {now} became the champion meanwhile; compare again")


def _folder_name(folder: Path) -> str:
    """Name a folder's recipe, so that it is not taken for the registry's champion or for tuned parameters."""
    name = folder.resolve().name
    return f"{name} (folder)" if name in (CHAMPION, TUNED) else name


def _without_strange(recipes: Mapping[str, Recipe], features: Sequence[str], *, must_answer: bool) -> dict[str, Recipe]:
    """Leave out a champion that was made of other data, with a warning, or refuse it where it must be compared."""
    champion = recipes.get(CHAMPION)
    missing = sorted(set(champion.only or ()) - set(features)) if champion else []
    if not missing:
        return dict(recipes)
    why = f"{len(missing)} of its features, such as {missing[0]}, are not among those of these data"
    if must_answer:
        raise ModelError(f"champion: {why}; bring the tables it was trained on, or track elsewhere")
    _log.warning("the champion is left out: %s", why)
    return _require_two({name: recipe for name, recipe in recipes.items() if name != CHAMPION})


def _without_same(recipes: Mapping[str, Recipe], features: Sequence[str]) -> dict[str, Recipe]:
    """Leave out those that make the same model as one before them, of these features, with a warning."""
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
        raise ConfigError(f"only {''.join(recipes)} is there to compare; give another with --candidate or --model")
    return recipes


def _plain(recipe: Recipe, features: Sequence[str]) -> Recipe:
    """Return a recipe by which two that make the same model are equal."""
    only = tuple(sorted(features if recipe.only is None else recipe.only))
    parameters = recipe.parameters if "lightgbm" in recipe.learners else trees.TreeParameters()
    seed = 0 if recipe.learners == ("scorecard",) else recipe.seed  # nothing in it is drawn
    learners = tuple(sorted(recipe.learners))  # a mean does not ask for an order
    return replace(recipe, learners=learners, only=only, parameters=parameters, seed=seed, tuned_on=())
