"""Coverage: which products a customer holds, and how fast that changes."""

from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features.expressions import YEAR, count, days_since, per_customer, since, zero_where_null
from churn.features.feature import Family, Feature
from churn.timeline import Tables, is_open

_WINDOWS = (90, YEAR)


def coverage_features(config: Config) -> tuple[Feature, ...]:
    """List the family's features in the order of their columns."""
    f: Family = "coverage"
    return (
        Feature("product_coverage", f, "count", None, "distinct products held", "持有产品种数", True),
        Feature("n_holdings", f, "count", None, "holdings open", "持有产品份数", True),
        Feature("n_sticky_products", f, "count", None, "distinct sticky products held", "持有高粘性产品种数", True),
        Feature("has_class_1_account", f, "0/1", None, "has a class-1 account here", "在本行有 I 类账户", True),
        *(
            Feature(f"holds_{name}", f, "0/1", None, f"holds {product.en}", f"持有{product.zh}", True)
            for name, product in config.products.items()
        ),
        *(
            feature
            for days in _WINDOWS
            for feature in (
                Feature(
                    f"n_opened_{days}d",
                    f,
                    "count",
                    days,
                    f"products opened in {days} days",
                    f"{days} 天内办理产品数",
                    True,
                ),
                Feature(
                    f"n_closed_{days}d",
                    f,
                    "count",
                    days,
                    f"products closed in {days} days",
                    f"{days} 天内关闭产品数",
                    True,
                ),
            )
        ),
        Feature("days_since_opening", f, "days", YEAR, "days since a product was opened", "距上次办理产品天数", True),
        Feature("days_since_closing", f, "days", YEAR, "days since a product was closed", "距上次关闭产品天数", False),
    )


def build_coverage(tables: Tables, who: nw.LazyFrame[Any], as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Build the family for the customers `who`: `customer_id` and a column a feature."""
    held = is_open("opened_on", "closed_on", as_of)
    opened = [count(since("opened_on", as_of, days), f"n_opened_{days}d") for days in _WINDOWS]
    closed = [count(since("closed_on", as_of, days).fill_null(False), f"n_closed_{days}d") for days in _WINDOWS]
    counts = [
        product_coverage(as_of, config),
        count(held, "n_holdings"),
        _distinct(held, config.sticky_products, "n_sticky_products"),
        _any(held & (nw.col("account_class") == nw.lit("1")), "has_class_1_account"),
        *(_any(held & (nw.col("product") == nw.lit(name)), f"holds_{name}") for name in config.products),
        *(column for pair in zip(opened, closed, strict=True) for column in pair),
    ]
    recencies = [
        days_since(since("opened_on", as_of, YEAR), "opened_on", as_of, "days_since_opening"),
        days_since(since("closed_on", as_of, YEAR), "closed_on", as_of, "days_since_closing"),
    ]
    frame = per_customer(tables, "holdings", who, [*counts, *recencies], nw.col("opened_on") < as_of)
    names = [feature.name for feature in coverage_features(config)]
    return zero_where_null(frame, names[: len(counts)]).select("customer_id", *names)


def product_coverage(as_of: int, config: Config) -> nw.Expr:
    """Return the number of distinct products open at `as_of` that count towards coverage."""
    return _distinct(is_open("opened_on", "closed_on", as_of), config.coverage_products, "product_coverage")


def _distinct(held: nw.Expr, products: tuple[str, ...], name: str) -> nw.Expr:
    # Counted over known products one by one: null-safe, and the same on every engine.
    each = [_any(held & (nw.col("product") == nw.lit(product)), name) for product in products]
    return nw.sum_horizontal(*each).cast(nw.Int64).alias(name) if each else nw.lit(0).max().alias(name)


def _any(condition: nw.Expr, name: str) -> nw.Expr:
    return condition.fill_null(False).cast(nw.Int64).max().alias(name)
