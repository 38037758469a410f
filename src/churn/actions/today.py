"""Today's customers, read once: what plan, lists, progress and page are made of; and what is not known, and why."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.actions.managers import find_managers
from churn.actions.value import customer_value
from churn.config import Config, PlanSettings
from churn.data import Data
from churn.errors import TimeRangeError
from churn.features.catalogue import build_features
from churn.features.expressions import count, days_since, per_customer
from churn.frame import to_pandas
from churn.labels import month_ends_held
from churn.model.split import customer_folds
from churn.scores import Scores
from churn.speech import Message, message
from churn.tables.bank import find_period
from churn.tables.contract import TIERS, VIP_TIERS, to_date, to_days
from churn.timeline import YEAR_DAYS, Seen, Tables, month_end_before, populations, require_within

OF_CUSTOMERS = ("branch_id", "manager_id", "tier", "do_not_contact")
FEATURES = (
    "product_coverage", "n_sticky_products", "n_bound", "n_reached_365d", "familiarity_stage", "days_since_contact",
    "days_since_reached", "days_since_meeting", "aum_cny", "investments_cny", "unrealised_pnl_cny",
    "unrealised_return", "n_loss_notices_since_loss", "aum_growth_3m", "n_transactions_365d",
    "days_since_transaction", "tenure_days", "age_years",
)  # fmt: skip
TIER_WORDS: Mapping[str, Message] = {
    "ordinary": message("ordinary", context="tier"),
    "gold": message("gold", context="tier"),
    "platinum": message("platinum", context="tier"),
}
_TEXTS = ("customer_id", "branch_id", "manager_id", "tier")
_OF_SCORES = ("churn_probability", "risk_band", "next_binding", "next_product", "next_binding_effect")
_OPTIONAL = ("bindings", "contacts", "pnl", "transactions", "referrals", "customer_states", "campaigns")
_OPTIONAL_COLUMNS = (("customers", "manager_id"), ("customers", "birth_year"), ("transactions", "queue_ticket"))
_PARTS = 10_000
"""A share of customers is drawn to the hundredth of a per cent."""


@dataclass(frozen=True)
class Today:
    """What is known of a bank's customers at a date.

    Attributes
    ----------
    date
        The date; only what happened strictly before it is used, but for tier, manager and branch, which are today's.
    config
        The bank's settings.
    customers
        The population at the date, one row per customer, sorted by `customer_id`: `branch_id`, `manager_id` and `tier`
        of today, `is_vip`, `tier_level` (0 ordinary to 2 platinum), `do_not_contact` (an empty cell is not a refusal),
        `is_held_out` (of the random hold-out), `FEATURES`, `days_since_word` (days since a contact of the lists'
        `word_purposes` last reached the customer), `n_referred` (customers referred so far), `value_cny` (what leaves
        with the customer, of products alone where assets are not known); of the scores `churn_probability`,
        `risk_band`, `next_binding`, `next_product` and `next_binding_effect`. Missing where not known.
    managers
        Of `find_managers`; no row where the bank names none.
    scores
        Those in `customers`; None where there are none.
    absent
        Why a table, a column ("table.column") or the scores cannot be used at all.
    missing
        The same, and the tables that say nothing of today: `pnl` without the last month-end, `contacts` without a row
        of the last year.
    bank
        Checked tables.
    tables
        Those that can be used; lazy.
    begin, end
        First and last day before the date that the data know about, as days since 1970-01-01.
    """

    date: dt.date
    config: Config
    customers: pd.DataFrame
    managers: pd.DataFrame
    scores: Scores | None
    absent: Mapping[str, Message]
    missing: Mapping[str, Message]
    bank: Data
    tables: Tables
    begin: int
    end: int

    @property
    def day(self) -> int:
        """The date, as days since 1970-01-01."""
        return to_days(self.date)

    @property
    def knows_contacts(self) -> bool:
        """Whether it is known who was contacted within a year, and told what; else nobody is known to be a stranger."""
        return "contacts" not in self.missing

    def lacks(self, *sources: str) -> list[Message]:
        """Say why any of these sources tells nothing of today."""
        return [self.missing[source] for source in sources if source in self.missing]


def read_today(bank: Data, scores: Scores | None, date: dt.date, config: Config) -> Today:
    """Read who is a customer at a date, and all that plan, lists, progress and page need of them.

    Parameters
    ----------
    bank
        Checked tables.
    scores
        Of `read_scores` or `check_scores`; whoever is not a customer at the date is left out.
    date
        The day; whether anybody works on it is the caller's to ask.
    config
        `[plan]`, `[lists]` and the catalogue.

    Raises
    ------
    DataError
        It is a flat file.
    TimeRangeError
        The date lies too far after the data end, or nobody is a customer at it.
    """
    given = bank.tables("names no manager and no branch")
    require_within(date, bank.data_end, option="--date")
    day, absent = to_days(date), find_missing(bank, _OPTIONAL, _OPTIONAL_COLUMNS)
    tables = {name: frame for name, frame in given.items() if name not in absent}
    silent = _find_silent(tables, day)
    # States are of the past, and today's tier and manager are asked for.
    known = {name: frame for name, frame in tables.items() if name not in {*silent, "customer_states"}}
    rows = to_pandas(_collectable(known, day, config))
    if rows.empty:
        raise TimeRangeError(f"--date {date}: nobody is a customer at that date; give a date inside the data")
    customers = complete(rows.sort_values("customer_id", ignore_index=True), scores, config)
    unscored = _find_unscored(customers, scores)
    # What is dated on the day or after it says nothing, not even how far the data reach.
    (begin, last), stated = find_period(tables, day), to_days(bank.data_end)
    return Today(
        date=date,
        config=config,
        customers=customers,
        managers=find_managers(customers, date, config.plan),
        scores=scores,
        absent={**absent, **unscored},
        missing={**absent, **silent, **unscored},
        bank=bank,
        tables=tables,
        begin=begin,
        end=stated if stated < day else last,
    )


def complete(rows: pd.DataFrame, scores: Scores | None, config: Config) -> pd.DataFrame:
    """Give every column of `Today.customers`, from what the tables hold of each customer; what is absent is missing."""
    names = ["customer_id", *OF_CUSTOMERS, *FEATURES, "days_since_word", "n_referred"]
    customers = rows.reindex(columns=names).astype(dict.fromkeys(_TEXTS, "str"))
    customers["do_not_contact"] = customers["do_not_contact"].astype("boolean").fillna(False).astype(bool)
    customers["is_vip"] = customers["tier"].isin(VIP_TIERS)
    customers["tier_level"] = customers["tier"].map(TIERS.index).astype("int64")
    customers["is_held_out"] = in_hold_out(customers["customer_id"], config.plan)
    assets, products = (customers[name].to_numpy(np.float64, na_value=np.nan) for name in ("aum_cny", FEATURES[0]))
    customers["value_cny"] = customer_value(assets, products, config.plan)
    if scores is None:
        return customers.reindex(columns=[*customers, *_OF_SCORES])
    return customers.merge(scores.frame, on="customer_id", how="left", validate="one_to_one")


def in_hold_out(customer_id: "pd.Series[str]", settings: PlanSettings) -> NDArray[np.bool_]:
    """Mark the random hold-out, to whom no score sends anybody, so that what the programme is worth can be told.

    A stable hash of the id: the same on every day.

    Examples
    --------
    >>> ids = pd.Series([f"C{number}" for number in range(1000)])
    >>> int(in_hold_out(ids, PlanSettings()).sum())
    101
    """
    held = customer_folds(customer_id, _PARTS, settings.hold_out_salt) < round(settings.hold_out * _PARTS)
    return np.asarray(held, dtype=bool)


def find_missing(bank: Data, tables: Iterable[str], columns: Iterable[tuple[str, str]]) -> dict[str, Message]:
    """Say why tables and columns cannot be used; those that can are not in it.

    Parameters
    ----------
    tables
        Names of tables that a bank need not give.
    columns
        Table and column; nothing is said of a column whose table cannot be used.

    Returns
    -------
    dict
        By "table" or "table.column", in the order given, tables first.
    """
    missing: dict[str, Message] = {}
    for name in tables:
        if not bank.has(name):
            missing[name] = message("there is no {table} table", table=name)
    for table, column in columns:
        if table not in missing and not bank.column_is_there(table, column):
            missing[f"{table}.{column}"] = message("{table} has no column {column}", table=table, column=column)
    return missing


def no_rows(tables: Tables, table: str, column: str, first: int, last: int) -> Message | None:
    """Say that a table holds no row from a day on and before another; None where it does."""
    rows = tables[table].filter((nw.col(column) >= first) & (nw.col(column) < last))
    if rows.head(1).collect(backend="pyarrow").shape[0]:
        return None
    return message(
        "{table} holds no row from {begin} on and before {end}", table=table, begin=to_date(first), end=to_date(last)
    )


def _find_silent(tables: Tables, day: int) -> dict[str, Message]:
    """Say which tables end too early to say anything of a day."""
    silent: dict[str, Message] = {}
    # Old valuations alone would look like customers who have nothing.
    end = month_end_before(day)
    if "pnl" in tables and not month_ends_held(tables, [end]):
        silent["pnl"] = message("pnl holds no values at {end}", end=to_date(end))
    # A table that ends earlier tells of no stranger.
    if "contacts" in tables and (lack := no_rows(tables, "contacts", "contacted_on", day - YEAR_DAYS, day)):
        silent["contacts"] = lack
    return silent


def _collectable(tables: Tables, day: int, config: Config) -> nw.LazyFrame[Any]:
    seen = Seen(tables, [day])
    features = build_features(seen, populations(seen), config, FEATURES)
    frame = features.join(tables["customers"].select("customer_id", *OF_CUSTOMERS), on="customer_id", how="left")
    if "contacts" in tables:
        word = nw.col("reached") & nw.col("purpose").is_in(list(config.lists.word_purposes))
        last = days_since(word, "contacted_on", day, "days_since_word")
        said = per_customer(seen, "contacts", [last], nw.col("contacted_on") < day)
        frame = frame.join(said, on="customer_id", how="left")
    if "referrals" in tables:
        frame = frame.join(_brought(tables, day), left_on="customer_id", right_on="referrer_id", how="left")
        frame = frame.with_columns(nw.col("n_referred").fill_null(0))
    return frame


def _brought(tables: Tables, day: int) -> nw.LazyFrame[Any]:
    # As for the features, a referral counts once both are customers.
    known = tables["referrals"].filter((nw.col("referred_on") < day) & (nw.col("known_from") < day))
    pairs = known.select("referrer_id", "referred_id").unique()
    return pairs.group_by("referrer_id").agg(count(~nw.col("referred_id").is_null(), "n_referred"))


def _find_unscored(customers: pd.DataFrame, scores: Scores | None) -> dict[str, Message]:
    if scores is None:
        return dict.fromkeys(("scores", "scores.risk_band"), message("there are no scores"))
    if customers["churn_probability"].isna().all():
        return dict.fromkeys(("scores", "scores.risk_band"), message("no customer has a score"))
    if scores.frame["risk_band"].isna().all():
        return {"scores.risk_band": message("the scores have no risk_band")}
    return {}
