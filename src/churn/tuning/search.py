"""Trying parameters: the defaults first, then what the trials so far suggest."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from churn.data import OnStep, say_nothing
from churn.evaluation.metrics import log_loss
from churn.model import development, trees
from churn.model.recipe import Recipe
from churn.model.split import KeptApart, Split, outcomes
from churn.tuning.study import LOSSES, distributions, find_best, find_defaults, read_trials, tuned_part, with_tuned

if TYPE_CHECKING:
    import optuna


def search(
    study: "optuna.Study",
    apart: KeptApart,
    recipe: Recipe,
    *,
    n_trials: int,
    seconds: float | None = None,
    on_step: OnStep = say_nothing,
) -> None:
    """Try parameters until the study holds so many complete or pruned trials, or the time is up.

    A trial's objective is the mean log loss over the splits, each of a model that was calibrated without the rows
    held out (`churn.model.development.develop`). The first trial is that of the defaults, so that the best is never
    worse than they on the objective. After each split the mean difference from the defaults so far is reported, and a
    trial is given up where it is worse than the median of the complete ones after as many splits.

    Samples are drawn by TPE (Bergstra et al. 2011,
    https://proceedings.neurips.cc/paper/2011/hash/86e8f7ab32cfd12577bc2619bc635690-Abstract.html). Each draw is
    seeded by the recipe's seed and the number of trials that were complete or given up before it: a search that was
    killed and goes on tries what it would have tried.

    Parameters
    ----------
    study
        As from `open_study`.
    apart
        Its final split is not looked at.
    recipe
        LightGBM's; its parameters are replaced by those tried.
    n_trials
        In the study, with those there already; at least 1.
    seconds
        After which no trial begins; the defaults are tried in any case.
    on_step
        Told which trial begins.
    """
    begun = time.monotonic()
    _enqueue_defaults(study)
    while (ended := _n_ended(study)) < n_trials:
        if ended and seconds is not None and time.monotonic() - begun >= seconds:
            return
        on_step(_describe(study, ended, n_trials))
        _try_one(study, apart.splits, recipe, ended)


def split_loss(split: Split, recipe: Recipe) -> float:
    """Log loss, in nats, on the rows held out of a split, of a model made of the others; smaller is better."""
    return log_loss(outcomes(split.held_out), development.develop(split, recipe).probability)


def _enqueue_defaults(study: "optuna.Study") -> None:
    from optuna.trial import TrialState

    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if not waiting and find_defaults(read_trials(study)) is None:
        study.enqueue_trial(tuned_part(trees.TreeParameters()))


def _n_ended(study: "optuna.Study") -> int:
    return sum(trial.state != "failed" for trial in read_trials(study))


def _describe(study: "optuna.Study", ended: int, n_trials: int) -> str:
    best = find_best(read_trials(study))
    so_far = "the defaults" if best is None else f"best so far {best.objective:.5f}"
    return f"trial {ended + 1} of {n_trials}: {so_far}"


def _try_one(study: "optuna.Study", splits: Sequence[Split], recipe: Recipe, ended: int) -> None:
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    seed = int(np.random.SeedSequence([recipe.seed, ended]).generate_state(1)[0])
    study.sampler = TPESampler(seed=seed)
    trial = study.ask(distributions())
    tried = replace(recipe, parameters=with_tuned(recipe.parameters, trial.params))
    try:
        losses = _losses(study, trial, splits, tried)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    trial.set_user_attr(LOSSES, losses)
    if len(losses) < len(splits):
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, float(np.mean(losses)))


def _losses(study: "optuna.Study", trial: "optuna.Trial", splits: Sequence[Split], recipe: Recipe) -> list[float]:
    """Loss of each split, until the trial is given up."""
    defaults = find_defaults(read_trials(study))
    losses: list[float] = []
    for at, split in enumerate(splits, start=1):
        losses.append(split_loss(split, recipe))
        # differences, since one date is harder to predict than another, and the pruner compares across them
        reference = losses if defaults is None else defaults.losses[:at]
        trial.report(float(np.mean(np.subtract(losses, reference))), at)
        if at < len(splits) and trial.should_prune():
            break
    return losses
