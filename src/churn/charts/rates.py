"""Plots of time and of who left: what was known when, and churn by date, by group and along a feature."""

import datetime as dt
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from churn.charts import BEFORE, OBSERVED, PREDICTED, RAMP, STATED, canvas
from churn.evaluation.baselines import bin_words


def draw_timeline(
    dates: Sequence[dt.date],
    *,
    horizon_days: int,
    data_begin: dt.date,
    data_end: dt.date,
    embargo_days: int = 0,
    title: str,
) -> Figure:
    """Draw what each snapshot may look back on, and the days within which its outcomes fall.

    Blue outcomes are those that were complete at the last snapshot, so that a model judged there may have learnt from
    them; the last snapshot's own, in orange, judge it. The others, hatched, were not yet known at its date.

    Parameters
    ----------
    dates
        As-of dates, at least one.
    horizon_days, embargo_days
        A snapshot S is learnt from where S + horizon_days + embargo_days <= the last one.
    data_begin, data_end
        First and last day of the data.
    title
        Stands above the plot.

    Examples
    --------
    >>> figure = draw_timeline([dt.date(2024, 1, 1), dt.date(2025, 1, 1)], horizon_days=365,
    ...     data_begin=dt.date(2022, 1, 1), data_end=dt.date(2025, 12, 31), title="What is known when")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['2024-01-01', '2025-01-01']
    """
    ordered = sorted(dates)
    figure, axes = canvas.titled(8.6, 1.5 + 0.32 * len(ordered), title)
    for place, date in enumerate(ordered):
        _bar(axes, place, data_begin, date, color=BEFORE)
        end = date + dt.timedelta(days=horizon_days)
        if date == ordered[-1]:
            _bar(axes, place, date, end, color=PREDICTED)
        elif end + dt.timedelta(days=embargo_days) <= ordered[-1]:
            _bar(axes, place, date, end, color=OBSERVED)
        else:
            _bar(axes, place, date, end, color="white", edgecolor=STATED, hatch="////")
    axes.axvline(_day(ordered[-1]), color="black", linewidth=1, linestyle=":")
    axes.set_yticks(range(len(ordered)), [date.isoformat() for date in ordered])
    axes.set_xlim(_day(data_begin), max(_day(data_end), _day(ordered[-1]) + horizon_days))
    _in_time(axes)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _explain(figure, axes)
    return figure


