"""Churn by products held: what a bank states, what was observed, what a model predicts; and a model anchored to it."""

import datetime as dt
from typing import NamedTuple

from churn import threads, timeline
from churn.data import Data
from churn.evaluation.anchoring import anchor_model
from churn.evaluation.baselines import MIN_ROWS, build_baselines, restate_baselines
from churn.model import card, documents, storage
from churn.speech import Said, counted, message
from churn.tables.findings import Note


class ComparedBaselines(NamedTuple):
    """Baselines at a date (None of a flat file), and what a reader of them should know."""

    rows: documents.Baselines
    as_of: dt.date | None
    notes: list[Note]


def baselines(
    model: storage.StoredModel, data: Data, as_of: timeline.Date | None = None, *, n_threads: int | None = None
) -> ComparedBaselines:
    """Compare stated, observed and predicted churn by products held: a row for 1, 2, 3, 4, and 5 or more.

    At the held-out snapshot of the data the model was trained on, predictions are those of the model that had not seen
    it; anywhere else, and of an anchored model, they are the model's own.

    Parameters
    ----------
    model
        Of `train` or `read_model`.
    data
        An open bank, or file opened with this model; its configuration states the rates.
    as_of
        Date to compare at; the one that judged the model by default, left out for a file.
    n_threads
        As for `train`.

    Raises
    ------
    TimeRangeError
        The horizon ends after the data do, nobody is in the population, or a date for a file.
    DataError, ConfigError, ModelError
        A file without its label, or data that are not of the kind the model was trained on.
    """
    date = _date_for(model, data, as_of)
    manifest, stated = model.manifest, data.config.baselines.stated
    notes: list[Note] = []
    same_data = {file["sha256"] for file in data.file_facts()} == {file.sha256 for file in manifest.inputs}
    # what an anchored model keeps is of the whole population it was anchored on, this is of those with an outcome
    if same_data and date == manifest.as_of and manifest.anchored is None and _same_labels(data, manifest):
        rows = restate_baselines(model.baselines, stated=stated, horizon_days=manifest.horizon_days)
        return ComparedBaselines(rows, date, notes)
    if date is not None and same_data and date in manifest.snapshots:
        said = message(
            "the model was trained on {as_of} of these data; its predictions there are not held out", as_of=date
        )
        notes.append(Note(False, said))
    snapshot = data.labelled(date, manifest.horizon_days)
    if snapshot.product_coverage is None:
        said = message("product coverage is not known, so no customer is in the table; name its column in [flat]")
        notes.append(Note(False, said))
    with threads.use_threads(n_threads):
        prediction = model.model.predict(snapshot.features)
    rows = build_baselines(
        snapshot.product_coverage,
        snapshot.churned if snapshot.churned is not None else [],
        prediction.probability,
        stated=stated,
        horizon_days=manifest.horizon_days,
    )
    return ComparedBaselines(rows, date, notes)


def anchor(
    model: storage.StoredModel, data: Data, as_of: timeline.Date | None = None, *, n_threads: int | None = None
) -> storage.StoredModel:
    """Shift a model so that its mean prediction for each number of products is the rate a bank states for it.

    It needs no outcomes: everybody in the population at the date counts, whether or not theirs is known. Give the date
    at which customers will be scored: the means hold there. What speaks against it, `anchoring_warnings` says.

    Parameters
    ----------
    model, data, n_threads
        As for `baselines`; rates are those of the data's configuration.
    as_of
        Date of the population; the one that judged the model by default, left out for a file.

    Raises
    ------
    TimeRangeError
        The date lies too far after the data end, nobody is in the population, or a date for a file.
    DataError
        Product coverage is not known, or nobody holds a number of products that a rate is stated for.
    ConfigError, ModelError
        As for `baselines`.
    """
    date = _date_for(model, data, as_of)
    feature = data.coverage_column
    people, labelled = data.everybody(date, model.manifest.horizon_days)
    with threads.use_threads(n_threads):
        return anchor_model(
            model,
            people,
            labelled=labelled,
            stated=data.config.baselines.stated,
            feature=feature,
            inputs=data.file_facts(),
            where=f"{data.coverage_place}: anchoring",
        )


def anchoring_warnings(model: storage.StoredModel) -> list[Note]:
    """Say what speaks against an anchoring: outcomes, customers left out, few of them; nothing of any other model."""
    anchored = model.manifest.anchored
    if anchored is None:
        return []
    departures = [
        message("{departure}; the model is anchored all the same, see its card", departure=line)
        for line in card.describe_departures(anchored)
    ]
    few = [
        counted(
            "coverage {bucket} is anchored on the mean of 1 customer alone",
            "coverage {bucket} is anchored on the mean of {n} customers alone",
            row.n,
            bucket=str(row.product_coverage),
        )
        for row in anchored.buckets
        if row.taken_from is None and row.n < MIN_ROWS
    ]
    found: list[Said] = [*departures, *card.describe_gaps(anchored), *few]
    return [Note(True, said) for said in found]


def _date_for(model: storage.StoredModel, data: Data, as_of: timeline.Date | None) -> dt.date | None:
    """Hold the data against the model, and return the date to compare at."""
    date = (model.manifest.as_of if data.is_dated else None) if as_of is None else timeline.as_date(as_of)
    data.require_model(model, date)
    return date


def _same_labels(data: Data, manifest: documents.Manifest) -> bool:
    """Whether outcomes are what they were in training: the same parts of the label, up to the same day."""
    ours, theirs = data.facts([]), manifest.data_end
    return ours.get("label") == manifest.label and ours.get("data_end") == (theirs and theirs.isoformat())
