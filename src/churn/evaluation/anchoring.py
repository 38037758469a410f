"""A stored model anchored to the stated rates, and held against the bank's own outcomes."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn import errors, frame, segments, timeline
from churn.evaluation.baselines import build_baselines
from churn.model import anchoring, documents, fitted, storage
from churn.model.card import render_card

Floats = NDArray[np.float64]


class _Population(NamedTuple):
    """Customers at one date; `probability` is not anchored, `churned` is NaN where not known."""

    as_of: dt.date | None
    coverage: Floats
    probability: Floats
    churned: Floats


def anchor_model(
    stored: storage.StoredModel,
    snapshots: Iterable[frame.Snapshot],
    *,
    stated: Mapping[Any, float],
    labelled: frame.Snapshot | None = None,
    feature: str = anchoring.TABLE_COVERAGE,
    inputs: Sequence[Mapping[str, Any]] = (),
    where: str = "anchoring",
) -> storage.StoredModel:
    """Anchor a stored model to stated rates on a population, and rewrite what is kept with it.

    Outcomes are not used for it. `baselines` become those of the anchored model on this population. `metrics` stay
    as they were, marked ``"before_anchoring"``: the predictions they judged are not kept. A model anchored before is
    anchored anew, from its calibrated probabilities.

    Parameters
    ----------
    stored
        The model.
    snapshots
        The population in parts, all of one date.
    stated
        A year's churn by bucket, keys "1" to "4" and "5+".
    labelled
        Those of the population whose outcome is known, for the warning where outcomes contradict the stated rates;
        without it, outcomes kept from training serve.
    feature
        The model's column that holds the product coverage.
    inputs
        The files the population was read from, for the manifest.
    where
        What a message about the population begins with.

    Raises
    ------
    DataError
        A customer's product coverage is in no column, or nobody is in a bucket with a target.
    ModelError
        `feature` is not a numeric column of the model, or the features are not the model's.
    """
    bare = replace(stored.model, anchoring=None)
    people = _population(bare, snapshots, labelled, where)
    horizon_days = stored.manifest.horizon_days
    fit = anchoring.fit_anchoring(
        people.probability, people.coverage, stated, horizon_days, feature=feature, where=where
    )
    after = fit.anchoring.apply(people.probability, people.coverage)
    known, before = ~np.isnan(people.churned), stored.manifest.anchored
    anchored = documents.Anchored(
        as_of=people.as_of,
        rows=len(after),
        labelled=int(known.sum()),
        mean_predicted=float(after.mean()),
        inputs=tuple(documents.InputFile.model_validate(one) for one in inputs),
        buckets=fit.buckets,
        evidence=_evidence(stored, people, stated, fit.buckets),
        from_model=fitted.model_id(bare),
        thresholds_before=before.thresholds_before if before else stored.manifest.thresholds,
        metrics_describe="the model before anchoring",
    )
    model = replace(bare, anchoring=fit.anchoring)
    # another model, with other risk bands; all else is still the training's
    own = {"model_id": fitted.model_id(model), "thresholds": storage.risk_thresholds(anchored.mean_predicted)}
    manifest = stored.manifest.model_copy(update={**own, "anchored": anchored})
    metrics = stored.metrics.model_copy(update={"before_anchoring": True})
    baselines = build_baselines(people.coverage, people.churned, after, stated=stated, horizon_days=horizon_days)
    card = render_card(manifest, metrics, baselines)
    return replace(stored, model=model, manifest=manifest, metrics=metrics, baselines=baselines, card=card)


def _population(
    model: fitted.FittedModel, snapshots: Iterable[frame.Snapshot], labelled: frame.Snapshot | None, where: str
) -> _Population:
    outcome = pd.Series(dtype=np.float64)
    if labelled is not None and labelled.churned is not None:
        outcome = pd.Series(labelled.churned.astype(np.float64), index=labelled.customer_id)
    parts = [_read(model, snapshot, outcome, where) for snapshot in snapshots]
    if not parts:
        raise errors.DataError(f"{where}: there is nobody to anchor on; give a date inside the data")
    return _Population(
        as_of=parts[0].as_of,
        coverage=np.concatenate([part.coverage for part in parts]),
        probability=np.concatenate([part.probability for part in parts]),
        churned=np.concatenate([part.churned for part in parts]),
    )


def _read(model: fitted.FittedModel, snapshot: frame.Snapshot, outcome: "pd.Series[float]", where: str) -> _Population:
    if snapshot.product_coverage is None:
        raise errors.DataError(f"{where}: product coverage is not known; name its column as coverage in [flat]")
    return _Population(
        as_of=snapshot.as_of,
        coverage=snapshot.product_coverage.astype(np.float64),
        probability=model.predict(snapshot.features).probability,
        churned=np.asarray(outcome.reindex(snapshot.customer_id), dtype=np.float64),
    )


def _evidence(
    stored: storage.StoredModel,
    people: _Population,
    stated: Mapping[Any, float],
    buckets: Sequence[documents.AnchoredBucket],
) -> documents.AnchorEvidence:
    """Outcomes against the rates anchored to now: this population's, else those that judged the training.

    `target` is the rate asked for; where none is asked for, what the shift of another bucket led to.
    """
    known = ~np.isnan(people.churned)
    if known.any():
        as_of, coverage, churned = people.as_of, people.coverage[known], people.churned[known]
    else:
        as_of, coverage, churned = _kept_outcomes(stored)
    horizon_days = stored.manifest.horizon_days
    annual = {str(row.product_coverage): _annual_rate(row, stated, horizon_days) for row in buckets}
    asked = {name: rate for name, rate in annual.items() if rate is not None}
    found = build_baselines(coverage, churned, churned, stated=asked, horizon_days=horizon_days)
    rows = tuple(
        documents.AnchorEvidenceRow(
            **row.model_dump(exclude={"predicted", "stated"}),
            stated=row.stated if str(row.product_coverage) in stated else None,
            target=row.stated,
        )
        for row in found
    )
    return documents.AnchorEvidence(as_of=as_of, buckets=rows)


def _annual_rate(row: documents.AnchoredBucket, stated: Mapping[Any, float], horizon_days: int) -> float | None:
    """Return the year's churn that a bucket is anchored to, under a constant hazard as `stated_rate_at`."""
    name = str(row.product_coverage)
    if name in stated:
        return stated[name]
    rate = row.predicted if row.target is None else row.target
    return None if rate is None else 1 - (1 - rate) ** (timeline.YEAR_DAYS / horizon_days)


def _kept_outcomes(stored: storage.StoredModel) -> tuple[dt.date | None, Floats, Floats]:
    """Coverage and outcome of each customer that a kept comparison counted; rates stated since may differ."""
    anchored = stored.manifest.anchored
    as_of = anchored.evidence.as_of if anchored else stored.manifest.as_of
    rows: Sequence[documents.BaselineRow | documents.AnchorEvidenceRow] = (
        anchored.evidence.buckets if anchored else stored.baselines
    )
    coverage = np.repeat(np.arange(1.0, len(segments.BUCKETS) + 1), [row.n for row in rows])
    churned = [np.arange(row.n) < round((row.observed or 0) * row.n) for row in rows]
    return as_of, coverage, np.concatenate(churned).astype(np.float64)
