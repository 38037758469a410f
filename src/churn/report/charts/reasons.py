"""Why: what moves the predicted risk most, and what binding a service would do."""

from collections.abc import Mapping, Sequence
from functools import partial

import altair as alt

from churn.estimates import Estimate
from churn.explanation.bindings import BindingRow
from churn.explanation.verdict import EVIDENCE, VERDICTS
from churn.report import charts
from churn.report.charts import Figure
from churn.report.facts import Driver
from churn.speech import Language, Number, PointsBetween, Said, message, say

_ROW = 30
_NAMES = alt.Axis(domain=False, ticks=False, labelLimit=alt.ExprRef("width < 420 ? 150 : 330"))
_COLOURS = {"cuts": charts.PREDICTED, "suggests": charts.STATED, "raises": charts.BAD}
_SHAP, _EFFECT = message("model attribution (SHAP)"), message("effect of binding")


def draw_drivers(drivers: Sequence[Driver], language: Language) -> Figure | None:
    """Draw by how much each of the first features moves a customer's probability on the average."""
    if not drivers:
        return None
    tell, points = partial(say, language=language), message("points")
    rows = [
        {
            "feature": charts.cut(tell(driver.meaning)),
            "points": 100 * driver.mean_abs_points,
            "shows": f"{100 * driver.mean_abs_points:.1f}",
        }
        for driver in drivers
    ]
    base = charts.base(rows).encode(
        y=alt.Y("feature:N", sort=None, title=None, axis=_NAMES),
        x=alt.X("points:Q", title=tell(message("percentage points, up or down, on the average")),
                axis=alt.Axis(tickCount=5)),
        tooltip=[alt.Tooltip("feature:N", title=" "), alt.Tooltip("shows:N", title=tell(points))],
    )  # fmt: skip
    bars = base.mark_bar(size=16, color=charts.PREDICTED, cornerRadiusEnd=2)
    return Figure(
        name="drivers",
        title=message("Largest influences on the predicted risk"),
        says="; ".join(f"{row['feature']}: {row['shows']}" for row in rows),
        spec=charts.finish([bars], _ROW * len(rows)),
        columns=(message("feature"), points),
        rows=tuple((str(row["feature"]), str(row["shows"])) for row in rows),
        note=message("The features that move the prediction most. They do not say what would keep a customer."),
    )


def draw_bindings(rows: Sequence[BindingRow], names: Mapping[str, Said], language: Language) -> Figure | None:
    """Draw for each service what the model makes of it beside what binding it would do, with intervals."""
    if not rows:
        return None
    tell = partial(say, language=language)
    services = {row.service: tell(names.get(row.service, row.service)) for row in rows}
    order = [charts.cut(name) for name in services.values()]
    return Figure(
        name="bindings",
        title=message("Bindings that would reduce risk most"),
        says="; ".join(tell(row.text) for row in rows),
        spec=charts.finish(_marks(rows, services, order, language), 46 * len(rows)),
        columns=(message("service"), message("bound / eligible"), _SHAP, _EFFECT, message("evidence"),
                 message("verdict")),
        rows=tuple(_cells(row, name, language) for row, name in zip(rows, order, strict=True)),
        note=message("Green: the data show that binding reduces churn. Orange: they suggest it. Red: it raises churn."
                     " Grey: no effect, or not known."),
    )  # fmt: skip


def _marks(
    rows: Sequence[BindingRow], services: Mapping[str, str], order: Sequence[str], language: Language
) -> list[alt.Chart]:
    tell = partial(say, language=language)
    shap, effect = tell(_SHAP), tell(_EFFECT)
    drawn = [
        {
            "service": charts.cut(services[row.service]),
            "series": series,
            **_points(estimate),
            "colour": colour,
            "says": f"{services[row.service]}, {series}: {tell(PointsBetween(estimate))}",
        }
        for row in rows
        for series, estimate, colour in (
            (shap, row.shap.points, charts.OBSERVED),
            (effect, row.leading, _COLOURS.get(row.verdict, charts.MUTED)),
        )
        if estimate.value is not None
    ]
    y = alt.Y("service:N", sort=list(order), scale=alt.Scale(domain=list(order)), title=None,
              axis=alt.Axis(domain=False, ticks=False, grid=True))  # fmt: skip
    offset = alt.YOffset("series:N", sort=[shap, effect], scale=alt.Scale(domain=[shap, effect]))
    base = charts.base(drawn).encode(y=y, yOffset=offset, tooltip=alt.Tooltip("says:N"))
    axis = tell(message("change of the churn probability in percentage points, 95\u202f% intervals"))
    colour = alt.Color("colour:N", scale=None)
    zero = charts.base([{"zero": 0}]).mark_rule(color=charts.INK).encode(x="zero:Q")
    intervals = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=axis), x2="high:Q", color=colour)
    marks = base.mark_point(size=100, filled=True, opacity=1).encode(
        x=alt.X("points:Q", title=axis),
        color=colour,
        shape=alt.Shape("series:N", scale=alt.Scale(domain=[shap, effect], range=["circle", "diamond"]),
                        legend=alt.Legend(symbolFillColor=charts.MUTED, symbolStrokeColor=charts.MUTED)),
    )  # fmt: skip
    return [zero, intervals, marks]


def _points(estimate: Estimate) -> dict[str, float | None]:
    named = zip(("points", "low", "high"), estimate, strict=True)
    return {name: None if value is None else 100 * value for name, value in named}


def _cells(row: BindingRow, name: str, language: Language) -> tuple[Said, ...]:
    return (
        name,
        f"{say(Number(row.n_bound), language)} / {say(Number(row.n_eligible), language)}",
        PointsBetween(row.shap.points),
        PointsBetween(row.leading) if row.leading.value is not None else Number(None),
        EVIDENCE[row.evidence],
        VERDICTS[row.verdict],
    )
