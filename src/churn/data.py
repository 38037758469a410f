"""What a model learns from and is asked about: a bank's tables, or one flat file, opened and checked.

Both are `Data`: customers with features, perhaps outcomes, at dates or at none. A flat file is a bank with one snapshot
that has no date. What differs between them stands in the two makers' classes here and nowhere else.
"""

import datetime as dt
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import narwhals as nw
import pandas as pd

from churn import frame, threads, timeline
from churn.config import Config, FlatFile
from churn.errors import ConfigError, DataError, TimeRangeError
from churn.evidence import Evidence, gather_evidence, outcome_date, undated_evidence
from churn.features.catalogue import catalogue, lost_features
from churn.features.feature import Feature, own_features
from churn.frame import Snapshot
from churn.labels import silent_is_known
from churn.model import anchoring, split
from churn.model.storage import StoredModel
from churn.speech import LANGUAGES, Name, Said, joined, message, say
from churn.tables import bank, checking, contract, reading, sources
from churn.tables.checking import Checked, Finding, LeftOut, Note, RowCount
from churn.tables.flat import FlatKind, FlatTable, Labels, open_flat
from churn.timeline import MOST_SNAPSHOTS, Date, Tables, as_date

PARTITION_SIZE = 50_000
"""Customers held in memory at a time while a file is scored."""
_NAMED = 3
"""Features named of those lost with a table."""
OnStep = Callable[[str], None]
T = TypeVar("T")
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
        What goes into the manifest of a model: files with hashes, row counts, populations.
    catalogue
        What the features are.
    evidence
        What effects of bindings are estimated from; None where the data have no bindings.
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

    Made by `open_bank`, `open_file` or `open_data`. What a flat file cannot tell is refused with a `DataError` or
    `TimeRangeError` that says so.

    Attributes
    ----------
    config
        The settings it was opened with; those of a file describe it in `flat`.
    checked
        The tables behind it.
    """

    config: Config
    checked: Checked

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
    def ignored_columns(self) -> Mapping[str, int]:
        """How many columns of each table nothing asks for, where there are any."""
        return self.checked.ignored_columns

    @property
    def paths(self) -> list[Path]:
        """The files that were read."""
        return self.checked.paths

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
        """Describe every input file: table, name, bytes, sha256.

        Raises
        ------
        DataError
            A file is no longer what was read.
        """
        return self.checked.file_facts()

    def input_facts(self) -> dict[str, Any]:
        """Return what a manifest keeps of the input: `inputs`, files with hashes, and `row_counts` of every table.

        Raises
        ------
        DataError
            As for `file_facts`.
        """
        counts = {name: asdict(count) for name, count in self.row_counts.items()}
        return {"inputs": self.file_facts(), "row_counts": counts}

    @property
    @abstractmethod
    def is_dated(self) -> bool:
        """Whether customers are seen at dates."""

    @property
    @abstractmethod
    def catalogue(self) -> tuple[Feature, ...]:
        """The features and what each is; of a file, its own columns."""

    @property
    @abstractmethod
    def n_customers(self) -> int:
        """Customers with a usable row, whether or not they are in the population at a date."""

    @property
    @abstractmethod
    def has_outcomes(self) -> bool:
        """Whether it is known of customers that they left."""

    @property
    @abstractmethod
    def has_bindings(self) -> bool:
        """Whether services bound are known, so that their effects can be asked for."""

    @property
    @abstractmethod
    def lost_features(self) -> Mapping[str, list[str]]:
        """The features that are lost with each table that is not there."""

    @property
    @abstractmethod
    def classes_known(self) -> bool | None:
        """Whether accounts of class 1 are told of anybody; None where there are no accounts."""

    @property
    @abstractmethod
    def data_begin(self) -> dt.date:
        """The first day the data know about."""

    @property
    @abstractmethod
    def data_end(self) -> dt.date:
        """The last day the data know about."""

    @abstractmethod
    def has(self, table: str) -> bool:
        """Whether the bank handed over that table."""

    @abstractmethod
    def column_is_there(self, table: str, column: str) -> bool:
        """Whether the bank handed over that column of that table."""

    @abstractmethod
    def tables(self, lacks: str = "has no tables") -> Tables:
        """Return a bank's tables as lazy frames, dates as days and money as cents.

        Parameters
        ----------
        lacks
            What a flat file does not have of what is asked for, in the message about it.

        Raises
        ------
        DataError
            It is a flat file.
        """

    @abstractmethod
    def require_model(
        self, model: StoredModel, as_of: dt.date | None, *, where: str = "bank", use: str = "explain"
    ) -> None:
        """Refuse a model that was trained on other data than such, and a date where there can be none, or none is.

        Parameters
        ----------
        where
            Names the data in messages.
        use
            What is to be done at the date: "score" or "explain".

        Raises
        ------
        DataError
            The model was trained on a flat file, and these are tables.
        TimeRangeError
            A date is missing, or given for a flat file.
        ConfigError
            The model was trained with other unchanging columns, or without a binding of the file.
        """

    @abstractmethod
    def choose_dates(
        self, dates: Iterable[Date] | None, horizon_days: int, *, most: int = MOST_SNAPSHOTS
    ) -> list[dt.date]:
        """Return the dates asked for, or by default at most so many that suit, ascending; none for a file.

        Raises
        ------
        TimeRangeError
            A horizon that ends after the data do, a history that is too short, or dates for a file.
        """

    @abstractmethod
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

    @abstractmethod
    def partitions(self, as_of: dt.date | None) -> Iterator[Snapshot]:
        """Yield the population at a date, or the customers of a file, in partitions sorted by id.

        Raises
        ------
        TimeRangeError
            `as_of` lies too far after the data end, or nobody is in the population.
        """

    @abstractmethod
    def everybody(self, as_of: dt.date | None, horizon_days: int) -> tuple[Iterable[Snapshot], Snapshot | None]:
        """Give the population in parts, whether or not their outcome is known, and those of whom it is, if any.

        Raises
        ------
        TimeRangeError
            As for `partitions`.
        """

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
    @abstractmethod
    def coverage_place(self) -> str:
        """Where numbers of products are read, for messages about them."""

    @abstractmethod
    def customer(self, customer_id: str, as_of: dt.date | None) -> Snapshot:
        """Build the features of one customer, without a label.

        Raises
        ------
        DataError
            The customer is not in the population at that date, or not in the file.
        TimeRangeError
            `as_of` lies too far after the data end.
        """

    @abstractmethod
    def evidence(self, as_of: dt.date | None, horizon_days: int, *, on_step: OnStep = say_nothing) -> Evidence:
        """Gather what effects of bindings are estimated from: the latest outcomes up to a date, and all offers.

        Raises
        ------
        DataError
            There are no bindings; of a file, no label.
        TimeRangeError
            No outcome is known up to that date.
        """

    @abstractmethod
    def facts(self, dated: Sequence[Snapshot]) -> dict[str, Any]:
        """Return what a manifest keeps of snapshots besides the input: who was in them, and by which settings."""

    @abstractmethod
    def _evidence_of(self, latest: Snapshot, horizon_days: int) -> Evidence | None:
        """Gather the evidence of a snapshot that is built already; None without bindings."""

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
            At which to look, in any order; by default the last with a complete label and back every 91 days, or those
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
        chosen: Sequence[dt.date | None] = self.choose_dates(dates, horizon_days, most=most) or [None]
        dated = []
        for date in chosen:
            if date is not None:
                on_step(f"building the snapshot of {date}")
            dated.append(self.labelled(date, horizon_days))
        evidence = None
        if with_evidence and self.has_bindings:
            on_step("reading what is known of bindings and offers")
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
    """A bank's checked tables, which tell of customers at any date inside them."""

    checked: bank.BankTables

    @property
    def is_dated(self) -> bool:
        """Always."""
        return True

    @property
    def catalogue(self) -> tuple[Feature, ...]:
        """Every feature a bank of this configuration can have."""
        return catalogue(self.config)

    @property
    def n_customers(self) -> int:
        """Usable rows of the table of customers."""
        return self.row_counts["customers"].used

    @property
    def has_outcomes(self) -> bool:
        """Always: who left can be seen, or is told by a table of labels."""
        return True

    @property
    def has_bindings(self) -> bool:
        """Whether there is a table of them."""
        return self.has("bindings")

    @property
    def lost_features(self) -> Mapping[str, list[str]]:
        """The features that are lost with each optional table that is not there."""
        return lost_features(self.tables(), self.config)

    @property
    def classes_known(self) -> bool | None:
        """Whether an account of class 1 is held by anybody; else nobody can be said to lack one."""
        found = self.tables()["holdings"].filter(nw.col("account_class") == nw.lit("1")).select("customer_id").head(1)
        return len(found.collect(backend="pyarrow")) > 0

    @property
    def data_begin(self) -> dt.date:
        """The first day the data know about."""
        return self.checked.data_begin

    @property
    def data_end(self) -> dt.date:
        """The last day the data know about."""
        return self.checked.data_end

    def has(self, table: str) -> bool:
        """Whether the bank handed over that table."""
        return table in self.checked.raws

    def column_is_there(self, table: str, column: str) -> bool:
        """Whether the bank handed over that column of that table."""
        return self.has(table) and column in self.checked.raws[table].columns

    def tables(self, lacks: str = "") -> Tables:  # noqa: ARG002 (nothing is lacking)
        """Return the tables as lazy frames."""
        return self.checked.frames()

    def require_model(
        self, model: StoredModel, as_of: dt.date | None, *, where: str = "bank", use: str = "explain"
    ) -> None:
        """Refuse a model of flat files or of other unchanging columns, and a missing date."""
        _require_bank_model(model, self.config, as_of, where, use)

    def choose_dates(
        self, dates: Iterable[Date] | None, horizon_days: int, *, most: int = MOST_SNAPSHOTS
    ) -> list[dt.date]:
        """Return the dates asked for, those of the bank's own labels, or default ones."""
        given = sorted({as_date(date) for date in dates or ()})
        if self.has("labels"):
            return given or timeline.labelled_snapshots(self.tables(), most=most)
        if given:
            timeline.require_complete(given, self.data_end, horizon_days)
            return given
        return timeline.default_snapshots(self.data_begin, self.data_end, horizon_days, most=most)

    def labelled(self, as_of: dt.date | None, horizon_days: int) -> Snapshot:
        """Build the labelled population at a date."""
        date = _require_date(as_of)
        if self.has("labels"):
            timeline.require_within(date, self.data_end)
        else:
            timeline.require_complete([date], self.data_end, horizon_days)
        self._require_some_part(date, horizon_days)
        snapshot = frame.build_labelled(self.tables(), date, horizon_days, self.config)
        if not len(snapshot.customer_id):
            raise TimeRangeError(f"--as-of {date}: nobody has a label at that date; give a date inside the data")
        return snapshot

    def partitions(self, as_of: dt.date | None) -> Iterator[Snapshot]:
        """Yield the population at a date."""
        date = _require_date(as_of)
        timeline.require_within(date, self.data_end)
        found = False
        for between in self.checked.ranges(PARTITION_SIZE):
            part = frame.build_snapshot(self.checked.frames(between), date, self.config)
            if len(part.customer_id):
                found = True
                yield part
        if not found:
            raise TimeRangeError(
                f"--as-of {date}: nobody is a customer at that date; the data run from {self.data_begin} to"
                f" {self.data_end}, give a date inside"
            )

    def everybody(self, as_of: dt.date | None, horizon_days: int) -> tuple[Iterable[Snapshot], Snapshot | None]:
        """Give the population at a date."""
        try:
            labelled = self.labelled(as_of, horizon_days)
        except TimeRangeError:
            return self.partitions(as_of), None
        # the bank's own labels may be of some customers only; otherwise everybody has one
        return (self.partitions(as_of) if self.has("labels") else [labelled]), labelled

    @property
    def coverage_column(self) -> str:
        """The feature of that name."""
        return anchoring.TABLE_COVERAGE

    @property
    def coverage_place(self) -> str:
        """The files of the table of holdings."""
        return sources.describe(self.checked.raws["holdings"].sources)

    def customer(self, customer_id: str, as_of: dt.date | None) -> Snapshot:
        """Build the features of one customer at a date."""
        date = _require_date(as_of)
        timeline.require_within(date, self.data_end)
        found = frame.build_snapshot(self.checked.frames((customer_id, customer_id)), date, self.config)
        if not len(found.customer_id):
            raise DataError(
                f"--customer: nobody of that id is a customer at {date}; check the id, or whether the relationship had"
                " begun, and not ended, by then"
            )
        return found

    def evidence(self, as_of: dt.date | None, horizon_days: int, *, on_step: OnStep = say_nothing) -> Evidence:
        """Gather the latest outcomes up to a date, and all randomised offers."""
        if not self.has_bindings:
            raise DataError("table bindings is missing: without it no binding can be explained; add it")
        date = outcome_date(self.tables(), _require_date(as_of), horizon_days, self.data_end)
        on_step(f"reading outcomes of {date}, and randomised offers")
        latest = self.labelled(date, horizon_days)
        return gather_evidence(self.tables(), latest, horizon_days, self.data_end, self.config)

    def facts(self, dated: Sequence[Snapshot]) -> dict[str, Any]:
        """Return populations, the period of the data, and the settings of label and features."""
        rows = [
            {
                "as_of": str(one.as_of),
                "customers": len(one.customer_id),
                "outside": self.n_customers - len(one.customer_id),
            }
            for one in dated
        ]
        return {
            "populations": rows,
            "data_begin": self.data_begin.isoformat(),
            "data_end": self.data_end.isoformat(),
            "label": self.config.label.model_dump(),
            "static": list(self.config.customers.static),
        }

    def _evidence_of(self, latest: Snapshot, horizon_days: int) -> Evidence | None:
        return gather_evidence(self.tables(), latest, horizon_days, self.data_end, self.config)

    def _judging(self, horizon_days: int) -> split.Judging:
        return split.OutOfTime(horizon_days, self.config.training.embargo_days)

    def _require_some_part(self, as_of: dt.date, horizon_days: int) -> None:
        """Warn when silent attrition cannot be told, and refuse when nothing else was asked for."""
        settings = self.config.label
        if self.has("labels") or not settings.silent:
            return
        if silent_is_known(self.tables(), contract.to_days(as_of) + horizon_days):
            return
        holds = "pnl holds no values at the last month-end of the horizon"
        why = holds if self.has("pnl") else "there is no pnl table"
        if not (settings.closed or settings.holdings):
            raise TimeRangeError(f"--as-of {as_of}: silent attrition is the only label asked for, and {why}")
        _log.warning("as of %s: silent attrition is not part of the label, since %s", as_of, why)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class CustomerFile(Data):
    """A checked flat file, already one row a customer; `flat` describes it."""

    checked: FlatTable
    flat: FlatFile

    @property
    def is_dated(self) -> bool:
        """Never."""
        return False

    @property
    def catalogue(self) -> tuple[Feature, ...]:
        """Its own columns, the bindings first."""
        return own_features(self.checked.kinds, self.flat.bindings)

    @property
    def n_customers(self) -> int:
        """Usable rows."""
        return self.row_counts["flat"].used

    @property
    def has_outcomes(self) -> bool:
        """Whether the label was there and asked for."""
        return self.checked.has_label

    @property
    def has_bindings(self) -> bool:
        """Whether columns are named as bindings."""
        return bool(self.flat.bindings)

    @property
    def lost_features(self) -> Mapping[str, list[str]]:
        """Nothing."""
        return {}

    @property
    def classes_known(self) -> bool | None:
        """A file holds no accounts."""
        return None

    @property
    def data_begin(self) -> dt.date:
        """Refused: a file has no dates."""
        raise self._has_no_time()

    @property
    def data_end(self) -> dt.date:
        """Refused: a file has no dates."""
        raise self._has_no_time()

    def has(self, table: str) -> bool:  # noqa: ARG002 (whichever it is)
        """A file has no tables."""
        return False

    def column_is_there(self, table: str, column: str) -> bool:  # noqa: ARG002 (whichever it is)
        """A file has no tables."""
        return False

    def tables(self, lacks: str = "has no tables") -> Tables:
        """Refuse to give what a file does not have."""
        raise DataError(f"{self._place}: a flat file {lacks}; give the folder of the bank's tables")

    def require_model(
        self,
        model: StoredModel,
        as_of: dt.date | None,
        *,
        where: str = "",  # noqa: ARG002 (a file names itself)
        use: str = "",  # noqa: ARG002 (whatever it is)
    ) -> None:
        """Refuse a date, and bindings that the model was trained without."""
        _require_file_model(model, self.flat, as_of)

    def choose_dates(
        self,
        dates: Iterable[Date] | None,
        horizon_days: int,  # noqa: ARG002 (what the label covers)
        *,
        most: int = 1,  # noqa: ARG002 (there is one)
    ) -> list[dt.date]:
        """Refuse dates."""
        if dates:
            raise self._has_no_time()
        return []

    def labelled(self, as_of: dt.date | None = None, horizon_days: int = 0) -> Snapshot:  # noqa: ARG002 (as the label)
        """Build all customers with their outcomes."""
        self._require_no_date(as_of)
        if not self.has_outcomes:
            raise DataError(
                f"{self._place}: without the label {self.flat.label} there is nothing to learn from; add it"
            )
        rows = self.checked.rows()
        known = rows.churned.notna() if rows.churned is not None else slice(0)
        outcomes = None if rows.churned is None else rows.churned[known]
        return frame.build_undated(rows.customer_id[known], rows.features[known], outcomes, self.flat.coverage)

    def partitions(self, as_of: dt.date | None = None) -> Iterator[Snapshot]:
        """Yield all customers."""
        self._require_no_date(as_of)
        for between in self.checked.ranges(PARTITION_SIZE):
            yield self._rows(between)

    def everybody(
        self, as_of: dt.date | None = None, horizon_days: int = 0
    ) -> tuple[Iterable[Snapshot], Snapshot | None]:
        """Give all customers."""
        return self.partitions(as_of), self.labelled(as_of, horizon_days) if self.has_outcomes else None

    @property
    def coverage_column(self) -> str:
        """The column the configuration names."""
        return require_coverage(self._place, self.flat)

    @property
    def coverage_place(self) -> str:
        """The file."""
        return str(self._place)

    def customer(self, customer_id: str, as_of: dt.date | None = None) -> Snapshot:
        """Build the row of one customer."""
        self._require_no_date(as_of)
        found = self._rows((customer_id, customer_id))
        if not len(found.customer_id):
            raise DataError("--customer: nobody of that id is in the file; check the id")
        return found

    def evidence(
        self,
        as_of: dt.date | None = None,
        horizon_days: int = 0,
        *,
        on_step: OnStep = say_nothing,  # noqa: ARG002 (it takes no time)
    ) -> Evidence:
        """Gather the outcomes; a file holds no dates and no offers."""
        return undated_evidence(self.labelled(as_of, horizon_days))

    def facts(self, dated: Sequence[Snapshot]) -> dict[str, Any]:  # noqa: ARG002 (of whom it says nothing)
        """Return what describes the file."""
        return {"flat": self.flat.model_dump(mode="json")}

    def _evidence_of(self, latest: Snapshot, horizon_days: int) -> Evidence | None:  # noqa: ARG002 (as the label)
        return undated_evidence(latest)

    def _judging(self, horizon_days: int) -> split.Judging:  # noqa: ARG002 (rows without time judge each other)
        return split.Folds()

    def _rows(self, between: tuple[str, str]) -> Snapshot:
        rows = self.checked.rows(between)
        return frame.build_undated(rows.customer_id, rows.features, coverage_column=self.flat.coverage)

    @property
    def _place(self) -> Path:
        return self.paths[0]

    def _require_no_date(self, as_of: dt.date | None) -> None:
        if as_of is not None:
            raise self._has_no_time()

    def _has_no_time(self) -> TimeRangeError:
        return TimeRangeError("--as-of: a flat file has no time; leave --as-of out")


