"""`churn champion`."""

from pathlib import Path
from typing import Any

import click

from churn.api import comparing
from churn.cli import console, options
from churn.model.storage import require_model_place
from churn.tracking import place, versions
from churn.tracking.champion import Standing, Version, read_standing, roll_back

_SHOWN = ("roc_auc", "average_precision", "log_loss", "brier_score", "calibration_slope", "top_decile_lift")


@click.command()
@click.option("--set", "chosen", metavar="VERSION|RUN|MODEL", help="Make this the champion, by hand.")
@click.option("--back", is_flag=True, help="Bring the previous champion back.")
@click.option("--reason", help="Why, to be kept with the version [default: by hand].")
@click.option("-o", "--output", type=options.PATH, help="Write the champion's model folder.")
@options.json_option
def champion(chosen: str | None, back: bool, reason: str | None, output: Path | None, as_json: bool) -> None:
    """Show champion and challenger, or change them by hand.

    They are versions in MLflow's registry: mlruns/mlflow.db below the current folder, or where MLFLOW_TRACKING_URI
    points. --set takes a version, a run's id or a model folder. The exit code is 1 where there is no champion.

    \b
    Example:  churn champion
              churn champion --set models/first --reason "first model"
              churn champion --back --reason "the new one ranks VIPs too low"
              churn champion -o models/champion
    """
    _require_usable(chosen, back, reason)
    if output is not None:
        require_model_place(output)
    if chosen is not None:
        _set(chosen, reason or "by hand")
    elif back:
        number = roll_back(reason=reason or "by hand", by="churn champion --back, by hand")
        console.note(f"version {number} is the champion again")
    standing = read_standing()
    if as_json:
        console.print_json(standing_document(standing))
    elif standing.champion:
        print_standing(standing)
    if standing.champion is None:
        console.note(f"there is no champion in {place.tracking_place()}; make one with churn champion --set MODEL")
        raise click.exceptions.Exit(1)
    if output is not None:
        versions.fetch_model(versions.CHAMPION, output)
        console.note(f"wrote {output}")


def _require_usable(chosen: str | None, back: bool, reason: str | None) -> None:
    if chosen is not None and back:
        raise click.UsageError("--set and --back: give one of them")
    if reason is not None and chosen is None and not back:
        raise click.UsageError("--reason: goes with --set or --back")


def _set(chosen: str, reason: str) -> None:
    with console.steps() as on_step:
        version, before = comparing.set_champion(
            chosen, reason=reason, by="churn champion --set, by hand", on_step=on_step
        )
    replaced = "" if before is None else f"; version {before} was, and comes back with --back"
    console.note(f"version {version} is the champion, by hand{replaced}")


def standing_document(standing: Standing) -> dict[str, Any]:
    """Return who is what as JSON values: null where there is none."""
    parts = standing._asdict().items()
    return {"tracking": str(place.tracking_place())} | {role: version and version._asdict() for role, version in parts}


def print_standing(standing: Standing) -> None:
    """Print champion, challenger and previous champion side by side."""
    roles = {role.replace("_", " "): version for role, version in standing._asdict().items() if version}
    told = {role: _lines(version) for role, version in roles.items()}
    rows = [(name, *(lines[name] for lines in told.values())) for name in next(iter(told.values()))]
    console.print_table(f"Models in {place.tracking_place()}", ("", *told), rows, left=range(1 + len(told)))


def _lines(version: Version) -> dict[str, str]:
    snapshots = version.snapshots
    span = f"{len(snapshots)}, {snapshots[0]} to {snapshots[-1]}" if snapshots else "a flat file"
    return {
        "version": str(version.version),
        "model id": version.model_id,
        "snapshots": span,
        **{name.replace("_", " "): _metric(version, name) for name in _SHOWN},
        "since": version.since or "–",
        "by": version.by or "–",
        "reason": version.reason or "–",
        "run": version.run_id,
    }


def _metric(version: Version, name: str) -> str:
    value, low, high = (version.metrics.get(f"{name}{end}") for end in ("", "_low", "_high"))
    between = "" if low is None or high is None else f" ({console.interval(low, high, console.number)})"
    return f"{console.number(value)}{between}"
