"""The documents of a model folder, typed: the manifest, metrics, baselines and effects.

An attribute has the name of its JSON key, and what a document does not say is None, or empty. The JSON form is made
and read here and nowhere else: what was not given is not written, and what an earlier or later version wrote beside
these is kept as it was.
"""

import datetime as dt
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from churn.config import FlatFile
from churn.errors import ModelError
from churn.estimates import UNKNOWN, Estimate
from churn.timeline import FIRST_YEAR, LAST_YEAR, MOST_DAYS

Interval = Annotated[Estimate, PlainSerializer(lambda estimate: estimate._asdict())]
FORMAT = 1
"""Of the model folder."""
Basis = Literal["stated", "between", "neighbour"]
BaselineVerdict = Literal["agrees", "departs", "too_few", "not_stated"]
SegmentVerdict = Literal["holds", "fails", "too_few"]
Failure = Literal["calibration", "ranking"]
Evidence = Literal["randomised", "observational", "none"]
Verdict = Literal["cuts", "suggests", "no_effect", "raises", "cannot_tell"]

Bucket = Literal[1, 2, 3, 4, "5+"]
"""Of product coverage, as `churn.segments.BUCKETS`."""
Count = Annotated[int, Field(ge=0, le=10**15)]
Share = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=-100, le=100)]
"""Of a probability: an estimate, and so are its ends, which may lie beyond 1."""
LogOdds = Annotated[float, Field(ge=-100, le=100)]
Day = Annotated[dt.date, Field(ge=dt.date(FIRST_YEAR, 1, 1), le=dt.date(LAST_YEAR, 12, 31))]
_MOST_DIGITS = 19

_Read = TypeVar("_Read")
RESTORE = "restore the folder from a copy, or train again"