@contextmanager
def open_bank(
    folder: str | Path, config: Config | None = None, *, data_end: dt.date | None = None, n_threads: int | None = None
) -> Iterator[Data]:
    """Read and check a folder of tables; the database is removed when the block ends.

    Parameters
    ----------
    folder
        Holds `<table>.parquet`, `<table>.csv` or a folder of parts for every table.
    config
        Names, encodings and the catalogue; the contract's own when absent.
    data_end
        Overrides the last day found in the data.
    n_threads
        Threads of the database; all cores when absent. Results do not depend on it.

    Raises
    ------
    ConfigError
        The configuration's mapping does not fit the contract.
    DataError
        No such folder, a required table missing or empty, a table found twice, a file that cannot be read.
    MissingColumnError
        A required column is missing.
    """
    # What describes a file says nothing of tables.
    settings = (config or Config()).model_copy(update={"flat": None})
    with _using(n_threads, bank.open_tables(folder, settings, data_end=data_end)) as checked:
        yield Bank(config=settings, checked=checked)


@contextmanager
def open_file(
    path: str | Path,
    config: Config | None = None,
    *,
    model: StoredModel | None = None,
    labels: Labels | None = None,
    n_threads: int | None = None,
) -> Iterator[Data]:
    """Read and check one flat file, already one row a customer; its database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV, Parquet or Excel file.
    config
        Its section `flat` describes the file; that of the model by default.
    model
        Trained on such a file, to be asked about this one: its columns are read, and the label need not be there.
    labels
        Whether the label is read, as for `churn.tables.flat.open_flat`: "needed", "if there" or "unread". By default
        it is needed, and with a model read where known.
    n_threads
        Threads of the database; all cores when absent. Results do not depend on it.

    Raises
    ------
    ConfigError
        Neither the configuration nor the model describes a file.
    DataError, MissingColumnError
        As for `churn.tables.flat.open_flat`.
    """
    settings = config or Config()
    flat = settings.flat or (flat_of_model(model) if model else None)
    if flat is None:
        raise ConfigError(f"{path}: is one file; describe it in the section flat of the configuration")
    kinds = None if model is None else kinds_of_model(model)
    asked: Labels = labels or ("needed" if model is None else "where known")
    with _using(n_threads, open_flat(Path(path), flat, kinds=kinds, labels=asked)) as checked:
        yield CustomerFile(config=settings.model_copy(update={"flat": flat}), checked=checked, flat=flat)


