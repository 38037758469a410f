"""The bindings table as a picture: all that is known about every service on one scale, or beside the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from churn.charts import BLUE, DARK, GREY, GRID, LESS, MORE, PALE, STRIPE, canvas
from churn.config import Config
from churn.errors import ExplanationError
from churn.estimates import Estimate
from churn.explanation.bindings import BindingRow, binding_rows, service_names
from churn.explanation.rendering import TITLE
from churn.explanation.verdict import VERDICTS
from churn.model.documents import Verdict
from churn.speech import Language, Message, PointsBetween, message, say

_COLOURS: Mapping[Verdict, str] = {"cuts": LESS, "suggests": LESS, "raises": MORE}
"""The other verdicts are grey."""
Truth = Mapping[str, Mapping[str, float]]
_LEFT, _RIGHT = -0.015, 1.02
"""Where the columns of words beside the axes begin, in widths of the axes."""
_AXIS = message("change of the churn probability in percentage points; lines are 95\u202f% intervals")
_SMALLEST_SPAN = 0.02
"""Effects below two points would otherwise look large on a scale of their own."""


@dataclass(frozen=True)
class _Line:
    """How one estimate of a block is drawn: marker and fill tell the four apart without colour.

    `place` is where in the block it lies, `width` how thick its interval is.
    """

    label: Message
    marker: str
    colour: str
    place: float
    width: float = 1.0
    filled: bool = True


_BOUNDS = _Line(message("the same, should something unrecorded drive both"), "", PALE, 0.0, 7.0)
_LINES: Mapping[str, _Line] = {
    "shap": _Line(message("SHAP contrast: model attribution, not an effect"), "o", GREY, -0.32, filled=False),
    "raw": _Line(message("raw difference: customers with it minus those without, not an effect"), "x", GREY, -0.16),
    "atu": _Line(message("estimate from records: if those without it bound it"), "D", BLUE, 0.0, 1.8),
    "late": _Line(message("randomised offers, on those who took it up"), "s", DARK, 0.16, filled=False),
    "expected": _Line(message("expected effect, from the offers of all services"), "s", DARK, 0.32, 1.8),
}
"""From top to bottom of a block, by the field of the row."""


class _Claim(NamedTuple):
    """What one column of the table says of each service, and which truth it is held against."""

    title: str
    field: str
    truth: str
    colour: str


_CLAIMS = (
    _Claim("SHAP contrast", "shap", "atu", GREY),
    _Claim("raw difference", "raw", "atu", GREY),
    _Claim("records, alike compared", "atu", "atu", BLUE),
    _Claim("randomised offers", "late", "late", DARK),
)


def plot_bindings(rows: Sequence[BindingRow], names: Mapping[str, str], path: Path, language: Language) -> None:
    """Draw a forest plot, a block per service, in the order of `rows`, as PNG.

    From top to bottom of a block: SHAP contrast, raw difference, observational estimate for those without the
    service (line = 95 % interval, pale band = bounds under a hidden driver), randomised estimate on those who took
    the offer up, and what is to be expected of it by the offers of all services. On the right stand the verdict in
    words and the estimate it rests on.

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
    with canvas.lettering(language, names.values()):
        figure = canvas.empty(*_size(rows))
        _fill(figure, rows, names, language)
        figure.canvas.draw()  # ticks take their lettering when they are drawn
    return figure


def draw_against_truth(table: pd.DataFrame, truth: Truth) -> Figure:
    """Draw what four ways of looking say of each service against a simulated bank's true effect; English.

    On the diagonal a claim is true. SHAP, raw difference and records are held against the effect on those who do not
    have the service, randomised offers against that on those who took the offer up.

    Parameters
    ----------
    table
        Of `explain_bindings`; claims that are missing are not drawn.
    truth
        Of `churn.explanation.bindings.read_truth`.

    Raises
    ------
    ExplanationError
        None of the services has a known effect, or a column is missing.
    """
    rows = [row for row in binding_rows(table) if row.service in truth]
    if not rows:
        raise ExplanationError("draw_against_truth: no service with a known effect; give the truth of this bank")
    said = [end for row in rows for claim in _CLAIMS for end in _estimate(row, claim.field) if end is not None]
    real = [effect for row in rows for effect in truth[row.service].values()]
    with canvas.lettering("en"):
        figure = canvas.empty(11.0, 8.6)
        figure.set_layout_engine("constrained", rect=(0, 0, 1, 0.94))  # the key of numbers stands above
        title = "Verdicts and true effects"
        figure.suptitle(title, x=0.01, y=0.99, ha="left", fontsize=14, color=DARK)
        for axes, claim in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, _CLAIMS, strict=True):
            _draw_claim(axes, claim, rows, truth)
            axes.set(xlim=_around(real), ylim=_around([*said, *real]))
        key = "   ".join(f"{place} {row.service.replace('_', ' ')}" for place, row in enumerate(rows, 1))
        figure.text(0.01, 0.96, key, ha="left", va="top", fontsize=9.5, color=GREY)
        figure.supxlabel("true change of the churn probability by binding, points", fontsize=11, color=DARK)
        figure.supylabel("what is said of it, points, 95\u202f% interval", fontsize=11, color=DARK)
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
    canvas.head(figure, TITLE, language)
    figure.legend(handles=_legend(language), loc="outside lower left", frameon=False, fontsize=9.5, ncols=1)


def _estimate(row: BindingRow, field: str) -> Estimate:
    found: Estimate = row.shap.points if field == "shap" else getattr(row, field)
    return found


