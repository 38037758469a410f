"""Plots of models: side by side on several metrics, by segment, and whether their intervals held."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from churn.errors import DataError
from churn.evaluation.comparison import BEST_AT, SMALLER_IS_BETTER, Comparison
from churn.evaluation.plots import OBSERVED, PREDICTED, STATED, canvas, finish
from churn.evaluation.segments import Segment
from churn.evaluation.validity import Validity

_FAILS = "#a4161a"
SHOWN = ("roc_auc", "top_decile_lift", "brier_score", "ece")


def draw_comparison(comparison: Comparison, *, metrics: Sequence[str] = SHOWN, title: str) -> Figure:
    """Draw every model on several metrics with 95 % intervals, a panel a metric; the head says which side is better.

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
        raise DataError(f"metrics: {unknown[0]} is none of {', '.join(there)}; give one of them")
    figure, _ = canvas(2.2 + 2.2 * len(metrics), 1.4 + 0.34 * len(models), "")
    figure.clear()
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        for place, model in enumerate(models):
            value, low, high = comparison.models[model][metric]
            if value is not None and low is not None and high is not None:
                axes.plot([low, high], [place, place], color=OBSERVED, linewidth=1.6)
            axes.plot([value], [place], "o", color=OBSERVED)
        if metric in BEST_AT:
            axes.axvline(BEST_AT[metric], color=STATED, linestyle="--", linewidth=1)
        axes.set_title(f"{metric.replace('_', ' ')}\n{_better(metric)}", fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
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
    figure, axes = canvas(7.6, 1.3 + 0.27 * len(segments), title)
    for place, one in enumerate(segments):
        _, low, high = one.observed
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=OBSERVED, linewidth=1.6)
        axes.plot([one.churned / one.n], [place], "o", color=OBSERVED)
        axes.plot([one.predicted], [place], "D", color=PREDICTED, markersize=5)
        if place and one.segmentation != segments[place - 1].segmentation:
            axes.axhline(place - 0.5, color=STATED, linewidth=0.6)
    names = [f"{one.segmentation} {one.value or 'not known'}  ({one.n:,})" for one in segments]
    axes.set_yticks(range(len(segments)), names, fontsize=8.5)
    for label, one in zip(axes.get_yticklabels(), segments, strict=True):
        label.set_color({"fails": _FAILS, "too_few": STATED}.get(one.verdict, "black"))
    axes.set_ylim(len(segments) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="x", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    marks = [
        Line2D([], [], marker="o", color=OBSERVED, label="observed, 95 % interval"),
        Line2D([], [], marker="D", linestyle="none", color=PREDICTED, label="predicted"),
        Line2D([], [], linestyle="none", label="name in red: the model fails; grey: too few to tell"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    return figure


def draw_validity(validity: Validity, *, title: str) -> Figure:
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
    figure, axes = canvas(7.2, 4.0, title)
    for place, group in enumerate(validity.groups):
        axes.plot(
            [place, place], [group.low, group.high], color=PREDICTED, alpha=0.4, linewidth=9, solid_capstyle="butt"
        )
        look = {"color": OBSERVED} if group.consistent else {"color": _FAILS, "markerfacecolor": "white"}
        axes.plot([place], [group.observed], "o", zorder=3, **look)  # type: ignore[arg-type]
    words = [f"{100 * group.probability:.0f} %\n({group.n:,})" for group in validity.groups]
    axes.set_xticks(range(len(words)), words, fontsize=8.5)
    axes.set_xlabel("groups of customers by predicted risk")
    axes.set_ylabel("customers who left")
    axes.set_ylim(bottom=0)
    axes.plot([], [], color=PREDICTED, alpha=0.4, linewidth=9, label="mean interval of the prediction")
    axes.plot([], [], "o", color=OBSERVED, label="observed, consistent with it")
    if not all(group.consistent for group in validity.groups):
        axes.plot([], [], "o", color=_FAILS, markerfacecolor="white", label="observed, not consistent")
    finish(axes)
    return figure


def _better(metric: str) -> str:
    if metric in BEST_AT:
        return f"best at {BEST_AT[metric]:g}"
    return "← better" if metric in SMALLER_IS_BETTER else "better →"
