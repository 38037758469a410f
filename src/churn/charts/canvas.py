"""An empty picture, how all of them look, and the way to a PNG file: the same picture gives the same bytes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from churn.charts.fonts import lettering
from churn.charts.palette import DARK
from churn.files import new_file
from churn.speech import Language, Said, say


def empty(width: float, height: float) -> Figure:
    """Give an empty figure of that size in inches, of 150 pixels each."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def titled(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Give an empty figure of that size in inches, and its axes under the title."""
    figure = empty(width, height)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    return figure, axes


def head(figure: Figure, title: Said, language: Language) -> None:
    """Write the title of an explanation above it."""
    figure.suptitle(say(title, language), x=0.01, ha="left", fontsize=14, color=DARK)


def finish(axes: Axes) -> None:
    """Show the y axis in per cent, and grid and legend as in every plot of rates."""
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises
    ------
    OutputError
        `path` cannot be written.
    """
    with new_file(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


@contextmanager
def picture(path: Path, language: Language, size: tuple[float, float], texts: Iterable[str] = ()) -> Iterator[Figure]:
    """Give a figure; when the block ends well it becomes the PNG file `path`.

    Parameters
    ----------
    path
        File to write.
    language
        Of its labels.
    size
        Width and height in inches.
    texts
        Names that will be written in it.

    Raises
    ------
    ExplanationError
        No font can draw Chinese.
    OutputError
        `path` cannot be written.
    """
    with lettering(language, texts):
        figure = empty(*size)
        yield figure
        save(figure, path)