def _limits(rows: Sequence[BindingRow]) -> tuple[float, float]:
    """Choose the scale by the estimates; an interval far wider than all of them is cut, and drawn with an arrow."""
    estimates = [_estimate(row, field) for row in rows for field in (*_LINES, "bounds")]
    widest = max([_SMALLEST_SPAN, *(abs(one.value) for one in estimates if one.value is not None)])
    ends = [end for one in estimates for end in one if end is not None]
    low = max(min([-_SMALLEST_SPAN, *ends]), -1.5 * widest)
    high = min(max([_SMALLEST_SPAN, *ends]), 1.5 * widest)
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _draw_block(axes: Axes, place: int, row: BindingRow) -> None:
    if place % 2:
        axes.axhspan(place - 0.5, place + 0.5, color=STRIPE, zorder=0)
    for field, line in _LINES.items():
        if field == "atu":
            _draw_interval(axes, place, _BOUNDS, row.bounds)
        estimate = _estimate(row, field)
        _draw_interval(axes, place, line, estimate)
        if estimate.value is not None:
            axes.plot([100 * estimate.value], [place + line.place], markersize=6.5, ls="none", zorder=4, **_look(line))


def _draw_interval(axes: Axes, place: int, line: _Line, estimate: Estimate) -> None:
    _, low, high = estimate
    if low is None or high is None:
        return
    y, (left, right) = place + line.place, axes.get_xlim()
    axes.plot([100 * low, 100 * high], [y, y], color=line.colour, linewidth=line.width, solid_capstyle="butt", zorder=3)
    for end, sign, arrow in ((low, 1, "<"), (high, -1, ">")):
        edge = left if sign == 1 else right
        if sign * (100 * end - edge) < 0:
            axes.plot([edge], [y], marker=arrow, color=line.colour, markersize=6, clip_on=False, zorder=4)


def _look(line: _Line) -> dict[str, Any]:
    inside = line.colour if line.filled else "white"
    return {"marker": line.marker, "color": line.colour, "markerfacecolor": inside, "markeredgewidth": 1.6}


def _write_name(axes: Axes, place: int, name: str, row: BindingRow) -> None:
    across = axes.get_yaxis_transform()
    text = canvas.wrap(f"{place + 1}  {canvas.drawable(name)}", 30)
    axes.text(_LEFT, place + 0.05, text, transform=across, va="bottom", ha="right", color=DARK, fontsize=11.5)
    counts = f"{row.n_bound:,} / {row.n_eligible:,}"
    axes.text(_LEFT, place + 0.1, counts, transform=across, va="top", ha="right", color=GREY, fontsize=9.5)


def _write_verdict(axes: Axes, place: int, row: BindingRow, language: Language) -> None:
    across = axes.get_yaxis_transform()
    colour = _COLOURS.get(row.verdict, GREY)
    verdict = say(VERDICTS[row.verdict], language)
    axes.text(_RIGHT, place + 0.05, verdict, transform=across, va="bottom", color=colour, fontsize=12.5)
    if row.leading.value is not None or row.leading.low is not None:
        number = say(PointsBetween(row.leading), language)
        axes.text(_RIGHT, place + 0.1, number, transform=across, va="top", color=colour, fontsize=10)


def _dress(axes: Axes, language: Language) -> None:
    axes.set_xlabel(say(_AXIS, language), color=DARK)
    axes.set_yticks([])
    axes.xaxis.grid(visible=True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for x, head, colour, side in (
        (_LEFT, message("bound / eligible"), GREY, "right"),
        (0.01, message("← less churn"), LESS, "left"),
        (0.99, message("more churn →"), MORE, "right"),
        (_RIGHT, message("verdict"), GREY, "left"),
    ):
        axes.text(x, 1.01, say(head, language), transform=axes.transAxes, va="bottom", ha=side, color=colour)


def _legend(language: Language) -> list[Line2D]:
    """Give one entry for each kind of line, in the order of a block."""
    shap, raw, atu, late, expected = _LINES.values()
    return [
        Line2D([], [], linewidth=line.width, label=say(line.label, language), **_look(line))
        for line in (shap, raw, atu, _BOUNDS, late, expected)
    ]


def _draw_claim(axes: Axes, claim: _Claim, rows: Sequence[BindingRow], truth: Truth) -> None:
    axes.axline((0, 0), slope=1, color=MORE, linewidth=1.2, linestyle="--")
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.axvline(0, color=GREY, linewidth=0.6)
    shown = 0
    for place, row in enumerate(rows, 1):
        (said, low, high), real = _estimate(row, claim.field), truth[row.service].get(claim.truth)
        if said is None or real is None:
            continue
        if low is not None and high is not None:
            axes.plot([100 * real] * 2, [100 * low, 100 * high], color=claim.colour, linewidth=1.4, alpha=0.6)
        axes.plot([100 * real], [100 * said], "o", color=claim.colour, markersize=6)
        point = 100 * real, 100 * said
        axes.annotate(str(place), point, xytext=(6, 3), textcoords="offset points", fontsize=10, color=DARK)
        shown += 1
    axes.set_title(f"{claim.title} (n = {shown})", loc="left", fontsize=11, color=DARK)
    canvas.finish(axes, percent="", legend=False)


def _around(effects: Sequence[float]) -> tuple[float, float]:
    """Choose the scale, in points, that holds all effects and zero."""
    low, high = 100 * min([*effects, 0.0]), 100 * max([*effects, 0.0])
    margin = 0.1 * max(high - low, 1.0)
    return low - margin, high + margin
