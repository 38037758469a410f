"""What a list is, and how found customers become one: who may be offered something, ranks, fixed columns, sentences."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from churn.actions.today import Today
from churn.config import ListSettings
from churn.features.catalogue import catalogue
from churn.features.feature import Feature
from churn.frame import to_pandas
from churn.speech import LANGUAGES, Language, Message, Said, counted, joined, message, say
from churn.timeline import is_open

GRADES = (message("none", context="grade"), message("weak"), message("fair"), message("strong"))
AGE_WORDS: Mapping[str, Message] = {
    "0 to 29": message("0 to 29"),
    "30 to 44": message("30 to 44"),
    "45 to 59": message("45 to 59"),
    "60 and more": message("60 and more"),
}
_FIRST = {"rank": "Int64", "customer_id": "str", "branch_id": "str", "manager_id": "str", "tier": "str"}
_LAST = {"why_en": "str", "why_zh": "str"}
# On a list of service they stay, and nothing may be offered to them.
_REFUSES = {"do_not_contact": "bool"}


@dataclass(frozen=True)
class ListBasis:
    """What lists are made of: what is known today, and every feature by name."""

    today: Today
    features: Mapping[str, Feature]

    @classmethod
    def of(cls, today: Today) -> "ListBasis":
        """Add the features."""
        return cls(today, {feature.name: feature for feature in catalogue(today.config)})

    @property
    def settings(self) -> ListSettings:
        """The bank's thresholds."""
        return self.today.config.lists

    @property
    def customers(self) -> pd.DataFrame:
        """Of `Today`."""
        return self.today.customers

    def tell(self, feature: str, row: Any, *, raises: bool = True) -> Said:
        """Tell a customer's value of a feature."""
        return self.features[feature].tell(getattr(row, feature), raises=raises)

    def holdings(self) -> pd.DataFrame:
        """Return products held, one row a customer and product: `customer_id`, `product`, first `opened_on`."""
        held = self.today.tables["holdings"].filter(is_open("opened_on", "closed_on", self.today.day))
        rows = to_pandas(held.group_by("customer_id", "product").agg(nw.col("opened_on").min()))
        rows = rows[rows["customer_id"].isin(self.customers["customer_id"])]
        return rows.sort_values(["customer_id", "product"], ignore_index=True)


@dataclass(frozen=True)
class Found:
    """Customers of a list, the first to be seen first.

    Attributes
    ----------
    rows
        The list's columns, `do_not_contact` and `is_held_out`; None where the list cannot be made.
    notes
        Sentences about the list without a full stop, or why it cannot be made.
    """

    rows: pd.DataFrame | None
    notes: tuple[Said, ...] = ()


@dataclass(frozen=True)
class ManagerList:
    """What a list is.

    Attributes
    ----------
    name
        Of its file.
    title
        What it is called.
    tab
        The same, short enough for a sheet's name in both languages together.
    columns
        The facts its rows rest on, each with its pandas dtype, in order.
    is_marketing
        Whether it leads to marketing: who asked not to be contacted, and the random hold-out, are left out. The others
        are of service and keep everybody; they have a column `do_not_contact`.
    find
        From the basis to rows.
    """

    name: str
    title: Message
    tab: Message
    columns: Mapping[str, str]
    is_marketing: bool
    find: Callable[[ListBasis], Found]


@dataclass(frozen=True)
class MadeList:
    """A list that was made, or its columns without a row; and what is said of it."""

    frame: pd.DataFrame
    says: Said
    is_made: bool


