"""Which bindings cut risk most, for Python and on disk: a table, what matters how much, every SHAP value, pictures."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churn import csv_files, files, frame, threads, timeline
from churn.data import Data, OnStep, say_nothing
from churn.explanation import bindings, rendering
from churn.explanation.effects import ServiceEffect, estimate_effects
from churn.explanation.survey import Survey, service_columns, shap_schema, survey_customers
from churn.features.feature import Feature
from churn.model import schema, storage
from churn.speech import Language, say

MARK = "bindings.json"
ABOUT = "about.json"
"""Which model, and at which date."""
SHAP = "shap.parquet"
N_DEPENDENCES = 4
FILES = frozenset(
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


def explain_bindings(
    model: storage.StoredModel,
    data: Data,
    as_of: timeline.Date | None = None,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
) -> pd.DataFrame:
    """Say which bindings cut risk most: one row per service, ranked, the columns of `bindings.json`.

    SHAP of everybody at `as_of` stands beside the effect estimated from the latest outcomes and all randomised offers;
    see docs/explaining.md. Differences and effects are changes of the churn probability, negative = less churn.

    Parameters
    ----------
    model, data, as_of, n_threads
        As for `churn.score`; a file needs its label.
    seed
        Same seed, same table.
    on_step
        Told what begins next.

    Raises
    ------
    DataError
        The bank has no bindings, or the file no label.
    TimeRangeError, ConfigError, ModelError
        As for `churn.score`.
    """
    date = _date_for(model, data, as_of)
    with threads.use_threads(n_threads):
        customers = look_ahead(data.partitions(date), model)
        effects, _ = estimate_data_effects(data, model, date, seed=seed, on_step=on_step)
        on_step("explaining every customer")
        rows, _ = survey_data(data, customers, model, effects)
    return bindings.bindings_frame(rows)


def write_explanation(
    folder: str | Path,
    model: storage.StoredModel,
    data: Data,
    as_of: timeline.Date | None = None,
    *,
    truth: Path | None = None,
    language: Language = "en",
    seed: int = 0,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
) -> tuple[list[bindings.BindingRow], list[bindings.Graded]]:
    """Explain every customer into a folder, whole or not at all, as `churn explain` does, and judge every service.

    Parameters
    ----------
    folder
        An earlier explanation there is replaced.
    model, data, as_of, seed, n_threads, on_step
        As for `explain_bindings`.
    truth
        Folder of a simulated bank's true effects, to grade the estimates by.
    language
        Of the tables for people and of the pictures.

    Raises
    ------
    OutputError
        The folder holds anything but an earlier explanation, or cannot be written.
    DataError, TimeRangeError, ConfigError, ModelError
        As for `explain_bindings`; or there are no true effects.
    """
    place, date = Path(folder), _date_for(model, data, as_of)
    true = bindings.read_truth(truth) if truth else {}
    with threads.use_threads(n_threads):
        customers = look_ahead(data.partitions(date), model)
        effects, outcomes_as_of = estimate_data_effects(data, model, date, strengths=True, seed=seed, on_step=on_step)
        with files.new_folder(place, mark=MARK, names=explanation_names(place), is_ours=_is_table) as new:
            survey = _write_survey(new / SHAP, data, customers, model, on_step)
            pairs = bindings.service_names(data.config)
            names = {service: say(pair, language) for service, pair in pairs.items()}
            rows = bindings.build_bindings(effects, survey.seen, pairs, data.config.effects)
            on_step("drawing")
            write_results(new, rows, survey, data.catalogue, names, language)
            _write_evidence(new / "evidence.json", effects, outcomes_as_of)
            files.write_json(new / ABOUT, {"model_id": model.manifest.model_id, "as_of": date and date.isoformat()})
            graded = bindings.grade_bindings(rows, true, data.config.effects.worthwhile) if true else []
            if graded:
                files.write_json(new / "truth.json", [one.to_json() for one in graded])
    return rows, graded


def explanation_names(path: Path) -> tuple[str, ...]:
    """Return those entries of an earlier explanation that may be replaced."""
    if not path.is_dir():
        return ()
    return tuple(entry.name for entry in path.iterdir() if entry.name in FILES)


def require_explanation_place(path: Path) -> None:
    """Refuse, before any work, a folder that holds anything but an earlier explanation.

    Raises
    ------
    OutputError
        `path` holds other files, or is none.
    """
    files.require_replaceable(path, mark=MARK, names=explanation_names(path), is_ours=_is_table)


def _is_table(text: str) -> bool:
    return text.strip() == "[]" or '"shap_contrast_log_odds"' in text


def survey_data(
    data: Data, customers: Iterable[frame.Snapshot], stored: storage.StoredModel, effects: Sequence[ServiceEffect]
) -> tuple[list[bindings.BindingRow], pd.DataFrame]:
    """Explain every customer, going through the partitions once.

    Returns
    -------
    tuple
        The bindings table of `effects`, ranked; and `importance` of `churn.explanation.survey.Survey`.
    """
    services = service_columns(data.catalogue, stored.model.schema.names)
    survey = survey_customers(customers, stored.model, services, n_expected=data.n_customers)
    rows = bindings.build_bindings(effects, survey.seen, bindings.service_names(data.config), data.config.effects)
    return rows, survey.importance


def estimate_data_effects(
    data: Data,
    stored: storage.StoredModel,
    as_of: dt.date | None,
    *,
    strengths: bool = False,
    seed: int = 0,
    on_step: OnStep = say_nothing,
) -> tuple[list[ServiceEffect], dt.date | None]:
    """Estimate every service's effect from all that data tell of it; and the date whose outcomes were seen.

    Parameters
    ----------
    strengths
        Also measure the observed covariates, which takes about as long again; of a file never.
    """
    evidence = data.evidence(as_of, stored.manifest.horizon_days, on_step=on_step)
    effects = estimate_effects(
        evidence, data.catalogue, data.config.effects, strengths=strengths and data.is_dated, seed=seed,
        on_service=lambda service: on_step(f"estimating the effect of {service}"),
    )  # fmt: skip
    return effects, evidence.snapshot.as_of


def look_ahead(customers: Iterator[frame.Snapshot], stored: storage.StoredModel) -> Iterator[frame.Snapshot]:
    """Read the first partition before any long work, so that a wrong date or a missing column is known at once.

    Raises
    ------
    TimeRangeError
        Nobody is in the population, or the date lies too far after the data end.
    ModelError
        The features are not those the model was trained on.
    """
    first = next(customers)
    schema.encode(first.features.iloc[:0], stored.model.schema)
    return chain([first], customers)


def _date_for(model: storage.StoredModel, data: Data, as_of: timeline.Date | None) -> dt.date | None:
    """Hold the data against the model, and return the date to ask it at."""
    date = None if as_of is None else timeline.as_date(as_of)
    data.require_model(model, date)
    return date


def _write_survey(
    path: Path, data: Data, customers: Iterable[frame.Snapshot], model: storage.StoredModel, on_step: OnStep
) -> Survey:
    """Explain every customer, and write the SHAP values of each partition as it is made."""
    names, done = model.model.schema.names, 0
    with pq.ParquetWriter(path, shap_schema(names), compression="zstd") as writer:

        def on_part(table: pa.Table) -> None:
            nonlocal done
            writer.write_table(table)
            done += table.num_rows
            on_step(f"{done:,} customers explained")

        services = service_columns(data.catalogue, names)
        return survey_customers(customers, model.model, services, n_expected=data.n_customers, on_part=on_part)


def write_results(
    folder: Path,
    rows: Sequence[bindings.BindingRow],
    survey: Survey,
    features: tuple[Feature, ...],
    names: Mapping[str, str],
    language: Language,
) -> None:
    """Write tables and pictures into a folder; `names` are those of the services, by code, in the language."""
    from churn.charts import importance  # only here: matplotlib takes a third of a second
    from churn.charts.bindings import plot_bindings

    rendering.write_bindings(folder, rows, names, language)
    _write_importance(folder / "importance.csv", survey, {feature.name: feature for feature in features})
    if rows:
        plot_bindings(rows, names, folder / "bindings.png", language)
    importance.plot_importance(survey.sample, survey.sample_features, features, folder / "importance.png", language)
    for place, name in enumerate(survey.importance["feature"][:N_DEPENDENCES], start=1):
        path = folder / f"dependence_{place}.png"
        importance.plot_dependence(name, survey.sample, survey.sample_features, features, path, language)


def _write_evidence(path: Path, effects: Iterable[ServiceEffect], outcomes_as_of: dt.date | None) -> None:
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
    files.write_json(path, found)


def _write_importance(path: Path, survey: Survey, facts: Mapping[str, Feature]) -> None:
    known = [facts.get(name) for name in survey.importance["feature"]]
    table = survey.importance.assign(
        family=[feature.family if feature else "" for feature in known],
        meaning_en=[say(feature.meaning, "en") if feature and feature.family else "" for feature in known],
        meaning_zh=[say(feature.meaning, "zh") if feature and feature.family else "" for feature in known],
    )
    csv_files.write_frame(path, table, for_excel=True)
