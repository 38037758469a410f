"""One flat file, already one row per customer: a table whose columns the file itself decides by its cells."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb
import pandas as pd

from churn.config import MISSING, ROW_NUMBER, FlatFile, TableSource
from churn.errors import ConfigError, DataError, MissingColumnError
from churn.scratch import scratch_folder
from churn.speech import Message, message
from churn.tables import cells, checking, contract, database, reading, sources
from churn.tables.cells import Cell, Reading
from churn.tables.checking import HINTS, Checked, Finding, Note, RowCount, describe_rule
from churn.tables.personal import find_personal_texts, find_phone_numbers
from churn.tables.reading import RawTable
from churn.tables.sources import Readable, Source
from churn.tables.survey import (
    Numbers,
    find_compact_days,
    find_row_numbers,
    require_clear_kinds,
    survey_dates,
    survey_numbers,
    survey_runs,
)

FlatKind = Literal["number", "text"]
Labels = Literal["needed", "if there", "where known", "unread"]
_NUMBERS_ROWS = {
    "index": message("{name}: numbers the rows, and is left out; name it as keep in [flat] where it does not"),
    "order": message(
        "{name}: rises or falls with every row, as row numbers do, and is left out; name it as keep in [flat] if the"
        " file is sorted by it"
    ),
    "key": message("{name}: another key of the rows, and is left out; name it as keep in [flat] where it is none"),
}
_NUMBERED = message("the file has no id by [flat]; customers are called by their rows: row 1, row 2, …")
MOST_LABEL_VALUES = 20
_SURE_UNTIL = dt.date(2029, 12, 31)
"""Excel takes two digits of a year for one of this century until then."""


class FlatRows(NamedTuple):
    """Customers of a flat file: id, outcome, and features under the file's own names.

    Numbers are float64, all else strings. Outcomes are 0, 1, or NaN where not known; None where none is read.
    """

    customer_id: pd.Series
    churned: pd.Series | None
    features: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class FlatTable(Checked):
    """A checked flat file.

    Attributes
    ----------
    kinds
        The feature columns in the file's order, and whether each is a number or a string.
    has_label
        Whether the label's column was there and asked for.
    flat
        The section that describes the file, with what was settled by its cells and has to hold for a model's later
        files: which columns are dates, in which form, and the day they are read as days before.
    """

    kinds: Mapping[str, FlatKind]
    has_label: bool
    flat: FlatFile

    def rows(self, between: tuple[str, str] | None = None) -> FlatRows:
        """Return the customers, sorted by `customer_id`; `between` keeps those whose id lies in that closed range."""
        inner = [column.name for column in _feature_columns(self.kinds)]
        columns = ["customer_id", *(["churned"] if self.has_label else []), *inner]
        where = (
            f" WHERE customer_id BETWEEN {cells.quote_text(between[0])} AND {cells.quote_text(between[1])}"
            if between
            else ""
        )
        frame = self.connection.execute(f"SELECT {', '.join(columns)} FROM flat{where} ORDER BY customer_id").df()
        # The file's own names come last: one of them may be `churned` too.
        features = frame[inner].set_axis(list(self.kinds), axis="columns")
        return FlatRows(frame["customer_id"], frame["churned"].astype("float64") if self.has_label else None, features)


@contextmanager
def open_flat(
    path: Path, flat: FlatFile, *, kinds: Mapping[str, FlatKind] | None = None, labels: Labels
) -> Iterator[FlatTable]:
    """Read and check one flat file; the database is removed when the block ends.

    Parameters
    ----------
    path
        A CSV or Parquet file with one row per customer.
    kinds
        The features a model was trained on; those under `dates` in `flat`, and no others, are dates, in that form or
        another that leaves nothing open. When absent, every column the configuration does not name otherwise is a
        feature, and its cells decide whether it is a number or a date.
    labels
        Whether the label is read: "needed", then a file without it is refused and a row without it is left out;
        "if there", the same where its column says of anybody that they left; "where known", then a row without it
        stays; or "unread".

    Raises
    ------
    DataError
        No such file, a file that cannot be read, or no usable row.
    MissingColumnError
        A column of the configuration, or of `kinds`, is missing.
    ConfigError
        The label never has the value the configuration calls churned, or is not a label.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the customer file")
    source = sources.source_of("flat", path.absolute())  # the reading process may stand in another folder
    threads = database.choose_threads(n_bytes := path.stat().st_size)
    with scratch_folder() as scratch:
        raw, names, kinds, has_label, notes, flat = database.run_apart(
            lambda: str(path), n_bytes, _load, scratch, source, flat, kinds, labels, threads
        )
        with database.open_database(scratch, threads) as connection:
            checking.create_quarantine(connection)
            count, findings = checking.check_table(connection, raw)
            outer = _outer_names(flat, kinds)
            findings = [replace(finding, column=outer.get(finding.column, finding.column)) for finding in findings]
            _require_rows(path, flat, count, findings)
            n_ignored = len(set(names) - {"", flat.id, flat.label, *flat.drop} - set(kinds))
            yield FlatTable(
                connection=connection,
                raws={"flat": raw},
                row_counts={"flat": count},
                findings=findings,
                ignored_columns={"flat": n_ignored} if n_ignored else {},
                names=outer,
                kinds=kinds,
                has_label=has_label,
                notes=notes,
                flat=flat,
            )


