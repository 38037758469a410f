"""What a list is, and how found customers become one: who may be offered something, ranks, fixed columns, sentences."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

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


class Column(NamedTuple):
    """What a column of a list is called in a workbook, and its pandas dtype."""

    heading: Message
    dtype: str = "float64"


COLUMNS: Mapping[str, Column] = {
    "account_grade": Column(message("Account relationship", context="column"), "Int64"),
    "age_band": Column(message("Age", context="column"), "str"),
    "aum_at_risk_cny": Column(message("Assets × risk, CNY", context="column")),
    "aum_cny": Column(message("Assets, CNY", context="column")),
    "aum_growth_3m": Column(message("Growth of assets in 3 months", context="column")),
    "branch_id": Column(message("Branch", context="column"), "str"),
    "churn_probability": Column(message("Risk", context="column")),
    "circle": Column(message("Group", context="column"), "Int64"),
    "circle_size": Column(message("Group size", context="column"), "Int64"),
    "contract_grade": Column(message("Contract relationship", context="column"), "Int64"),
    "customer_id": Column(message("Customer", context="column"), "str"),
    "days_held": Column(message("Days held", context="column"), "Int64"),
    "days_since_large": Column(message("Days since large transaction", context="column"), "Int64"),
    "days_since_reached": Column(message("Days since reached", context="column"), "Int64"),
    "days_since_word": Column(message("Days since last contact", context="column"), "Int64"),
    "do_not_contact": Column(message("Refused contact", context="column"), "bool"),
    "familiarity_stage": Column(message("Relationship stage", context="column"), "Int64"),
    "floor_cny": Column(message("Floor of next tier, CNY", context="column")),
    "gap_cny": Column(message("Missing, CNY", context="column")),
    "investments_cny": Column(message("Investments, CNY", context="column")),
    "largest_cny": Column(message("Largest, CNY", context="column")),
    "manager_branch_id": Column(message("Manager's branch", context="column"), "str"),
    "manager_branch_share": Column(message("Share of manager's customers there", context="column")),
    "manager_id": Column(message("Manager", context="column"), "str"),
    "n_bound": Column(message("Services bound", context="column"), "Int64"),
    "n_large_transactions": Column(message("Large transactions", context="column"), "Int64"),
    "n_reached_365d": Column(message("Reached in a year", context="column"), "Int64"),
    "n_referred": Column(message("Customers referred", context="column"), "Int64"),
    "n_signs": Column(message("Signs of 5", context="column"), "Int64"),
    "n_sticky_products": Column(message("Sticky products", context="column"), "Int64"),
    "n_transactions_365d": Column(message("Transactions in a year", context="column"), "Int64"),
    "next_tier": Column(message("Next tier", context="column"), "str"),
    "personal_grade": Column(message("Personal relationship", context="column"), "Int64"),
    "problem": Column(message("Problem", context="column"), "str"),
    "product": Column(message("Product", context="column"), "str"),
    "product_coverage": Column(message("Products held", context="column"), "Int64"),
    "rank": Column(message("No.", context="column"), "Int64"),
    "risk_band": Column(message("Risk band", context="column"), "str"),
    "service": Column(message("Service", context="column"), "str"),
    "sum_large_cny": Column(message("Sum of large, CNY", context="column")),
    "tenure_days": Column(message("Days as a customer", context="column"), "Int64"),
    "tier": Column(message("Tier", context="column"), "str"),
    "unrealised_pnl_cny": Column(message("Unrealised profit or loss, CNY", context="column")),
    "unrealised_return": Column(message("Unrealised return", context="column")),
    "weakest": Column(message("Weakest", context="column"), "str"),
    "why": Column(message("Why", context="column"), "str"),
}
"""Every column of a list; `why` stands once in each language."""
_FIRST = ("rank", "customer_id", "branch_id", "manager_id", "tier")
_LAST = {f"why_{language}": "str" for language in LANGUAGES}


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
        """Return products held, one row per customer and product: `customer_id`, `product`, first `opened_on`."""
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
    notes: Iterable[Said] = ()


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
        The facts its rows rest on, of `COLUMNS`, in order.
    find
        From the basis to rows.
    why
        From the basis and a row to why the customer is on it.
    is_marketing
        Whether it leads to marketing: who asked not to be contacted, and the random hold-out, are left out. The others
        are of service and keep everybody; they have a column `do_not_contact`.
    """

    name: str
    title: Message
    tab: Message
    columns: tuple[str, ...]
    find: Callable[[ListBasis], Found]
    why: Callable[[ListBasis, Any], Said]
    is_marketing: bool = True


def make_list(kind: ManagerList, basis: ListBasis) -> tuple[pd.DataFrame, Said, bool]:
    """Make one list: `rank` from 1, customer and today's branch, manager and tier, facts, and why in each language.

    Returns
    -------
    tuple
        The list, without a row where it cannot be made; what is said of it; and whether it was made.
    """
    # On a list of service those who refused contact stay, and nothing may be offered to them.
    refuses = () if kind.is_marketing else ("do_not_contact",)
    dtypes = {name: COLUMNS[name].dtype for name in (*_FIRST, *kind.columns, *refuses)} | _LAST
    found = kind.find(basis)
    if found.rows is None:
        said = message("Not made: {reasons}", reasons=joined(found.notes, "semicolons"))
        return pd.DataFrame(columns=list(dtypes)).astype(dtypes), _sentences([said]), False
    rows = found.rows[may_be_offered(found.rows)] if kind.is_marketing else found.rows
    rows = tell(rows, lambda row: kind.why(basis, row)).assign(rank=range(1, len(rows) + 1))
    frame = rows.reset_index(drop=True)[list(dtypes)].astype(dtypes)
    said = _how_many(frame["customer_id"].nunique(), len(frame))
    return frame, _sentences([said, *_left_out(kind, found.rows), *found.notes]), True


def may_be_offered(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark who may be offered something: who did not refuse contact, and is not of the random hold-out.

    Examples
    --------
    >>> rows = pd.DataFrame({"do_not_contact": [False, True, False], "is_held_out": [False, False, True]})
    >>> may_be_offered(rows).tolist()
    [True, False, False]
    """
    return ~rows["do_not_contact"].astype(bool) & ~rows["is_held_out"]


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
