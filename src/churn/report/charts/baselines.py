"""Churn by products held: stated, observed, predicted."""

from collections.abc import Mapping, Sequence

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
    return Figure(
        name="baselines",
        title=words.say("Churn by products held: stated, observed, predicted"),
        says="; ".join(str(row["says"]) for row in rows),
        spec=finish(_layers(rows, words), 300),
        columns=(words.say("products held"), words.say("customers observed"), observed, words.say("95 % interval"),
                 stated, predicted, words.say("customers today"), now),
        rows=tuple(_cells(bucket, words) for bucket in known),
        note=_note(words, is_branch=is_branch),
    )  # fmt: skip


def _layers(rows: Sequence[Mapping[str, object]], words: Words) -> list[alt.Chart]:
    """Lay the marks of each series over each other; one without a value would have no extent."""
    observed, predicted, now, stated = _names(words)
    there = {row["series"] for row in rows}
    base = alt.Chart(values(rows)).encode(
        x=alt.X("coverage:N", title=words.say("products held"), axis=alt.Axis(labelAngle=0), sort=None),
        tooltip=alt.Tooltip("says:N"),
    )
    y = alt.Y("rate:Q", title=words.say("left within the horizon"), axis=alt.Axis(format=".0%", tickCount=6))
    colours = {observed: OBSERVED, stated: STATED, predicted: PREDICTED, now: INK}
    shown = {name: colour for name, colour in colours.items() if name in there}
    scale = alt.Scale(domain=list(shown), range=list(shown.values()))
    colour = alt.Color("series:N", scale=scale, legend=alt.Legend(symbolType="square"))
    of = {name: base.transform_filter(alt.datum.series == name) for name in shown}
    layers = []
    if observed in of:
        layers.append(of[observed].mark_bar(size=_WIDE).encode(y=y, color=colour))
        layers.append(of[observed].mark_rule(strokeWidth=2, color=INK).encode(y=alt.Y("low:Q"), y2="high:Q"))
    if stated in of:
        layers.append(of[stated].mark_tick(thickness=4, size=_WIDE + 18, orient="horizontal").encode(y=y, color=colour))
    for name, shape, offset in ((predicted, "circle", -9), (now, "diamond", 9)):
        if name in of:
            mark = of[name].mark_point(size=110, shape=shape, filled=True, opacity=1, xOffset=offset)
            layers.append(mark.encode(y=y, color=colour))
    return layers


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
