"""The next service to bind for each customer, or the product to open first.

Among the services a customer could still bind, the one that is expected to cut the risk most. An effect is expected
only where the verdict claims one (cuts, suggests); where nothing is claimed the stickiest service comes first, and no
effect is claimed either. A service is never named that raises the risk, even if only among those who hold as many
products. Effects differ by products held where the data carry such differences.

An effect is an average. A customer whose risk is typical or higher gets that average; one of lower risk gets the
same share of theirs: effect × min(1, probability / typical), typical being the share of the training's customers who
left. So nobody is promised more than the average effect, nor a larger part of their risk than the average customer.
That effects are proportional below the typical risk is an assumption: the data show averages alone. Nothing takes away
more than the whole of a customer's risk.

A service is bound to a card of a class-1 account, of which a person may have one at a bank (since 2016-12-01). Where
the tables say what class accounts have, a customer without one opens that first, and nobody is
advised to open a second.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import EffectSettings
from churn.explanation.effects import BANDS, ServiceEffect
from churn.explanation.verdict import judge
from churn.features.feature import Feature, find_products, find_role, find_services
from churn.model.documents import Advice

STICKINESS = ("online_banking", "mobile_banking", "fund_trading", "cts", "cash_sweep")
"""Services that tie a customer most, in the practice's own order; the others follow in the catalogue's."""
OPEN_FIRST = ("online_banking", "mobile_banking", "fund_plan", "cts")
"""Products to open first: e-banking, fund auto-invest, CTS; then the other sticky ones, then the rest."""
CLASS_1_PRODUCT = "debit_card"
_CLAIMS = frozenset({"cuts", "suggests"})
_TIE = 1_000
"""Effects that round to the same tenth of a point are tied."""
Floats = NDArray[np.float64]
Words = NDArray[np.object_]


class NextSteps(NamedTuple):
    """For each of n customers: the service to bind, its estimated effect, or the product to open first.

    Attributes
    ----------
    binding
        A service, None where none can be bound.
    effect
        Change of the churn probability, negative = less churn; NaN where no effect is claimed.
    product
        A product, None where a binding is named or everything is held.
    """

    binding: Words
    effect: Floats
    product: Words


def build_advice(effects: Iterable[ServiceEffect], settings: EffectSettings) -> tuple[Advice, ...]:
    """Keep of each service's effect what may be claimed."""
    advice = []
    for effect in effects:
        verdict, evidence, (value, low, high), _ = judge(effect, settings)
        bands = {name: float(band.value) for name, band in effect.bands.items() if band.value is not None}
        claimed = {"effect": value, "low": low, "high": high}
        advice.append(Advice(service=effect.service, verdict=verdict, evidence=evidence, bands=bands, **claimed))
    return tuple(advice)


def find_next_steps(
    features: pd.DataFrame,
    probability: Floats,
    advice: Sequence[Advice],
    catalogue: Sequence[Feature],
    *,
    classes_known: bool | None = None,
    typical: float | None = None,
) -> NextSteps:
    """Choose for each customer.

    Parameters
    ----------
    features
        Shape (n, number of features), of the model.
    probability
        Calibrated churn probability, shape (n,).
    advice
        Of the services that were judged; a service not among them claims nothing.
    catalogue
        What the features are: whether each service is bound and each product held, products held, and accounts of
        class 1; what is not among the features counts as not so.
    classes_known
        Of `Data.classes_known`; None takes them for known where one of these customers has such an account.
    typical
        Churn rate of the customers the model was trained on, in (0, 1]; None where it is not known, and then effects
        are cut at the customer's own risk, and not scaled.

    Examples
    --------
    Binding CTS cuts the risk by 10 points where 40 % leave: a quarter of it, also where the risk is low.

    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> advice = Advice(
    ...     service="cts", verdict="cuts", evidence="randomised", effect=-0.1, low=-0.12, high=-0.08, bands={}
    ... )
    >>> customers = pd.DataFrame({"holds_cts": [1, 1]})
    >>> found = find_next_steps(customers, np.array([0.8, 0.1]), [advice], catalogue(Config()), typical=0.4)
    >>> found.binding.tolist(), found.effect.tolist()
    (['cts', 'cts'], [-0.1, -0.025])
    """
    n = len(features)
    judged = {one.service: one for one in advice}
    binding, effect = np.full(n, None, dtype=object), np.full(n, np.nan)
    best = np.full(n, np.inf)
    classless = _lacks_class_1(features, catalogue, classes_known)
    coverage = find_role(catalogue, "coverage")
    for service, could in _could_bind(features, catalogue):
        one = judged.get(service)
        if one is not None and one.verdict == "raises":
            continue
        claimed = _claimed(one, features, coverage)
        worth = np.round(np.nan_to_num(claimed, nan=0.0) * _TIE)
        better = could & ~classless & (worth < best) & ~(claimed > 0)
        binding[better], effect[better], best[better] = service, claimed[better], worth[better]
    product = _product_to_open(features, classless, catalogue)
    product[np.isfinite(best)] = None
    return NextSteps(binding, _own_part(effect, probability, typical), product)


