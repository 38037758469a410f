"""Is it working: contacts against their targets, and what moved month by month."""

from collections.abc import Sequence
from functools import partial

import altair as alt

from churn.report import charts
from churn.report.charts import Figure
from churn.report.facts import MeasuredValue, Point, Unitwise, Working
from churn.speech import Date, Language, Number, message, say

CONTACTS = ("meetings_per_day", "calls_per_day")
"""Measures that have a target a day."""
_ROW = 24
MOST_BARS = 40
"""Branches or managers in one chart; of more, those that do least."""
_LETTERS = 30
"""Of a unit's id."""


def draw_adherence(working: Working, measure: str, language: Language) -> Figure | None:
    """Draw contacts a day of each branch or manager, with the interval and the target."""
    known = _known(working.units, measure)
    if not known:
        return None
    tell = partial(say, language=language)
    bars = sorted(known, key=lambda bar: bar[1].value or 0.0)[:MOST_BARS] if len(known) > MOST_BARS else known
    rows = [
        {
            "unit": unit,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "target": one.target,
            "says": tell(message("{unit}: {value}, target {target}", unit=unit, value=Number(one.value, 1),
                                 target=Number(one.target, 1))),
        }
        for unit, one in bars
    ]  # fmt: skip
    base = charts.base(rows).encode(
        y=alt.Y("unit:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, labelOverlap=False)),
        tooltip=alt.Tooltip("says:N"),
    )
    x = alt.X("value:Q", title=tell(message("per manager per working day; the line is the target")),
              axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True))  # fmt: skip
    layers = [
        base.mark_bar(size=14, color=charts.OBSERVED, cornerRadiusEnd=2).encode(x=x),
        base.mark_rule(strokeWidth=2, color=charts.PREDICTED).encode(x="low:Q", x2="high:Q"),
        base.mark_tick(thickness=3, size=20, color=charts.STATED).encode(x="target:Q"),
    ]
    title = working.titles[measure]
    return Figure(
        name=f"adherence-{measure.replace('_', '-')}",
        title=title,
        says=charts.says(rows),
        spec=charts.finish(layers, _ROW * len(rows) + 10),
        columns=(title, message("value"), message("95\u202f% interval"), message("target")),
        rows=tuple(
            (unit, Number(one.value, 1), charts.between(Number(one.low, 1), Number(one.high, 1)), Number(one.target, 1))
            for unit, one in bars
        ),
        note="" if bars is known else message("The {n} lowest of {all}.", n=len(bars), all=len(known)),
    )


def _known(units: Sequence[Unitwise], measure: str) -> list[tuple[str, MeasuredValue]]:
    """Give what is known of a measure, with each unit's id as a chart has room for it."""
    found = [(charts.cut(one.unit, _LETTERS), one.measured[measure]) for one in units if measure in one.measured]
    return [bar for bar in found if bar[1].value is not None]


def _scale(points: Sequence[Point], target: float | None) -> alt.Scale:
    """Begin at zero where there is a target; else leave so much room that a change of a tenth looks like one."""
    if target is not None:
        return alt.Scale(zero=True)
    known = [point.value for point in points]
    room = max(0.1 * max(map(abs, known)), max(known) - min(known)) / 2
    return alt.Scale(zero=False, nice=True, domain=[max(min(known) - room, 0.0), max(known) + room])


def draw_series(working: Working, measure: str, language: Language) -> Figure | None:
    """Draw a measure month by month, contacts with their target; None with fewer than two months."""
    points, title, whole = working.series[measure], working.titles[measure], working.whole.get(measure)
    target = whole.target if whole and measure in CONTACTS else None
    if len(points) < 2:
        return None
    rows = [
        {
            "date": point.date.isoformat(),
            "value": point.value,
            "says": f"{say(Date(point.date), language)}: {say(Number(point.value, 2), language)}",
        }
        for point in points
    ]
    line = (
        charts.base(rows)
        .mark_line(color=charts.PREDICTED, strokeWidth=2.5, point=alt.OverlayMarkDef(size=50, color=charts.PREDICTED))
        .encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%Y-%m", tickCount=6, grid=False, labelOverlap=True)),
            y=alt.Y("value:Q", title=None, scale=_scale(points, target), axis=alt.Axis(tickCount=4)),
            tooltip=alt.Tooltip("says:N"),
        )
    )
    layers = [line]
    if target is not None:
        aim = charts.base([{"target": target}]).mark_rule(color=charts.STATED, strokeWidth=2, strokeDash=[6, 4])
        layers.append(aim.encode(y="target:Q"))
    return Figure(
        name=f"series-{measure.replace('_', '-')}",
        title=title,
        says=charts.says(rows),
        spec=charts.finish(layers, 150),
        columns=(message("month"), title),
        rows=tuple((Date(point.date), Number(point.value, 2)) for point in points),
        note=message("Dashed: the target.") if target is not None else "",
    )