@contextmanager
def open_data(
    path: str | Path,
    config: Config | None = None,
    model: StoredModel | None = None,
    *,
    as_of: dt.date | None = None,
    use: str | None = None,
    labels: Labels | None = None,
    data_end: dt.date | None = None,
    n_threads: int | None = None,
) -> Iterator[Data]:
    """Open what is there, a folder of tables or one flat file, and hold it against the model it is for.

    Parameters
    ----------
    path
        A folder, or a file that the configuration or the model describes.
    config, data_end, labels, n_threads
        As for `open_bank` and `open_file`.
    model
        To be asked about these data; what does not fit it is refused before anything is read.
    as_of
        The date it is asked at; refused for a file.
    use
        What is to be done at that date, "score" or "explain", where a folder needs one.

    Raises
    ------
    ConfigError
        A file that nothing describes; or as for `Data.require_model`.
    DataError, TimeRangeError, MissingColumnError
        Nothing is there; or as for `Data.require_model`, `open_bank` and `open_file`.
    """
    place, settings = Path(path), config or Config()
    if is_file(place, settings, model):
        if model is not None:
            _require_file_model(model, settings.flat or flat_of_model(model), as_of)
        opened = open_file(place, settings, model=model, labels=labels, n_threads=n_threads)
    else:
        if model is not None:
            _require_bank_model(model, settings, as_of, str(path), use)
        opened = open_bank(place, settings, data_end=data_end, n_threads=n_threads)
    with opened as data:
        yield data