def _require_rows(path: Path, flat: FlatFile, count: RowCount, findings: Sequence[Finding]) -> None:
    wanted = f"it needs one row per customer, each with its own {flat.id}"
    if not count.rows:
        raise DataError(f"{path}: is empty; {wanted}")
    if not count.used:
        worst = max(findings, key=lambda finding: finding.count)
        hint = HINTS["formula_without_value"] if worst.rule == "formula_without_value" else wanted
        raise DataError(f"{path}: has no usable row among {count.rows:,} ({describe_rule(worst)}); {hint}")


def _load(
    scratch: Path, source: Source, flat: FlatFile, kinds: Mapping[str, FlatKind] | None, labels: Labels, threads: int
) -> tuple[RawTable, list[str], Mapping[str, FlatKind], bool, list[Note], FlatFile]:
    """Read the file into the database of the scratch folder; runs in a process of its own.

    Gives, too, the file's columns, the kind of every feature (`kinds` where given), whether the label is read, what
    was assumed, and the section with what was settled.

    Raises
    ------
    MissingColumnError
        A column of the configuration, or of `kinds`, is missing.
    ConfigError
        The label never has the value the configuration calls churned, or is not a label; a column holds names.
    DataError
        Numbers or dates that can be read in two ways.
    """
    mapping = TableSource(encoding=flat.encoding, sheet=flat.sheet, totals=flat.totals, missing=flat.missing)
    before = reading.stamp(source.path)
    with database.open_database(scratch, threads) as connection:
        ids = [] if flat.id == ROW_NUMBER else [flat.id]
        wanted = [*ids, *([flat.label] if labels == "needed" else [])]
        with sources.as_readable(source, mapping, scratch, wanted, ids) as readable:
            names = readable.names
            mapping = mapping.model_copy(update={"sheet": readable.sheet})  # it is read again, and must be the same
            _require_columns(source, flat, names, wanted, "[flat]")
            own = [*flat.bindings, *([flat.coverage] if flat.coverage else [])] if kinds is None else list(kinds)
            _require_columns(source, flat, names, own, "[flat]" if kinds is None else "the model")
            scan = reading.scan_source(source, readable)
            with reading.as_data_error(source):
                types = reading.column_types(connection, scan)
                missing = (*MISSING, *flat.missing)
                columns = {
                    name: Cell(*one, cells.known_text(cells.filled_text(*one, missing, is_whole=name == flat.label)))
                    for name, one in zip(names, types, strict=True)
                }
                label = columns.get(flat.label) if labels != "unread" else None
                found = _label_values(connection, scan, label.text, flat, source, labels) if label else {}
                features = list(kinds or (name for name in names if name not in {"", flat.id, flat.label, *flat.drop}))
                asked = {name: columns[name] for name in features}
                key = columns[flat.id].text if flat.id in columns else None
                known, readings, notes, settled = _survey(connection, scan, asked, key, flat, kinds, source, readable)
                connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        values = {value: outcome for value, (outcome, _) in found.items()}
        mapping = mapping.model_copy(update={"columns": _outer_names(flat, known), "values": {"churned": values}})
        inner = {outer: name for name, outer in _outer_names(flat, known).items()}
        how = {"customer_id": Reading(day_zero=readable.day_zero), "churned": Reading()}
        how |= {inner[name]: one for name, one in readings.items()}
        table = _flat_table(known, values, labels)
        numbered = flat.id == ROW_NUMBER and ROW_NUMBER not in names
        if numbered:
            mapping = mapping.model_copy(update={"constants": {"customer_id": "row"}})
        raw = reading.load_table(connection, table, [source], mapping, scratch, how)
        if numbered:
            # Only now: of rows that do not split the number is known at last.
            rows = reading.raw_name(table.name)
            connection.execute(f"UPDATE {rows} SET customer_id = 'row ' || source_row WHERE customer_id IS NOT NULL")
            notes.append(Note(False, _NUMBERED))
        reading.require_unchanged(source.path, before)  # since its columns were looked at
        return (
            raw,
            names,
            known,
            bool(values),
            [
                *(Note(False, said) for said in raw.notes),
                *(_label_notes(flat, found) if labels != "where known" else []),
                *notes,
            ],
            settled,
        )