def _could_bind(features: pd.DataFrame, catalogue: Sequence[Feature]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield who could bind each service, the stickiest service first."""
    services, held = find_services(catalogue), find_products(catalogue)
    first = [service for service in STICKINESS if service in services]
    for service in [*first, *(name for name in services if name not in first)]:
        flag = services[service]
        if flag.product is None:
            yield service, _is(features, flag, 0)
        else:
            yield service, _is(features, held[flag.product], 1) & ~_is(features, flag, 1)


def _is(features: pd.DataFrame, flag: Feature | None, value: int) -> NDArray[np.bool_]:
    if flag is None or flag.name not in features:
        return np.zeros(len(features), dtype=bool)
    return np.asarray(features[flag.name] == value, dtype=bool)


def _lacks_class_1(
    features: pd.DataFrame, catalogue: Sequence[Feature], classes_known: bool | None
) -> NDArray[np.bool_]:
    """Mark the customers without a class-1 account; nobody where the tables do not say what class accounts have."""
    flag = find_role(catalogue, "class_1")
    has = _is(features, flag, 1)
    there = flag is not None and flag.name in features
    known = has.any() if classes_known is None else classes_known and there
    return ~has if known else np.zeros(len(features), dtype=bool)


def _claimed(one: Advice | None, features: pd.DataFrame, coverage: Feature | None) -> Floats:
    """Average effect claimed for customers with as many products, NaN where none is."""
    if one is None or one.verdict not in _CLAIMS or one.effect is None:
        return np.full(len(features), np.nan)
    effect = np.full(len(features), one.effect)
    if one.bands and coverage is not None and coverage.name in features:
        held = features[coverage.name].to_numpy(dtype=np.float64)
        for band, low, high in BANDS:
            if band in one.bands:
                effect[(held >= low) & (held <= high)] = one.bands[band]
    return effect


def _own_part(effect: Floats, probability: Floats, typical: float | None) -> Floats:
    """Scale average effects to each customer's risk."""
    share = np.minimum(probability, typical) / typical if typical else 1.0
    kept: Floats = np.maximum(effect * share, -probability)
    return kept


def _product_to_open(features: pd.DataFrame, classless: NDArray[np.bool_], catalogue: Sequence[Feature]) -> Words:
    """Name for each customer the first product not held; a class-1 account before all else for who has none."""
    chosen = np.full(len(features), None, dtype=object)
    held = find_products(catalogue)
    order = [name for name in OPEN_FIRST if name in held]
    for role in ("n_sticky", "coverage"):
        counted = find_role(catalogue, role)
        order += [name for name in (counted.counts if counted else ()) if name not in order]
    for product in reversed([name for name in order if name != CLASS_1_PRODUCT]):
        chosen[~_is(features, held[product], 1)] = product
    if CLASS_1_PRODUCT in held:
        chosen[classless] = CLASS_1_PRODUCT
    return chosen
