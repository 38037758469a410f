"""Trying parameters, the defaults first, then what the trials so far suggest; and whether that gained anything."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from churn.data import OnStep, say_nothing
from churn.errors import ConfigError
from churn.evaluation import backtest, comparison
from churn.evaluation.metrics import log_loss
from churn.model import development, trees
from churn.model.recipe import Recipe
from churn.model.split import KeptApart, Split, outcomes
from churn.tuning import study as studies

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
    if not waiting and studies.find_defaults(studies.read_trials(study)) is None:
        study.enqueue_trial(studies.tuned_part(trees.TreeParameters()))


def _n_ended(study: "optuna.Study") -> int:
    return sum(trial.state != "failed" for trial in studies.read_trials(study))


def _describe(study: "optuna.Study", ended: int, n_trials: int) -> str:
    best = studies.find_best(studies.read_trials(study))
    so_far = "the defaults" if best is None else f"best so far {best.objective:.5f}"
    return f"trial {ended + 1} of {n_trials}: {so_far}"


def _try_one(study: "optuna.Study", splits: Sequence[Split], recipe: Recipe, ended: int) -> None:
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    seed = int(np.random.SeedSequence([recipe.seed, ended]).generate_state(1)[0])
    study.sampler = TPESampler(seed=seed)
    trial = study.ask(studies.distributions())
    tried = replace(recipe, parameters=studies.with_tuned(recipe.parameters, trial.params))
    try:
        losses = _losses(study, trial, splits, tried)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    trial.set_user_attr(studies.LOSSES, losses)
    if len(losses) < len(splits):
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, float(np.mean(losses)))


def _losses(study: "optuna.Study", trial: "optuna.Trial", splits: Sequence[Split], recipe: Recipe) -> list[float]:
    """Loss of each split, until the trial is given up."""
    defaults = studies.find_defaults(studies.read_trials(study))
    losses: list[float] = []
    for at, split in enumerate(splits, start=1):
        losses.append(split_loss(split, recipe))
        # differences, since one date is harder to predict than another, and the pruner compares across them
        reference = losses if defaults is None else defaults.losses[:at]
        trial.report(float(np.mean(np.subtract(losses, reference))), at)
        if at < len(splits) and trial.should_prune():
            break
    return losses


DEFAULTS, TUNED = "defaults", "tuned"
SHOWN = ("log_loss", "roc_auc")

Word = Literal["helped", "harmed", "not beyond noise", "same parameters"]


class Gain(NamedTuple):
    """One metric of both on the rows kept apart.

    Attributes
    ----------
    metric
        Its name.
    defaults, tuned
        Values; None where not defined.
    gain
        By how much the tuned parameters are better: negative where they are worse, whichever way the metric points.
    low, high
        Its 95 % interval, paired by customer; None where not defined.
    p_value
        Two-sided; None where not defined.
    """

    metric: str
    defaults: float | None
    tuned: float | None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Tuned:
    """What a study found.

    Attributes
    ----------
    trials
        All that ended, in the order of trying.
    defaults, best
        The complete trial of the defaults, and that of the least objective; the same where nothing was better.
    parameters
        Of the best trial, whole.
    gains
        On the rows kept apart.
    apart
        What the trials were judged by, and what was kept apart.
    study
        The study's name, where it is kept, and what its losses depend on.
    """

    trials: tuple[studies.Trial, ...]
    defaults: studies.Trial
    best: studies.Trial
    parameters: trees.TreeParameters
    gains: tuple[Gain, ...]
    apart: KeptApart
    study: Mapping[str, str]

    @property
    def recipe(self) -> Recipe:
        """LightGBM with these parameters, and what they were tuned on."""
        return Recipe(parameters=self.parameters, tuned_on=tuple(self.apart.names))

    @property
    def word(self) -> Word:
        """Whether tuning helped, by the interval of the log loss on the rows kept apart."""
        if self.best.number == self.defaults.number:
            return "same parameters"
        loss = next(gain for gain in self.gains if gain.metric == "log_loss")
        if loss.low is not None and loss.low > 0:
            return "helped"
        return "harmed" if loss.high is not None and loss.high < 0 else "not beyond noise"

    def count(self, state: str) -> int:
        """Return how many trials ended so."""
        return sum(trial.state == state for trial in self.trials)

    def document(self) -> dict[str, Any]:
        """Return what was found as JSON values; `parameters` is what `churn train --parameters` reads."""
        held_out = self.apart.final.held_out
        return {
            "parameters": trees.parameters_to_json(self.parameters),
            "objective": {
                "metric": "log_loss",
                "out_of_time": self.apart.final.out_of_time,
                "splits": list(self.apart.names),
                "defaults": self.defaults.objective,
                "tuned": self.best.objective,
            },
            "final": {
                "as_of": str(held_out.as_of) if held_out.as_of else None,
                "rows": len(held_out.customer_id),
                "word": self.word,
                "metrics": [gain._asdict() for gain in self.gains],
            },
            "study": dict(self.study),
            "trials": [trial._asdict() for trial in self.trials],
        }


def conclude(trials: Sequence[studies.Trial], apart: KeptApart, recipe: Recipe, study: Mapping[str, str]) -> Tuned:
    """Judge the best trial against the defaults, on the rows no trial saw.

    Parameters
    ----------
    trials
        As from `churn.tuning.study.read_trials`, the defaults among them, complete.
    apart
        Whose final split judges.
    recipe
        As it was searched with.
    study
        Facts of the study: its name, where it is kept, and what its losses depend on.
    """
    defaults, best = studies.find_defaults(trials), studies.find_best(trials)
    assert defaults is not None
    assert best is not None
    parameters = studies.with_tuned(recipe.parameters, best.parameters)
    return Tuned(
        trials=tuple(trials),
        defaults=defaults,
        best=best,
        parameters=parameters,
        gains=judge(apart, recipe, parameters),
        apart=apart,
        study=study,
    )


def judge(apart: KeptApart, recipe: Recipe, tuned: trees.TreeParameters) -> tuple[Gain, ...]:
    """Compare the recipe's parameters to tuned ones on the final split: log loss and ROC-AUC, paired by customer.

    Intervals and p-values are those of `churn.evaluation.comparison.compare_models`.
    """
    predicted = {}
    for name, parameters in ((DEFAULTS, recipe.parameters), (TUNED, tuned)):
        predicted[name] = development.develop(apart.final, replace(recipe, parameters=parameters)).probability
    found = comparison.compare_models(backtest.judge_snapshots([apart.final.held_out], predicted), seed=recipe.seed)
    tests = {test.metric: test for test in found.tests}
    return tuple(
        _gain(name, found.models[DEFAULTS][name].value, found.models[TUNED][name].value, tests.get(name))
        for name in SHOWN
    )


def read_parameters(path: Path | str) -> Recipe:
    """Read the parameters that `churn tune` wrote, as LightGBM's recipe.

    Raises
    ------
    ConfigError
        The file cannot be read, or says something else.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        splits = document.get("objective", {}).get("splits", [])
        return Recipe(parameters=trees.parameters_from_json(document["parameters"]), tuned_on=tuple(map(str, splits)))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a file from churn tune") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: holds no parameters; give a file from churn tune") from error


def _gain(metric: str, defaults: float | None, tuned: float | None, test: comparison.PairedTest | None) -> Gain:
    if test is None:
        return Gain(metric, defaults, tuned)
    gain, low, high = test.difference, test.low, test.high
    if test.better != TUNED:
        gain = 0.0 - gain  # 0 - 0 is 0, and -0 is -0
        low, high = (None if end is None else 0.0 - end for end in (high, low))
    return Gain(metric, defaults, tuned, gain=gain, low=low, high=high, p_value=test.p_value)