def is_file(path: Path, config: Config, model: StoredModel | None = None) -> bool:
    """Whether data are one flat file, which the configuration or the model must describe; else a folder of tables.

    Raises
    ------
    ConfigError
        A file is given and nothing describes it.
    DataError
        There is nothing at that path.
    """
    if model is not None:
        return (config.flat or flat_of_model(model)) is not None and not path.is_dir()
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; give the folder of the bank's tables, or one customer file")
    if path.is_dir():
        return False
    if config.flat is None:
        raise ConfigError(f"{path}: is one file; describe it in a [flat] section and give that with --config")
    return True


def build_snapshots(
    data: Data, dates: Iterable[Date] | None = None, horizon_days: int = 365, *, on_step: OnStep = say_nothing
) -> Snapshots:
    """Build the labelled snapshots to train on or to compare models by; parameters as for `Data.snapshots`."""
    return data.snapshots(dates, horizon_days, on_step=on_step)


def check(data: Data) -> pd.DataFrame:
    """Say what is wrong with data, as `churn check` does: one row a broken rule or warning of a table.

    Returns
    -------
    DataFrame
        `table`, `column` (empty for a whole row), `rule`, `severity` ("error": rows were left out), `count` and `rows`,
        up to five row numbers of the file (from 1); and in words `means_en` and `means_zh`.
    """
    columns = [field.name for field in fields(Finding)]
    found = pd.DataFrame([asdict(one) for one in data.findings], columns=columns)
    for language in LANGUAGES:
        found[f"means_{language}"] = [say(checking.RULES[rule], language) for rule in found["rule"]]
    return found


