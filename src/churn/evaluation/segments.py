"""Where a model does not hold: its calibration and ranking among the customers of each tier, branch, age band, ..."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.estimates import Estimate, around, clustered_error, normal_p_value, share_of
from churn.evaluation.backtest import Judged
from churn.evaluation.ranking import clustered_auc
from churn.model.documents import Failure, Segment
from churn.segments import OTHER
from churn.speech import Message, Number, Percent, joined, message

Floats = NDArray[np.float64]
MIN_CUSTOMERS = 10
"""With fewer who left, or fewer who stayed, there is no verdict: the standard error of an AUC of 0.7 is then 0.09 or
more, and neither it nor a rate is near enough to normal for its interval to mean what it says."""
CALIBRATION_POINTS = 0.05
"""A smaller difference of predicted and observed rate is not a failure, however certain: the rates that banks state for
neighbouring numbers of products lie ten points and more apart, so that a segment off by less than half of that is
still taken for the kind of customer it is."""
RANKING_FLOOR = 0.55
"""An AUC below it is hardly a ranking: with normal scores it is a distance of 0.18 standard deviations between leavers
and stayers, and the tenth predicted highest holds at most 14 % of the leavers, where chance finds 10 %."""
SIGNIFICANCE = 0.05
MAX_VALUES = 20
"""More values of one segmentation are not listed one by one; a bank can have 500 branches."""


def evaluate_segments(judged: Judged, model: str) -> list[Segment]:
    """Evaluate a model in every segment of every segmentation.

    All standard errors are of sums over customers (Liang and Zeger 1986, https://doi.org/10.1093/biomet/73.1.13), so
    that a customer seen at several dates is not taken for several. The observed rate has the interval of Wilson 1927,
    https://doi.org/10.1080/01621459.1927.10502953, at the number of rows that would leave as much noise if they were
    of as many customers (Korn and Graubard 1998); the difference has a normal one; the AUC that of `clustered_auc`.
    p-values are corrected over all segments that have enough customers: Holm 1979, https://www.jstor.org/stable/4615733.

    A segment has no verdict ("too_few") where fewer than `MIN_CUSTOMERS` customers left, or stayed. Else it fails for
    "calibration" where the corrected p-value is below `SIGNIFICANCE` and the difference at least `CALIBRATION_POINTS`;
    for "ranking" where the interval of the AUC lies below `RANKING_FLOOR`, as that of a constant prediction does (0.5
    to 0.5). `OTHER` stands for all values but the `MAX_VALUES` largest, and the bank's own value of that name, if it
    has one.

    Parameters
    ----------
    judged
        The rows, and the segments they are in.
    model
        One of `judged.models`.

    Returns
    -------
    list of Segment
        Segmentation by segmentation; within one by value, `OTHER` and None last.

    Examples
    --------
    >>> judged = Judged(
    ...     as_of=np.full(200, np.datetime64("NaT", "D")),
    ...     customer_id=np.arange(200).astype(str).astype(object),
    ...     churned=np.array([0, 0, 0, 1] * 50),
    ...     predicted={"champion": np.array([0.2, 0.2, 0.2, 0.4] * 25 + [0.5, 0.6, 0.5, 0.6] * 25)},
    ...     segments=pd.DataFrame({"tier": ["mass"] * 100 + ["vip"] * 100}),
    ... )
    >>> found = evaluate_segments(judged, "champion")
    >>> [(segment.value, round(segment.difference.value, 3), segment.verdict) for segment in found]
    [('mass', 0.0, 'holds'), ('vip', 0.3, 'fails')]
    """
    found = [
        _segment(judged, model, str(segmentation), value, rows)
        for segmentation, labels in judged.segments.items()
        for value, rows in _members(labels)
    ]
    enough = [number for number, segment in enumerate(found) if segment.verdict != "too_few"]
    corrected = _holm(np.array([found[number].p_value for number in enough], dtype=np.float64))
    for number, p_value in zip(enough, corrected.tolist(), strict=True):
        found[number] = _judge(found[number], p_value)
    return found


def name_failures(segments: Sequence[Segment]) -> list[Message]:
    r"""Say of each failing segment what fails there.

    Parameters
    ----------
    segments
        From `evaluate_segments`.

    Examples
    --------
    >>> from churn.speech import say
    >>> vip = Segment(
    ...     segmentation="tier", value="vip", n=100, churned=25, observed=Estimate(0.25, 0.18, 0.34), predicted=0.55,
    ...     difference=Estimate(0.3, 0.22, 0.38), roc_auc=Estimate(0.67, 0.58, 0.75), p_value=1e-9,
    ...     verdict="fails", failures=("calibration",),
    ... )
    >>> [say(one, "en") for one in name_failures([vip])]
    ['tier vip (n = 100): 55.0\u202f% predicted and 25.0\u202f% observed, 30.0 points too high (22.0 to 38.0).']
    """
    return [
        message(
            "{segmentation} {value} (n = {n}): {reasons}.",
            segmentation=segment.segmentation,
            value=message("not known") if segment.value is None else segment.value,
            n=segment.n,
            reasons=joined([_reason(segment, failure) for failure in segment.failures], "semicolons"),
        )
        for segment in segments
        if segment.failures
    ]


def _members(labels: "pd.Series[Any]") -> Iterator[tuple[str | None, NDArray[np.bool_]]]:
    """Which rows are in each segment, in the order of values, the rest and the unknown last."""
    known = labels.notna().to_numpy()
    values = labels[known].astype(str)
    largest = values.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:MAX_VALUES]
    named = np.full(len(labels), None, dtype=object)
    named[known] = values.where(values.isin(largest), OTHER).to_numpy()
    for value in sorted({*named[known]}, key=lambda value: (value == OTHER, value)):
        yield value, named == value
    if not known.all():
        yield None, ~known


def _segment(judged: Judged, model: str, segmentation: str, value: str | None, rows: NDArray[np.bool_]) -> Segment:
    y, p, owner = judged.churned[rows], judged.predicted[model][rows], judged.customers[rows]
    left, stayed = len(np.unique(owner[y == 1])), len(np.unique(owner[y == 0]))
    too_few = min(left, stayed) < MIN_CUSTOMERS
    difference, error = float(np.mean(p - y)), clustered_error(p - y, owner)
    return Segment(
        segmentation=segmentation,
        value=value,
        n=len(y),
        churned=int(y.sum()),
        observed=_observed(y, owner),
        predicted=float(p.mean()),
        difference=around(difference, error),
        roc_auc=clustered_auc(y, p, owner).estimate,
        p_value=None if too_few or error is None else normal_p_value(difference, error),
        verdict="too_few" if too_few else "holds",
        failures=(),
    )


def _judge(segment: Segment, p_value: float) -> Segment:
    failures: list[Failure] = []
    if p_value < SIGNIFICANCE and abs(segment.predicted - segment.churned / segment.n) >= CALIBRATION_POINTS:
        failures.append("calibration")
    if segment.roc_auc.high is not None and segment.roc_auc.high < RANKING_FLOOR:
        failures.append("ranking")
    judged = {"p_value": p_value, "verdict": "fails" if failures else "holds", "failures": tuple(failures)}
    return segment.model_copy(update=judged)


def _observed(y: NDArray[np.int64], owner: NDArray[np.int64]) -> Estimate:
    """Give the share who left, with Wilson's interval at the number of rows that their customers are worth."""
    rate, n_customers, error = float(y.mean()), len(np.unique(owner)), clustered_error(y, owner)
    n = rate * (1 - rate) / error**2 * n_customers / (n_customers - 1) if error else float(n_customers)
    return share_of(rate * n, n)._replace(value=rate)


def _holm(p_values: Floats) -> Floats:
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _reason(segment: Segment, failure: Failure) -> Message:
    if failure == "ranking":
        area: dict[str, Any] = {name: Number(value, digits=2) for name, value in segment.roc_auc._asdict().items()}
        return message("hardly ranked, ROC-AUC {value} ({low} to {high})", **area)
    value, low, high = (100 * number for number in segment.difference if number is not None)
    if value < 0:
        value, low, high = -value, -high, -low
    observed = segment.churned / segment.n
    points = {name: Number(found, digits=1) for name, found in (("points", value), ("low", low), ("high", high))}
    facts: dict[str, Any] = {"predicted": Percent(segment.predicted), "observed": Percent(observed), **points}
    if segment.predicted > observed:
        return message(
            "{predicted} predicted and {observed} observed, {points} points too high ({low} to {high})", **facts
        )
    return message("{predicted} predicted and {observed} observed, {points} points too low ({low} to {high})", **facts)