def _survey(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    columns: Mapping[str, Cell],
    key: str | None,
    flat: FlatFile,
    kinds: Mapping[str, FlatKind] | None,
    source: Source,
    readable: Readable,
) -> tuple[dict[str, FlatKind], dict[str, Reading], list[Note], FlatFile]:
    """Settle what each column is and how its cells are to be read, by all of them, and say what was assumed."""
    found: dict[str, FlatKind] = {}
    notes: list[Note] = []
    zones = {readable.names[place]: zone for place, zone in readable.zones.items()}
    asked = {name: cell for name, cell in columns.items() if kinds is None or kinds[name] == "number"}
    texts = {name: cell.text for name, cell in asked.items() if not cells.is_number_type(cell.sql_type)}
    numbers = {name: Numbers(0, 0, None) for name in asked}
    numbers |= survey_numbers(connection, scan, texts, source.path, readable.delimiter, flat.decimal, "flat")
    always = {*flat.bindings, flat.coverage} if kinds is None else set[str | None]()
    no_numbers = [name for name, one in numbers.items() if not one.are_most and name not in always]
    maybe = {name: cell for name, cell in asked.items() if name in flat.dates or (kinds is None and name in no_numbers)}
    if kinds is None:
        dates = survey_dates(connection, scan, maybe, source.path, flat.dates, day_zero=readable.day_zero)
        counted = {name: cell.text for name, cell in asked.items() if name not in {*maybe, *always}}
        dates |= dict.fromkeys(find_compact_days(connection, scan, counted), "%Y%m%d")
    else:
        # Of one customer, or of a few, cells alone would say something else than those of the training.
        kept = {name: form for name, form in flat.dates.items() if name in maybe}
        dates = {**kept, **survey_dates(connection, scan, maybe, source.path, {}, kept, readable.day_zero)}
    readings = {
        name: Reading(dates.get(name), zones.get(name, "UTC"), one.decimal, day_zero=readable.day_zero)
        for name, one in numbers.items()
    }
    is_told = flat.as_of is not None
    if dates:
        last = _last_day(connection, scan, {name: columns[name] for name in dates}, readings)
        if not is_told:
            short = {name: columns[name] for name, form in dates.items() if "%y" in (form or "")}
            _require_sure_century(connection, scan, short, readings, source.path)
        before = contract.to_days(flat.as_of) if flat.as_of else last
        readings |= {name: readings[name]._replace(before=before) for name in dates}
        forms = {name: form or "%Y-%m-%d" for name, form in dates.items()}
        flat = flat.model_copy(update={"dates": {**flat.dates, **forms}, "as_of": contract.to_date(before)})
        notes.append(Note(False, _tell_dates(list(dates), contract.to_date(before), is_told=is_told)))
    for name in columns:
        is_number = name in dates or name in always or (name in numbers and numbers[name].are_most)
        found[name] = kinds[name] if kinds else "number" if is_number else "text"
    readings |= {name: Reading() for name in columns if name not in readings}
    if kinds is None:
        signs = {name: one.decimal for name, one in numbers.items()}
        values = {
            name: columns[name]
            for name, kind in found.items()
            if kind == "number" and name not in {*dates, *always, *flat.keep}
        }
        runs = survey_runs(connection, scan, values, signs, key)
        for name, which in find_row_numbers(runs).items():
            del found[name], readings[name]
            notes.append(Note(False, replace(_NUMBERS_ROWS[which], facts={"name": name})))
        texts = {name: columns[name].text for name, kind in found.items() if kind == "text" and name not in flat.keep}
        require_clear_kinds(connection, scan, texts, source.path, readable.day_zero)
        rest = {name: cell for name, cell in values.items() if name in found}
        personal = find_phone_numbers(connection, scan, rest, signs, runs) | find_personal_texts(
            connection, scan, texts
        )
        for name, n_values in personal.items():
            del found[name], readings[name]
            notes.append(Note(False, _tell_names(name, n_values)))
    return found, readings, notes, flat


