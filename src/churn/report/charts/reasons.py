"""Why: what moves the predicted risk most, and what binding a service would do."""

from collections.abc import Mapping, Sequence

import altair as alt

from churn.estimates import Estimate
from churn.explanation.bindings import BindingRow
from churn.explanation.captions import evidence_text, format_interval, verdict_text
from churn.explanation.reasons.amounts import Pair
from churn.report.charts.figure import BAD, INK, MUTED, OBSERVED, PREDICTED, STATED, Figure, cut, finish, values
from churn.report.facts import Driver
from churn.report.words import NOTHING, Words

_ROW = 30
_NAMES = alt.Axis(domain=False, ticks=False, labelLimit=alt.ExprRef("width < 420 ? 150 : 330"))
_NOT_KNOWN = Estimate(None, None, None)


def draw_drivers(drivers: Sequence[Driver], words: Words) -> Figure | None:
    """Draw by how much each of the first features moves a customer's probability on the average."""
    if not drivers:
        return None
    rows = [
        {
            "feature": cut(words.pick(driver.meaning)),
            "points": 100 * driver.mean_abs_points,
            "shows": f"{100 * driver.mean_abs_points:.1f}",
        }
        for driver in drivers
    ]
    base = alt.Chart(values(rows)).encode(
        y=alt.Y("feature:N", sort=None, title=None, axis=_NAMES),
        x=alt.X("points:Q", title=words.say("percentage points, up or down, on the average"),
                axis=alt.Axis(tickCount=5)),
        tooltip=[alt.Tooltip("feature:N", title=" "), alt.Tooltip("shows:N", title=words.say("points"))],
    )  # fmt: skip
    return Figure(
        name="drivers",
        title=words.say("What moves the predicted risk most"),
        says="; ".join(f"{row['feature']}: {row['shows']}" for row in rows),
        spec=finish([base.mark_bar(size=16, color=PREDICTED, cornerRadiusEnd=2)], _ROW * len(rows)),
        columns=(words.say("feature"), words.say("points")),
        rows=tuple((str(row["feature"]), str(row["shows"])) for row in rows),
        note=words.say("What the model uses to tell who leaves. It does not say what would keep anybody."),
    )


def draw_bindings(rows: Sequence[BindingRow], names: Mapping[str, Pair], words: Words) -> Figure | None:
    """Draw for each service what the model makes of it beside what binding it would do, with intervals."""
    if not rows:
        return None
    shap, effect = words.say("what the model makes of it (SHAP)"), words.say("what binding would do")
    drawn = [
        {
            "service": cut(_name(row, names, words)),
            "series": series,
            **_points(estimate),
            "colour": colour,
            "says": f"{_name(row, names, words)}, {series}: {format_interval(*estimate)}",
        }
        for row in rows
        for series, estimate, colour in (
            (shap, Estimate(row.shap_contrast_points, row.shap_low, row.shap_high), OBSERVED),
            (effect, leading_effect(row), _COLOURS[row.verdict]),
        )
        if estimate.value is not None
    ]
    order = [cut(_name(row, names, words)) for row in rows]
    y = alt.Y("service:N", sort=order, scale=alt.Scale(domain=order), title=None,
              axis=alt.Axis(domain=False, ticks=False, grid=True))  # fmt: skip
    offset = alt.YOffset("series:N", sort=[shap, effect], scale=alt.Scale(domain=[shap, effect]))
    base = alt.Chart(values(drawn)).encode(y=y, yOffset=offset, tooltip=alt.Tooltip("says:N"))
    axis = words.say("change of the churn probability in percentage points, 95 % intervals")
    colour = alt.Color("colour:N", scale=None)
    zero = alt.Chart(values([{"zero": 0}])).mark_rule(color=INK).encode(x="zero:Q")
    intervals = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=axis), x2="high:Q", color=colour)
    marks = base.mark_point(size=100, filled=True, opacity=1).encode(
        x=alt.X("points:Q", title=axis),
        color=colour,
        shape=alt.Shape("series:N", scale=alt.Scale(domain=[shap, effect], range=["circle", "diamond"]),
                        legend=alt.Legend(symbolFillColor=MUTED, symbolStrokeColor=MUTED)),
    )  # fmt: skip
    return Figure(
        name="bindings",
        title=words.say("Which bindings would cut risk most"),
        says="; ".join(row.text_zh if words.language == "zh" else row.text_en for row in rows),
        spec=finish([zero, intervals, marks], 46 * len(rows)),
        columns=(words.say("service"), words.say("bound of those who could"), shap, effect, words.say("evidence"),
                 words.say("verdict")),
        rows=tuple(_cells(row, names, words) for row in rows),
        note=words.say("Green: the data show that binding cuts churn. Orange: they suggest it. Red: it raises churn."
                       " Grey: no effect, or it cannot be told."),
    )  # fmt: skip


def leading_effect(row: BindingRow) -> Estimate:
    """Give the effect the verdict rests on: on those who took a randomised offer, or of records; else nothing."""
    if row.evidence == "randomised":
        return Estimate(row.late, row.late_low, row.late_high)
    if row.evidence == "observational":
        return Estimate(row.effect_atu, row.effect_atu_low, row.effect_atu_high)
    return _NOT_KNOWN


_COLOURS = {"cuts": PREDICTED, "suggests": STATED, "raises": BAD, "no_effect": MUTED, "cannot_tell": MUTED}


def _points(estimate: Estimate) -> dict[str, float | None]:
    return {
        name: None if value is None else 100 * value
        for name, value in zip(("points", "low", "high"), estimate, strict=True)
    }


def _name(row: BindingRow, names: Mapping[str, Pair], words: Words) -> str:
    return words.pick(names.get(row.service, (row.service, row.service)))


def _cells(row: BindingRow, names: Mapping[str, Pair], words: Words) -> tuple[str, ...]:
    effect = leading_effect(row)
    return (
        cut(_name(row, names, words)),
        f"{words.number(row.n_bound)} / {words.number(row.n_eligible)}",
        format_interval(row.shap_contrast_points, row.shap_low, row.shap_high),
        format_interval(*effect) if effect.value is not None else NOTHING,
        evidence_text(row, words.language),
        verdict_text(row, words.language),
    )
