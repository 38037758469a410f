"""A simulated bank's true effects beside the estimates, and a grade for each verdict."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from churn.errors import DataError
from churn.estimates import Estimate
from churn.explanation.bindings import BindingRow

Grade = Literal["right", "wrong", "open"]
GROUPS = {"bound": "att", "unbound": "atu", "itt": "itt", "late": "late"}


class Graded(NamedTuple):
    """The truth about one service, and how the table did.

    Attributes
    ----------
    service
        Its name.
    att, atu, itt, late
        True effects as changes of the churn probability; None where the truth does not tell.
    att_covered, atu_covered, itt_covered, late_covered
        Whether the estimate's interval holds the truth; None without either.
    grade
        "open" where the verdict claims nothing.
    """

    service: str
    att: float | None
    atu: float | None
    itt: float | None
    late: float | None
    att_covered: bool | None
    atu_covered: bool | None
    itt_covered: bool | None
    late_covered: bool | None
    grade: Grade


def read_truth(folder: Path) -> dict[str, dict[str, float]]:
    """Read a simulated bank's true effects: att, atu, itt and late by service, offers pooled by their size.

    Raises
    ------
    DataError
        The folder or one of its files is not there, or is damaged.
    """
    found: dict[str, dict[str, float]] = {}
    for name in ("effects.parquet", "campaigns.parquet"):
        path = folder / name
        try:
            rows = pd.read_parquet(path, columns=["service", "group", "n", "effect"])
            rows = rows.astype({"n": float, "effect": float})
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path}: no true effects are there; --truth is for banks made by churn simulate"
            ) from error
        rows = rows[rows["group"].isin(GROUPS) & rows["effect"].notna()]
        for (service, group), part in rows.groupby(["service", "group"]):
            weighted = float((part["n"] * part["effect"]).sum() / part["n"].sum())
            found.setdefault(str(service), {})[GROUPS[str(group)]] = weighted
    return found


def grade_bindings(rows: Sequence[BindingRow], truth: dict[str, dict[str, float]], worthwhile: float) -> list[Graded]:
    """Grade each row.

    Cuts and suggests are right where the true effect on those who bind (LATE where offers were made, else ATU) is
    below zero, raises where it is above, no effect where it is smaller than `worthwhile` either way.
    """
    return [_grade(row, truth.get(row.service, {}), worthwhile) for row in rows]


def _grade(row: BindingRow, truth: dict[str, float], worthwhile: float) -> Graded:
    att, atu, itt, late = (truth.get(name) for name in ("att", "atu", "itt", "late"))
    return Graded(
        service=row.service,
        att=att,
        atu=atu,
        itt=itt,
        late=late,
        att_covered=_covers(att, row.att),
        atu_covered=_covers(atu, row.atu),
        itt_covered=_covers(itt, row.itt),
        late_covered=_covers(late, row.late),
        grade=_judge(row, late if row.evidence == "randomised" else atu, worthwhile),
    )


def _covers(truth: float | None, estimate: Estimate) -> bool | None:
    _, low, high = estimate
    return None if truth is None or low is None or high is None else low <= truth <= high


def _judge(row: BindingRow, truth: float | None, worthwhile: float) -> Grade:
    if truth is None or row.verdict == "cannot_tell":
        return "open"
    right = {"cuts": truth < 0, "suggests": truth < 0, "raises": truth > 0, "no_effect": abs(truth) < worthwhile}[
        row.verdict
    ]
    return "right" if right else "wrong"