class Document(BaseModel):
    """Facts that do not change."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """Give the document as JSON values, without what was not given."""
        return self.model_dump(mode="json", exclude_unset=True)

    @classmethod
    def from_json(cls, path: Path, text: str) -> Self:
        """Read the document from the text of its file.

        Raises
        ------
        ModelError
            A key is missing or has a value of another type; with the file and the key.
        """
        return _validated(TypeAdapter(cls), path, text)


class Thresholds(Document):
    """Where risk bands begin: high from `high` on, low below `low`."""

    high: Annotated[float, Field(ge=0)]
    low: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low begins above high")
        return self


class Segment(Document):
    """A model among the customers of one segment, at all judged dates together.

    Attributes
    ----------
    segmentation, value
        As "tier" and "vip". None is who is in no known segment; "other" may stand for the values of few customers.
    n, churned
        Rows, and those of them that left.
    observed
        Rate at which they left, with a 95 % Wilson interval.
    predicted
        Mean predicted probability.
    difference
        `predicted` minus `observed`, above 0 where the prediction is too high.
    roc_auc
        Of all rows together, so that a few leavers at each date are enough.
    p_value
        That `difference` is noise: two-sided, corrected for the number of segments looked at; None with too few.
    verdict
        "too_few" where few customers left, or stayed; else "fails" or "holds".
    failures
        Why it fails; see `churn.evaluation.segments`.
    """

    segmentation: str
    value: str | None
    n: Count
    churned: Count
    observed: Interval
    predicted: float
    difference: Interval
    roc_auc: Interval
    p_value: float | None
    verdict: SegmentVerdict
    failures: tuple[Failure, ...]


class HeldOutFacts(Document):
    """The customers who judged the model.

    Attributes
    ----------
    as_of
        Date of their snapshot; None for a flat file.
    rows, churned, churn_rate
        Customers, how many of them left, and which share.
    without_coverage
        Customers whose product coverage is 0 or unknown.
    segments
        How the judged model did in each group of customers.
    failures
        A sentence for each segment in which it failed.
    """

    as_of: Day | None
    rows: Count
    churned: Count
    churn_rate: Share
    without_coverage: Count
    segments: tuple[Segment, ...] = ()
    failures: tuple[str, ...] = ()


class RiskGroup(Document):
    """Customers of about the same probability.

    Attributes
    ----------
    n
        How many.
    observed
        Share of them who left, in [0, 1].
    probability, low, high
        Means of the probability and of the ends of its interval.
    consistent
        Whether a mean risk within [low, high] explains how many left: with `low` so few are no rarer than one time
        in forty, and with `high` so many are not.
    """

    n: Count
    observed: float
    probability: Share
    low: float
    high: float
    consistent: bool


class IntervalFacts(Document):
    """How intervals of probabilities held; see `churn.evaluation.validity`.

    Attributes
    ----------
    share_consistent
        Share of the groups that are consistent, in [0, 1]; about 0.95 or more where the intervals are true.
    mean_width
        Mean of high - low over customers, in [0, 1], smaller is better among the consistent.
    widening
        By how much either end of the stored intervals was moved, in log-odds, at least 0.
    groups
        By rising probability; tenths of the customers, equal probabilities together.
    """

    share_consistent: Share
    mean_width: Share
    widening: float
    groups: tuple[RiskGroup, ...]


class MonotoneFacts(Document):
    """Where bindings can only lower the risk, and what that cost.

    Attributes
    ----------
    falling, dropped
        Columns held to it, and those left out for it.
    roc_auc, roc_auc_unconstrained
        Held out, with the constraint and without.
    """

    falling: tuple[str, ...]
    dropped: tuple[str, ...]
    roc_auc: float
    roc_auc_unconstrained: Share


class InputFile(Document):
    """A file that was read: of which table, its name, its size and its SHA-256."""

    table: str
    file: str
    bytes: Count
    sha256: str


class TableRows(Document):
    """Rows of a table, and those used and left out."""

    rows: Count
    used: Count
    quarantined: Count


class Population(Document):
    """Customers in a snapshot, and known ones outside it; of these, who had gone in silence before its date."""

    as_of: Day
    customers: Count
    outside: Count
    silently_gone: Count = 0


class AnchoredBucket(Document):
    """How one bucket was anchored.

    Attributes
    ----------
    product_coverage
        The bucket: 1 to 4, or "5+".
    n
        Customers in it.
    target
        The mean rate asked for, at the model's horizon; None outside the first and last stated bucket.
    basis
        "stated"; "between": on the line through the log-odds of the stated neighbours; "neighbour": the shift is
        that of another bucket, since nothing is stated on one side, or nobody is in this bucket.
    taken_from
        That other bucket: the nearest with a shift of its own, of two equally near the one of fewer products.
    shift
        Added to the log-odds.
    predicted_before, predicted
        Mean rate before and after; None where nobody is.
    """

    product_coverage: Bucket
    n: Count
    target: Share | None
    basis: Basis
    taken_from: Bucket | None
    shift: float
    predicted_before: Share | None
    predicted: Share | None


class _Outcomes(Document):
    product_coverage: Bucket
    n: Count
    stated: Share | None
    observed: Share | None
    observed_low: Share | None
    observed_high: Share | None


class BaselineRow(_Outcomes):
    """Stated, observed and predicted churn of the customers of one product coverage.

    Attributes
    ----------
    product_coverage
        The bucket: 1 to 4, or "5+".
    n
        Customers in it.
    stated
        The rate the bank states, at the model's horizon; None where it states none.
    observed, observed_low, observed_high
        The rate at which those of known outcome left, and its 95 % Wilson interval; None where no outcome is known.
    predicted
        Their mean predicted probability; None where nobody is.
    verdict
        Of the stated rate; see `churn.evaluation.baselines`.
    """

    predicted: Share | None
    verdict: BaselineVerdict


class AnchorEvidenceRow(_Outcomes):
    """Outcomes against the rate a bucket was anchored to: as `BaselineRow`, and `target`, the rate asked for."""

    verdict: BaselineVerdict
    target: Share | None


class AnchorEvidence(Document):
    """The bank's own outcomes against the rates a model was anchored to, and at which date they begin."""

    as_of: Day | None
    buckets: tuple[AnchorEvidenceRow, ...]


