"""Is it working: contacts against their targets, and what moved month by month."""

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt

from churn.report.charts.figure import OBSERVED, PREDICTED, STATED, Figure, cut, finish, values
from churn.report.facts_working import Measured, Point, Unitwise, Working
from churn.report.words import Words

_ROW = 24
MOST_BARS = 40
"""Branches or managers in one chart; of more, those that do least."""
SERIES_TITLES = ("product_coverage", "bindings_per_customer", "meetings_per_day", "calls_per_day")


class _Bar(NamedTuple):
    unit: str
    measured: Measured


def draw_adherence(working: Working, measure: str, words: Words) -> Figure | None:
    """Draw contacts a day of each branch or manager, with the interval and the target."""
    known = _bars(working.units, measure)
    if not known:
        return None
    bars = known if len(known) <= MOST_BARS else sorted(known, key=lambda bar: bar.measured.value or 0.0)[:MOST_BARS]
    rows = [
        {
            "unit": cut(bar.unit, 30),
            "value": bar.measured.value,
            "low": bar.measured.low,
            "high": bar.measured.high,
            "target": bar.measured.target,
            "says": _says(bar, words),
        }
        for bar in bars
    ]
    title = words.pick(working.titles[measure])
    base = alt.Chart(values(rows)).encode(
        y=alt.Y("unit:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, labelOverlap=False)),
        tooltip=alt.Tooltip("says:N"),
    )
    x = alt.X("value:Q", title=words.say("a manager and working day; the line is the target"),
              axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True))  # fmt: skip
    layers = [
        base.mark_bar(size=14, color=OBSERVED, cornerRadiusEnd=2).encode(x=x),
        base.mark_rule(strokeWidth=2, color=PREDICTED).encode(x="low:Q", x2="high:Q"),
        base.mark_tick(thickness=3, size=20, color=STATED).encode(x="target:Q"),
    ]
    return Figure(
        name=f"adherence-{measure.replace('_', '-')}",
        title=title,
        says="; ".join(str(row["says"]) for row in rows),
        spec=finish(layers, _ROW * len(rows) + 10),
        columns=(title, words.say("value"), words.say("95 % interval"), words.say("target")),
        rows=tuple(
            (cut(bar.unit, 30), words.number(bar.measured.value, 1),
             f"{words.number(bar.measured.low, 1)} – {words.number(bar.measured.high, 1)}",
             words.number(bar.measured.target, 1))
            for bar in bars
        ),
        note="" if bars is known else words.say("The {n} lowest of {all}.", n=len(bars), all=len(known)),
    )  # fmt: skip


def _bars(units: Sequence[Unitwise], measure: str) -> list[_Bar]:
    known = [_Bar(one.unit, one.measured[measure]) for one in units if measure in one.measured]
    return [bar for bar in known if bar.measured.value is not None]


def _says(bar: _Bar, words: Words) -> str:
    return words.say(
        "{unit}: {value}, target {target}", unit=cut(bar.unit, 30), value=words.number(bar.measured.value, 1),
        target=words.number(bar.measured.target, 1),
    )  # fmt: skip


def _scale(points: Sequence[Point], target: float | None) -> alt.Scale:
    """Begin at zero where there is a target; else leave so much room that a change of a tenth looks like one."""
    if target is not None:
        return alt.Scale(zero=True)
    known = [point.value for point in points]
    room = max(0.1 * max(map(abs, known)), max(known) - min(known)) / 2
    return alt.Scale(zero=False, nice=True, domain=[max(min(known) - room, 0.0), max(known) + room])


def draw_series(points: Sequence[Point], measure: str, title: str, target: float | None, words: Words) -> Figure | None:
    """Draw a measure month by month; None with fewer than two months."""
    if len(points) < 2:
        return None
    rows = [
        {
            "date": point.date.isoformat(),
            "value": point.value,
            "says": f"{words.date(point.date)}: {words.number(point.value, 2)}",
        }
        for point in points
    ]
    line = (
        alt.Chart(values(rows))
        .mark_line(color=PREDICTED, strokeWidth=2.5, point=alt.OverlayMarkDef(size=50, color=PREDICTED))
        .encode(
            x=alt.X("date:T", title=None, axis=alt.Axis(format="%Y-%m", tickCount=6, grid=False, labelOverlap=True)),
            y=alt.Y("value:Q", title=None, scale=_scale(points, target), axis=alt.Axis(tickCount=4)),
            tooltip=alt.Tooltip("says:N"),
        )
    )
    layers = [line]
    if target is not None:
        aim = alt.Chart(values([{"target": target}])).mark_rule(color=STATED, strokeWidth=2, strokeDash=[6, 4])
        layers.append(aim.encode(y="target:Q"))
    return Figure(
        name=f"series-{measure.replace('_', '-')}",
        title=title,
        says="; ".join(str(row["says"]) for row in rows),
        spec=finish(layers, 150),
        columns=(words.say("month"), title),
        rows=tuple((words.date(point.date), words.number(point.value, 2)) for point in points),
        note=words.say("Dashed: the target.") if target is not None else "",
    )
