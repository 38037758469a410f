"""The effect of a randomised offer: on everybody it was made to, and on those who took it up because of it.

The latter takes it that the offer changes nothing for whoever does not take it up. But an offer is a call as well, and
a call may keep a customer by itself. Its effect is then added to that of binding, divided by the share who bound. Only
customers who were called in the same way, and offered nothing, tell the two apart.

Plain numbers come in and go out, so that any randomised trial can be read. Several waves are strata: each is compared
within itself, and weighs as many rows as it has. A row's outcome and uptake are those after its own assignment; one
customer may be in several waves, so variances add up by customer.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from churn.estimates import UNKNOWN, Z_95, Estimate, around
from churn.evidence import LEAST_ARM

Floats = NDArray[np.float64]


class RandomisedOffer(NamedTuple):
    """A randomised offer's effects on the outcome, each with its 95 % interval.

    Attributes
    ----------
    itt
        Intention to treat: mean outcome, offered minus not offered.
    late
        Effect on those who took the offer up and would not have without it; None where the offer moved too few for
        an interval.
    uptake
        How far the offer moved the share of takers.
    n
        Rows used, both arms.
    without_call
        Whether `late` and `uptake` compare with customers who were called and offered nothing, so that the effect of
        the call is not part of them.
    """

    itt: Estimate
    late: Estimate
    uptake: Estimate
    n: int
    without_call: bool = False


def estimate_offer(
    outcome: ArrayLike, took: ArrayLike, offered: ArrayLike, wave: ArrayLike, customer: ArrayLike
) -> RandomisedOffer | None:
    """Compare those offered with those not, within each wave; None where no wave has 30 rows in each arm.

    ITT = Σ_k (n_k / n)(ȳ₁ₖ − ȳ₀ₖ); LATE = ITT / the same of uptake (Imbens and Angrist 1994,
    https://doi.org/10.2307/2951620), with Fieller's interval, which stays honest where uptake is weak: it is open, and
    the estimate withheld, where the offer's effect on uptake is not clear of zero, or the ratio is larger than the
    outcome can change.

    Parameters
    ----------
    outcome
        0 or 1, or any number, shape (n,).
    took
        0 or 1: took the service up in time, whatever the arm.
    offered
        0 or 1: the arm drawn.
    wave
        Which draw the row belongs to.
    customer
        Whose row it is.

    Examples
    --------
    >>> offered = np.repeat([1, 0], 100)
    >>> outcome = np.r_[np.repeat([1, 0], [30, 70]), np.repeat([1, 0], [50, 50])]
    >>> found = estimate_offer(outcome, offered, offered, np.zeros(200), np.arange(200))
    >>> [round(number, 3) for number in found.itt]
    [-0.2, -0.334, -0.066]
    """
    y, d = np.asarray(outcome, dtype=np.float64), np.asarray(took, dtype=np.float64)
    z = np.asarray(offered, dtype=bool)
    waves = np.unique(np.asarray(wave), return_inverse=True)[1]
    arms = np.array([np.bincount(waves[z == arm], minlength=waves.max(initial=-1) + 1) for arm in (False, True)])
    usable = (arms.min(axis=0) >= LEAST_ARM)[waves] if len(y) else np.zeros(0, dtype=bool)
    if not usable.any():
        return None
    y, d, z = y[usable], d[usable], z[usable]
    waves = np.unique(waves[usable], return_inverse=True)[1]
    owner = np.unique(np.asarray(customer)[usable], return_inverse=True)[1]
    itt, itt_parts = _difference(y, z, waves, owner)
    uptake, uptake_parts = _difference(d, z, waves, owner)
    return RandomisedOffer(
        around(itt, float(np.sqrt(_variance(itt_parts)))),
        _fieller(itt, uptake, itt_parts, uptake_parts, float(np.ptp(y))),
        around(uptake, float(np.sqrt(_variance(uptake_parts)))),
        len(y),
    )


def _difference(
    values: Floats, offered: NDArray[np.bool_], wave: NDArray[Any], owner: NDArray[Any]
) -> tuple[float, Floats]:
    """Weighted mean over waves of the difference between arms, and what each customer adds to its error."""
    n, size = len(values), np.bincount(wave)
    difference, parts = 0.0, np.zeros(n)
    for sign, arm in ((1.0, offered), (-1.0, ~offered)):
        count = np.bincount(wave[arm], minlength=len(size))
        mean = np.bincount(wave[arm], values[arm], minlength=len(size)) / count
        difference += sign * float((size * mean).sum()) / n
        # (count - 1): a mean's own residuals are too small by this much.
        share = size / n / np.sqrt(count * (count - 1.0))
        parts[arm] = sign * (share[wave] * (values - mean[wave]))[arm]
    return difference, np.bincount(owner, parts).astype(np.float64)


def _variance(parts: Floats) -> float:
    return float((parts**2).sum())


def _fieller(itt: float, uptake: float, itt_parts: Floats, uptake_parts: Floats, span: float) -> Estimate:
    """Ratios r with (itt − r · uptake)² ≤ z² Var(itt − r · uptake): Fieller 1954, the roots of a r² + b r + c."""
    square = Z_95**2
    a = uptake**2 - square * _variance(uptake_parts)
    b = -2 * (itt * uptake - square * float((itt_parts * uptake_parts).sum()))
    c = itt**2 - square * _variance(itt_parts)
    if uptake <= 0 or a <= 0:
        return UNKNOWN
    reach = np.sqrt(b * b - 4 * a * c)
    value, low, high = itt / uptake, float((-b - reach) / (2 * a)), float((-b + reach) / (2 * a))
    # More than the whole of an outcome cannot change: then few took it up and chance speaks, or arms were not drawn.
    return Estimate(value, low, high) if abs(value) <= span * (1 + 1e-9) else UNKNOWN
