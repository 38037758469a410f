"""What becomes of a comparison: it is logged, and its best challenger is trained, registered and perhaps promoted."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from churn.cli.console import note, steps
from churn.errors import ChurnError, TrackingError
from churn.evaluation.backtest import Backtest
from churn.evaluation.paired import Comparison
from churn.evaluation.promotion import Decision
from churn.evaluation.segments import evaluate_segments
from churn.model.recipe import Recipe
from churn.model.storage import StoredModel, read_model, write_model
from churn.tracking.champion import promote, read_standing, set_challenger
from churn.tracking.comparisons import log_comparison
from churn.tracking.place import look_command, tracking_place
from churn.tracking.runs import log_training
from churn.tracking.versions import register

_BY = "churn compare --promote"


class Compared(NamedTuple):
    """What was compared: recipes by name, what they made of the judged customers, and facts of the data."""

    recipes: Mapping[str, Recipe]
    found: Backtest
    facts: Mapping[str, Any]


def log_compared(comparison: Comparison, compared: Compared, decision: Decision, *, must: bool) -> str | None:
    """Log a comparison and return the run's id; None, with a warning, where it cannot be and need not be logged.

    Raises
    ------
    TrackingError
        It must be logged, and tracking cannot be used.
    """
    judged = compared.found.judged
    segments = {name: [one.document() for one in evaluate_segments(judged, name)] for name in compared.recipes}
    try:
        with steps() as on_step:
            run_id = log_comparison(
                comparison,
                compared.recipes,
                decision,
                facts=compared.facts,
                segments=segments,
                seconds=compared.found.seconds,
                on_step=on_step,
            )
    except ChurnError as error:
        if must:
            raise
        note(f"warning: the comparison was not logged: {error}")
        return None
    note(f"logged run {run_id}; look at it with: {look_command(tracking_place())}")
    return run_id


def register_challenger(
    train: Callable[[], StoredModel], decision: Decision, before: int | None, *, parent: str, embargo_days: int
) -> int:
    """Train the challenger on everything and register it; it becomes the champion where so decided, last of all.

    Parameters
    ----------
    train
        Gives the model to be stored.
    decision
        Whether it is promoted or kept as the challenger, and why.
    before
        Version of the champion it was compared to; None where there was none.
    parent
        Run of the comparison.
    embargo_days
        Of the training.

    Returns
    -------
    int
        Its version.

    Raises
    ------
    TrackingError
        Tracking cannot be used, or the champion has changed since it was compared; then nothing is promoted.
    """
    with tempfile.TemporaryDirectory(prefix="churn-") as temporary:
        folder = Path(temporary) / "model"
        trained = train()
        write_model(folder, trained)
        with steps() as on_step:
            run_id = log_training(
                read_model(folder),  # back through every check, as churn train does
                folder,
                embargo_days=embargo_days,
                held_out=trained.held_out,
                source=_BY,
                parent=parent,
                on_step=on_step,
            )
            version = register(run_id)
    if decision.promote:
        _require_unchanged(before)
        promote(version, reason=decision.reason, by=_BY)
    else:
        set_challenger(version, reason=decision.reason, by=_BY)
    return version


def _require_unchanged(before: int | None) -> None:
    champion = read_standing().champion
    now = champion.version if champion else None
    if now != before:
        raise TrackingError(f"{tracking_place()}: version {now} became the champion meanwhile; compare again")
