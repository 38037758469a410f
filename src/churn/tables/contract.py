"""The contract's tables: what one row is, which columns, which keys, which values.

Dates are held as whole days since 1970-01-01 and money as whole cents once a table is read, both
64-bit integers, so that every later calculation gives the same bits on any engine and any number of threads.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from churn.config import Config

Kind = Literal["id", "code", "date", "money", "flag", "integer", "number", "text"]

TIERS = ("ordinary", "gold", "platinum")
VIP_TIERS = ("gold", "platinum")
# Since 2016-12-01 a person may hold one class-1 account per bank (People's Bank of China, notice 261 of 2016).
ONE_CLASS_1_ACCOUNT_SINCE = 17136  # 2016-12-01 in days since 1970-01-01
LEAST_SHARED = 5
"""A value of so many customers is a group; one of fewer may be somebody's name, and no model keeps it."""
_EPOCH = dt.date(1970, 1, 1)


def to_days(date: dt.date) -> int:
    """Whole days since 1970-01-01.

    Examples
    --------
    >>> to_days(dt.date(2016, 12, 1))
    17136
    """
    return (date - _EPOCH).days


def to_date(days: int) -> dt.date:
    """Return the calendar date of whole days since 1970-01-01.

    Examples
    --------
    >>> to_date(17136)
    datetime.date(2016, 12, 1)
    """
    return _EPOCH + dt.timedelta(days=int(days))


@dataclass(frozen=True)
class TableColumn:
    """One column.

    `required`: the column must be there. `nullable`: a cell may be empty. `values`: the known codes of a
    `code` column, in the contract's spelling; None leaves them open. `money` is in yuan outside, cents inside.
    """

    name: str
    kind: Kind
    required: bool = True
    nullable: bool = False
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Table:
    """One table.

    `key`: the columns that name a row; empty where only exact copies are repeats. `references`: the columns
    that must name a customer; where there are several, a usable row also has `known_from`, the day from which all
    of them are customers. `period`: the columns of a beginning and an end.
    """

    name: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...] = ()
    references: tuple[str, ...] = ("customer_id",)
    period: tuple[str, str] | None = None

    def __getitem__(self, name: str) -> TableColumn:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def contract_tables(config: Config) -> Mapping[str, Table]:
    """Return every table of the contract, with the products and services this bank knows.

    Examples
    --------
    >>> tables = contract_tables(Config())
    >>> tables["pnl"].key
    ('holding_id', 'month')
    >>> tables["customers"]["tier"].values
    ('ordinary', 'gold', 'platinum')
    """
    tables = (*_customer_tables(), *_product_tables(config), *_dealing_tables(), *_outcome_tables(config))
    return {table.name: table for table in tables}


REQUIRED_TABLES = ("customers", "holdings")


def _id(name: str) -> TableColumn:
    return TableColumn(name, "id")


def _date(name: str) -> TableColumn:
    return TableColumn(name, "date")


def _optional(name: str, kind: Kind, values: tuple[str, ...] | None = None) -> TableColumn:
    return TableColumn(name, kind, required=False, nullable=True, values=values)


def _customer_tables() -> tuple[Table, ...]:
    return (
        Table(
            "customers",
            (
                _id("customer_id"),
                _id("branch_id"),
                _optional("manager_id", "id"),
                _date("opened_on"),
                _optional("closed_on", "date"),
                _optional("birth_year", "integer"),
                TableColumn("tier", "code", values=TIERS),
                _optional("do_not_contact", "flag"),
            ),
            key=("customer_id",),
            references=(),
            period=("opened_on", "closed_on"),
        ),
        Table(
            "customer_states",
            (
                _id("customer_id"),
                _date("valid_from"),
                TableColumn("tier", "code", values=TIERS),
                _optional("manager_id", "id"),
                _optional("branch_id", "id"),
            ),
            key=("customer_id", "valid_from"),
        ),
        Table(
            "referrals",
            (_id("referrer_id"), _id("referred_id"), _date("referred_on")),
            # With the date: were it the pair alone, a referral said again would take back the first one.
            key=("referrer_id", "referred_id", "referred_on"),
            references=("referrer_id", "referred_id"),
        ),
    )


def _product_tables(config: Config) -> tuple[Table, ...]:
    return (
        Table(
            "holdings",
            (
                _id("holding_id"),
                _id("customer_id"),
                TableColumn("product", "code", values=tuple(config.products)),
                _optional("account_class", "code", ("1", "2", "3")),
                _date("opened_on"),
                _optional("closed_on", "date"),
            ),
            key=("holding_id",),
            period=("opened_on", "closed_on"),
        ),
        Table(
            "bindings",
            (
                _id("customer_id"),
                TableColumn("service", "code", values=tuple(config.services)),
                _date("bound_on"),
                _optional("unbound_on", "date"),
            ),
            key=("customer_id", "service", "bound_on"),
            period=("bound_on", "unbound_on"),
        ),
        Table(
            "pnl",
            (
                _id("holding_id"),
                _id("customer_id"),
                _date("month"),
                TableColumn("market_value", "money"),
                _optional("cost_basis", "money"),
            ),
            key=("holding_id", "month"),
        ),
    )


def _dealing_tables() -> tuple[Table, ...]:
    purposes = ("introduce", "invite", "care", "after_sales", "loss_notice", "offer", "event")
    return (
        Table(
            "contacts",
            (
                _id("contact_id"),
                _id("customer_id"),
                _id("manager_id"),
                _date("contacted_on"),
                TableColumn("channel", "code", values=("call", "meeting", "message")),
                TableColumn("purpose", "code", values=purposes),
                TableColumn("reached", "flag"),
            ),
            key=("contact_id",),
        ),
        # transaction_id is an addition to the contract: with it, two equal transactions of one day are both kept.
        Table(
            "transactions",
            (
                _id("customer_id"),
                _date("transacted_on"),
                TableColumn("channel", "code", values=("counter", "atm", "online", "mobile")),
                TableColumn("amount", "money"),
                _optional("queue_ticket", "code", ("vip", "ordinary")),
                _optional("transaction_id", "id"),
            ),
        ),
    )


def _outcome_tables(config: Config) -> tuple[Table, ...]:
    return (
        Table(
            "campaigns",
            (
                _id("campaign_id"),
                _id("customer_id"),
                TableColumn("service", "code", values=tuple(config.services)),
                _date("assigned_on"),
                TableColumn("arm", "code", values=("treated", "control", "call")),
            ),
            key=("campaign_id", "customer_id"),
        ),
        Table(
            "labels",
            (_id("customer_id"), _date("as_of"), TableColumn("churned", "code", values=("0", "1"))),
            key=("customer_id", "as_of"),
        ),
    )
