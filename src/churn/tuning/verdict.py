"""Whether tuning helped: defaults and tuned parameters side by side, on rows that no trial saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from churn.evaluation.backtest import judge_snapshot
from churn.evaluation.comparison import PairedTest, compare_models
from churn.model.development import develop
from churn.model.recipe import Recipe
from churn.model.trees import TreeParameters, parameters_to_json
from churn.tuning.plan import Plan
from churn.tuning.study import Trial, find_best, find_defaults, with_tuned

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
        Its 95 % interval, paired by customer; None where not defined.
    p_value
        Two-sided; None where not defined.
    """

    metric: str
    defaults: float | None
    tuned: float | None
    gain: float | None
    low: float | None
    high: float | None
    p_value: float | None


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
    """

    trials: tuple[Trial, ...]
    defaults: Trial
    best: Trial
    parameters: TreeParameters
    gains: tuple[Gain, ...]

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


def conclude(trials: Sequence[Trial], plan: Plan, recipe: Recipe, n_threads: int = 0) -> Tuned:
    """Judge the best trial against the defaults, on the rows no trial saw.

    Parameters
    ----------
    trials
        As from `churn.tuning.study.read_trials`, the defaults among them, complete.
    plan
        Whose final split judges.
    recipe
        As it was searched with.
    n_threads
        At most; 0 takes what the machine has.
    """
    defaults, best = find_defaults(trials), find_best(trials)
    assert defaults is not None
    assert best is not None
    parameters = with_tuned(recipe.parameters, best.parameters)
    return Tuned(tuple(trials), defaults, best, parameters, judge(plan, recipe, parameters, n_threads))


def judge(plan: Plan, recipe: Recipe, tuned: TreeParameters, n_threads: int = 0) -> tuple[Gain, ...]:
    """Compare the recipe's parameters to tuned ones on the final split: log loss and ROC-AUC, paired by customer.

    Intervals and p-values are those of `churn.evaluation.comparison.compare_models`.
    """
    predicted = {}
    for name, parameters in ((DEFAULTS, recipe.parameters), (TUNED, tuned)):
        model, _ = develop(plan.final.development, replace(recipe, parameters=parameters), n_threads)
        predicted[name] = model.predict(plan.final.held_out.features, n_threads=n_threads).probability
    found = compare_models(judge_snapshot(plan.final.held_out, predicted), seed=recipe.seed)
    tests = {test.metric: test for test in found.tests}
    return tuple(
        _gain(name, found.models[DEFAULTS][name].value, found.models[TUNED][name].value, tests.get(name))
        for name in SHOWN
    )


def tuned_document(tuned: Tuned, plan: Plan, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a study found as JSON values; `parameters` is what `churn train --parameters` reads.

    Parameters
    ----------
    tuned, plan
        As from `conclude`, and what it was given.
    facts
        Of the study: its name, where it is kept, and what its losses depend on.
    """
    return {
        "parameters": parameters_to_json(tuned.parameters),
        "objective": {
            "metric": "log_loss",
            "out_of_time": plan.out_of_time,
            "splits": list(plan.names),
            "defaults": tuned.defaults.objective,
            "tuned": tuned.best.objective,
        },
        "final": {
            "as_of": str(plan.final.held_out.as_of) if plan.out_of_time else None,
            "rows": len(plan.final.held_out.customer_id),
            "word": tuned.word,
            "metrics": [gain._asdict() for gain in tuned.gains],
        },
        "study": facts,
        "trials": [trial._asdict() for trial in tuned.trials],
    }


def _gain(metric: str, defaults: float | None, tuned: float | None, test: PairedTest | None) -> Gain:
    if test is None:
        return Gain(metric, defaults, tuned, None, None, None, None)
    if test.better == TUNED:
        return Gain(metric, defaults, tuned, test.difference, test.low, test.high, test.p_value)
    low, high = (None if end is None else 0.0 - end for end in (test.high, test.low))
    return Gain(metric, defaults, tuned, 0.0 - test.difference, low, high, test.p_value)  # 0 - 0 is 0, and -0 is -0
