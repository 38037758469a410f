"""Plots of what was evaluated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

_STATED, _OBSERVED, _PREDICTED = "#9aa5b1", "#1f4e79", "#d9822b"


def plot_baselines(buckets: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> None:
    """Draw stated, observed (with its 95 % interval) and predicted churn by products held, as PNG.

    Parameters
    ----------
    buckets
        In the form of `baselines.json`; buckets without customers are left out.
    path
        File to write.
    title
        Stands above the plot.
    """
    shown = [bucket for bucket in buckets if bucket["n"]]
    figure = Figure(figsize=(7.2, 4.0), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(shown))
    stated = [(place, bucket["stated"]) for place, bucket in zip(places, shown, strict=True) if bucket["stated"]]
    axes.bar(
        [p for p, _ in stated], [rate for _, rate in stated], width=0.62, color=_STATED, alpha=0.45, label="stated"
    )
    observed = [bucket["observed"] for bucket in shown]
    below = [bucket["observed"] - bucket["observed_low"] for bucket in shown]
    above = [bucket["observed_high"] - bucket["observed"] for bucket in shown]
    axes.errorbar(
        [place - 0.09 for place in places],
        observed,
        yerr=[below, above],
        fmt="o",
        color=_OBSERVED,
        capsize=3,
        label="observed, 95 % interval",
    )
    predicted = [bucket["predicted"] for bucket in shown]
    axes.plot([place + 0.09 for place in places], predicted, "D", color=_PREDICTED, label="predicted")
    axes.set_xticks(list(places), [f"{bucket['product_coverage']}\nn = {bucket['n']:,}" for bucket in shown])
    axes.set_xlabel("products held")
    axes.set_ylabel("customers who left")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, format="png", metadata={"Software": None})
