"""Plots of the SHAP values of many customers: which features move the risk, and how each does."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from churn.charts import BLUE, DARK, GREY, LOW_TO_HIGH, MORE, canvas
from churn.errors import ExplanationError
from churn.explanation.shap import Contributions
from churn.features.feature import Feature, find_feature, meaning_of
from churn.speech import InUnit, Language, Percent, ShortNumber, message, say

MOST_ROWS = 5_000
"""Rows drawn at most; more of them only cover each other."""
N_IMPORTANT = 15
SEED = 0
_FEW_VALUES = 12
_MOST_UPRIGHT = 8
_LOW_TO_HIGH = LinearSegmentedColormap.from_list("low_to_high", LOW_TO_HIGH)


def rank_features(explained: Contributions) -> NDArray[np.intp]:
    """Order the features by their mean |SHAP|, the largest first; the earlier column first where they are equal.

    Examples
    --------
    >>> rank_features(Contributions(np.array([[0.1, -0.5], [0.2, 0.5]], dtype=np.float32), 0.0))
    array([1, 0])
    """
    return np.argsort(-np.abs(explained[0]).mean(axis=0, dtype=np.float64), kind="stable")


def plot_importance(
    explained: Contributions, features: pd.DataFrame, catalogue: Iterable[Feature], path: Path, language: Language
) -> None:
    """Draw a beeswarm of the 15 features with the largest mean |SHAP| of all rows, as PNG.

    A point is a customer; of more than 5,000 a seeded sample is drawn. Colour is the rank of the customer's value
    among the drawn ones, so that few very rich customers do not make all others look alike.

    Parameters
    ----------
    explained
        SHAP values of n >= 1 customers.
    features
        Shape (n, number of features), the same customers and features in the same order.
    catalogue
        Gives the meanings; a feature not in it stands under its name.
    path
        File to write.
    language
        Of its labels.

    Raises
    ------
    ExplanationError
        The two shapes differ, there are no rows, or no font can draw Chinese where it is needed.
    OutputError
        `path` cannot be written.
    """
    all_shaps = _checked(explained, features)
    known = tuple(catalogue)
    chosen, rows = rank_features(explained)[:N_IMPORTANT], _sample(len(features))
    labels = [say(meaning_of(known, features.columns[column]), language) for column in chosen]
    colours = np.column_stack([_ranks(features.iloc[rows, column]) for column in chosen])
    with canvas.picture(path, language, (11.0, 2.2 + 0.42 * len(chosen)), labels) as figure:
        axes = figure.add_subplot()
        _draw_beeswarm(axes, all_shaps[np.ix_(rows, chosen)].astype(np.float64), colours)
        written = [canvas.wrap(canvas.drawable(label), 44) for label in labels]
        axes.set_yticks(range(len(chosen)), written[::-1], fontsize=10.5, color=DARK)
        axes.tick_params("y", length=0)
        axes.set_xlabel(say(message("SHAP value in log-odds: right of zero raises the risk"), language), fontsize=11)
        _add_colour_bar(figure, axes, language)
        canvas.head(figure, message("Largest influences on the predicted risk"), language)


def plot_dependence(
    feature: str,
    explained: Contributions,
    features: pd.DataFrame,
    catalogue: Iterable[Feature],
    path: Path,
    language: Language,
) -> None:
    """Draw each customer's SHAP value of one feature against its value, and the median of both, as PNG.

    Customers without a value stand in a column of their own at the right; the values of a text stand side by side.
    Of more than 5,000 customers a seeded sample is drawn. Parameters as in `plot_importance`.

    Raises
    ------
    ExplanationError
        There is no such feature, the two shapes differ, there are no rows, or no font can draw Chinese where it is
        needed.
    OutputError
        `path` cannot be written.
    """
    all_shaps = _checked(explained, features)
    if feature not in features.columns:
        raise ExplanationError(f"plot_dependence: no feature {feature!r}; take one of the model's schema")
    known, rows = tuple(catalogue), _sample(len(features))
    found = find_feature(known, feature)
    label, unit = say(feature if found is None else found.meaning, language), None if found is None else found.unit
    column = features.columns.get_loc(feature)
    values, shaps = features[feature].iloc[rows], all_shaps[rows, column].astype(np.float64)
    x, ticks = _positions(values)
    with canvas.picture(path, language, (8.4, 5.0), [label, *ticks]) as figure:
        axes, side = _two_axes(figure, missing=bool(np.isnan(x).any()))
        axes.scatter(_spread(x), shaps, s=11, color=BLUE, alpha=0.35, linewidths=0, zorder=2)
        kinds = bool(ticks) or unit == "0/1"
        _draw_medians(axes, x, shaps, language, "_" if kinds else "o-")
        _set_scale(axes, x, ticks, unit, language)
        if side is not None:
            place = _spread(np.zeros(len(x)))
            side.scatter(place[np.isnan(x)], shaps[np.isnan(x)], s=11, color=GREY, alpha=0.5, linewidths=0)
            side.set_xticks([0], [say(InUnit(None, unit), language)])
            side.set_xlim(-0.5, 0.5)
        axes.set_xlabel(canvas.wrap(canvas.drawable(label), 80), fontsize=11)
        axes.set_ylabel(say(message("SHAP value (log-odds)"), language), fontsize=11)
        canvas.head(figure, message("How the predicted risk depends on it"), language)


def _checked(explained: Contributions, features: pd.DataFrame) -> NDArray[np.float32]:
    shaps, _ = explained
    if shaps.shape != features.shape:
        raise ExplanationError(
            f"plots: SHAP values of shape {shaps.shape} for features of shape {features.shape}; explain these customers"
        )
    if not len(shaps):
        raise ExplanationError("plots: no customer to draw; explain at least one")
    return shaps


def _sample(n: int) -> NDArray[np.intp]:
    if n <= MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, MOST_ROWS, replace=False))


def _ranks(values: pd.Series) -> NDArray[np.float64]:
    """Rank numbers from 0 (lowest) to 1 (highest); NaN where missing, and everywhere for texts."""
    if not pd.api.types.is_numeric_dtype(values) or values.isna().all():
        return np.full(len(values), np.nan)
    ranks = values.astype(np.float64).rank().to_numpy()
    low, high = np.nanmin(ranks), np.nanmax(ranks)
    return np.where(np.isnan(ranks), np.nan, 0.5 if low == high else (ranks - low) / (high - low or 1.0))


def _draw_beeswarm(axes: Axes, shaps: NDArray[np.float64], colours: NDArray[np.float64]) -> None:
    """Draw the columns from top to bottom, the first on top."""
    with _seeded(), warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of matplotlib, while shap is imported
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature missing everywhere has no percentiles
        import shap  # here, because it takes seconds

        n, own = shaps.shape[1], {"show": False, "color_bar": False, "plot_size": None}
        swarm = shap.Explanation(shaps, data=colours, feature_names=[str(column) for column in range(n)])
        shap.plots.beeswarm(swarm, max_display=n, order=np.arange(n), color=_LOW_TO_HIGH, ax=axes, s=9, **own)
    for points in axes.collections:
        if points.get_array() is not None:
            points.set_clim(0, 1)  # shap cuts the scale at percentiles, and has none where many values are missing


@contextmanager
def _seeded() -> Iterator[None]:
    """Let shap scatter its points by numpy's global generator, and leave that as it was."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(SEED)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _add_colour_bar(figure: Figure, axes: Axes, language: Language) -> None:
    scale = ScalarMappable(cmap=_LOW_TO_HIGH)
    bar = figure.colorbar(scale, ax=axes, ticks=[0, 1], location="bottom", shrink=0.5, aspect=40, pad=0.03)
    ends = message("low", context="value"), message("high", context="value")
    bar.set_ticklabels([say(end, language) for end in ends])
    label = message("value of the feature (grey: missing or not a number)")
    bar.set_label(say(label, language), labelpad=2, fontsize=10)
    bar.ax.tick_params(length=0, labelsize=10)
    bar.outline.set_visible(False)