def build_frame(data: Data, as_of: Date | None) -> pd.DataFrame:
    """Return the feature frame at a date: `customer_id`, `as_of`, and a column per feature.

    Raises
    ------
    TimeRangeError
        `as_of` lies too far after the data end, or nobody is in the population.
    """
    date = None if as_of is None else as_date(as_of)
    parts = list(data.partitions(date))
    found = pd.concat([part.features for part in parts], ignore_index=True)
    found.insert(0, "customer_id", [name for part in parts for name in part.customer_id])
    found.insert(1, "as_of", date)
    return found


def require_coverage(path: Path, flat: FlatFile | None) -> str:
    """Return the column of a flat file that holds the product coverage.

    Raises
    ------
    DataError
        The configuration names none, or drops it.
    """
    if flat is None or flat.coverage is None or flat.coverage in flat.drop:
        raise DataError(f"{path}: product coverage is not known; name its column as coverage in [flat], and keep it")
    return flat.coverage


def flat_of_model(model: StoredModel) -> FlatFile | None:
    """Return the flat file a model was trained on, as its manifest keeps it; None for a folder of tables."""
    section = model.manifest.flat
    return FlatFile.model_validate(section) if section else None


def kinds_of_model(model: StoredModel) -> dict[str, FlatKind]:
    """Return the features of a model and whether each is a number or a text."""
    schema = model.model.schema
    return {name: "text" if name in schema.levels else "number" for name in schema.names}


