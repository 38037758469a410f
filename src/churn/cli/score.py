"""`churn score`."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq

from churn.cli.console import note, print_json, show_notes, steps
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
from churn.config import Config, read_config
from churn.data import open_data
from churn.files import require_apart, require_writable_file
from churn.model.storage import StoredModel, read_model
from churn.scoring import Scored, companions, require_form, scores_manifest, write_scores


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
    with (
        open_data(
            data, config, stored, as_of=as_of, use="score", labels="unread", data_end=data_end, n_threads=n_threads
        ) as opened,
        steps() as on_step,
    ):
        require_apart((output, *companions(output)), opened.paths)
        show_notes(opened.notes())
        facts = opened.input_facts()

        def build_manifest(scored: Scored) -> dict[str, Any]:
            document.update(
                scores_manifest(
                    scored,
                    stored,
                    as_of=as_of,
                    **facts,
                    outside_population=opened.n_customers - scored.rows,
                    quarantined=sum(counts["quarantined"] for counts in facts["row_counts"].values()),
                    duration_seconds=time.monotonic() - begun,
                )
            )
            return document

        write_scores(
            output,
            opened.partitions(as_of),
            stored,
            quarantine=opened.quarantine(),
            build_manifest=build_manifest,
            explain=opened.catalogue if explain else None,
            classes_known=opened.classes_known if explain else None,
            on_rows=_counting(on_step),
        )
    return document


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