class Anchored(Document):
    """On whom a model was anchored, and what the bank's own outcomes say of it.

    Attributes
    ----------
    as_of
        Date of the population; None for a flat file.
    rows, labelled
        Customers, and how many of them had a known outcome, which anchoring did not use.
    mean_predicted
        Mean anchored probability of all of them.
    inputs
        The files read, with their hashes.
    buckets
        How each bucket was anchored.
    evidence
        Outcomes against stated rates, of this population where any is known, else of the snapshot that was held out
        in training.
    from_model
        Id of the model as it was trained.
    thresholds_before
        Its risk bands.
    metrics_describe
        Which model `metrics.json` judges.
    """

    as_of: Day | None
    rows: Count
    labelled: Count
    mean_predicted: Share
    inputs: tuple[InputFile, ...]
    buckets: tuple[AnchoredBucket, ...]
    evidence: AnchorEvidence
    from_model: str
    thresholds_before: Thresholds
    metrics_describe: str


class Manifest(Document):
    """The facts of a training: `manifest.json`.

    Attributes
    ----------
    format
        Of the folder.
    model_id
        Of the model's content; see `churn.model.storage.model_id`.
    horizon_days
        Days after the as-of date within which leaving counts.
    as_of
        Date of the snapshot that judged the model; None for a flat file.
    snapshots
        Dates it was fitted on, ascending; none for a flat file.
    out_of_time
        Whether every outcome the judged model learnt from was complete at `as_of`.
    training_rows, training_churn_rate
        Rows the stored model was fitted on, and the share of them that left.
    held_out
        The customers who judged it.
    intervals
        How the intervals of its probabilities held; None for a model without any.
    thresholds
        Of risk bands.
    calibration_method, calibration_chosen, calibration_log_losses
        Of the stored model, of the judged one, and the cross-fitted log loss of each method tried.
    learners
        Names of `churn.model.learners.catalogue`.
    rounds
        Trees.
    seed
        Of the training.
    features
        In the model's order.
    versions
        Of Python and of what results depend on.
    monotone
        Where bindings can only lower the risk; None of a model that is free.
    inputs, row_counts, data_begin, data_end
        The files that were read, the rows of each table, and the first and last day of a bank's data.
    populations
        The customers in each snapshot.
    label, static, flat
        Sections of the configuration that decide what is learnt: what counts as leaving, columns of customers that
        never change, and the description of a flat file.
    tuned_on
        Snapshots (ISO dates; of a flat file its folds) the parameters were chosen on, which cannot judge them.
    anchored
        On whom the model was anchored; None of a model that was not.
    files
        SHA-256 of every other file of the folder; empty before it is written.
    """

    _order: tuple[str, ...] = PrivateAttr(())

    format: int = FORMAT
    model_id: str
    horizon_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    as_of: Day | None
    snapshots: tuple[Day, ...]
    out_of_time: bool
    training_rows: Count
    training_churn_rate: Share
    held_out: HeldOutFacts
    intervals: IntervalFacts | None = None
    thresholds: Thresholds
    calibration_method: str
    calibration_chosen: str | None = None
    calibration_log_losses: dict[str, float]
    learners: tuple[str, ...] = ("lightgbm",)
    rounds: Count
    seed: int
    features: tuple[str, ...]
    versions: dict[str, str]
    monotone: MonotoneFacts | None = None
    inputs: tuple[InputFile, ...] = ()
    row_counts: dict[str, TableRows] = {}
    populations: tuple[Population, ...] = ()
    data_begin: Day | None = None
    data_end: Day | None = None
    label: dict[str, Any] | None = None
    static: tuple[str, ...] = ()
    flat: dict[str, Any] | None = None
    tuned_on: tuple[str, ...] = ()
    anchored: Anchored | None = None
    files: dict[str, str] = {}

    @field_validator("flat")
    @classmethod
    def _describes_a_file(cls, section: dict[str, Any] | None) -> dict[str, Any] | None:
        if section:
            FlatFile.model_validate(section)
        return section

    @classmethod
    def from_json(cls, path: Path, text: str) -> Self:
        """Read the manifest from the text of its file, as `Document.from_json`, and keep the order of its keys."""
        found = super().from_json(path, text)
        found._order = tuple(json.loads(text))
        return found

    def to_json(self) -> dict[str, Any]:
        """Give the manifest as JSON values: keys in the order in which they were read, then what was added."""
        found = super().to_json()
        return {name: found[name] for name in dict.fromkeys((*self._order, *found))}


