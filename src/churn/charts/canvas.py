"""An empty picture, how all of them look, its letters, and the way to a PNG file: the same picture, the same bytes.

Chinese needs a font that has it: one is found, or there is one clear error and never empty boxes.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import PercentFormatter
from rich.cells import cell_len

from churn.charts import DARK
from churn.errors import ExplanationError
from churn.files import new_file
from churn.speech import Language, Said, say

PACKAGE = "fonts-wqy-microhei"
"""The Debian package to install: 5 MB, against 91 MB of fonts-noto-cjk."""
LATIN = "DejaVu Sans"
"""Comes with matplotlib."""
DEBIAN_FONTS = (
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/arphic/uming.ttc"),
    Path("/usr/share/fonts/truetype/arphic/ukai.ttc"),
)
"""Where Debian's packages put them, the most legible on a screen first."""
_UNSEEN = dict.fromkeys(range(0x2066, 0x206A))
"""Marks of direction, which no picture follows."""
_SAMPLE = "流失概率绑定服务，％"


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


def finish(axes: Axes, *, percent: str = "y", grid: Literal["x", "y", "both"] = "both", legend: bool = True) -> None:
    """Show some of the axes x and y in per cent, and grid and legend as in every plot of rates."""
    for name in percent:
        {"x": axes.xaxis, "y": axes.yaxis}[name].set_major_formatter(
            PercentFormatter(1.0, decimals=0, symbol="\u202f%")
        )
    axes.grid(axis=grid, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
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


def list_fonts() -> Iterator[Path]:
    """Yield the font files of this machine: Debian's places for Chinese first, then whatever else is installed.

    matplotlib's own list is a cache that misses what was installed since, so the folders are looked through as well.
    """
    yield from (path for path in DEBIAN_FONTS if path.exists())
    yield from (Path(entry.fname) for entry in fontManager.ttflist)
    yield from (Path(name) for name in sorted(findSystemFonts()))


def find_chinese_font(fonts: Iterable[Path] | None = None) -> Path:
    """Find the first font that can draw simplified Chinese.

    Parameters
    ----------
    fonts
        Font files to try, in this order; None tries those of `list_fonts`.

    Raises
    ------
    ExplanationError
        None of them can; the message names the Debian package to install.

    Examples
    --------
    >>> find_chinese_font([])
    Traceback (most recent call last):
        ...
    churn.errors.ExplanationError: fonts: none on this machine can draw Chinese; apt-get install fonts-wqy-microhei
    """
    for path in list_fonts() if fonts is None else fonts:
        if _characters(path).issuperset(_SAMPLE):
            return path
    raise ExplanationError(f"fonts: none on this machine can draw Chinese; apt-get install {PACKAGE}")


@contextmanager
def lettering(language: Language, texts: Iterable[str] = ()) -> Iterator[None]:
    """Set matplotlib's own style, whatever a user's settings say, and fonts for one plot.

    Parameters
    ----------
    language
        "zh" needs a Chinese font.
    texts
        What will be written: a Chinese name in an English plot needs one too.

    Raises
    ------
    ExplanationError
        No font can draw Chinese.
    """
    families = [LATIN]
    if language == "zh" or any(_is_wide(character) for text in texts for character in text):
        families.insert(0 if language == "zh" else 1, _register(find_chinese_font()))
    # parse_math: a "$" in a name is a dollar, no formula.
    chosen = {"font.family": families, "axes.unicode_minus": True, "text.parse_math": False}
    with style.context(["default", chosen]):
        yield


def drawable(text: str) -> str:
    r"""Return `text` on one line, with "?" for what none of the fonts set by `lettering` has.

    Examples
    --------
    >>> with lettering("en"):
    ...     drawable("funds\t\U0001f9e7")
    'funds ?'
    """
    fonts = [Path(findfont(FontProperties(family=[family]))) for family in mpl.rcParams["font.family"]]
    known = frozenset[str]().union(*map(_characters, fonts))
    shown = " ".join(text.translate(_UNSEEN).split())
    return "".join(character if character in known else "?" for character in shown)


def wrap(text: str, width: int, lines: int = 2) -> str:
    r"""Break a text into lines of at most `width` columns, a Chinese character counting two; "…" where it goes on.

    Examples
    --------
    >>> wrap("days since the last contact", 16)
    'days since the\nlast contact'
    >>> wrap("持有对应产品的服务数", 12, lines=1)
    '持有对应产…'
    """
    # A closing mark stays with what it closes.
    words = re.findall(r"[（《“]*[⺀-￯][，。、；：）》”]*|[^\s⺀-￯]+\s*|\s+", " ".join(text.split()))
    made = [""]
    for word in (piece for long in words for piece in _pieces(long, width)):
        if made[-1] and cell_len((made[-1] + word).rstrip()) > width:
            made.append("")
        made[-1] += word
    made = [line.strip() for line in made]
    if len(made) <= lines:
        return "\n".join(made)
    last = made[lines - 1]
    while cell_len(last) > width - 1:
        last = last[:-1]
    return "\n".join([*made[: lines - 1], last + "…"])


def _is_wide(character: str) -> bool:
    return character.isalpha() and east_asian_width(character) in "WF"


def _register(path: Path) -> str:
    """Make a font file known to matplotlib; return the name of its family."""
    if not any(Path(entry.fname) == path for entry in fontManager.ttflist):
        fontManager.addfont(path)
    return FontProperties(fname=path).get_name()


@lru_cache(maxsize=512)
def _characters(path: Path) -> frozenset[str]:
    """List the characters a font file has; none where it cannot be opened."""
    try:
        return frozenset(chr(code) for code in FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError, ValueError):  # bitmap fonts, broken files
        return frozenset()


def _pieces(word: str, width: int) -> list[str]:
    """Cut a word that is longer than a line."""
    return [word[begin : begin + width] for begin in range(0, len(word), width)]
