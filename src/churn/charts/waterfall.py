"""Why one customer's probability is what it is, from the average customer's in steps."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from churn.charts import DARK, GREY, LESS, MORE, canvas
from churn.errors import ExplanationError
from churn.features.feature import Feature, meaning_of, value_of
from churn.speech import Language, Message, Percent, Points, counted, message, say

N_STEPS = 10
"""Features drawn one by one."""
LARGEST_GAP = 1e-6
"""How far base rate and contributions may miss the probability."""
_LEFT = -0.015
"""Where the labels end, in widths of the axes."""


class Step(NamedTuple):
    """One bar.

    Attributes
    ----------
    label
        What it stands for.
    value
        The customer's own value, in words; empty for the rest.
    begin, end
        Probability before and after it, in [0, 1] where the steps stay within it.
    """

    label: str
    value: str
    begin: float
    end: float


def plot_waterfall(
    contributions: Mapping[str, float],
    values: Mapping[str, Any],
    *,
    base_rate: float,
    probability: float,
    catalogue: Iterable[Feature],
    path: Path,
    language: Language,
) -> None:
    """Draw what moves one customer's calibrated probability away from the base rate, as PNG.

    The ten largest contributions one by one, the largest on top, then all others together.

    Parameters
    ----------
    contributions
        By feature, in probability (0.01 is one point); with `base_rate` they sum to `probability`, within 1e-6.
    values
        The customer's own value of each feature; what is not in it is shown as missing.
    base_rate, probability
        Calibrated, in [0, 1].
    catalogue
        Gives meanings and units; a feature not in it stands under its name.
    path
        File to write.
    language
        Of its labels.

    Raises
    ------
    ExplanationError
        The contributions do not add up, or no font can draw Chinese where it is needed.
    OutputError
        `path` cannot be written.
    """
    steps = list_steps(contributions, values, base_rate, probability, tuple(catalogue), language)
    texts = [text for step in steps for text in (step.label, step.value)]
    with canvas.picture(path, language, (10.0, 2.3 + 0.62 * len(steps)), texts) as figure:
        axes = figure.add_subplot()
        ends = [base_rate, probability, *(step.end for step in steps)]
        width = max(max(ends) - min(ends), 0.02)
        axes.set_xlim(min(ends) - 0.06 * width, max(ends) + 0.14 * width)
        axes.set_ylim(len(steps) + 0.6, -1.6)
        for place, step in enumerate(steps):
            _draw_step(axes, place, step, 0.012 * width, language)
        _draw_end(axes, (-1, 0), base_rate, message("the model's base value"), language)
        _draw_end(axes, (len(steps), len(steps)), probability, message("this customer"), language)
        axes.set_yticks([])
        axes.set_xlabel(say(message("churn probability"), language), fontsize=11)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say(_tick(value), language)))
        axes.spines[["top", "right", "left"]].set_visible(False)
        title = message("Why this customer's risk is {probability}", probability=Percent(probability))
        canvas.head(figure, title, language)


def list_steps(
    contributions: Mapping[str, float],
    values: Mapping[str, Any],
    base_rate: float,
    probability: float,
    catalogue: Iterable[Feature],
    language: Language,
) -> list[Step]:
    """List the bars of `plot_waterfall` from top to bottom; the last ends at `probability`.

    Raises
    ------
    ExplanationError
        The contributions do not add up.

    Examples
    --------
    >>> list_steps({"age": 0.1, "income": -0.25}, {"age": 41.0}, 0.5, 0.35, (), "en")[0]
    Step(label='income', value='missing', begin=0.5, end=0.25)
    """
    gap = base_rate + sum(contributions.values()) - probability
    if not abs(gap) <= LARGEST_GAP:
        raise ExplanationError(
            f"waterfall: base rate and {len(contributions)} contributions miss the probability by {gap:.1e}; "
            "give contributions in calibrated probability"
        )
    known = tuple(catalogue)
    ranked = sorted(contributions, key=lambda name: -abs(contributions[name]))
    steps, reached = [], base_rate
    for name in ranked[:N_STEPS]:
        label, value = meaning_of(known, name), value_of(known, name, values.get(name))
        steps.append(Step(say(label, language), say(value, language), reached, reached + contributions[name]))
        reached = steps[-1].end
    if len(ranked) > N_STEPS:
        rest = counted("{n} other feature", "{n} other features", len(ranked) - N_STEPS)
        steps.append(Step(say(rest, language), "", reached, probability))
    return steps


def _draw_step(axes: Axes, place: int, step: Step, gap: float, language: Language) -> None:
    change = step.end - step.begin
    axes.barh(place, change, left=step.begin, height=0.62, color=MORE if change > 0 else LESS, zorder=3)
    axes.plot([step.end, step.end], [place, place + 1], color=GREY, linewidth=0.8, zorder=2)
    right = max(step.begin, step.end) + gap
    axes.text(right, place, say(Points(change), language), va="center", fontsize=10.5, color=DARK, zorder=4)
    _write(axes, place, step.label, step.value)


def _tick(probability: float) -> Message:
    return message("{share}\u202f%", share=f"{100 * probability:.3g}")


def _draw_end(axes: Axes, places: tuple[int, int], probability: float, label: Message, language: Language) -> None:
    """Draw a dot and a number where the steps begin or end, and a line from there down to the second place."""
    place = places[0]
    axes.plot([probability, probability], places, color=GREY, linewidth=0.8, zorder=2)
    axes.plot([probability], [place], marker="D", color=DARK, markersize=7, zorder=4)
    number = say(Percent(probability), language)
    axes.annotate(number, (probability, place), (9, 0), textcoords="offset points", va="center", color=DARK)
    _write(axes, place, say(label, language), "")


def _write(axes: Axes, place: int, label: str, value: str) -> None:
    across = axes.get_yaxis_transform()
    where, side = (place + 0.1, "bottom") if value else (place, "center_baseline")
    text = canvas.wrap(canvas.drawable(label), 48)
    axes.text(_LEFT, where, text, transform=across, va=side, ha="right", fontsize=10.5, color=DARK)
    if value:
        below = canvas.wrap(canvas.drawable(value), 48, lines=1)
        axes.text(_LEFT, place + 0.14, below, transform=across, va="top", ha="right", fontsize=9.5, color=GREY)
