"""An explanation on disk: the bindings table, what matters how much, every SHAP value, and pictures."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from churn import csv_files
from churn.charts.bindings import plot_bindings
from churn.charts.importance import plot_dependence, plot_importance
from churn.explanation.bindings import BindingRow
from churn.explanation.effects.estimates import ServiceEffect
from churn.explanation.rendering import write_bindings
from churn.explanation.survey import Survey
from churn.features.feature import Feature
from churn.files import require_replaceable, write_json
from churn.speech import Language, say

MARK = "bindings.json"
ABOUT = "about.json"
"""Which model, and at which date."""
SHAP = "shap.parquet"
N_DEPENDENCES = 4
_NAMES = frozenset(
    {
        *(f"bindings.{ending}" for ending in ("json", "csv", "md", "html", "png")),
        *(f"dependence_{place}.png" for place in range(1, N_DEPENDENCES + 1)),
        ABOUT,
        "evidence.json",
        "importance.csv",
        "importance.png",
        SHAP,
        "truth.json",
    }
)
"""All that an explanation may consist of; a folder that holds anything else is somebody's own."""


def explanation_names(path: Path) -> tuple[str, ...]:
    """Return those entries of an earlier explanation that may be replaced."""
    if not path.is_dir():
        return ()
    return tuple(entry.name for entry in path.iterdir() if entry.name in _NAMES)


def require_explanation_place(path: Path) -> None:
    """Refuse, before any work, a folder that holds anything but an earlier explanation.

    Raises
    ------
    OutputError
        `path` holds other files, or is none.
    """
    require_replaceable(path, mark=MARK, names=explanation_names(path))


def write_evidence(path: Path, effects: Iterable[ServiceEffect], outcomes_as_of: dt.date | None) -> None:
    """Write what lies behind each verdict as JSON: tests, effects by products held, strengths of what was observed."""
    found = []
    for effect in effects:
        seen, offer = effect.observational, effect.offer
        found.append(
            {
                "service": effect.service,
                "outcomes_as_of": outcomes_as_of.isoformat() if outcomes_as_of else None,
                "n_compared": seen.n if seen else 0,
                "n_compared_bound": seen.n_bound if seen else 0,
                "bounds_atu": [seen.bound_low, seen.bound_high] if seen else None,
                "controls": [
                    {"kind": one.kind, **one.found._asdict(), "passed": one.passed} for one in effect.controls
                ],
                "uptake": offer.uptake._asdict() if offer else None,
                "effect_by_products": {band: found._asdict() for band, found in effect.bands.items()},
                "observed_strengths": [one._asdict() for one in effect.strengths],
            }
        )
    write_json(path, found)


def write_explanation(
    folder: Path,
    rows: Sequence[BindingRow],
    survey: Survey,
    catalogue: Iterable[Feature],
    names: Mapping[str, str],
    language: Language,
) -> None:
    """Write tables and pictures into a folder; `shap.parquet` is written while the survey is made.

    Parameters
    ----------
    names
        Name of each service in the language.
    """
    features = tuple(catalogue)
    write_bindings(folder, rows, names, language)
    _write_importance(folder / "importance.csv", survey, {feature.name: feature for feature in features})
    if rows:
        plot_bindings(rows, names, folder / "bindings.png", language)
    plot_importance(survey.sample, survey.sample_features, features, folder / "importance.png", language)
    for place, name in enumerate(survey.importance["feature"][:N_DEPENDENCES], start=1):
        path = folder / f"dependence_{place}.png"
        plot_dependence(name, survey.sample, survey.sample_features, features, path, language)


def _write_importance(path: Path, survey: Survey, facts: Mapping[str, Feature]) -> None:
    known = [facts.get(name) for name in survey.importance["feature"]]
    table = survey.importance.assign(
        family=[feature.family if feature else "" for feature in known],
        meaning_en=[say(feature.meaning, "en") if feature and feature.family else "" for feature in known],
        meaning_zh=[say(feature.meaning, "zh") if feature and feature.family else "" for feature in known],
    )
    csv_files.write_frame(path, table, for_excel=True)
