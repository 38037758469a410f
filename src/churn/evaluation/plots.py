"""Plots of what was evaluated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray

from churn.estimates import share

STATED, OBSERVED, PREDICTED = "#9aa5b1", "#1f4e79", "#d9822b"
_GROUPS = 10


def plot_baselines(buckets: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> None:
    """Write the picture of `draw_baselines` to `path`, as PNG."""
    _save(draw_baselines(buckets, title=title), path)


def plot_calibration(y_obs: ArrayLike, y_pred: ArrayLike, path: Path, *, title: str) -> None:
    """Write the picture of `draw_calibration` to `path`, as PNG."""
    _save(draw_calibration(y_obs, y_pred, title=title), path)


def plot_lift(y_obs: ArrayLike, y_pred: ArrayLike, path: Path, *, title: str) -> None:
    """Write the picture of `draw_lift` to `path`, as PNG."""
    _save(draw_lift(y_obs, y_pred, title=title), path)


def draw_baselines(buckets: Sequence[Mapping[str, Any]], *, title: str) -> Figure:
    """Draw stated, observed (with its 95 % interval) and predicted churn by products held.

    Parameters
    ----------
    buckets
        In the form of `baselines.json`; buckets without customers are left out, and what is None is not drawn.
    title
        Stands above the plot.

    Examples
    --------
    >>> bucket = {"product_coverage": 1, "n": 40, "stated": 0.62, "observed": 0.6, "observed_low": 0.45,
    ...           "observed_high": 0.74, "predicted": 0.61}
    >>> draw_baselines([bucket], title="Churn by products held").axes[0].get_ylabel()
    'customers who left'
    """
    shown = [bucket for bucket in buckets if bucket["n"]]
    figure, axes = canvas(7.2, 4.0, title)
    places = range(len(shown))
    stated = [(place, bucket["stated"]) for place, bucket in zip(places, shown, strict=True) if bucket["stated"]]
    axes.bar([p for p, _ in stated], [rate for _, rate in stated], width=0.62, color=STATED, alpha=0.45, label="stated")
    observed = [bucket["observed"] for bucket in shown]
    below = [bucket["observed"] - bucket["observed_low"] for bucket in shown]
    above = [bucket["observed_high"] - bucket["observed"] for bucket in shown]
    axes.errorbar(
        [place - 0.09 for place in places],
        observed,
        yerr=[below, above],
        fmt="o",
        color=OBSERVED,
        capsize=3,
        label="observed, 95 % interval",
    )
    predicted = [(place + 0.09, one["predicted"]) for place, one in zip(places, shown, strict=True)]
    if known := [(place, rate) for place, rate in predicted if rate is not None]:
        axes.plot(*zip(*known, strict=True), "D", color=PREDICTED, label="predicted")
    axes.set_xticks(list(places), [f"{bucket['product_coverage']}\nn = {bucket['n']:,}" for bucket in shown])
    axes.set_xlabel("products held")
    axes.set_ylabel("customers who left")
    axes.set_ylim(bottom=0)
    finish(axes)
    axes.grid(visible=False, axis="x")
    return figure


def draw_calibration(y_obs: ArrayLike, y_pred: ArrayLike, *, title: str) -> Figure:
    """Draw observed against predicted churn in ten groups of equal size by prediction.

    On the diagonal the model is calibrated; bars are 95 % Wilson intervals, as of `evaluation.baselines`.

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
    figure, axes = canvas(5.2, 5.0, title)
    predicted, observed, below, above = _reliability(np.asarray(y_obs), np.asarray(y_pred, dtype=np.float64))
    most = 1.05 * max(float(np.max(predicted)), float(np.max(observed + above)))
    axes.plot([0, most], [0, most], "--", color=STATED, label="calibrated")
    axes.errorbar(
        predicted, observed, yerr=[below, above], fmt="o", color=OBSERVED, capsize=3, label="observed, 95 % interval"
    )
    axes.set_xlabel("predicted")
    axes.set_ylabel("customers who left")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    finish(axes)
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
    figure, axes = canvas(5.2, 5.0, title)
    looked, found = _gains(np.asarray(y_obs), np.asarray(y_pred, dtype=np.float64))
    rate = float(np.mean(np.asarray(y_obs)))
    axes.plot([0, 1], [0, 1], "--", color=STATED, label="by chance")
    axes.plot([0, rate, 1], [0, 1, 1], ":", color=PREDICTED, label="the most there is")
    axes.plot(looked, found, color=OBSERVED, label="by the model")
    axes.set_xlabel("customers looked at, riskiest first")
    axes.set_ylabel("churners found")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    finish(axes)
    return figure


def canvas(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Give an empty figure of that size in inches, of 150 pixels each, and its axes under the title."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    return figure, axes


def finish(axes: Axes) -> None:
    """Show the y axis in per cent, and grid and legend as in every plot here."""
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="png", metadata={"Software": None})


def _reliability(
    y_obs: NDArray[Any], y_pred: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean prediction, observed share, and how far its interval reaches below and above, by group."""
    order = np.argsort(y_pred, kind="stable")
    groups = np.array_split(order, min(_GROUPS, len(order)))
    observed, low, high = share([np.sum(y_obs[group]) for group in groups], [len(group) for group in groups])
    return np.array([np.mean(y_pred[group]) for group in groups]), observed, observed - low, high - observed


def _gains(y_obs: NDArray[Any], y_pred: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of customers and of churners, from none to all, one point a different prediction."""
    values, place = np.unique(-y_pred, return_inverse=True)
    customers = np.bincount(place, minlength=len(values))
    churners = np.bincount(place, weights=y_obs, minlength=len(values))
    return (
        np.concatenate([[0.0], np.cumsum(customers) / len(y_obs)]),
        np.concatenate([[0.0], np.cumsum(churners) / np.sum(churners)]),
    )