def make_list(kind: ManagerList, basis: ListBasis) -> MadeList:
    """Make one list: `rank` from 1, customer and today's branch, manager and tier, facts, and why in each language."""
    dtypes = {**_FIRST, **kind.columns, **({} if kind.is_marketing else _REFUSES), **_LAST}
    found = kind.find(basis)
    if found.rows is None:
        empty = pd.DataFrame(columns=list(dtypes)).astype(dtypes)
        said = message("Not made: {reasons}", reasons=joined(found.notes, "semicolons"))
        return MadeList(empty, _sentences([said]), is_made=False)
    rows = found.rows[may_be_offered(found.rows)] if kind.is_marketing else found.rows
    frame = rows.assign(rank=range(1, len(rows) + 1)).reset_index(drop=True)[list(dtypes)].astype(dtypes)
    said = _how_many(frame["customer_id"].nunique(), len(frame))
    return MadeList(frame, _sentences([said, *_left_out(kind, found.rows), *found.notes]), is_made=True)


def may_be_offered(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark who may be offered something: who did not refuse contact, and is not of the random hold-out.

    Examples
    --------
    >>> rows = pd.DataFrame({"do_not_contact": [False, True, False], "is_held_out": [False, False, True]})
    >>> may_be_offered(rows).tolist()
    [True, False, False]
    """
    return ~rows["do_not_contact"].astype(bool) & ~rows["is_held_out"]


def not_made(reasons: Sequence[Said]) -> Found:
    """Say that a list cannot be made, and why."""
    return Found(None, tuple(reasons))


def order(rows: pd.DataFrame, by: Mapping[str, bool]) -> pd.DataFrame:
    """Sort by columns, each ascending or not; an unknown value comes last, equals keep the order of their ids.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["C", "B", "A"], "aum_cny": [5.0, 5.0, None]})
    >>> order(rows, {"aum_cny": False})["customer_id"].tolist()
    ['B', 'C', 'A']
    """
    rows = rows.sort_values("customer_id", kind="stable")
    return rows.sort_values(list(by), ascending=list(by.values()), kind="stable", na_position="last")


def tell(rows: pd.DataFrame, why: Callable[[Any], Said]) -> pd.DataFrame:
    """Add why each row is there, `why_en` and `why_zh`, from the row as a tuple of named values.

    A list may have a row for most customers of a bank, so that what is said of a row is put into words at once.

    Examples
    --------
    >>> tell(pd.DataFrame({"n": [2]}), lambda row: row.n)["why_en"].tolist()
    ['2']
    """
    words: dict[Language, list[str]] = {language: [] for language in LANGUAGES}
    for row in rows.itertuples(index=False):
        said = why(row)
        for language, texts in words.items():
            texts.append(say(said, language))
    return rows.assign(**{f"why_{language}": texts for language, texts in words.items()})


def note_unknown(basis: ListBasis, unknown: Mapping[str, str]) -> Iterator[Message]:
    """Note the columns that stay empty for want of a source, from {source: columns}."""
    for source, columns in unknown.items():
        for why in basis.today.lacks(source):
            yield message("Without a value, since {why}: {columns}", why=why, columns=columns)


def _how_many(n_customers: int, n_rows: int) -> Message:
    if not n_customers:
        return message("Nobody")
    customers = counted("{n} customer", "{n} customers", n_customers)
    if n_customers == n_rows:
        return customers
    return message("{customers} in {rows} rows", customers=customers, rows=n_rows)


def _left_out(kind: ManagerList, rows: pd.DataFrame) -> Iterator[Message]:
    """Say how many are left out, each under the first reason that holds; or of a list of service, who refused."""
    refuses = rows["do_not_contact"].astype(bool)
    n_refused = rows.loc[refuses, "customer_id"].nunique()
    n_held = rows.loc[rows["is_held_out"] & ~refuses, "customer_id"].nunique()
    if n_refused and not kind.is_marketing:
        yield message("{n} of them asked not to be contacted: offer them nothing", n=n_refused)
    if n_refused and kind.is_marketing:
        yield counted(
            "{n} more asked not to be contacted and is left out",
            "{n} more asked not to be contacted and are left out",
            n_refused,
        )
    if n_held and kind.is_marketing:
        yield counted("{n} of the random hold-out is left out", "{n} of the random hold-out are left out", n_held)


def _sentences(parts: Iterable[Said]) -> Said:
    return joined([message("{sentence}.", sentence=part) for part in parts], "sentences")