@contextmanager
def _using(n_threads: int | None, opening: AbstractContextManager[T]) -> Iterator[T]:
    """Open with so many threads; what the block does is not bound by them."""
    with ExitStack() as stack:
        with threads.use_threads(n_threads):
            opened = stack.enter_context(opening)
        yield opened


def _require_bank_model(model: StoredModel, config: Config, as_of: dt.date | None, where: str, use: str | None) -> None:
    if flat_of_model(model):
        raise DataError(f"{where}: the model was trained on a flat file; give such a file, not a folder")
    if use and as_of is None:
        raise TimeRangeError(f"--as-of is missing; give the date to {use} at")
    theirs = list(model.manifest.static)
    if sorted(theirs) != sorted(config.customers.static):
        raise ConfigError(
            f"the model was trained with [customers] static = {theirs}; give the same in the configuration (--config)"
        )


def _require_file_model(model: StoredModel, flat: FlatFile | None, as_of: dt.date | None) -> None:
    if as_of is not None:
        raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
    named = flat.bindings if flat else ()
    if unknown := [name for name in named if name not in model.model.schema.names]:
        raise ConfigError(f"[flat] bindings: the model was trained without {unknown[0]}; leave it out, or train again")


def _require_date(as_of: dt.date | None) -> dt.date:
    if as_of is None:
        raise TimeRangeError("--as-of is missing; give the date to look at")
    return as_of