def _flat_table(kinds: Mapping[str, FlatKind], values: Mapping[str, str], labels: Labels) -> contract.Table:
    # Unread, the label is not a column at all: a file may have one of the name "churned" that is not in our terms.
    may_be_empty = labels == "where known"
    label = (
        (contract.TableColumn("churned", "code", required=False, nullable=may_be_empty, values=("0", "1")),)
        if values
        else ()
    )
    columns = (contract.TableColumn("customer_id", "id"), *label, *_feature_columns(kinds))
    return contract.Table("flat", columns, key=("customer_id",), references=())


def _feature_columns(kinds: Mapping[str, FlatKind]) -> tuple[contract.TableColumn, ...]:
    # A file's own names may differ in case alone, or be those of the columns beside them: inside they are numbered.
    return tuple(contract.TableColumn(f"feature_{i}", kind, nullable=True) for i, kind in enumerate(kinds.values()))


def _outer_names(flat: FlatFile, kinds: Mapping[str, FlatKind]) -> dict[str, str]:
    inner = (column.name for column in _feature_columns(kinds))
    return {"customer_id": flat.id, "churned": flat.label, **dict(zip(inner, kinds, strict=True))}


def _require_columns(source: Source, flat: FlatFile, names: Sequence[str], wanted: Sequence[str], by: str) -> None:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise MissingColumnError(
            f"{source.path}: column {', '.join(missing[:5])}, which {by} needs, is missing;"
            f" {sources.list_columns(names, [flat.id, flat.label, *wanted])}"
        )


def _last_day(
    connection: duckdb.DuckDBPyConnection, scan: str, columns: Mapping[str, Cell], readings: Mapping[str, Reading]
) -> int:
    """Return the last day of a file's columns of dates."""
    days = [cells.day(cell, readings[name]) for name, cell in columns.items()]
    last = ", ".join(f"max({day}) FILTER ({day} BETWEEN {cells.FIRST_DAY} AND {cells.LAST_DAY})" for day in days)
    found: list[int] = [day for day in database.fetch_row(connection, f"SELECT {last} FROM {scan}") if day is not None]
    return max(found, default=0)


def _require_sure_century(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    columns: Mapping[str, Cell],
    readings: Mapping[str, Reading],
    path: Path,
) -> None:
    """Refuse two digits of a year where nothing says which years of 1969 to 2068 are those of a century before."""
    for name, cell in columns.items():
        if _last_day(connection, scan, {name: cell}, readings) > contract.to_days(_SURE_UNTIL):
            raise DataError(
                f"{path}: the years of column {name} have two digits, and some may be of either century; give the"
                " day of the file as as_of in [flat], or write four digits"
            )


