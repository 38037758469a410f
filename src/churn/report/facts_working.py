"""What a page says of whether it works."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal, NamedTuple

from churn.explanation.reasons.amounts import Pair


class Measured(NamedTuple):
    """One measure of one unit, with its interval; None where not known."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    target: float | None


class Unitwise(NamedTuple):
    """What was measured of a branch or a manager, by measure."""

    unit: str
    measured: dict[str, Measured]


class Point(NamedTuple):
    """A month's value."""

    date: dt.date
    value: float


@dataclass(frozen=True)
class Working:
    """Whether it works.

    Attributes
    ----------
    window_days, horizon_days
        What "lately" means, and within how many days leaving counts.
    titles, counted
        Words of each measure, in order, and of what it is counted over.
    whole
        Of the bank, or of the page's branch.
    level
        What `units` are: branch or manager.
    units
        At most as many as the page has room for.
    n_units
        Of all.
    series
        By measure.
    not_told
        Measure, and why it cannot be told.
    notes
        What a reader must know.
    """

    window_days: int
    horizon_days: int
    titles: dict[str, Pair]
    counted: dict[str, Pair]
    whole: dict[str, Measured]
    level: Literal["branch", "manager"]
    units: tuple[Unitwise, ...]
    n_units: int
    series: dict[str, tuple[Point, ...]]
    not_told: tuple[tuple[str, Pair], ...]
    notes: tuple[Pair, ...]
