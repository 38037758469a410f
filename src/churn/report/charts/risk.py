"""Who is at risk: how probabilities are spread, their mean by group, and by products held beside what was observed."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import altair as alt

from churn.report import charts, wording
from churn.report.charts import Figure
from churn.report.facts import Bin, Bucket, Group, Segmentation
from churn.speech import Language, Message, Percent, Said, ShortMoney, joined, message, say

_ROW = 30
"""Height of a bar and its gap."""
_WIDE = 46
_LEAVES_ROOM: list[Any] = [0, {"expr": "max(width - 118, 40)"}]
"""Pixels of a bar: what is written behind the longest stays in the picture."""
_SERIES: Mapping[str, tuple[Message, str]] = {
    "observed": (message("observed"), charts.OBSERVED),
    "stated": (message("stated"), charts.STATED),
    "predicted": (message("predicted for the same"), charts.PREDICTED),
    "now": (message("predicted today"), charts.INK),
}
"""What is known of a bucket: its name and its colour."""


def draw_bins(bins: Sequence[Bin], language: Language) -> Figure | None:
    """Draw how many customers have which probability, coloured by risk band."""
    if not bins:
        return None
    tell = partial(say, language=language)
    rows = [
        {
            "low": one.low,
            "high": one.high,
            "band": tell(wording.BANDS[one.band]),
            "n": one.n,
            "says": tell(message("{low} to {high}: {n} customers, {band}", low=Percent(one.low, 0),
                                 high=Percent(one.high, 0), n=one.n, band=wording.BANDS[one.band])),
        }
        for one in bins
    ]  # fmt: skip
    names = [tell(name) for name in wording.BANDS.values()]
    colours = [charts.BAD, charts.STATED, charts.OBSERVED]
    probability, customers = message("churn probability"), message("customers")
    chart = (
        charts.base(rows)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("low:Q", bin="binned", title=tell(probability), scale=alt.Scale(domain=[0, 1]),
                    axis=alt.Axis(format=".0%", tickCount=6, grid=False)),
            x2="high:Q",
            y=alt.Y("n:Q", title=tell(customers)),
            color=alt.Color("band:N", scale=alt.Scale(domain=names, range=colours)),
            order=alt.Order("low:Q"),
            tooltip=alt.Tooltip("says:N"),
        )
    )  # fmt: skip
    return Figure(
        name="bins",
        title=message("Customers by risk"),
        says=charts.says(rows),
        spec=charts.finish([chart], 240),
        columns=(probability, message("risk band"), customers),
        rows=tuple(
            (charts.between(Percent(one.low, 0), Percent(one.high, 0)), wording.BANDS[one.band], one.n) for one in bins
        ),
    )


def draw_segmentation(segmentation: Segmentation, number: int, language: Language) -> Figure:
    """Draw the mean probability of each group, with its size.

    Parameters
    ----------
    number
        Of the chart, since a bank's own columns may have any name.
    """
    tell = partial(say, language=language)
    key, groups = segmentation.key, segmentation.groups
    trait: Said = charts.cut(key) if segmentation.is_own else wording.TRAITS[key]
    names = [wording.group_name("" if segmentation.is_own else key, group.code) for group in groups]
    labels = _unique([charts.cut(name if isinstance(name, str) else tell(name), 40) for name in names])
    rows = [
        {
            "group": label,
            "rate": group.predicted,
            "shows": tell(message("{rate} of {n}", rate=Percent(group.predicted), n=group.n)),
            "says": tell(_group_says(label, group)),
        }
        for label, group in zip(labels, groups, strict=True)
    ]
    most = max(group.predicted for group in groups)
    base = charts.base(rows).encode(
        y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False)),
        x=alt.X("rate:Q", title=None, axis=None, scale=alt.Scale(domain=[0, max(most, 0.001)], range=_LEAVES_ROOM)),
        tooltip=alt.Tooltip("says:N"),
    )
    bars = base.mark_bar(size=18, color=charts.OBSERVED, cornerRadiusEnd=2)
    texts = base.mark_text(align="left", dx=5, color=charts.INK).encode(text="shows:N")
    n_more = segmentation.n_more
    return Figure(
        name=f"group-{number}",
        title=trait,
        says=charts.says(rows),
        spec=charts.finish([bars, texts], _ROW * len(rows)),
        columns=(
            trait, message("customers"), message("mean risk"), message("at high risk"), message("value at risk"),
        ),
        rows=tuple(
            (label, group.n, Percent(group.predicted), group.n_high, ShortMoney(group.at_risk_cny))
            for label, group in zip(labels, groups, strict=True)
        ),
        note=message("{n} more with less at risk", n=n_more) if n_more else "",
    )  # fmt: skip


def _group_says(label: str, group: Group) -> Message:
    return message(
        "{group}: mean risk {rate}, {n} customers, {high} of them at high risk",
        group=label, rate=Percent(group.predicted), n=group.n, high=group.n_high,
    )  # fmt: skip


def _unique(labels: Sequence[str]) -> list[str]:
    """Tell labels that were cut to the same text apart."""
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def draw_baselines(buckets: Sequence[Bucket], language: Language, *, is_branch: bool = False) -> Figure | None:
    """Draw what was observed as bars with their intervals, what is stated and what is predicted as marks on them.

    `is_branch`: what is predicted today is of one branch.
    """
    known = [bucket for bucket in buckets if bucket.n or bucket.n_now]
    if not known:
        return None
    names = {code: name for code, (name, _) in _SERIES.items()}
    rows = [row for bucket in known for row in _rates(bucket, language)]
    there = [code for code in _SERIES if any(getattr(bucket, code) is not None for bucket in known)]
    said = message(
        "Observed and predicted churn are of customers from whom the model did not learn. Stated rates come from"
        " experience; predictions are not adjusted to them."
    )
    branch = message("Predicted today is of this branch; all else is of the whole bank.")
    return Figure(
        name="baselines",
        title=message("Churn by products held: stated, observed, predicted"),
        says=charts.says(rows),
        spec=charts.finish(_layers(rows, there, language), 300),
        columns=(message("products held"), message("customers observed"), names["observed"],
                 message("95\u202f% interval"), names["stated"], names["predicted"], message("customers today"),
                 names["now"]),
        rows=tuple(_cells(bucket) for bucket in known),
        note=joined((said, branch), "sentences") if is_branch else said,
    )  # fmt: skip


def _layers(rows: Sequence[Mapping[str, object]], there: Sequence[str], language: Language) -> list[alt.Chart]:
    """Lay the marks of each series over each other; one without a value would have no extent."""
    tell = partial(say, language=language)
    base = charts.base(rows).encode(
        x=alt.X("coverage:N", title=tell(message("products held")), axis=alt.Axis(labelAngle=0), sort=None),
        tooltip=alt.Tooltip("says:N"),
    )
    y = alt.Y("rate:Q", title=tell(message("left within the horizon")), axis=alt.Axis(format=".0%", tickCount=6))
    names = {code: tell(_SERIES[code][0]) for code in there}
    scale = alt.Scale(domain=list(names.values()), range=[_SERIES[code][1] for code in there])
    colour = alt.Color("series:N", scale=scale, legend=alt.Legend(symbolType="square"))
    of = {code: base.transform_filter(alt.datum.code == code) for code in there}
    layers = []
    if "observed" in of:
        layers.append(of["observed"].mark_bar(size=_WIDE).encode(y=y, color=colour))
        interval = of["observed"].mark_rule(strokeWidth=2, color=charts.INK)
        layers.append(interval.encode(y=alt.Y("low:Q"), y2="high:Q"))
    if "stated" in of:
        tick = of["stated"].mark_tick(thickness=4, size=_WIDE + 18, orient="horizontal")
        layers.append(tick.encode(y=y, color=colour))
    for code, shape, offset in (("predicted", "circle", -9), ("now", "diamond", 9)):
        if code in of:
            mark = of[code].mark_point(size=110, shape=shape, filled=True, opacity=1, xOffset=offset)
            layers.append(mark.encode(y=y, color=colour))
    return layers


def _rates(bucket: Bucket, language: Language) -> list[dict[str, object]]:
    tell = partial(say, language=language)
    rates = {code: getattr(bucket, code) for code in _SERIES}
    return [
        {
            "coverage": bucket.coverage,
            "code": code,
            "series": tell(_SERIES[code][0]),
            "rate": rate,
            "low": bucket.observed_low if code == "observed" else None,
            "high": bucket.observed_high if code == "observed" else None,
            "says": tell(message("{coverage} products, {series}: {rate}", coverage=bucket.coverage,
                                 series=_SERIES[code][0], rate=Percent(rate))),
        }
        for code, rate in rates.items()
        if rate is not None
    ]  # fmt: skip


def _cells(bucket: Bucket) -> tuple[Said, ...]:
    low, high = bucket.observed_low, bucket.observed_high
    interval = "" if low is None else charts.between(Percent(low), Percent(high))
    judged = (Percent(bucket.observed), interval, Percent(bucket.stated), Percent(bucket.predicted))
    return bucket.coverage, bucket.n, *judged, bucket.n_now, Percent(bucket.now)
