"""Bindings: which services are tied to the customer's bank card."""

from typing import Any

import narwhals as nw

from churn.config import Config
from churn.features.expressions import YEAR, count, days_since, per_customer, ratio, since, zero_where_null
from churn.features.feature import Family, Feature
from churn.timeline import Tables, is_open

_WINDOWS = (90, YEAR)


def bindings_features(config: Config) -> tuple[Feature, ...]:
    """List the family's features in the order of their columns."""
    f: Family = "bindings"
    t = ("bindings",)
    services = config.services.items()
    return (
        *(
            Feature(f"bound_{name}", f, "0/1", None, f"{service.en} bound to the card", f"已绑定{service.zh}", True, t)
            for name, service in services
        ),
        Feature("n_bound", f, "count", None, "services bound", "已绑定服务数", True, t),
        Feature(
            "n_eligible",
            f,
            "count",
            None,
            "services whose product is held, bound or not",
            "持有对应产品的服务数（不论是否已绑定）",
            True,
            t,
        ),
        *(
            Feature(
                f"n_unbound_{days}d",
                f,
                "count",
                days,
                f"services unbound in {days} days",
                f"{days} 天内解绑数",
                True,
                t,
            )
            for days in _WINDOWS
        ),
        Feature(
            "share_bound", f, "share", None, "share of the eligible services bound", "可绑定服务中已绑定比例", True, t
        ),
        *(
            Feature(
                f"days_since_bound_{name}",
                f,
                "days",
                None,
                f"days since {service.en} was bound",
                f"绑定{service.zh}天数",
                False,
                t,
            )
            for name, service in services
        ),
        Feature(
            "days_since_unbinding", f, "days", YEAR, "days since a service was unbound", "距上次解绑天数", False, t
        ),
    )


def build_bindings(tables: Tables, who: nw.LazyFrame[Any], as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Build the family for the customers `who`: `customer_id` and a column a feature."""
    bound = is_open("bound_on", "unbound_on", as_of)
    per_service = {name: bound & (nw.col("service") == nw.lit(name)) for name in config.services}
    counts = [
        *(_any(condition, f"bound_{name}") for name, condition in per_service.items()),
        *(count(since("unbound_on", as_of, days).fill_null(False), f"n_unbound_{days}d") for days in _WINDOWS),
    ]
    recencies = [
        *(days_since(on, "bound_on", as_of, f"days_since_bound_{name}") for name, on in per_service.items()),
        days_since(since("unbound_on", as_of, YEAR), "unbound_on", as_of, "days_since_unbinding"),
    ]
    frame = per_customer(tables, "bindings", who, [*counts, *recencies], nw.col("bound_on") < as_of)
    frame = frame.join(_eligible(tables, as_of, config), on="customer_id", how="left")
    frame = zero_where_null(
        frame,
        [f"{kind}_{name}" for name in config.services for kind in ("bound", "eligible")]
        + [f"n_unbound_{days}d" for days in _WINDOWS],
    )
    frame = frame.with_columns(
        _sum([nw.col(f"bound_{name}") for name in config.services], "n_bound"),
        _sum([nw.col(f"eligible_{name}") for name in config.services], "n_eligible"),
        _sum([nw.col(f"bound_{name}") * nw.col(f"eligible_{name}") for name in config.services], "n_bound_eligible"),
    ).with_columns(ratio(nw.col("n_bound_eligible"), nw.col("n_eligible"), "share_bound"))
    return frame.select("customer_id", *(feature.name for feature in bindings_features(config)))


def _eligible(tables: Tables, as_of: int, config: Config) -> nw.LazyFrame[Any]:
    """Whether each service's product is open at `as_of`: `eligible_<service>`, 0 or 1."""
    held = is_open("opened_on", "closed_on", as_of)
    flags = [
        _any(held & (nw.col("product") == nw.lit(service.product)), f"eligible_{name}")
        for name, service in config.services.items()
    ]
    return tables["holdings"].group_by("customer_id").agg(*flags)


def _any(condition: nw.Expr, name: str) -> nw.Expr:
    return condition.cast(nw.Int64).max().alias(name)


def _sum(columns: list[nw.Expr], name: str) -> nw.Expr:
    return nw.sum_horizontal(*columns).cast(nw.Int64).alias(name)
