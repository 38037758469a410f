"""What lists are made of: today's customers, their features at the date, their scores; and what is not known."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from churn.actions.hold_out import in_hold_out
from churn.actions.lists.missing import find_missing
from churn.config import Config, ListSettings
from churn.data import Data
from churn.errors import DataError
from churn.explanation.reasons.amounts import Pair
from churn.features.catalogue import available_features, build_features, catalogue
from churn.features.expressions import count, days_since, per_customer
from churn.features.feature import Feature
from churn.labels import silent_is_known
from churn.speech import say
from churn.tables.contract import TIERS, to_date, to_days
from churn.timeline import YEAR_DAYS, Tables, is_open, month_end_before, population

OF_CUSTOMERS = ("branch_id", "manager_id", "tier", "do_not_contact")
FEATURES = (
    "product_coverage",
    "n_sticky_products",
    "n_bound",
    "n_reached_365d",
    "familiarity_stage",
    "days_since_reached",
    "days_since_meeting",
    "aum_cny",
    "investments_cny",
    "unrealised_pnl_cny",
    "unrealised_return",
    "aum_growth_3m",
    "n_transactions_365d",
    "days_since_transaction",
    "tenure_days",
    "age_years",
)
OF_SCORES = ("churn_probability", "risk_band")
_OPTIONAL = ("bindings", "contacts", "pnl", "transactions", "referrals")
_OPTIONAL_COLUMNS = (("customers", "manager_id"), ("customers", "birth_year"), ("transactions", "queue_ticket"))


@dataclass(frozen=True)
class Facts:
    """What is known of the customers at a date.

    Attributes
    ----------
    customers
        The population at the date, one row a customer, sorted by `customer_id`: today's columns of `customers`,
        `FEATURES`, `OF_SCORES`, `days_since_word` (days since a contact of `settings.word_purposes` last reached
        the customer), `n_referred` (customers brought so far), `tier_level` (today's: 0 ordinary to 2 platinum) and
        `is_held_out` (of the random hold-out). NaN where not known.
    tables
        Those that can be used; lazy.
    day
        Days since 1970-01-01; only what happened strictly before it is used.
    missing
        Why a table, a column ("table.column") or the scores cannot be used.
    catalogue
        Every feature, by name.
    """

    customers: pd.DataFrame
    tables: Tables
    day: int
    config: Config
    settings: ListSettings
    missing: Mapping[str, Pair]
    catalogue: Mapping[str, Feature]

    def lacks(self, *sources: str) -> list[Pair]:
        """Say why any of these sources cannot be used."""
        return [self.missing[source] for source in sources if source in self.missing]

    def tell(self, feature: str, row: Any, *, raises: bool = True) -> Pair:
        """Tell a customer's value of a feature."""
        return self.tell_value(feature, getattr(row, feature), raises=raises)

    def tell_value(self, feature: str, value: float, *, raises: bool = True) -> Pair:
        """Tell a value of a feature."""
        told = self.catalogue[feature].tell(value, raises=raises)
        return say(told, "en"), say(told, "zh")


def read_facts(bank: Data, scores: pd.DataFrame | None, date: dt.date, config: Config, settings: ListSettings) -> Facts:
    """Collect the facts of every customer at a date.

    Raises
    ------
    DataError
        A customer has more than one row of `scores`.
    """
    day = to_days(date)
    missing = _find_lacking(bank, day)
    tables = {name: frame for name, frame in bank.tables().items() if name not in missing}
    found = to_pandas(_collectable(tables, day, config, settings))
    columns = ["customer_id", *OF_CUSTOMERS, *FEATURES, "days_since_word", "n_referred"]
    found = found.reindex(columns=columns).sort_values("customer_id", ignore_index=True)
    found = found.assign(
        tier_level=found["tier"].map(TIERS.index).astype("int64"),
        is_held_out=in_hold_out(found["customer_id"], config.plan),
    )
    customers, reason = _with_scores(found, scores)
    known = {feature.name: feature for feature in catalogue(config)}
    return Facts(customers, tables, day, config, settings, {**missing, **reason}, known)


def open_holdings(facts: Facts) -> pd.DataFrame:
    """Return products held at the date, one row a customer and product: `customer_id`, `product`, first `opened_on`."""
    held = facts.tables["holdings"].filter(is_open("opened_on", "closed_on", facts.day))
    rows = to_pandas(held.group_by("customer_id", "product").agg(nw.col("opened_on").min()))
    rows = rows[rows["customer_id"].isin(facts.customers["customer_id"])]
    return rows.sort_values(["customer_id", "product"], ignore_index=True)


def to_pandas(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Collect a lazy frame."""
    collected: pd.DataFrame = frame.collect(backend="pyarrow").to_native().to_pandas()
    return collected


def _find_lacking(bank: Data, day: int) -> dict[str, Pair]:
    missing = find_missing(bank, _OPTIONAL, _OPTIONAL_COLUMNS)
    if "pnl" not in missing and not silent_is_known(bank.tables(), day):
        end = to_date(month_end_before(day))
        missing["pnl"] = f"pnl holds no values at {end}", f"pnl 表没有 {end} 的数据"
    if "contacts" not in missing and not _has_row(bank, "contacts", "contacted_on", day - YEAR_DAYS, day):
        begin, end = to_date(day - YEAR_DAYS), to_date(day)
        missing["contacts"] = (
            f"contacts holds no row from {begin} on and before {end}",
            f"contacts 表没有 {begin} 起、{end} 之前的数据",
        )
    return missing


def _has_row(bank: Data, table: str, column: str, first: int, last: int) -> bool:
    rows = bank.tables()[table].filter((nw.col(column) >= first) & (nw.col(column) < last))
    return bool(rows.head(1).collect(backend="pyarrow").shape[0])


def _collectable(tables: Tables, day: int, config: Config, settings: ListSettings) -> nw.LazyFrame[Any]:
    who = population(tables, day)
    # States are of the past, and lists show today's tier and manager.
    known = {name: frame for name, frame in tables.items() if name != "customer_states"}
    available = {feature.name for feature in available_features(known, config)}
    features = build_features(known, who, day, config)
    features = features.select("customer_id", *(name for name in FEATURES if name in available))
    frame = who.join(tables["customers"].select("customer_id", *OF_CUSTOMERS), on="customer_id", how="left")
    frame = frame.join(features, on="customer_id", how="left")
    if "contacts" in tables:
        word = nw.col("reached") & nw.col("purpose").is_in(list(settings.word_purposes))
        last = days_since(word, "contacted_on", day, "days_since_word")
        frame = per_customer(tables, "contacts", frame, [last], nw.col("contacted_on") < day)
    if "referrals" in tables:
        frame = frame.join(_brought(tables, day), left_on="customer_id", right_on="referrer_id", how="left")
        frame = frame.with_columns(nw.col("n_referred").fill_null(0))
    return frame


def _brought(tables: Tables, day: int) -> nw.LazyFrame[Any]:
    # As for the features, a referral counts once both are customers.
    known = tables["referrals"].filter((nw.col("referred_on") < day) & (nw.col("known_from") < day))
    pairs = known.select("referrer_id", "referred_id").unique()
    return pairs.group_by("referrer_id").agg(count(~nw.col("referred_id").is_null(), "n_referred"))


def _with_scores(found: pd.DataFrame, scores: pd.DataFrame | None) -> tuple[pd.DataFrame, dict[str, Pair]]:
    if scores is None or not {"customer_id", "churn_probability"} <= set(scores):
        why = ("there are no scores", "没有评分")
        return _scored(found, found[["customer_id"]]), {"scores": why, "scores.risk_band": why}
    twice = int(scores["customer_id"].duplicated().sum())
    if twice:
        raise DataError(f"scores: {twice:,} rows repeat a customer_id; give scores with one row a customer")
    joined = _scored(found, scores)
    missing: dict[str, Pair] = {}
    if len(found) and joined["churn_probability"].isna().all():
        missing["scores"] = missing["scores.risk_band"] = ("no customer has a score", "客户均无评分")
    elif "risk_band" not in scores:
        missing["scores.risk_band"] = ("the scores have no risk_band", "评分没有 risk_band 列")
    return joined, missing


def _scored(found: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    columns = scores.reindex(columns=["customer_id", *OF_SCORES])
    columns = columns.astype({"customer_id": "str", "churn_probability": "float64", "risk_band": "str"})
    return found.merge(columns, on="customer_id", how="left")