def draw_rates_over_time(rates: pd.DataFrame, *, stated: Mapping[str, float] | None = None, title: str) -> Figure:
    """Draw the churn of each group over the as-of dates, with its 95 % interval and what the bank states of it.

    Parameters
    ----------
    rates
        Of `observed_rates`, of at least two dates.
    stated
        A rate by group, drawn as a dashed line in the group's colour; groups that are not in it have none.
    title
        Stands above the plot.
    """
    figure, axes = canvas.titled(8.0, 4.6, title)
    groups = list(rates.groupby("value", sort=False))
    for colour, (value, rows) in zip(_colours(len(groups)), groups, strict=True):
        when = pd.to_datetime(rows["as_of"])
        axes.fill_between(when, rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(when, rows["observed"], "o-", color=colour, markersize=4)
        last = rows.iloc[-1]
        axes.annotate(
            str(value), (when.iloc[-1], last["observed"]), xytext=(8, 0), textcoords="offset points", va="center",
            color=colour, fontweight="bold",
        )  # fmt: skip
        if stated and value in stated:
            axes.axhline(stated[str(value)], color=colour, linestyle="--", linewidth=1)
    if stated:
        axes.plot([], [], "--", color=STATED, label="stated")
    axes.plot([], [], "o-", color=STATED, label=f"observed, by {rates['by'].iloc[0]}, 95\u202f% interval")
    axes.margins(x=0.06)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("customers who left within the horizon")
    axes.set_xlabel("as of")
    _in_time(axes)
    canvas.finish(axes)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    axes.set_ylim(top=1.12 * axes.get_ylim()[1])
    return figure


def draw_rates(rates: pd.DataFrame, *, title: str) -> Figure:
    """Draw the churn of each group with its 95 % interval, segmentation by segmentation; the line is that of all.

    Parameters
    ----------
    rates
        Of `observed_rates`, of one date; several segmentations one below the other.
    title
        Stands above the plot.
    """
    figure, axes = canvas.titled(7.2, 1.2 + 0.3 * len(rates), title)
    names = list(dict.fromkeys(rates["by"]))
    places, at = [], 0.0
    for name in names:
        members = int((rates["by"] == name).sum())
        places += [at + step for step in range(members)]
        axes.text(-0.24, at - 0.75, name, transform=axes.get_yaxis_transform(), fontweight="bold", va="center")
        at += members + 1.2
    first = rates[rates["by"] == names[0]]
    axes.axvline(first["churned"].sum() / first["n"].sum(), color=STATED, linestyle="--", linewidth=1)
    spread = [rates["observed"] - rates["low"], rates["high"] - rates["observed"]]
    axes.errorbar(rates["observed"], places, xerr=spread, fmt="o", color=OBSERVED, capsize=3)
    axes.set_yticks(places, [f"{value}  ({n:,})" for value, n in zip(rates["value"], rates["n"], strict=True)])
    axes.set_ylim(max(places) + 0.8, -1.2)
    axes.set_xlim(left=0)
    axes.set_xlabel("customers who left within the horizon, 95\u202f% interval")
    canvas.finish(axes, percent="x", grid="x", legend=False)
    return figure


def draw_feature_rates(tables: Mapping[str, pd.DataFrame], *, title: str, n_columns: int = 2) -> Figure:
    """Draw churn along features, a panel each, with 95 % intervals and the number of customers of each bin.

    Parameters
    ----------
    tables
        Of `feature_rates`, by what stands above the panel, at least one.
    title
        Stands above the plot.
    n_columns
        Panels beside each other.
    """
    n_rows = -(-len(tables) // n_columns)
    figure = canvas.empty(5.2 * n_columns, 0.5 + 3.0 * n_rows)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    for axes, (name, rates) in zip(
        figure.subplots(n_rows, n_columns, squeeze=False).flat, tables.items(), strict=False
    ):
        spread = [rates["observed"] - rates["low"], rates["high"] - rates["observed"]]
        axes.errorbar(range(len(rates)), rates["observed"], yerr=spread, fmt="o", color=OBSERVED, capsize=3)
        axes.axhline(rates["churned"].sum() / rates["n"].sum(), color=STATED, linestyle="--", linewidth=1)
        axes.set_xticks(range(len(rates)), bin_words(rates), fontsize=7.5)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_ylim(0, 1)
        canvas.finish(axes, grid="y", legend=False)
    for axes in figure.axes[len(tables) :]:
        axes.set_visible(False)
    return figure


def _bar(axes: Axes, place: int, begin: dt.date, end: dt.date, **look: str) -> None:
    axes.barh(place, _day(end) - _day(begin), left=_day(begin), height=0.62, linewidth=0.6, **look)  # type: ignore[arg-type]


def _day(date: dt.date) -> float:
    return float((date - dt.date(1970, 1, 1)).days)  # matplotlib counts the same days


def _in_time(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _explain(figure: Figure, axes: Axes) -> None:
    for label, look in (
        ("what features may use", {"color": BEFORE}),
        ("outcomes to learn from", {"color": OBSERVED}),
        ("outcomes that judge", {"color": PREDICTED}),
        ("not yet known at the judged date", {"facecolor": "white", "edgecolor": STATED, "hatch": "////"}),
    ):
        axes.bar(float("nan"), 1, label=label, **look)  # type: ignore[arg-type]
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8.5)


def _colours(n: int) -> list[str]:
    """Pick colours for n groups, the first and the last as far apart as there are."""
    if n == 1:
        return [RAMP[-2]]
    return [
        RAMP[round(step * (len(RAMP) - 1) / (n - 1))] if n <= len(RAMP) else RAMP[step % len(RAMP)] for step in range(n)
    ]
