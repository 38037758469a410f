"""The evidence for effects of bindings: labelled customers, their history, and a bank's randomised offers."""

import datetime as dt
import logging
from typing import Any, NamedTuple

import narwhals as nw
import pandas as pd

from churn.config import Config
from churn.errors import TimeRangeError
from churn.features.coverage import product_coverage
from churn.frame import Snapshot, to_pandas
from churn.labels import build_labels
from churn.tables.contract import to_date, to_days
from churn.timeline import DATE, Seen, Tables, in_batches, is_open, last_complete

UPTAKE_DAYS = 31
"""An offer is taken up when the service is bound within so many days of the assignment."""
LEAST_ARM = 30
"""Rows each arm of a wave holds at least; smaller waves are left out."""
COLUMNS = ("service", "campaign_id", "wave", "customer_id", "coverage", "offered", "called", "took", "churned")
_log = logging.getLogger(__name__)


class Evidence(NamedTuple):
    """The evidence that effects are estimated from.

    Attributes
    ----------
    snapshot
        Labelled customers at one date; of a flat file, at none.
    history
        Of `build_history`, the snapshot's rows in its order; of a flat file, ids alone.
    offers
        Of `build_offers`; empty without campaigns.
    """

    snapshot: Snapshot
    history: pd.DataFrame
    offers: pd.DataFrame


def outcome_date(tables: Tables, as_of: dt.date, horizon_days: int, data_end: dt.date) -> dt.date:
    """Return the last date up to `as_of` whose outcome the data hold.

    Raises
    ------
    TimeRangeError
        There is none.
    """
    if "labels" not in tables:
        return min(as_of, last_complete(data_end, horizon_days))
    known = tables["labels"].filter(nw.col("as_of") <= to_days(as_of)).select(nw.col("as_of").max())
    last = known.collect(backend="pyarrow").to_native()["as_of"][0].as_py()
    if last is None:
        raise TimeRangeError(f"--as-of {as_of}: the labels table holds no outcome up to that date; give a later one")
    return to_date(last)


def gather_evidence(
    tables: Tables, snapshot: Snapshot, horizon_days: int, data_end: dt.date, config: Config
) -> Evidence:
    """Read the evidence for a labelled snapshot; of offers, every one whose horizon is complete in the data.

    Parameters
    ----------
    snapshot
        Of a date and with the horizon given here; labelled.
    """
    day = to_days(snapshot.as_of) if snapshot.as_of else 0
    found = pd.DataFrame({"customer_id": snapshot.customer_id})
    known = to_pandas(build_history(tables, day, config))
    history = found.merge(known, on="customer_id", how="left", validate="one_to_one")
    return Evidence(snapshot, history, build_offers(tables, horizon_days, data_end, config))


def undated_evidence(snapshot: Snapshot) -> Evidence:
    """Give the evidence of a flat file, which holds no dates and no offers."""
    return Evidence(snapshot, pd.DataFrame({"customer_id": snapshot.customer_id}), pd.DataFrame(columns=list(COLUMNS)))


def build_history(tables: Tables, as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Return, for each customer, `held_days_<product>`, `unbound_days_<service>` and `offered_days_<service>`.

    Days from the opening of the oldest holding of the product that is open at `as_of`, from the last time the service
    was unbound, and from the last campaign in which it was offered; null where there is none.
    """
    held = is_open("opened_on", "closed_on", as_of)
    products = [
        _days(held & (nw.col("product") == nw.lit(name)), nw.col("opened_on"), as_of, f"held_days_{name}", first=True)
        for name in sorted({service.product for service in config.services.values()})
    ]
    history = tables["holdings"].group_by("customer_id").agg(*products)
    ended = (nw.col("unbound_on") < as_of).fill_null(False)
    offered = (nw.col("arm") == nw.lit("treated")) & (nw.col("assigned_on") < as_of)
    for table, happened, day, kind in (
        ("bindings", ended, "unbound_on", "unbound"),
        ("campaigns", offered, "assigned_on", "offered"),
    ):
        if table in tables:
            services = [
                _days(happened & (nw.col("service") == nw.lit(name)), nw.col(day), as_of, f"{kind}_days_{name}")
                for name in config.services
            ]
            last = tables[table].group_by("customer_id").agg(*services)
            history = history.join(last, on="customer_id", how="left")
    return history


def build_offers(tables: Tables, horizon_days: int, data_end: dt.date, config: Config) -> pd.DataFrame:
    """Return a row for each customer of every randomised offer whose horizon is complete in the data.

    Left out, alike in every arm since it was so before the draw: customers whose relationship was not open on the day
    of assignment, who had the service bound already, or who have no label.

    Returns
    -------
    DataFrame
        `service`, `campaign_id`, `customer_id`; `offered`, `called` (as those who were offered it were, but offered
        nothing), `took` (bound within 31 days of the assignment) and `churned` (within `horizon_days` of it), 0 or 1;
        `coverage`, products held on that day; `wave`, the draws that
        are compared within themselves: a campaign's day, or the days together that are too small alone. Sorted.
    """
    if "campaigns" not in tables:
        return pd.DataFrame(columns=list(COLUMNS))
    found = tables["campaigns"].select("assigned_on").unique().collect(backend="pyarrow").to_native()
    last = to_days(last_complete(data_end, horizon_days))
    days = sorted(day for day in found["assigned_on"].to_pylist() if day <= last)
    if "labels" in tables:
        _log.warning(
            "campaigns: only customers with an outcome in the labels table on the day of assignment count; leave the"
            " table out to judge offers by closed relationships, holdings and assets"
        )
    n_customers = tables["customers"].select(nw.len()).collect(backend="pyarrow").item()
    parts = [_offers_of(Seen(tables, some), horizon_days, config) for some in in_batches(days, n_customers)]
    if not any(map(len, parts)):
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


def _offers_of(seen: Seen, horizon_days: int, config: Config) -> pd.DataFrame:
    members = seen.tables["campaigns"].filter(nw.col("assigned_on").is_in(list(seen.days)))
    members = members.with_columns(nw.col("assigned_on").alias(DATE))
    frame = members.join(build_labels(seen, horizon_days, config.label), on=seen.customer, how="inner")
    held = seen["holdings"].group_by(*seen.customer).agg(product_coverage(seen.as_of, config).alias("coverage"))
    frame = frame.join(held, on=seen.customer, how="left")
    if "bindings" in seen:
        frame = frame.join(_bindings(seen), on=[*seen.customer, "service"], how="left")
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
        (nw.col("arm") == nw.lit("call")).cast(nw.Int64).alias("called"),
        nw.col("took").fill_null(0),
        "churned",
    )
    return to_pandas(chosen)


def _bindings(seen: Seen) -> nw.LazyFrame[Any]:
    """Whether each service was bound on the day, and whether it became bound in time; 0 or 1."""
    before = is_open("bound_on", "unbound_on", seen.as_of)
    in_time = (nw.col("bound_on") >= seen.as_of) & (nw.col("bound_on") < seen.as_of + UPTAKE_DAYS)
    flags = [before.cast(nw.Int64).max().alias("already"), in_time.cast(nw.Int64).max().alias("took")]
    return seen["bindings"].group_by(*seen.customer, "service").agg(*flags)


def _days(condition: nw.Expr, day: nw.Expr, as_of: int, name: str, *, first: bool = False) -> nw.Expr:
    chosen = nw.when(condition).then(day)
    return (as_of - (chosen.min() if first else chosen.max())).alias(name)
