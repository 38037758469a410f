"""Opened data: customers with features, perhaps outcomes, at dates or at none.

A flat file is a bank with one snapshot that has no date. Their differences stand in `Bank` and `CustomerFile`
and nowhere else.
"""

import datetime as dt
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import narwhals as nw

from churn import frame, timeline
from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError, TimeRangeError
from churn.evidence import Evidence, gather_evidence, outcome_date, undated_evidence
from churn.features.catalogue import lost_features
from churn.features.feature import Feature
from churn.frame import Snapshot
from churn.labels import silent_known
from churn.model import anchoring, split
from churn.model.storage import StoredModel
from churn.speech import Name, Said, joined, message, say
from churn.tables import checking, contract, reading, sources
from churn.tables.bank import BankTables
from churn.tables.checking import Checked, Finding, LeftOut, Note, RowCount
from churn.tables.flat import FlatTable
from churn.timeline import MOST_SNAPSHOTS, Date, Tables, as_date, in_batches

PARTITION_SIZE = 50_000
"""Customers held in memory at a time while a file is scored."""
_NAMED = 3
"""Features named of those lost with a table."""
OnStep = Callable[[str], None]
_log = logging.getLogger(__name__)


def say_nothing(step: str) -> None:
    """Keep quiet about what begins next."""
    del step


