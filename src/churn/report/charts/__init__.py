"""The page's charts: from facts to a Vega-Lite specification, words for who cannot see it, and a table.

Here is what a chart is, and how all of them look; each module beside it draws one part of the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from churn.charts import DARK, LESS
from churn.speech import Joined, Said, isolate, joined

INK, MUTED, GRID = DARK, "#55606c", "#e1e6ea"
OBSERVED, PREDICTED, STATED, BAD = "#7ba7d0", LESS, "#c46a00", "#b3382c"
FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif'
LABEL_WIDTH = 170
"""Of names beside an axis, in pixels; a longer name is cut."""
MOST_LETTERS = 60
"""Of a bank's text in a chart."""


@dataclass(frozen=True)
class Figure:
    """A chart.

    Attributes
    ----------
    name
        Its id in the page: letters and hyphens.
    title
        What it shows, as a heading says it.
    says
        The same in words, for who cannot see it.
    spec
        Vega-Lite, as JSON values; its texts are in the page's language.
    columns, rows
        The figures as a table.
    note
        What must be known to read it; may be empty.
    """

    name: str
    title: Said
    says: str
    spec: Mapping[str, Any]
    columns: tuple[Said, ...]
    rows: tuple[tuple[Said, ...], ...]
    note: Said = ""


def finish(layers: Sequence[alt.Chart], height: int) -> dict[str, Any]:
    """Lay marks over each other, with the page's look, the width of their place, and a height in pixels."""
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    spec: dict[str, Any] = (
        alt.LayerChart(layer=list(layers), width="container", height=height, autosize=fit)
        .configure(font=FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=MUTED, labelFontSize=13, titleFontSize=12, titleFontWeight="normal",
            gridColor=GRID, domainColor=MUTED, tickColor=MUTED, labelLimit=LABEL_WIDTH, titlePadding=8,
        )
        .configure_legend(
            labelColor=INK, labelFontSize=13, title=None, orient="top", symbolSize=120, labelLimit=260,
            columns=alt.ExprRef("width < 420 ? 2 : 4"),
        )
        .configure_text(color=INK, fontSize=12)
        .to_dict()
    )  # fmt: skip
    return spec


def base(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """Begin a chart of rows."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def says(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say rows one after the other, for who cannot see them."""
    return "; ".join(str(row["says"]) for row in rows)


def between(low: Said, high: Said) -> Joined:
    """Give both ends of an interval."""
    return joined((low, high), "range")


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """Cut a text that would not fit, and keep its direction to itself.

    Examples
    --------
    >>> cut("abcdef", 4)
    'abc…'
    """
    return isolate(text if len(text) <= most else text[: most - 1] + "…")
