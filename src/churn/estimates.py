"""Numbers that are known with an interval."""

from typing import NamedTuple


class Estimate(NamedTuple):
    """A value and its 95 % interval; None where the data cannot define it.

    Examples
    --------
    >>> Estimate(0.8, 0.7, 0.9)._asdict()
    {'value': 0.8, 'low': 0.7, 'high': 0.9}
    """

    value: float | None
    low: float | None
    high: float | None
