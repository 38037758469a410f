"""A catalogue entry: all that anybody asks of a feature, said once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Literal

import numpy as np
import pandas as pd

from churn.speech import LANGUAGES, InUnit, Plain, Said, message, say

Family = Literal["coverage", "bindings", "contacts", "pnl", "activity", "relationship"]
Role = Literal[
    "bound", "bound_days", "n_bound", "n_eligible", "share_bound", "unbinding", "held", "n_held", "n_sticky",
    "coverage", "opening", "closing", "class_1", "unrealised", "since_loss", "referrals",
]  # fmt: skip
Phrase = Callable[[float, bool], Said | None]
"""From a value (NaN where missing) and whether it raises the risk to what it says; None where it says nothing."""
ANY_SERVICE = "*"
COUNTED = ("count", "yuan", "0/1", "level")
"""Units of what is 0 where a customer has no row in a table; shares, ratios and recencies are missing there."""
LOSS, CONTACT, TREND = "loss", "contact", "asset_trend"
"""Stories that families share."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature: a column of a bank's frame, or a file's own column.

    Attributes
    ----------
    name
        Unit and window are part of it.
    family
        The module that builds it; empty of a file's own column.
    unit
        count, 0/1, days, years, yuan, share (a fraction of one), ratio, level; empty of a file's own column.
    window_days
        How far it looks back; None where it describes the state at `as_of`.
    meaning
        Its meaning.
    actionable
        Whether a manager can change it.
    tables
        The tables it needs besides customers and holdings.
    service
        The service it is of: it says whether, or how long, that one is bound.
    product
        The product it is of: whether it is held, or, of a service's feature, what has to be held for it to be bound.
    role
        Its part, for code that must find it. Of services: whether one is bound ("bound", 0 or 1) and for how many
        days ("bound_days"), how many are ("n_bound") or could be ("n_eligible"), and the share that is
        ("share_bound"). Of products: whether one is held ("held", 0 or 1), how many holdings there are ("n_held"),
        and how many of `counts` are held that are sticky ("n_sticky") or called coverage ("coverage"). How many
        unbindings, openings and closings there were, or days since the last: "unbinding", "opening", "closing".
        Whether an account is of class 1 ("class_1"). The profit or loss of today ("unrealised"), and what was said
        since it is a loss ("since_loss"). Customers brought ("referrals"), which no binding brings about.
    counts
        The products that are counted, in the catalogue's order.
    consequence_of
        Services whose binding, or a bank's contact about it, brings the value about; `ANY_SERVICE` for all. A
        feature made of contacts is so without being named.
    monotone
        Its place in a model in which a binding can only lower the risk: "falls", the risk may only fall as
        it rises; "left out", since no constraint can hold it.
    story
        Features of one story are said together; its family where none is given. See `churn.explanation.reasons`.
    topic
        Within a story, what it speaks of, the same for features of which one is enough; its name where none is given.
    phrase
        The words for a value; by its meaning where none is given.
    implies
        Whether one of its values leaves another feature's value unsaid; never where none is given.
    """

    name: str
    family: str
    unit: str
    meaning: Said
    window_days: int | None = None
    actionable: bool = False
    tables: tuple[str, ...] = ()
    service: str | None = None
    product: str | None = None
    role: Role | None = None
    counts: tuple[str, ...] = ()
    consequence_of: tuple[str, ...] = ()
    monotone: Literal["falls", "left out"] | None = None
    story: str = ""
    topic: str = ""
    phrase: Phrase | None = field(default=None, repr=False, compare=False)
    implies: "Callable[[float, Feature, float], bool] | None" = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fill in what follows from the rest."""
        object.__setattr__(self, "story", self.story or self.family)
        object.__setattr__(self, "topic", self.topic or self.name)

    def tell(self, value: Any, *, raises: bool = True) -> Said:
        """Say what a customer's value says of the customer.

        Parameters
        ----------
        value
            NaN or None where missing; of a file's own column also a text, or true or false.
        raises
            Whether it raises the risk, which changes the tone.
        """
        if not self.family:
            return _tell_own(self.name, value)
        number = float("nan") if pd.isna(value) else float(value)
        told = self.phrase(number, raises) if self.phrase else None
        if told is not None:
            return told
        if isnan(number):
            return message("{what}: not known", what=self.meaning)
        return message("{what}: {value}", what=self.meaning, value=f"{number:,.6g}")

    def document(self) -> dict[str, Any]:
        """Give the entry as the catalogue is printed: its meaning in every language, nothing of how it is said."""
        kept = {name: getattr(self, name) for name in ("name", "family", "unit", "window_days")}
        meanings = {language: say(self.meaning, language) for language in LANGUAGES}
        return kept | meanings | {"actionable": self.actionable, "tables": self.tables}

    def follows(self, service: str) -> bool:
        """Whether binding a service, or contact about it, brings the feature about, so that it gives it away."""
        of_it = service == self.service or service in self.consequence_of or ANY_SERVICE in self.consequence_of
        return of_it or "contacts" in self.tables


