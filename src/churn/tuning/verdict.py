"""Whether tuning helped: defaults and tuned parameters side by side, on rows that no trial saw."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from churn.errors import ConfigError
from churn.evaluation import backtest, comparison
from churn.model import development, split, trees
from churn.model.recipe import Recipe
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

    trials: tuple[Trial, ...]
    defaults: Trial
    best: Trial
    parameters: trees.TreeParameters
    gains: tuple[Gain, ...]
    apart: split.KeptApart
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


def conclude(trials: Sequence[Trial], apart: split.KeptApart, recipe: Recipe, study: Mapping[str, str]) -> Tuned:
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
    defaults, best = find_defaults(trials), find_best(trials)
    assert defaults is not None
    assert best is not None
    parameters = with_tuned(recipe.parameters, best.parameters)
    return Tuned(
        trials=tuple(trials),
        defaults=defaults,
        best=best,
        parameters=parameters,
        gains=judge(apart, recipe, parameters),
        apart=apart,
        study=study,
    )


def judge(apart: split.KeptApart, recipe: Recipe, tuned: trees.TreeParameters) -> tuple[Gain, ...]:
    """Compare the recipe's parameters to tuned ones on the final split: log loss and ROC-AUC, paired by customer.

    Intervals and p-values are those of `churn.evaluation.comparison.compare_models`.
    """
    predicted = {}
    for name, parameters in ((DEFAULTS, recipe.parameters), (TUNED, tuned)):
        predicted[name] = development.develop(apart.final, replace(recipe, parameters=parameters)).probability
    found = comparison.compare_models(backtest.judge_snapshot(apart.final.held_out, predicted), seed=recipe.seed)
    tests = {test.metric: test for test in found.tests}
    return tuple(
        _gain(name, found.models[DEFAULTS][name].value, found.models[TUNED][name].value, tests.get(name))
        for name in SHOWN
    )


def read_parameters(path: Path) -> Recipe:
    """Read the parameters that `churn tune` wrote, as LightGBM's recipe.

    Raises
    ------
    ConfigError
        The file cannot be read, or says something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
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
