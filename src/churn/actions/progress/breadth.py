"""How much customers hold and have tied to their card, now and a horizon ago."""

from typing import Any

import narwhals as nw

from churn.actions.progress.facts import Facts
from churn.actions.progress.units import Found, Measured, sum_by_unit
from churn.config import Config
from churn.estimates import mean
from churn.timeline import Tables, is_open, population

NAMES = ("product_coverage", "bindings_per_customer")


def measure_breadth(facts: Facts) -> Found:
    """Measure products and bindings a customer, and how they changed for those who were customers a horizon ago too."""
    found: dict[str, Any] = {}
    for name in NAMES:
        change, lack = f"{name}_change", facts.lacks("bindings") if name == "bindings_per_customer" else None
        short = facts.lacks_history(facts.day - facts.horizon_days)
        found[name] = lack or _now(facts, name)
        found[change] = lack or short or _change(facts, name)
    return found


def held(tables: Tables, day: int, config: Config, name: str) -> nw.LazyFrame[Any]:
    """Return a whole number `held` for everybody in the population at a day: products, or services bound.

    Products that count towards coverage, and services, each once however often they are held.
    """
    if name == "product_coverage":
        rows = tables["holdings"].filter(is_open("opened_on", "closed_on", day))
        counts = _distinct(rows, "product", config.coverage_products)
    else:
        rows = tables["bindings"].filter(is_open("bound_on", "unbound_on", day))
        counts = _distinct(rows, "service", tuple(config.services))
    frame = population(tables, day).join(counts, on="customer_id", how="left")
    return frame.select("customer_id", nw.col("held").fill_null(0).cast(nw.Int64))


def _distinct(rows: nw.LazyFrame[Any], column: str, names: tuple[str, ...]) -> nw.LazyFrame[Any]:
    once = rows.filter(nw.col(column).is_in(list(names))).select("customer_id", column).unique()
    return once.group_by("customer_id").agg(nw.col(column).count().alias("held"))


def _now(facts: Facts, name: str) -> Measured:
    return _measured(facts, held(facts.tables, facts.day, facts.config, name))


def _change(facts: Facts, name: str) -> Measured:
    now = held(facts.tables, facts.day, facts.config, name)
    then = held(facts.tables, facts.day - facts.horizon_days, facts.config, name).rename({"held": "before"})
    both = now.join(then, on="customer_id", how="inner")
    return _measured(facts, both.select("customer_id", (nw.col("held") - nw.col("before")).alias("held")))


def _measured(facts: Facts, rows: nw.LazyFrame[Any]) -> Measured:
    sums = sum_by_unit(facts, rows.with_columns((nw.col("held") * nw.col("held")).alias("squares")))
    return Measured(mean(sums["n"], sums["held"], sums["squares"]), sums["n"].to_numpy())