def own_features(names: Iterable[str], bindings: Sequence[str] = ()) -> tuple[Feature, ...]:
    """Give a file's own columns as features, its bindings first and in their order.

    Each means what its name says to the bank, is a story of its own, and is said by name and value. A binding is a
    service of the column's name, and falls in a model held monotone.

    Examples
    --------
    >>> card, age = own_features(["age", "card"], bindings=["card"])
    >>> card.service, card.monotone, age.service, age.meaning
    ('card', 'falls', None, 'age')
    """
    there = list(names)
    bound = [name for name in bindings if name in there]
    return (
        *(_own(name, service=name, role="bound", monotone="falls") for name in bound),
        *(_own(name) for name in there if name not in bound),
    )


def _own(name: str, **more: Any) -> Feature:
    # its story and topic are no catalogue's, whatever the column is called
    place = f"column {name}"
    return Feature(name=name, family="", unit="", meaning=name, story=place, topic=place, **more)


def _tell_own(name: str, value: Any) -> Said:
    if pd.isna(value):
        return message("{name} not known", name=name)
    if isinstance(value, (bool, np.bool_)):
        return message("{name} = yes", name=name) if value else message("{name} = no", name=name)
    shown = Plain(float(value)) if isinstance(value, (int, float, np.number)) else str(value)
    return message("{name} = {value}", name=name, value=shown)


def find_feature(catalogue: Iterable[Feature], name: str) -> Feature | None:
    """Give the feature of a name; None where the catalogue does not have it."""
    return next((feature for feature in catalogue if feature.name == name), None)


def meaning_of(catalogue: Iterable[Feature], name: str) -> Said:
    """Say what the feature of a name means; its name where the catalogue does not have it."""
    found = find_feature(catalogue, name)
    return name if found is None else found.meaning


def value_of(catalogue: Iterable[Feature], name: str, value: Any) -> InUnit:
    """Give a customer's own value of a feature, None, NaN or NA where missing, in the feature's unit."""
    found = find_feature(catalogue, name)
    return InUnit(None if pd.isna(value) else value, None if found is None else found.unit)


def find_role(catalogue: Iterable[Feature], role: Role) -> Feature | None:
    """Give the first feature of a role; None where the catalogue has none."""
    return next((feature for feature in catalogue if feature.role == role), None)


def find_services(catalogue: Iterable[Feature]) -> dict[str, Feature]:
    """Give, for each service in the catalogue's order, the feature that says whether it is bound."""
    return {feature.service: feature for feature in catalogue if feature.service and feature.role == "bound"}


def find_products(catalogue: Iterable[Feature]) -> dict[str, Feature]:
    """Give, for each product in the catalogue's order, the feature that says whether it is held."""
    return {feature.product: feature for feature in catalogue if feature.product and feature.role == "held"}
