"""Bindings: which services are tied to the customer's bank card."""

from functools import partial

import narwhals as nw

from churn.config import Config
from churn.features import expressions as e
from churn.features.feature import ANY_SERVICE, Feature
from churn.speech import Message, Name, counted, message
from churn.timeline import Seen, is_open

_WINDOWS = (90, e.YEAR)
_UNBINDING = "unbinding"
_ANY = (ANY_SERVICE,)
_NOTHING_TO_BIND = message("no product held that a service needs")
_TO_BIND = counted("products held allow {n} service to be bound", "products held allow {n} services to be bound", 1)


def bindings_features(config: Config) -> tuple[Feature, ...]:
    """List the family's features in the order of their columns."""
    new = partial(Feature, family="bindings", tables=("bindings",))
    names = {name: service.name for name, service in config.services.items()}
    return (
        *(
            new(name=f"bound_{name}", unit="0/1", meaning=message("{service} bound to the card", service=names[name]),
                actionable=True, service=name, product=service.product, role="bound", monotone="falls",
                phrase=e.either(message("{service} bound", service=names[name]), _not_bound(names[name])))
            for name, service in config.services.items()
        ),
        new(name="n_bound", unit="count", meaning=message("services bound", context="feature"), actionable=True,
            role="n_bound", consequence_of=_ANY, monotone="falls",
            phrase=e.few(message("no service bound"), counted("{n} service bound", "{n} services bound", 1),
                counted("only {n} service bound", "only {n} services bound", 1)), implies=_no_service),
        new(name="n_eligible", unit="count", meaning=message("services whose product is held, bound or not"),
            actionable=True, role="n_eligible",
            phrase=e.few(_NOTHING_TO_BIND, _TO_BIND, _TO_BIND)),
        *(
            new(name=f"n_unbound_{days}d", unit="count", window_days=days,
                meaning=message("{what} in {days} days", what=message("services unbound"), days=days), actionable=True,
                role="unbinding", consequence_of=_ANY, story=_UNBINDING, topic="n_unbound",
                phrase=e.happened(days, message("no services unbound"),
                    counted("{n} service unbound", "{n} services unbound", 1)))
            for days in _WINDOWS
        ),
        new(name="share_bound", unit="share", meaning=message("share of the eligible services bound"), actionable=True,
            role="share_bound", consequence_of=_ANY, monotone="falls", topic="n_bound",
            phrase=e.part(_NOTHING_TO_BIND, message("none of the possible services bound"),
                message("all possible services bound"), message("{share} of the possible services bound"))),
        *(
            new(name=f"days_since_bound_{name}", unit="days",
                meaning=message("days since {service} was bound", service=names[name]), service=name,
                product=service.product, role="bound_days", consequence_of=_ANY, monotone="left out",
                topic=f"bound_{name}",
                phrase=e.ago(_not_bound(names[name]), message("{service} bound for {span}", service=names[name])))
            for name, service in config.services.items()
        ),
        new(name="days_since_unbinding", unit="days", window_days=e.YEAR,
            meaning=message("days since a service was unbound"), role="unbinding", consequence_of=_ANY,
            story=_UNBINDING, topic="n_unbound",
            phrase=e.ago(message("no service unbound within a year"), message("a service unbound {span} ago"))),
    )  # fmt: skip


def _not_bound(service: Name) -> Message:
    return message("{service} not bound", service=service)


def _no_service(value: float, other: Feature, its: float) -> bool:
    """Where none is bound, each is not bound."""
    return value == 0 and other.service is not None and e.is_none(other.unit, its)


def build_bindings(seen: Seen, config: Config) -> e.Built:
    """Say how the family is computed."""
    as_of = seen.as_of
    bound = is_open("bound_on", "unbound_on", as_of)
    per_service = {name: bound & (nw.col("service") == nw.lit(name)) for name in config.services}
    counts = [
        *(_any(condition, f"bound_{name}") for name, condition in per_service.items()),
        *(e.count(e.since("unbound_on", as_of, days).fill_null(False), f"n_unbound_{days}d") for days in _WINDOWS),
    ]
    recencies = [
        *(e.days_since(on, "bound_on", as_of, f"days_since_bound_{name}") for name, on in per_service.items()),
        e.days_since(e.since("unbound_on", as_of, e.YEAR), "unbound_on", as_of, "days_since_unbinding"),
    ]
    part = e.per_customer(seen, "bindings", [*counts, *recencies], nw.col("bound_on") < as_of)
    eligible = [e.zero(f"holds_{service.product}") for service in config.services.values()]
    flags = [e.zero(f"bound_{name}") for name in config.services]
    n_eligible = _sum(eligible)
    n_bound_eligible = _sum([one * held for one, held in zip(flags, eligible, strict=True)])
    share = e.ratio(n_bound_eligible, n_eligible)
    columns = e.columns(bindings_features(config), n_bound=_sum(flags), n_eligible=n_eligible, share_bound=share)
    return e.Built([part], columns)


def _any(condition: nw.Expr, name: str) -> nw.Expr:
    return condition.cast(nw.Int64).max().alias(name)


def _sum(columns: list[nw.Expr]) -> nw.Expr:
    return nw.sum_horizontal(*columns).cast(nw.Int64)
