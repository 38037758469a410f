"""The bindings table as a picture: all that is known about every service on one scale, or beside the truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from churn.charts import canvas
from churn.charts.fonts import drawable, lettering
from churn.charts.palette import BLUE, DARK, GREY, GRID, LESS, MORE, PALE, STRIPE
from churn.config import Config
from churn.errors import ExplanationError
from churn.explanation.bindings import BindingRow, service_names
from churn.explanation.captions import Language, caption, format_interval, verdict_text, wrap
from churn.explanation.tables import binding_rows
from churn.model.documents import Verdict

_COLOURS: Mapping[Verdict, str] = {
    "cuts": LESS,
    "suggests": LESS,
    "no_effect": GREY,
    "raises": MORE,
    "cannot_tell": GREY,
}
_LEFT, _RIGHT = -0.015, 1.02
"""Where the columns of words beside the axes begin, in widths of the axes."""
_SMALLEST_SPAN = 0.02
"""Effects below two points would otherwise look large on a scale of their own."""


class _Line(NamedTuple):
    """One estimate as it is drawn: marker, colour, place in its block and values in probability."""

    key: str
    marker: str
    colour: str
    filled: bool
    place: float
    value: float | None
    low: float | None
    high: float | None


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


def plot_bindings(rows: Sequence[BindingRow], names: Mapping[str, str], path: Path, language: Language) -> None:
    """Draw a forest plot, a block a service, in the order of `rows`, as PNG.

    From top to bottom of a block: SHAP contrast, raw difference, observational estimate for those without the
    service (line = 95 % interval, pale band = bounds under a hidden driver), randomised estimate on those who took
    the offer up. On the right stand the verdict in words and the estimate it rests on.

    Parameters
    ----------
    rows
        At least one; what is None is not drawn.
    names
        Name of each service in `language`; a service not in it stands under its own.
    path
        File to write.
    language
        Of title, legend and verdicts.

    Raises
    ------
    ExplanationError
        There are no rows, or no font can draw Chinese where it is needed.
    OutputError
        `path` cannot be written.
    """
    if not rows:
        raise ExplanationError("plot_bindings: no service to draw; give the catalogue at least one")
    shown = [names.get(row.service, row.service) for row in rows]
    with canvas.picture(path, language, _size(rows), shown) as figure:
        _fill(figure, rows, names, language)


def draw_bindings(table: pd.DataFrame, config: Config | None = None, language: Language = "en") -> Figure:
    """Draw the table of `explain_bindings` as `churn explain` does; see `plot_bindings`.

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
        figure = canvas.empty(*_size(rows))
        _fill(figure, rows, names, language)
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
        figure = canvas.empty(11.0, 8.6)
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


def _size(rows: Sequence[BindingRow]) -> tuple[float, float]:
    """Width and height in inches of the plot of these rows."""
    return 11.0, 2.3 + 0.86 * len(rows)


