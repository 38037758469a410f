"""The next service to bind for each customer, or the product to open first.

Among the services a customer could still bind, the one that is expected to cut the risk most. An effect is expected
only where the verdict claims one (cuts, suggests); where nothing is claimed the stickiest service comes first, and no
effect is claimed either. A service is never named that raises the risk, be it only among those who hold as many
products. Effects differ by products held where the data carry such differences.

An effect is an average. A customer whose risk is typical or higher is told that average; one of lower risk is told the
same share of theirs: effect × min(1, probability / typical), typical being the share of the training's customers who
left. So nobody is promised more than the average effect, nor a larger part of their risk than the average customer.
That effects are proportional below the typical risk is an assumption: the data tell averages alone. Nothing takes away
more than the whole of a customer's risk.

A service is bound to a card of a class-1 account, of which a person may have one at a bank (since 2016-12-01). Where
the tables say what class accounts have, a customer without one opens that first, and nobody is told to open a second.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import Config, EffectSettings
from churn.explanation.effects.estimates import BANDS, ServiceEffect
from churn.explanation.verdict import judge
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
        advice.append(
            Advice(
                service=effect.service,
                verdict=verdict,
                evidence=evidence,
                effect=value,
                low=low,
                high=high,
                bands=bands,
            )
        )
    return tuple(advice)


def find_next_steps(
    features: pd.DataFrame,
    probability: Floats,
    advice: Sequence[Advice],
    config: Config,
    *,
    classes_known: bool | None = None,
    typical: float | None = None,
) -> NextSteps:
    """Choose for each customer.

    Parameters
    ----------
    features
        Shape (n, number of features), of the model; columns `bound_<service>`, `holds_<product>`,
        `has_class_1_account` and `product_coverage` are read where they are.
    probability
        Calibrated churn probability, shape (n,).
    advice
        Of the services that were judged; a service not among them claims nothing.
    classes_known
        Of `knows_class_1`; None takes them for known where one of these customers has such an account.
    typical
        Churn rate of the customers the model was trained on, in (0, 1]; None where it is not known, and then effects
        are cut at the customer's own risk, and not scaled.

    Examples
    --------
    Binding CTS cuts the risk by 10 points where 40 % leave: a quarter of it, also where the risk is low.

    >>> claim = Advice(
    ...     service="cts", verdict="cuts", evidence="randomised", effect=-0.1, low=-0.12, high=-0.08, bands={}
    ... )
    >>> found = find_next_steps(
    ...     pd.DataFrame({"holds_cts": [1, 1]}), np.array([0.8, 0.1]),
    ...     [claim], Config(), typical=0.4,
    ... )
    >>> found.binding.tolist(), found.effect.tolist()
    (['cts', 'cts'], [-0.1, -0.025])
    """
    n = len(features)
    judged = {one.service: one for one in advice}
    binding, effect = np.full(n, None, dtype=object), np.full(n, np.nan)
    best = np.full(n, np.inf)
    classless = _lacks_class_1(features, classes_known)
    for service in _by_stickiness(config):
        one = judged.get(service)
        if one is not None and one.verdict == "raises":
            continue
        claimed = _claimed(one, features)
        worth = np.round(np.nan_to_num(claimed, nan=0.0) * _TIE)
        better = _could_bind(service, features, config) & ~classless & (worth < best) & ~(claimed > 0)
        binding[better], effect[better], best[better] = service, claimed[better], worth[better]
    product = _product_to_open(features, classless, config)
    product[np.isfinite(best)] = None
    return NextSteps(binding, _own_part(effect, probability, typical), product)


def find_flat_next_steps(
    features: pd.DataFrame, probability: Floats, advice: Sequence[Advice], *, typical: float | None = None
) -> NextSteps:
    """Choose among the binding columns of a flat file: those at 0, the largest claimed fall first, then as given."""
    n = len(features)
    binding, effect, best = np.full(n, None, dtype=object), np.full(n, np.nan), np.full(n, np.inf)
    for one in advice:
        if one.verdict == "raises":
            continue
        claimed = _claimed(one, features)
        worth = np.round(np.nan_to_num(claimed, nan=0.0) * _TIE)
        better = (features[one.service] == 0).to_numpy() & (worth < best) & ~(claimed > 0)
        binding[better], effect[better], best[better] = one.service, claimed[better], worth[better]
    return NextSteps(binding, _own_part(effect, probability, typical), np.full(n, None, dtype=object))


def _by_stickiness(config: Config) -> list[str]:
    first = [service for service in STICKINESS if service in config.services]
    return first + [service for service in config.services if service not in first]


def _could_bind(service: str, features: pd.DataFrame, config: Config) -> NDArray[np.bool_]:
    held = _flag(features, f"holds_{config.services[service].product}")
    return held & ~_flag(features, f"bound_{service}")


def _flag(features: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    if name not in features:
        return np.zeros(len(features), dtype=bool)
    return np.asarray(features[name] == 1, dtype=bool)


def _lacks_class_1(features: pd.DataFrame, classes_known: bool | None) -> NDArray[np.bool_]:
    """Who has no class-1 account; nobody where the tables do not say what class accounts have."""
    has = _flag(features, "has_class_1_account")
    known = has.any() if classes_known is None else classes_known and "has_class_1_account" in features
    return ~has if known else np.zeros(len(features), dtype=bool)


def _claimed(one: Advice | None, features: pd.DataFrame) -> Floats:
    """Average effect claimed for customers with as many products, NaN where none is."""
    if one is None or one.verdict not in _CLAIMS or one.effect is None:
        return np.full(len(features), np.nan)
    effect = np.full(len(features), one.effect)
    if one.bands and "product_coverage" in features:
        coverage = features["product_coverage"].to_numpy(dtype=np.float64)
        for band, low, high in BANDS:
            if band in one.bands:
                effect[(coverage >= low) & (coverage <= high)] = one.bands[band]
    return effect


def _own_part(effect: Floats, probability: Floats, typical: float | None) -> Floats:
    """Scale average effects to each customer's risk."""
    share = np.minimum(probability / typical, 1.0) if typical else 1.0
    kept: Floats = np.maximum(effect * share, -probability)
    return kept


def _product_to_open(features: pd.DataFrame, classless: NDArray[np.bool_], config: Config) -> Words:
    """Name for each customer the first product not held; a class-1 account before all else for who has none."""
    chosen = np.full(len(features), None, dtype=object)
    order = [name for name in OPEN_FIRST if name in config.products]
    order += [name for name in config.sticky_products if name not in order]
    order += [name for name in config.coverage_products if name not in order and name != CLASS_1_PRODUCT]
    for product in reversed(order):
        chosen[~_flag(features, f"holds_{product}")] = product
    if CLASS_1_PRODUCT in config.products:
        chosen[classless] = CLASS_1_PRODUCT
    return chosen
