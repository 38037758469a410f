"""Churn prediction for retail banks: which customers will leave, how sure that is, and what would keep them.

Names are imported when they are first used, so that `import churn` itself takes milliseconds; docs/python.md has a
page for each use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn.api.acting import lists, plan_day, progress, write_plan
    from churn.api.answers import anchor, anchoring_warnings, baselines, explain_customer
    from churn.api.comparing import champion, compare, contenders, log_comparison, promote, set_champion
    from churn.api.explaining import explain_bindings, write_explanation
    from churn.api.learning import backtest, log_tuning, train, tune, write_tuned
    from churn.api.reporting import page
    from churn.charts.bindings import draw_bindings
    from churn.config.settings import Config, read_config
    from churn.data import build_frame, build_snapshots, check, open_bank, open_data, open_file
    from churn.errors import ChurnError
    from churn.evaluation.comparison import compare_models
    from churn.evaluation.segments import evaluate_segments
    from churn.features.catalogue import feature_catalogue
    from churn.model.estimator import ChurnModel
    from churn.model.recipe import Recipe
    from churn.model.storage import read_model, write_model
    from churn.scoring import score, write_scores
    from churn.simulation.bank import simulate_bank
    from churn.speech.message import say
    from churn.tracking.champion import read_standing, roll_back
    from churn.tracking.runs import log_training
    from churn.tracking.versions import fetch_model

__all__ = [
    "ChurnError",
    "ChurnModel",
    "Config",
    "Recipe",
    "anchor",
    "anchoring_warnings",
    "backtest",
    "baselines",
    "build_frame",
    "build_snapshots",
    "champion",
    "check",
    "compare",
    "compare_models",
    "contenders",
    "draw_bindings",
    "evaluate_segments",
    "explain_bindings",
    "explain_customer",
    "feature_catalogue",
    "fetch_model",
    "lists",
    "log_comparison",
    "log_training",
    "log_tuning",
    "open_bank",
    "open_data",
    "open_file",
    "page",
    "plan_day",
    "progress",
    "promote",
    "read_config",
    "read_model",
    "read_standing",
    "roll_back",
    "say",
    "score",
    "set_champion",
    "simulate_bank",
    "train",
    "tune",
    "write_explanation",
    "write_model",
    "write_plan",
    "write_scores",
    "write_tuned",
]

_PLACES = {
    "churn.api.acting": ("lists", "plan_day", "progress", "write_plan"),
    "churn.api.answers": ("anchor", "anchoring_warnings", "baselines", "explain_customer"),
    "churn.api.comparing": ("champion", "compare", "contenders", "log_comparison", "promote", "set_champion"),
    "churn.api.explaining": ("explain_bindings", "write_explanation"),
    "churn.api.learning": ("backtest", "log_tuning", "train", "tune", "write_tuned"),
    "churn.api.reporting": ("page",),
    "churn.charts.bindings": ("draw_bindings",),
    "churn.config.settings": ("Config", "read_config"),
    "churn.data": ("build_frame", "build_snapshots", "check", "open_bank", "open_data", "open_file"),
    "churn.errors": ("ChurnError",),
    "churn.evaluation.comparison": ("compare_models",),
    "churn.evaluation.segments": ("evaluate_segments",),
    "churn.features.catalogue": ("feature_catalogue",),
    "churn.model.estimator": ("ChurnModel",),
    "churn.model.recipe": ("Recipe",),
    "churn.model.storage": ("read_model", "write_model"),
    "churn.scoring": ("score", "write_scores"),
    "churn.simulation.bank": ("simulate_bank",),
    "churn.speech.message": ("say",),
    "churn.tracking.champion": ("read_standing", "roll_back"),
    "churn.tracking.runs": ("log_training",),
    "churn.tracking.versions": ("fetch_model",),
}
_PLACE = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name not in _PLACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PLACE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, whether or not they were used yet."""
    return sorted({*globals(), *__all__})
