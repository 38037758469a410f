"""What a model says of customers: which bindings would cut their risk."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import pandas as pd

from churn.data import Data, OnStep, say_nothing
from churn.explanation.bindings import BindingRow, bindings_frame, build_bindings, service_names
from churn.explanation.effects.estimates import ServiceEffect, estimate_effects
from churn.explanation.survey import service_columns, survey_customers
from churn.frame import Snapshot
from churn.model.schema import encode
from churn.model.storage import StoredModel
from churn.threads import use_threads
from churn.timeline import Date, as_date


def explain_bindings(
    model: StoredModel,
    data: Data,
    as_of: Date | None = None,
    *,
    seed: int = 0,
    n_threads: int | None = None,
    on_step: OnStep = say_nothing,
) -> pd.DataFrame:
    """Say which bindings cut risk most: one row a service, ranked, the columns of `bindings.json`.

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
    with use_threads(n_threads):
        customers = look_ahead(data.partitions(date), model)
        effects, _ = estimate_data_effects(data, model, date, seed=seed, on_step=on_step)
        on_step("explaining every customer")
        rows, _ = survey_data(data, customers, model, effects)
    return bindings_frame(rows)


def survey_data(
    data: Data,
    customers: Iterable[Snapshot],
    stored: StoredModel,
    effects: Sequence[ServiceEffect],
) -> tuple[list[BindingRow], pd.DataFrame]:
    """Explain every customer, going through the partitions once.

    Returns
    -------
    tuple
        The bindings table of `effects`, ranked; and `importance` of `churn.explanation.survey.Survey`.
    """
    services = service_columns(data.catalogue, stored.model.schema.names)
    survey = survey_customers(customers, stored.model, services, n_expected=data.n_customers)
    rows = build_bindings(effects, survey.seen, service_names(data.config), data.config.effects)
    return rows, survey.importance


def estimate_data_effects(
    data: Data,
    stored: StoredModel,
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


def look_ahead(customers: Iterator[Snapshot], stored: StoredModel) -> Iterator[Snapshot]:
    """Read the first partition before any long work, so that a wrong date or a missing column is known at once.

    Raises
    ------
    TimeRangeError
        Nobody is in the population, or the date lies too far after the data end.
    ModelError
        The features are not those the model was trained on.
    """
    first = next(customers)
    encode(first.features.iloc[:0], stored.model.schema)
    return chain([first], customers)


def _date_for(model: StoredModel, data: Data, as_of: Date | None) -> dt.date | None:
    """Hold the data against the model, and return the date to ask it at."""
    date = None if as_of is None else as_date(as_of)
    data.require_model(model, date)
    return date