@dataclass(frozen=True, repr=False, kw_only=True)
class Snapshots:
    """Labelled customers to learn from, and what a model keeps of where they come from.

    To be gone through, counted and indexed like a list of `churn.frame.Snapshot`, ascending by date; a flat file has
    one, without a date.

    Attributes
    ----------
    dated
        The snapshots.
    horizon_days
        Days after its date within which leaving counts.
    config
        The settings of the data.
    judging
        How models of them are judged.
    facts
        Facts for the manifest of a model: files with hashes, row counts, populations.
    catalogue
        The features of the data.
    evidence
        The evidence that effects of bindings are estimated from; None where the data have no bindings.
    """

    dated: tuple[Snapshot, ...]
    horizon_days: int
    config: Config
    judging: split.Judging
    catalogue: tuple[Feature, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence | None = None

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.dated)

    def __len__(self) -> int:
        return len(self.dated)

    def __getitem__(self, at: int) -> Snapshot:
        return self.dated[at]

    def __repr__(self) -> str:
        n_rows = sum(len(one.customer_id) for one in self)
        n_left = sum(0 if one.churned is None else int(one.churned.sum()) for one in self)
        when = f"{self[0].as_of} to {self[-1].as_of}" if self[0].as_of else "no date"
        share = f"{100 * n_left / max(n_rows, 1):.1f}\u202f% left within {self.horizon_days} days"
        return f"<Snapshots: {len(self)}, {when}; {n_rows:,} rows, {share}>"


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Data(ABC):
    """Customers, opened and checked: a bank's tables, or one flat file.

    Made by `open_bank`, `open_file` or `open_data`. Whatever a flat file cannot give is refused with a `DataError` or
    `TimeRangeError` that says so.

    Attributes
    ----------
    config
        The settings it was opened with; those of a file describe it in `flat`.
    checked
        The tables behind it.
    catalogue
        The features and what each is; of a file, its own columns.
    has_bindings
        Whether services bound are recorded, so that their effects can be asked for.
    has_outcomes
        Whether the data say which customers left.
    is_dated
        Whether customers are seen at dates.
    """

    config: Config
    checked: Checked
    catalogue: tuple[Feature, ...]
    has_bindings: bool
    has_outcomes: bool = True
    is_dated: ClassVar[bool]
    _coverage_table: ClassVar[str]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.n_customers:,} customers>"

    @property
    def findings(self) -> Sequence[Finding]:
        """Broken rules and warnings."""
        return self.checked.findings

    @property
    def is_ok(self) -> bool:
        """Whether no row had to be left out."""
        return self.checked.is_ok

    @property
    def row_counts(self) -> Mapping[str, RowCount]:
        """Rows = used + quarantined, of each table."""
        return self.checked.row_counts

    @property
    def n_customers(self) -> int:
        """Customers with a usable row, whether or not they are in the population at a date."""
        return self.row_counts[next(iter(self.checked.raws))].used

    @property
    def paths(self) -> list[Path]:
        """The files that were read."""
        return self.checked.paths

    @property
    def lost_features(self) -> Mapping[str, list[str]]:
        """The features that are lost with each table that is not there."""
        return lost_features(self.checked.raws, self.catalogue)

    def notes(self) -> list[Note]:
        """Say what was ignored, left out, or lost with tables that are not there."""
        notes = checking.list_notes(self.checked, self.config)
        meanings = {feature.name: feature.meaning for feature in self.catalogue}
        for table, lost in self.lost_features.items():
            # in English a feature goes by its own name, as in every file
            named = [Name(name, say(meanings[name], "zh")) for name in lost[:_NAMED]]
            names: Said = joined(named, "list")
            names = message("{names}, …", names=names) if len(lost) > _NAMED else names
            said = message(
                "{table}: not there, so {n} features are left out ({names})",
                table=checking.TABLES[table],
                n=len(lost),
                names=names,
            )
            notes.append(Note(True, said))
        return notes

    def quarantine(self) -> Iterator[LeftOut]:
        """Yield every row left out: table, file name, row in that file (from 1), column (may be empty), rule."""
        return self.checked.quarantine()

    def file_facts(self) -> list[reading.FileFact]:
        """Describe every input file as it was read: table, name, bytes, sha256."""
        return self.checked.file_facts()

    def input_facts(self) -> dict[str, Any]:
        """Return what a manifest keeps of the input: `inputs`, files with hashes, and `row_counts` of every table."""
        counts = {name: asdict(count) for name, count in self.row_counts.items()}
        return {"inputs": self.file_facts(), "row_counts": counts}

    def has(self, table: str) -> bool:
        """Whether the bank handed over that table."""
        return table in self.checked.raws

    def column_is_there(self, table: str, column: str) -> bool:
        """Whether the bank handed over that column of that table."""
        return self.has(table) and column in self.checked.raws[table].columns

    def classes_known(self, as_of: dt.date | None) -> bool | None:
        """Whether an account opened before a date is recorded as of class 1: else nobody can be said to lack one.

        None without accounts.
        """
        if as_of is None or not self.has("holdings"):
            return None
        day = contract.to_days(as_of)
        is_known = (nw.col("account_class") == nw.lit("1")) & (nw.col("opened_on") < day)
        found = self.tables()["holdings"].filter(is_known).select("customer_id").head(1)
        return len(found.collect(backend="pyarrow")) > 0

    @property
    def data_begin(self) -> dt.date:
        """The first day of the data; refused for a file, which has no dates."""
        return self._period()[0]

    @property
    def data_end(self) -> dt.date:
        """The last day of the data; refused for a file, which has no dates."""
        return self._period()[1]

    @abstractmethod
    def tables(self, lacks: str = "has no tables") -> Tables:
        """Return a bank's tables as lazy frames, dates as days and money as cents.

        Parameters
        ----------
        lacks
            The part a flat file does not have, in the message about it.

        Raises
        ------
        DataError
            It is a flat file.
        """

    def require_model(self, model: StoredModel, as_of: dt.date | None, *, use: str = "explain") -> None:
        """Refuse a model that was trained on other data than such, and a date where there can be none, or none is.

        Parameters
        ----------
        use
            The purpose at the date: "score" or "explain".

        Raises
        ------
        DataError
            The model was trained on a flat file, and these are tables.
        TimeRangeError
            A date is missing, or given for a flat file.
        ConfigError
            The model was trained with other unchanging columns, or without a binding of the file.
        """
        require_fit(model, self.config, as_of, where="bank", use=use)

    def labelled(self, as_of: dt.date | None, horizon_days: int) -> Snapshot:
        """Build the labelled customers at a date; of a file all, at none.

        Where the bank keeps its own labels, those who have one.

        Raises
        ------
        TimeRangeError
            The horizon ends after the data do (with the bank's own labels: `as_of` lies too far after them), or nobody
            is in the population.
        DataError
            A file without its label.
        """
        return self._labelled_at([as_of], horizon_days)[0]

    def partitions(self, as_of: dt.date | None) -> Iterator[Snapshot]:
        """Yield the population at a date, or the customers of a file, in partitions sorted by id.

        Raises
        ------
        TimeRangeError
            `as_of` lies too far after the data end, or nobody is in the population.
        """
        date = self._require_date(as_of)
        found = False
        for between in self.checked.ranges(PARTITION_SIZE):
            part = self._part(date, between)
            if len(part.customer_id):
                found = True
                yield part
        if not found:
            raise TimeRangeError(
                f"--as-of {date}: nobody is a customer at that date; the data run from {self.data_begin} to"
                f" {self.data_end}, give a date inside"
            )

    def everybody(self, as_of: dt.date | None, horizon_days: int) -> tuple[Iterable[Snapshot], Snapshot | None]:
        """Give the population in parts, with or without a recorded outcome, and those with one, if any.

        Raises
        ------
        TimeRangeError
            As for `partitions`.
        """
        try:
            labelled = self.labelled(as_of, horizon_days) if self.has_outcomes else None
        except TimeRangeError:
            labelled = None
        # a file's own label, and a bank's own labels, may be of some customers only; otherwise everybody has one
        is_whole = self.is_dated and not self.has("labels")
        return [labelled] if labelled and is_whole else self.partitions(as_of), labelled

    @property
    @abstractmethod
    def coverage_column(self) -> str:
        """The feature that holds the product coverage.

        Raises
        ------
        DataError
            A flat file whose configuration names none, or drops it.
        """

    @property
    def coverage_place(self) -> str:
        """Where numbers of products are read, for messages about them."""
        return sources.describe(self.checked.raws[self._coverage_table].sources)

    def customer(self, customer_id: str, as_of: dt.date | None) -> Snapshot:
        """Build the features of one customer, without a label.

        Raises
        ------
        DataError
            The customer is not in the population at that date, or not in the file.
        TimeRangeError
            `as_of` lies too far after the data end.
        """
        date = self._require_date(as_of)
        found = self._part(date, (customer_id, customer_id))
        if not len(found.customer_id):
            where = "is in the file; check the id"
            if date:
                where = (
                    f"is a customer at {date}; check the id, or whether the relationship had begun, and not ended"
                    " or lost its assets, by then"
                )
            raise DataError(f"--customer: nobody of that id {where}")
        return found

    def evidence(self, as_of: dt.date | None, horizon_days: int, *, on_step: OnStep = say_nothing) -> Evidence:
        """Gather what effects of bindings are estimated from: the latest outcomes up to a date, and all offers.

        Raises
        ------
        DataError
            There are no bindings; of a file, no label.
        TimeRangeError
            No outcome is recorded up to that date.
        """
        date = self._outcome_date(as_of, horizon_days)
        if date:
            on_step(f"reading outcomes of {date}, and randomised offers")
        return self._evidence_of(self.labelled(date, horizon_days), horizon_days)

    @abstractmethod
    def count_silently_gone(self, as_of: dt.date | None) -> int:
        """Count who would be in the population at a date had silent attrition not taken them before; 0 of a file."""

    @abstractmethod
    def facts(self, dated: Sequence[Snapshot]) -> dict[str, Any]:
        """Return what a manifest keeps of snapshots besides the input: who was in them, and by which settings."""

    @abstractmethod
    def _period(self) -> tuple[dt.date, dt.date]:
        """Return the first and the last day of the data."""

    @abstractmethod
    def _choose_dates(self, given: list[dt.date], horizon_days: int, most: int) -> Sequence[dt.date | None]:
        """Return the dates asked for, or by default at most so many that suit, ascending; of a file, None alone."""

    @abstractmethod
    def _require_date(self, as_of: dt.date | None) -> dt.date | None:
        """Return a date the features can be built at; None, and nothing else, for a file."""

    @abstractmethod
    def _outcome_date(self, as_of: dt.date | None, horizon_days: int) -> dt.date | None:
        """Return the last date up to `as_of` whose outcomes are recorded; None, and nothing else, for a file."""

    @abstractmethod
    def _labelled_at(self, dates: Sequence[dt.date | None], horizon_days: int) -> list[Snapshot]:
        """Build the labelled customers at each of a few dates."""

    @abstractmethod
    def _part(self, as_of: dt.date | None, between: tuple[str, str]) -> Snapshot:
        """Build the unlabelled customers whose id lies in that closed range; nobody may be in it."""

    @abstractmethod
    def _evidence_of(self, latest: Snapshot, horizon_days: int) -> Evidence:
        """Gather the evidence of a snapshot that is built already."""

    @abstractmethod
    def _judging(self, horizon_days: int) -> split.Judging:
        """Say how models of these customers are judged."""

    def snapshots(
        self,
        dates: Iterable[Date] | None = None,
        horizon_days: int = 365,
        *,
        most: int = MOST_SNAPSHOTS,
        with_evidence: bool = True,
        on_step: OnStep = say_nothing,
    ) -> Snapshots:
        """Build the labelled snapshots to train on or to compare models by; nothing of them needs the data open.

        Parameters
        ----------
        dates
            At which to look, in any order; by default the last with a complete label and back every 92 days, or those
            of the bank's own labels. A file has none.
        horizon_days
            Days after its date within which leaving counts, at least 1; of a file, what its label covers.
        most
            Snapshots by default.
        with_evidence
            Also gather what effects of bindings are estimated from.
        on_step
            Told what begins next.

        Raises
        ------
        TimeRangeError
            A horizon that ends after the data do, a history that is too short, or dates for a file.
        DataError
            A file without its label.
        """
        given = sorted({as_date(date) for date in dates or ()})
        dated: list[Snapshot] = []
        for some in in_batches(self._choose_dates(given, horizon_days, most), self.n_customers):
            for date in some:
                if date is not None:
                    on_step(f"building the snapshot of {date}")
            dated += self._labelled_at(some, horizon_days)
        evidence = None
        if with_evidence and self.has_bindings:
            on_step("reading bindings and offers")
            evidence = self._evidence_of(dated[-1], horizon_days)
        return Snapshots(
            dated=tuple(dated),
            horizon_days=horizon_days,
            config=self.config,
            catalogue=self.catalogue,
            facts=self.input_facts() | self.facts(dated),
            evidence=evidence,
            judging=self._judging(horizon_days),
        )


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Bank(Data):
    """A bank's checked tables, which show customers at any date inside them."""

    checked: BankTables
    is_dated = True
    _coverage_table = "holdings"

    def tables(self, lacks: str = "") -> Tables:  # noqa: ARG002 (nothing is lacking)
        """Return the tables as lazy frames."""
        return self.checked.frames()

    @property
    def coverage_column(self) -> str:
        """The feature of that name."""
        return anchoring.TABLE_COVERAGE

    def count_silently_gone(self, as_of: dt.date | None) -> int:
        """Count who would be in the population at a date had silent attrition not taken them before."""
        return self._silently_gone([self._require_date(as_of)])[0]

    def _silently_gone(self, dates: Sequence[dt.date]) -> list[int]:
        seen = timeline.Seen(self.tables(), [contract.to_days(date) for date in dates])
        return list(timeline.count_silently_gone(seen).values())

    def facts(self, dated: Sequence[Snapshot]) -> dict[str, Any]:
        """Return populations, the period of the data, and the settings of label and features."""
        gone = self._silently_gone([require_given(one.as_of) for one in dated])
        rows = [
            {
                "as_of": str(one.as_of),
                "customers": len(one.customer_id),
                "outside": self.n_customers - len(one.customer_id),
                "silently_gone": n_gone,
            }
            for one, n_gone in zip(dated, gone, strict=True)
        ]
        return {
            "populations": rows,
            "data_begin": self.data_begin.isoformat(),
            "data_end": self.data_end.isoformat(),
            "label": self.config.label.model_dump(),
            "static": list(self.config.customers.static),
        }

    def _period(self) -> tuple[dt.date, dt.date]:
        return self.checked.data_begin, self.checked.data_end

    def _choose_dates(self, given: list[dt.date], horizon_days: int, most: int) -> list[dt.date]:
        if self.has("labels"):
            return given or timeline.labelled_snapshots(self.tables(), most=most)
        if given:
            timeline.require_complete(given, self.data_end, horizon_days)
            return given
        return timeline.default_snapshots(*self._period(), horizon_days, most=most)

    def _require_date(self, as_of: dt.date | None) -> dt.date:
        date = require_given(as_of)
        timeline.require_within(date, self.data_end)
        return date

    def _labelled_at(self, dates: Sequence[dt.date | None], horizon_days: int) -> list[Snapshot]:
        given = [require_given(date) for date in dates]
        if self.has("labels"):
            for date in given:
                timeline.require_within(date, self.data_end)
        else:
            timeline.require_complete(given, self.data_end, horizon_days)
        self._require_some_part(given, horizon_days)
        snapshots = frame.build_labelled(self.tables(), given, horizon_days, self.config)
        for one in snapshots:
            if not len(one.customer_id):
                raise TimeRangeError(
                    f"--as-of {one.as_of}: nobody has a label at that date; give a date inside the data"
                )
        return snapshots

    def _outcome_date(self, as_of: dt.date | None, horizon_days: int) -> dt.date:
        if not self.has_bindings:
            raise DataError("table bindings is missing: without it no binding can be explained; add it")
        return outcome_date(self.tables(), require_given(as_of), horizon_days, self.data_end)

    def _part(self, as_of: dt.date | None, between: tuple[str, str]) -> Snapshot:
        return frame.build_snapshot(self.checked.frames(between), require_given(as_of), self.config)

    def _evidence_of(self, latest: Snapshot, horizon_days: int) -> Evidence:
        return gather_evidence(self.tables(), latest, horizon_days, self.data_end, self.config)

    def _judging(self, horizon_days: int) -> split.Judging:
        return split.OutOfTime(horizon_days, self.config.training.embargo_days)

    def _require_some_part(self, dates: Sequence[dt.date], horizon_days: int) -> None:
        """Warn where silent attrition cannot be seen, and refuse when nothing else was asked for."""
        settings = self.config.label
        if self.has("labels") or not settings.silent:
            return
        holds = "pnl lacks a month-end of the horizon that it needs, or the horizon is too short"
        why = holds if self.has("pnl") else "there is no pnl table"
        days = {contract.to_days(date): date for date in dates}
        known = silent_known(timeline.Seen(self.tables(), list(days)), horizon_days, settings)
        for as_of in (date for day, date in days.items() if day not in known):
            if not (settings.closed or settings.holdings):
                raise TimeRangeError(f"--as-of {as_of}: silent attrition is the only label asked for, and {why}")
            _log.warning("as of %s: silent attrition is not part of the label, since %s", as_of, why)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class CustomerFile(Data):
    """A checked flat file, already one row per customer; `flat` describes it."""

    checked: FlatTable
    flat: FlatFile
    is_dated = False
    _coverage_table = "flat"

    def tables(self, lacks: str = "has no tables") -> Tables:
        """Refuse to give what a file does not have."""
        raise DataError(f"{self.paths[0]}: a flat file {lacks}; give the folder of the bank's tables")

    def _labelled_at(self, dates: Sequence[dt.date | None], horizon_days: int) -> list[Snapshot]:  # noqa: ARG002 (as the label)
        for date in dates:
            self._require_date(date)
        rows = self.checked.rows()
        if rows.churned is None:
            raise DataError(
                f"{self.paths[0]}: without the label {self.flat.label} there is nothing to learn from; add it"
            )
        known = rows.churned.notna()
        found = frame.build_undated(
            rows.customer_id[known], rows.features[known], rows.churned[known], self.flat.coverage
        )
        return [found]

    @property
    def coverage_column(self) -> str:
        """The column the configuration names."""
        name = self.flat.coverage
        if name is None or name in self.flat.drop:
            raise DataError(
                f"{self.paths[0]}: product coverage is not known; name its column as coverage in [flat], and keep it"
            )
        return name

    def count_silently_gone(self, as_of: dt.date | None) -> int:  # noqa: ARG002 (it says nothing of assets over time)
        """Count nobody."""
        return 0

    def facts(self, dated: Sequence[Snapshot]) -> dict[str, Any]:  # noqa: ARG002 (of whom it says nothing)
        """Return what describes the file."""
        return {"flat": self.flat.model_dump(mode="json")}

    def _period(self) -> tuple[dt.date, dt.date]:
        raise _no_time()

    def _choose_dates(self, given: list[dt.date], horizon_days: int, most: int) -> list[None]:  # noqa: ARG002 (the label's)
        if given:
            raise _no_time()
        return [None]

    def _require_date(self, as_of: dt.date | None) -> None:
        if as_of is not None:
            raise _no_time()

    def _outcome_date(self, as_of: dt.date | None, horizon_days: int) -> None:  # noqa: ARG002 (the label's)
        self._require_date(as_of)

    def _part(self, as_of: dt.date | None, between: tuple[str, str]) -> Snapshot:  # noqa: ARG002 (it has none)
        rows = self.checked.rows(between)
        return frame.build_undated(rows.customer_id, rows.features, None, self.flat.coverage)

    def _evidence_of(self, latest: Snapshot, horizon_days: int) -> Evidence:  # noqa: ARG002 (the label's)
        return undated_evidence(latest)

    def _judging(self, horizon_days: int) -> split.Judging:  # noqa: ARG002 (rows without time judge each other)
        return split.Folds()


