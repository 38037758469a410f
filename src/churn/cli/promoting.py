"""What becomes of a comparison: it is logged, and its best challenger is trained, registered and perhaps promoted."""

import datetime as dt
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from churn.cli.console import note, steps
from churn.cli.contenders import CHAMPION, judged_by_its_own
from churn.errors import ChurnError, TrackingError
from churn.evaluation.backtest import Backtest
from churn.evaluation.comparison import Comparison
from churn.evaluation.leaks import Leak
from churn.evaluation.promotion import Decision, decide
from churn.model.recipe import Recipe
from churn.model.storage import StoredModel, read_model, write_model
from churn.tracking.champion import promote, read_standing, set_challenger
from churn.tracking.comparisons import log_comparison
from churn.tracking.place import look_command, tracking_place
from churn.tracking.runs import log_training
from churn.tracking.versions import register

_BY = "churn compare --promote"
_log = logging.getLogger(__name__)


class Compared(NamedTuple):
    """What was compared.

    Attributes
    ----------
    recipes
        By name.
    found
        What they made of the judged customers.
    days
        Snapshots that were built; none of a flat file.
    facts
        Of data and dates.
    leaks
        Features that know too much.
    """

    recipes: Mapping[str, Recipe]
    found: Backtest
    days: Sequence[dt.date]
    facts: Mapping[str, Any]
    leaks: Sequence[Leak]


def decide_compared(comparison: Comparison, compared: Compared) -> Decision:
    """Decide whether the best challenger becomes champion.

    A challenger whose parameters were tuned on a judged snapshot cannot be promoted, for it was chosen by what judges
    it; and nobody is where a feature knows too much.
    """
    judged = [str(date) for date in compared.found.judged.snapshots() if date]
    own = {name: judged_by_its_own(recipe, judged) for name, recipe in compared.recipes.items()}
    for name, splits in own.items():
        if splits:
            _log.warning(
                "%s was tuned on %d of what judges it (%s): its figures flatter it, and it is not promoted",
                name,
                len(splits),
                ", ".join(splits),
            )
    champion = CHAMPION if CHAMPION in compared.recipes else None
    challengers = [name for name in compared.recipes if name != CHAMPION and not own[name]]
    if not challengers:
        return Decision(None, False, "every challenger was tuned on what judges it; compare on later snapshots")
    decision = decide(comparison, champion, challengers)
    if compared.leaks and decision.promote:
        names = ", ".join(leak.feature for leak in compared.leaks)
        return decision._replace(promote=False, reason=f"{decision.reason}; but {names} may know the outcome")
    return decision


def log_compared(comparison: Comparison, compared: Compared, decision: Decision, *, must: bool) -> str | None:
    """Log a comparison and return the run's id; None, with a warning, where it cannot be and need not be logged.

    Raises
    ------
    TrackingError
        It must be logged, and tracking cannot be used.
    """
    try:
        with steps() as on_step:
            run_id = log_comparison(
                comparison,
                compared.recipes,
                decision,
                judged=compared.found.judged,
                facts=compared.facts,
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
