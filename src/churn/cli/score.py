"""`churn score`."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq

from churn.api.opening import flat_of_model, input_facts, kinds_of_model, require_same_static
from churn.cli.console import note, print_json, steps
from churn.cli.inputs import show_notes
from churn.cli.options import (
    IsoDate,
    config_option,
    data_argument,
    data_end_option,
    json_option,
    model_option,
    output_option,
    threads_option,
)
from churn.config import Config, FlatFile, read_config
from churn.errors import DataError, TimeRangeError
from churn.explanation.next_best import knows_class_1
from churn.files import require_apart, require_writable_file
from churn.frame import Snapshot, flat_snapshots, scored_snapshots
from churn.model.storage import StoredModel, read_model
from churn.scoring import Scored, companions, require_form, scores_manifest, write_scores
from churn.tables.bank import Bank, open_bank
from churn.tables.flat import FlatTable, open_flat


@click.command()
@data_argument
@model_option
@click.option("--as-of", type=IsoDate(), help="Date to score at; needed for tables, refused for a flat file.")
@output_option("Scores to write, .parquet or .csv.")
@click.option("--explain", is_flag=True, help="Add the next binding or product, and reasons in English and Chinese.")
@config_option
@data_end_option
@threads_option
@json_option
def score(
    data: Path,
    model_path: Path,
    as_of: dt.date | None,
    output: Path,
    explain: bool,
    config_path: Path | None,
    data_end: dt.date | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Score every customer of DATA: probability, risk band and the three features that raise the risk most.

    \b
    Example:  churn score bank --model models/first --as-of 2026-01-01 -o scores.parquet
    """
    require_form(output)
    config = read_config(config_path)
    stored = read_model(model_path)
    require_writable_file(output)
    outputs = (output, *companions(output))
    require_apart(outputs, [model_path, *([data] if data.is_file() else [])])
    manifest = score_data(
        data, stored, output, config=config, as_of=as_of, explain=explain, data_end=data_end, n_threads=threads
    )
    if as_json:
        print_json(manifest)
    if manifest["unseen_categories"]:
        note(f"warning: categories that training did not have count as missing: {manifest['unseen_categories']}")
    note(f"wrote {output}: {manifest['rows_scored']:,} customers, {manifest['quarantined']:,} input rows left out")


def score_data(
    data: Path,
    stored: StoredModel,
    output: Path,
    *,
    config: Config,
    as_of: dt.date | None,
    explain: bool = False,
    data_end: dt.date | None = None,
    n_threads: int | None = None,
) -> dict[str, Any]:
    """Score a folder of tables or a flat file into `output`; return the manifest written beside it."""
    begun = time.monotonic()
    document: dict[str, Any] = {}
    with _open(data, stored, config, as_of, data_end, n_threads) as (table, snapshots, n_customers):
        require_apart((output, *companions(output)), table.paths)
        show_notes(table)
        facts = input_facts(table)

        def build_manifest(scored: Scored) -> dict[str, Any]:
            document.update(
                scores_manifest(
                    scored,
                    stored,
                    as_of=as_of,
                    **facts,
                    outside_population=n_customers - scored.rows,
                    quarantined=sum(counts["quarantined"] for counts in facts["row_counts"].values()),
                    duration_seconds=time.monotonic() - begun,
                )
            )
            return document

        with steps() as on_step:
            write_scores(
                output,
                snapshots,
                stored,
                quarantine=table.quarantine(),
                build_manifest=build_manifest,
                explain=_names_of(table) if explain else None,
                classes_known=knows_class_1(table.frames()["holdings"]) if isinstance(table, Bank) else None,
                n_threads=n_threads or 0,
                on_rows=_counting(on_step),
            )
    return document


@contextmanager
def _open(
    data: Path,
    stored: StoredModel,
    config: Config,
    as_of: dt.date | None,
    data_end: dt.date | None,
    n_threads: int | None,
) -> Iterator[tuple[Bank | FlatTable, Iterator[Snapshot], int]]:
    """Give the checked input, its partitions, and the number of usable customers."""
    flat = config.flat or flat_of_model(stored)
    if flat is None or data.is_dir():
        with _open_tables(data, stored, config, as_of, data_end, n_threads) as opened:
            yield opened
        return
    with _open_file(data, stored, flat, as_of, n_threads) as opened_file:
        yield opened_file


@contextmanager
def _open_tables(
    data: Path,
    stored: StoredModel,
    config: Config,
    as_of: dt.date | None,
    data_end: dt.date | None,
    n_threads: int | None,
) -> Iterator[tuple[Bank, Iterator[Snapshot], int]]:
    if flat_of_model(stored):
        raise DataError(f"{data}: the model was trained on a flat file; give such a file, not a folder")
    if as_of is None:
        raise TimeRangeError("--as-of is missing; give the date to score at")
    require_same_static(stored, config)
    with open_bank(data, config, data_end=data_end, n_threads=n_threads) as bank:
        yield bank, scored_snapshots(bank, as_of), bank.row_counts["customers"].used


@contextmanager
def _open_file(
    data: Path, stored: StoredModel, flat: FlatFile, as_of: dt.date | None, n_threads: int | None
) -> Iterator[tuple[FlatTable, Iterator[Snapshot], int]]:
    if as_of is not None:
        raise TimeRangeError("--as-of: a flat file has no time; leave --as-of out")
    with open_flat(data, flat, kinds=kinds_of_model(stored), needs_label=False, n_threads=n_threads) as table:
        yield table, flat_snapshots(table), table.row_count.used


def _names_of(table: Bank | FlatTable) -> Config:
    """Return the configuration that names the services of the input."""
    return table.config if isinstance(table, Bank) else Config(flat=table.flat)


def _counting(on_step: Callable[[str], None]) -> Callable[[int], None]:
    done = 0

    def on_rows(rows: int) -> None:
        nonlocal done
        done += rows
        on_step(f"{done:,} customers scored")

    return on_rows


def count_bands(scores: Path) -> dict[str, int]:
    """Count the customers of each risk band in a scores file."""
    bands = pq.read_table(scores, columns=["risk_band"])["risk_band"].to_pylist()
    return dict(Counter(bands))
