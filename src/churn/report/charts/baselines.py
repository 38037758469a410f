"""Churn by products held: stated, observed, predicted."""

from collections.abc import Sequence

import altair as alt

from churn.report.charts.figure import INK, OBSERVED, PREDICTED, STATED, Figure, finish, values
from churn.report.facts import Bucket
from churn.report.words import Words

_WIDE = 46


def draw_baselines(buckets: Sequence[Bucket], words: Words, *, is_branch: bool = False) -> Figure | None:
    """Draw what was observed as bars with their intervals, what is stated and what is predicted as marks on them.

    `is_branch`: what is predicted today is of one branch.
    """
    known = [bucket for bucket in buckets if bucket.n or bucket.n_now]
    if not known:
        return None
    observed, predicted, now, stated = _names(words)
    rows = [row for bucket in known for row in _rows(bucket, words)]
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=[observed, stated, predicted, now], range=[OBSERVED, STATED, PREDICTED, INK]),
        legend=alt.Legend(symbolType="square"),
    )
    x = alt.X("coverage:N", title=words.say("products held"), axis=alt.Axis(labelAngle=0), sort=None)
    y = alt.Y("rate:Q", title=words.say("left within the horizon"), axis=alt.Axis(format=".0%", tickCount=6))
    base = alt.Chart(values(rows)).encode(x=x, tooltip=alt.Tooltip("says:N"))
    bars = base.transform_filter(alt.datum.series == observed).mark_bar(size=_WIDE).encode(y=y, color=colour)
    whiskers = base.transform_filter(alt.datum.series == observed).mark_rule(strokeWidth=2, color=INK)
    ticks = base.transform_filter(alt.datum.series == stated).mark_tick(
        thickness=4, size=_WIDE + 18, orient="horizontal"
    )
    dots = base.transform_filter(alt.datum.series == predicted).mark_point(size=110, filled=True, opacity=1, xOffset=-9)
    today = base.transform_filter(alt.datum.series == now).mark_point(
        size=110, shape="diamond", filled=True, opacity=1, xOffset=9
    )
    layers = [
        bars,
        whiskers.encode(y=alt.Y("low:Q"), y2="high:Q"),
        *(marks.encode(y=y, color=colour) for marks in (ticks, dots, today)),
    ]
    return Figure(
        name="baselines",
        title=words.say("Churn by products held: stated, observed, predicted"),
        says="; ".join(str(row["says"]) for row in rows),
        spec=finish(layers, 300),
        columns=(words.say("products held"), words.say("customers observed"), observed, words.say("95 % interval"),
                 stated, predicted, words.say("customers today"), now),
        rows=tuple(_cells(bucket, words) for bucket in known),
        note=_note(words, is_branch=is_branch),
    )  # fmt: skip


def _note(words: Words, *, is_branch: bool) -> str:
    said = words.say(
        "Observed and predicted stand side by side for what the model was judged on and had not learned from."
        " Stated rates are the practice's; nothing is forced to them."
    )
    branch = words.say("Predicted today is of this branch; all else is of the whole bank.")
    return f"{said} {branch}" if is_branch else said


def _names(words: Words) -> tuple[str, str, str, str]:
    return (
        words.say("observed"), words.say("predicted for the same"), words.say("predicted today"), words.say("stated"),
    )  # fmt: skip


def _rows(bucket: Bucket, words: Words) -> list[dict[str, object]]:
    observed, predicted, now, stated = _names(words)
    rates = {observed: bucket.observed, stated: bucket.stated, predicted: bucket.predicted, now: bucket.now}
    return [
        {
            "coverage": bucket.coverage,
            "series": name,
            "rate": rate,
            "low": bucket.observed_low if name == observed else None,
            "high": bucket.observed_high if name == observed else None,
            "says": words.say("{coverage} products, {series}: {rate}", coverage=bucket.coverage, series=name,
                              rate=words.percent(rate)),
        }
        for name, rate in rates.items()
        if rate is not None
    ]  # fmt: skip


def _cells(bucket: Bucket, words: Words) -> tuple[str, ...]:
    interval = f"{words.percent(bucket.observed_low)} – {words.percent(bucket.observed_high)}"
    return (
        bucket.coverage,
        words.number(bucket.n),
        words.percent(bucket.observed),
        interval if bucket.observed_low is not None else "",
        words.percent(bucket.stated),
        words.percent(bucket.predicted),
        words.number(bucket.n_now),
        words.percent(bucket.now),
    )
