"""What a catalogue entry is."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["coverage", "bindings", "contacts", "pnl", "activity", "relationship"]


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes
    ----------
    name
        Unit and window are part of it.
    family
        The module that builds it.
    unit
        count, 0/1, days, years, yuan, share (a fraction of one), ratio, level.
    window_days
        How far it looks back; None where it describes the state at `as_of`.
    en, zh
        What it means, in English and Chinese.
    actionable
        Whether a manager can change it.
    tables
        The tables it needs besides customers and holdings.
    """

    name: str
    family: Family
    unit: str
    window_days: int | None
    en: str
    zh: str
    actionable: bool
    tables: tuple[str, ...] = ()
