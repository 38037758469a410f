"""The next service to bind for each customer, or the product to open first.

Among the services a customer could still bind, the one that is expected to cut the risk most. After randomised offers
that is what is to be expected of them all, clear of zero or not; after records, where the verdict claims an effect.
Where nothing is expected the stickiest service comes first. An effect is told only where the verdict claims one (cuts,
suggests). A service is never named that is expected to raise the risk, even if only among those who hold as many
products. Effects differ by products held where the data carry such differences.

An effect is an average. Each customer is told the change of probability that one and the same change of the log-odds
makes; it is solved so that its mean over those who could bind the service is the average that was estimated. So the
effects of customers sum to the estimate, are largest where the risk is neither low nor certain, and never take away
more than the whole of a risk. That binding moves everybody's log-odds alike is an assumption: the data show averages
alone.

A service is bound to a card of a class-1 account, of which a person may have one at a bank (since 2016-12-01). Where
the tables say what class accounts have, a customer without one opens that first, and nobody is
advised to open a second.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy.special import expit, logit

from churn.config import EffectSettings
from churn.estimates import Estimate
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
ALL = "all"
"""Under which stands the shift of customers whatever they hold."""
_LARGEST_SHIFT = 30.0
"""Log-odds: beyond, a probability is 0 or 1."""
_BASIS = {"randomised": "randomised", "observational": "records"}
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Words = NDArray[np.object_]


class NextSteps(NamedTuple):
    """For each of n customers: the service to bind, its estimated effect, or the product to open first.

    Attributes
    ----------
    binding
        A service, None where none can be bound.
    effect, low, high
        Change of the churn probability, negative = less churn, and its 95 % interval as that of the average; NaN where
        no effect is claimed.
    basis
        What the binding is named on: "randomised", "records" or "prior" (the order of stickiness); None where none is.
    product
        A product, None where a binding is named or everything is held.
    """

    binding: Words
    effect: Floats
    low: Floats
    high: Floats
    basis: Words
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


def add_shifts(
    advice: Iterable[Advice],
    effects: Iterable[ServiceEffect],
    features: pd.DataFrame,
    probability: Floats,
    catalogue: Sequence[Feature],
) -> tuple[Advice, ...]:
    """Add to each claim the changes of the log-odds that have its mean effects over those who could bind the service.

    Parameters
    ----------
    effects
        Those that the advice was made of, in its order: with the intervals by products held.
    features, probability, catalogue
        Customers on whom the effects were estimated, as for `find_next_steps`.
    """
    could = dict(_could_bind(features, catalogue))
    held = _products_held(features, catalogue)
    found = []
    for one, effect in zip(advice, effects, strict=True):
        shifts: dict[str, tuple[float, float, float]] = {}
        if one.verdict in _CLAIMS and one.service in could:
            there = could[one.service]
            parts: dict[str, tuple[Estimate, Bools]] = {ALL: (Estimate(one.effect, one.low, one.high), there)}
            for band, low, high in BANDS:
                if band in one.bands:
                    parts[band] = effect.bands[band], there & (held >= low) & (held <= high)
            for name, (estimate, rows) in parts.items():
                ends = [solve_shift(probability[rows], end) for end in estimate if end is not None and rows.any()]
                if len(ends) == len(estimate):
                    shifts[name] = (ends[0], ends[1], ends[2])
        found.append(one.model_copy(update={"shifts": shifts}))
    return tuple(found)


def solve_shift(probability: Floats, effect: float) -> float:
    """Return the change of the log-odds that changes probabilities by `effect` in the mean; at most 30 either way.

    Parameters
    ----------
    probability
        Shape (n,), n > 0, in [0, 1].
    effect
        In [-1, 1]; more than the whole mean cannot be taken away or added.

    Examples
    --------
    >>> shift = solve_shift(np.array([0.1, 0.5, 0.9]), -0.1)
    >>> moved(np.array([0.1, 0.5, 0.9]), shift).round(3)
    array([-0.048, -0.169, -0.083])
    """

    def excess(shift: float) -> float:
        return float(moved(probability, shift).mean()) - effect

    ends = -_LARGEST_SHIFT, _LARGEST_SHIFT
    if excess(ends[0]) >= 0 or excess(ends[1]) <= 0:
        return ends[0] if effect < 0 else ends[1]
    return float(scipy.optimize.brentq(excess, *ends, xtol=1e-12))


def moved(probability: Floats, shift: Floats | float) -> Floats:
    """Return the changes of probabilities by a change of the log-odds, shape (n,)."""
    with np.errstate(divide="ignore"):  # the log-odds of 0 and 1 are infinite, and stay
        changed: Floats = expit(logit(probability) + shift) - probability
    return changed


def find_next_steps(
    features: pd.DataFrame,
    probability: Floats,
    advice: Sequence[Advice],
    catalogue: Sequence[Feature],
    *,
    classes_known: bool | None = None,
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

    Examples
    --------
    Binding CTS cuts the risk by 10 points in the mean of customers of whom half have a high risk and half a low one.

    >>> from churn.config import Config
    >>> from churn.features.catalogue import catalogue
    >>> advice = Advice(
    ...     service="cts", verdict="cuts", evidence="randomised", effect=-0.1, low=-0.12, high=-0.08, bands={}
    ... )
    >>> customers, risk, known = pd.DataFrame({"holds_cts": [1, 1]}), np.array([0.8, 0.1]), catalogue(Config())
    >>> shift = solve_shift(risk, -0.1)
    >>> advice = advice.model_copy(update={"shifts": {"all": (shift, shift, shift)}})
    >>> found = find_next_steps(customers, risk, [advice], known)
    >>> found.binding.tolist(), found.effect.round(3).tolist(), found.basis.tolist()
    (['cts', 'cts'], [-0.149, -0.051], ['randomised', 'randomised'])
    """
    n = len(features)
    judged = {one.service: one for one in advice}
    binding, basis = np.full(n, None, dtype=object), np.full(n, None, dtype=object)
    told = np.full((3, n), np.nan)
    best = np.full(n, np.inf)
    classless = _lacks_class_1(features, catalogue, classes_known)
    held = _products_held(features, catalogue)
    for service, could in _could_bind(features, catalogue):
        one = judged.get(service)
        if one is not None and one.verdict == "raises":
            continue
        average, own = _expected(one, held, probability)
        worth = np.round(np.nan_to_num(average, nan=0.0) * _TIE)
        better = could & ~classless & (worth < best) & ~(average > 0)
        binding[better], told[:, better], best[better] = service, own[:, better], worth[better]
        basis[better] = "prior"
        basis[better & np.isfinite(average)] = _BASIS.get(one.evidence, "prior") if one else "prior"
    product = _product_to_open(features, classless, catalogue)
    product[np.isfinite(best)] = None
    effect, low, high = told
    return NextSteps(binding, effect, low, high, basis, product)


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


