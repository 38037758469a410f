"""Logging a training that is already written: whatever comes of it, the model is safe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from churn.cli.console import note, steps
from churn.errors import ChurnError
from churn.model.storage import StoredModel
from churn.tracking.place import Place, look_command, tracking_place
from churn.tracking.runs import HeldOutOutcomes, log_training

_INTERRUPTED = 130

no_track_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--no-track", is_flag=True, envvar="CHURN_NO_TRACK", help="Do not log the run to MLflow [variable: CHURN_NO_TRACK]."
)


def track_training(
    stored: StoredModel,
    folder: Path,
    *,
    place: Place | None = None,
    embargo_days: int | None = None,
    held_out: HeldOutOutcomes | None = None,
    source: str = "churn train",
) -> str | None:
    """Log a run, and say how to look at it; where that fails, say so in one line and return None.

    Parameters are those of `churn.tracking.runs.log_training`.
    """
    place = place or tracking_place()
    try:
        with steps() as on_step:
            run_id = log_training(
                stored,
                folder,
                place=place,
                embargo_days=embargo_days,
                held_out=held_out,
                source=source,
                on_step=on_step,
            )
    except ChurnError as error:
        note(f"warning: the run was not logged: {error}")
        note(f"the model is whole; log it later with: churn champion --set {folder}")
        return None
    except KeyboardInterrupt:
        note(f"stopped while the run was logged; {folder} is written and whole")
        raise SystemExit(_INTERRUPTED) from None
    note(f"logged run {run_id}; look at it with: {look_command(place)}")
    return run_id