def _fill(figure: Figure, rows: Sequence[BindingRow], names: Mapping[str, str], language: Language) -> None:
    """Draw what `plot_bindings` draws into an empty figure, in the lettering of that language."""
    axes = figure.add_subplot()
    low, high = _limits(rows)
    axes.set_xlim(100 * low, 100 * high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(0, color=DARK, linewidth=1.1, zorder=1)
    for place, row in enumerate(rows):
        _draw_block(axes, place, row)
        _write_name(axes, place, names.get(row.service, row.service), row)
        _write_verdict(axes, place, row, language)
    _dress(axes, language)
    figure.suptitle(caption("bindings", language), x=0.01, ha="left", fontsize=14, color=DARK)
    figure.legend(handles=_legend(language), loc="outside lower left", frameon=False, fontsize=9.5, ncols=1)


def headline(row: BindingRow) -> tuple[float | None, float | None, float | None]:
    """Return the estimate the verdict rests on, with its interval; None three times where it rests on none."""
    if row.evidence == "randomised":
        return row.late, row.late_low, row.late_high
    if row.evidence == "observational":
        return row.effect_atu, row.effect_atu_low, row.effect_atu_high
    return None, None, None


def _lines(row: BindingRow) -> tuple[_Line, ...]:
    """List what a block shows. Marker and fill tell the four apart without colour."""
    atu = (row.effect_atu, row.effect_atu_low, row.effect_atu_high)
    return (
        _Line("shap", "o", GREY, False, -0.27, row.shap_contrast_points, row.shap_low, row.shap_high),
        _Line("raw", "x", GREY, True, -0.09, row.raw_difference, row.raw_low, row.raw_high),
        _Line("observational", "D", BLUE, True, 0.09, *atu),
        _Line("randomised", "s", DARK, True, 0.27, row.late, row.late_low, row.late_high),
    )


def _limits(rows: Sequence[BindingRow]) -> tuple[float, float]:
    """Choose the scale by the estimates; an interval far wider than all of them is cut, and drawn with an arrow."""
    lines = [line for row in rows for line in _lines(row)]
    widest = max([_SMALLEST_SPAN, *(abs(line.value) for line in lines if line.value is not None)])
    ends = [end for line in lines for end in (line.value, line.low, line.high) if end is not None]
    ends += [end for row in rows for end in (row.bound_low, row.bound_high) if end is not None]
    low = max(min([-_SMALLEST_SPAN, *ends]), -1.5 * widest)
    high = min(max([_SMALLEST_SPAN, *ends]), 1.5 * widest)
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _draw_block(axes: Axes, place: int, row: BindingRow) -> None:
    if place % 2:
        axes.axhspan(place - 0.5, place + 0.5, color=STRIPE, zorder=0)
    for line in _lines(row):
        if line.key == "observational":
            _draw_interval(axes, place + line.place, row.bound_low, row.bound_high, PALE, 7.0)
        width = 1.0 if line.key in ("shap", "raw") else 1.8
        _draw_interval(axes, place + line.place, line.low, line.high, line.colour, width)
        if line.value is not None:
            axes.plot([100 * line.value], [place + line.place], zorder=4, **_marker(line))


def _draw_interval(axes: Axes, y: float, low: float | None, high: float | None, colour: str, width: float) -> None:
    if low is None or high is None:
        return
    left, right = axes.get_xlim()
    axes.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=width, solid_capstyle="butt", zorder=3)
    for end, sign, arrow in ((low, 1, "<"), (high, -1, ">")):
        edge = left if sign == 1 else right
        if sign * (100 * end - edge) < 0:
            axes.plot([edge], [y], marker=arrow, color=colour, markersize=6, clip_on=False, zorder=4)


def _marker(line: _Line) -> dict[str, Any]:
    return {
        "marker": line.marker,
        "color": line.colour,
        "markersize": 6.5,
        "markeredgewidth": 1.6,
        "markerfacecolor": line.colour if line.filled else "white",
        "linestyle": "none",
    }


def _write_name(axes: Axes, place: int, name: str, row: BindingRow) -> None:
    across = axes.get_yaxis_transform()
    text = wrap(f"{place + 1}  {drawable(name)}", 30)
    axes.text(_LEFT, place + 0.05, text, transform=across, va="bottom", ha="right", color=DARK, fontsize=11.5)
    counts = f"{row.n_bound:,} / {row.n_eligible:,}"
    axes.text(_LEFT, place + 0.1, counts, transform=across, va="top", ha="right", color=GREY, fontsize=9.5)


def _write_verdict(axes: Axes, place: int, row: BindingRow, language: Language) -> None:
    across = axes.get_yaxis_transform()
    colour = _COLOURS[row.verdict]
    verdict = verdict_text(row, language)
    axes.text(_RIGHT, place + 0.05, verdict, transform=across, va="bottom", color=colour, fontsize=12.5)
    number = format_interval(*headline(row))
    if number != "—":
        axes.text(_RIGHT, place + 0.1, number, transform=across, va="top", color=colour, fontsize=10)


def _dress(axes: Axes, language: Language) -> None:
    axes.set_xlabel(caption("points_axis", language), color=DARK)
    axes.set_yticks([])
    axes.xaxis.grid(visible=True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for x, key, colour, side in (
        (_LEFT, "bound_of_eligible", GREY, "right"),
        (0.01, "less", LESS, "left"),
        (0.99, "more", MORE, "right"),
        (_RIGHT, "verdict", GREY, "left"),
    ):
        axes.text(x, 1.01, caption(key, language), transform=axes.transAxes, va="bottom", ha=side, color=colour)


def _legend(language: Language) -> list[Line2D]:
    """Give one entry for each kind of line, in the order of a block."""
    return [
        Line2D(
            [],
            [],
            marker=marker,
            color=colour,
            markerfacecolor=face,
            markeredgewidth=1.6,
            linewidth=width,
            label=caption(f"legend_{key}", language),
        )
        for key, marker, colour, face, width in (
            ("shap", "o", GREY, "white", 1.0),
            ("raw", "x", GREY, GREY, 1.0),
            ("observational", "D", BLUE, BLUE, 1.8),
            ("bounds", "", PALE, PALE, 7.0),
            ("randomised", "s", DARK, DARK, 1.8),
        )
    ]


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