def _expected(one: Advice | None, held: Floats, probability: Floats) -> tuple[Floats, Floats]:
    """Return the average effect expected for customers with as many products, and their own with its interval.

    Shapes (n,) and (3, n); NaN where none is expected, or claimed.
    """
    average, own = np.full(len(held), np.nan), np.full((3, len(held)), np.nan)
    is_claimed = one is not None and one.verdict in _CLAIMS
    if one is None or one.effect is None or not (is_claimed or one.evidence == "randomised"):
        return average, own
    for name, low, high in ((ALL, -np.inf, np.inf), *BANDS):
        if name != ALL and name not in one.bands:
            continue
        rows = np.ones(len(held), dtype=bool) if name == ALL else (held >= low) & (held <= high)
        mean = one.effect if name == ALL else one.bands[name]
        average[rows] = mean
        if not is_claimed:
            continue
        if name in one.shifts:
            own[:, rows] = [moved(probability[rows], shift) for shift in one.shifts[name]]
        else:  # a model of an earlier release: an average, and never more than the whole of a risk
            own[:, rows] = np.nan
            own[0, rows] = np.maximum(mean, -probability[rows])
    return average, own


def _products_held(features: pd.DataFrame, catalogue: Sequence[Feature]) -> Floats:
    coverage = find_role(catalogue, "coverage")
    if coverage is None or coverage.name not in features:
        return np.full(len(features), np.nan)
    return features[coverage.name].to_numpy(dtype=np.float64)


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
