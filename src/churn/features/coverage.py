"""Coverage: which products a customer holds, and how fast that changes."""

from functools import partial

import narwhals as nw

from churn.config import Config
from churn.features import expressions as e
from churn.features.feature import Feature
from churn.speech import counted, message
from churn.timeline import Seen, is_open

_WINDOWS = (90, e.YEAR)
_CHANGES = "changes"
_HELD = e.few(message("no product held"), counted("{n} product held", "{n} products held", 1),
    counted("only {n} product held", "only {n} products held", 1))  # fmt: skip
_TOWARDS_COVERAGE = e.few(message("no products held that count towards coverage"),
    counted("{n} product held that counts towards coverage", "{n} products held that count towards coverage", 1),
    counted("only {n} product held that counts towards coverage", "only {n} products held that count towards coverage",
        1))  # fmt: skip
# What opens and closes: what it is called, none of it, and some.
_OPENED = (message("products opened"), message("no products opened"),
    counted("{n} product opened", "{n} products opened", 1))  # fmt: skip
_CLOSED = (message("products closed"), message("no products closed"),
    counted("{n} product closed", "{n} products closed", 1))  # fmt: skip


def coverage_features(config: Config) -> tuple[Feature, ...]:
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="coverage", actionable=True)
    changed = partial(new, unit="count", story=_CHANGES)
    last = partial(new, unit="days", window_days=e.YEAR, story=_CHANGES)
    return (
        # where some products do not count, the number of those that do is not the number held
        new(name="product_coverage", unit="count", meaning=message("distinct products held"), role="coverage",
            counts=config.coverage_products,
            phrase=_HELD if len(config.coverage_products) == len(config.products) else _TOWARDS_COVERAGE),
        new(name="n_holdings", unit="count", meaning=message("holdings open"), role="n_held",
            counts=tuple(config.products), topic="product_coverage",
            phrase=e.few(message("no holding open"), counted("{n} holding open", "{n} holdings open", 1),
                counted("only {n} holding open", "only {n} holdings open", 1))),
        new(name="n_sticky_products", unit="count", meaning=message("distinct sticky products held"), role="n_sticky",
            counts=config.sticky_products,
            phrase=e.few(message("no sticky product held"),
                counted("{n} sticky product held", "{n} sticky products held", 1),
                counted("only {n} sticky product held", "only {n} sticky products held", 1))),
        new(name="has_class_1_account", unit="0/1", meaning=message("has a class-1 account here"), role="class_1",
            phrase=e.either(message("class-1 account here"), message("no class-1 account here"))),
        *(
            new(name=f"holds_{name}", unit="0/1",
                meaning=message("holds {product}", product=product.name), product=name, role="held",
                phrase=e.either(message("{product} held", product=product.name),
                    message("{product} not held", product=product.name)))
            for name, product in config.products.items()
        ),
        *(
            changed(name=f"{stem}_{days}d", window_days=days,
                meaning=message("{what} in {days} days", what=what, days=days), role=role, topic=stem,
                phrase=e.happened(days, none, some))
            for days in _WINDOWS
            for stem, (what, none, some), role in (("n_opened", _OPENED, "opening"), ("n_closed", _CLOSED, "closing"))
        ),
        last(name="days_since_opening", meaning=message("days since a product was opened"), role="opening",
            topic="n_opened",
            phrase=e.ago(message("no product opened within a year"), message("a product opened {span} ago"))),
        last(name="days_since_closing", meaning=message("days since a product was closed"), actionable=False,
            role="closing", topic="n_closed",
            phrase=e.ago(message("no product closed within a year"), message("a product closed {span} ago"))),
    )  # fmt: skip


def build_coverage(seen: Seen, config: Config) -> e.Built:
    """Say how the family is computed."""
    as_of = seen.as_of
    held = is_open("opened_on", "closed_on", as_of)
    opened = [e.count(e.since("opened_on", as_of, days), f"n_opened_{days}d") for days in _WINDOWS]
    closed = [e.count(e.since("closed_on", as_of, days).fill_null(False), f"n_closed_{days}d") for days in _WINDOWS]
    counts = [
        product_coverage(as_of, config),
        e.count(held, "n_holdings"),
        _distinct(held, config.sticky_products, "n_sticky_products"),
        _any(held & (nw.col("account_class") == nw.lit("1")), "has_class_1_account"),
        *(_any(held & (nw.col("product") == nw.lit(name)), f"holds_{name}") for name in config.products),
        *(column for pair in zip(opened, closed, strict=True) for column in pair),
    ]
    recencies = [
        e.days_since(e.since("opened_on", as_of, e.YEAR), "opened_on", as_of, "days_since_opening"),
        e.days_since(e.since("closed_on", as_of, e.YEAR), "closed_on", as_of, "days_since_closing"),
    ]
    part = e.per_customer(seen, "holdings", [*counts, *recencies], nw.col("opened_on") < as_of)
    return e.Built([part], e.columns(coverage_features(config)))


def product_coverage(as_of: int | nw.Expr, config: Config) -> nw.Expr:
    """Return the number of distinct products open at `as_of` that count towards coverage."""
    return _distinct(is_open("opened_on", "closed_on", as_of), config.coverage_products, "product_coverage")


def _distinct(held: nw.Expr, products: tuple[str, ...], name: str) -> nw.Expr:
    # Counted over known products one by one: null-safe, and the same on every engine.
    each = [_any(held & (nw.col("product") == nw.lit(product)), name) for product in products]
    return nw.sum_horizontal(*each).cast(nw.Int64).alias(name) if each else nw.lit(0).max().alias(name)


def _any(condition: nw.Expr, name: str) -> nw.Expr:
    return condition.fill_null(False).cast(nw.Int64).max().alias(name)
