"""Who is at risk: how probabilities are spread, and their mean by group."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from churn.report.charts.figure import BAD, INK, OBSERVED, STATED, Figure, cut, finish, values
from churn.report.facts import Bin, Group, Segmentation
from churn.report.labels import BANDS, TRAITS, group_label
from churn.report.words import Words

_ROW = 30
"""Height of a bar and its gap."""
_LEAVES_ROOM: list[Any] = [0, {"expr": "max(width - 118, 40)"}]
"""Pixels of a bar: what is written behind the longest stays in the picture."""


def draw_bins(bins: Sequence[Bin], words: Words) -> Figure | None:
    """Draw how many customers have which probability, coloured by risk band."""
    if not bins:
        return None
    rows = [
        {
            "low": one.low,
            "high": one.high,
            "band": words.say(BANDS[one.band]),
            "n": one.n,
            "says": words.say("{low} to {high}: {n} customers, {band}", low=words.percent(one.low, 0),
                              high=words.percent(one.high, 0), n=words.number(one.n), band=words.say(BANDS[one.band])),
        }
        for one in bins
    ]  # fmt: skip
    names = [words.say(name) for name in BANDS.values()]
    chart = (
        alt.Chart(values(rows))
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("low:Q", bin="binned", title=words.say("churn probability"), scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format=".0%", tickCount=6, grid=False)),
            x2="high:Q",
            y=alt.Y("n:Q", title=words.say("customers")),
            color=alt.Color("band:N", scale=alt.Scale(domain=names, range=[BAD, STATED, OBSERVED])),
            order=alt.Order("low:Q"),
            tooltip=alt.Tooltip("says:N"),
        )
    )  # fmt: skip
    return Figure(
        name="bins",
        title=words.say("How many customers have which risk"),
        says="; ".join(str(row["says"]) for row in rows),
        spec=finish([chart], 240),
        columns=(words.say("churn probability"), words.say("risk band"), words.say("customers")),
        rows=tuple(
            (f"{words.percent(one.low, 0)} – {words.percent(one.high, 0)}", words.say(BANDS[one.band]),
             words.number(one.n))
            for one in bins
        ),
    )  # fmt: skip


def draw_segmentation(segmentation: Segmentation, number: int, words: Words) -> Figure:
    """Draw the mean probability of each group, with its size.

    Parameters
    ----------
    number
        Of the chart, since a bank's own columns may have any name.
    """
    trait = segmentation.key if segmentation.is_own else words.say(TRAITS[segmentation.key])
    groups = segmentation.groups
    labels = _unique([cut(group_label("" if segmentation.is_own else segmentation.key, group.code, words), 40)
                      for group in groups])  # fmt: skip
    rows = [
        {
            "group": label,
            "rate": group.predicted,
            "shows": words.say("{rate} of {n}", rate=words.percent(group.predicted), n=words.number(group.n)),
            "says": _says(label, group, words),
        }
        for label, group in zip(labels, groups, strict=True)
    ]
    most = max(group.predicted for group in groups)
    base = alt.Chart(values(rows)).encode(
        y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False)),
        x=alt.X("rate:Q", title=None, axis=None, scale=alt.Scale(domain=[0, max(most, 0.001)], range=_LEAVES_ROOM)),
        tooltip=alt.Tooltip("says:N"),
    )
    bars = base.mark_bar(size=18, color=OBSERVED, cornerRadiusEnd=2)
    texts = base.mark_text(align="left", dx=5, color=INK).encode(text="shows:N")
    return Figure(
        name=f"group-{number}",
        title=cut(trait),
        says="; ".join(str(row["says"]) for row in rows),
        spec=finish([bars, texts], _ROW * len(rows)),
        columns=(cut(trait), words.say("customers"), words.say("mean risk"), words.say("at high risk"),
                 words.say("value at risk")),
        rows=tuple(
            (label, words.number(group.n), words.percent(group.predicted), words.number(group.n_high),
             words.yuan(group.at_risk_cny))
            for label, group in zip(labels, groups, strict=True)
        ),
        note=words.say("{n} more with less at risk", n=words.number(n_more)) if (n_more := segmentation.n_more) else "",
    )  # fmt: skip


def _says(label: str, group: Group, words: Words) -> str:
    return words.say(
        "{group}: mean risk {rate}, {n} customers, {high} of them at high risk",
        group=label, rate=words.percent(group.predicted), n=words.number(group.n), high=words.number(group.n_high),
    )  # fmt: skip


def _unique(labels: Sequence[str]) -> list[str]:
    """Tell labels that were cut to the same text apart."""
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found
