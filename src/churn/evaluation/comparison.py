"""Models compared on the same customers: every metric with its interval, and a paired test of every two models."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from churn.config import CampaignSettings
from churn.estimates import Estimate
from churn.evaluation import profit, ranking
from churn.evaluation.backtest import Judged
from churn.evaluation.metrics import METRICS, bootstrap_estimates, roc_auc

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]
SMALLER_IS_BETTER = frozenset({"log_loss", "brier_score", "ece"})
BEST_AT: Mapping[str, float] = {"calibration_slope": 1.0, "calibration_intercept": 0.0}
"""Metrics of which the distance to a value is compared; of all others, larger is better."""
_GROW_WITH_NOISE = frozenset({"ece", *BEST_AT})


class PairedTest(NamedTuple):
    """Two models on one metric.

    Attributes
    ----------
    metric
        Its name.
    better, worse
        Names of the models, by value; at a tie, the one that was given first is named as better.
    difference
        By how much `better` is better, not negative: of calibration slopes and intercepts the difference of their
        distances to 1 and 0, of all others that of the values.
    low, high
        Its 95 % interval; None where not defined.
    p_value
        Two-sided, in (0, 1]; None where not defined.
    """

    metric: str
    better: str
    worse: str
    difference: float
    low: float | None
    high: float | None
    p_value: float | None


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Attributes
    ----------
    models
        By model and metric, the mean over snapshots with its 95 % interval.
    tests
        Every two models on every metric that both have, metric by metric.
    n_snapshots
        Judged snapshots.
    n_one_class
        Those of them with one class only, which count only for metrics that one class can define.
    """

    models: Mapping[str, Mapping[str, Estimate]]
    tests: Sequence[PairedTest]
    n_snapshots: int
    n_one_class: int

    def document(self) -> dict[str, Any]:
        """Return models and tests as `churn compare --json` prints them."""
        return {
            "models": {
                model: {metric: estimate._asdict() for metric, estimate in found.items()}
                for model, found in self.models.items()
            },
            "tests": [test._asdict() for test in self.tests],
        }


class _Part(NamedTuple):
    """A snapshot's rows of one model in the order of its predictions, so that no draw is sorted anew."""

    rows: NDArray[np.int64]
    y: Floats
    p: Floats


class _Resampled(NamedTuple):
    """A model's metrics: estimates, and one draw of customers per row, shape (n_boot,) each."""

    estimates: dict[str, Estimate]
    draws: Mapping[str, Floats]


def compare_models(
    judged: Judged, *, campaign: CampaignSettings = profit.CAMPAIGN, n_boot: int = 200, seed: int = 0
) -> Comparison:
    """Compute every metric of every model, and test every two models against each other.

    Metrics are those of `churn.evaluation.metrics`, `empc` and `campaign_profit`. Each is computed on each snapshot
    and averaged over snapshots. Intervals and tests of `roc_auc` are those of `mean_auc` and `auc_difference`; of the
    others, from a bootstrap of customers, each drawn with all its rows at all dates and the same draws for all models.
    The p-value is twice the share of draws on the rarer side of no difference, one draw added to them and to all
    (Davison and Hinkley 1997, https://doi.org/10.1017/CBO9780511802843), so never below 2 / (`n_boot` + 1). Noise of a
    draw enlarges an ECE, or a slope's distance to 1, the more the smaller it is: differences of these are moved by the
    bootstrap's own estimate of that bias, mean of the draws minus value.

    A snapshot with one class only is left out of the mean of a metric that needs both. Where the predictions leave a
    metric undefined (a slope of constant ones), the model has none, and is not tested on it.

    Parameters
    ----------
    judged
        The rows.
    campaign
        What a contact costs and gains; that of Verbraken et al. 2013 by default.
    n_boot, seed
        As for `bootstrap_estimates`.

    Examples
    --------
    >>> import pandas as pd
    >>> churned = np.array([0, 0, 0, 1] * 50)
    >>> judged = Judged(
    ...     as_of=np.full(200, np.datetime64("NaT", "D")),
    ...     customer_id=np.arange(200).astype(str).astype(object),
    ...     churned=churned,
    ...     predicted={"timid": 0.2 + 0.2 * churned, "bold": 0.1 + 0.6 * churned},
    ...     segments=pd.DataFrame(index=range(200)),
    ... )
    >>> found = compare_models(judged, n_boot=99)
    >>> test = next(test for test in found.tests if test.metric == "brier_score")
    >>> test.better, round(test.difference, 4), test.p_value
    ('bold', 0.09, 0.02)
    """
    areas = {model: ranking.mean_auc(judged, model) for model in judged.models}
    metrics = _metrics(campaign)
    resampled = {model: _resample(judged, model, metrics, n_boot, seed) for model in judged.models}
    return Comparison(
        {model: {"roc_auc": areas[model].estimate, **resampled[model].estimates} for model in judged.models},
        [*_area_tests(areas), *_bootstrap_tests(resampled, metrics)],
        len(judged.snapshots()),
        sum(not _has_both(judged.churned[rows]) for rows in judged.snapshots().values()),
    )


