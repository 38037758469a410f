"""Plots of models: stated, observed and predicted churn, calibration, lift; several models, segments, intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from churn.charts import FAILS, OBSERVED, PREDICTED, STATED, canvas
from churn.errors import DataError
from churn.estimates import Estimate, share
from churn.evaluation.comparison import BEST_AT, SMALLER_IS_BETTER, Comparison
from churn.model.documents import Baselines, IntervalFacts, Segment
from churn.speech import Percent, say

SHOWN = ("roc_auc", "top_decile_lift", "brier_score", "ece")
_GROUPS = 10
_SEEN = "observed, 95\u202f% interval"


def draw_baselines(baselines: Baselines, *, title: str) -> Figure:
    """Draw stated, observed (with its 95 % interval) and predicted churn by products held.

    Parameters
    ----------
    baselines
        Of a model, or of `build_baselines`; buckets without customers are left out, and what is None is not drawn.
    title
        Stands above the plot.

    Examples
    --------
    >>> from churn.evaluation.baselines import build_baselines
    >>> found = build_baselines([1] * 40, [1] * 24 + [0] * 16, [0.6] * 40, stated={"1": 0.62})
    >>> draw_baselines(found, title="Churn by products held").axes[0].get_ylabel()
    'customers who left'
    """
    shown = [bucket for bucket in baselines if bucket.n]
    figure, axes = canvas.titled(7.2, 4.0, title)
    places = range(len(shown))
    stated = [(place, bucket.stated) for place, bucket in zip(places, shown, strict=True) if bucket.stated]
    axes.bar([p for p, _ in stated], [rate for _, rate in stated], width=0.62, color=STATED, alpha=0.45, label="stated")
    rates = [(bucket.observed, bucket.observed_low, bucket.observed_high) for bucket in shown]
    observed, low, high = np.array(rates, dtype=np.float64).reshape(-1, 3).T
    left, ends = [place - 0.09 for place in places], [observed - low, high - observed]
    axes.errorbar(left, observed, yerr=ends, fmt="o", color=OBSERVED, capsize=3, label=_SEEN)
    predicted = [(place + 0.09, one.predicted) for place, one in zip(places, shown, strict=True)]
    if known := [(place, rate) for place, rate in predicted if rate is not None]:
        axes.plot(*zip(*known, strict=True), "D", color=PREDICTED, label="predicted")
    axes.set_xticks(list(places), [f"{bucket.product_coverage}\nn = {bucket.n:,}" for bucket in shown])
    axes.set_xlabel("products held")
    axes.set_ylabel("customers who left")
    axes.set_ylim(bottom=0)
    canvas.finish(axes)
    axes.grid(visible=False, axis="x")
    return figure


def draw_calibration(y_obs: ArrayLike, y_pred: ArrayLike, *, title: str) -> Figure:
    """Draw observed against predicted churn in ten groups of equal size by prediction.

    On the diagonal the model is calibrated; bars are 95 % Wilson intervals, as of `evaluation.baselines`.

    Parameters
    ----------
    y_obs
        Outcomes, 0 or 1, shape (n,).
    y_pred
        Churn probabilities in [0, 1], shape (n,).
    title
        Stands above the plot.

    Examples
    --------
    >>> draw_calibration([0, 1, 1], [0.2, 0.6, 0.7], title="Calibration").axes[0].get_xlabel()
    'predicted'
    """
    figure, axes = canvas.titled(5.2, 5.0, title)
    predicted, observed, below, above = _reliability(np.asarray(y_obs), np.asarray(y_pred, dtype=np.float64))
    most = 1.05 * max(float(np.max(predicted)), float(np.max(observed + above)))
    axes.plot([0, most], [0, most], "--", color=STATED, label="calibrated")
    axes.errorbar(predicted, observed, yerr=[below, above], fmt="o", color=OBSERVED, capsize=3, label=_SEEN)
    axes.set_xlabel("predicted")
    axes.set_ylabel("customers who left")
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    canvas.finish(axes, percent="xy")
    return figure


def draw_lift(y_obs: ArrayLike, y_pred: ArrayLike, *, title: str) -> Figure:
    """Draw the share of all churners found against the share of customers looked at, riskiest first.

    Ties are taken as they average out: customers of one prediction count in equal parts. Parameters as for
    `draw_calibration`.

    Examples
    --------
    >>> draw_lift([0, 1, 1], [0.2, 0.6, 0.7], title="Lift").axes[0].get_ylabel()
    'churners found'
    """
    figure, axes = canvas.titled(5.2, 5.0, title)
    looked, found = _gains(np.asarray(y_obs), np.asarray(y_pred, dtype=np.float64))
    rate = float(np.mean(np.asarray(y_obs)))
    axes.plot([0, 1], [0, 1], "--", color=STATED, label="by chance")
    axes.plot([0, rate, 1], [0, 1, 1], ":", color=PREDICTED, label="the most there is")
    axes.plot(looked, found, color=OBSERVED, label="by the model")
    axes.set_xlabel("customers looked at, riskiest first")
    axes.set_ylabel("churners found")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    canvas.finish(axes, percent="xy")
    return figure


def draw_comparison(comparison: Comparison, *, metrics: Sequence[str] = SHOWN, title: str) -> Figure:
    """Draw every model on several metrics with 95 % intervals, a panel a metric; the head says which side is better.

    Intervals that overlap do not say that two models are alike: they were judged on the same customers, and
    `comparison.tests` tests their difference.

    Parameters
    ----------
    comparison
        Of `compare_models`.
    metrics
        Names in it.
    title
        Stands above the plot.

    Raises
    ------
    DataError
        A metric that is not in the comparison.
    """
    models = list(comparison.models)
    there = list(comparison.models[models[0]])
    if unknown := [name for name in metrics if name not in there]:
        raise DataError(f"metrics: {unknown[0]} is not one of {', '.join(there)}; give one of them")
    figure = canvas.empty(2.2 + 2.2 * len(metrics), 1.4 + 0.34 * len(models))
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        for place, model in enumerate(models):
            _draw_estimate(axes, place, comparison.models[model][metric])
        if metric in BEST_AT:
            axes.axvline(BEST_AT[metric], color=STATED, linestyle="--", linewidth=1)
        axes.set_title(f"{metric.replace('_', ' ')}\n{_better(metric)}", fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(axis="x", labelsize=8)
        canvas.finish(axes, percent="", grid="x", legend=False)
    panels[0].set_yticks(range(len(models)), models)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    return figure


def draw_segments(segments: Sequence[Segment], *, title: str) -> Figure:
    """Draw what was predicted beside what was observed in every segment; those where the model fails are in red.

    Parameters
    ----------
    segments
        Of `evaluate_segments`, at least one.
    title
        Stands above the plot.
    """
    figure, axes = canvas.titled(7.6, 1.3 + 0.27 * len(segments), title)
    for place, one in enumerate(segments):
        _draw_estimate(axes, place, one.observed._replace(value=one.churned / one.n))
        axes.plot([one.predicted], [place], "D", color=PREDICTED, markersize=5)
        if place and one.segmentation != segments[place - 1].segmentation:
            axes.axhline(place - 0.5, color=STATED, linewidth=0.6)
    names = [f"{one.segmentation} {one.value or 'not known'}  ({one.n:,})" for one in segments]
    axes.set_yticks(range(len(segments)), names, fontsize=8.5)
    for label, one in zip(axes.get_yticklabels(), segments, strict=True):
        label.set_color({"fails": FAILS, "too_few": STATED}.get(one.verdict, "black"))
    axes.set_ylim(len(segments) - 0.5, -0.5)
    axes.set_xlim(left=0)
    canvas.finish(axes, percent="x", grid="x", legend=False)
    marks = [
        Line2D([], [], marker="o", color=OBSERVED, label=_SEEN),
        Line2D([], [], marker="D", linestyle="none", color=PREDICTED, label="predicted"),
        Line2D([], [], linestyle="none", label="name in red: the model fails; grey: too few to tell"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    return figure


def draw_validity(validity: IntervalFacts, *, title: str) -> Figure:
    """Draw the mean interval of each risk group and the share of it that left; hollow red where they do not agree.

    Parameters
    ----------
    validity
        Of `assess_intervals`.
    title
        Stands above the plot.

    Examples
    --------
    >>> from churn.evaluation.validity import assess_intervals
    >>> found = assess_intervals([0, 0, 0, 1] * 50, [0.2] * 200, [0.1] * 200, [0.3] * 200)
    >>> draw_validity(found, title="Intervals").axes[0].get_xlabel()
    'groups of customers by predicted risk'
    """
    figure, axes = canvas.titled(7.2, 4.0, title)
    for place, group in enumerate(validity.groups):
        axes.plot(
            [place, place], [group.low, group.high], color=PREDICTED, alpha=0.4, linewidth=9, solid_capstyle="butt"
        )
        look = {"color": OBSERVED} if group.consistent else {"color": FAILS, "markerfacecolor": "white"}
        axes.plot([place], [group.observed], "o", zorder=3, **look)  # type: ignore[arg-type]
    words = [f"{say(Percent(group.probability, digits=0), 'en')}\n({group.n:,})" for group in validity.groups]
    axes.set_xticks(range(len(words)), words, fontsize=8.5)
    axes.set_xlabel("groups of customers by predicted risk")
    axes.set_ylabel("customers who left")
    axes.set_ylim(bottom=0)
    axes.plot([], [], color=PREDICTED, alpha=0.4, linewidth=9, label="mean interval of the prediction")
    axes.plot([], [], "o", color=OBSERVED, label="observed, consistent with it")
    if not all(group.consistent for group in validity.groups):
        axes.plot([], [], "o", color=FAILS, markerfacecolor="white", label="observed, not consistent")
    canvas.finish(axes)
    return figure


def _draw_estimate(axes: Axes, place: int, estimate: Estimate) -> None:
    value, low, high = estimate
    if low is not None and high is not None:
        axes.plot([low, high], [place, place], color=OBSERVED, linewidth=1.6)
    axes.plot([np.nan if value is None else value], [place], "o", color=OBSERVED)


def _reliability(
    y_obs: NDArray[Any], y_pred: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean prediction, observed share, and how far its interval reaches below and above, by group."""
    order = np.argsort(y_pred, kind="stable")
    groups = np.array_split(order, min(_GROUPS, len(order)))
    observed, low, high = share([np.sum(y_obs[group]) for group in groups], [len(group) for group in groups])
    return np.array([np.mean(y_pred[group]) for group in groups]), observed, observed - low, high - observed


def _gains(y_obs: NDArray[Any], y_pred: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of customers and of churners, from none to all, one point per different prediction."""
    values, place = np.unique(-y_pred, return_inverse=True)
    customers = np.bincount(place, minlength=len(values))
    churners = np.bincount(place, weights=y_obs, minlength=len(values))
    return (
        np.concatenate([[0.0], np.cumsum(customers) / len(y_obs)]),
        np.concatenate([[0.0], np.cumsum(churners) / np.sum(churners)]),
    )


def _better(metric: str) -> str:
    if metric in BEST_AT:
        return f"best at {BEST_AT[metric]:g}"
    return "← better" if metric in SMALLER_IS_BETTER else "better →"
