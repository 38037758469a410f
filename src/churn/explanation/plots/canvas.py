"""An empty picture, and its way to a PNG file."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from churn.explanation.captions import Language
from churn.explanation.plots.fonts import lettering
from churn.files import new_file

DARK, BLUE, GREY, PALE = "#1c2733", "#1f5fa8", "#6b7785", "#b9d0ea"
"""What is estimated: apart by their lightness alone, the firmest darkest."""
LESS, MORE = "#00695c", "#b8500f"
"""Less and more churn: apart for every kind of colour vision; a word or a side always says it as well."""


@contextmanager
def picture(path: Path, language: Language, size: tuple[float, float], texts: Iterable[str] = ()) -> Iterator[Figure]:
    """Give a figure; when the block ends well it becomes the PNG file `path`, whole, the same bytes every time.

    Parameters
    ----------
    path
        File to write.
    language
        Of its labels.
    size
        Width and height in inches, of 150 pixels.
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
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        with new_file(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
