"""The apparent effect of binding without random offers: doubly robust estimates, and how far to trust them.

The estimator is DoubleML's interactive regression model (Chernozhukov et al. 2018, https://doi.org/10.1111/ectj.12097),
its bounds those under a hidden driver of given strength (Chernozhukov et al. 2022, https://doi.org/10.3386/w30302).
The chance to have bound the service and the churn of either group are learnt by boosted trees, each customer's by trees
that did not see that customer.

How far they can be believed is shown by tests, and by how strong what was observed is. Tests ask what is known to have
the answer "nothing". A placebo that is dealt out at random, an outcome that binding cannot bring about, and a group
that no longer has the service: an estimator and covariates that find an effect there cannot be believed elsewhere
(Lipsitch et al. 2010, https://doi.org/10.1097/EDE.0b013e3181d61eeb).

Strengths say how strongly what was observed drives binding and churn, in the measure of the hidden driver of the
bounds. Each family of covariates is left out in turn, and the loss of explained variance is what a hidden driver of
that family's strength would have (the benchmarks of Chernozhukov et al. 2022, https://doi.org/10.3386/w30302). Shown so
that the declared strength can be judged; they decide nothing. As a yardstick they work backwards: where the real driver
is hidden the observed families look weak, and where it is observed they look strong.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from churn.estimates import Z_95, Estimate, around
from churn.explanation.effects.comparison import ComparedCustomers
from churn.model.split import stratified_folds
from churn.model.trees import Matrix, TreeParameters, fit_trees, predict_margins

LEAST_ARM = 100
"""Customers with the service, and without it, that an estimate needs."""
EXTREME = 0.05
"""Customers whose chance to have bound the service is nearer to 0 or 1 than this are left out: nobody is like them.
Learnt chances are drawn to the middle, so that a smaller cut leaves in whom it should not: with 3,000 customers and
strong drivers 0.02 kept 98 % where 81 % were alike, and was 3 points off."""
N_FOLDS = 5
_TREES = TreeParameters(learning_rate=0.06, num_leaves=8, min_child=30, l2=5.0)
_PROPENSITY_TREES = replace(_TREES, colsample=1.0)
"""A column that gives the binding away must be seen by every tree, so that the customers it separates are left out."""
_ROUNDS = 120
ControlKind = Literal["placebo", "outcome", "treatment"]
LEAST_CASES = 20
"""Customers with the control outcome, or with the control treatment, that a test needs in each group."""
Z_99 = 2.5758
"""A control fails when its 99 % interval is clear of zero; three tests at 95 % fail one sound service in seven."""
MOST_ROWS = 5_000
MOST_FAMILIES = 12
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Nuisances(NamedTuple):
    """For each customer, out of fold: the chance to have it bound, and the outcome without and with it, shape (n,)."""

    propensity: Floats
    without: Floats
    with_it: Floats

    def of(self, rows: NDArray[np.bool_]) -> "Nuisances":
        """Keep the customers marked in `rows`."""
        return Nuisances(self.propensity[rows], self.without[rows], self.with_it[rows])


@dataclass(frozen=True)
class Observational:
    """Estimates for those who have the service (ATT) and those who do not (ATU), as changes of the churn probability.

    Attributes
    ----------
    att, atu
        With 95 % intervals.
    bound_low, bound_high
        Bounds of the ATU under a hidden driver of the declared strength, its sampling error included.
    robustness_value
        Strength, as a share of the residual variance of both binding and churn, that a hidden driver needs to bring
        the ATU to zero; in [0, 1].
    overlap_share
        Share of the customers who were like others of the other group, and so were kept, in [0, 1].
    n, n_bound
        Customers kept, and those of them with the service.
    """

    att: Estimate
    atu: Estimate
    bound_low: float
    bound_high: float
    robustness_value: float
    overlap_share: float
    n: int
    n_bound: int


def fit_nuisances(matrix: Matrix, bound: Ints, y: Ints, *, seed: int = 0) -> Nuisances:
    """Learn who has the service and what becomes of either group, five folds apart.

    Parameters
    ----------
    matrix
        Covariates, shape (n, k), NaN where missing.
    bound, y
        0 or 1, shape (n,); at least five rows with each value of `bound`.
    """
    folds = stratified_folds(bound, N_FOLDS, seed)
    rows = np.arange(len(y))
    return Nuisances(
        _out_of_fold(matrix, bound, folds, rows, _PROPENSITY_TREES, seed),
        _out_of_fold(matrix, y, folds, rows[bound == 0], _TREES, seed),
        _out_of_fold(matrix, y, folds, rows[bound == 1], _TREES, seed),
    )


def estimate_effect(bound: Ints, y: Ints, nuisances: Nuisances, *, cf_y: float, cf_d: float) -> Observational | None:
    """Estimate the effect of the service; None with fewer than 100 alike customers in either group.

    Parameters
    ----------
    bound, y
        0 or 1, shape (n,).
    nuisances
        Of the same rows.
    cf_y, cf_d
        Strength of the hidden driver of the bounds, in [0, 1).
    """
    keep = alike(nuisances)
    bound, y, nuisances = bound[keep], y[keep], nuisances.of(keep)
    if min(bound.sum(), len(bound) - bound.sum()) < LEAST_ARM:
        return None
    att = _fit(bound, y, nuisances)
    atu = _fit(1 - bound, y, _mirrored(nuisances))
    atu.sensitivity_analysis(cf_y=cf_y, cf_d=cf_d, rho=1.0)
    said = atu.sensitivity_params
    return Observational(
        att=_estimate(att, 1.0),
        atu=_estimate(atu, -1.0),
        # Each bound errs to its own side alone, at 5 %; under a weak driver that would be narrower than the interval.
        bound_low=min(-_number(said["ci"]["upper"]), -_number(atu.coef) - Z_95 * _number(atu.se)),
        bound_high=max(-_number(said["ci"]["lower"]), -_number(atu.coef) + Z_95 * _number(atu.se)),
        robustness_value=_number(said["rv"]),
        overlap_share=float(keep.mean()),
        n=len(bound),
        n_bound=int(bound.sum()),
    )


def alike(nuisances: Nuisances) -> NDArray[np.bool_]:
    """Say which customers have others like them in the other group: a chance between 0.05 and 0.95, shape (n,)."""
    kept: NDArray[np.bool_] = (nuisances.propensity >= EXTREME) & (nuisances.propensity <= 1 - EXTREME)
    return kept


def effect_on_unbound(bound: Ints, y: Ints, nuisances: Nuisances) -> Estimate:
    """Estimate the effect on those without the service alone, of any outcome."""
    return _estimate(_fit(1 - bound, y, _mirrored(nuisances)), -1.0)


def effect_on_bound(bound: Ints, y: Ints, nuisances: Nuisances) -> Estimate:
    """Estimate the effect on those with the service alone, of any outcome."""
    return _estimate(_fit(bound, y, nuisances), 1.0)


def explained_shares(bound: Ints, y: Ints, whole: Nuisances, short: Nuisances) -> tuple[float, float]:
    """Return cf_y and cf_d of the covariates that `whole` knew and `short` did not, for the ATU.

    Of rows that are alike under both; a share may come out below zero by chance.
    """
    # Imported here for the reason given at `_fit`.
    from doubleml.utils.gain_statistics import gain_statistics

    keep = alike(whole) & alike(short)
    kept = [_mirrored(nuisances.of(keep)) for nuisances in (whole, short)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The estimated nu2", UserWarning)
        gains = gain_statistics(*(_fit(1 - bound[keep], y[keep], nuisances) for nuisances in kept))
    return _number(gains["cf_y"]), _number(gains["cf_d"])


def _out_of_fold(matrix: Matrix, y: Ints, folds: Ints, taught: Ints, parameters: TreeParameters, seed: int) -> Floats:
    """Chance of `y` for everybody, by trees taught on those of the rows `taught` that lie in other folds."""
    read = np.empty(len(folds))
    for fold in range(N_FOLDS):
        rows = taught[folds[taught] != fold]
        if len(np.unique(y[rows])) < 2:
            read[folds == fold] = y[rows].mean()
            continue
        trees = fit_trees(matrix[rows], y[rows], parameters, rounds=_ROUNDS, seed=seed)
        read[folds == fold] = expit(predict_margins(trees, matrix[folds == fold]))
    return read


def _mirrored(nuisances: Nuisances) -> Nuisances:
    return Nuisances(1 - nuisances.propensity, nuisances.with_it, nuisances.without)


def _fit(treated: Ints, y: Ints, nuisances: Nuisances) -> Any:
    # Imported here: it takes a second and 200 MB, which a command that only scores does not need.
    with warnings.catch_warnings():
        # tqdm, which comes with it, misses ipywidgets in a notebook without them
        warnings.filterwarnings("ignore", "IProgress not found")
        from doubleml import DoubleMLData, DoubleMLIRM
        from doubleml.utils import DMLDummyClassifier

    data = DoubleMLData.from_arrays(x=np.zeros((len(y), 1)), y=y.astype(float), d=treated.astype(float))
    model = DoubleMLIRM(data, DMLDummyClassifier(), DMLDummyClassifier(), score="ATTE", n_folds=N_FOLDS)
    given = {
        "ml_m": nuisances.propensity[:, None],
        "ml_g0": nuisances.without[:, None],
        "ml_g1": nuisances.with_it[:, None],
    }
    with warnings.catch_warnings():
        # Where overlap is thin it falls back, by itself, on the plain second moment of the weights, and says so.
        warnings.filterwarnings("ignore", "The estimated nu2", UserWarning)
        return model.fit(external_predictions={"d": given})


def _estimate(model: Any, sign: float) -> Estimate:
    return around(sign * _number(model.coef), _number(model.se))


def _number(found: Any) -> float:
    return float(np.ravel(found)[0])


class Control(NamedTuple):
    """One test: what was tested, what it found (95 % interval), and whether that is compatible with nothing."""

    kind: ControlKind
    found: Estimate
    passed: bool


class Strength(NamedTuple):
    """The share one family explains beyond all others.

    Attributes
    ----------
    family
        Its name.
    cf_y, cf_d
        Share of the residual variance of churn and of binding, in [0, 1).
    """

    family: str
    cf_y: float
    cf_d: float


def placebo_control(matrix: Matrix, bound: Ints, y: Ints, *, seed: int = 0) -> Control:
    """Deal the service out at random, to as many customers as have it, and look for its effect."""
    dealt = np.random.default_rng(seed).permutation(bound)
    learnt = fit_nuisances(matrix, dealt, y, seed=seed)
    return _judge("placebo", effect_on_unbound(dealt, y, learnt))


def outcome_control(
    matrix: Matrix, bound: Ints, outcome: Ints, propensity: NDArray[np.float64], *, seed: int = 0
) -> Control | None:
    """Look for an effect on an earlier outcome, 0 or 1, that the service cannot have; None where it is too rare."""
    if min(outcome[bound == 0].sum(), outcome[bound == 1].sum()) < LEAST_CASES:
        return None
    learnt = fit_nuisances(matrix, bound, outcome, seed=seed)._replace(propensity=propensity)
    return _judge("outcome", effect_on_unbound(bound, outcome, learnt))


def treatment_control(matrix: Matrix, once: NDArray[np.bool_], y: Ints, *, seed: int = 0) -> Control | None:
    """Among those without the service, look for an effect of having had it once; None where too few had."""
    had = once.astype(np.int64)
    if min(had.sum(), len(had) - had.sum()) < LEAST_CASES:
        return None
    learnt = fit_nuisances(matrix, had, y, seed=seed)
    return _judge("treatment", effect_on_bound(had, y, learnt))


def observed_strengths(compared: ComparedCustomers, *, seed: int = 0) -> list[Strength]:
    """Measure the families of covariates, the strongest for binding first, on 5,000 customers at most.

    Empty where fewer than 100 have the service or have it not, or there are more than 12 families.
    """
    families = list(dict.fromkeys(compared.families))
    rows = _sample(compared, seed)
    bound, y, matrix = compared.bound[rows], compared.y[rows], compared.matrix[rows]
    if not 2 <= len(families) <= MOST_FAMILIES or min(bound.sum(), (1 - bound).sum()) < LEAST_ARM:
        return []
    whole = fit_nuisances(matrix, bound, y, seed=seed)
    found = []
    for family in families:
        others = np.array([name != family for name in compared.families])
        short = fit_nuisances(matrix[:, others], bound, y, seed=seed)
        cf_y, cf_d = explained_shares(bound, y, whole, short)
        found.append(Strength(family, max(cf_y, 0.0), max(cf_d, 0.0)))
    return sorted(found, key=lambda strength: -strength.cf_d)


def _judge(kind: ControlKind, found: Estimate) -> Control:
    if found.value is None or found.high is None:
        return Control(kind, found, passed=False)
    reach = (found.high - found.value) * Z_99 / Z_95
    return Control(kind, found, passed=abs(found.value) <= reach)


def _sample(compared: ComparedCustomers, seed: int) -> NDArray[np.int64]:
    n = len(compared.y)
    if n <= MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_ROWS, replace=False))