def _positions(values: pd.Series) -> tuple[NDArray[np.float64], Sequence[str]]:
    """Give each value its place on the x axis, NaN where missing; and the values themselves, if they are texts."""
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan), []
    codes, texts = pd.factorize(values, sort=True)
    return np.where(codes < 0, np.nan, codes), [str(text) for text in texts]


def _two_axes(figure: Figure, *, missing: bool) -> tuple[Axes, Axes | None]:
    """Give axes for the values there are, and narrow ones beside them for those that are missing."""
    if missing:
        axes, side = figure.subplots(1, 2, sharey=True, width_ratios=[10, 1])
        side.tick_params(axis="y", length=0)
    else:
        axes, side = figure.subplots(), None
    for part in (axes, side):
        if part is not None:
            part.axhline(0, color=DARK, linewidth=0.9, zorder=1)
            part.spines[["top", "right"]].set_visible(False)
    return axes, side


def _spread(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scatter a few values sideways, so that customers who share one do not hide each other."""
    distinct = np.unique(x[~np.isnan(x)])
    if len(distinct) > _FEW_VALUES:
        return x
    gap = np.diff(distinct).min() if len(distinct) > 1 else 1.0
    return x + 0.22 * gap * np.random.default_rng(SEED).uniform(-1, 1, len(x))


def _draw_medians(
    axes: Axes, x: NDArray[np.float64], shaps: NDArray[np.float64], language: Language, form: str
) -> None:
    """Draw the median SHAP value of each value, or of each twentieth of the customers where there are many values."""
    there = pd.DataFrame({"x": x, "shap": shaps}).dropna()
    if there.empty:
        return
    few = there["x"].nunique() <= _FEW_VALUES
    groups = there["x"] if few else pd.qcut(there["x"], 20, labels=False, duplicates="drop")
    medians = there.groupby(groups.to_numpy()).median()
    size, width = (22, 3) if form == "_" else (5, 1)
    label = say(message("median"), language)
    axes.plot(
        medians["x"], medians["shap"], form, color=MORE, lw=2, markersize=size, markeredgewidth=width, label=label
    )
    axes.legend(frameon=False)


def _set_scale(axes: Axes, x: NDArray[np.float64], ticks: Sequence[str], unit: str | None, language: Language) -> None:
    distinct = np.unique(x[~np.isnan(x)])
    if ticks:
        axes.set_xticks(range(len(ticks)), [canvas.wrap(canvas.drawable(tick), 14) for tick in ticks])
        axes.tick_params(axis="x", labelrotation=60 if len(ticks) > _MOST_UPRIGHT else 0)
    elif unit == "0/1":
        axes.set_xticks([0, 1], [say(InUnit(value, unit), language) for value in (0, 1)])
        axes.set_xlim(-0.5, 1.5)
    elif len(distinct) <= _FEW_VALUES:
        axes.set_xticks(distinct, [say(InUnit(float(value), unit), language) for value in distinct])
    elif unit == "yuan":
        axes.set_xscale("symlog", linthresh=1_000)  # few have very much: they would press all others together
        axes.set_xticks(_powers(distinct[0], distinct[-1]))
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say(ShortNumber(value), language)))
    elif unit in ("share", "ratio"):
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say(Percent(value, digits=0), language)))


def _powers(low: float, high: float) -> list[float]:
    """List zero and the powers of ten from a thousand on, of either sign, between two amounts."""
    sizes = [10.0**power for power in range(3, 16)]
    return [value for value in [*(-size for size in reversed(sizes)), 0.0, *sizes] if low <= value <= high]
