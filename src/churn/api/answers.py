"""What a model says of customers: scores, and which bindings would cut their risk."""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from churn.api.opening import Source, bank_source, file_source, look_ahead
from churn.api.snapshots import CustomerFile, Data, Date, OnStep, as_date, require_label, say_nothing
from churn.errors import DataError
from churn.explanation.bindings import BindingRow, build_bindings, service_names
from churn.explanation.effects.estimates import ServiceEffect, estimate_effects, estimate_flat_effects
from churn.explanation.effects.evidence import evidence_date, gather_evidence
from churn.explanation.next_best import knows_class_1
from churn.explanation.survey import service_columns, survey_customers
from churn.explanation.tables import bindings_frame
from churn.frame import build_snapshot, flat_snapshot
from churn.model.storage import StoredModel
from churn.scoring import score_snapshot
from churn.tables.bank import Bank
from churn.tables.flat import FlatTable

_log = logging.getLogger(__name__)


def score(
    model: StoredModel,
    data: Data,
    as_of: Date | None = None,
    *,
    explain: bool = False,
    n_threads: int | None = None,
) -> pd.DataFrame:
    """Score every customer: one row each, sorted by id, the columns of a score file (docs/data.md).

    Parameters
    ----------
    model
        Of `train` or `read_model`.
    data
        An open bank, or file opened with this model.
    as_of
        Date to score at; left out for a file.
    explain
        Add the next binding or product, and reasons in English and Chinese.
    n_threads
        As for `train`.

    Raises
    ------
    TimeRangeError
        A date that lies too far after the data end, at which nobody is a customer, or for a file.
    DataError, ConfigError, ModelError
        The data are not of the kind the model was trained on.
    """
    source = _ask(model, data, as_of)
    known = knows_class_1(data.frames()["holdings"]) if isinstance(data, Bank) else None
    parts, unseen = [], Counter[str]()
    for snapshot in source.snapshots:
        table, new = score_snapshot(
            snapshot, model, explain=source.config if explain else None, classes_known=known, n_threads=n_threads or 0
        )
        parts.append(table)
        unseen.update(new)
    if unseen:
        _log.warning("categories that training did not have count as missing: %s", dict(sorted(unseen.items())))
    scores: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return scores


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
        As for `score`; a file needs its label.
    seed
        Same seed, same table.
    on_step
        Told what begins next.

    Raises
    ------
    DataError
        The bank has no bindings, or the file no label.
    TimeRangeError, ConfigError, ModelError
        As for `score`.
    """
    if isinstance(data, CustomerFile):
        require_label(data.table)
    source = look_ahead(_ask(model, data, as_of), model)
    date = None if as_of is None else as_date(as_of)
    effects, _ = estimate_source_effects(source, model, date, seed=seed, n_threads=n_threads or 0, on_step=on_step)
    on_step("explaining every customer")
    rows, _ = survey_source(source, model, effects, n_threads=n_threads or 0)
    return bindings_frame(rows)


def survey_source(
    source: Source, stored: StoredModel, effects: Sequence[ServiceEffect], *, n_threads: int = 0
) -> tuple[list[BindingRow], pd.DataFrame]:
    """Explain every customer of a source, going through `source.snapshots` once.

    Returns
    -------
    tuple
        The bindings table of `effects`, ranked; and `importance` of `churn.explanation.survey.Survey`.
    """
    services = service_columns(source.config, stored.model.schema.names)
    survey = survey_customers(
        source.snapshots, stored.model, services, n_expected=source.n_customers, n_threads=n_threads
    )
    rows = build_bindings(effects, survey.seen, service_names(source.config), source.config.effects)
    return rows, survey.importance


def estimate_source_effects(
    source: Source,
    stored: StoredModel,
    as_of: dt.date | None,
    *,
    strengths: bool = False,
    seed: int = 0,
    n_threads: int = 0,
    on_step: OnStep = say_nothing,
) -> tuple[list[ServiceEffect], dt.date | None]:
    """Estimate every service's effect from all that a source tells of it; and the date whose outcomes were seen.

    Parameters
    ----------
    strengths
        Also measure the observed covariates, which takes about as long again.
    """
    if isinstance(source.table, FlatTable):
        on_step("estimating the effect of the bindings")
        snapshot = flat_snapshot(source.table)
        settings = source.config.effects
        return estimate_flat_effects(snapshot, source.table.flat, settings, seed=seed, n_threads=n_threads), None
    bank, horizon_days = source.table, stored.manifest.horizon_days
    if not bank.has("bindings"):
        raise DataError("table bindings is missing: without it no binding can be explained; add it")
    assert as_of is not None
    date = evidence_date(bank, as_of, horizon_days)
    on_step(f"reading outcomes of {date}, and randomised offers")
    evidence = gather_evidence(bank, build_snapshot(bank, date, horizon_days), horizon_days)
    effects = estimate_effects(
        *evidence, source.config, strengths=strengths, seed=seed, n_threads=n_threads,
        on_service=lambda service: on_step(f"estimating the effect of {service}"),
    )  # fmt: skip
    return effects, date


def _ask(model: StoredModel, data: Data, as_of: Date | None) -> Source:
    date = None if as_of is None else as_date(as_of)
    if isinstance(data, CustomerFile):
        return file_source(data.table, model, data.config, date)
    return bank_source(data, model, date)
