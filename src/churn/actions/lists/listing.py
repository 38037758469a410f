"""From found customers to a list: who may be contacted, ranks, fixed columns, and its sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from churn.actions.lists.facts import Facts
from churn.actions.lists.wording import (
    join_sentences,
    say_empty,
    say_held_out,
    say_no_offers,
    say_not_made,
    say_number,
    say_refused,
)
from churn.explanation.reasons.amounts import Pair

_FIRST = {"rank": "Int64", "customer_id": "str", "branch_id": "str", "manager_id": "str", "tier": "str"}
_LAST = {"why_en": "str", "why_zh": "str"}
# On a list of service they stay, and nothing may be offered to them.
_REFUSES = {"do_not_contact": "bool"}


@dataclass(frozen=True)
class Found:
    """Customers of a list, the first to be seen first.

    Attributes
    ----------
    rows
        The list's columns, `do_not_contact` and `is_held_out`; None where the list cannot be made.
    notes
        Sentences about the list, or why it cannot be made.
    """

    rows: pd.DataFrame | None
    notes: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class ManagerList:
    """What a list is.

    Attributes
    ----------
    name
        Of its file.
    title
        In English and Chinese.
    columns
        The facts its rows rest on, each with its pandas dtype, in order.
    is_marketing
        Whether it leads to marketing: who asked not to be contacted, and the random hold-out, are left out. The others
        are of service and keep everybody; they have a column `do_not_contact`.
    find
        From facts to rows.
    """

    name: str
    title: Pair
    columns: Mapping[str, str]
    is_marketing: bool
    find: Callable[[Facts], Found]


@dataclass(frozen=True)
class Listed:
    """A list that was made, or its columns without a row; and its sentence in English and Chinese."""

    frame: pd.DataFrame
    sentence: Pair
    is_made: bool


def make_list(kind: ManagerList, facts: Facts) -> Listed:
    """Make one list: `rank` from 1, customer and today's branch, manager and tier, facts, and why in two languages."""
    dtypes = {**_FIRST, **kind.columns, **({} if kind.is_marketing else _REFUSES), **_LAST}
    found = kind.find(facts)
    if found.rows is None:
        empty = pd.DataFrame(columns=list(dtypes)).astype(dtypes)
        return Listed(empty, join_sentences([say_not_made(found.notes)]), is_made=False)
    rows = found.rows[may_be_offered(found.rows)] if kind.is_marketing else found.rows
    frame = rows.assign(rank=range(1, len(rows) + 1)).reset_index(drop=True)[list(dtypes)].astype(dtypes)
    said = [say_number(frame["customer_id"].nunique(), len(frame)), *_say_who(kind, found.rows)]
    return Listed(frame, join_sentences([*said, *found.notes]), is_made=True)


def may_be_offered(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark who may be offered something: who did not refuse contact, and is not of the random hold-out.

    Examples
    --------
    >>> rows = pd.DataFrame({"do_not_contact": [False, True, False], "is_held_out": [False, False, True]})
    >>> may_be_offered(rows).tolist()
    [True, False, False]
    """
    return ~rows["do_not_contact"].astype(bool) & ~rows["is_held_out"]


def _say_who(kind: ManagerList, rows: pd.DataFrame) -> list[Pair]:
    """Say how many are left out, each under the first reason that holds; or of a list of service, who refused."""
    refuses = rows["do_not_contact"].astype(bool)
    n_refused = rows.loc[refuses, "customer_id"].nunique()
    n_held = rows.loc[rows["is_held_out"] & ~refuses, "customer_id"].nunique()
    if not kind.is_marketing:
        return [say_no_offers(n_refused)] if n_refused else []
    return [say(n) for say, n in ((say_refused, n_refused), (say_held_out, n_held)) if n]


def not_made(reasons: list[Pair]) -> Found:
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


def note_unknown(facts: Facts, unknown: Mapping[str, str]) -> tuple[Pair, ...]:
    """Note the columns that stay empty for want of a source, from {source: columns}."""
    return tuple(
        say_empty([facts.missing[source]], columns) for source, columns in unknown.items() if source in facts.missing
    )
