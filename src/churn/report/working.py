"""Whether it works, as much as a page has room for."""

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from churn.actions.progress.build import Progress
from churn.actions.progress.wording import COUNTED
from churn.report.facts_working import Measured, Point, Unitwise, Working

MOST_UNITS = 300
"""Branches or managers a page shows."""


def summarise_working(progress: Progress, branch_id: str | None = None) -> Working:
    """Sort what was measured: of the bank and its branches, or of one branch and its managers."""
    measures = progress.measures
    level: Literal["branch", "manager"] = "branch" if branch_id is None else "manager"
    whole, parts = _of(measures, branch_id), measures[measures["level"] == level]
    if branch_id is not None:
        parts = parts[parts["branch_id"] == branch_id]
    units = list(dict.fromkeys(parts["unit"].tolist()))
    shown = parts[parts["unit"].isin(units[:MOST_UNITS])]
    return Working(
        window_days=progress.window_days,
        horizon_days=progress.horizon_days,
        titles=dict(progress.titles),
        counted=dict(COUNTED),
        whole=_measured(whole),
        level=level,
        units=tuple(Unitwise(str(unit), _measured(rows)) for unit, rows in shown.groupby("unit", sort=False)),
        n_units=len(units),
        series=_series(progress.series, branch_id),
        not_told=tuple(progress.not_told.items()),
        notes=progress.notes,
    )


def _of(frame: pd.DataFrame, branch_id: str | None) -> pd.DataFrame:
    if branch_id is None:
        return frame[frame["level"] == "bank"]
    return frame[(frame["level"] == "branch") & (frame["unit"] == branch_id)]


def _measured(rows: pd.DataFrame) -> dict[str, Measured]:
    return {str(row["measure"]): _one(row) for row in rows.to_dict("records")}


def _one(row: Mapping[Any, Any]) -> Measured:
    value, low, high, target = (_number(row[name]) for name in ("value", "low", "high", "target"))
    return Measured(value, low, high, int(row["n"]), target)


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _series(series: pd.DataFrame, branch_id: str | None) -> dict[str, tuple[Point, ...]]:
    mine = _of(series, branch_id).dropna(subset="value")
    return {
        str(measure): tuple(Point(row["date"], float(row["value"])) for row in rows.to_dict("records"))
        for measure, rows in mine.groupby("measure", sort=False)
    }