def require_fit(model: StoredModel, config: Config, as_of: dt.date | None, *, where: str, use: str | None) -> None:
    """Refuse a model of other data than those of a configuration, whose section `flat` says that they are a file.

    `where` names the data in messages; the rest as for `Data.require_model`, which says what is raised.
    """
    if config.flat:
        if as_of is not None:
            raise _no_time()
        if unknown := [name for name in config.flat.bindings if name not in model.model.schema.names]:
            raise ConfigError(
                f"[flat] bindings: the model was trained without {unknown[0]}; leave it out, or train again"
            )
        return
    if model.manifest.flat:
        raise DataError(f"{where}: the model was trained on a flat file; give such a file, not a folder")
    if use and as_of is None:
        raise TimeRangeError(f"--as-of is missing; give the date to {use} at")
    theirs = list(model.manifest.static)
    if sorted(theirs) != sorted(config.customers.static):
        raise ConfigError(
            f"the model was trained with [customers] static = {theirs}; give the same in the configuration (--config)"
        )
    _warn_of_label(model.manifest.label or {}, config)


def _warn_of_label(label: Mapping[str, Any], config: Config) -> None:
    """Warn where a model was trained with other settings of who is outside the population."""
    for name in _OF_POPULATION:
        if name in label and label[name] != getattr(config.label, name):
            _log.warning(
                "the model was trained with [label] %s = %s; give the same in the configuration (--config), or the"
                " population differs",
                name,
                label[name],
            )


_OF_POPULATION = ("silent", "silent_floor_cny", "silent_rule")
"""Settings of `[label]` that say who is outside the population."""


def require_given(as_of: dt.date | None) -> dt.date:
    """Return a date; refuse that there is none.

    Raises
    ------
    TimeRangeError
        There is none.
    """
    if as_of is None:
        raise TimeRangeError("--as-of is missing; give the date to look at")
    return as_of


def _no_time() -> TimeRangeError:
    return TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
