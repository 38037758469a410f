"""Pictures of the bindings table as figures, to be shown where one works: the table itself, and beside the truth."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from churn.config import Config
from churn.errors import ExplanationError
from churn.explanation.bindings import BindingRow
from churn.explanation.captions import Language
from churn.explanation.folder import service_names
from churn.explanation.plots.canvas import BLUE, DARK, GREY, MORE
from churn.explanation.plots.fonts import lettering
from churn.explanation.plots.forest import fill_forest, forest_size
from churn.explanation.tables import binding_rows


class _Claim(NamedTuple):
    """What one column of the table says of each service, and which truth it is held against."""

    title: str
    stem: str
    low: str
    high: str
    truth: str
    colour: str


_CLAIMS = (
    _Claim("SHAP contrast", "shap_contrast_points", "shap_low", "shap_high", "atu", GREY),
    _Claim("raw difference", "raw_difference", "raw_low", "raw_high", "atu", GREY),
    _Claim("records, alike compared", "effect_atu", "effect_atu_low", "effect_atu_high", "atu", BLUE),
    _Claim("randomised offers", "late", "late_low", "late_high", "late", DARK),
)


def draw_bindings(table: pd.DataFrame, config: Config | None = None, language: Language = "en") -> Figure:
    """Draw the table of `explain_bindings` as `churn explain` does; see `plots.forest.plot_bindings`.

    Parameters
    ----------
    table
        At least one service; rows are drawn in their order.
    config
        Names the services; the default catalogue when absent.
    language
        Of title, legend and verdicts.

    Raises
    ------
    ExplanationError
        No service, a column that is missing, or no font that can draw Chinese.
    """
    rows = binding_rows(table)
    if not rows:
        raise ExplanationError("draw_bindings: no service to draw; give a table with at least one")
    pairs = service_names(config or Config())
    names = {service: pair[("en", "zh").index(language)] for service, pair in pairs.items()}
    with lettering(language, names.values()):
        figure = _empty(forest_size(rows))
        fill_forest(figure, rows, names, language)
        figure.canvas.draw()  # ticks take their lettering when they are drawn
    return figure


def draw_against_truth(table: pd.DataFrame, truth: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw what four ways of looking say of each service against a simulated bank's true effect; English.

    On the diagonal a claim is true. SHAP, raw difference and records are held against the effect on those who do not
    have the service, randomised offers against that on those who took the offer up.

    Parameters
    ----------
    table
        Of `explain_bindings`; claims that are missing are not drawn.
    truth
        Of `churn.explanation.grading.read_truth`.

    Raises
    ------
    ExplanationError
        None of the services has a known effect, or a column is missing.
    """
    rows = [row for row in binding_rows(table) if row.service in truth]
    if not rows:
        raise ExplanationError("draw_against_truth: no service with a known effect; give the truth of this bank")
    parts = [part for claim in _CLAIMS for part in (claim.stem, claim.low, claim.high)]
    said = [value for row in rows for part in parts if (value := getattr(row, part)) is not None]
    real = [effect for row in rows for effect in truth[row.service].values()]
    with lettering("en"):
        figure = _empty((11.0, 8.6))
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 0.94))  # the key of numbers stands above
        figure.suptitle(
            "What is said of a binding, and what it truly does", x=0.01, y=0.99, ha="left", fontsize=14, color=DARK
        )
        for axes, claim in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, _CLAIMS, strict=True):
            _draw_claim(axes, claim, rows, truth)
            axes.set(xlim=_around(real), ylim=_around([*said, *real]))
        key = "   ".join(f"{place} {row.service.replace('_', ' ')}" for place, row in enumerate(rows, 1))
        figure.text(0.01, 0.96, key, ha="left", va="top", fontsize=9.5, color=GREY)
        figure.supxlabel("true change of the churn probability by binding, points", fontsize=11, color=DARK)
        figure.supylabel("what is said of it, points, 95 % interval", fontsize=11, color=DARK)
        figure.canvas.draw()
    return figure


def _draw_claim(
    axes: Axes, claim: _Claim, rows: Sequence[BindingRow], truth: Mapping[str, Mapping[str, float]]
) -> None:
    axes.axline((0, 0), slope=1, color=MORE, linewidth=1.2, linestyle="--")
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.axvline(0, color=GREY, linewidth=0.6)
    shown = 0
    for place, row in enumerate(rows, 1):
        said, real = getattr(row, claim.stem), truth[row.service].get(claim.truth)
        if said is None or real is None:
            continue
        low, high = getattr(row, claim.low), getattr(row, claim.high)
        if low is not None and high is not None:
            axes.plot([100 * real] * 2, [100 * low, 100 * high], color=claim.colour, linewidth=1.4, alpha=0.6)
        axes.plot([100 * real], [100 * said], "o", color=claim.colour, markersize=6)
        axes.annotate(
            str(place), (100 * real, 100 * said), xytext=(6, 3), textcoords="offset points", fontsize=10, color=DARK
        )
        shown += 1
    axes.set_title(f"{claim.title} (n = {shown})", loc="left", fontsize=11, color=DARK)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _around(effects: Sequence[float]) -> tuple[float, float]:
    """Choose the scale, in points, that holds all effects and zero."""
    low, high = 100 * min([*effects, 0.0]), 100 * max([*effects, 0.0])
    margin = 0.1 * max(high - low, 1.0)
    return low - margin, high + margin


def _empty(size: tuple[float, float]) -> Figure:
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
