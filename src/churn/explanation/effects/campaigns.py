"""A bank's randomised offers as rows of a trial: who was offered what, who took it up, who left."""

import logging
from typing import Any

import narwhals as nw
import pandas as pd

from churn.explanation.effects.randomised import LEAST_ARM
from churn.features.coverage import product_coverage
from churn.labels import build_labels
from churn.tables.bank import Bank, to_days
from churn.timeline import Tables, last_complete, population

UPTAKE_DAYS = 31
"""An offer is taken up when the service is bound within so many days of the assignment."""
COLUMNS = ("service", "campaign_id", "wave", "customer_id", "coverage", "offered", "took", "churned")
_log = logging.getLogger(__name__)


def build_offers(bank: Bank, horizon_days: int) -> pd.DataFrame:
    """Return a row for each customer of every randomised offer whose horizon is complete in the data.

    Left out, alike in both arms since it was so before the draw: who was no customer on the day of assignment, or had
    the service bound already, or has no label.

    Returns
    -------
    DataFrame
        `service`, `campaign_id`, `customer_id`; `offered`, `took` (bound within 31 days of the assignment) and
        `churned` (within `horizon_days` of it), 0 or 1; `coverage`, products held on that day; `wave`, the draws that
        are compared within themselves: a campaign's day, or the days together that are too small alone. Sorted.
    """
    if not bank.has("campaigns"):
        return pd.DataFrame(columns=list(COLUMNS))
    tables = bank.frames()
    found = tables["campaigns"].select("assigned_on").unique().collect(backend="pyarrow").to_native()
    last = to_days(last_complete(bank.data_end, horizon_days))
    days = sorted(day for day in found["assigned_on"].to_pylist() if day <= last)
    if bank.has("labels"):
        _log.warning(
            "campaigns: only customers with an outcome in the labels table on the day of assignment count; leave the"
            " table out to judge offers by closed relationships, holdings and assets"
        )
    parts = [part for day in days if len(part := _offers_of(tables, day, horizon_days, bank))]
    if not parts:
        _log.warning("campaigns: no offer has an outcome yet, so that effects are judged by records alone")
        return pd.DataFrame(columns=list(COLUMNS))
    rows = pd.concat(parts).sort_values(["service", "campaign_id", "customer_id"], ignore_index=True)
    return rows.assign(wave=_waves(rows))[list(COLUMNS)]


def _waves(rows: pd.DataFrame) -> "pd.Series[str]":
    """Name each row's wave; where a campaign ran over many days, the share offered may differ between them."""
    day = ["service", "campaign_id", "assigned_on"]
    n_offered = rows.groupby(day)["offered"].transform("sum")
    n_not = rows.groupby(day)["offered"].transform("size") - n_offered
    alone = (n_offered >= LEAST_ARM) & (n_not >= LEAST_ARM)
    return rows["campaign_id"].where(~alone, rows["campaign_id"] + " " + rows["assigned_on"].astype(str))


def _offers_of(tables: Tables, day: int, horizon_days: int, bank: Bank) -> pd.DataFrame:
    labels = build_labels(tables, population(tables, day), day, horizon_days, bank.config.label)
    members = tables["campaigns"].filter(nw.col("assigned_on") == day)
    frame = members.join(labels, on="customer_id", how="inner")
    frame = frame.join(_coverage(tables, day, bank), on="customer_id", how="left")
    if "bindings" in tables:
        frame = frame.join(_bindings(tables, day), on=["customer_id", "service"], how="left")
    else:
        frame = frame.with_columns(nw.lit(0).alias("already"), nw.lit(0).alias("took"))
    frame = frame.filter(nw.col("already").fill_null(0) == 0)
    chosen = frame.select(
        "service",
        "campaign_id",
        "customer_id",
        "assigned_on",
        nw.col("coverage").fill_null(0),
        (nw.col("arm") == nw.lit("treated")).cast(nw.Int64).alias("offered"),
        nw.col("took").fill_null(0),
        "churned",
    )
    rows: pd.DataFrame = chosen.collect(backend="pyarrow").to_native().to_pandas()
    return rows


def _bindings(tables: Tables, day: int) -> nw.LazyFrame[Any]:
    """Whether each service was bound on the day, and whether it became bound in time; 0 or 1."""
    before = (nw.col("bound_on") < day) & (nw.col("unbound_on").is_null() | (nw.col("unbound_on") >= day))
    in_time = (nw.col("bound_on") >= day) & (nw.col("bound_on") < day + UPTAKE_DAYS)
    flags = [before.cast(nw.Int64).max().alias("already"), in_time.cast(nw.Int64).max().alias("took")]
    return tables["bindings"].group_by("customer_id", "service").agg(*flags)


def _coverage(tables: Tables, day: int, bank: Bank) -> nw.LazyFrame[Any]:
    held = product_coverage(day, bank.config).alias("coverage")
    return tables["holdings"].group_by("customer_id").agg(held)