class Metrics(Document):
    """Held-out metrics, each with its 95 % interval: `metrics.json`.

    Attributes
    ----------
    roc_auc, average_precision, ...
        As in `churn.evaluation.metrics`; None, None, None where a metric was not computed.
    out_of_time
        Whether every outcome the judged model learnt from was complete at the date it was judged at.
    before_anchoring
        Whether the model was anchored after these judged it.
    """

    roc_auc: Interval = UNKNOWN
    average_precision: Interval = UNKNOWN
    log_loss: Interval = UNKNOWN
    brier_score: Interval = UNKNOWN
    ece: Interval = UNKNOWN
    calibration_slope: Interval = UNKNOWN
    calibration_intercept: Interval = UNKNOWN
    top_decile_lift: Interval = UNKNOWN
    top_decile_lift_share: Interval = UNKNOWN
    out_of_time: bool = False
    before_anchoring: bool = False

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Every metric there is, by its name."""
        return {name: value for name, value in self if isinstance(value, Estimate) and name in self.model_fields_set}

    def to_frame(self) -> pd.DataFrame:
        """Give a table: one row per metric, columns `value`, `low` and `high`, NaN where not known."""
        return pd.DataFrame.from_dict(self.estimates, orient="index", columns=list(Estimate._fields), dtype="float64")


class Baselines(tuple[BaselineRow, ...]):
    """Stated, observed and predicted churn by product coverage, one row per bucket: `baselines.json`."""

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """Give a table: one row per bucket, a column for each attribute of `BaselineRow`."""
        return pd.DataFrame(self.to_json(), columns=list(BaselineRow.model_fields))

    def to_json(self) -> list[dict[str, Any]]:
        """Give the rows as JSON values."""
        return [row.to_json() for row in self]

    @classmethod
    def from_json(cls, path: Path, text: str) -> Self:
        """Read the rows from the text of their file, as `Document.from_json`."""
        return cls(_validated(TypeAdapter(tuple[BaselineRow, ...]), path, text))


class Advice(Document, extra="forbid"):
    """The claim about binding a service.

    Attributes
    ----------
    service, verdict, evidence
        As judged by `churn.explanation.verdict`.
    effect, low, high
        Change of the churn probability by binding it, with its 95 % interval; None where not known.
    bands
        The effect by products held, keys of `churn.explanation.effects.BANDS`; empty where the average
        serves for all.
    shifts
        The change of the log-odds that has this mean effect over those who could bind it, and those of the ends of the
        interval: under "all", or by products held under the keys of `bands`. Empty where no effect is claimed, and for
        a model of an earlier release.
    """

    service: str
    verdict: Verdict
    evidence: Evidence
    effect: Change | None
    low: Change | None
    high: Change | None
    bands: dict[str, Change]
    shifts: dict[str, tuple[LogOdds, LogOdds, LogOdds]] = {}


class Effects(Document):
    """The claims about binding each service, and the date up to which customers were seen: `effects.json`."""

    as_of: Day | None
    services: tuple[Advice, ...]


def require_json(texts: Mapping[Path, str]) -> None:
    """Refuse documents that are not JSON, or hold a number that no double or 64-bit integer is.

    Raises
    ------
    ModelError
        The first of them, by its path.
    """
    for path, text in texts.items():
        try:
            json.loads(text, parse_float=_finite, parse_constant=_finite, parse_int=_whole)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{path}: is not JSON; {RESTORE}") from error


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(text)
    return int(text)


def _validated(kind: TypeAdapter[_Read], path: Path, text: str) -> _Read:
    try:
        return kind.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ModelError(f"{path}: {where} is not of this version ({first['msg']}); {RESTORE}") from error