def _tell_dates(names: Sequence[str], before: dt.date, *, is_told: bool) -> Message:
    if is_told:
        return message("{names}: dates, read as days before {day}", names=", ".join(names), day=before)
    return message(
        "{names}: dates, read as days before {day}, the last of them; give another day as as_of in [flat]",
        names=", ".join(names),
        day=before,
    )


def _tell_names(name: str, n_values: int) -> Message:
    return message(
        "{name}: has {n_values} different values, as names, phone numbers, addresses or remarks have, and is left out;"
        " name it as keep in [flat] where it holds groups",
        name=name,
        n_values=n_values,
    )


def _label_values(
    connection: duckdb.DuckDBPyConnection, scan: str, text: str, flat: FlatFile, source: Source, labels: Labels
) -> dict[str, tuple[str, int]]:
    """Say of each value of the label what it stands for, "1", "0" or nothing, and how often it is there."""
    query = (
        f"SELECT label, count(*) FROM (SELECT {text} AS label FROM {scan}) WHERE label IS NOT NULL"
        f" GROUP BY label ORDER BY count(*) DESC, label LIMIT {MOST_LABEL_VALUES + 1}"
    )
    counts: dict[str, int] = dict(connection.execute(query).fetchall())
    # A later file may write the same outcome otherwise.
    churned, stayed = ({_same(value) for value in given} for given in (flat.churned, flat.stayed))
    says_nothing = len(counts) > MOST_LABEL_VALUES or not any(_same(value) in churned for value in counts)
    if says_nothing and labels == "where known":
        return {}
    if len(counts) > MOST_LABEL_VALUES:
        raise ConfigError(
            f"{source.path}: column {flat.label} has more than {MOST_LABEL_VALUES} values, so it is not a label;"
            " fix flat.label in the configuration"
        )
    if says_nothing:
        if labels != "needed" and len(counts) <= 1:  # nobody has left yet, or nobody knows
            return {}
        raise ConfigError(
            f"{source.path}: column {flat.label} never has the value that flat.churned names; it has"
            f" {_list_values(counts)}; fix flat.churned in the configuration"
        )
    unknown = {_same(value) for value in counts} - churned - stayed
    if len(unknown) > (0 if stayed else 1):
        raise ConfigError(
            f"{source.path}: column {flat.label} has {_list_values(counts)}; name those who stayed as stayed in [flat],"
            " and what is no outcome as missing"
        )
    empty = dict.fromkeys((*cells.EXCEL_ERRORS, cells.UNSAVED), ("", 0)) if labels == "where known" else {}
    return {value: ("1" if _same(value) in churned else "0", n) for value, n in counts.items()} | empty


def _same(value: str) -> str:
    """Give an outcome as it is compared: true is 1, false 0, and capitals do not count."""
    word = value.casefold().strip()
    return "1" if word in ("true", "t") else "0" if word in ("false", "f") else word


def _list_values(counts: Mapping[str, int]) -> str:
    """List values that several customers share with their counts; another may be somebody's name."""
    shared = [f"{value} ({n:,})" for value, n in counts.items() if n >= contract.LEAST_SHARED]
    others = f"{len(counts) - len(shared)} that fewer than {contract.LEAST_SHARED} customers have"
    return ", ".join(shared + ([others] if len(shared) < len(counts) else [])) or "none"


def _label_notes(flat: FlatFile, found: Mapping[str, tuple[str, int]]) -> list[Note]:
    left, stayed = ({value: n for value, (what, n) in found.items() if what == outcome} for outcome in "10")
    if not left:
        return []
    said = message(
        "{label}: left are {left}; stayed are {stayed}",
        label=flat.label,
        left=_list_values(left),
        stayed=_list_values(stayed),
    )
    return [Note(False, said)]
