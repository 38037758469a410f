"""The few expressions every family is made of. Dates are whole days, money whole cents."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from churn.timeline import Tables

# Counts and recencies look back a year at most, so that a snapshot early in the history and one late in it
# mean the same.
YEAR = 365


def since(column: str, as_of: int, days: int) -> nw.Expr:
    """Whether a day lies in `[as_of - days, as_of)`."""
    return (nw.col(column) >= as_of - days) & (nw.col(column) < as_of)


def count(condition: nw.Expr, name: str) -> nw.Expr:
    """Count the rows for which the condition is true."""
    return condition.cast(nw.Int64).sum().cast(nw.Int64).alias(name)


def total(condition: nw.Expr, value: nw.Expr, name: str) -> nw.Expr:
    """Sum the whole-number values of the rows for which the condition is true: exact in any order."""
    return nw.when(condition).then(value).otherwise(0).sum().cast(nw.Int64).alias(name)


def days_since(condition: nw.Expr, column: str, as_of: int, name: str) -> nw.Expr:
    """Days from the latest day for which the condition is true to `as_of`; null where there is none."""
    return (as_of - nw.when(condition).then(nw.col(column)).max()).alias(name)


def ratio(numerator: nw.Expr, denominator: nw.Expr, name: str) -> nw.Expr:
    """Divide; null where the denominator is not above zero (an engine may raise on a division by zero)."""
    safe = nw.when(denominator > 0).then(denominator)
    return (numerator.cast(nw.Float64) / safe.cast(nw.Float64)).alias(name)


def yuan(column: str) -> nw.Expr:
    """Cents to yuan, under the same name."""
    return nw.col(column).cast(nw.Float64) / 100.0


def per_customer(
    tables: Tables, table: str, who: nw.LazyFrame[Any], aggregates: Sequence[nw.Expr], where: nw.Expr
) -> nw.LazyFrame[Any]:
    """Aggregate a table's rows by customer, for the customers `who`; those without a row get nulls."""
    grouped = tables[table].filter(where).group_by("customer_id").agg(*aggregates)
    return who.join(grouped, on="customer_id", how="left")


def zero_where_null(frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """Fill the counts of customers without a row with 0."""
    return frame.with_columns(*(nw.col(column).fill_null(0) for column in columns))
