"""What lists are made of: today's customers, and the phrases that tell of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from churn.actions.today import Today, to_pandas
from churn.config import Config, ListSettings
from churn.explanation.reasons.amounts import Pair
from churn.features.catalogue import catalogue
from churn.features.feature import Feature
from churn.speech import say
from churn.timeline import Tables, is_open


@dataclass(frozen=True)
class Facts:
    """What is known of the customers at a date: of `Today`, and every feature by name."""

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


def list_facts(today: Today) -> Facts:
    """Add the features to what is known today."""
    config = today.config
    return Facts(
        customers=today.customers,
        tables=today.tables,
        day=today.day,
        config=config,
        settings=config.lists,
        missing={name: (say(why, "en"), say(why, "zh")) for name, why in today.missing.items()},
        catalogue={feature.name: feature for feature in catalogue(config)},
    )


def open_holdings(facts: Facts) -> pd.DataFrame:
    """Return products held at the date, one row a customer and product: `customer_id`, `product`, first `opened_on`."""
    held = facts.tables["holdings"].filter(is_open("opened_on", "closed_on", facts.day))
    rows = to_pandas(held.group_by("customer_id", "product").agg(nw.col("opened_on").min()))
    rows = rows[rows["customer_id"].isin(facts.customers["customer_id"])]
    return rows.sort_values(["customer_id", "product"], ignore_index=True)