def _metrics(campaign: CampaignSettings) -> dict[str, Metric]:
    general: dict[str, Metric] = {metric.__name__: metric for metric in METRICS if metric is not roc_auc}
    profits = {metric.__name__: partial(metric, campaign=campaign) for metric in (profit.empc, profit.campaign_profit)}
    return general | profits


def _resample(judged: Judged, model: str, metrics: Mapping[str, Metric], n_boot: int, seed: int) -> _Resampled:
    """Draw customers; the seed gives every model the same ones, so that differences of draws are paired."""
    parts = [_sorted_part(judged, model, np.flatnonzero(rows)) for rows in judged.snapshots().values()]
    n_rows = len(judged.churned)
    counts = _counts(parts, _values(parts, metrics, np.ones(n_rows, dtype=np.int64)))
    found: list[Floats] = []

    def statistics(rows: NDArray[np.int64]) -> dict[str, float]:
        found.append(_mean(_values(parts, metrics, np.bincount(rows, minlength=n_rows)), counts))
        return dict(zip(metrics, found[-1].tolist(), strict=True))

    owners = judged.customers
    estimates = bootstrap_estimates(statistics, n_rows, n_boot=n_boot, seed=seed, groups=owners, biased=("ece",))
    draws = np.array(found[1:]).T  # the first are all rows, each once
    return _Resampled(estimates, dict(zip(metrics, draws, strict=True)))


def _sorted_part(judged: Judged, model: str, rows: NDArray[np.int64]) -> _Part:
    ordered = rows[np.argsort(judged.predicted[model][rows], kind="stable")]
    return _Part(ordered, judged.churned[ordered].astype(np.float64), judged.predicted[model][ordered])


def _values(parts: Sequence[_Part], metrics: Mapping[str, Metric], times: NDArray[np.int64]) -> Floats:
    """Every metric (a column) of every snapshot (a row), each of the judged rows taken as often as `times` says."""
    values = np.full((len(parts), len(metrics)), np.nan)
    for row, part in zip(values, parts, strict=True):
        drawn = times[part.rows]
        y, p = np.repeat(part.y, drawn), np.repeat(part.p, drawn)
        if len(y):
            row[:] = [metric(y, p) for metric in metrics.values()]
    return values


def _counts(parts: Sequence[_Part], values: Floats) -> NDArray[np.bool_]:
    """Which snapshots are in the mean of a metric: all but those whose outcomes leave it undefined."""
    both = np.array([_has_both(part.y) for part in parts])
    return both[:, None] | np.isfinite(values)


def _has_both(churned: NDArray[Any]) -> bool:
    return bool(0 < churned.mean() < 1)


def _mean(values: Floats, counts: NDArray[np.bool_]) -> Floats:
    n = counts.sum(axis=0)
    return np.asarray(np.where(counts, values, 0.0).sum(axis=0) / np.where(n > 0, n, np.nan))


def _area_tests(areas: Mapping[str, ranking.RocAuc]) -> Iterator[PairedTest]:
    for pair in combinations(areas, 2):
        if ordered := _ordered("roc_auc", pair, [areas[model].estimate.value for model in pair]):
            better, worse, difference = ordered
            found = ranking.auc_difference(areas[better], areas[worse])
            shown = {"low": found.low, "high": found.high, "p_value": found.p_value}
            yield PairedTest("roc_auc", better, worse, difference, **shown)


def _bootstrap_tests(resampled: Mapping[str, _Resampled], metrics: Iterable[str]) -> Iterator[PairedTest]:
    for metric, pair in product(metrics, combinations(resampled, 2)):
        if ordered := _ordered(metric, pair, [resampled[model].estimates[metric].value for model in pair]):
            better, worse, difference = ordered
            merits = [_merit(metric, resampled[model].draws[metric]) for model in (better, worse)]
            low, high, p_value = _low_high_p(metric, difference, merits[0] - merits[1])
            yield PairedTest(metric, better, worse, difference, low=low, high=high, p_value=p_value)


def _ordered(metric: str, pair: tuple[str, str], values: Sequence[float | None]) -> tuple[str, str, float] | None:
    """Better model, worse model and difference; None where a model has no value."""
    merits = [float(_merit(metric, np.asarray(value))) for value in values if value is not None]
    if len(merits) < len(pair):
        return None
    difference = merits[0] - merits[1]
    return (*pair, difference) if difference >= 0 else (*pair[::-1], -difference)


def _merit(metric: str, values: Floats) -> Floats:
    """Values turned so that larger is better."""
    if metric in BEST_AT:
        return -np.abs(values - BEST_AT[metric])
    return -values if metric in SMALLER_IS_BETTER else values


def _low_high_p(metric: str, difference: float, draws: Floats) -> tuple[float | None, float | None, float | None]:
    defined = draws[np.isfinite(draws)]
    if len(defined) == 0:
        return None, None, None
    if metric in _GROW_WITH_NOISE:
        defined = defined - (defined.mean() - difference)
    low, high = np.quantile(defined, [0.025, 0.975])
    n_smaller = min(int(np.sum(defined <= 0)), int(np.sum(defined >= 0)))
    return float(low), float(high), min(1.0, 2 * (n_smaller + 1) / (len(defined) + 1))
